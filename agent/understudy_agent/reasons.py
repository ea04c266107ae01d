"""Why an order is given, in words for the log."""

from __future__ import annotations

from .lease import Order, Standing, Word


def reason(order: Order, standing: Standing, *, is_stopping: bool, lacks_quorum: bool) -> str:
    """`is_stopping`: the agent was asked to stop; `lacks_quorum`: the lease is held, and quorum forbids to serve."""
    if is_stopping and order is Order.STOP:
        return "the agent was asked to stop"
    if order is Order.LEAVE_ALONE:
        return "nothing read says whether this node is to serve"
    if order is Order.STOP and standing.word is Word.NOT_MINE:
        return f"this node does not hold the lease of epoch {standing.epoch}"
    if order is Order.STOP and lacks_quorum:
        return f"this node holds the lease of epoch {standing.epoch}, and reaches no majority of the quorum hosts"
    if order is Order.SERVE:
        return f"this node holds the lease of epoch {standing.epoch}"
    return f"the lease of epoch {standing.epoch} was not renewed"
