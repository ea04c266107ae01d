"""The record monitor (S5): once a minute, compare every protected record with the node in service.

One listing of a zone serves all its clusters: calls grow with zones and pages, not with clusters. What cannot be read
ends the check of that zone without acting: unknown is not different.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from understudy.domain.definition import Definition
from understudy.domain.errors import AddressUnreadableError, LedgerConflictError
from understudy.domain.model import AddressStatus, ClusterState
from understudy.domain.polling import recordcheck_gaps_s
from understudy.domain.record import RecordReading, RecordSet, Wish, guard_name, is_drifted
from understudy.domain.transition import address_drifted
from understudy.domain.tuning import Tuning, effective
from understudy.ports import Announcer, StateLedger, ZoneListing
from understudy.usecases.step import Clock, tell

RECORD_DRIFTED = "Understudy Record Drifted"
Sleep = Callable[[float], None]
Cluster = tuple[ClusterState, Definition]
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
        """Look at the record of every cluster that is settled and whose address Route 53 has accepted."""
        by_zone: defaultdict[str, list[Cluster]] = defaultdict(list)
        for state, definition in clusters:
            if _is_to_be_checked(state):
                by_zone[definition.record.hosted_zone_id].append((state, definition))
        tuning = effective(self._ledger.tuning(), {}) if by_zone else Tuning()
        for hosted_zone_id, members in by_zone.items():
            found = self._list(hosted_zone_id, tuning)
            for state, definition in members if found is not None else ():
                self._compare(state, definition, found or {})

    def _list(self, hosted_zone_id: str, tuning: Tuning) -> Mapping[tuple[str, str], RecordSet] | None:
        """The zone as it stands; None when every try to read it has failed."""
        for gap_s in (*recordcheck_gaps_s(tuning), None):
            try:
                return self._listing.list_zone(hosted_zone_id)
            except AddressUnreadableError as fault:
                log.warning("zone not read", extra={"zone": hosted_zone_id, "fault": str(fault)})
            if gap_s is not None:
                self._sleep(gap_s)
        log.error("records of this zone not checked: unknown is not different", extra={"zone": hosted_zone_id})
        return None

    def _compare(self, state: ClusterState, definition: Definition, found: Mapping[tuple[str, str], RecordSet]) -> None:
        record = definition.record
        reading = RecordReading(found.get((record.name, record.type)), found.get((guard_name(record), "TXT")))
        wish = self._wish(state, definition)
        if wish is None or not is_drifted(record, wish, reading):
            return
        detail = {
            "cluster": state.cluster,
            "epoch": state.epoch,
            "record": record.name,
            "expected": wish.address,
            "found": list(reading.record.values) if reading.record else [],
            "guard": list(reading.guard.values) if reading.guard else [],
        }
        now = self._clock()
        try:
            self._ledger.commit(
                state,
                address_drifted(state, int(now)),
                history={state.epoch: {"drift": detail, "stages.drifted_at": now}},
            )
        except LedgerConflictError:
            log.info("drift not noted: the state has changed; the next watch looks again")
            return
        log.error("record drifted", extra=detail)
        tell(self._announcer, RECORD_DRIFTED, detail)

    def _wish(self, state: ClusterState, definition: Definition) -> Wish | None:
        node = definition.node(state.active) if state.active else None
        if node is None or state.address is None:
            return None
        return Wish(
            self._stack, state.cluster, state.address.epoch, node.name, node.address, definition.tuning.ROUTE53_TTL
        )


def _is_to_be_checked(state: ClusterState) -> bool:
    return state.transition is None and state.address is not None and state.address.status is not AddressStatus.OWED
