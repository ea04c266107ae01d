"""Group commit: leave what a cluster wants of a zone, and hand in whatever waits when the turn is ours."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.domain.batching.group_commit import (
    CROWDED_S,
    QUEUE_GAP_S,
    QUEUE_LIMIT_S,
    TURN_S,
    Intent,
    PlannedBatch,
    Settled,
    first_batch,
    rejected_members,
    units_of,
)
from understudy.domain.batching.rate_limits import Bucket, Cost
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Record, ZoneKey
from understudy.domain.cluster.errors import (
    AddressCrowdedError,
    AddressUnreadableError,
    ChangeRefusedError,
    GuardMismatchError,
    ZoneBusyError,
    ZoneCrowdedError,
)
from understudy.domain.cluster.record import Change, DesiredRecord, Foreign, RecordReading, Stale, plan_batch, plan_zone
from understudy.domain.transition.addresses import Moved, owed
from understudy.ports.queue import CommitQueue
from understudy.ports.route53 import CrowdedZone
from understudy.usecases.batching.rate_budget import RateBudget
from understudy.usecases.step import Clock

READ_TOGETHER = 250
"""How many intents a turn plans at once: no batch takes more of them."""
CROWDED_GAP_S = 0.5
"""How long a turn waits before it hands in a batch again for which Route 53 was too crowded (seconds)."""
Readings = Mapping[Record, RecordReading]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GroupCommit:
    """Moves the records of a zone together with those of other clusters.

    `pause` waits (seconds). `stack`: who writes the guards. `budget`: what each call of a turn is paid from before.
    """

    zone: CrowdedZone
    queue: CommitQueue
    clock: Clock
    pause: Callable[[float], None]
    stack: str
    budget: RateBudget

    def begin(self) -> None:
        """Let everybody know that Route 53 is crowded: whoever comes now queues up and asks nothing of it."""
        self.queue.call_crowded(int(self.clock()) + CROWDED_S)

    def move(self, key: ZoneKey, intent: Intent, has_time: Callable[[], bool]) -> Settled | None:
        """What became of the intent, which is left and handed in when the turn is ours. None: it waits, look again.

        `has_time`: whether another call of Route 53 may begin. An intent that has waited for QUEUE_LIMIT_S is answered
        as owed, and so is one that was refused for a passing reason; then it is withdrawn: the next try begins anew.
        """
        queued = self.queue.leave(key, intent)
        if queued is None:
            return Settled(is_stale=True)
        settled = queued.settled or self._in_turn(key, queued.intent, has_time)
        if settled is None and intent.renewed_at - queued.intent.left_at >= QUEUE_LIMIT_S:
            why = f"nobody could hand it in for {QUEUE_LIMIT_S} s"
            settled = Settled(tuple(owed(each.label, why, may_pass=True) for each in intent.records))
        if settled is not None and any(each.status is AddressStatus.OWED for each in settled.moved):
            self.queue.withdraw(key, intent)
        return settled

    def _in_turn(self, key: ZoneKey, mine: Intent, has_time: Callable[[], bool]) -> Settled | None:
        who, now = f"{mine.cluster} {mine.epoch}", int(self.clock())
        if not (has_time() and self.queue.take_turn(key, who, now, now + TURN_S)):
            return None
        try:
            waiting = [each for each in self.queue.waiting(key) if each.is_waited_for(now)]
            waiting.sort(key=lambda each: (each.left_at, each.cluster))
            self.begin()
            turn = _Turn(self, key, mine, has_time)
            turn.work_off(waiting[:READ_TOGETHER])
            return turn.settled
        finally:
            self.queue.end_turn(key, who)


@dataclass
class _Turn:
    """One turn: it ends when the cluster that has it knows what became of its own intent, or when its time is over."""

    group: GroupCommit
    key: ZoneKey
    mine: Intent
    has_time: Callable[[], bool]
    settled: Settled | None = None
    plans: list[PlannedBatch] = field(default_factory=list)
    most: int = READ_TOGETHER  # how many intents go into one batch
    taken: int = 0  # units that were taken for a batch that Route 53 has not accepted

    def work_off(self, intents: Sequence[Intent]) -> None:
        """Hand in the intents, first come first served, batch by batch."""
        self._plan(intents)
        while self.plans and self.settled is None and self.has_time():
            batch = first_batch(self.plans[: self.most])
            changes = plan_zone(each.batch for each in batch)
            wait_s = self.group.budget.take(self._cost(changes))
            if wait_s > 0:
                self.group.pause(min(wait_s, QUEUE_GAP_S))
                continue
            self.taken = max(self.taken, units_of(changes))
            try:
                change_id = self._submit(batch, changes)
            except ZoneCrowdedError:
                self.group.pause(CROWDED_GAP_S)
            except ZoneBusyError as fault:
                # It may have been accepted: whoever reads the zone next will see.
                log.warning("turn given up", extra={"zone": self.key, "fault": str(fault)})
                return
            except GuardMismatchError as fault:
                self._take_apart(batch, rejected_members(fault.names, batch), str(fault))
            except ChangeRefusedError as fault:
                self._take_apart(batch, (), str(fault))
            else:
                self._accepted(batch, change_id)

    def _cost(self, changes: tuple[Change, ...]) -> Cost:
        """Units are paid once for a batch that is turned away, requests each time. Nobody waits for what is paid."""
        missing = units_of(changes) - self.taken
        return {Bucket.UNITS: missing, Bucket.CHANGES: 1} if missing > 0 else {Bucket.CHANGES: 1}

    def _submit(self, batch: Sequence[PlannedBatch], changes: tuple[Change, ...]) -> str:
        names = ", ".join(each.intent.cluster for each in batch)
        comment = f"understudy, {len(batch)} clusters: {names}"
        # Only once: one request is paid for, and the turn comes back by itself.
        return self.group.zone.submit(batch[0].records[0], changes, comment, tries_again=False)

    def _pay_for_a_page(self) -> None:
        """Wait until a read is left in the share. Raises AddressCrowdedError when the turn's time is over before."""
        while (wait_s := self.group.budget.take({Bucket.READS: 1})) > 0:
            if not self.has_time():
                raise AddressCrowdedError("the controller has used its share of Route 53's reads")
            self.group.pause(min(wait_s, QUEUE_GAP_S))

    def _accepted(self, batch: Sequence[PlannedBatch], change_id: str) -> None:
        self.taken = 0
        for plan in batch:
            new = (Moved(each.label, AddressStatus.PROPAGATING, change_id) for each in plan.records)
            self._settle(plan.intent, Settled((*plan.not_moved, *new)))
        log.info("group committed", extra={"zone": self.key, "change": change_id, "clusters": len(batch)})
        self._leave_out(batch)
        self.most = min(READ_TOGETHER, 2 * self.most)

    def _take_apart(self, batch: Sequence[PlannedBatch], named: Sequence[PlannedBatch], why: str) -> None:
        """Route 53 has refused the whole batch. Who is the reason gets an answer of its own; the others go again.

        Those that it names are read again: a guard may have changed since. When it names nobody, half of the batch is
        tried, and so on down to one.
        """
        log.warning("batch refused", extra={"zone": self.key, "clusters": len(batch), "fault": why})
        if not named and len(batch) > 1:
            self.most = len(batch) // 2
            return
        self.most = READ_TOGETHER
        refused = {each.intent: each.batch for each in named or batch}
        self._leave_out(named or batch)
        self._plan(list(refused))
        for plan in [each for each in self.plans if refused.get(each.intent) == each.batch]:
            not_moved = tuple(owed(each.label, why) for each in plan.records)
            self._settle(plan.intent, Settled((*plan.not_moved, *not_moved)))
            self._leave_out([plan])

    def _plan(self, intents: Sequence[Intent]) -> None:
        """Read what the intents are about, and put their plans before the others. What cannot be read stays queued."""
        records = [record for intent in intents for record in intent.records]
        if not records:
            return
        try:
            readings = self.group.zone.read_many(records, self._pay_for_a_page)
        except AddressUnreadableError as fault:
            log.warning("zone not read", extra={"zone": self.key, "fault": str(fault)})
            return
        found = [plan for intent in intents if (plan := self._plan_of(intent, readings)) is not None]
        self.plans = [*found, *self.plans]

    def _plan_of(self, intent: Intent, readings: Readings) -> PlannedBatch | None:
        """The intent's share of a batch; None when it has none, and then it is settled."""
        changes, not_moved = [], []
        for record, address in intent.address_of.items():
            wish = DesiredRecord(self.group.stack, intent.cluster, intent.epoch, intent.node, address, intent.ttl)
            reading = readings[record]
            plan = plan_batch(record, wish, reading)
            if isinstance(plan, Stale):
                self._settle(intent, Settled(guard=plan.guard))
                return None
            if reading.obstacle:
                not_moved.append(owed(record.label, reading.obstacle, may_pass=True))
            elif isinstance(plan, Foreign):
                not_moved.append(
                    owed(
                        record.label, f"{record.name} is another cluster's, or of no epoch, says its guard {plan.guard}"
                    )
                )
            else:
                changes.append(plan)
        if not changes:
            self._settle(intent, Settled(tuple(not_moved)))
            return None
        return PlannedBatch(intent, plan_zone(changes), tuple(not_moved))

    def _settle(self, intent: Intent, settled: Settled) -> None:
        if intent.cluster == self.mine.cluster:
            self.settled = settled
        self.group.queue.settle(self.key, intent, settled)

    def _leave_out(self, plans: Iterable[PlannedBatch]) -> None:
        gone = {each.intent for each in plans}
        self.plans = [each for each in self.plans if each.intent not in gone]
