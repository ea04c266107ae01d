"""Clusters in need, grouped by cause: what to do first, then one line for each, which opens to the whole cluster."""

import json
from collections.abc import Container
from urllib.parse import urlencode

from understudy.board import words
from understudy.board.card import card
from understudy.board.markup import Html, join, name, tag
from understudy.board.todo import commands, steps
from understudy.board.triage import Group
from understudy.board.views import ShownCluster
from understudy.board.words import TONE_OF

SEEN = 6
"""Lines of a group that are seen at once; the others open on demand, so that the next group is seen, too."""


def group_of(group: Group, in_full: Container[str], runbook: str, endpoint: str, *, is_only: bool) -> Html:
    """A cause with its clusters. `in_full`: the names of those that open in place; `is_only`: one line, open."""
    drawn = [line(each, in_full, runbook, endpoint, is_open=is_only) for each in group.clusters]
    seen, rest = (drawn[:SEEN], drawn[SEEN:]) if len(drawn) > SEEN + 2 else (drawn, [])
    hidden = tag("details", tag("summary", f"and {len(rest)} more"), *rest, class_="us-more") if rest else None
    tone = TONE_OF[group.need.attention]
    return tag("section", *_head(group, runbook), *seen, hidden, class_=f"us-group us-t-{tone}")


def _head(group: Group, runbook: str) -> tuple[Html | None, ...]:
    need, count = group.need, len(group.clusters)
    where = f"Nodes down in {', '.join(group.zones)}. " if group.zones and count > 1 else ""
    title = f"{count} clusters: {need.title}" if count > 1 else need.why
    heading = tag("h3", words.attention(need.attention), " ", tag("span", title, class_="us-title"))
    cause = tag("p", where, "Cause: ", tag("code", need.cause), class_="us-quiet us-cause") if need.cause else None
    return heading, steps(need, runbook), cause


def line(cluster: ShownCluster, in_full: Container[str], runbook: str, endpoint: str, *, is_open: bool) -> Html:
    """One cluster on one line, which opens in place when it is one of those `in_full`."""
    need = cluster.needs[0] if cluster.needs else None
    said = (
        tag("b", name(cluster.name), class_="us-name"),
        words.served(cluster.service),
        tag("span", cluster.service.how, class_="us-how"),
    )
    asked = commands(need) if need else None
    if cluster.name in in_full:
        opened = tag("summary", *said)
        return tag("details", opened, asked, card(cluster, runbook), class_="us-line", open="open" if is_open else None)
    return tag("div", tag("div", *said, more(cluster.name, endpoint), class_="us-said"), asked, class_="us-line")


def more(cluster: str, endpoint: str) -> Html:
    """What shows a cluster in full: an action of CloudWatch's own, which needs no script; elsewhere a link."""
    if not endpoint:
        return tag("a", "more", href="?" + urlencode({"cluster": cluster}), aria_label=f"more of {cluster}")
    asked = json.dumps({"cluster": cluster})
    return join(
        tag("a", "more", tabindex=0, role="button", aria_label=f"more of {cluster}"),
        tag("cwdb-action", asked, action="call", display="popup", endpoint=endpoint, event="click"),
    )
