"""A transition as a bar: each phase as wide as it was long."""

from understudy.board.clock import span
from understudy.board.markup import Html, join, tag
from understudy.board.views import ShownMove

WIDTH = 1000


def bar(move: ShownMove) -> Html:
    """The bar with its key; nothing when the history knows no time."""
    if not move.phases:
        return Html("")
    whole_s = move.seconds or 1.0
    pieces, at = [], 0.0
    for phase in move.phases:
        width = WIDTH * phase.seconds / whole_s
        said = f"{phase.name}: {_seconds(phase.seconds)}"
        pieces.append(
            tag(
                "rect",
                tag("title", said),
                class_=f"us-p{phase.number}",
                x=f"{at:.1f}",
                y=0,
                width=f"{width:.1f}",
                height=10,
            )
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


def _keys(move: ShownMove) -> list[Html]:
    return [
        tag(
            "span",
            tag("i", class_=f"us-key us-p{phase.number}"),
            f"{phase.name} {_seconds(phase.seconds)}",
        )
        for phase in move.phases
    ] + [tag("span", f"{name} after {_seconds(seconds)}") for name, seconds in move.afterwards]


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else span(seconds)
