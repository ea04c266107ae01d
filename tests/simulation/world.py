"""One cluster under one seed: the real use cases, the real workflow definition, the real agent loop, and chance."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.simulation import answers, invariants
from tests.simulation.aws import Bus, RunningLauncher, WatchedLedger, WatchedZone, drive, task
from tests.simulation.balancer import TARGET_GROUP, Balancer
from tests.simulation.bound import DELIVERY_S, quiet_bound_s
from tests.simulation.ec2 import PoweringNodes
from tests.simulation.failed_starts import Start
from tests.simulation.functions import FunctionDied, Functions
from tests.simulation.happenings import BEGINS, ENDS, come_back, resume
from tests.simulation.network import Network
from tests.simulation.node import Machine
from tests.simulation.plan import TUNINGS, Fault, Plan, timing
from tests.simulation.reading import Reading
from tests.simulation.rebuilding import rebuild
from tests.simulation.scheduler import Scheduler
from tests.simulation.story import Story
from tests.simulation.weather import Weather
from tests.simulation.workload import DATA, POSTGRESQL
from tests.support.agent_disk import Disk, files_in_memory
from tests.support.asl_definition import Definition as WorkflowDefinition
from tests.support.asl_runner import Execution, Status
from tests.support.builders import CLUSTER, HOSTS, NOW, RECORD, SPECS, WITNESS_C
from tests.support.drills import a_drill_master
from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.keys import FakeKeys
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.queue import FakeQuestions, FakeQueue, a_budget
from tests.support.fakes.scaling import a_releaser
from understudy.definition import read_definition
from understudy.domain.batching.rate_limits import Purpose
from understudy.domain.cluster.definition import Role
from understudy.domain.cluster.record import RecordSet, read_guard
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.rules import Action, Decision
from understudy.domain.decide.situation import Observer
from understudy.domain.events.addresses import RecordGuarded
from understudy.domain.watch.drift import RecordStatus
from understudy.ports.parameters import ParameterText
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.shared_changes import SharedChanges
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.receive_signal import receive_signal
from understudy.usecases.observe.record_heartbeat import RECORDED, record_heartbeat
from understudy.usecases.register.cluster import Registrar
from understudy.usecases.register.tuning import register_tuning
from understudy.usecases.step import definition_in_force
from understudy.usecases.transition.await_service import await_service
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.close_transition import close_transition
from understudy.usecases.transition.fence_node import fence_node
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.grant_lease import grant_lease
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.network_movers import LoadBalancerMover
from understudy.usecases.transition.open_transition import open_transition
from understudy.usecases.transition.record_mover import RecordMover
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch
from understudy_agent import table

WORKFLOW = WorkflowDefinition.load(Path("statemachine/transition.asl.json"))
STACK = "understudy"
WATCH_EVERY_S = 60.0
STAYS_WELL_S = 25.0
REBUILT_AFTER_S = 300.0
LOOKS_INTO_IT_S = 60.0
"""When an operator who has been called because two say that they serve has found out what is to be done."""
LOOK_EVERY_S = 5.0
FIRST_RESUME = 900
"""The operator's requests at the end have numbers that no fault has."""


