"""What became of each address of a cluster in one move, and what that makes of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.intervals import repair_gap_s
from understudy.domain.cluster.state import ClusterState, TransitionAction
from understudy.domain.transition.outcomes import MoveOutcome


@dataclass(frozen=True)
class Moved:
    """What became of one address. `is_new`: it was written just now; else it was found in place.

    `change_id` is Route 53's, where it gave one. `why` and `may_pass` are for what is OWED: the reason, and whether
    the same call may succeed a little later. `is_queued`: it waits with others for a batch, and no try has failed yet.
    """

    label: str
    status: AddressStatus
    change_id: str = ""
    is_new: bool = True
    why: str = ""
    may_pass: bool = False
    is_queued: bool = False


def owed(label: str, why: object, *, may_pass: bool = False) -> Moved:
    """An address that could not be moved, or of which nobody knows whether it was."""
    return Moved(label, AddressStatus.OWED, is_new=False, why=str(why), may_pass=may_pass)


def queued(label: str) -> Moved:
    """An address that waits with those of other clusters until somebody hands them in."""
    why = "it waits with others for one change batch"
    return Moved(label, AddressStatus.OWED, is_new=False, why=why, may_pass=True, is_queued=True)


def is_waiting(moved: Sequence[Moved]) -> bool:
    """Whether nothing has failed that may pass: what is still to come only waits in a queue."""
    passing = [each for each in moved if each.may_pass]
    return bool(passing) and all(each.is_queued for each in passing)


def outcome_of(moved: Sequence[Moved], *, tries_left: bool) -> MoveOutcome:
    """One word for all addresses. RETRY as long as one of them may still be moved."""
    open_ones = [each for each in moved if each.status is AddressStatus.OWED]
    if not open_ones:
        return MoveOutcome.ACCEPTED if any(each.is_new for each in moved) else MoveOutcome.ALREADY_THERE
    if not any(each.may_pass for each in open_ones):
        return MoveOutcome.REFUSED
    return MoveOutcome.RETRY if tries_left else MoveOutcome.GAVE_UP


def known_parts(state: ClusterState, labels: Sequence[str]) -> Mapping[str, AddressStatus]:
    """The addresses of which the table knows that they were moved under this epoch, with what is known of each.

    A record that is in place without being known here is submitted again: without its change's id nobody could follow
    the change.
    """
    address = state.address
    if address is None or address.epoch != state.epoch:
        return {}
    found = {label: address.status_of(label) for label in labels}
    return {label: status for label, status in found.items() if status is not AddressStatus.OWED}


def address_after(state: ClusterState, moved: Sequence[Moved], now: int) -> Address:
    """What the table is to say after a move at `now` (seconds). A cluster of one address needs no parts."""
    before = state.address if state.address is not None and state.address.epoch == state.epoch else None
    stays = any(_is_still_followed(each) for each in moved)
    older = before.change_ids if before is not None and stays else ()
    newer = (each.change_id for each in moved if each.change_id)
    change_ids = tuple(dict.fromkeys((*older, *newer)))
    status = AddressStatus.of_all(each.status for each in moved)
    failures = _failures(state, moved) if status is AddressStatus.OWED else 0
    return Address(
        status=status,
        epoch=state.epoch,
        change_ids=change_ids,
        retry_at=now + repair_gap_s(failures, may_pass=any(each.may_pass for each in moved)) if failures else 0,
        parts={each.label: each.status for each in moved} if len(moved) > 1 else {},
        change_of=_change_of(before, moved) if len(change_ids) > 1 else {},
        failures=failures,
    )


def _is_still_followed(moved: Moved) -> bool:
    return moved.status is AddressStatus.PROPAGATING and not moved.is_new


def _change_of(before: Address | None, moved: Sequence[Moved]) -> dict[str, str]:
    """Which change brought which address, as far as one is known for it."""
    known = {each.label: each.change_id for each in moved if each.change_id}
    for each in moved:
        older = before.changes_of(each.label) if before is not None and _is_still_followed(each) else ()
        if len(older) == 1:
            known[each.label] = older[0]
    return known


def _failures(state: ClusterState, moved: Sequence[Moved]) -> int:
    """How many moves in a row have left the same owed. Whoever moves some of it, or moves elsewhere, begins anew.

    What was not owed is written again with every repair, for its guard: that alone is no progress.
    """
    before, is_repair = state.address, state.transition and state.transition.action is TransitionAction.REPAIR
    if before is None or not is_repair:
        return 1
    owed_before = [each for each in moved if before.status_of(each.label) is AddressStatus.OWED]
    if any(each.status is not AddressStatus.OWED for each in owed_before):
        return 1
    return before.failures + 1 if before.epoch != state.epoch else max(1, before.failures)


def story_of(moved: Sequence[Moved]) -> dict[str, dict[str, str]]:
    """Each address by its label, and what became of it, for the outcome and the history."""
    return {each.label: {"status": str(each.status), **({"why": each.why} if each.why else {})} for each in moved}


def faults_of(moved: Sequence[Moved]) -> str:
    """Why what is owed is owed, in one line."""
    return "; ".join(each.why if len(moved) == 1 else f"{each.label}: {each.why}" for each in moved if each.why)
