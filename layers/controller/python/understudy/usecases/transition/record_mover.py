"""How an address is moved: one narrow port for every kind, and the mover of Route 53 records behind it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition, NodeSpec, Record, ZoneKey
from understudy.domain.cluster.errors import (
    AddressCrowdedError,
    AddressUnreadableError,
    ChangeRefusedError,
    GuardMismatchError,
    ZoneBusyError,
    ZoneCrowdedError,
)
from understudy.domain.cluster.record import (
    Change,
    DesiredRecord,
    Foreign,
    Guard,
    RecordReading,
    Stale,
    is_in_place,
    plan_batch,
    plan_zone,
)
from understudy.domain.transition.addresses import Moved, owed, queued
from understudy.ports.route53 import Zone


class OvertakenError(Exception):
    """A newer epoch is in charge. `has_written`: an unguarded write of ours may have come after one of the newer.

    `guard`: where the newer epoch stands in Route 53, the highest guard of this very stack and cluster.
    """

    def __init__(self, why: str, *, has_written: bool = False, guard: Guard | None = None) -> None:
        super().__init__(why)
        self.has_written = has_written
        self.guard = guard


@dataclass(frozen=True)
class MoveTask:
    """Let a cluster's addresses lead to `node` under `epoch`.

    `known`: the addresses that the table knows to be moved under this epoch already. `is_current`: reads the epoch in
    the table, strongly consistent, and says whether it is still this one. `has_time`: whether another call may begin.
    `is_crowded`: whether Route 53 is known to be crowded; `now`: when the task began (seconds).
    """

    definition: Definition
    node: NodeSpec
    epoch: int
    stack: str
    known: Mapping[str, AddressStatus]
    is_current: Callable[[], bool]
    has_time: Callable[[], bool]
    now: int
    is_crowded: bool = False


class Mover(Protocol):
    """Moves the addresses of one kind."""

    def move(self, task: MoveTask) -> Sequence[Moved]:
        """What became of each of the cluster's addresses of this kind. Doing it twice is safe.

        What cannot be moved is OWED in the answer, and hinders no other. Raises OvertakenError when somebody newer is
        in charge: then nothing more may be moved.
        """
        ...


NO_TIME = "no time was left in this try"
ZONE_FAULTS = (ZoneBusyError, AddressUnreadableError, GuardMismatchError, ChangeRefusedError)
Read = tuple[Record, RecordReading]
log = logging.getLogger(__name__)


class Group(Protocol):
    """Moves records together with those of other clusters. See GroupCommit, whose methods these are."""

    def begin(self) -> None:
        """See GroupCommit.begin."""
        ...

    def move(self, key: ZoneKey, intent: Intent, has_time: Callable[[], bool]) -> Settled | None:
        """See GroupCommit.move."""
        ...


class RecordMover:
    """Route 53 records: all of a zone in one batch, each with its guard, so that Route 53 keeps stale writers out.

    On a quiet day every record of every zone is read before the first is written: a newer epoch in any guard stops the
    whole. When Route 53 says that it is crowded, the zones that are left go by group commit, with those of others; and
    at once when it was known to be crowded before.
    """

    def __init__(self, zone: Zone, group: Group) -> None:
        self._zone = zone
        self._group = group

    def move(self, task: MoveTask) -> Sequence[Moved]:
        """See Mover.move."""
        zone = attrgetter("zone")
        by_zone = [list(group) for _, group in groupby(sorted(task.definition.records, key=zone), key=zone)]
        moved = self._move_together(task, by_zone) if task.is_crowded else self._move_alone(task, by_zone)
        order = {record.label: position for position, record in enumerate(task.definition.records)}
        return sorted(moved, key=lambda each: order[each.label])

    def _move_alone(self, task: MoveTask, by_zone: list[list[Record]]) -> list[Moved]:
        moved: list[Moved] = []
        left = list(by_zone)
        try:
            readings = [self._read(task, records) for records in by_zone]
            _stop_if_overtaken(task, [each for reading in readings if not isinstance(reading, str) for each in reading])
            for reading in readings:
                moved += self._move_zone(task, left[0], reading)
                del left[0]
        except (AddressCrowdedError, ZoneCrowdedError) as fault:
            log.warning("Route 53 is crowded", extra={"cluster": task.definition.cluster, "fault": str(fault)})
            self._group.begin()
            moved += self._move_together(task, left)
        return moved

    def _move_together(self, task: MoveTask, by_zone: list[list[Record]]) -> list[Moved]:
        return [each for records in by_zone for each in self._move_in_group(task, records)]

    def _move_in_group(self, task: MoveTask, records: list[Record]) -> Sequence[Moved]:
        known = [moved for each in records if (moved := _known(task, each)) is not None]
        left = [each for each in records if each.label not in task.known]
        if not left:
            return known
        settled = self._group.move(left[0].zone, _intent(task, left), task.has_time)
        if settled is None:
            return [*known, *(queued(each.label) for each in left)]
        if settled.guard is not None:
            raise _overtaken_by(settled.guard)
        if settled.is_stale:
            raise OvertakenError("a newer epoch of this cluster waits for the zone")
        return [*known, *(each for each in settled.moved if each.label not in task.known)]

    def _read(self, task: MoveTask, records: list[Record]) -> list[Read] | str:
        """The records of one zone with their guards, or why they cannot be read."""
        found = []
        for record in records:
            if not task.has_time():
                return NO_TIME
            try:
                found.append((record, self._zone.read(record)))
            except AddressCrowdedError:
                raise
            except AddressUnreadableError as fault:
                return str(fault)
        return found

    def _move_zone(self, task: MoveTask, records: list[Record], readings: list[Read] | str) -> list[Moved]:
        if isinstance(readings, str):
            return [_known(task, record) or owed(record.label, readings, may_pass=True) for record in records]
        plans = {record: plan_batch(record, _wish(task, record), reading) for record, reading in readings}
        foreign = [
            owed(record.label, f"{record.name} is another cluster's, or of no epoch, says its guard {plan.guard}")
            for record, plan in plans.items()
            if isinstance(plan, Foreign)
        ]
        there = [record for record, reading in readings if _is_there(task, record, reading)]
        known = [moved for each in there if (moved := _known(task, each)) is not None]
        ours = {each: plan for each, plan in plans.items() if isinstance(plan, tuple) and each not in there}
        return [*foreign, *known, *(self._submit(task, ours) if ours else ())]

    def _submit(self, task: MoveTask, plans: Mapping[Record, tuple[Change, ...]]) -> list[Moved]:
        if not task.has_time():
            return [owed(each.label, NO_TIME, may_pass=True) for each in plans]
        comment = f"understudy {task.definition.cluster} epoch {task.epoch}: {task.node.name}"
        try:
            change_id = self._zone.submit(next(iter(plans)), plan_zone(plans.values()), comment)
        except ZoneCrowdedError:
            raise
        except ZONE_FAULTS as fault:
            may_pass = not isinstance(fault, ChangeRefusedError)
            return [owed(each.label, fault, may_pass=may_pass) for each in plans]
        return [Moved(each.label, AddressStatus.PROPAGATING, change_id) for each in plans]


def _intent(task: MoveTask, records: Sequence[Record]) -> Intent:
    leads_to = task.definition.leads_to(task.node)
    return Intent(
        cluster=task.definition.cluster,
        epoch=task.epoch,
        node=task.node.name,
        ttl=task.definition.tuning.ROUTE53_TTL,
        records=tuple(records),
        addresses=tuple(leads_to[each.label] for each in records),
        left_at=task.now,
        renewed_at=task.now,
    )


def _wish(task: MoveTask, record: Record) -> DesiredRecord:
    return DesiredRecord(
        stack=task.stack,
        cluster=task.definition.cluster,
        epoch=task.epoch,
        node=task.node.name,
        address=task.definition.leads_to(task.node)[record.label],
        ttl=task.definition.tuning.ROUTE53_TTL,
    )


def _stop_if_overtaken(task: MoveTask, readings: list[Read]) -> None:
    plans = [plan_batch(record, _wish(task, record), reading) for record, reading in readings]
    guards = [plan.guard for plan in plans if isinstance(plan, Stale)]
    if guards:
        raise _overtaken_by(max(guards, key=lambda guard: guard.epoch))


def _overtaken_by(guard: Guard) -> OvertakenError:
    return OvertakenError(f"a newer epoch stands in Route 53: {guard.epoch} for {guard.node}", guard=guard)


def _known(task: MoveTask, record: Record) -> Moved | None:
    """What the table knows of a record that was accepted under this epoch; None when it knows of no such thing.

    That it cannot be read again says nothing against it.
    """
    status = task.known.get(record.label)
    return Moved(record.label, status, is_new=False) if status is not None else None


def _is_there(task: MoveTask, record: Record, reading: RecordReading) -> bool:
    return record.label in task.known and is_in_place(record, _wish(task, record), reading)
