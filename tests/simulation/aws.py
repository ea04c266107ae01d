"""AWS as the cluster meets it: the bus, the table, Route 53 and Step Functions, each with what can go wrong in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation import failed_starts, fitness, invariants
from tests.simulation.functions import ApiDownError, FunctionDied
from tests.support.asl_runner import Execution, LambdaFault, Status
from tests.support.builders import CLUSTER
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.zone import FakeZone
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import GuardMismatchError, ZoneBusyError
from understudy.domain.cluster.record import Change, ChangeReading
from understudy.domain.cluster.state import ClusterState
from understudy.usecases.observe.receive_signal import EC2_STATE
from understudy.usecases.step import definition_in_force

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

STATES_KEPT_S = 12.0
BACKUP_EVERY_S = 5.0
LATE_BATCH_S = 60.0
UNEVEN_MOST_S = 120.0
"""How late the latest beats are in the worst weather: EventBridge and Lambda give a beat up after a minute each."""
BEATS_KEPT_S, SIGNALS_KEPT_S = 60.0, 3600.0
"""How long Lambda keeps what it cannot run at once."""
LAG_S = 5.0
"""What is dealt with later is late: observer_lag_limit_s of every policy here."""


def iso(at_s: float) -> str:
    """A time as events carry it: whole seconds, cut off."""
    return datetime.fromtimestamp(int(at_s), UTC).isoformat()


@dataclass
class Sent:
    """A beat on its way.

    `fate`: "waits", "arrived", "pipeline" (nobody's could arrive), "own" (only this one was lost).
    """

    at_s: float
    fate: str = "waits"


class Bus:
    """EventBridge: takes in beats and signals, and calls functions with them, late, twice or never."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world, self._rng = world, rng
        self._sent: dict[str, deque[Sent]] = {}
        self._queued: list[Callable[[], None]] = []
        self.late_s: float | None = None
        """When a beat was dealt with for the last time that was late, and the function that did it ended well."""

    def take_beat(self, machine: Machine, detail: Mapping[str, Any]) -> None:
        """Raises when the node cannot reach it. What it has taken can still be lost."""
        world, weather, rng = self._world, self._world.weather, self._rng
        if not machine.can_send():
            self._note(machine, "own" if machine.loses_its_beats() else "pipeline")
            raise ApiDownError("EventBridge does not answer")
        late = weather.at_node("beats_ingested_late", machine.number)
        ingested_s = world.clock.now_s + rng.uniform(0, 0.03) + (late.level * 8 if late is not None else 0)
        sent = self._note(machine, "waits" if late is None else "own")
        world.clock.at(ingested_s, lambda: self._pass_on(machine, detail, sent))

    def take_strange(self, machine: Machine, detail: Mapping[str, Any]) -> None:
        """As take_beat; what somebody else sends from this machine is none of its agent's beats."""
        if machine.is_on and not machine.is_frozen and machine.can_send():
            self._pass_on(machine, detail, Sent(self._world.clock.now_s))

    def _note(self, machine: Machine, fate: str) -> Sent:
        sent = Sent(self._world.clock.now_s, fate)
        self._sent.setdefault(machine.name, deque(maxlen=40)).append(sent)
        return sent

    def _pass_on(self, machine: Machine, detail: Mapping[str, Any], sent: Sent) -> None:
        world, weather, rng = self._world, self._world.weather, self._rng
        event = {
            "source": f"arn:aws:ec2:us-east-1:123456789012:instance/{machine.spec.instance_id}",
            "ingested_at": iso(world.clock.now_s),
            "detail": detail,
        }
        deliver = partial(self._deliver_beat, event, sent)
        down = weather.of("pipeline_down")
        if down:
            sent.fate = "pipeline"
            if down[0].level >= 0.5:
                self._queued.append(deliver)
            return
        lost = weather.at_node("beats_lost", machine.number)
        if lost is not None and rng.random() < 0.3 + lost.level:
            sent.fate = "own"
            return
        if self.loses_invocation():
            sent.fate = "pipeline"
            return
        delays = [fault.level * 25 * rng.random() for fault in weather.of("beats_delayed")]
        delays += [fault.level * UNEVEN_MOST_S * rng.random() for fault in weather.of("beats_uneven")]
        copies = 2 if weather.of("beats_duplicated") else 1
        for copy in range(copies):
            delay_s = rng.uniform(0.02, 0.12) + sum(delays) + copy * rng.uniform(0, 8)
            if any(delay_s > BEATS_KEPT_S for _ in weather.of("invocations_late")):
                sent.fate = "pipeline"
                continue
            world.clock.after(delay_s, deliver)

    def loses_invocation(self) -> bool:
        """Whether an asynchronous invocation is so late that Lambda gives it up."""
        return any(self._rng.random() < fault.level for fault in self._world.weather.of("invocations_late"))

    def _deliver_beat(self, event: Mapping[str, Any], sent: Sent) -> None:
        is_recorded = self._world.heartbeat_arrives(event, sent.at_s)
        if is_recorded and self._world.clock.now_s - sent.at_s > LAG_S + 1:
            self.late_s = self._world.clock.now_s
        if sent.fate != "arrived":
            is_dead = bool(self._world.weather.of("aws_dead"))
            sent.fate = "arrived" if is_recorded else "pipeline" if is_dead else "own"

    def drain(self) -> None:
        """The pipeline is back: what waited in it arrives, in any order."""
        queued, self._queued = self._queued, []
        for deliver in queued:
            self._world.clock.after(self._rng.uniform(0, 3), deliver)

    def signal(self, event: Mapping[str, Any]) -> None:
        """EC2 or CloudWatch says something."""
        weather, rng = self._world.weather, self._rng
        if weather.of("ec2_signals_lost") and event["detail-type"] == EC2_STATE and rng.random() < 0.6:
            self._world.story.tell("bus", f"loses {event['detail']}")
            return
        late_s = sum(
            rng.uniform(0, fault.for_s) for fault in weather.of("invocations_late") if rng.random() < fault.level
        )
        if late_s > SIGNALS_KEPT_S:
            self._world.story.tell("bus", f"loses {event['detail']}")
            return
        delay_s = (
            rng.uniform(0.1, 2)
            + late_s
            + sum(fault.level * 40 * rng.random() for fault in weather.of("signals_delayed"))
        )
        for copy in range(2 if rng.random() < 0.1 else 1):
            self._world.clock.after(delay_s + copy * rng.uniform(0, 20), lambda: self._world.signal_arrives(event))

    def only_the_pipeline_failed(self, machine: Machine, interval_s: float) -> bool:
        """Whether this node has beaten all the time since its last beat that arrived, and nobody's could have."""
        later_s, has_lost = self._world.clock.now_s, False
        for sent in reversed(self._sent.get(machine.name, ())):
            if sent.fate == "own" or later_s - sent.at_s > 2 * interval_s + 1:
                return False
            if sent.fate == "arrived":
                return has_lost
            is_late = sent.fate == "waits" and self._world.clock.now_s - sent.at_s > LAG_S + 1
            later_s, has_lost = sent.at_s, has_lost or sent.fate == "pipeline" or (is_late and self._is_late_now())
        return has_lost

    def _is_late_now(self) -> bool:
        """Whether the controller has dealt with a late beat so lately that it may not believe any silence."""
        silence_s = self._world.silence_limit_s
        return self.late_s is not None and self._world.clock.now_s - self.late_s < silence_s


class WatchedLedger(FakeLedger):
    """The table. Every write is held against the invariants; states are kept for a while, for reads of old ones."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.past: deque[tuple[float, ClusterState]] = deque()
        self.moved_s = 0.0
        """When holder, epoch or definition changed for the last time."""
        self.registered_s = 0.0
        self.placed_s: float | None = None
        """When the lease was granted for the first time since the cluster was registered."""
        self.granted_s = 0.0
        """When the lease was granted to somebody for the last time."""
        self.was_restored = False
        self.backups: list[tuple[float, ClusterState]] = []

    def commit(self, before: ClusterState, after: ClusterState, **how: Any) -> ClusterState:
        """`before` is what the function has read: it answers for that, not for what has come since."""
        written = super().commit(before, after, **how)
        definition = definition_in_force(self, before)
        invariants.no_candidate_without_a_majority(definition, before, after)
        invariants.names_differ_is_never_chosen_or_released(self._world, definition, before, after)
        invariants.a_word_to_the_contrary_counts(self._world, definition, before, after)
        invariants.unproven_only_where_the_policy_says_so(definition, before, after)
        fitness.after_a_commit(self._world, definition, before, written)
        failed_starts.after_a_commit(self._world, definition, before, written)
        self._world.balancer.after_a_commit(before, written)
        return written

    def restore(self, ago_s: float) -> None:
        """Somebody puts the state back as it was at least so many seconds ago."""
        then = [state for at_s, state in self.backups if at_s <= self._world.clock.now_s - ago_s]
        if then and (then[-1].cluster, "state") in self.items:
            self._world.story.tell("somebody", f"restores the table: {then[-1].active} under epoch {then[-1].epoch}")
            self.items[(then[-1].cluster, "state")] = then[-1]
            self.past.clear()
            self._world.failed_starts.clear()
            self.moved_s = self._world.clock.now_s
            self.was_restored = True

    def forget(self) -> None:
        """Somebody deletes the items of the cluster that keep it from being registered anew."""
        for sk in ("state", "refusal"):
            self.items.pop((CLUSTER, sk), None)
        self.past.clear()
        self._world.failed_starts.clear()
        self.moved_s = self._world.clock.now_s

    def put_state(self, state: ClusterState) -> None:
        before: ClusterState | None = self.items.get((state.cluster, "state"))
        super().put_state(state)
        now_s = self._world.clock.now_s
        self.past.append((now_s, state))
        if not self.backups or self.backups[-1][0] <= now_s - BACKUP_EVERY_S:
            self.backups.append((now_s, state))
        while self.past[0][0] < now_s - STATES_KEPT_S:
            self.past.popleft()
        if before is None:
            self.registered_s, self.placed_s = now_s, None
        if before is not None:
            invariants.epochs_never_fall(before, state)
            invariants.no_lease_without_proof(before, state)
            invariants.no_failover_for_the_pipelines_sake(self._world, before, state)
            invariants.weather_fails_over_nobody_who_serves(self._world, before, state)
            invariants.nothing_begins_while_held(before, state, now_s)
            self._world.tell_of(before, state)
            if before.epoch != state.epoch or before.active != state.active:
                self.moved_s = now_s
            if before.active != state.active and state.active:
                self.granted_s, self.placed_s = now_s, self.placed_s or now_s
            if before.definition_version != state.definition_version:
                self.moved_s = now_s
            invariants.note_who_is_passed_over(self._world, before, state)
            failed_starts.forget_what_is_over(self._world, state)
            invariants.two_servers_are_told(self._world, state)


class WatchedZone(FakeZone):
    """Route 53. What it accepts is held against the invariants; a batch can reach it long after its sender gave up."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, propagation_s=2)
        self._world = world
        self._epoch = 0

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str, *, tries_again: bool = True) -> str:
        for fault in self._world.weather.of("batch_is_late"):
            self._world.weather.spend(fault)
            self._world.story.tell(
                "route53", f"does not answer to '{comment}'; it gets there {fault.level * 60:.0f} s later"
            )
            self._world.clock.after(fault.level * LATE_BATCH_S, lambda: self._arrive(record, batch, comment))
            raise ZoneBusyError("no answer in time")
        return self._accept(record, batch, comment)

    def _arrive(self, record: Record, batch: tuple[Change, ...], comment: str) -> None:
        try:
            self._accept(record, batch, f"late: {comment}")
        except GuardMismatchError as fault:
            self._world.story.tell("route53", f"refuses the late '{comment}': {fault}")

    def _accept(self, record: Record, batch: tuple[Change, ...], comment: str) -> str:
        change_id = super().submit(record, batch, comment)
        self._world.story.tell("route53", f"accepts '{comment}'")
        self._epoch = invariants.record_obeys_the_newest_epoch(self._epoch, batch)
        return change_id

    def change_status(self, change_id: str) -> ChangeReading:
        found = super().change_status(change_id)
        slow = any(fault.level > 0.1 for fault in self._world.weather.of("zone_slow"))
        return ChangeReading.PENDING if slow and found is ChangeReading.IN_SYNC else found


