"""The safeguards, each with what the world is like without it: so that the simulation can be shown to find its absence.

A safeguard that could be taken away unseen would be either not needed, or not tested.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from tests.simulation.invariants import TWO_SERVE
from tests.simulation.plan import FRESH, OFF_ALONE, PROVEN, Before, Fault, Plan, Setting, adopted, draw
from tests.simulation.stories import STORIES, Tale
from tests.simulation.workload import Workload
from tests.support.fakes import ledger as fake_ledger
from tests.support.fakes import zone as fake_zone
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.record import (
    Change,
    ChangeVerb,
    DesiredRecord,
    RecordReading,
    Stale,
    desired,
    plan_batch,
)
from understudy.domain.cluster.state import ClusterState, NodeReport, PowerReading, Proof
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide import choosing, situation
from understudy.domain.decide.rules import Decision
from understudy.domain.decide.situation import Mode, Observer, Phase, Situation
from understudy.domain.decide.upkeep import Upkeep, kept_up
from understudy.domain.lease import proof as fencing
from understudy.domain.lease.proof import find_proof
from understudy.domain.observe import serving
from understudy.domain.observe.heartbeat import Beat
from understudy.domain.observe.serving import Said
from understudy.domain.observe.starts import failed_starts
from understudy.domain.transition import opening
from understudy.domain.transition import steps as transition
from understudy.usecases.observe import judge as judging
from understudy.usecases.observe.judge import Judge
from understudy.usecases.register import cluster as register_cluster
from understudy.usecases.register.addresses import Survey
from understudy.usecases.register.state import next_state
from understudy.usecases.transition import await_service as await_service_module
from understudy.usecases.transition import fence_node, grant_lease
from understudy.usecases.transition import record_mover as movers
from understudy_agent import files, lease, promise, quorum, starts
from understudy_agent import serving as http_serving
from understudy_agent.expire import Expiry
from understudy_agent.files import MajorityFile
from understudy_agent.lease import LeaseAnswer, LeaseView, Sender
from understudy_agent.messages import Message
from understudy_agent.promise import Memory
from understudy_agent.services import Services
from understudy_agent.serving import Snapshot
from understudy_agent.view import NodeEntry, StateView, TermsView

CUT_OFF_AND_ASKED_TO_GO = (
    Fault(0, "agent_hangs", 20.0, 60.0, 0, 1.0, 0),
    Fault(1, "partitioned", 30.0, 50.0, 0, 0.5, 0),
    Fault(2, "switchover", 35.0, 1.0, 1, 0.5, 1),
)
"""node-a is cut off, node-b is wanted, and node-a's agent hangs just when its lease runs out."""
READS_AGAIN_WHILE_IT_IS_LEFT = (
    Fault(0, "cannot_read", 23.0, 17.3, 0, 0.5, 0),
    Fault(1, "function_stalls", 23.0, 60.0, 0, 0.36, 4),
    Fault(2, "cannot_send", 40.6, 40.0, 0, 0.5, 0),
    Fault(3, "cannot_read", 43.0, 40.0, 0, 0.5, 0),
)
"""node-a beats and cannot read, so its service is down and it is left. Just as open_transition, which stands still for
eleven seconds, is about to write that down, node-a beats, reads that it holds the lease, starts, and is cut off."""


DIES_BEFORE_ITS_FIRST_GRANT_IS_READ = (Fault(0, "agent_dies", 4.1, 60.0, 0, 0.5, 0),)
"""node-a ran the service before its cluster was registered, and is placed; its agent dies before it reads that."""
FROZEN_FOR_A_WHILE = (
    Fault(0, "machine_freezes", 30.0, 28.0, 0, 0.5, 0),
    Fault(1, "machine_freezes", 65.0, 24.0, 1, 0.5, 0),
)
"""Each node freezes in turn, is left and stopped, and would thaw about when another one could be in service."""


