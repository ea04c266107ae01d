"""Who asks Route 53 what became of a change that brought the addresses of many clusters: once for all of them."""

from dataclasses import dataclass, field

from understudy.domain.batching.group_commit import ASK_GAP_S
from understudy.domain.batching.rate_limits import Bucket
from understudy.domain.cluster.record import ChangeReading
from understudy.ports.queue import Questions
from understudy.ports.route53 import ChangeStatus
from understudy.usecases.batching.rate_budget import RateBudget
from understudy.usecases.step import Clock


@dataclass(frozen=True)
class SharedChanges:
    """Asks when nobody has asked for ASK_GAP_S, and else says what the one before has heard. Itself a ChangeStatus."""

    changes: ChangeStatus
    questions: Questions
    clock: Clock
    budget: RateBudget

    def change_status(self, change_id: str) -> ChangeReading:
        """What is known of the change: never newer than Route 53's word, and at most ASK_GAP_S older.

        It is older when the share of requests is used up. What nobody could ask for is PENDING, which is no failure.
        """
        now = int(self.clock())
        known = self.questions.take_question(change_id, now, now + ASK_GAP_S)
        if known is not None:
            return known
        if self.budget.take({Bucket.POLLS: 1}) > 0:
            return ChangeReading.PENDING
        reading = self.changes.change_status(change_id)
        self.questions.note_answer(change_id, reading)
        return reading


@dataclass(frozen=True)
class AskedOnce:
    """Asks for each change once, as long as it is used: for one watch. Itself a ChangeStatus."""

    changes: ChangeStatus
    heard: dict[str, ChangeReading] = field(default_factory=dict)

    def change_status(self, change_id: str) -> ChangeReading:
        """As ChangeStatus.change_status. A question that failed is asked again by the next cluster."""
        if change_id not in self.heard:
            self.heard[change_id] = self.changes.change_status(change_id)
        return self.heard[change_id]
