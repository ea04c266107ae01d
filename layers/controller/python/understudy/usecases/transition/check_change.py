"""CheckChange: has the accepted change reached all of Route 53's servers? Pending is never a failure."""

import logging
from collections.abc import Mapping
from typing import Any

from understudy.domain.batching.group_commit import FOLLOWED_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.intervals import change_gap_s
from understudy.domain.cluster.state import ClusterState
from understudy.domain.transition.limits import has_time_to_wait, kept_open
from understudy.domain.transition.outcomes import ChangeOutcome
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Outcome, Step, answer, do_step
from understudy.usecases.transition.follow_changes import ChangeFollower, Followed

log = logging.getLogger(__name__)


OUTCOMES: Mapping[AddressStatus, ChangeOutcome] = {
    AddressStatus.IN_SYNC: ChangeOutcome.IN_SYNC,
    AddressStatus.UNCONFIRMED: ChangeOutcome.UNCONFIRMED,
    AddressStatus.OWED: ChangeOutcome.OWED,
}
"""What needs no further poll."""


def check_change(payload: Mapping[str, Any], *, ledger: StateLedger, follower: ChangeFollower) -> Outcome:
    """Ask once. PENDING with the wait before the next poll; PROPAGATING when they are spent: the watch polls on."""
    return do_step(
        "check change",
        payload,
        ledger,
        lambda step, state, definition: _check(step, state, definition, ledger, follower),
    )


def _check(
    step: Step, state: ClusterState, definition: Definition, ledger: StateLedger, follower: ChangeFollower
) -> Outcome:
    is_crowded = follower.clock() < step.crowded_until + FOLLOWED_S
    followed = follower.follow(state, definition, is_crowded=is_crowded)
    address = followed.state.address
    ended = OUTCOMES.get(address.status) if address is not None else ChangeOutcome.OWED
    if ended is not None:
        _write(ledger, state, followed)
        return answer(ended)
    wait_s = change_gap_s(definition.tuning, step.attempt)
    now = int(follower.clock())
    if wait_s is not None and not has_time_to_wait(state.transition, definition.policy, wait_s, now):
        log.warning(
            "polls ended early: the execution reaches its limit", extra={"cluster": state.cluster, "epoch": state.epoch}
        )
        wait_s = None
    if wait_s is None:
        _write(ledger, state, followed)
        return answer(ChangeOutcome.PROPAGATING)
    _write(ledger, state, Followed(kept_open(followed.state, wait_s, now), followed.facts))
    return answer(ChangeOutcome.PENDING, wait_s=wait_s, attempt=step.attempt + 1)


def _write(ledger: StateLedger, before: ClusterState, followed: Followed) -> None:
    """A write only when there is something to write."""
    if followed.state != before:
        history = {before.epoch: followed.facts} if followed.facts else None
        ledger.commit(before, followed.state, history=history)
