"""What stands first on the board: what is not served, since when, and what to do first. Pure: views in, views out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from understudy.board.clock import span
from understudy.board.views import Attention, Board, Need, Served, ShownCluster

PLACES_FROM = 3
"""So many clusters with nodes that are down make the board say where these are: fewer follow no line."""
PLACES = 6
Key = tuple[Attention, str, str, tuple[str, ...]]


@dataclass(frozen=True)
class NeedGroup:
    """The clusters that need a person for the same cause, in the same places, the worst first. `need`: what is said of
    all of them.
    """

    need: Need
    zones: tuple[str, ...]
    clusters: tuple[ShownCluster, ...]


def most_urgent_first(clusters: Sequence[ShownCluster]) -> tuple[ShownCluster, ...]:
    """By how much a person is needed, then by whether clients are served, and for how long they are not."""
    return tuple(sorted(clusters, key=_urgency))


def grouped(clusters: Sequence[ShownCluster]) -> tuple[NeedGroup, ...]:
    """Those that need something by what they need first and where their nodes are down: of one urgency the biggest
    group first.
    """
    found: dict[Key, list[ShownCluster]] = {}
    for each in most_urgent_first(clusters):
        if each.needs:
            need = each.needs[0]
            found.setdefault((need.attention, need.cause, need.title, each.zones_down), []).append(each)
    groups = [NeedGroup(some[0].needs[0], key[3], tuple(some)) for key, some in found.items()]
    return tuple(sorted(groups, key=lambda each: (each.need.attention.rank, -len(each.clusters))))


def verdict(board: Board) -> str:
    """What a tired person wants to know first: what is not served, and for how long."""
    if not board.clusters:
        return _why_nothing(board)
    bad = [each for each in board.clusters if each.service.served not in (Served.YES, Served.UNREAD)]
    if not bad:
        return _all_served(board.clusters)
    if len(bad) == 1:
        return _one(bad[0].name, bad[0].service.served, _since(bad))
    counted = Counter(each.service.served for each in bad)
    said = [f"{counted[each]} {'is' if counted[each] == 1 else 'are'} {each.value}" for each in Served if counted[each]]
    return f"Of {len(board.clusters)} clusters, {' and '.join(said)}{_since(bad)}."


def worst(board: Board) -> Served | Attention:
    """What gives the verdict its colour."""
    served = min((each.service.served for each in board.clusters), key=lambda each: each.rank, default=Served.UNREAD)
    if served is not Served.YES:
        return served
    return min((each.attention for each in board.clusters), key=lambda each: each.rank)


def places(clusters: Sequence[ShownCluster]) -> str:
    """In which zones nodes are down, when there are so many that it matters; empty otherwise."""
    nodes = [node for each in clusters for node in each.nodes]
    down, of = Counter(node.zone for node in nodes if node.is_down), Counter(node.zone for node in nodes)
    if sum(bool(each.zones_down) for each in clusters) < PLACES_FROM:
        return ""
    said = [f"{zone} {down[zone]} of {of[zone]}" for zone, _ in sorted(of.items(), key=lambda each: -down[each[0]])]
    return f"Nodes silent or off: {', '.join(said[:PLACES])}."


def _urgency(cluster: ShownCluster) -> tuple[int, int, int, str]:
    service = cluster.service
    return cluster.attention.rank, service.served.rank, -(service.since_s or 0), cluster.name


def _since(bad: Sequence[ShownCluster]) -> str:
    ages = [each.service.since_s for each in bad if each.service.since_s is not None]
    if not ages:
        return ""
    return f", for {span(ages[0])}" if len(bad) == 1 else f", the longest for {span(max(ages))}"


def _one(name: str, served: Served, since: str) -> str:
    return f"Clients of {name} are led astray." if served is Served.ASTRAY else f"{name} is {served.value}{since}."


def _all_served(clusters: Sequence[ShownCluster]) -> str:
    first = min(clusters, key=_urgency)
    alike = sum(each.attention is first.attention for each in clusters)
    one = alike == 1
    who = first.name if one else f"{'All ' if alike == len(clusters) else ''}{alike} clusters"
    if first.attention is Attention.UNREAD:
        return f"{who} cannot be read."
    if first.attention is Attention.WELL:
        return f"{who} {'is' if one else 'are'} well."
    needs = ("needs you" if one else "need you") if first.attention is Attention.CALLS else first.attention.value
    return f"{who} {'is' if one else 'are'} served, and {needs}."


def _why_nothing(board: Board) -> str:
    if board.notes:
        return "The board could not be read."
    return f"{board.shown} is not registered." if board.shown else "No cluster is registered."
