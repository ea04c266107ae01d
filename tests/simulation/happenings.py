"""What a fault does when it begins and when it ends.

A kind that is not here only blows: actors ask the weather for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.aws import iso
from tests.simulation.plan import TUNINGS, Fault
from tests.simulation.rebuilding import register_again
from tests.simulation.strange_beats import beat_by_hand, beat_no_more_by_hand, lie
from tests.support.builders import ADDRESS_A, ADDRESS_B, RECORD
from understudy.domain.cluster.record import RecordSet
from understudy.domain.cluster.state import Alarm, PowerReading
from understudy.usecases.observe.receive_signal import ALARM_STATE

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

Deed = Callable[["World", Fault], None]


def _machine(world: World, fault: Fault) -> Machine:
    return world.machines[fault.node]


def _die(world: World, fault: Fault) -> None:
    _machine(world, fault).power_off("its host died, and EC2 does not say so")


def come_back(world: World, fault: Fault) -> None:
    """A machine that is off boots again, and EC2 says so if it had said something else."""
    _machine(world, fault).start()


def _stop_instance(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    if not machine.is_on or world.ec2.powers[machine.spec.instance_id] is not PowerReading.RUNNING:
        return
    if machine.agent is not None and fault.pick % 2:
        machine.agent.ask_to_stop()
    world.ec2.turn_off(machine, 1 + fault.level * 18, "its instance was stopped")


def _reboot(world: World, fault: Fault) -> None:
    _machine(world, fault).power_off("it reboots")


def _agent_dies(world: World, fault: Fault) -> None:
    _machine(world, fault).kill_agent("it crashed")


def _agent_is_stopped(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    if machine.is_on and machine.agent is not None:
        world.story.tell(machine.name, "the agent is asked to stop")
        machine.agent.ask_to_stop()


def _agent_comes_back(world: World, fault: Fault) -> None:
    _machine(world, fault).start_agent()


def _service_breaks(world: World, fault: Fault) -> None:
    _machine(world, fault).is_broken["start"] = True


def _service_is_mended(world: World, fault: Fault) -> None:
    _machine(world, fault).is_broken["start"] = False


def _service_dies(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    machine.workload.crash(fault.pick, machine.now_ms())


def _break_files(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    if not machine.is_on:
        return
    is_before = fault.pick // 48 % 2
    if is_before:
        machine.break_a_file(fault.pick)
    machine.kill_agent("it crashed, and files of it are not as it left them")
    if not is_before:
        machine.break_a_file(fault.pick)


def _files_are_well(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    if machine.is_on:
        machine.open_its_files()
        machine.start_agent()


def _start_by_hand(world: World, fault: Fault) -> None:
    _machine(world, fault).run_by_itself("somebody starts them by hand")


def _put_another_file(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    names = dict(machine.file)
    if not names:
        return
    wrong = list(names)[fault.pick // 3 % len(names)]
    if fault.pick % 3 == 0 and len(names) > 1:
        del names[wrong]
    elif fault.pick % 3 == 2:
        names.clear()
    else:
        names = {"another" if name == wrong else name: real for name, real in names.items()}
    machine.put_file(names, in_order=fault.pick // 6 % 2 == 0)


def _put_the_right_file(world: World, fault: Fault) -> None:
    machine = _machine(world, fault)
    right = {name: name for name in machine.workload.processes}
    if machine.file != right:
        machine.put_file(right, in_order=fault.pick // 12 % 2 == 0)


def _ring(value: str) -> Deed:
    def deed(world: World, fault: Fault) -> None:
        name = f"{_machine(world, fault).name}-alarm"
        world.alarms.known[name] = Alarm(value == "ALARM", int(world.clock.now_s))
        detail = {"alarmName": name, "state": {"value": value}}
        world.bus.signal({"detail-type": ALARM_STATE, "time": iso(world.clock.now_s), "detail": detail})

    return deed


def _ask(action: str) -> Deed:
    def deed(world: World, fault: Fault) -> None:
        target = {"to": _machine(world, fault).name} if fault.pick % 2 else {}
        request = {"cluster": world.cluster, "action": action, **target}
        world.execute(f"manual-{fault.number}", request)

    return deed


def _ask_in_other_words(world: World, fault: Fault) -> None:
    """A person answers for it that the old node is off, or copies what the controller asks for."""
    words: tuple[dict[str, str], ...] = (
        {"action": "failover", "unproven": "proceed"},
        {"action": "switchover", "to": _machine(world, fault).name, "unproven": "proceed"},
        {"action": "switchover", "to": _machine(world, fault).name, "rule": "drill-due"},
        {"action": "failover", "rule": "active-is-silent", "why": "as the controller says it"},
        {"action": "failback", "rule": "failback-is-due"},
    )
    world.execute(f"manual-{fault.number}", {"cluster": world.cluster, **words[fault.pick % len(words)]})


def _hold(world: World, fault: Fault) -> None:
    expiry = {"for_s": 60 + int(fault.level * 60)} if fault.pick % 3 else {}
    world.execute(f"manual-{fault.number}", {"cluster": world.cluster, "action": "hold", **expiry})


def resume(world: World, fault: Fault) -> None:
    """An operator lets the cluster move by itself again."""
    world.execute(f"manual-{fault.number}", {"cluster": world.cluster, "action": "resume"})


def _change_definition(world: World, fault: Fault) -> None:
    world.put_definition(fault.pick % len(world.plan.policies), fault.pick // 7 % len(TUNINGS), shift=fault.pick // 3)


def _change_tuning(world: World, fault: Fault) -> None:
    lines = "\n".join(f"{key}={value}" for key, value in TUNINGS[fault.pick % len(TUNINGS)].items())
    world.put_text(world.parameters.put_tuning(f"# {fault.number}\n{lines}\n"))


def _join(world: World, fault: Fault) -> None:
    world.let_the_last_node(be_member=True)


def _leave(world: World, fault: Fault) -> None:
    world.let_the_last_node(be_member=False)


def _join_again(world: World, fault: Fault) -> None:
    if fault.pick % 2:
        world.let_the_last_node(be_member=True)


def _drift(world: World, fault: Fault) -> None:
    value = (ADDRESS_A, ADDRESS_B, "10.9.9.9")[fault.pick % 3]
    world.story.tell("somebody", f"sets the record to {value}")
    world.zone.put(RECORD, RecordSet(RECORD.name, RECORD.type, 60, (value,)))


def _drain(world: World, fault: Fault) -> None:
    if not world.weather.of("pipeline_down"):
        world.bus.drain()


def _restore_the_table(world: World, fault: Fault) -> None:
    world.ledger.restore(fault.level * 60)
    if fault.pick % 2:
        world.clock.after(1 + fault.pick % 5, lambda: _change_definition(world, fault))


BEGINS: dict[str, Deed] = {
    "node_dies": _die,
    "node_is_stopped": _stop_instance,
    "node_reboots": _reboot,
    "machine_freezes": lambda world, fault: _machine(world, fault).freeze(),
    "agent_dies": _agent_dies,
    "agent_is_stopped": _agent_is_stopped,
    "service_breaks": _service_breaks,
    "service_dies": _service_dies,
    "files_break": _break_files,
    "started_by_hand": _start_by_hand,
    "file_differs": _put_another_file,
    "home_made_beats": beat_by_hand,
    "lying_beat": lie,
    "alarm_rings": _ring("ALARM"),
    "switchover": _ask("switchover"),
    "failback": _ask("failback"),
    "failover_by_hand": _ask("failover"),
    "asked_in_other_words": _ask_in_other_words,
    "definition_changes": _change_definition,
    "member_joins": _join,
    "member_leaves": _leave,
    "tuning_changes": _change_tuning,
    "record_drifts": _drift,
    "table_restored": _restore_the_table,
    "registered_again": register_again,
    "hold": _hold,
    "resume": resume,
}
ENDS: dict[str, Deed] = {
    "node_dies": come_back,
    "node_is_stopped": come_back,
    "node_reboots": come_back,
    "machine_freezes": lambda world, fault: _machine(world, fault).thaw(),
    "agent_dies": _agent_comes_back,
    "agent_is_stopped": _agent_comes_back,
    "service_breaks": _service_is_mended,
    "files_break": _files_are_well,
    "file_differs": _put_the_right_file,
    "home_made_beats": beat_no_more_by_hand,
    "alarm_rings": _ring("OK"),
    "member_leaves": _join_again,
    "pipeline_down": _drain,
}
