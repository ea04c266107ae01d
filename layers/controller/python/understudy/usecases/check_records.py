"""The record monitor (S5): once a minute, compare every protected record with the node in service.

One listing of a zone serves all its clusters: calls grow with zones and pages, not with clusters. What cannot be read
ends the check of that zone without acting: unknown is not different.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from understudy.domain.definition import Definition, Record
from understudy.domain.errors import AddressUnreadableError, LedgerConflictError
from understudy.domain.model import AddressStatus, ClusterState
from understudy.domain.polling import recordcheck_gaps_s
from understudy.domain.record import RecordReading, RecordSet, Wish, guard_name, is_drifted, is_foreign
from understudy.domain.transition import address_owed
from understudy.domain.tuning import Tuning, effective
from understudy.ports import Announcer, StateLedger, ZoneListing
from understudy.usecases.step import Clock, tell

RECORD_DRIFTED = "Understudy Record Drifted"
Sleep = Callable[[float], None]
Cluster = tuple[ClusterState, Definition]
ZoneKey = tuple[str, str]
Listing = Mapping[tuple[str, str], RecordSet]
log = logging.getLogger(__name__)


class RecordMonitor:
    """Compares, and marks what has drifted as owed: the table of rules then has it put right, under a new epoch."""

    def __init__(
        self, ledger: StateLedger, listing: ZoneListing, announcer: Announcer, clock: Clock, sleep: Sleep, stack: str
    ) -> None:
        self._ledger = ledger
        self._listing = listing
        self._announcer = announcer
        self._clock = clock
        self._sleep = sleep
        self._stack = stack

    def check(self, clusters: Iterable[Cluster]) -> None:
        """Look at the records of every cluster that is settled and whose addresses are not owed."""
        settled = [each for each in clusters if _is_to_be_checked(*each)]
        zones = {_zone_of(record): record for _, definition in settled for record in definition.records}
        tuning = effective(self._ledger.tuning(), {}) if zones else Tuning()
        listings = {zone: self._list(record, tuning) for zone, record in zones.items()}
        for state, definition in settled:
            self._compare(state, definition, listings)

    def _list(self, record: Record, tuning: Tuning) -> Listing | None:
        """The record's zone as it stands; None when every try to read it has failed."""
        for gap_s in (*recordcheck_gaps_s(tuning), None):
            try:
                return self._listing.list_zone(record)
            except AddressUnreadableError as fault:
                log.warning("zone not read", extra={"zone": record.hosted_zone_id, "fault": str(fault)})
            if gap_s is not None:
                self._sleep(gap_s)
        log.error("zone not checked: unknown is not different", extra={"zone": record.hosted_zone_id})
        return None

    def _compare(self, state: ClusterState, definition: Definition, listings: Mapping[ZoneKey, Listing | None]) -> None:
        drifted = [
            drift
            for record in definition.records
            if (found := listings[_zone_of(record)]) is not None
            and (drift := self._drift(state, definition, record, found))
        ]
        if not drifted:
            return
        detail = {"cluster": state.cluster, "epoch": state.epoch, "records": drifted}
        now = self._clock()
        story = {state.epoch: {"drift": detail, "stages.drifted_at": now}}
        try:
            self._ledger.commit(state, address_owed(state, int(now), gap_s=0), history=story)
        except LedgerConflictError:
            log.info("drift not noted: the state has changed; the next watch looks again")
            return
        log.error("record drifted", extra=detail)
        tell(self._announcer, RECORD_DRIFTED, detail)

    def _drift(
        self, state: ClusterState, definition: Definition, record: Record, found: Listing
    ) -> dict[str, Any] | None:
        """What stands there instead, and what the guard says; None when all is as the active node's wish has it."""
        node = definition.node(state.active or "")
        if node is None or state.address is None:
            return None
        address = definition.leads_to(node)[record.label]
        wish = Wish(self._stack, state.cluster, state.address.epoch, node.name, address, definition.tuning.ROUTE53_TTL)
        reading = RecordReading(found.get((record.name, record.type)), found.get((guard_name(record), "TXT")))
        if is_foreign(reading.guard, self._stack, state.cluster):
            # Not ours to put right: a repair would be refused every minute. The daily readiness check fails on it.
            log.error("record guarded by somebody else", extra={"record": record.label, "guard": str(reading.guard)})
            return None
        if not is_drifted(record, wish, reading):
            return None
        return {
            "record": record.label,
            "expected": address,
            "found": list(reading.record.values) if reading.record else [],
            "guard": list(reading.guard.values) if reading.guard else [],
        }


def _is_to_be_checked(state: ClusterState, definition: Definition) -> bool:
    is_owed = state.address is None or state.address.status is AddressStatus.OWED
    return state.transition is None and not is_owed and bool(definition.records)


def _zone_of(record: Record) -> ZoneKey:
    return (record.role_arn, record.hosted_zone_id)
