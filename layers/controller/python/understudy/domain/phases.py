"""How long each phase of a transition took, from the times in its history (B8)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Span(StrEnum):
    """The parts of a transition, named after its stages, and WHOLE: from what was noticed to in service."""

    OPENING = "OPENING"
    FENCING = "FENCING"
    MOVING = "MOVING"
    GRANTING = "GRANTING"
    STARTING = "STARTING"
    CONFIRMING = "CONFIRMING"
    WHOLE = "WHOLE"


BOUNDS: Mapping[Span, tuple[str, str]] = {
    Span.OPENING: ("noticed", "opened"),
    Span.FENCING: ("opened", "fenced"),
    Span.MOVING: ("fenced", "accepted"),
    Span.GRANTING: ("accepted", "granted"),
    Span.STARTING: ("granted", "in_service"),
    Span.CONFIRMING: ("in_service", "in_sync"),
    Span.WHOLE: ("noticed", "in_service"),
}
"""The stages of the history between which a phase lies."""


def durations_s(history: Mapping[str, Any]) -> dict[Span, float]:
    """Seconds of every phase of which both ends are known, from the facts of a history item.

    Clocks of different functions may differ: never below 0.
    """
    stages = history.get("stages", {})
    return {
        span: max(0.0, float(stages[f"{end}_at"] - stages[f"{begin}_at"]))
        for span, (begin, end) in BOUNDS.items()
        if f"{begin}_at" in stages and f"{end}_at" in stages
    }
