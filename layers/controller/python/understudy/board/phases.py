"""The phases of a transition, from the times in its history."""

from collections.abc import Mapping
from typing import Any

from understudy.board.views import MoveView, Phase

ENDS = (
    ("opened_at", "opened"),
    ("fenced_at", "fenced"),
    ("accepted_at", "address accepted"),
    ("granted_at", "lease granted"),
    ("in_service_at", "in service"),
    ("in_sync_at", "in sync"),
    ("closed_at", "closed"),
    ("superseded_at", "superseded"),
)
"""What ends each phase, in the order of the workflow, and what it is called."""


def phases_of(stages: Mapping[str, float], now: float, *, is_open: bool) -> tuple[Phase, ...]:
    """The phases from when the cause was noticed, in the order in which they ended; an open one ends at `now`."""
    began = stages.get("noticed_at", stages.get("opened_at"))
    if began is None:
        return ()
    ended = sorted(((stages[key], name) for key, name in ENDS if key in stages), key=lambda each: each[0])
    found, reached = [], began
    for at, name in ended:
        found.append(Phase(name, max(0.0, at - reached)))
        reached = max(reached, at)
    if is_open:
        found.append(Phase("now", max(0.0, now - reached), is_open=True))
    return tuple(found)


def move_view(epoch: int, history: Mapping[str, Any], now: int, *, is_open: bool) -> MoveView:
    """One transition as the board shows it."""
    stages = history.get("stages", {})
    noticed_at = stages.get("noticed_at", stages.get("opened_at"))
    return MoveView(
        epoch=epoch,
        action=str(history.get("action", "")),
        source=str(history.get("source") or ""),
        target=str(history.get("target") or ""),
        rule=str(history.get("rule", "")),
        why=str(history.get("why", "")),
        outcome=str(history.get("outcome", "")),
        reasons=tuple(map(str, history.get("reasons", ()))),
        ago_s=None if noticed_at is None else max(0, int(now - noticed_at)),
        phases=phases_of(stages, now, is_open=is_open),
    )
