"""CheckChange: has the accepted change reached all of Route 53's servers (S7)? Pending is never a failure (B2)."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.errors import AddressUnreadableError
from understudy.domain.model import Address, AddressStatus, ClusterState
from understudy.domain.polling import change_gap_s
from understudy.domain.transition import address_in_sync
from understudy.ports import ChangeStatus, StateLedger
from understudy.usecases.step import Clock, Outcome, Step, answer, do_step

log = logging.getLogger(__name__)


class ChangeOutcome(StrEnum):
    """How CheckChange can end, beside STALE."""

    IN_SYNC = "IN_SYNC"
    PENDING = "PENDING"
    PROPAGATING = "PROPAGATING"
    OWED = "OWED"


def check_change(payload: Mapping[str, Any], *, ledger: StateLedger, changes: ChangeStatus, clock: Clock) -> Outcome:
    """Ask once. PENDING with the wait before the next poll; PROPAGATING when they are spent: the watch polls on."""
    return do_step(
        "check change",
        payload,
        ledger,
        lambda step, state, definition: _check(step, state, definition, ledger, changes, clock),
    )


def _check(
    step: Step, state: ClusterState, definition: Definition, ledger: StateLedger, changes: ChangeStatus, clock: Clock
) -> Outcome:
    address = state.address
    if address is None or address.status is AddressStatus.OWED:
        return answer(ChangeOutcome.OWED)
    if address.status is AddressStatus.IN_SYNC:
        return answer(ChangeOutcome.IN_SYNC)
    if is_in_sync(address, changes):
        ledger.commit(state, address_in_sync(state), history={state.epoch: {"stages.in_sync_at": clock()}})
        return answer(ChangeOutcome.IN_SYNC)
    wait_s = change_gap_s(definition.tuning, step.attempt)
    if wait_s is None:
        return answer(ChangeOutcome.PROPAGATING)
    return answer(ChangeOutcome.PENDING, wait_s=wait_s, attempt=step.attempt + 1)


def is_in_sync(address: Address, changes: ChangeStatus) -> bool:
    """Whether every change of the address is in sync. A read that fails is a not yet: unknown is neither."""
    try:
        return all(changes.is_in_sync(change_id) for change_id in address.change_ids)
    except AddressUnreadableError as fault:
        log.warning("change not readable", extra={"fault": str(fault)})
        return False
