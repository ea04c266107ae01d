"""Group commit: when Route 53 is crowded, the moves of one zone share one change batch.

Route 53 takes one batch for a zone at a time, and an account's requests and changes come out of buckets. A thousand
clusters that each ask for themselves get in each other's way. So each leaves in the table what it wants of a zone, its
*intent*; whoever has the *turn* hands in all that waits, and writes down what became of each.

Nothing here is trusted with safety: the guards in Route 53 keep stale writers out, whoever hands a batch in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import Change, ChangeVerb, Guard
from understudy.domain.transition.addresses import Moved

CROWDED_S = 60
"""How long the controller takes Route 53 for crowded after the last sign of it (seconds)."""
FOLLOWED_S = 300
"""For so long after it, the changes that were handed in together are still asked for together (seconds)."""
TURN_S = 30
"""How long a turn lasts at most: its holder's function ends earlier. A writer that died keeps the zone no longer."""
QUEUE_GAP_S = 2
"""How long a cluster waits before it looks again what became of its intent (seconds)."""
QUEUE_LIMIT_S = 300
"""How long an intent may wait before its cluster counts the try as failed (seconds)."""
INTENT_KEPT_S = 15
"""An intent that its cluster has not renewed for so long is nobody's any more (seconds). Queued clusters renew theirs
with every look."""

ASK_GAP_S = 5
"""In a crowd, Route 53 is asked no more often than so what became of one change (seconds)."""

CHANGES_LIMIT = 1000
CHARACTERS_LIMIT = 32_000
"""What Route 53 takes in one batch: record values, and their characters. It counts an UPSERT twice."""


@dataclass(frozen=True)
class Intent:
    """What one cluster wants of one zone under one epoch: each record to lead to an address of `node`.

    `left_at`: when it was left first; `renewed_at`: when its cluster looked last (seconds).
    """

    cluster: str
    epoch: int
    node: str
    ttl: int
    records: tuple[Record, ...]
    addresses: tuple[str, ...]
    left_at: int
    renewed_at: int

    @property
    def address_of(self) -> Mapping[Record, str]:
        """What each record is to say."""
        return dict(zip(self.records, self.addresses, strict=True))

    def is_waited_for(self, now: int) -> bool:
        """Whether its cluster still waits for it at `now` (seconds)."""
        return now - self.renewed_at < INTENT_KEPT_S


@dataclass(frozen=True)
class Settled:
    """What became of an intent: each record, or that its cluster was overtaken.

    `guard`: the newer one that stands in Route 53; `is_stale`: a newer epoch of the cluster waits for the zone.
    """

    moved: tuple[Moved, ...] = ()
    guard: Guard | None = None
    is_stale: bool = False


@dataclass(frozen=True)
class PlannedBatch:
    """An intent with its share of the batch, and the records of it that are not in the batch and why."""

    intent: Intent
    batch: tuple[Change, ...]
    not_moved: tuple[Moved, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """The records that the batch moves."""
        left_out = {each.label for each in self.not_moved}
        return tuple(record for record in self.intent.records if record.label not in left_out)


def room_needed(batch: Iterable[Change]) -> tuple[int, int]:
    """How many record values a batch has and how many characters, as Route 53 counts them."""
    changes = characters = 0
    for change in batch:
        weight = 2 if change.verb is ChangeVerb.UPSERT else 1
        changes += weight * len(change.record_set.values)
        characters += weight * sum(map(len, change.record_set.values))
    return changes, characters


def units_of(batch: Iterable[Change]) -> int:
    """What a batch costs of the account's change throughput: one for a CREATE or a DELETE, two for an UPSERT."""
    return sum(2 if change.verb is ChangeVerb.UPSERT else 1 for change in batch)


def first_batch(plans: Sequence[PlannedBatch]) -> tuple[PlannedBatch, ...]:
    """As many of the plans, from the first on, as one batch takes: at least one."""
    changes = characters = 0
    fitting: list[PlannedBatch] = []
    for plan in plans:
        more = room_needed(plan.batch)
        changes, characters = changes + more[0], characters + more[1]
        if fitting and (changes > CHANGES_LIMIT or characters > CHARACTERS_LIMIT):
            break
        fitting.append(plan)
    return tuple(fitting)


def rejected_members(names: Collection[str], plans: Sequence[PlannedBatch]) -> tuple[PlannedBatch, ...]:
    """Those of the plans that change a record set of one of these names."""
    return tuple(plan for plan in plans if any(change.record_set.name in names for change in plan.batch))
