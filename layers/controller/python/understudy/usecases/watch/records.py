"""The record monitor: once a minute, compare every protected record with the node in service.

One reading of a zone serves all its clusters: calls grow with zones and pages, not with clusters. What cannot be read
ends the check of that zone without acting: unknown is not different.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.domain.cluster.definition import Record, ZoneKey
from understudy.domain.cluster.errors import AddressUnreadableError, LedgerConflictError
from understudy.domain.cluster.intervals import recordcheck_gap_s
from understudy.domain.cluster.record import DesiredRecord, RecordReading
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import Tuning, effective
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.addresses import RecordDrifted, RecordGuarded, RecordObstructed
from understudy.domain.transition.steps import address_owed
from understudy.domain.watch.drift import (
    ADVICE,
    RecordFinding,
    RecordStatus,
    WithheldFacts,
    examine,
    facts_of,
    repairable,
    withheld,
    written_last,
)
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.ports.route53 import ZoneListing
from understudy.usecases.step import Clock, publish

REMEMBERED = 20
"""How many findings the history of an epoch keeps: more than a cluster has records, and no more than an item holds."""
Pause = Callable[[float], None]
Readings = Mapping[Record, RecordReading]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """A cluster to look at. `wishes`: what the newest move wrote for each record; empty while that is not known."""

    state: ClusterState
    tuning: Tuning
    wishes: Mapping[Record, DesiredRecord]


@dataclass(frozen=True)
class ZoneTask:
    """What is to be read of one zone, in order, and the tunables of the clusters that want it."""

    records: dict[Record, None] = field(default_factory=dict)
    tunings: set[Tuning] = field(default_factory=set)


@dataclass(frozen=True)
class RecordMonitor:
    """Compares, and marks what has drifted as owed: the table of rules then has it repaired, under a new epoch."""

    ledger: StateLedger
    listing: ZoneListing
    announcer: Announcer
    clock: Clock
    pause: Pause
    stack: str
    measure: Measure = unmeasured

    def check(self, views: Sequence[ClusterView]) -> None:
        """Look at the records of every cluster that is in service and settled, but for those that it owes already.

        While Route 53 is crowded it is left to moves; the metric RecordChecksPutOff counts such a minute.
        """
        stack_wide = self.ledger.stack_wide()
        if self.clock() < stack_wide.crowded_until:
            log.warning("records not checked: Route 53 is crowded", extra={"until": stack_wide.crowded_until})
            self.measure({"RecordChecksPutOff": 1})
            return
        subjects = [_subject(view, stack_wide.tuning, self.stack) for view in views]
        readings = self._read(_tasks(subjects))
        for each in subjects:
            findings = [
                examine(record, wish, readings[record], each.state.epoch)
                for record, wish in each.wishes.items()
                if record in readings
            ]
            if drifted := repairable(findings):
                self._owe(each.state, drifted)
            if others := withheld(findings):
                self._withhold(each.state, others)

    def _read(self, tasks: Mapping[ZoneKey, ZoneTask]) -> Readings:
        """The records of all zones that can be read, each zone as often as its most patient cluster has it."""
        found: dict[Record, RecordReading] = {}
        left, tries, waited_s = dict(tasks), 0, 0
        while left:
            left = {zone: task for zone, task in left.items() if not self._is_read(task, found)}
            tries += 1
            gap_s = recordcheck_gap_s((each for task in left.values() for each in task.tunings), tries, waited_s)
            if gap_s is None:
                break
            self.pause(gap_s)
            waited_s += gap_s
        for _, zone, _ in left:
            log.error("zone not checked: unknown is not different", extra={"zone": zone})
        return found

    def _is_read(self, task: ZoneTask, found: dict[Record, RecordReading]) -> bool:
        try:
            found.update(self.listing.read_many(task.records))
        except AddressUnreadableError as fault:
            log.warning("zone not read", extra={"fault": str(fault)})
            return False
        return True

    def _owe(self, state: ClusterState, drifted: Sequence[RecordFinding]) -> None:
        """Have it repaired at once. The commit is refused when anybody has moved since the state was read."""
        event = RecordDrifted(cluster=state.cluster, epoch=state.epoch, records=[facts_of(each) for each in drifted])
        now = self.clock()
        story = {state.epoch: {"drift": event.detail(), "stages.drifted_at": now}}
        try:
            self.ledger.commit(state, address_owed(state, int(now)), history=story)
        except LedgerConflictError:
            log.info("drift not noted: the state has changed; the next watch looks again")
            return
        log.error("record drifted", extra=event.detail())
        publish(self.announcer, event)

    def _withhold(self, state: ClusterState, findings: Sequence[RecordFinding]) -> None:
        """Move nothing, and tell an operator: once of each different finding under one epoch.

        What was told is remembered in the history of the epoch, which nobody else reads in a watch. A guard can only
        seem to be newer because a move came between the two readings: so the state is read again before it is told.
        """
        is_guarded = any(each.status in (RecordStatus.FOREIGN, RecordStatus.NEWER) for each in findings)
        records: list[WithheldFacts] = [{**facts_of(each), "advice": ADVICE[each.status]} for each in findings]
        event = (RecordGuarded if is_guarded else RecordObstructed)(
            cluster=state.cluster, epoch=state.epoch, records=records
        )
        told = self.ledger.history(state.cluster, state.epoch).get("withheld", [])
        new = [each for each in records if each not in told]
        if not new:
            log.warning("record still not put right", extra=event.detail())
            return
        there = self.ledger.read(state.cluster)
        if there is None or there.epoch != state.epoch or there.transition is not None:
            log.info("finding not published: the state has changed; the next watch looks again")
            return
        log.error("record not put right: a person has to look", extra=event.detail())
        publish(self.announcer, event)
        story = {"withheld": [*told, *new][-REMEMBERED:], "stages.withheld_at": self.clock()}
        self.ledger.note(state.cluster, state.epoch, story)


def _subject(view: ClusterView, stack_wide: Mapping[str, int], stack: str) -> Subject:
    tuning = effective(stack_wide, view.definition.tuning_set)
    return Subject(view.state, tuning, written_last(view.state, view.definition, tuning.ROUTE53_TTL, stack))


def _tasks(subjects: Iterable[Subject]) -> Mapping[ZoneKey, ZoneTask]:
    """What to read of each zone. The clusters of one zone share its reading."""
    tasks: dict[ZoneKey, ZoneTask] = {}
    for each in subjects:
        for record in each.wishes:
            task = tasks.setdefault(record.zone, ZoneTask())
            task.records[record] = None
            task.tunings.add(each.tuning)
    return tasks