HANGS_AT_THE_END_OF_ITS_PROMISES = (
    Fault(0, "agent_hangs", 20.0, 90.0, 0, 1.0, 0),
    Fault(1, "partitioned", 30.0, 60.0, 0, 0.5, 0),
)
"""node-a is cut off from AWS and goes on by promises of node-b, until that holds the lease and gives none any more;
node-a's agent hangs just when it is to kill."""
HANGS_FOR_LONG_AT_THE_END_OF_ITS_LEASE = (
    Fault(0, "agent_hangs", 20.0, 60.0, 0, 1.0, 1),
    Fault(1, "partitioned", 30.0, 60.0, 0, 0.5, 0),
)
"""node-a is cut off from AWS, and its agent hangs just when it is to kill, for longer than anybody waits."""
PROMISES_AND_REBOOTS = (
    Fault(0, "partitioned", 30.0, 60.0, 0, 0.5, 0),
    Fault(1, "node_reboots", 43.5, 2.0, 1, 0.5, 0),
)
"""node-a goes on by node-b's promises; node-b is to take over, and reboots just then."""
JOINS_WHILE_THE_HOLDER_IS_CUT_OFF = (
    Fault(0, "partitioned", 30.0, 80.0, 0, 0.5, 0),
    Fault(1, "partitioned", 30.0, 80.0, 1, 0.5, 0),
    Fault(2, "member_joins", 35.0, 1.0, 2, 0.5, 0),
)
"""node-a and node-b are cut off from AWS together; node-a goes on by node-b's promises. node-c is new, and has AWS."""
COMES_BACK_TO_A_KEEP = (
    Fault(0, "partitioned", 30.0, 19.0, 0, 0.5, 0),
    Fault(1, "definition_changes", 48.0, 1.0, 0, 0.5, 1),
)
"""node-a is cut off from AWS and goes on by promises of node-b, until that is granted the lease. Then the definition
says `keep`, and node-a reads both at once."""
LEAVES_WHILE_IT_SERVES = (
    Fault(0, "switchover", 20.0, 1.0, 2, 0.5, 1),
    Fault(1, "member_leaves", 60.0, 55.0, 2, 0.5, 0),
)
"""node-c is in service, and somebody takes it out of the definition."""
ALONE = Setting()
KEYED, WITH_HOSTS = Setting(shares_key=True), Setting(quorum="tcp_remote")
WITH_A_LEAVER = Setting(has_leaver=True)
THEN_KEEP: tuple[Mapping[str, Any], ...] = ({}, {"on_isolation": "keep", "fencing": {"stop_instance": True}})
WITH_A_LATECOMER = Setting(shares_key=True, has_latecomer=True)