class World:
    """Build it from a plan, then `run()`: it returns when all held, and raises Violation when something did not."""

    cluster = CLUSTER
    moved_twice = 0  # told of crowds only

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.setting = plan.setting
        self.hosts = HOSTS if plan.setting.quorum == "tcp_remote" else ()
        self.excuses_thaw = any("lease_expired" in _accepted(policy) for policy in plan.policies)
        self.waits_at_most_s = 1.9 + 2 + 1.01 * max(_promised_s(policy) for policy in plan.policies)
        """How long a node waits for what it has promised: promise_s, 1 % and LATE_MS, and until its agent ticks."""
        self.silence_limit_s = max(timing(policy, "silence_limit_s") for policy in plan.policies)
        self.longest_lease_s = max(timing(policy, "lease_s") for policy in plan.policies)
        self.names_by_beat: dict[tuple[str, str, int], frozenset[str]] = {}
        """Which services a recorded beat has named, by instance, boot and number."""
        self.fit_by_beat: dict[tuple[str, str, int], int | bool | None] = {}
        """How fit a recorded beat has said that its sender is, by instance, boot and number."""
        self.failed_starts: dict[str, Start] = {}
        """Which nodes have failed to start the service and have given no reason to forget it (instance ids)."""
        self.passed_over: set[str] = set()
        """Nodes that were passed over without a proof, and have not been down since (instance ids)."""
        self.two_say_so_s: float | None = None
        """Since when two nodes say that they serve, with nobody called, and nothing to keep it from that."""
        self.went_unproven = False
        self.served_beside = False
        self._put: tuple[int, int, int] = (plan.policy, plan.tuning, 0)
        self._is_complete = not plan.setting.has_latecomer
        self.is_calm = False
        self._resumes = FIRST_RESUME
        self._asked_s = 0.0
        self.clock = Scheduler(NOW)
        self.clock.after_each = self._check
        self.story = Story(self.clock)
        self.weather = Weather()
        self.rng = Random(f"{plan.seed}/run")
        self.functions = Functions(self.clock, self.weather, self.story, self._chance("functions"))
        self.bus = Bus(self, self._chance("bus"))
        self.ledger, self.zone = WatchedLedger(self), WatchedZone(self)
        self.ec2 = PoweringNodes(self, self._chance("ec2"))
        self.parameters, self.announcer, self.keys = FakeParameters(), FakeAnnouncer(), FakeKeys()
        self.alarms = FakeAlarms()
        self.launcher = RunningLauncher(self)
        self.executions: list[Execution] = []
        self.network = Network(self, self._chance("network"))
        names = (DATA, POSTGRESQL)
        self.services = names[-(plan.setting.services or self._chance("services").choice((1, 2))) :]
        self.disk = Disk()
        specs = (*SPECS[:2], WITNESS_C) if plan.setting.has_witness else SPECS[: plan.members]
        self.machines = [Machine(self, number, spec, self._chance(spec.name)) for number, spec in enumerate(specs)]
        self.balancer = Balancer(self, self._chance("balancer"))
        self.reading = Reading()
        self._join()

    def _chance(self, whose: str) -> Random:
        """Each actor has dice of its own, so that a fault left out changes as little as possible elsewhere."""
        return Random(f"{self.plan.seed}/{whose}")

    def _join(self) -> None:
        port = self.functions.port
        ledger, zone, nodes = port("ledger", self.ledger), port("zone", self.zone), port("nodes", self.ec2)
        announcer, launcher = port("announcer", self.announcer), port("launcher", self.launcher)
        network, parameters = port("network", FakeNetwork()), port("parameters", self.parameters)
        judge = _TellingJudge(self.story, ledger, launcher, announcer, self.clock)
        heard: dict[str, Any] = {"beats": ledger, "ledger": ledger, "judge": judge, "clock": self.clock}
        self._record_heartbeat: Callable[[Any], str] = partial(record_heartbeat, **heard)
        self._receive_signal: Callable[[Any], object] = partial(
            receive_signal, index=ledger, releaser=a_releaser(ledger, self.clock), **heard
        )
        register = Registrar(
            registry=ledger,
            records=zone,
            zones=zone,
            network=network,
            power=nodes.power,
            keys=self.keys,
            read_definition=lambda text, version: read_definition(text, version, nodes),
            announcer=announcer,
            clock=self.clock,
            stack=STACK,
            may_stop=True,
        ).register
        tune = partial(register_tuning, registry=ledger, announcer=announcer)
        self._register = lambda text: tune(text) if text.is_tuning else register(text)
        queue = FakeQueue(ledger)
        group = GroupCommit(zone, queue, self.clock, self.clock.pass_time, STACK, a_budget(self.clock))
        follower = ChangeFollower(
            zone,
            SharedChanges(zone, FakeQuestions(), self.clock, a_budget(self.clock, Purpose.POLLS)),
            zone,
            self.clock,
            STACK,
        )
        monitor = RecordMonitor(ledger, zone, announcer, self.clock, self.clock.pass_time, STACK)
        self._watch = ClusterWatch(
            nodes=nodes,
            alarms=self.alarms,
            index=ledger,
            parameters=parameters,
            follower=follower,
            network=network,
            announcer=announcer,
            register=self._register,
            drills=a_drill_master(ledger, launcher, announcer, self.clock),
            monitor=monitor,
            balancers=self.balancer,
            **heard,
        ).run
        step: dict[str, Any] = {"ledger": ledger, "clock": self.clock}
        tasks = {
            "open_transition": partial(open_transition, announcer=announcer, **step),
            "fence_node": partial(fence_node, nodes=nodes, **step),
            "move_address": partial(
                move_address,
                movers=(RecordMover(zone, group), LoadBalancerMover()),
                announcer=announcer,
                stack=STACK,
                **step,
            ),
            "grant_lease": partial(grant_lease, **step),
            "await_service": partial(await_service, **step),
            "check_change": partial(check_change, ledger=ledger, follower=follower),
            "close_transition": partial(close_transition, announcer=announcer, **step),
        }
        self._handlers = {name: task(self, name, work) for name, work in tasks.items()}

    def _check(self) -> None:
        invariants.at_most_one_node_serves(self)
        answers.at_most_one_says_serving(self)
        if self.setting.has_balancer:
            state = self.ledger.items.get((CLUSTER, "state"))
            self.balancer.after_an_event(state, definition_in_force(self.ledger, state) if state else None)

    # --- what the actors ask of each other ------------------------------------------------------

    def since_begin_s(self) -> float:
        """Seconds since the beginning, as faults count them."""
        return self.clock.now_s - NOW

    def machine_of(self, instance_id: str) -> Machine:
        return next(machine for machine in self.machines if machine.spec.instance_id == instance_id)

    def record_value(self) -> str | None:
        record = self.zone.read(RECORD).record
        return record.values[0] if record else None

    def table_seen_from(self, machine: Machine) -> Mapping[str, Any] | None:
        """What a node's read of the state answers. Raises when the node cannot reach the table."""
        if not machine.can_read():
            raise ConnectionError("DynamoDB does not answer")
        state: ClusterState | None = self.ledger.items.get((CLUSTER, "state"))
        old = self.weather.at_node("old_reads", machine.number)
        if old is not None and machine.rng.random() < 0.5:
            state = self._older(state, machine, old)
            machine.note_disturbance()
        return self.reading.item(state) if state is not None else None

    def _older(self, state: ClusterState | None, machine: Machine, old: Fault) -> ClusterState | None:
        """The state as it was some seconds ago, but not before this agent's first read: see docs/simulation.md."""
        since_s = max(self.clock.now_s - 1 - old.level * 10, machine.agent_since_s)
        return next((past for at_s, past in self.ledger.past if at_s >= since_s), state)

    def heartbeat_arrives(self, event: Mapping[str, Any], sent_s: float) -> bool:
        """Whether it was recorded. EventBridge does not try again: an old beat is worth nothing."""
        machine, detail = self.machine_of(event["source"].rpartition("/")[2]), event["detail"]
        services = detail.get("services", {})
        self.names_by_beat[(machine.spec.instance_id, detail["boot"], detail["beat"])] = frozenset(services)
        self.fit_by_beat[(machine.spec.instance_id, detail["boot"], detail["beat"])] = detail.get("fit")
        is_recorded = bool(self._invoke("record_heartbeat", lambda: self._record_heartbeat(event)) == RECORDED)
        if is_recorded and set(services.values()) == {"OUT_OF_SERVICE"}:
            machine.said_down_s = self.clock.now_s
        elif is_recorded and services and machine.told_s < (machine.by_itself_s or 0) <= sent_s:
            machine.told_s = self.clock.now_s
        return is_recorded

    def signal_arrives(self, event: Mapping[str, Any], tries: int = 3) -> None:
        """EC2's or CloudWatch's word; a function that breaks is tried again after one minute, and after two."""
        self.story.tell("bus", f"delivers {event['detail']}")
        if self._invoke("receive_signal", lambda: self._receive_signal(event)) is _BROKEN and tries > 1:
            self.clock.after(60 * (4 - tries), lambda: self.signal_arrives(event, tries - 1))

    def put_definition(self, policy: int, tuning: int, *, shift: int = 0) -> None:
        """What an operator does. `shift` turns the priorities round."""
        self._put = policy, tuning, shift
        members = [each.spec for each in (self.machines if self._is_complete else self.machines[:-1])]
        nodes = [
            {
                "name": spec.name,
                "instance_id": spec.instance_id,
                "alarms": [f"{spec.name}-alarm"],
                **(
                    {"role": "witness"}
                    if spec.role is Role.WITNESS
                    else {"priority": 1 + (number + shift) % len(members)}
                ),
            }
            for number, spec in enumerate(members)
        ]
        quorum: dict[str, Any] = {"mode": self.setting.quorum or "none"}
        if self.hosts:
            quorum |= {"hosts": list(self.hosts)}
        record = {"kind": "route53_record", "hosted_zone_id": RECORD.hosted_zone_id, "name": RECORD.name, "type": "A"}
        balancer = {"kind": "load_balancer", "target_group_arn": TARGET_GROUP}
        document = {
            "nodes": nodes,
            "addresses": [record] * self.setting.has_record + [balancer] * self.setting.has_balancer,
            "services": [{"name": name} for name in self.services],
            "policy": {**self.plan.policies[policy], "max_failovers": {"count": 100, "window_s": 3600}},
            "tuning": TUNINGS[tuning],
            "quorum": quorum,
        }
        self.story.tell("operator", f"puts the definition: policy {policy}, tuning {tuning}, priorities by {shift}")
        self.put_text(self.parameters.put(CLUSTER, json.dumps(document)))

    def put_definition_again(self) -> None:
        """The definition as it was put last."""
        policy, tuning, shift = self._put
        self.put_definition(policy, tuning, shift=shift)

    def let_the_last_node(self, *, be_member: bool) -> None:
        """An operator adds the last node to the definition as it was put last, or takes it out.

        One that serves, may serve or is to serve cannot be taken out: then the definition in force stays.
        """
        if self._is_complete is not be_member:
            self._is_complete = be_member
            self.put_definition_again()

    def put_text(self, text: ParameterText) -> None:
        """A parameter was put, and an event tells of it; should that be lost, the watch finds it."""
        if not self.weather.of("ec2_signals_lost"):
            self.clock.after(0.5, lambda: self._invoke("register_cluster", lambda: self._register(text)))

    def execute(self, name: str, request: Mapping[str, Any]) -> None:
        """Start an execution of the real definition."""
        self.story.tell(name, f"starts: {dict(request)}")
        execution = Execution(WORKFLOW, self._handlers, request, clock=self.clock, name=name)
        self.executions.append(execution)
        drive(self, execution)

    def tell_of(self, before: ClusterState, after: ClusterState) -> None:
        """What a write has changed that a reader of the story wants to know."""
        if before.epoch != after.epoch or before.active != after.active:
            holder = self.machine_of(after.active).name if after.active else "nobody"
            self.story.tell("table", f"epoch {after.epoch}, active {holder}, previous {after.previous}")
        if before.hold != after.hold:
            self.story.tell("table", f"hold: {after.hold}")

    def _invoke(self, function: str, work: Any) -> Any:
        try:
            return self.functions.run(function, work)
        except FunctionDied:
            return _BROKEN
        except Exception as fault:
            self.story.tell(function, f"raises {type(fault).__name__}: {fault}")
            return _BROKEN

    # --- the run --------------------------------------------------------------------------------

    def run(self) -> None:
        """Let the faults happen, let them end, and wait until all is well. Raises Violation."""
        logging.disable(logging.CRITICAL)
        try:
            with (
                files_in_memory(),
                patch.object(table, "parse_state", self.reading.parse),
            ):
                self._begin()
                self.clock.run_until(NOW + self.plan.lasts_s)
                self._calm_down()
                self._wait_until_well()
        finally:
            for machine in self.machines:
                machine.end_processes()
            logging.disable(logging.NOTSET)

    def _begin(self) -> None:
        for machine in self.machines:
            self.ec2.launch_as(machine.spec)
            self.clock.at(NOW + machine.rng.uniform(0, 5), machine.power_on)
        before = self.plan.before
        if before.record is not None:
            address = self.machines[before.record].spec.address
            self.zone.put(RECORD, RecordSet(RECORD.name, RECORD.type, 60, (address,)))
        for number in before.runs_on:
            self.machines[number].power_on(runs_already=True)
        self.put_definition(self.plan.policy, self.plan.tuning)
        if self.setting.has_balancer:
            self.balancer.begin()
        for fault in self.plan.faults:
            self.clock.at(NOW + fault.at_s, partial(self._begin_fault, fault))
            if fault.at_s + fault.for_s < self.plan.lasts_s:
                self.clock.at(NOW + fault.at_s + fault.for_s, partial(self._end_fault, fault))
        self.clock.at(NOW + self.rng.uniform(0, WATCH_EVERY_S), self._minute)

    def _begin_fault(self, fault: Fault) -> None:
        self.story.tell("fault", f"begins: {fault}")
        self.weather.begin(fault)
        if fault.kind in BEGINS:
            BEGINS[fault.kind](self, fault)

    def _end_fault(self, fault: Fault) -> None:
        self.story.tell("fault", f"ends: {fault.kind} #{fault.number}")
        self.weather.spend(fault)
        if fault.kind in ENDS:
            ENDS[fault.kind](self, fault)

    def _minute(self) -> None:
        self.clock.after(WATCH_EVERY_S, self._minute)
        if not (self.weather.of("watch_lost") or self.bus.loses_invocation()):
            self._invoke("watch_clusters", self._watch)

    def _calm_down(self) -> None:
        self.story.tell("fault", "all faults end")
        self.is_calm = True
        self.weather.clear()
        for fault in self.plan.faults:
            if fault.at_s + fault.for_s >= self.plan.lasts_s and fault.kind in ENDS:
                ENDS[fault.kind](self, fault)
        for machine in [machine for machine in self.machines if machine.is_poisoned][1:]:
            machine.power_off("an operator reboots it: the numbers of its beats are taken")
        for machine in self.machines:
            come_back(self, Fault(-1, "", 0, 0, machine.number, 0, 0))
            machine.start_agent()
        self.bus.drain()

    def _end_what_contradicts(self, calm_s: float) -> None:
        """An operator was called: nobody is placed, and more serve than one, or not where the record leads to."""
        state = self.ledger.items.get((CLUSTER, "state"))
        if self.clock.now_s - calm_s < LOOKS_INTO_IT_S or state is None or state.alert is None:
            return
        for machine in self.machines:
            if machine.is_poisoned:
                machine.power_off("an operator stops it by force: no beat of it is recorded")
                self.clock.after(5, machine.start)
        if state.active is not None:
            self._stop_by_hand([each for each in self.machines if each.spec.instance_id != state.active])
            return
        led_to = state.previous.node if state.previous else None
        serving = [each for each in self.machines if each.serves() and each.workload.is_whole(each.now_ms())]
        kept = sorted(serving, key=lambda each: each.spec.instance_id != led_to)[:1]
        self._stop_by_hand([machine for machine in self.machines if machine not in kept])
        if kept and kept[0].spec.instance_id != led_to and len(serving) == 1:
            self._ask_for(kept[0])

    def _rebuild_at_last(self, calm_s: float) -> None:
        """What the documents say of a table that somebody has restored, should it not be well by itself.

        Somebody was called, or told that a guard is newer than the table: then the record is not put right.
        """
        state = self.ledger.items.get((CLUSTER, "state"))
        is_told = (state is not None and state.alert is not None) or self._is_told_of_a_newer_guard()
        if self.ledger.was_restored and self.clock.now_s - calm_s > REBUILT_AFTER_S and state and is_told:
            self.ledger.was_restored = False
            rebuild(self)

    def _is_told_of_a_newer_guard(self) -> bool:
        told = self.announcer.details(RecordGuarded)
        return any(each["standing"] == RecordStatus.NEWER for detail in told for each in detail["records"])

    def _stop_by_hand(self, machines: Sequence[Machine]) -> None:
        for machine in machines:
            if machine.workload.is_untidy(machine.now_ms()):
                self.story.tell("operator", f"stops what runs on {machine.name}, or is left of it, by hand")
                machine.workload.stop(machine.now_ms())

    def _ask_for(self, machine: Machine) -> None:
        """An operator says that a node which serves is to hold the lease, once in a while."""
        if self.clock.now_s >= self._asked_s + LOOKS_INTO_IT_S:
            self._asked_s = self.clock.now_s
            self._resumes += 1
            request = {"cluster": CLUSTER, "action": "switchover", "to": machine.name}
            self.execute(f"manual-{self._resumes}", request)

    def _end_the_hold(self) -> None:
        """An operator looks, and resumes what is held; a hold that was asked for earlier can still arrive later."""
        name, state = f"manual-{self._resumes}", self.ledger.items.get((CLUSTER, "state"))
        is_asked = any(each.name == name and each.status is Status.RUNNING for each in self.executions)
        if state is not None and state.hold is not None and not is_asked:
            self._resumes += 1
            resume(self, Fault(self._resumes, "resume", 0, 0, 0, 0, 0))

    def _wait_until_registered(self) -> None:
        """An operator who was told that the first definition was refused, EC2 not knowing its nodes, puts it again."""
        if (CLUSTER, "state") not in self.ledger.items:
            self.put_definition_again()
        begun_s, end_s = self.clock.now_s, self.clock.now_s + DELIVERY_S + WATCH_EVERY_S
        while (CLUSTER, "state") not in self.ledger.items:
            if begun_s + LOOKS_INTO_IT_S <= self.clock.now_s < begun_s + LOOKS_INTO_IT_S + LOOK_EVERY_S:
                self.let_the_record_agree_with_its_guard()
            if self.clock.now_s > end_s:
                raise invariants.Violation("in_service_within_the_bound", "the definition is not registered")
            self.clock.run_until(self.clock.now_s + LOOK_EVERY_S)

    def let_the_record_agree_with_its_guard(self) -> None:
        """Somebody had set the record, or left the node out that served, while there was no state: that is refused."""
        guard = read_guard(self.zone.read(RECORD).guard)
        named = [machine for machine in self.machines if guard is not None and machine.name == guard.node]
        for machine in named:
            self._is_complete = self._is_complete or machine is self.machines[-1]
            self.story.tell("operator", f"sets the record to {machine.spec.address}, as its guard says")
            self.zone.put(RECORD, RecordSet(RECORD.name, RECORD.type, 60, (machine.spec.address,)))
            self.put_definition_again()

    def _wait_until_well(self) -> None:
        calm_s, well_since_s = self.clock.now_s, None
        self._wait_until_registered()
        bound_s = quiet_bound_s(self.ledger, self.plan.members)
        while True:
            self._end_the_hold()
            self._end_what_contradicts(calm_s)
            self._rebuild_at_last(calm_s)
            self.clock.run_until(self.clock.now_s + LOOK_EVERY_S)
            missing = invariants.in_service_on_one_node(self)
            if missing or any(execution.status.value == "RUNNING" for execution in self.executions):
                well_since_s = None
            elif well_since_s is None:
                well_since_s = self.clock.now_s
            if well_since_s is not None and self.clock.now_s - well_since_s >= STAYS_WELL_S:
                return
            if self.clock.now_s - calm_s > bound_s:
                invariants.every_execution_ends(self)
                raise invariants.Violation("in_service_within_the_bound", f"{bound_s:.0f} s after: {missing}")


def _accepted(policy: Mapping[str, Any]) -> Sequence[str]:
    accepted: Sequence[str] = policy.get("fencing", {}).get("accept", ("lease_expired",))
    return accepted


def _promised_s(policy: Mapping[str, Any]) -> float:
    return float(policy.get("promise_s", timing(policy, "lease_s")))


class _Broken:
    """What became of a function that did not end well."""


_BROKEN = _Broken()


class _TellingJudge(Judge):
    """Tells of every decision that is more than to wait, once in a row."""

    def __init__(self, story: Story, *ports: Any) -> None:
        super().__init__(*ports)
        self._story, self._last = story, ""

    def judge(self, state: ClusterState, now: int, observer: Observer) -> Decision:
        decision = super().judge(state, now, observer)
        if decision.rule != self._last and decision.action is not Action.WAIT:
            self._story.tell("decision", f"{decision.rule}: {decision.action} ({observer}, epoch {state.epoch})")
        self._last = decision.rule
        return decision
