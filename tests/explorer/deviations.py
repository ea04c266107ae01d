"""What can go otherwise than well, in one second of a run. Each has a name, by which a story is told again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from tests.explorer.node import Node
from tests.explorer.parts import UNREADABLE
from tests.explorer.search import Deviation
from tests.explorer.world import World
from tests.support.builders import CLUSTER
from understudy.domain.cluster.state import PowerReading

A, B = "node-a", "node-b"
BOTH = (A, B)
NONSENSE = '{"boot": ["nonsense"], "lease_end_ms": "nonsense"}'


def blowing(kind: str, node: str, for_s: int, level: int = 1) -> Deviation:
    """Weather at one node."""
    words = f"{node}: {kind} for {for_s} s" + (f", by {level}" if level != 1 else "")
    return Deviation(
        words, lambda world: world.blow(kind, node, for_s, level), lambda world: not world.blows(kind, node)
    )


def at_node(
    words: str, node: str, do: Callable[[Node], object], can: Callable[[Node], bool] | None = None
) -> Deviation:
    """Something that is done to one node, while it is on."""

    def able(world: World) -> bool:
        there = world.node(node)
        return there.is_on and there.frozen_until_ms is None and (can is None or can(there))

    def done(world: World) -> None:
        do(world.node(node))

    return Deviation(f"{node}: {words}", done, able)


def asking(words: str, **request: Any) -> Deviation:
    """A person starts an execution."""
    return Deviation(f"a person asks for a {words}", lambda world: world.ask(**request), lambda world: world.asked < 2)


# --- beats and reads ---------------------------------------------------------------------------


def beats(node: str) -> list[Deviation]:
    return [
        blowing("beats_lost", node, 1),
        blowing("beats_lost", node, 9),
        blowing("beats_lost", node, 22),
        blowing("no_send", node, 9),
        blowing("no_send", node, 30),
        blowing("beats_late", node, 1, 3),
        blowing("beats_late", node, 5, 14),
        blowing("beats_ingested_late", node, 1, 6),
        blowing("beats_ingested_late", node, 5, 12),
        blowing("beats_doubled", node, 1, 7),
        blowing("beats_doubled", node, 5, 20),
        Deviation(f"{node}: an urgent beat", _beat_now, lambda world: world.node(node).agent is not None),
    ]


def _beat_now(world: World) -> None:
    for node in world.nodes:
        if node.agent is not None and node.is_on and node.frozen_until_ms is None:
            node.agent._news = True
            node.wake(world.ms)


def reads(node: str) -> list[Deviation]:
    return [
        blowing("no_read", node, 1),
        blowing("no_read", node, 7),
        blowing("no_read", node, 30),
        blowing("read_late", node, 1, 3),
        blowing("read_late", node, 1, 9),
        blowing("read_late", node, 9, 14),
        blowing("old_reads", node, 1, 3),
        blowing("old_reads", node, 4, 9),
    ]


def cut_off(node: str) -> list[Deviation]:
    return [blowing("cut", node, for_s) for for_s in (9, 16, 40)]


def slow_looks(node: str) -> Deviation:
    return blowing("slow_looks", node, 12)


# --- agents and machines -----------------------------------------------------------------------


def agent_dies(node: str, back_s: int, files: str = "", content: str | None = None) -> Deviation:
    """With its runtime files as they are, or one of them lost or spoilt: those whose name begins with `files`."""
    spoilt = {None: "", UNREADABLE: f", {files} unreadable", NONSENSE: f", {files} nonsense"}
    words = f"the agent dies for {back_s} s" + (f", without {files}" if files and content is None else spoilt[content])

    def do(there: Node) -> None:
        there.kill_agent(back_s * 1000)
        for name in [each for each in there.files if files and files in each]:
            if content is None:
                del there.files[name]
            else:
                there.files[name] = content

    def can(there: Node) -> bool:
        return there.agent is not None and (not files or any(files in each for each in there.files))

    return at_node(words, node, do, can)


def agents(node: str, files: tuple[str, ...] = ("lease", "promises", "placed", "tries")) -> list[Deviation]:
    found = [agent_dies(node, back_s) for back_s in (1, 8)]
    for name in files:
        found += [agent_dies(node, 1, name, content) for content in (None, UNREADABLE, NONSENSE)]
    return found


def services_die(node: str) -> Deviation:
    def end(there: Node) -> None:
        for process in there.processes.values():
            process.ends_ms = there.now_ms()
        there.wake(there.world.ms)

    return at_node("its services end by themselves", node, end, lambda there: there.runs())


def reboots(node: str) -> list[Deviation]:
    def enabled(there: Node) -> None:
        there.comes_up_by_itself = True
        there.power_off(3000)

    def by_hand(there: Node) -> None:
        there.start_by_hand()
        there.wake(there.world.ms)

    return [
        at_node("reboots", node, lambda there: there.power_off(3000)),
        at_node("reboots, and its services come up", node, enabled),
        at_node("somebody starts its services", node, by_hand, lambda there: not there.runs()),
        at_node("its host dies", node, lambda there: there.power_off(None)),
    ]


def dies_and_comes_up(node: str, after_s: int) -> Deviation:
    def enabled(there: Node) -> None:
        there.comes_up_by_itself = True
        there.power_off(after_s * 1000)

    return at_node(f"is off for {after_s} s, and its services come up", node, enabled)


def comes_up_anew(node: str, after_s: int = 3) -> Deviation:
    def enabled(there: Node) -> None:
        there.comes_up_by_itself = True
        there.forget()
        there.power_off(after_s * 1000)

    return at_node(f"is off for {after_s} s, and comes up with its services and a new disk", node, enabled)


def freezes(node: str) -> list[Deviation]:
    frozen = [at_node(f"freezes for {for_s} s", node, partial(_freeze, for_s=for_s)) for for_s in (4, 13, 26)]
    return [*frozen, at_node("the agent hangs for 1 s", node, lambda there: there.hang(1000))]


def _freeze(node: Node, for_s: int) -> None:
    node.freeze(for_s * 1000)


# --- the controller, and people ----------------------------------------------------------------

STEP_FAULTS = (
    "dies before it begins",
    "dies after its first write",
    "dies before it answers",
    "stall 2",
    "stall 9",
    "stall 17",
)


def steps() -> list[Deviation]:
    def setting(fault: str) -> Callable[[World], None]:
        return lambda world: setattr(world, "step_fault", fault)

    def is_due(world: World) -> bool:
        return any(each.due_ms < world.ms + 1000 for each in world.runs_under_way)

    found = [Deviation(f"the step {fault}", setting(fault), is_due) for fault in STEP_FAULTS]
    return [*found, Deviation("the execution is lost", _lose_run, lambda world: bool(world.runs_under_way))]


def _lose_run(world: World) -> None:
    world.ends(world.runs_under_way[0])


def people() -> list[Deviation]:
    return [
        asking("switchover", action="switchover"),
        asking("switchover to node-a", action="switchover", to=A),
        asking("failover", action="failover"),
        asking("hold", action="hold", for_s=60),
        asking("resume", action="resume"),
    ]


def unproven() -> Deviation:
    return asking("failover, without a proof if need be", action="failover", unproven="proceed", reason="it is dead")


# --- definitions, tables -----------------------------------------------------------------------


def definition_changes(words: str, **changes: Any) -> Deviation:
    return Deviation(f"the definition changes: {words}", lambda world: world.put_definition(**changes))


def backup() -> list[Deviation]:
    return [
        Deviation("a backup of the table is put back", _restore, _has_older),
        Deviation(
            "a backup of the table is put back, and the definition is put again", _restore_and_register, _has_older
        ),
        Deviation(
            "the cluster is retired, and registered again", _register_again, lambda world: world.state is not None
        ),
    ]


def _has_older(world: World) -> bool:
    return world.backup is not None and world.state is not None and world.state.epoch > world.backup.epoch


def _restore(world: World) -> None:
    assert world.backup is not None
    world.is_restoring = True
    world.table.put_state(replace(world.backup, revision=world.table.state(CLUSTER).revision + 1))
    world.is_restoring = False
    world.runs_under_way.clear()


def _restore_and_register(world: World) -> None:
    _restore(world)
    world.put_definition(tuning={"ROUTE53_TTL": 11})


def _register_again(world: World) -> None:
    world.backup = None
    for key in [each for each in world.table.items if each[0] == CLUSTER]:
        del world.table.items[key]
    world.runs_under_way.clear()
    world.put_definition(tuning={"ROUTE53_TTL": 12})


# --- EC2, messages, lies -----------------------------------------------------------------------


def ec2(node: str) -> list[Deviation]:
    def stops(there: Node) -> None:
        there.power_off(None)
        there.world.ec2.says(there, PowerReading.STOPPED)

    def starts_again(world: World) -> None:
        there = world.node(node)
        world.ec2.says(there, PowerReading.RUNNING)
        there.power_on()

    return [
        blowing("ec2_word_lost", node, 60),
        blowing("ec2_word_late", node, 60, 20),
        at_node("is stopped, and EC2 says so", node, stops),
        Deviation(f"{node}: is started again", starts_again, lambda world: not world.node(node).is_on),
    ]


def aws_is_dead(for_s: int) -> Deviation:
    return Deviation(f"AWS is dead for {for_s} s", lambda world: world.blow("aws_dead", "", for_s))


def messages(node: str) -> list[Deviation]:
    return [
        blowing("messages_lost", node, 3),
        blowing("messages_lost", node, 30),
        blowing("messages_late", node, 10, 5),
        blowing("messages_late", node, 10, 14),
        Deviation(f"{node}: what it sent last comes again", partial(_replay, node=node), partial(_has_sent, node=node)),
    ]


def _has_sent(world: World, node: str) -> bool:
    return any(each[0] == node for each in world.bus.sealed)


def _replay(world: World, node: str) -> None:
    for sender, there, data in world.bus.sealed:
        if sender == node:
            world.bus.send_again(sender, there, data)


def lies(node: str) -> list[Deviation]:
    def beating(**said: Any) -> Callable[[World], None]:
        return partial(_lie, node=node, said=said)

    whole = 10**15
    made = {
        "beat 10^15": beating(beat=whole),
        "beat 10^15 - 1": beating(beat=whole - 1),
        "beat 10^12 - 1": beating(beat=10**12 - 1),
        "read_epoch 10^15 - 1": beating(read_epoch=whole - 1),
        "read_epoch 10^9 - 1": beating(read_epoch=10**9 - 1),
        "knows 10^15": beating(knows=whole),
        "knows 10^15 - 1": beating(knows=whole - 1),
        "no lease, in service": beating(keeps_lease=False, services={"postgresql": "IN_SERVICE"}),
        "another boot": beating(boot="another-boot"),
    }
    return [
        Deviation(f"{node}: its beats lie: {words}", do, lambda world: not world.lies) for words, do in made.items()
    ]


def _lie(world: World, node: str, said: dict[str, Any]) -> None:
    world.lies[node] = said
    world.watches.liar = node
    world.tell(node, f"its beats say {said}")
    _beat_now(world)
