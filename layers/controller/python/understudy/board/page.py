"""The whole board: what needs somebody first and in full, then a line for each other cluster."""

from collections import Counter

from understudy.board.card import card
from understudy.board.clock import utc
from understudy.board.markup import Html, tag
from understudy.board.rows import rows
from understudy.board.style import Theme, sheet
from understudy.board.views import Attention, Board, ShownCluster
from understudy.board.words import TONE_OF

CARD_LIMIT = 12
"""Clusters in full at a time: more than a person can look after at once. The others have a line each."""
FEW = 4
"""So many clusters are shown in full although all is well."""
ROW_LIMIT = 600
"""Lines at a time, the worst first: far more than is read, and the answer stays far below Lambda's 6 MB."""


def page(board: Board, theme: Theme = Theme.AUTO, endpoint: str = "") -> str:
    """The board as HTML, to stand in a page or in a widget of CloudWatch.

    `endpoint`: the ARN of the board's function, where CloudWatch can call it; empty elsewhere.
    """
    in_full = shown_in_full(board.clusters)
    names = {each.name for each in in_full}
    rest = tuple(each for each in board.clusters if each.name not in names)
    left_out = len(rest) - ROW_LIMIT
    return tag(
        "div",
        tag("div", class_="cwdb-no-default-styles"),
        sheet(),
        _top(board),
        _tiles(board) if len(board.clusters) > 1 else None,
        *(tag("p", each, class_="us-note") for each in (*board.texts, *board.notes)),
        *(card(each) for each in in_full),
        rows(rest[:ROW_LIMIT], endpoint) if rest else None,
        tag("p", f"and {left_out} more, none of them worse than these", class_="us-quiet") if left_out > 0 else None,
        class_=f"us us-{theme}",
    )


def shown_in_full(clusters: tuple[ShownCluster, ...]) -> tuple[ShownCluster, ...]:
    """Those that have a card: the first of those that need attention, or all where there are few."""
    if len(clusters) <= FEW:
        return clusters
    return tuple(each for each in clusters[:CARD_LIMIT] if each.attention is not Attention.WELL)


def _top(board: Board) -> Html:
    return tag(
        "div",
        tag("span", _verdict(board), class_="us-say"),
        tag("span", f"{board.stack} · as of {utc(board.now)}", class_="us-quiet"),
        class_="us-top",
    )


def _verdict(board: Board) -> str:
    """What a tired person wants to know first."""
    if not board.clusters:
        return _why_nothing(board)
    worst = board.clusters[0]
    alike = sum(each.attention is worst.attention for each in board.clusters)
    if worst.attention is Attention.WELL:
        return f"All {alike} clusters are well." if alike > 1 else f"{worst.name} is well."
    if alike == 1:
        return f"{worst.name} {_is(worst.attention)}."
    words = {Attention.CALLS: "clusters need you", Attention.UNREAD: "clusters cannot be read"}
    return f"{alike} {words.get(worst.attention, f'clusters are {worst.attention.value}')}."


def _why_nothing(board: Board) -> str:
    if board.notes:
        return "The board could not be read."
    return f"{board.shown} is not registered." if board.shown else "No cluster is registered."


def _is(attention: Attention) -> str:
    return attention.value if attention in (Attention.CALLS, Attention.UNREAD) else f"is {attention.value}"


def _tiles(board: Board) -> Html:
    counted = Counter(each.attention for each in board.clusters)
    return tag(
        "div",
        *(
            tag(
                "div",
                tag("b", counted[each]),
                tag("span", each.value),
                class_=f"us-tile us-t-{TONE_OF[each]}{' us-some' if counted[each] else ''}",
            )
            for each in Attention
        ),
        class_="us-tiles",
    )
