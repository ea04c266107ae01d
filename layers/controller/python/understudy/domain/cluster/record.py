"""The protected record and its guard.

Route 53 has no conditional UPSERT. A batch is atomic, though, and a DELETE must match what is there exactly: so the
guard, a TXT record beside the protected one that carries the epoch, makes the batch a compare-and-swap.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.quoting import quoted
from understudy.domain.cluster.state import EPOCH_LIMIT

GUARD_EPOCH_LIMIT = EPOCH_LIMIT // 2
"""A table takes up the epoch of a guard of its own: there must be room above it for the moves to come."""
GUARD_PREFIX = "_understudy."
GUARD_TEXT = re.compile(r'"understudy stack=([^" ]+) cluster=([^" ]+) epoch=([0-9]{1,255}) node=([^" ]+)"')


@dataclass(frozen=True)
class RecordSet:
    """A record set as Route 53 keeps it: values in Route 53's own notation, TTL in seconds.

    `health_check`: the id of the health check that somebody has attached to it, which an UPSERT without it would drop.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    health_check: str = ""


@dataclass(frozen=True)
class RecordReading:
    """What Route 53 said: the protected record and the guard, each None when there is none.

    `obstacle`: what stands under one of the two names that the controller cannot have made and does not move, in
    words: an alias, records with a routing policy, a CNAME. Empty when there is none.
    """

    record: RecordSet | None
    guard: RecordSet | None
    obstacle: str = ""


@dataclass(frozen=True)
class Guard:
    """What a guard says of who wrote it and the record."""

    stack: str
    cluster: str
    epoch: int
    node: str


class ChangeReading(StrEnum):
    """Route 53's word on a change that it has accepted. A question that fails is none of them."""

    IN_SYNC = "IN_SYNC"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"  # Route 53 knows no such change (any more): nobody can say whether its servers have it


class ChangeVerb(StrEnum):
    """Route 53's words for a change."""

    DELETE = "DELETE"
    CREATE = "CREATE"
    UPSERT = "UPSERT"


@dataclass(frozen=True)
class Change:
    """One line of a batch."""

    verb: ChangeVerb
    record_set: RecordSet


@dataclass(frozen=True)
class DesiredRecord:
    """What the record is to say: the node's address, under an epoch. A cluster's name is unique within its stack."""

    stack: str
    cluster: str
    epoch: int
    node: str
    address: str
    ttl: int


@dataclass(frozen=True)
class Stale:
    """The guard is our own and carries a higher epoch: somebody newer is in charge."""

    guard: Guard


@dataclass(frozen=True)
class Foreign:
    """The guard is another cluster's: this record is not ours to move."""

    guard: str


def guard_name(record: Record) -> str:
    """Where the guard of a protected record stands."""
    return GUARD_PREFIX + record.name


def read_guard(guard: RecordSet | None) -> Guard | None:
    """Who wrote a guard; None when there is none, or something else stands there, or its epoch is none."""
    found = max(_parsed(guard), key=lambda each: each.epoch, default=None)
    return found if found and found.epoch < GUARD_EPOCH_LIMIT else None


def _parsed(guard: RecordSet | None) -> list[Guard]:
    """What its values say, those that are no guard's left out. The controller writes one value."""
    found = [GUARD_TEXT.fullmatch(value) for value in guard.values] if guard else []
    return [Guard(each[1], each[2], int(each[3]), each[4]) for each in found if each]


def guard_epoch(guard: RecordSet | None) -> int:
    """The epoch that a guard carries; 0 when there is none, or something else stands there."""
    found = read_guard(guard)
    return found.epoch if found else 0


def is_foreign(guard: RecordSet | None, stack: str, cluster: str) -> bool:
    """Whether the record is not ours to move: somebody else writes its guard too, or its epoch can be no cluster's."""
    return bool(foreign_words(guard, stack, cluster))


