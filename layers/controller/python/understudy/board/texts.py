"""What the board says of a text that was submitted and is not in force."""

from understudy.board.clock import span
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted

KEPT = "What was in force before stays, if anything was."
SHOWN = 3
"""Faults that are shown; the event and the notice have all."""


def text_words(cluster: str, text: Unaccepted, now: int) -> str:
    """In one sentence or two, for a person who wonders why nothing changes."""
    what = "The submitted text of tunables" if cluster == STACK_WIDE else f"The submitted definition of {cluster}"
    if not text.is_refused:
        return f"{what} cannot be judged for {span(now - text.since)} now: {text.why}. {KEPT}"
    more = f"; and {len(text.faults) - SHOWN} more" if len(text.faults) > SHOWN else ""
    return f"{what} was refused: {'; '.join(text.faults[:SHOWN])}{more}. {KEPT}"
