"""The phases of a transition, from the times in its history."""

from collections.abc import Mapping
from typing import Any

from understudy.board.views import ShownMove, ShownPhase

ENDS = (
    ("opened_at", "opened"),
    ("fenced_at", "fenced"),
    ("accepted_at", "address accepted"),
    ("granted_at", "lease granted"),
    ("in_service_at", "in service"),
)
"""What ends each phase, in the order of the workflow, and what it is called."""
AFTERWARDS = (
    ("closed_at", "closed"),
    ("in_sync_at", "in sync"),
    ("unconfirmed_at", "not confirmed by Route 53"),
    ("superseded_at", "superseded"),
)
"""What clients do not wait for."""


def phases_of(stages: Mapping[str, float], now: float, *, is_open: bool) -> tuple[ShownPhase, ...]:
    """The phases from when the cause was noticed, in the order in which they ended. An open transition's last phase has
    not ended at `now`, and is named by what it waits for.
    """
    began = _began(stages)
    if began is None:
        return ()
    ended = sorted(
        ((stages[key], number, name) for number, (key, name) in enumerate(ENDS) if key in stages),
        key=lambda each: each[0],
    )
    found, reached = [], began
    for at, number, name in ended:
        found.append(ShownPhase(name, max(0.0, at - reached), number))
        reached = max(reached, at)
    left = [(number, name) for number, (key, name) in enumerate(ENDS) if key not in stages]
    if is_open and left:
        number, name = left[0]
        found.append(ShownPhase(f"not yet {name}", max(0.0, now - reached), number))
    return tuple(found)


def _began(stages: Mapping[str, float]) -> float | None:
    return stages.get("noticed_at", stages.get("opened_at"))


def move_view(epoch: int, history: Mapping[str, Any], now: int, *, is_open: bool) -> ShownMove:
    """One transition as the board shows it."""
    stages = history.get("stages", {})
    began = _began(stages)
    return ShownMove(
        epoch=epoch,
        action=str(history.get("action", "")),
        source=str(history.get("source") or ""),
        target=str(history.get("target") or ""),
        rule=str(history.get("rule", "")),
        why=str(history.get("why", "")),
        outcome=str(history.get("outcome", "")),
        reasons=tuple(map(str, history.get("reasons", ()))),
        ago_s=None if began is None else max(0, int(now - began)),
        phases=phases_of(stages, now, is_open=is_open),
        afterwards=tuple(
            (name, stages[key] - began) for key, name in AFTERWARDS if key in stages and began is not None
        ),
    )
