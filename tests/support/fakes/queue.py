"""The queue of group commit in memory. It keeps the conditions of its port."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.support.fakes.faults import Faulty
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.zone import FakeZone
from understudy.domain.group_commit import Intent, Settled, ZoneKey
from understudy.queue_ports import Queued
from understudy.usecases.group_commit import GroupCommit


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


def a_group(zone: FakeZone, ledger: FakeLedger, clock: Callable[[], float]) -> GroupCommit:
    """Group commit with a queue of its own; its waits cost nothing."""
    return GroupCommit(zone, FakeQueue(ledger), clock, lambda _: None, "understudy")
