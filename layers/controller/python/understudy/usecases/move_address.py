"""MoveAddress: make the protected record carry the new node's address (S4), in one batch with the guard (B1)."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.definition import Definition
from understudy.domain.errors import AddressUnreadableError, ChangeRefusedError, GuardMismatchError, ZoneBusyError
from understudy.domain.model import AddressStatus, ClusterState, Stage
from understudy.domain.polling import record_gap_s
from understudy.domain.record import Foreign, Stale, Wish, is_in_place, plan_batch
from understudy.domain.transition import address_moved, address_owed, entered, proof_in_hand
from understudy.ports import StateLedger, Zone
from understudy.usecases.step import STALE, Clock, Outcome, Step, answer, do_step

log = logging.getLogger(__name__)


class MoveOutcome(StrEnum):
    """How MoveAddress can end, beside STALE."""

    ACCEPTED = "ACCEPTED"
    ALREADY_THERE = "ALREADY_THERE"
    RETRY = "RETRY"
    REFUSED = "REFUSED"
    GAVE_UP = "GAVE_UP"


def move_address(payload: Mapping[str, Any], *, ledger: StateLedger, zone: Zone, clock: Clock, stack: str) -> Outcome:
    """Submit the change, ROUTE53_RECORD_TRY_COUNT times at most (S6). What is not accepted is noted as owed (B2).

    Raises UnprovenError when the previous holder is not fenced.
    """
    return do_step(
        "move address",
        payload,
        ledger,
        lambda step, state, definition: _move(step, state, definition, ledger, zone, clock, stack),
    )


def _move(
    step: Step, state: ClusterState, definition: Definition, ledger: StateLedger, zone: Zone, clock: Clock, stack: str
) -> Outcome:
    proof_in_hand(state)
    wish = _wish(state, definition, stack)
    if wish is None:
        return _owe(state, definition, ledger, clock, MoveOutcome.REFUSED, "the target is no member any more")
    try:
        return _submit(state, definition, wish, ledger, zone, clock)
    except ChangeRefusedError as fault:
        return _owe(state, definition, ledger, clock, MoveOutcome.REFUSED, str(fault))
    except (ZoneBusyError, AddressUnreadableError, GuardMismatchError) as fault:
        wait_s = record_gap_s(definition.tuning, step.attempt)
        if wait_s is not None:
            return answer(MoveOutcome.RETRY, wait_s=wait_s, attempt=step.attempt + 1, why=str(fault))
        return _owe(state, definition, ledger, clock, MoveOutcome.GAVE_UP, str(fault))


def _wish(state: ClusterState, definition: Definition, stack: str) -> Wish | None:
    target = state.transition.target if state.transition else state.active
    node = definition.node(target) if target else None
    if node is None:
        return None
    return Wish(stack, state.cluster, state.epoch, node.name, node.address, definition.tuning.ROUTE53_TTL)


def _submit(
    state: ClusterState, definition: Definition, wish: Wish, ledger: StateLedger, zone: Zone, clock: Clock
) -> Outcome:
    reading = zone.read(definition.record)
    if _is_known_to_be_accepted(state) and is_in_place(definition.record, wish, reading):
        _advance(state, definition, ledger, clock)
        return answer(MoveOutcome.ALREADY_THERE)
    batch = plan_batch(definition.record, wish, reading)
    if isinstance(batch, Stale):
        log.warning("a newer epoch stands in Route 53", extra={"guard": batch.guard})
        return answer(STALE)
    if isinstance(batch, Foreign):
        raise ChangeRefusedError(f"{definition.record.name} is another cluster's, says its guard {batch.guard}")
    comment = f"understudy {wish.cluster} epoch {wish.epoch}: {wish.node}"
    change_id = zone.submit(definition.record, batch, comment)
    _advance(address_moved(state, (change_id,)), definition, ledger, clock, before=state)
    return answer(MoveOutcome.ACCEPTED, change_ids=[change_id])


def _is_known_to_be_accepted(state: ClusterState) -> bool:
    """Whether the table has the change's id: without it nobody could follow the change, so it is submitted again."""
    address = state.address
    return address is not None and address.epoch == state.epoch and address.status is not AddressStatus.OWED


def _advance(
    after: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    clock: Clock,
    before: ClusterState | None = None,
) -> None:
    now = clock()
    history = {after.epoch: {"stages.accepted_at": now}} if before else None
    ledger.commit(before or after, entered(after, definition, Stage.GRANTING, int(now)), history=history)


def _owe(
    state: ClusterState,
    definition: Definition,
    ledger: StateLedger,
    clock: Clock,
    outcome: MoveOutcome,
    why: str,
) -> Outcome:
    """The old node is fenced, nobody else can serve: the lease is granted all the same, the record stays owed."""
    now = int(clock())
    after = entered(address_owed(state, now), definition, Stage.GRANTING, now)
    ledger.commit(state, after, history={state.epoch: {"address_fault": why}})
    return answer(outcome, why=why)
