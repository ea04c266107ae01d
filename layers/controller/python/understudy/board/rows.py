"""Clusters with one line each."""

import json
from urllib.parse import urlencode

from understudy.board import words
from understudy.board.clock import span
from understudy.board.markup import Html, join, name, tag
from understudy.board.views import ShownCluster, ShownMove, Tone
from understudy.domain.observe.health import NodeHealth

HEADINGS = ("", "cluster", "lease", "epoch", "nodes", "heard", "address", "last transition", "")


def rows(clusters: tuple[ShownCluster, ...], endpoint: str) -> Html:
    """A table of clusters. `endpoint`: the ARN of the board's function; empty where links do instead of it."""
    return tag("div", words.table(HEADINGS, [_row(each, endpoint) for each in clusters]), class_="us-list")


def _row(cluster: ShownCluster, endpoint: str) -> Html:
    why = tag("div", cluster.reasons[0], class_="us-quiet") if cluster.reasons else None
    return tag(
        "tr",
        tag("td", words.attention(cluster.attention)),
        tag("td", tag("b", name(cluster.name)), why),
        tag("td", words.served_by(cluster) if cluster.rule else "–", class_="us-n"),
        tag("td", cluster.epoch or "–", class_="us-n"),
        tag("td", _nodes(cluster), class_="us-n"),
        tag("td", _heard(cluster), class_="us-n"),
        tag("td", *_addresses(cluster)),
        tag("td", _last(cluster.moves), class_="us-n"),
        tag("td", _more(cluster.name, endpoint), class_="us-n"),
    )


def _nodes(cluster: ShownCluster) -> Html | str:
    ready = sum(node.health is NodeHealth.READY for node in cluster.nodes)
    said = f"{ready} of {len(cluster.nodes)} ready"
    return said if ready == len(cluster.nodes) else words.toned(said, Tone.WARN)


def _heard(cluster: ShownCluster) -> str:
    """The age of the oldest of the newest beats."""
    ages = [node.heard_age_s for node in cluster.nodes]
    if not ages or None in ages:
        return "never" if ages else "–"
    return f"{span(max(age for age in ages if age is not None))} ago"


def _addresses(cluster: ShownCluster) -> list[Html]:
    """Each address that needs a word of its own; the others have one together."""
    said = [
        tag("div", name(each.label.partition(" ")[0]), " ", words.toned(each.said, each.tone))
        for each in cluster.addresses
        if each.tone is not Tone.GOOD
    ]
    good = len(cluster.addresses) - len(said)
    return [*said, words.toned("as written" if not said else f"{good} as written", Tone.GOOD)] if good else said


def _last(moves: tuple[ShownMove, ...]) -> Html | str:
    if not moves:
        return "–"
    move = moves[0]
    ago = "" if move.ago_s is None else f", {span(move.ago_s)} ago"
    return join(f"{move.action} ", words.outcome(move), ago)


def _more(cluster: str, endpoint: str) -> Html:
    """What shows a cluster in full: an action of CloudWatch's own, which needs no script; elsewhere a link."""
    if not endpoint:
        return tag("a", "more", href="?" + urlencode({"cluster": cluster}))
    asked = json.dumps({"cluster": cluster})
    return join(
        tag("a", "more"), tag("cwdb-action", asked, action="call", display="popup", endpoint=endpoint, event="click")
    )