@dataclass(frozen=True)
class Safeguard:
    """`without`: what is patched to switch it off, as (owner, attribute, replacement).

    What it is there for: the kinds of fault in `kinds`, drawn at random, or the `faults` of one story, or a `story` by
    name, under the chance of any seed. `runs`: within how many its absence must be found, as one of the
    invariants `finds`. `found_at`: the seed that finds it, which is tried first.
    """

    what: str
    without: tuple[tuple[object, str, object], ...]
    runs: int
    kinds: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    before: Before = FRESH
    story: Tale | None = None
    finds: tuple[str, ...] = TWO_SERVE
    policies: tuple[Mapping[str, Any], ...] = PROVEN
    setting: Setting = ALONE
    found_at: int = 0

    def search(self) -> list[Plan]:
        """All plans, the one that has found its absence before first."""
        return sorted(self.plans(), key=lambda plan: plan.seed != self.found_at)

    def plans(self) -> Iterator[Plan]:
        """What to run it against."""
        if self.story is not None:
            yield from self.story.plans(self.runs)
            return
        for seed in range(self.runs):
            if self.faults:
                members = 3 if self.setting.has_latecomer or self.setting.has_leaver else 2
                yield Plan(seed, members, 0, 0, self.before, self.faults, self.policies, self.setting)
            else:
                yield draw(seed, only=self.kinds, policies=self.policies, setting=self.setting, before=self.before)

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The world without it, for as long as the context lasts."""
        with ExitStack() as stack:
            for owner, attribute, new in self.without:
                stack.enter_context(patch.object(owner, attribute, new))
            yield


_look_at_the_lease = Expiry.tick


def _leaves_it_to_an_agent(self: Expiry, now_ms: int) -> int | None:
    return None if self._left.agents_lock.is_held() else _look_at_the_lease(self, now_ms)


def _always_proven(*_: Any) -> Proof:
    return Proof.LEASE_EXPIRED


def _with_no_margin(view: ClusterView) -> ClusterView:
    return replace(view, definition=replace(view.definition, policy=replace(view.policy, drift_margin_s=0)))


def _without_margin(view: ClusterView, power: PowerReading) -> Proof | None:
    return find_proof(_with_no_margin(view), power)


_has_lapsed = serving._has_lapsed


def _has_lapsed_without_margin(report: NodeReport, view: ClusterView) -> bool:
    return _has_lapsed(report, _with_no_margin(view))


def _unguarded_plan(record: Record, wish: DesiredRecord, reading: RecordReading) -> tuple[Change, ...]:
    new_record, new_guard = desired(record, wish)
    return (Change(ChangeVerb.UPSERT, new_guard), Change(ChangeVerb.UPSERT, new_record))


def _waits_for_nobody(*_: Any) -> None:
    return None


def _plan_over_the_same_epoch(record: Record, wish: DesiredRecord, reading: RecordReading) -> Any:
    plan = plan_batch(record, wish, reading)
    if not isinstance(plan, Stale) or plan.guard.epoch > wish.epoch or reading.guard is None:
        return plan
    new_record, new_guard = desired(record, wish)
    return tuple(map(Change, ChangeVerb, (reading.guard, new_guard, new_record)))


def _apply_anything(change: Change, record: Record, draft: dict[Any, Any]) -> None:
    key = fake_zone._key(record, change.record_set.name, change.record_set.type)
    if change.verb is ChangeVerb.DELETE:
        draft.pop(key, None)
    else:
        draft[key] = change.record_set


def _expect_nothing(ledger: FakeLedger, before: ClusterState | None, cluster: str = "") -> Any:
    return ledger.items.get((before.cluster if before else cluster, "state"))


_commit = FakeLedger.commit


def _commit_of_a_moving_node(ledger: FakeLedger, before: ClusterState, after: ClusterState, **how: Any) -> ClusterState:
    return _commit(ledger, before, after, history=how.get("history"))


_supervised = Workload.supervised


def _forgets_what_was_left(workload: Workload, file: Any, left: Any, on_unstoppable: Any) -> Services:
    return _supervised(workload, file, {}, on_unstoppable)


def _never_late(*_: object) -> bool:
    return False


def _always(*_: object) -> int:
    return 0


def _any_beat_is_newer(beat: Beat, report: NodeReport) -> bool:
    return True


_kill_at_ms = lease.kill_at_ms


def _kill_5_s_late(lease_view: LeaseView) -> int | None:
    at_ms = _kill_at_ms(lease_view)
    return None if at_ms is None else at_ms + 5000


_judge = Judge.judge


def _judge_trustingly(judge: Judge, state: ClusterState, now: int, observer: Observer) -> Decision:
    return _judge(judge, state, now, Observer.TRUSTED)


def _trusted(*_: Any) -> Observer:
    return Observer.TRUSTED


_after_read = lease.after_read


def _believe_any_epoch(lease_view: LeaseView, view: StateView | None, sender: Sender) -> LeaseView:
    return _after_read(replace(lease_view, epoch=0, seen_epoch=0), view, sender)


def _always_promises(lease_view: LeaseView, all_down: bool) -> bool:
    return True


_phase = situation._phase


def _never_overdue(state: ClusterState, now: int) -> Phase:
    found = _phase(state, now)
    return Phase.UNDER_WAY if found is Phase.OVERDUE else found


def _stopping_is_off(view: ClusterView, power: PowerReading) -> Proof | None:
    return find_proof(view, PowerReading.STOPPED if power.is_leaving else power)


_survey = situation.survey


def _survey_of_no_hold(*of_what: Any) -> Situation:
    return replace(_survey(*of_what), mode=Mode.NORMAL)


_start_ms = promise.start_ms


def _start_before_what_was_promised(memory: Memory, terms: TermsView) -> int:
    return _start_ms(replace(memory, bound_until_ms=0), terms)


def _nothing_forgotten(now_ms: int) -> Memory:
    return Memory(known_joined=promise.EVER)


def _object_only_while_serving(ask: Message, lease_view: LeaseView, view: StateView | None, **own: bool) -> str:
    return "" if own["all_down"] else "it serves"


def _always_object(*_: Any, **__: Any) -> str:
    return "no"


def _as_before(memory: Memory, *_: Any) -> Memory:
    return memory


def _never_forbidden(*_: Any, **__: Any) -> bool:
    return False


def _newest_terms(_: LeaseView, view: StateView) -> TermsView:
    return view.terms


def _true(*_: Any) -> bool:
    return True


def _says_that_it_is_down(*_: Any) -> Said:
    return Said.DOWN


def _nobody(*_: Any, **__: Any) -> tuple[str, ...]:
    return ()


def _none_failed(*_: Any) -> dict[str, Any]:
    return {}


def _kept_up_with_failed_starts(view: ClusterView, upkeep: Upkeep) -> ClusterState:
    """The memory stays: what is tried is who obeys it."""
    return kept_up(view, replace(upkeep, failed_starts=failed_starts(view.state, view.definition)))


def _false(*_: Any) -> bool:
    return False


_accept = register_cluster.Registrar._accept


def _accept_above_the_guard(office: Any, definition: Definition, state: ClusterState, found: Survey) -> None:
    def lifted(*of_what: Any) -> ClusterState:
        after = next_state(*of_what)
        return replace(after, epoch=max(after.epoch, found.epoch))

    with patch.object(register_cluster, "next_state", lifted):
        _accept(office, definition, state, found)


def _no_more_than_the_boot(own: NodeEntry, *_: Any) -> bool:
    return True


def _may_go_on(*_: Any) -> bool:
    return True


def _as_found(found: LeaseView, *_: Any) -> LeaseView:
    return found


def _just_now(_: MajorityFile, now_ms: int) -> int:
    return now_ms


def _whenever_it_is_the_holder(lease_view: LeaseView, *_: Any) -> bool:
    return lease_view.answer is LeaseAnswer.MINE


def _nothing_against_it(*_: Any) -> list[str]:
    return []


def _no_objection(*_: Any) -> str:
    return ""


_why_not_serving = http_serving.why_not_serving


def _why_not_when_it_looked(snapshot: Snapshot, _: int, interval_ms: int) -> str:
    return _why_not_serving(snapshot, snapshot.looked_ms, interval_ms)


def _as_they_come(_: ClusterView, candidates: Iterable[str]) -> tuple[str, ...]:
    return tuple(candidates)


SAFEGUARDS: Mapping[str, Safeguard] = {
    "proof": Safeguard(
        "fence_node waits until it is proved that the node before cannot serve",
        ((fence_node, "find_proof", _always_proven), (grant_lease, "objectors", _nobody)),
        runs=20,
        kinds=("partitioned", "node_dies", "switchover"),
    ),
    "drift-margin": Safeguard(
        "the proof LEASE_EXPIRED allows for a slow clock and a late agent on the node",
        (
            (fence_node, "find_proof", _without_margin),
            (situation, "find_proof", _without_margin),
            (serving, "_has_lapsed", _has_lapsed_without_margin),
            (grant_lease, "objectors", _nobody),
        ),
        runs=30,
        faults=CUT_OFF_AND_ASKED_TO_GO,
    ),
    "lease-end": Safeguard(
        "the agent kills what is left before its lease has run out",
        ((lease, "kill_at_ms", _kill_5_s_late),),
        runs=30,
        kinds=("partitioned", "agent_dies", "cannot_send"),
    ),
    "guard-in-route53": Safeguard(
        "Route 53 refuses a batch whose guard is not there any more",
        ((fake_zone, "_apply", _apply_anything),),
        runs=30,
        finds=("record_obeys_the_newest_epoch",),
        kinds=("batch_is_late", "switchover", "failback", "node_dies"),
    ),
    "guard-in-the-plan": Safeguard(
        "a batch deletes the guard that was read, and creates a new one",
        ((movers, "plan_batch", _unguarded_plan),),
        runs=30,
        finds=("record_obeys_the_newest_epoch",),
        kinds=("batch_is_late", "switchover", "failback", "node_dies"),
    ),
    "epoch-condition": Safeguard(
        "the table takes a write only under the revision and epoch that were read",
        ((FakeLedger, "_expect", _expect_nothing),),
        runs=60,
        found_at=12,
        finds=("epochs_never_fall",),
        kinds=("function_stalls", "slow_calls", "switchover", "node_dies", "alarm_rings"),
    ),
    "no-newer-beat": Safeguard(
        "a lease is ended only when its node has not beaten since that was decided",
        ((FakeLedger, "commit", _commit_of_a_moving_node),),
        runs=80,
        faults=READS_AGAIN_WHILE_IT_IS_LEFT,
    ),
    "order-of-beats": Safeguard(
        "an older beat never replaces a newer one, and while beats are late no silence is believed",
        (
            (fake_ledger, "_is_newer", _any_beat_is_newer),
            (situation, "is_late_now", _never_late),
            (fencing, "_kept_up_since", _always),
        ),
        runs=60,
        kinds=("beats_delayed", "beats_duplicated", "switchover", "partitioned"),
    ),
    "observer-doubt": Safeguard(
        "silence is not believed while the observer itself may be deaf",
        (
            (Judge, "judge", _judge_trustingly),
            (opening, "observer_by_clock", _trusted),
            (await_service_module, "observer_by_clock", _trusted),
        ),
        runs=60,
        finds=("no_failover_for_the_pipelines_sake",),
        kinds=("pipeline_down", "agent_dies"),
    ),
    "unbound-service": Safeguard(
        "an agent promises no lease while a service runs that nothing read is about",
        ((lease, "keeps_lease", _always_promises),),
        runs=40,
        faults=DIES_BEFORE_ITS_FIRST_GRANT_IS_READ,
        before=adopted(0),
    ),
    "deadline": Safeguard(
        "a transition whose execution is dead is taken up by another",
        ((situation, "_phase", _never_overdue),),
        runs=30,
        finds=("in_service_within_the_bound",),
        kinds=("ledger_down", "switchover", "node_dies"),
    ),
    "lower-epoch": Safeguard(
        "the agent does not believe a table of an epoch below one that it has read",
        ((lease, "after_read", _believe_any_epoch),),
        runs=30,
        kinds=("old_reads", "switchover", "failback"),
    ),
    "stopped-not-stopping": Safeguard(
        "a node that EC2 only begins to stop is not proved off",
        ((fence_node, "find_proof", _stopping_is_off),),
        runs=30,
        faults=FROZEN_FOR_A_WHILE,
        policies=OFF_ALONE,
    ),
    "hold": Safeguard(
        "a cluster that is held moves nothing by itself",
        ((judging, "survey", _survey_of_no_hold), (opening, "survey", _survey_of_no_hold)),
        runs=20,
        finds=("nothing_begins_while_held",),
        kinds=("hold", "node_dies", "alarm_rings"),
    ),
    "promise-waited-out": Safeguard(
        "a node that has promised waits its promise out before it starts",
        ((promise, "start_ms", _start_before_what_was_promised),),
        runs=10,
        kinds=("partitioned", "isolated"),
        setting=KEYED,
    ),
    "promise-of-another-life": Safeguard(
        "nothing starts for promise_s after the agent's own start, unless its file says what it has promised",
        ((promise, "blank", _nothing_forgotten),),
        runs=8,
        faults=PROMISES_AND_REBOOTS,
        setting=KEYED,
    ),
    "holder-promises-nothing": Safeguard(
        "a node that holds the lease gives no promise, nor one to an asker of an older epoch",
        ((promise, "objection", _object_only_while_serving),),
        runs=60,
        finds=("grant_waits_for_one_promise",),
        kinds=("partitioned", "isolated"),
        setting=KEYED,
    ),
    "promise-lateness": Safeguard(
        "a promise binds its giver for longer, so that the asker's agent may be late to kill, and nobody kills for it",
        ((promise, "LATE_MS", 0), (Expiry, "tick", _leaves_it_to_an_agent)),
        runs=8,
        faults=HANGS_AT_THE_END_OF_ITS_PROMISES,
        setting=KEYED,
    ),
    "guardian": Safeguard(
        "services are ended with the lease by a process that is there beside the agent, also when that hangs",
        ((Expiry, "tick", _leaves_it_to_an_agent),),
        runs=8,
        faults=HANGS_FOR_LONG_AT_THE_END_OF_ITS_LEASE,
    ),
    "end-of-an-ended-lease": Safeguard(
        "a `keep` that is read after a lease has ended frees nobody from that end",
        ((lease, "_terms_of_ended", _newest_terms),),
        runs=8,
        faults=COMES_BACK_TO_A_KEEP,
        policies=THEN_KEEP,
        setting=KEYED,
    ),
    "promise-given": Safeguard(
        "a standby in touch promises, so that an outage of AWS stops nothing",
        ((promise, "objection", _always_object),),
        runs=10,
        finds=("in_touch_serves_on",),
        kinds=("aws_dead",),
        setting=KEYED,
    ),
    "latecomer": Safeguard(
        "a node that the holder does not know is no candidate, and waits for promise_s from when it is known",
        ((situation, "is_known_to_holder", _true), (promise, "after_view", _as_before)),
        runs=8,
        faults=JOINS_WHILE_THE_HOLDER_IS_CUT_OFF,
        setting=WITH_A_LATECOMER,
    ),
    "needed-node-stays": Safeguard(
        "a node that serves, may still serve or is to serve is not taken out of the definition",
        ((register_cluster, "_contradictions_with_state", _nothing_against_it),),
        runs=8,
        finds=(*TWO_SERVE, "in_service_within_the_bound"),
        faults=LEAVES_WHILE_IT_SERVES,
        setting=WITH_A_LEAVER,
    ),
    "quorum-of-a-candidate": Safeguard(
        "a node without a majority of the quorum hosts is no candidate",
        ((situation, "objection", _no_objection), (opening, "objection", _no_objection)),
        runs=20,
        finds=("no_candidate_without_a_majority",),
        kinds=("hosts_unreached", "node_dies", "switchover"),
        setting=WITH_HOSTS,
    ),
    "quorum-of-a-holder": Safeguard(
        "a holder begins nothing without a majority, and gives up what it has begun a lease after it was lost",
        ((quorum, "forbids", _never_forbidden),),
        runs=20,
        finds=("majority_lost_is_given_up",),
        kinds=("hosts_unreached",),
        setting=WITH_HOSTS,
    ),
    "members-are-asked": Safeguard(
        "before anybody is placed for the first time, the members' own words are looked at",
        ((serving, "said", _says_that_it_is_down),),
        runs=12,
        story=STORIES["runs-where-no-record-leads"],
        finds=(*TWO_SERVE, "a_word_to_the_contrary_counts"),
    ),
    "all-are-heard": Safeguard(
        "before anybody is placed for the first time, every member that may serve has been heard",
        ((situation, "unheard", _nobody), (fencing, "unheard", _nobody)),
        runs=4,
        story=STORIES["runs-where-nothing-can-be-sent"],
    ),
    "newer-word": Safeguard(
        "no proof stands against a newer word of the node, nobody is granted the lease beside it, and an agent that "
        "has read nothing yet stops what no lease bounds",
        (
            (fencing, "objectors", _nobody),
            (fencing, "serves_unbound", _false),
            (fence_node, "objectors", _nobody),
            (fence_node, "serves_unbound", _false),
            (grant_lease, "objectors", _nobody),
            (lease, "woken", _as_found),
        ),
        runs=8,
        story=STORIES["last-holder-comes-up-by-itself"],
        finds=(*TWO_SERVE, "a_word_to_the_contrary_counts"),
    ),
    "second-server": Safeguard(
        "an operator is called when another node than the holder says that it serves",
        ((situation, "others_serving", _nobody),),
        runs=4,
        story=STORIES["started-where-nothing-can-be-read"],
        finds=("two_servers_are_told",),
    ),
    "names-of-a-candidate": Safeguard(
        "a node that names other services than the definition is no candidate",
        ((situation, "means_the_same", _true), (serving, "means_the_same", _true)),
        runs=4,
        story=STORIES["file-lacks-a-service"],
        finds=("names_differ_is_never_chosen",),
    ),
    "names-of-the-last-holder": Safeguard(
        "a node that names other services than the definition has released nothing",
        ((fencing, "means_the_same", _true), (serving, "means_the_same", _true)),
        runs=4,
        story=STORIES["file-makes-a-witness"],
        finds=("names_differ_is_never_released",),
    ),
    "names-under-a-lease": Safeguard(
        "a lease binds what was named under it, also when the file names it no more, and stops that in its own way",
        ((Services, "bind", _nobody), (Workload, "supervised", _forgets_what_was_left)),
        runs=4,
        story=STORIES["file-names-nothing-unheard"],
    ),
    "order-before-look": Safeguard(
        "a look that has just ended leads to a start only under the order of that tick",
        ((Services, "_may_go_on_to_start", _may_go_on),),
        runs=20,
        story=STORIES["start-in-the-tick-of-a-stop"],
        finds=("nothing_starts_without_a_lease",),
    ),
    "own-beats-only": Safeguard(
        "an agent renews its lease only by beats that it has sent itself",
        ((lease, "_is_own", _no_more_than_the_boot),),
        runs=4,
        story=STORIES["number-ahead"],
        finds=(*TWO_SERVE, "a_lease_is_counted_from_own_beats"),
    ),
    "garbled-promises": Safeguard(
        "an agent that cannot read what it has promised waits, also under a lease that runs",
        ((promise, "blank", _nothing_forgotten),),
        runs=8,
        story=STORIES["waiting-holder-forgets"],
    ),
    "epoch-of-a-registration": Safeguard(
        "a registration does not lift the epoch of a table that is behind its guard",
        ((register_cluster.Registrar, "_accept", _accept_above_the_guard),),
        runs=8,
        story=STORIES["restored-and-registered"],
    ),
    "returned-lease": Safeguard(
        "under a lease that is taken up again nothing starts before the others are heard",
        ((starts, "_returned", _waits_for_nobody),),
        runs=8,
        story=STORIES["returns-to-an-old-table"],
    ),
    "restored-into-a-move": Safeguard(
        "in a table that knows no holder, and in which all have only just been heard, the others are waited for",
        ((situation, "_is_awaited", _false),),
        runs=4,
        story=STORIES["restored-into-a-move"],
    ),
    "same-epoch-of-another-node": Safeguard(
        "a guard of the same epoch that names another node is not written over, and a lease whose grant was not seen "
        "to come waits for the others' words",
        ((movers, "plan_batch", _plan_over_the_same_epoch), (starts, "_returned", _waits_for_nobody)),
        runs=80,
        found_at=18,
        story=STORIES["restored-and-counted-on"],
    ),
    "what-nothing-bounds": Safeguard(
        "an agent that has read nothing yet stops what no lease bounds, once its cluster has been placed",
        ((lease, "woken", _as_found), (lease, "not_beyond", _as_found)),
        runs=4,
        story=STORIES["lease-file-lost"],
    ),
    "unheard-and-by-itself": Safeguard(
        "the same, where the node is cut off and its unit comes up by itself",
        ((lease, "woken", _as_found),),
        runs=4,
        story=STORIES["comes-up-by-itself-unheard"],
    ),
    "garbled-lease": Safeguard(
        "a file of the lease that cannot be read means: down at once; nor is it taken for none",
        (
            (files, "DOWN_AT_ONCE", LeaseView()),
            (lease, "woken", _as_found),
            (lease, "not_beyond", _as_found),
        ),
        runs=4,
        story=STORIES["lease-file-garbled"],
    ),
    "failed-start-remembered": Safeguard(
        "a start that failed is written down when the lease is taken away",
        ((transition, "with_failure_of_holder", _none_failed),),
        runs=4,
        story=STORIES["does-not-start-and-looks-well"],
        finds=("a_failed_start_is_remembered",),
    ),
    "failed-start-last-choice": Safeguard(
        "a node on which the service did not start takes over only when no other one is fit",
        (
            (situation, "failed_starts", _none_failed),
            (opening, "failed_starts", _none_failed),
            (judging, "kept_up", _kept_up_with_failed_starts),
        ),
        runs=4,
        story=STORIES["does-not-start-and-looks-well"],
        finds=("a_failed_start_is_the_last_choice",),
    ),
    "failed-start-told": Safeguard(
        "a cluster in which every standby has failed to start is not told as well",
        ((situation, "failed_starts", _none_failed), (judging, "kept_up", _kept_up_with_failed_starts)),
        runs=4,
        story=STORIES["does-not-start-and-nobody-else-is-there"],
        finds=("a_failed_start_is_not_told_as_well",),
    ),
    "fitness-of-a-candidate": Safeguard(
        "a node that is not fit by its own word, or has none where the policy requires it, takes nothing over",
        (
            (situation, "fitness_objection", _no_objection),
            (opening, "fitness_objection", _no_objection),
            (grant_lease, "fitness_objection", _no_objection),
        ),
        runs=8,
        story=STORIES["says-how-fit-it-is"],
        finds=("only_who_is_fit_gets_the_lease",),
    ),
    "fitness-at-the-grant": Safeguard(
        "the word of the node that was chosen is looked at again when it is to get the lease",
        ((grant_lease, "fitness_objection", _no_objection),),
        runs=8,
        found_at=2,
        story=STORIES["says-that-it-is-not-fit-before-the-grant"],
        finds=("only_who_is_fit_gets_the_lease",),
    ),
    "fittest-first": Safeguard(
        "of those that are fit the fittest takes over, beyond the margin whatever its priority",
        ((choosing, "by_fitness", _as_they_come),),
        runs=8,
        story=STORIES["says-how-fit-it-is"],
        finds=("the_fittest_is_chosen",),
    ),
    "majority-remembered": Safeguard(
        "an agent that was restarted knows since when there has been no majority",
        ((MajorityFile, "load", _just_now),),
        runs=4,
        story=STORIES["majority-forgotten"],
        finds=("majority_lost_is_given_up",),
    ),
    "keep-starts-nothing": Safeguard(
        "nothing is started without a lease that runs, whatever on_isolation says",
        ((lease, "runs", _true), (starts, "may_start", _whenever_it_is_the_holder)),
        runs=8,
        story=STORIES["keep-starts-nothing"],
        finds=("nothing_starts_without_a_lease",),
    ),
    "read-before-a-freeze": Safeguard(
        "nothing is started by what was read before the machine froze",
        ((starts, "may_start", _whenever_it_is_the_holder),),
        runs=20,
        story=STORIES["start-after-a-freeze"],
        finds=("nothing_starts_without_a_lease",),
    ),
    "answers-by-the-clock": Safeguard(
        "what /serving answers is computed by the clock at the moment of the answer, not by what the loop knew",
        ((http_serving, "why_not_serving", _why_not_when_it_looked),),
        runs=4,
        faults=FROZEN_FOR_A_WHILE,
        finds=("at_most_one_says_serving",),
    ),
    "margin-of-an-answer": Safeguard(
        "a 200 leaves a margin beyond the asker's interval, for clocks that differ",
        ((http_serving, "MARGIN_MS", 0),),
        runs=8,
        kinds=("partitioned", "cannot_send"),
        finds=("what_was_answered_holds",),
    ),
}
