"""The record monitor (S5): once a minute, compare every protected record with the node in service.

One reading of a zone serves all its clusters: calls grow with zones and pages, not with clusters. What cannot be read
ends the check of that zone without acting: unknown is not different.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.domain.cluster.definition import Definition, Record, ZoneKey
from understudy.domain.cluster.errors import AddressUnreadableError, LedgerConflictError
from understudy.domain.cluster.intervals import recordcheck_gap_s
from understudy.domain.cluster.record import RecordReading, Wish
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.tuning import Tuning, effective
from understudy.domain.transition.steps import address_owed
from understudy.domain.watch.drift import (
    ADVICE,
    Finding,
    Standing,
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
from understudy.usecases.step import Clock, tell

RECORD_DRIFTED = "Understudy Record Drifted"
RECORD_GUARDED = "Understudy Record Guarded"
RECORD_OBSTRUCTED = "Understudy Record Obstructed"
REMEMBERED = 20
"""How many findings the history of an epoch keeps: more than a cluster has records, and no more than an item holds."""
Sleep = Callable[[float], None]
Cluster = tuple[ClusterState, Definition]
Readings = Mapping[Record, RecordReading]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subject:
    """A cluster to look at. `wishes`: what the newest move wrote for each record; empty while that is not known."""

    state: ClusterState
    tuning: Tuning
    wishes: Mapping[Record, Wish]


@dataclass(frozen=True)
class ZoneTask:
    """What is to be read of one zone, in order, and the tunables of the clusters that want it."""

    records: dict[Record, None] = field(default_factory=dict)
    tunings: set[Tuning] = field(default_factory=set)


class RecordMonitor:
    """Compares, and marks what has drifted as owed: the table of rules then has it put right, under a new epoch."""

    def __init__(
        self,
        ledger: StateLedger,
        listing: ZoneListing,
        announcer: Announcer,
        clock: Clock,
        sleep: Sleep,
        stack: str,
        measure: Measure = unmeasured,
    ) -> None:
        self._ledger = ledger
        self._listing = listing
        self._announcer = announcer
        self._clock = clock
        self._sleep = sleep
        self._stack = stack
        self._measure = measure

    def check(self, clusters: Sequence[Cluster]) -> None:
        """Look at the records of every cluster that is in service and settled, but for those that it owes already.

        While Route 53 is crowded it is left to moves; the metric RecordChecksPutOff counts such a minute (B12).
        """
        stack_wide = self._ledger.stack_wide()
        if self._clock() < stack_wide.crowded_until:
            log.warning("records not checked: Route 53 is crowded", extra={"until": stack_wide.crowded_until})
            self._measure({"RecordChecksPutOff": 1})
            return
        subjects = [_subject(*each, stack_wide.tuning, self._stack) for each in clusters]
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
            self._sleep(gap_s)
            waited_s += gap_s
        for _, zone, _ in left:
            log.error("zone not checked: unknown is not different", extra={"zone": zone})
        return found

    def _is_read(self, task: ZoneTask, found: dict[Record, RecordReading]) -> bool:
        try:
            found.update(self._listing.read_many(task.records))
        except AddressUnreadableError as fault:
            log.warning("zone not read", extra={"fault": str(fault)})
            return False
        return True

    def _owe(self, state: ClusterState, drifted: Sequence[Finding]) -> None:
        """Have it put right at once. The commit is refused when anybody has moved since the state was read."""
        detail = _detail(state, [facts_of(each) for each in drifted])
        now = self._clock()
        story = {state.epoch: {"drift": detail, "stages.drifted_at": now}}
        try:
            self._ledger.commit(state, address_owed(state, int(now)), history=story)
        except LedgerConflictError:
            log.info("drift not noted: the state has changed; the next watch looks again")
            return
        log.error("record drifted", extra=detail)
        tell(self._announcer, RECORD_DRIFTED, detail)

    def _withhold(self, state: ClusterState, findings: Sequence[Finding]) -> None:
        """Move nothing, and tell an operator: once of each different finding under one epoch.

        What was told is remembered in the history of the epoch, which nobody else reads in a watch. A guard can only
        seem to be newer because a move came between the two readings: so the state is read again before it is told.
        """
        records = [{**facts_of(each), "advice": ADVICE[each.standing]} for each in findings]
        told = self._ledger.history(state.cluster, state.epoch).get("withheld", [])
        new = [each for each in records if each not in told]
        if not new:
            log.warning("record still not put right", extra=_detail(state, records))
            return
        there = self._ledger.read(state.cluster)
        if there is None or there.epoch != state.epoch or there.transition is not None:
            log.info("finding not told: the state has changed; the next watch looks again")
            return
        log.error("record not put right: a person has to look", extra=_detail(state, records))
        is_guarded = any(each.standing in (Standing.FOREIGN, Standing.NEWER) for each in findings)
        tell(self._announcer, RECORD_GUARDED if is_guarded else RECORD_OBSTRUCTED, _detail(state, records))
        story = {"withheld": [*told, *new][-REMEMBERED:], "stages.withheld_at": self._clock()}
        self._ledger.note(state.cluster, state.epoch, story)


def _subject(state: ClusterState, definition: Definition, stack_wide: Mapping[str, int], stack: str) -> Subject:
    tuning = effective(stack_wide, definition.tuning_set)
    return Subject(state, tuning, written_last(state, definition, tuning.ROUTE53_TTL, stack))


def _tasks(subjects: Iterable[Subject]) -> Mapping[ZoneKey, ZoneTask]:
    """What to read of each zone. The clusters of one zone share its reading."""
    tasks: dict[ZoneKey, ZoneTask] = {}
    for each in subjects:
        for record in each.wishes:
            task = tasks.setdefault(record.zone, ZoneTask())
            task.records[record] = None
            task.tunings.add(each.tuning)
    return tasks


def _detail(state: ClusterState, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"cluster": state.cluster, "epoch": state.epoch, "records": list(records)}
