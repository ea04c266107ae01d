"""How long each phase of a transition took, from the times in its history (B8)."""

from collections.abc import Mapping
from enum import StrEnum


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


def durations_s(history: Mapping[str, object]) -> dict[Span, float]:
    """Seconds of every phase of which both ends are known. Clocks of different functions may differ: never below 0."""
    times = {
        stage: float(at)
        for stage in {each for ends in BOUNDS.values() for each in ends}
        if isinstance(at := history.get(f"stages.{stage}_at"), int | float)
    }
    return {
        phase: max(0.0, times[end] - times[begin])
        for phase, (begin, end) in BOUNDS.items()
        if begin in times and end in times
    }
