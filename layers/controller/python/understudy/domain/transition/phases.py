"""How long each phase of a transition took, from the times in its history."""

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


def between_s(history: Mapping[str, Any], begin: str, end: str) -> float | None:
    """Seconds from one stage of a history item to another; None when it does not have both.

    Clocks of different functions may differ: never below 0.
    """
    stages = history.get("stages", {})
    begun_at, ended_at = stages.get(f"{begin}_at"), stages.get(f"{end}_at")
    return None if begun_at is None or ended_at is None else max(0.0, float(ended_at - begun_at))


def durations_s(history: Mapping[str, Any]) -> dict[Span, float]:
    """Seconds of every phase of which both ends are known, from the facts of a history item."""
    found = {span: between_s(history, begin, end) for span, (begin, end) in BOUNDS.items()}
    return {span: seconds for span, seconds in found.items() if seconds is not None}
