"""The safeguards of group commit, each with what a crowd is like without it. See safeguards.py."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.route53_model import Route53Model
from tests.simulation.crowd_plan import CrowdPlan, Member, draw_crowd
from tests.simulation.plan import Fault
from tests.simulation.safeguards import Safeguard, _unguarded_plan
from tests.support.builders import NOW
from tests.support.fakes.queue import FakeQuestions, FakeQueue, FakeRateBudgets
from understudy.domain.batching.group_commit import Intent, PlannedBatch, Settled
from understudy.domain.batching.rate_limits import Purpose, Throughput
from understudy.domain.cluster.definition import ZoneKey
from understudy.ports.queue import Queued
from understudy.usecases.batching import group_commit
from understudy.usecases.batching.group_commit import _Turn
from understudy.usecases.batching.rate_budget import RateBudget
from understudy.usecases.transition import move_address
from understudy.usecases.transition import record_mover as movers


@dataclass(frozen=True)
class CrowdSafeguard(Safeguard):
    """`invariant`: the one that its absence violates. `faults`: these and no others, over any crowd."""

    invariant: str = ""

    def plans(self) -> Iterator[Any]:
        """What to run it against."""
        for seed in range(self.runs):
            yield draw_crowd(seed, only=self.kinds, faults=self.faults or None)


def _leave_whatever_stands_there(queue: FakeQueue, zone: ZoneKey, intent: Intent) -> Queued:
    there = queue.intents.get((zone, intent.cluster))
    kept = replace(there, intent=replace(there.intent, renewed_at=intent.renewed_at)) if there else Queued(intent)
    queue.intents[(zone, intent.cluster)] = kept
    return kept


def _settle_whatever_stands_there(queue: FakeQueue, zone: ZoneKey, intent: Intent, settled: Settled) -> None:
    there = queue.intents.get((zone, intent.cluster))
    if there is not None:
        queue.intents[(zone, intent.cluster)] = replace(there, settled=settled)


_take_apart = _Turn._take_apart


def _refuse_all(turn: _Turn, batch: Sequence[PlannedBatch], named: Sequence[PlannedBatch], why: str) -> None:
    _take_apart(turn, batch, named or batch, why)


def _put_whatever_stands_there(
    store: FakeRateBudgets, purpose: Purpose, _: Throughput | None, after: Throughput
) -> bool:
    store.saved[purpose] = after
    return True


def _everybody(names: Collection[str], plans: Sequence[PlannedBatch]) -> tuple[PlannedBatch, ...]:
    return tuple(plans)


def _nothing(*_: Any) -> None:
    return None


def _true(*_: Any) -> bool:
    return True


def _free(*_: Any) -> float:
    return 0.0


DIES_IN_EACH_TRY = tuple(Fault(number, "writer_dies", 0.0, 60.0, 0, 0.5, 2) for number in range(3))
"""Whoever has the first turn dies before it reads what waits, and so do both of its retries, which have the turn, too:
it goes by cluster and epoch. The next epoch of that cluster is somebody else."""
ALWAYS_WAITED_FOR = ((Intent, "is_waited_for", _true),)
TURNS_FOR_EVER = (group_commit, "TURN_S", 10**6)
CROWDED_FOR_EVER = (group_commit, "CROWDED_S", 10**6)
UNGUARDED = ((group_commit, "plan_batch", _unguarded_plan), (movers, "plan_batch", _unguarded_plan))
CROWD_SAFEGUARDS: Mapping[str, CrowdSafeguard] = {
    "guard-in-the-plan": CrowdSafeguard(
        "a batch deletes the guard that was read, and creates a new one",
        UNGUARDED,
        runs=40,
        kinds=("batch_is_late", "superseded", "writer_freezes"),
        invariant="record_obeys_the_newest_epoch",
    ),
    "guard-in-route53": CrowdSafeguard(
        "Route 53 refuses a batch whose guard is not there any more",
        ((Route53Model, "_demand_matches", _nothing),),
        runs=40,
        kinds=("batch_is_late", "superseded", "writer_freezes"),
        invariant="record_obeys_the_newest_epoch",
    ),
    "epoch-of-an-intent": CrowdSafeguard(
        "a newer epoch replaces what an older one has left in the queue",
        ((FakeQueue, "leave", _leave_whatever_stands_there),),
        runs=40,
        kinds=("superseded", "zone_taken"),
        invariant="what_is_told_is_true",
    ),
    "epoch-of-an-answer": CrowdSafeguard(
        "an answer for an older epoch is not written down for a newer one",
        ((FakeQueue, "settle", _settle_whatever_stands_there),),
        runs=40,
        kinds=("superseded", "writer_freezes", "zone_taken"),
        invariant="what_is_told_is_true",
    ),
    "turn-runs-out-and-so-does-the-crowd": CrowdSafeguard(
        "the turn of a writer that died is the next one's after 30 s; a crowd is over 60 s after its last sign",
        (TURNS_FOR_EVER, CROWDED_FOR_EVER),
        runs=10,
        faults=DIES_IN_EACH_TRY,
        invariant="all_is_right_within_the_bound",
    ),
    "one-has-the-turn": CrowdSafeguard(
        "one at a time hands in what waits for a zone",
        ((FakeQueue, "take_turn", _true),),
        runs=20,
        kinds=("zone_taken", "throttled"),
        invariant="nothing_is_handed_in_twice",
    ),
    "turn-has-an-end": CrowdSafeguard(
        "a writer whose time is over begins no further batch",
        ((move_address, "TRY_BUDGET_S", 10**6),),
        runs=60,
        kinds=("writer_freezes",),
        invariant="nothing_is_handed_in_twice",
    ),
    "intent-is-renewed": CrowdSafeguard(
        "what its cluster does not look after any more is left out",
        ALWAYS_WAITED_FOR,
        runs=60,
        kinds=("writer_dies", "writer_freezes", "table_down"),
        invariant="nobody_pays_for_what_nobody_waits_for",
    ),
    "halves": CrowdSafeguard(
        "when Route 53 names nobody, half of the batch is tried",
        ((_Turn, "_take_apart", _refuse_all),),
        runs=20,
        kinds=("access_denied", "zone_taken"),
        invariant="only_the_guilty_are_refused",
    ),
    "names": CrowdSafeguard(
        "only those that Route 53 names are taken out of a batch",
        ((group_commit, "rejected_members", _everybody),),
        runs=20,
        kinds=("batch_refused", "zone_taken"),
        invariant="only_the_guilty_are_refused",
    ),
    "share": CrowdSafeguard(
        "each call of a turn, and each question, is paid for out of the share",
        ((RateBudget, "take", _free),),
        runs=20,
        kinds=("zone_taken", "route53_answers_lost"),
        invariant="what_is_used_was_paid_for",
    ),
    "share-as-it-was-read": CrowdSafeguard(
        "what is left of the share is written only over what was read",
        ((FakeRateBudgets, "save", _put_whatever_stands_there),),
        runs=60,
        kinds=("zone_taken", "writer_freezes"),
        invariant="the_share_is_kept",
    ),
    "one-asks": CrowdSafeguard(
        "one asks for a change, and the others are told",
        ((FakeQuestions, "take_question", _nothing),),
        runs=20,
        kinds=("zone_taken",),
        invariant="a_change_is_asked_for_once",
    ),
}

ABANDONED = (
    Fault(0, "writer_dies", 0.0, 20.0, 0, 0.5, 42),
    Fault(1, "writer_dies", 0.0, 20.0, 0, 0.5, 42),
    Fault(2, "writer_dies", 0.0, 20.0, 0, 0.5, 42),
    Fault(3, "superseded", 64.0, 1.0, 0, 0.5, 0),
    Fault(4, "zone_taken", 70.0, 6.0, 0, 1.0, 0),
)
"""Of the first cluster each try dies just after it has left its intent. When Route 53 is not crowded any more, another
epoch moves it alone, back to node-a. Then there is a crowd again, which finds the old intent in the queue."""


def abandoned(seed: int) -> CrowdPlan:
    """Two safeguards keep an intent out that a dead execution has left: that nobody renews it, and the guard."""
    members = (Member(0.0, (0,)), Member(70.5, (0,)), Member(70.6, (0,)))
    return CrowdPlan(seed, members, 0.9, is_known=True, faults=ABANDONED)


HANGS_TWICE = (Fault(0, "writer_freezes", 0.0, 20.0, 0, 1.0, 42), Fault(1, "writer_freezes", 30.0, 60.0, 0, 1.0, 42))
"""The first two tries of the first cluster hang just after they have left its intent, or have found its answer."""


def answered_unread(seed: int) -> CrowdPlan:
    """A cluster whose intent others hand in, and whose third try is the first one that goes on, after the crowd."""
    members = (Member(0.0, (0,)), Member(0.05, (0,)), Member(0.5, (0,)))
    return CrowdPlan(seed, members, 0.9, is_known=True, faults=HANGS_TWICE)


_move_together = movers.RecordMover._move_together


def _alone_in_the_second_try(mover: movers.RecordMover, task: movers.MoveTask, by_zone: Any) -> Any:
    return (_move_together if task.now < NOW + 30 else movers.RecordMover._move_alone)(mover, task, by_zone)


NOT_IN_THE_QUEUE = ((movers.RecordMover, "_move_together", _alone_in_the_second_try),)
"""Whoever comes again while Route 53 is crowded moves alone, and does not look into the queue."""
