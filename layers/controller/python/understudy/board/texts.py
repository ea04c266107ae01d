"""What the board says of a text that was submitted and is not in force."""

from understudy.board.clock import span
from understudy.board.views import ShownText
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted
from understudy.domain.events.definitions import FIX_FAULTS

SECTION = "a-text-that-is-not-in-force"
KEPT = "What was in force before stays, if anything was."
SHOWN = 3
"""Faults that are shown; the event and the notice have all."""
WAITS = "It is tried again each minute. Find out why that cannot be read: most often a right is missing."


def shown_text(cluster: str, text: Unaccepted, now: int) -> ShownText:
    """For a person who wonders why nothing changes."""
    what = "The submitted text of tunables" if cluster == STACK_WIDE else f"The submitted definition of {cluster}"
    if not text.is_refused:
        return ShownText(f"{what} cannot be judged, for {span(now - text.since)} now", (text.why,), WAITS)
    left = len(text.faults) - SHOWN
    more = (f"and {left} more",) if left > 0 else ()
    return ShownText(f"{what} was refused", (*text.faults[:SHOWN], *more), FIX_FAULTS)
