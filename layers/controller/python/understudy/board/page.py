"""The whole board: what is not served, what to do first, and then everything else on demand."""

from collections import Counter
from collections.abc import Iterator

from understudy.board import words
from understudy.board.clock import utc
from understudy.board.lines import BoardLinks, group_of, left_out, line
from understudy.board.markup import Html, tag
from understudy.board.rows import rows
from understudy.board.style import Theme, sheet
from understudy.board.texts import KEPT, SECTION
from understudy.board.triage import grouped, places, verdict, worst
from understudy.board.views import Attention, Board, ShownCluster, ShownText
from understudy.board.words import TONE_OF

CARD_LIMIT = 12
"""Clusters that open in place: more than a person can look after at once. The others open by themselves elsewhere."""
FEW = 4
"""So many clusters open in place although all is well."""
ROW_LIMIT = 600
"""Lines at a time, the worst first: far more than is read, and the answer stays far below Lambda's 6 MB."""


def page(board: Board, theme: Theme = Theme.AUTO, endpoint: str = "") -> str:
    """The board as HTML, to stand in a page or in a widget of CloudWatch.

    `endpoint`: the ARN of the board's function, where CloudWatch can call it; empty elsewhere.
    """
    where = BoardLinks(frozenset(each.name for each in shown_in_full(board.clusters)), board.runbook, endpoint)
    return tag(
        "div",
        tag("div", class_="cwdb-no-default-styles"),
        sheet(),
        _top(board),
        *(tag("p", each, class_="us-note") for each in board.notes),
        *_groups(board, where),
        *(_text(each, board.runbook) for each in board.texts),
        _well(board, where),
        class_=f"us us-{theme}",
    )


def shown_in_full(clusters: tuple[ShownCluster, ...]) -> tuple[ShownCluster, ...]:
    """Those that open in place: the first of those that need something, or all where there are few."""
    if len(clusters) <= FEW:
        return clusters
    return tuple(each for each in clusters[:CARD_LIMIT] if each.needs)


def _top(board: Board) -> Html:
    tone = TONE_OF[worst(board)] if board.clusters else "quiet"
    down = places(board.clusters)
    texts = len(board.texts)
    unforced = f"{texts} submitted text{'s are' if texts > 1 else ' is'} not in force. {KEPT}" if texts else ""
    return tag(
        "div",
        tag("h2", verdict(board), class_=f"us-say us-t-{tone}"),
        tag("p", f"{board.stack} · as of {utc(board.now)}", class_="us-quiet us-when"),
        _counts(board) if len(board.clusters) > 1 else None,
        *(tag("p", each, class_="us-places") for each in (down, unforced) if each),
        class_="us-top",
    )


def _counts(board: Board) -> Html:
    counted = Counter(each.attention for each in board.clusters)
    return tag(
        "p",
        *(
            tag("span", tag("b", counted[each]), f" {each.value}", class_=f"us-count us-t-{TONE_OF[each]}")
            for each in Attention
            if counted[each]
        ),
        class_="us-counts",
    )


def _groups(board: Board, where: BoardLinks) -> Iterator[Html]:
    groups, room = grouped(board.clusters), ROW_LIMIT
    for each in groups:
        yield group_of(each, where, is_only=len(groups) == 1, limit=room)
        room = max(0, room - len(each.clusters))


def _text(text: ShownText, runbook: str) -> Html:
    return tag(
        "section",
        tag("h3", tag("b", f"{text.what}.")),
        tag("ul", *(tag("li", each) for each in text.faults), class_="us-faults"),
        tag("p", tag("b", "Do: "), text.todo, " ", words.runbook(runbook, SECTION), class_="us-todo"),
        class_="us-group us-t-degraded",
    )


def _well(board: Board, where: BoardLinks) -> Html | None:
    clusters = tuple(each for each in board.clusters if not each.needs)
    if not clusters:
        return None
    if all(each.name in where.in_full for each in clusters):
        drawn = [line(each, where, is_open=len(board.clusters) == 1) for each in clusters]
        return tag("section", tag("h3", words.attention(Attention.WELL)), *drawn, class_="us-group us-t-well")
    room = max(0, ROW_LIMIT - (len(board.clusters) - len(clusters)))
    is_all = len(clusters) == len(board.clusters)
    return tag(
        "details",
        tag("summary", tag("h3", words.attention(Attention.WELL), f" {len(clusters)} clusters")),
        rows(clusters[:room], where.endpoint),
        left_out(len(clusters) - room),
        class_="us-group us-t-well",
        open="open" if is_all else None,
    )
