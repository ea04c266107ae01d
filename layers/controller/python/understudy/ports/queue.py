"""What group commit needs of the cluster table. Adapters and test fakes both keep to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.batching.rate_limits import Purpose, Throughput
from understudy.domain.cluster.definition import ZoneKey
from understudy.domain.cluster.record import ChangeReading


@dataclass(frozen=True)
class Queued:
    """An intent as it stands in the table, and what became of it; None as long as nobody knows."""

    intent: Intent
    settled: Settled | None = None


class CommitQueue(Protocol):
    """What clusters want of zones, whose turn it is to hand it in, and what became of it."""

    def leave(self, zone: ZoneKey, intent: Intent) -> Queued | None:
        """Leave an intent, or renew it: of the same epoch, what stands there keeps its `left_at` and its answer.

        One of an older epoch is replaced. None when one of a newer epoch stands there: then nothing is written.
        """
        ...

    def waiting(self, zone: ZoneKey) -> Sequence[Intent]:
        """The intents of a zone of which nobody knows yet what became, strongly consistent."""
        ...

    def settle(self, zone: ZoneKey, intent: Intent, settled: Settled) -> None:
        """Write down what became of an intent. Nothing happens when another epoch's stands there by now."""
        ...

    def withdraw(self, zone: ZoneKey, intent: Intent) -> None:
        """Take an intent away, with its answer, so that the next try begins anew. Nothing happens when it is gone."""
        ...

    def take_turn(self, zone: ZoneKey, who: str, now: int, until: int) -> bool:
        """Whether the zone's turn is `who`'s now (seconds): nobody's before, or one that is over, or its own."""
        ...

    def end_turn(self, zone: ZoneKey, who: str) -> None:
        """Let the next one have the turn. Nothing happens when it is another's by now."""
        ...

    def call_crowded(self, until: int) -> None:
        """Let every step know that Route 53 is crowded, at least until then (seconds)."""
        ...


class RateBudgetStore(Protocol):
    """What is left of the controller's share of Route 53's buckets."""

    def left(self, purpose: Purpose) -> Throughput | None:
        """What is left for this purpose; None when nobody has taken anything yet."""
        ...

    def save(self, purpose: Purpose, before: Throughput | None, after: Throughput) -> bool:
        """Save what is left. False when it is not `before` any more: then somebody else has taken something."""
        ...


class Questions(Protocol):
    """Who asks Route 53 what became of a change that is of many clusters, and what it has heard."""

    def take_question(self, change_id: str, now: int, until: int) -> ChangeReading | None:
        """None when it is the caller's to ask Route 53 for this change now: then nobody else asks until `until`.

        Else what is known of it (seconds): PENDING when nobody has heard anything yet. What is in sync needs no
        question any more.
        """
        ...

    def note_answer(self, change_id: str, reading: ChangeReading) -> None:
        """Write down for the others what Route 53 has said."""
        ...
