"""Hold and resume a cluster: who asked and why goes into the history of its epoch and onto the bus."""

import logging
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.hold import HOLD, RESUME, Hold, ModeRequest, changed_hold
from understudy.domain.cluster.request import BadRequestError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.situation import Mode
from understudy.domain.events.operators import ClusterHeld, ClusterResumed
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, publish, redo_on_conflict

log = logging.getLogger(__name__)


def set_mode(request: ModeRequest, ledger: StateLedger, announcer: Announcer, clock: Clock) -> dict[str, Any]:
    """Write the hold down, or take it away; the mode as it then is. Asked twice, it changes nothing more.

    Raises BadRequestError for a cluster that is not registered and for an end that is past.
    """
    return redo_on_conflict(lambda: _set(request, ledger, announcer, int(clock())))


def _set(request: ModeRequest, ledger: StateLedger, announcer: Announcer, now: int) -> dict[str, Any]:
    state = ledger.read(request.cluster)
    if state is None:
        raise BadRequestError(f"cluster is {request.cluster!r}, which is not registered")
    if request.until is not None and request.until <= now:
        raise BadRequestError(f"until is {now - request.until} s ago; allowed: a time to come")
    hold = changed_hold(request, state.hold, now)
    change_hold(state, hold, request.reason, now, ledger, announcer)
    mode = Mode.HELD if hold else Mode.NORMAL
    return {"cluster": request.cluster, "mode": str(mode), "until": hold.until if hold else None}


def change_hold(
    state: ClusterState, hold: Hold | None, reason: str, now: int, ledger: StateLedger, announcer: Announcer
) -> ClusterState:
    """Begin this hold at `now` (seconds), and publish it; the state after. Raises LedgerConflictError."""
    if hold == state.hold:
        return state
    event = (ClusterHeld if hold else ClusterResumed)(
        cluster=state.cluster,
        epoch=state.epoch,
        reason=reason,
        since=hold.since if hold else None,
        until=hold.until if hold else None,
    )
    # Each under a name of its own: a cluster can be held many times under one epoch.
    told = {"reason": event.reason, "since": event.since, "until": event.until}
    story = {f"{HOLD if hold else RESUME}.{now}": told}
    after = ledger.commit(state, replace(state, hold=hold), history={state.epoch: story})
    log.warning("cluster held" if hold else "cluster resumed", extra=event.detail())
    publish(announcer, event)
    return after
