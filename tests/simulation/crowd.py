"""Many clusters that move at once, under one seed: the real steps, one thread each, on one virtual clock (B12).

What stands in for the rest of the workflow: every task is tried three times and given up after 35 s, a transition that
is past its deadline is opened anew under a higher epoch, and so is one whose address is owed when its time has come.

The simulation of one cluster lets others act inside a slow call, on one stack. That does not do here: what group commit
has to fear is a writer that stands still between any two calls for longer than its turn, while others take turns, stand
still and die themselves. So each function is a thread, of which one goes on at a time.

A function that has died makes no further call, and its `finally` is told so. Else a dead writer would give its turn
back, and no run would need the end of the turn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from bench.virtual_time import VirtualTime
from tests.simulation.crowd_aws import (
    WatchedLedger,
    WatchedQuestions,
    WatchedQueue,
    WatchedRateBudget,
    WatchedRateBudgets,
    WatchedRoute53,
)
from tests.simulation.crowd_bound import crowd_bound_s
from tests.simulation.crowd_calls import Calls, Invocation
from tests.simulation.crowd_checks import Checks
from tests.simulation.crowd_faults import BEGINS, ENDS
from tests.simulation.crowd_plan import FAULTS_FOR_S, FOR_GOOD, LEFT_BEHIND_S, CrowdPlan
from tests.simulation.functions import FunctionDied
from tests.simulation.invariants import Violation
from tests.simulation.plan import Fault
from tests.simulation.story import Story
from tests.simulation.weather import Weather
from tests.support.builders import ADDRESS_A, NODE_A, NODE_B, NOW, SPECS, a_definition, a_report, a_state
from tests.support.fakes.announcer import FakeAnnouncer
from understudy.adapters.route53.retries import Retries, RetryingClient
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.batching.group_commit import CROWDED_S, FOLLOWED_S
from understudy.domain.batching.rate_limits import Purpose
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.record import DesiredRecord, desired
from understudy.domain.cluster.state import ClusterState, Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.opening import Opening
from understudy.domain.transition.steps import entered, fenced, opened
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.shared_changes import AskedOnce, SharedChanges
from understudy.usecases.transition.check_change import check_change
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.transition.grant_lease import grant_lease
from understudy.usecases.transition.move_address import move_address
from understudy.usecases.transition.record_mover import RecordMover
from understudy.usecases.watch.records import RecordMonitor

STACK = "understudy"
TRIES, TASK_LIMIT_S, RETRY_GAP_S = 3, 35.0, 2.0
"""As statemachine/transition.asl.json has them for a task; each gap doubles."""
LOOK_EVERY_S, WATCH_EVERY_S = 2.0, 60.0
TICK_S = (0.1, 0.4)
"""Between two looks of a workflow at the task that it waits for: uniform."""


class WellError(BaseException):
    """All is well, and nothing is left that could change it."""


class Crowd:
    """Build it from a plan, then `run()`: it returns when all held, and raises Violation when something did not."""

    went_unproven = served_beside = False  # told of single clusters only

    def __init__(self, plan: CrowdPlan) -> None:
        self.plan = plan
        self.time = VirtualTime(NOW)
        self.story = Story(self.time)
        self.weather = Weather()
        self.rng = self._chance("run")
        self.calls = Calls(self.time, self.weather, self.story, self._chance("calls"))
        self.checks = Checks(self)
        self.ledger = WatchedLedger(self)
        self.route53 = WatchedRoute53(self, self._chance("route53"))
        self.barred: set[str] = set()
        """Clusters that may never write."""
        self.denied_words: dict[str, list[str]] = {}
        self.is_calm = False
        self.names = [f"service-{number:02d}" for number in range(len(plan.members))]
        self._join()
        for number in range(len(plan.members)):
            self._put(number)

    @property
    def moved_twice(self) -> int:
        """How many moves were handed in again because an answer was lost."""
        return self.checks.twice

    def _chance(self, whose: str) -> Random:
        return Random(f"{self.plan.seed}/crowd/{whose}")

    def _join(self) -> None:
        ledger, queue, store, questions = (
            self.calls.port(each)
            for each in (self.ledger, WatchedQueue(self), WatchedRateBudgets(self), WatchedQuestions(self))
        )
        retries = Retries(self.time, self.time.sleep, self._chance("gaps").random)
        zone = Route53Zone(RetryingClient(self.route53, retries))
        moves, polls = (
            WatchedRateBudget(store, purpose, self.time, self.plan.share, crowd=self)
            for purpose in (Purpose.MOVES, Purpose.POLLS)
        )
        group = GroupCommit(zone, queue, self.time, self.time.sleep, STACK, moves)
        shared = SharedChanges(zone, questions, self.time, polls)
        follower = ChangeFollower(zone, shared, zone, self.time, STACK)
        self._watching = lambda: ChangeFollower(AskedOnce(zone), AskedOnce(shared), zone, self.time, STACK)
        self._ledger = ledger
        movers, announcer = (RecordMover(zone, group),), FakeAnnouncer()
        self._monitor = RecordMonitor(ledger, zone, announcer, self.time, self.time.sleep, STACK)
        self._steps: dict[str, Callable[[Any], Mapping[str, Any]]] = {
            "move_address": partial(
                move_address, ledger=ledger, movers=movers, announcer=announcer, clock=self.time, stack=STACK
            ),
            "grant_lease": partial(grant_lease, ledger=ledger, clock=self.time),
            "check_change": partial(check_change, ledger=ledger, follower=follower),
        }

    def records(self, number: int) -> tuple[Record, ...]:
        """The records of a cluster, each of a name of its own."""
        zones, name = self.plan.members[number].zones, self.names[number]
        prefixes = ("", "read-")
        return tuple(
            Record(f"Z{zone:04d}", f"{prefix}{name}.corp.example.com")
            for zone, prefix in zip(zones, prefixes, strict=False)
        )

    def _put(self, number: int) -> None:
        """A cluster that has been in service on node-a under epoch 1."""
        cluster, records = self.names[number], self.records(number)
        for record in records:
            wish = DesiredRecord(STACK, cluster, 1, "node-a", ADDRESS_A, 10)
            for each in desired(record, wish):
                self.route53.model.put(record.hosted_zone_id, each.name, each.type, each.values[0])
        self.ledger.put_definition(a_definition(3, cluster=cluster, records=records))
        # Nobody beats in a crowd: no node may go on saying for ever that it serves.
        silent = a_report(NODE_A, service=ServiceStatus.OUT_OF_SERVICE)
        self.ledger.put_state(a_state(3, cluster=cluster, node_a=silent))

    # --- the run --------------------------------------------------------------------------------

    def run(self) -> None:
        """Let the faults happen, let them end, and wait until all is well. Raises Violation."""
        logging.disable(logging.CRITICAL)
        if self.plan.is_known:
            self.ledger.crowded_until = NOW + CROWDED_S
        for number, member in enumerate(self.plan.members):
            self.time.start(NOW + member.begins_at_s, partial(self._look_after, self.names[number]))
        for fault in self.plan.faults:
            self.time.start(NOW + fault.at_s, partial(self._suffer, fault))
        self.time.start(NOW + self.rng.uniform(0, WATCH_EVERY_S), self._watch)
        self.time.start(NOW + FAULTS_FOR_S, self._wait_until_well)
        try:
            self.time.run()
        except WellError:
            return
        finally:
            logging.disable(logging.NOTSET)

    def _suffer(self, fault: Fault) -> None:
        self.story.tell("fault", f"begins: {fault}")
        self.weather.begin(fault)
        if fault.kind in BEGINS:
            BEGINS[fault.kind](self, fault)
        self.time.sleep(max(0.0, min(fault.for_s, FAULTS_FOR_S - fault.at_s)))
        if fault.kind == FOR_GOOD:
            return
        self.story.tell("fault", f"ends: {fault.kind} #{fault.number}")
        self.weather.spend(fault)
        if fault.kind in ENDS:
            ENDS[fault.kind](self, fault)

    def _wait_until_well(self) -> None:
        self.story.tell("fault", "all faults end")
        self.is_calm = True
        bound_s = crowd_bound_s(self)
        while True:
            self._let_an_operator_look()
            self.time.sleep(LOOK_EVERY_S)
            calm_s = self.time() - NOW - FAULTS_FOR_S
            if calm_s > LEFT_BEHIND_S and not any(map(self._missing, self.names)):
                raise WellError
            if calm_s > bound_s:
                missing = filter(None, map(self._missing, self.names))
                raise Violation("all_is_right_within_the_bound", f"{bound_s:.0f} s after: {'; '.join(missing)}")

    def _let_an_operator_look(self) -> None:
        """The monitor leaves a guard that is ahead of a settled cluster to a person, who asks for a move."""
        for number, cluster in enumerate(self.names):
            state, record = self.ledger.state(cluster), self.records(number)[0]
            if state.transition is None and self.route53.guard_of(record.name).epoch > state.epoch:
                self.open_next(cluster, state.active or NODE_B, TransitionAction.SWITCHOVER)

    def _missing(self, cluster: str) -> str:
        """What is not as it is to be with one cluster; empty when nothing is."""
        state, number = self.ledger.state(cluster), self.names.index(cluster)
        if state.epoch == 1 or state.transition is not None:
            return f"{cluster}/{state.epoch} is on its way: {state.transition}"
        address = state.address
        if cluster in self.barred:
            told = str(self.ledger.history(cluster, state.epoch).get("address_fault", ""))
            is_told = address is not None and address.status is AddressStatus.OWED and "AccessDenied" in told
            return "" if is_told else f"{cluster} is not told that it may not write: {address} {told}"
        if address is None or address.status not in (AddressStatus.IN_SYNC, AddressStatus.UNCONFIRMED):
            return f"the address of {cluster} is {address}"
        wanted = next(spec for spec in SPECS if spec.instance_id == state.active)
        for record in self.records(number):
            found = (self.route53.value_of(record.name), self.route53.guard_of(record.name).epoch)
            if found != (wanted.address, state.epoch):
                return f"{record.name} says {found}, not {wanted.address} and epoch {state.epoch}"
        return ""

    # --- what looks after a cluster -------------------------------------------------------------

    def _look_after(self, cluster: str) -> None:
        """What the next evaluation does: whatever is overdue is taken up, and an address that is owed is put right."""
        self.open_next(cluster, NODE_B, TransitionAction.FAILOVER)
        self.time.start_brief(self.time() + LOOK_EVERY_S, partial(self._look, cluster))

    def _look(self, cluster: str) -> None:
        state, now = self.ledger.state(cluster), self.time()
        transition, address = state.transition, state.address
        is_owed = address is not None and address.status is AddressStatus.OWED and now >= address.retry_at
        if transition is not None and now >= transition.deadline_at:
            self.open_next(cluster, transition.target, TransitionAction.REPAIR)
        elif transition is None and is_owed:
            self.open_next(cluster, state.active or NODE_B, TransitionAction.REPAIR)
        self.time.start_brief(self.time() + LOOK_EVERY_S, partial(self._look, cluster))

    def open_next(self, cluster: str, target: str, action: TransitionAction) -> None:
        """Open a transition under the next epoch, with its proof, and let its execution run."""
        before, now = self.ledger.state(cluster), int(self.time())
        definition = self._definition(before)
        view = ClusterView(before, definition, now)
        state = opened(view, Opening(action, target, rule="", why=""), f"{cluster}-{before.epoch + 1}")
        moving = entered(replace(view, state=fenced(state, Proof.STOPPED)), Stage.MOVING)
        written = self.ledger.commit(before, moving)
        self.story.tell(f"{cluster}/{written.epoch}", f"is opened: {action} to {definition.name_of(target)}")
        self.time.start(self.time() + 0.1, partial(self._execute, cluster, written.epoch))

    def _definition(self, state: ClusterState) -> Definition:
        return self.ledger.definition(state.cluster, state.definition_version)

    def _execute(self, cluster: str, epoch: int) -> None:
        """The workflow from MoveAddress on."""
        payload: dict[str, Any] = {"cluster": cluster, "epoch": epoch, "attempt": 0}
        while (answer := self._task("move_address", payload)) and answer["outcome"] in ("RETRY", "LIFTED"):
            if answer["outcome"] == "LIFTED":
                payload |= {"epoch": answer["epoch"], "attempt": 0}
                self._fence_anew(cluster)
            else:
                payload["attempt"] = answer["attempt"]
                self.time.sleep(answer["wait_s"])
        if not answer or answer["outcome"] == "STALE" or not self._task("grant_lease", payload):
            return
        payload["attempt"] = 0
        while (answer := self._task("check_change", payload)) and answer["outcome"] == "PENDING":
            payload["attempt"] = answer["attempt"]
            self.time.sleep(answer["wait_s"])
        state = self.ledger.state(cluster)
        if answer and answer["outcome"] != "STALE" and state.epoch == payload["epoch"]:
            self.ledger.commit(state, replace(state, transition=None))

    def _fence_anew(self, cluster: str) -> None:
        state = self.ledger.state(cluster)
        if state.transition is not None and state.transition.stage is Stage.FENCING:
            after = entered(
                ClusterView(fenced(state, Proof.STOPPED), self._definition(state), int(self.time())), Stage.MOVING
            )
            self.ledger.commit(state, after)

    def _task(self, function: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer of a step; None when the workflow has given it up. One that hangs may still go on by itself."""
        for number in range(TRIES):
            answers: list[Mapping[str, Any] | None] = []
            self.time.start(self.time(), partial(self._invoke, function, dict(payload), answers))
            begun_at = self.time()
            while not answers and self.time() - begun_at < TASK_LIMIT_S:
                self.time.sleep(self.rng.uniform(*TICK_S))
            if answers and answers[0] is not None:
                return answers[0]
            self.time.sleep(RETRY_GAP_S * 2**number)
        return None

    def _invoke(self, function: str, payload: Mapping[str, Any], answers: list[Mapping[str, Any] | None]) -> None:
        cluster, epoch = payload["cluster"], payload["epoch"]
        invocation = Invocation(function, cluster, epoch, self.time())
        try:
            answer = self.calls.run(invocation, lambda: self._steps[function](payload))
        except FunctionDied:
            answers.append(None)
        except Exception as fault:
            self.story.tell(str(invocation), f"{function} raises {type(fault).__name__}: {fault}")
            answers.append(None)
        else:
            self.story.tell(str(invocation), f"{function}: {answer}")
            self.checks.is_answered(cluster, epoch, answer)
            answers.append(answer)

    def _watch(self) -> None:
        """Once a minute: what outlasted its transition's polls is asked for, and the records are compared."""
        while True:
            invocation, follower = Invocation("watch_clusters", "watch", 0, self.time()), self._watching()
            works: list[Callable[[], object]] = [partial(self._follow, cluster, follower) for cluster in self.names]
            for work in [*works, self._compare]:
                try:
                    self.calls.run(invocation, work)
                except (FunctionDied, Exception) as fault:
                    self.story.tell("watch", f"{type(fault).__name__}: {fault}")
            self.time.sleep(WATCH_EVERY_S)

    def _compare(self) -> None:
        states = [self.ledger.state(cluster) for cluster in self.names]
        self._monitor.check([ClusterView(state, self._definition(state), int(self.time())) for state in states])

    def _follow(self, cluster: str, follower: ChangeFollower) -> None:
        state = self._ledger.read(cluster)
        if state.transition is None and state.address.status is AddressStatus.PROPAGATING:
            is_crowded = self.time() < self.ledger.crowded_until + FOLLOWED_S
            followed = follower.follow(state, self._definition(state), is_crowded=is_crowded)
            if followed.state != state:
                self._ledger.commit(state, followed.state)
