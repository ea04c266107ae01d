"""The queue of group commit in memory. It keeps the conditions of its port."""

from collections.abc import Sequence
from dataclasses import replace

from tests.support.fakes.faults import Faulty
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.batching.rate_limits import Purpose, Throughput
from understudy.domain.cluster.definition import ZoneKey
from understudy.domain.cluster.record import ChangeReading
from understudy.ports.queue import Queued
from understudy.usecases.batching.rate_budget import RateBudget
from understudy.usecases.step import Clock


class FakeQueue(Faulty):
    """CommitQueue over one dict. That Route 53 is crowded stands in the ledger, where every step reads it."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__()
        self.intents: dict[tuple[ZoneKey, str], Queued] = {}
        self.turns: dict[ZoneKey, tuple[str, int]] = {}
        self._ledger = ledger

    def leave(self, zone: ZoneKey, intent: Intent) -> Queued | None:
        """As CommitQueue.leave."""
        with self._called("leave"):
            there = self.intents.get((zone, intent.cluster))
            if there is not None and there.intent.epoch > intent.epoch:
                return None
            if there is not None and there.intent.epoch == intent.epoch:
                renewed = replace(there, intent=replace(there.intent, renewed_at=intent.renewed_at))
            else:
                renewed = Queued(intent)
            self.intents[(zone, intent.cluster)] = renewed
            return renewed

    def waiting(self, zone: ZoneKey) -> Sequence[Intent]:
        """As CommitQueue.waiting."""
        with self._called("waiting"):
            return [each.intent for (key, _), each in self.intents.items() if key == zone and each.settled is None]

    def settle(self, zone: ZoneKey, intent: Intent, settled: Settled) -> None:
        """As CommitQueue.settle."""
        with self._called("settle"):
            there = self.intents.get((zone, intent.cluster))
            if there is not None and there.intent.epoch == intent.epoch:
                self.intents[(zone, intent.cluster)] = replace(there, settled=settled)

    def withdraw(self, zone: ZoneKey, intent: Intent) -> None:
        """As CommitQueue.withdraw."""
        with self._called("withdraw"):
            there = self.intents.get((zone, intent.cluster))
            if there is not None and there.intent.epoch == intent.epoch:
                del self.intents[(zone, intent.cluster)]

    def take_turn(self, zone: ZoneKey, who: str, now: int, until: int) -> bool:
        """As CommitQueue.take_turn."""
        with self._called("take_turn"):
            holder, ends_at = self.turns.get(zone, (who, 0))
            if holder != who and ends_at > now:
                return False
            self.turns[zone] = (who, until)
            return True

    def end_turn(self, zone: ZoneKey, who: str) -> None:
        """As CommitQueue.end_turn."""
        with self._called("end_turn"):
            if self.turns.get(zone, ("", 0))[0] == who:
                del self.turns[zone]

    def call_crowded(self, until: int) -> None:
        """As CommitQueue.call_crowded."""
        with self._called("call_crowded"):
            self._ledger.crowded_until = until


class FakeRateBudgets(Faulty):
    """RateBudgetStore over one dict."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: dict[Purpose, Throughput] = {}

    def left(self, purpose: Purpose) -> Throughput | None:
        """As RateBudgetStore.left."""
        with self._called("left"):
            return self.saved.get(purpose)

    def save(self, purpose: Purpose, before: Throughput | None, after: Throughput) -> bool:
        """As RateBudgetStore.save."""
        with self._called("save"):
            if self.saved.get(purpose) != before:
                return False
            self.saved[purpose] = after
            return True


class FakeQuestions(Faulty):
    """Questions over one dict."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, tuple[int, ChangeReading]] = {}

    def take_question(self, change_id: str, now: int, until: int) -> ChangeReading | None:
        """As Questions.take_question."""
        with self._called("take_question"):
            asked_until, reading = self.asked.get(change_id, (0, ChangeReading.PENDING))
            if asked_until > now or reading is ChangeReading.IN_SYNC:
                return reading
            self.asked[change_id] = (until, reading)
            return None

    def note_answer(self, change_id: str, reading: ChangeReading) -> None:
        """As Questions.note_answer."""
        with self._called("note_answer"):
            self.asked[change_id] = (self.asked.get(change_id, (0, reading))[0], reading)


def a_budget(clock: Clock, purpose: Purpose = Purpose.MOVES, share: float = 1.0) -> RateBudget:
    """A rate budget of which nobody has used anything yet."""
    return RateBudget(FakeRateBudgets(), purpose, clock, share)
