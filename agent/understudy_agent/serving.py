"""What a node says of itself to whoever asks over HTTP, as pure logic.

The loop leaves a snapshot of what it knows after every look at its lease. An answer is made of that snapshot and of the
clock at the moment of the answer: a loop that hangs, or a machine that was frozen, cannot make it say that it serves.
No clock and no input or output here; times are whole milliseconds of the node's CLOCK_BOOTTIME.

        answer 200        interval_s      margin    stop begins unless the lease is renewed
    ────────┼────────────────────────────┼────────┼──▶ boottime
            └─ the asker goes by it ─────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from .lease import LeaseAnswer, LeaseView, Order
from .ports import BeatReport
from .starts import FREEZE_MS
from .view import TermsView

INTERVAL_MS = 2000
"""For how long an asker may go by one answer where the node's file does not say it, if the timings leave so much."""
MARGIN_MS = 1000
"""What a 200 leaves over beyond the asker's interval: clocks that differ in rate, and an asker that is late."""
READ_GOOD_FOR = 3
"""A standby whose newest read is older than so many intervals, and a second, may not see a lease that it is granted."""
IN_SERVICE, OUT_OF_SERVICE = "IN_SERVICE", "OUT_OF_SERVICE"


@dataclass(frozen=True)
class Snapshot:
    """What the loop knew when it looked at its lease last. Replaced as a whole: nobody ever sees half of one.

    `looked_ms`: when that was. `until_ms`: until when it goes on serving if nothing renews the lease or the promises;
    None: it does not hold the lease. `returned`: whether it has lost this lease meanwhile, and does not know yet that
    no other node serves. `read_ms`: when the newest read began that says something of now. `accepted`: how many beats
    of this process AWS has taken in.
    """

    looked_ms: int
    order: Order
    why: str
    lease_view: LeaseView
    report: BeatReport
    until_ms: int | None = None
    returned: bool = False
    read_ms: int | None = None
    accepted: int = 0


def why_hung(snapshot: Snapshot, now_ms: int) -> str:
    """Why nothing that the snapshot says counts any more; "" when the agent has looked just now."""
    ago_ms = now_ms - snapshot.looked_ms
    return f"the agent has not looked at its lease for {ago_ms / 1000:.1f} s" if ago_ms > FREEZE_MS else ""


def why_not_serving(snapshot: Snapshot, now_ms: int, needed_ms: int) -> str:
    """Why an answer that is to be good for `needed_ms` must not be that this node serves; "" when it may."""
    hung = why_hung(snapshot, now_ms)
    if hung:
        return hung
    if snapshot.order not in (Order.SERVE, Order.KEEP) or snapshot.returned or snapshot.until_ms is None:
        return snapshot.why
    others = [f"{name} is {state}" for name, state in snapshot.report.services.items() if state != IN_SERVICE]
    if others or not snapshot.report.services:
        return "; ".join(others) or "this node has no services"
    left_ms = snapshot.until_ms - now_ms
    if left_ms >= needed_ms:
        return ""
    left = f"unless its lease is renewed this node serves for {max(0, left_ms) / 1000:.1f} s more"
    return f"{left}, and {needed_ms / 1000:.1f} s are needed"


def why_no_standby(snapshot: Snapshot, now_ms: int) -> str:
    """Why this node could not take over, as far as it knows itself; "" when it could."""
    report, terms = snapshot.report, snapshot.lease_view.terms
    hung = why_hung(snapshot, now_ms)
    if hung:
        return hung
    if snapshot.lease_view.answer is not LeaseAnswer.NOT_MINE or not snapshot.lease_view.epoch:
        return snapshot.why
    others = [f"{name} is {state}" for name, state in report.services.items() if state != OUT_OF_SERVICE]
    if others or not report.services:
        return "; ".join(others) or "this node has no services"
    good_for_ms = int(terms.lease_read_interval_s * READ_GOOD_FOR * 1000) + 1000
    if snapshot.read_ms is None or now_ms - snapshot.read_ms > good_for_ms:
        return "this node does not reach the table, and would not learn that it is to take over"
    if report.fit.get("fit") is False:
        return "this node is not fit, by its own command"
    return report.unfit or _why_no_majority(report)


def _why_no_majority(report: BeatReport) -> str:
    reach = report.quorum.get("quorum")
    if not isinstance(reach, dict) or 2 * reach["reached"] > reach["total"]:
        return ""
    return f"{reach['reached']} of {reach['total']} quorum hosts are reached, which is no majority"


def lease_left_ms(snapshot: Snapshot, now_ms: int) -> int:
    """For how long the lease or the promises run; 0 when this node does not hold the lease."""
    end_ms = snapshot.lease_view.end_ms
    is_holder = snapshot.lease_view.answer is LeaseAnswer.MINE
    return max(0, end_ms - now_ms) if is_holder and end_ms is not None else 0


def needed_ms(interval_ms: int | None, room_ms: int) -> int:
    """For how long a 200 is to be good: the asker's interval and the margin.

    None: nobody has said how long the interval is. Then it is no more than there is room for: a node that serves well
    must not say 503 for a wish that nobody has.
    """
    return min(INTERVAL_MS + MARGIN_MS, room_ms) if interval_ms is None else interval_ms + MARGIN_MS


def room_ms(terms: TermsView, orderly_stop_s: float) -> int:
    """What `interval_s` and the margin may take together: what is left of a lease just before its ordinary renewal.

    With more, a node that serves well says 503 now and then.
    """
    stop_s = 0.0 if terms.keeps_on else min(orderly_stop_s, terms.slack_s())
    renewed_after_s = terms.heartbeat_interval_s + terms.lease_read_interval_s + 1
    return int(max(0.0, terms.lease_s - terms.kill_limit_s - stop_s - renewed_after_s) * 1000)