def foreign_words(guard: RecordSet | None, stack: str, cluster: str) -> str:
    """Why the record is not ours to move, by its guard; empty when it is."""
    found = _parsed(guard)
    for each in found:
        if (each.stack, each.cluster) != (stack, cluster):
            return f"the guard says that cluster {each.cluster} of stack {each.stack} protects it"
    if guard and len(guard.values) > 1:
        every = quoted(" ".join(guard.values))
        return f"the guard has {len(guard.values)} values, {every}, and is written with one: delete what is not ours"
    if found and found[0].epoch >= GUARD_EPOCH_LIMIT:
        limit = f"every one in a guard is below {GUARD_EPOCH_LIMIT}"
        return f"the guard's epoch is {quoted(found[0].epoch)}, and {limit}: delete that record"
    return ""


def desired(record: Record, wish: DesiredRecord) -> tuple[RecordSet, RecordSet]:
    """The protected record and the guard as they are to be."""
    text = f'"understudy stack={wish.stack} cluster={wish.cluster} epoch={wish.epoch} node={wish.node}"'
    return (
        RecordSet(record.name, record.type, wish.ttl, (wish.address,)),
        RecordSet(guard_name(record), "TXT", wish.ttl, (text,)),
    )


def is_in_place(record: Record, wish: DesiredRecord, reading: RecordReading) -> bool:
    """Whether Route 53 already says just what is wished, guard included."""
    new_record, new_guard = desired(record, wish)
    return (reading.record, reading.guard) == (_checked_as(new_record, reading.record), new_guard)


def _checked_as(new: RecordSet, found: RecordSet | None) -> RecordSet:
    """A record set with the health check that is attached to the one that it replaces."""
    return replace(new, health_check=found.health_check) if found else new


def differences(record: Record, wish: DesiredRecord, reading: RecordReading) -> list[str]:
    """What somebody has changed since record and guard were written, in words; empty when nothing.

    Both are always written with one TTL, so two different ones are a change. One that only differs from ROUTE53_TTL is
    none: a changed tunable applies from the next move on.
    """
    found, guard, (new_record, new_guard) = reading.record, reading.guard, desired(record, wish)
    words = []
    if found is None:
        words.append("the record is gone")
    elif found.values != new_record.values:
        words.append(f"the record is {', '.join(found.values)} and not {wish.address}")
    if guard is None:
        words.append("the guard is gone")
    elif guard.values != new_guard.values:
        words.append(f"the guard is {' '.join(guard.values)} and not {new_guard.values[0]}")
    if found and guard and found.ttl != guard.ttl:
        words.append(f"the record's TTL is {found.ttl} s and its guard's {guard.ttl} s, and they are written with one")
    return words


def plan_batch(record: Record, wish: DesiredRecord, reading: RecordReading) -> tuple[Change, ...] | Stale | Foreign:
    """The batch that makes the record say what is wished; Stale or Foreign when it may not.

    One epoch is for one node: a guard of the same epoch for another one comes from another life of the table.
    DELETE of the guard as read, CREATE of the new one, UPSERT of the record: if anybody has changed the guard in
    between, Route 53 itself refuses all three.
    """
    if reading.guard and is_foreign(reading.guard, wish.stack, wish.cluster):
        return Foreign(" ".join(reading.guard.values))
    there = read_guard(reading.guard)
    if there is not None and (there.epoch > wish.epoch or (there.epoch == wish.epoch and there.node != wish.node)):
        return Stale(there)
    new_record, new_guard = desired(record, wish)
    removal = (Change(ChangeVerb.DELETE, reading.guard),) if reading.guard else ()
    return (
        *removal,
        Change(ChangeVerb.CREATE, new_guard),
        Change(ChangeVerb.UPSERT, _checked_as(new_record, reading.record)),
    )


def plan_zone(plans: Iterable[tuple[Change, ...]]) -> tuple[Change, ...]:
    """One batch for several records of one zone, from the batch of each.

    The records of one name share its guard, which is to be written once. If it changed between their readings,
    the batch holds two different DELETEs of it, and Route 53 refuses the whole.
    """
    return tuple(dict.fromkeys(change for plan in plans for change in plan))
