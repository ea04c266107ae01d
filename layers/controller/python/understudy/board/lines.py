"""Clusters in need, grouped by cause: what to do first, then one line for each, which opens to the whole cluster."""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from understudy.board import words
from understudy.board.card import card
from understudy.board.markup import Html, join, name, tag
from understudy.board.todo import commands, steps
from understudy.board.triage import NeedGroup
from understudy.board.views import ShownCluster
from understudy.board.words import TONE_OF

SEEN = 3
"""Lines of a group that are seen at once; the others open on demand, so that the next group is seen, too."""
WHOLE = 8
"""So many lines are seen at once where there is one group only."""


@dataclass(frozen=True)
class BoardLinks:
    """Where lines lead. `in_full`: the names of the clusters that open in place. `endpoint`: the ARN of the board's
    function; empty where links do instead of it.
    """

    in_full: frozenset[str]
    runbook: str
    endpoint: str


def group_of(group: NeedGroup, page: BoardLinks, *, is_only: bool, limit: int) -> Html:
    """A cause with its clusters, at most `limit` of them. `is_only`: it is the only group, so more is seen at once."""
    is_alone = len(group.clusters) == 1
    drawn = [line(each, page, is_open=is_only and is_alone, is_alone=is_alone) for each in group.clusters[:limit]]
    first = WHOLE if is_only else SEEN
    seen, rest = (drawn[:first], drawn[first:]) if len(drawn) > first + 1 else (drawn, [])
    count, left = len(group.clusters) - len(seen), len(group.clusters) - len(drawn)
    opened = tag("summary", f"and {count} more")
    hidden = tag("details", opened, *rest, left_out(left), class_="us-more") if count else None
    tone = TONE_OF[group.need.attention]
    return tag("section", *_head(group, page.runbook), *seen, hidden, class_=f"us-group us-t-{tone}")


def left_out(count: int) -> Html | None:
    """That so many more are not shown at all."""
    return tag("p", f"and {count} more, none of them worse than these", class_="us-quiet") if count > 0 else None


def _head(group: NeedGroup, runbook: str) -> tuple[Html | None, ...]:
    need, count = group.need, len(group.clusters)
    where = f"Nodes down in {', '.join(group.zones)}." if group.zones and count > 1 else ""
    title = f"{count} clusters: {need.title}" if count > 1 else need.why
    heading = tag("h3", words.attention(need.attention), " ", tag("span", title, class_="us-title"))
    rule = tag("span", " Rule: ", tag("code", need.cause)) if need.cause not in ("", need.section) else None
    cause = tag("p", where, rule, class_="us-quiet us-cause") if where or rule else None
    return heading, steps(need, runbook), cause


def line(cluster: ShownCluster, page: BoardLinks, *, is_open: bool, is_alone: bool = True) -> Html:
    """One cluster on one line, which opens in place when it is one of those in full. `is_alone`: the heading above is
    about this cluster only, and has said what it needs.
    """
    need = cluster.needs[0] if cluster.needs else None
    is_said = need is None or is_alone or need.why == need.title
    said = (
        tag("b", name(cluster.name), class_="us-name"),
        words.served(cluster.service),
        tag("span", cluster.service.how, class_="us-how"),
        None if need is None or is_said else tag("span", need.why, class_="us-how"),
        tag("span", need.detail, class_="us-detail") if need and need.detail else None,
        commands(need) if need else None,
    )
    if cluster.name in page.in_full:
        opened = tag("summary", *said)
        return tag("details", opened, card(cluster, page.runbook), class_="us-line", open="open" if is_open else None)
    return tag("div", tag("div", *said, more(cluster.name, page.endpoint), class_="us-said"), class_="us-line")


def more(cluster: str, endpoint: str) -> Html:
    """What shows a cluster in full: an action of CloudWatch's own, which needs no script; elsewhere a link."""
    if not endpoint:
        return tag("a", "more", href="?" + urlencode({"cluster": cluster}), aria_label=f"more of {cluster}")
    asked = json.dumps({"cluster": cluster})
    return join(
        tag("button", "more", type="button", aria_label=f"more of {cluster}"),
        tag("cwdb-action", asked, action="call", display="popup", endpoint=endpoint, event="click"),
    )
