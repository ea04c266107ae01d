"""What must be so at every start of a service, under any policy, as pure logic.

No clock and no input or output here; times are whole milliseconds of the node's CLOCK_BOOTTIME.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import lease
from .lease import LeaseAnswer, LeaseView
from .view import NodeEntry, Read, StateView

FREEZE_MS = 3000
"""A longer gap between two ticks is a freeze: they come five times a second, and systemd's watchdog waits no longer."""


@dataclass(frozen=True)
class Return:
    """This node has taken up a lease again that had run out, or that was another life's.

    Since then another node may have been granted one, and the table been put back: so the others are heard first.
    `since_ms`: local; `heard_at`: AWS's time of the own beat that has renewed it (seconds).
    """

    since_ms: int
    heard_at: int


@dataclass(frozen=True)
class Watch:
    """How fresh is what an agent knows. `ticked_ms`: its newest look at the clock; `awake_since_ms`: since when there
    was no gap between two; `read_begun_ms`: when the newest read began that says something of now (all local ms).
    `epoch` and `active`: what that read showed; `returned`: None once the others have been heard.
    """

    ticked_ms: int | None = None
    awake_since_ms: int = 0
    read_begun_ms: int | None = None
    epoch: int = 0
    active: str = ""
    returned: Return | None = None


def ticked(watch: Watch, now_ms: int) -> Watch:
    """After one more look at the clock. A gap is a freeze or a suspension: what was read before it is of old."""
    is_awake = watch.ticked_ms is not None and now_ms - watch.ticked_ms <= FREEZE_MS
    awake_since_ms = watch.awake_since_ms if is_awake else now_ms
    return Watch(now_ms, awake_since_ms, watch.read_begun_ms, watch.epoch, watch.active, watch.returned)


def after_read(watch: Watch, before: LeaseView, after: LeaseView, read: Read, me: str, now_ms: int) -> Watch:
    """What a read adds that says something of now. `before` and `after`: the lease view before it and by it."""
    view = read.view
    if view is None:
        return replace(watch, read_begun_ms=read.begun_ms, epoch=0, active="", returned=None)
    returned = _returned(watch, before, after, view, me, now_ms)
    return Watch(watch.ticked_ms, watch.awake_since_ms, read.begun_ms, view.epoch, view.active, returned)


def _returned(
    watch: Watch, before: LeaseView, after: LeaseView, view: StateView, me: str, now_ms: int
) -> Return | None:
    """What must be waited for. `before` and `after`: the lease view before the read and by it.

    A lease that has not been interrupted since its grant was read was nobody else's.
    """
    if after.answer is not LeaseAnswer.MINE or not lease.runs(after, now_ms):
        return None
    returned = watch.returned
    is_grant = _saw_it_come(watch, view, me, now_ms)
    if not is_grant and (before.answer is LeaseAnswer.NOT_MINE or not lease.runs(before, now_ms)):
        returned = Return(now_ms, view.nodes[me].heard_at or 0)
    if is_grant or (returned is not None and _are_down(returned, view, me, now_ms)):
        return None
    return returned


def _saw_it_come(watch: Watch, view: StateView, me: str, now_ms: int) -> bool:
    """Whether a read just before, since the last start or freeze, showed that this node did not hold this lease yet."""
    read_ms, since_ms = watch.read_begun_ms, now_ms - int(view.terms.silence_limit_s * 1000)
    if read_ms is None or read_ms < max(watch.awake_since_ms, since_ms):
        return False
    return view.epoch > watch.epoch or (view.epoch == watch.epoch and watch.active != me)


def _are_down(returned: Return, view: StateView, me: str, now_ms: int) -> bool:
    """Whether all other nodes have said since that they are down, or are silent, and none has read a higher epoch."""
    others = [node for name, node in view.nodes.items() if name != me]
    heard = [node for node in others if node.heard_at is not None and node.heard_at >= returned.heard_at]
    spoken_after = (view.nodes[me].heard_at or 0) - view.terms.silence_limit_s
    if any(node.read_epoch > view.epoch for node in others):
        return False
    if any(not _is_down(node) for node in heard if (node.heard_at or 0) > spoken_after):
        return False
    return len(heard) == len(others) or now_ms - returned.since_ms >= view.terms.silence_limit_s * 1000


def _is_down(node: NodeEntry) -> bool:
    """Whether nothing runs there, as its beat says; a node that names no services says nothing about any."""
    return node.is_down or not node.names_any


def may_start(lease_view: LeaseView, watch: Watch, now_ms: int) -> bool:
    """Whether anything may be started at `now_ms` (local ms), under any policy.

    Only under a lease or promises that run, and that were read since the agent's last start, freeze or resume; under a
    lease that was taken up again only once the others are known to be down.
    """
    is_read = watch.read_begun_ms is not None and watch.read_begun_ms >= watch.awake_since_ms
    return (
        lease_view.answer is LeaseAnswer.MINE and is_read and watch.returned is None and lease.runs(lease_view, now_ms)
    )
