"""Clear a failed start: a person says that the service will start on that node now."""

import logging
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.request import CLEAR, BadRequestError, ClearRequest
from understudy.domain.events.operators import FailedStartCleared
from understudy.domain.observe.starts import failed_starts
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock, definition_in_force, publish, redo_on_conflict

log = logging.getLogger(__name__)


def clear_start(request: ClearRequest, ledger: StateLedger, announcer: Announcer, clock: Clock) -> dict[str, Any]:
    """Forget that the service did not start on a node; what was forgotten. With nothing to forget, nothing is changed.

    Raises BadRequestError for a cluster that is not registered and for a node that is none of its members.
    """
    return redo_on_conflict(lambda: _clear(request, ledger, announcer, int(clock())))


def _clear(request: ClearRequest, ledger: StateLedger, announcer: Announcer, now: int) -> dict[str, Any]:
    state = ledger.read(request.cluster)
    if state is None:
        raise BadRequestError(f"cluster is {request.cluster!r}, which is not registered")
    definition = definition_in_force(ledger, state)
    node = definition.node_named(request.node)
    if node is None:
        names = ", ".join(each.name for each in definition.serving)
        raise BadRequestError(f"node is {request.node!r:.60}, which is no node of {request.cluster}; allowed: {names}")
    failed = failed_starts(state, definition)
    known = failed.get(node.instance_id)
    facts = {"node": node.name, "start_failed_at": known.at if known else None}
    if known is None:
        return {"cluster": request.cluster, **facts}
    left = {instance_id: each for instance_id, each in failed.items() if instance_id != node.instance_id}
    # Under a name of its own: several can be cleared under one epoch.
    story = {f"{CLEAR}.{now}": {**facts, "reason": request.reason}}
    ledger.commit(state, replace(state, failed_starts=left), history={state.epoch: story})
    event = FailedStartCleared(
        cluster=state.cluster, epoch=state.epoch, node=node.name, start_failed_at=known.at, reason=request.reason
    )
    log.warning("failed start cleared", extra=event.detail())
    publish(announcer, event)
    return {"cluster": request.cluster, **facts}
