"""A transition as a bar: each phase as wide as it was long."""

from understudy.board.clock import span
from understudy.board.markup import Html, join, tag
from understudy.board.style import PHASES
from understudy.board.views import MoveView

WIDTH = 1000


def bar(move: MoveView) -> Html:
    """The bar with its key; nothing when the history knows no time."""
    if not move.phases:
        return Html("")
    whole_s = move.seconds or 1.0
    pieces, at = [], 0.0
    for number, phase in enumerate(move.phases):
        width = WIDTH * phase.seconds / whole_s
        said = f"{phase.name}: {_seconds(phase.seconds)}"
        tone = PHASES[number % len(PHASES)]
        pieces.append(
            tag("rect", tag("title", said), class_=f"us-t-{tone}", x=f"{at:.1f}", y=0, width=f"{width:.1f}", height=10)
        )
        at += width
    drawn = tag(
        "svg",
        *pieces,
        class_="us-bar",
        viewBox=f"0 0 {WIDTH} 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"phases of epoch {move.epoch}",
    )
    return join(drawn, tag("div", *_keys(move), class_="us-keys"))


def _keys(move: MoveView) -> list[Html]:
    return [
        tag(
            "span",
            tag("i", class_=f"us-key us-t-{PHASES[number % len(PHASES)]}"),
            f"{phase.name} {_seconds(phase.seconds)}",
        )
        for number, phase in enumerate(move.phases)
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else span(seconds)
