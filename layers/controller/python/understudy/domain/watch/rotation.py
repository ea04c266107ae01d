"""Where a watch begins: with another cluster in every minute, so that one too short for all starves nobody."""

from collections.abc import Sequence
from typing import TypeVar

GOLDEN = 0.618_033_988_749_895
"""The part of the whole by which the start moves on each minute: of all steps, it leaves the smallest gaps."""
T = TypeVar("T")


def rotated(items: Sequence[T], minute: int) -> list[T]:
    """All items in their order, beginning where the watch of this minute (counted since the epoch) begins."""
    start = int(minute * GOLDEN % 1 * len(items))
    return [*items[start:], *items[:start]]
