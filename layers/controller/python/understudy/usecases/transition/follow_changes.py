"""Ask Route 53 what became of accepted changes, and where it does not know a change any more, what its records say."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.record import ChangeReading, DesiredRecord, differences
from understudy.domain.cluster.state import ClusterState
from understudy.domain.transition.steps import TRY_BUDGET_S
from understudy.domain.watch.propagation import address_followed, change_ids_of, propagating, reading_of
from understudy.ports.measure import Measure, unmeasured
from understudy.ports.route53 import ChangeStatus, RecordReader
from understudy.usecases.step import Clock

UNREADABLE = "UNREADABLE"
"""How a question is counted that Route 53 did not answer."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Followed:
    """The state as it is to be written down, and what the history is to say; equal and empty when nothing is news."""

    state: ClusterState
    facts: dict[str, Any]


@dataclass(frozen=True)
class ChangeFollower:
    """Looks after changes until INSYNC, within TRY_BUDGET_S and one call more.

    `shared`: who is asked for changes when Route 53 is crowded. `stack` is who writes our guards.
    The metric ChangePolls counts its questions by Route 53's answer.
    """

    changes: ChangeStatus
    shared: ChangeStatus
    records: RecordReader
    clock: Clock
    stack: str
    measure: Measure = unmeasured

    def follow(self, state: ClusterState, definition: Definition, *, is_crowded: bool = False) -> Followed:
        """What Route 53 says now of the addresses that are PROPAGATING. What it does not say stays as it is.

        Only Route 53's word that it knows no such change leads to the records: there is nothing left to ask for then.
        """
        address = state.address
        if address is None or address.status is not AddressStatus.PROPAGATING:
            return Followed(state, {})
        begun_at = self.clock()

        def has_time() -> bool:
            return self.clock() - begun_at < TRY_BUDGET_S

        labels = propagating(address, definition)
        readings = self._readings(self.shared if is_crowded else self.changes, address, labels, has_time)
        lost = [label for label in labels if reading_of(address, label, readings) is ChangeReading.UNKNOWN]
        stands = self._stands(state, definition, lost, has_time)
        now = self.clock()
        after = address_followed(address, definition, readings, stands, int(now))
        return Followed(replace(state, address=after), _facts(address, after, stands, now))

    def _readings(
        self, changes: ChangeStatus, address: Address, labels: tuple[str, ...], has_time: Callable[[], bool]
    ) -> dict[str, ChangeReading]:
        found = {}
        for change_id in change_ids_of(address, labels):
            if not has_time():
                log.warning("change not asked for: no time was left", extra={"change": change_id})
                break
            try:
                found[change_id] = changes.change_status(change_id)
            except AddressUnreadableError as fault:
                log.warning("change not readable", extra={"fault": str(fault)})
            self.measure({"ChangePolls": 1}, reading=str(found.get(change_id, UNREADABLE)))
        return found

    def _stands(
        self, state: ClusterState, definition: Definition, lost: list[str], has_time: Callable[[], bool]
    ) -> dict[str, bool]:
        """Whether the records of these labels stand as they were written; those that cannot be read are left out."""
        found = {}
        for record in definition.records:
            if record.label in lost and has_time():
                stands = self._is_as_written(state, definition, record)
                if stands is not None:
                    found[record.label] = stands
        if lost:
            log.error(
                "changes unknown to Route 53", extra={"cluster": state.cluster, "addresses": lost, "stands": found}
            )
        return found

    def _is_as_written(self, state: ClusterState, definition: Definition, record: Record) -> bool | None:
        node = definition.node(state.active or "")
        if node is None or state.address is None:
            return None
        address = definition.leads_to(node)[record.label]
        wish = DesiredRecord(
            self.stack, state.cluster, state.address.epoch, node.name, address, definition.tuning.ROUTE53_TTL
        )
        try:
            return not differences(record, wish, self.records.read(record))
        except AddressUnreadableError as fault:
            log.warning("record not readable", extra={"record": record.label, "fault": str(fault)})
            return None


def _facts(before: Address, after: Address, stands: dict[str, bool], now: float) -> dict[str, Any]:
    """For the history of the address's epoch."""
    facts: dict[str, Any] = {}
    if stands:
        facts["lost_changes"] = list(change_ids_of(before, stands))
    if after.status is AddressStatus.IN_SYNC:
        facts["stages.in_sync_at"] = now
    if after.status is AddressStatus.UNCONFIRMED:
        facts["stages.unconfirmed_at"] = now
    if wrong := [label for label, is_right in stands.items() if not is_right]:
        facts["address_fault"] = (
            f"Route 53 does not know the change any more, and does not hold what was written: {', '.join(wrong)}"
        )
    if after.parts != before.parts:
        facts["addresses"] = {label: {"status": str(status)} for label, status in after.parts.items()}
    return facts
