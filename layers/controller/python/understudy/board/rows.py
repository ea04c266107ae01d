"""The clusters that are well: a row each."""

from understudy.board import words
from understudy.board.clock import span
from understudy.board.lines import more
from understudy.board.markup import Html, join, name, tag
from understudy.board.views import ShownCluster, ShownMove, Tone
from understudy.domain.observe.health import NodeHealth

HEADINGS = ("cluster", "served", "nodes", "last transition", "")


def rows(clusters: tuple[ShownCluster, ...], endpoint: str) -> Html:
    """A table of clusters. `endpoint`: the ARN of the board's function; empty where links do instead of it."""
    return words.table("Clusters that are well", HEADINGS, [_row(each, endpoint) for each in clusters])


def _row(cluster: ShownCluster, endpoint: str) -> Html:
    return tag(
        "tr",
        words.head(name(cluster.name)),
        tag("td", words.toned(cluster.service.how, Tone.GOOD)),
        tag("td", _nodes(cluster), tag("div", _heard(cluster), class_="us-quiet")),
        tag("td", _last(cluster.moves), *_addresses(cluster)),
        tag("td", more(cluster.name, endpoint)),
    )


def _nodes(cluster: ShownCluster) -> Html | str:
    """How many of those that can serve are ready, and each witness beside them: it never takes over."""
    serving = [node.health is NodeHealth.READY for node in cluster.nodes if not node.is_witness]
    witnesses = [node.health for node in cluster.nodes if node.is_witness]
    said = f"{sum(serving)} of {len(serving)} ready"
    for health in witnesses:
        said += ", and a witness" if health is NodeHealth.READY else f", and a witness that is {health}"
    is_well = all(serving) and all(health is NodeHealth.READY for health in witnesses)
    return said if is_well else words.toned(said, Tone.WARN)


def _heard(cluster: ShownCluster) -> str:
    """The age of the oldest of the newest beats."""
    ages = [node.heard_age_s for node in cluster.nodes]
    if not ages or None in ages:
        return "not all were heard" if ages else ""
    return f"heard {span(max(age for age in ages if age is not None))} ago"


def _addresses(cluster: ShownCluster) -> list[Html]:
    """Each address of which more is to be said than that it stands as it was written."""
    return [
        tag("div", name(each.label.partition(" ")[0]), " ", words.toned(each.said, each.tone))
        for each in cluster.addresses
        if each.tone is not Tone.GOOD
    ]


def _last(moves: tuple[ShownMove, ...]) -> Html | str:
    if not moves:
        return "–"
    move = moves[0]
    ago = "" if move.ago_s is None else f", {span(move.ago_s)} ago"
    return join(f"epoch {move.epoch} {move.action} ", words.outcome(move), ago)