class RunningLauncher(FakeLauncher):
    """Step Functions: what is started runs."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        is_new = super().start(name, request)
        if is_new:
            self._world.clock.after(0.05, lambda: self._world.execute(name, request))
        return is_new


def drive(world: World, execution: Execution) -> None:
    """One step of an execution, and the time of the next. A step whose function takes time is not stepped meanwhile."""
    before = execution.state
    execution.step()
    if execution.status is Status.RUNNING:
        world.clock.at(min(execution.next_due_s, execution._deadline_s), lambda: drive(world, execution))
    else:
        world.story.tell(execution.name, f"ends {execution.status.value} in {before} {execution.error}".rstrip())


def task(world: World, function: str, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function as a Task of the workflow calls it."""

    def handler(payload: Any) -> Any:
        throttle = world.weather.of("lambda_throttled")
        if throttle and world.rng.random() < throttle[0].level:
            raise LambdaFault("Lambda.TooManyRequestsException")
        try:
            answer = world.functions.run(function, lambda: work(payload))
        except FunctionDied:
            raise LambdaFault("Runtime.ExitError") from None
        except LambdaFault:
            raise
        except Exception as fault:
            world.story.tell(function, f"raises {type(fault).__name__}: {fault}")
            raise LambdaFault(type(fault).__name__, str(fault)) from fault
        words = {key: answer[key] for key in ("outcome", "epoch", "proof", "why", "reasons") if key in answer}
        world.story.tell(function, " ".join(f"{key}={value}" for key, value in words.items()))
        return answer

    return handler
