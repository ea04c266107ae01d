"""Where the silent nodes of a fleet are: in one Availability Zone or subnet, or all over it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from math import sqrt

from understudy.domain.cluster.definition import Definition, NodeSpec
from understudy.domain.cluster.state import ClusterState, NodeReport
from understudy.domain.decide.silence import Line, Share

SAMPLE_SIZE = 30
"""How many clusters stand for a place when a move looks at it: enough for a zone, and one call of the table."""
LEAST_NODES = 8
"""Fewer nodes than this, in a place or outside of it, say nothing about it."""
DEVIATIONS = 3.5
"""By how many standard deviations the silence inside must exceed that outside: chance does that once in 4,000 times."""
RATIO = 1.5
"""And by which factor, at least: of thousands of nodes, a small difference is beyond chance as well."""
FRESH_S = 86_400
"""A node that has been silent for longer (seconds) has been given up: it says nothing about this silence."""

Sample = Mapping[str, tuple[str, ...]]
"""Clusters that stand for a place: for each by name, its nodes (instance ids) in that place."""


class Sighting(StrEnum):
    """Whether a node can be heard now."""

    HEARD = "HEARD"
    SILENT = "SILENT"
    UNCLEAR = "UNCLEAR"  # never heard, off as EC2 says, given up, or it is too early to say


@dataclass(frozen=True)
class Count:
    """How many nodes are heard, and how many are silent."""

    heard: int = 0
    silent: int = 0

    @property
    def total(self) -> int:
        """All of which it is known."""
        return self.heard + self.silent

    @property
    def share(self) -> float:
        """How many of them are silent, 0 to 1."""
        return self.silent / self.total if self.total else 0.0

    @property
    def tells(self) -> bool:
        """Whether these are enough nodes to say anything."""
        return self.total >= LEAST_NODES

    def __add__(self, other: "Count") -> "Count":
        return Count(self.heard + other.heard, self.silent + other.silent)

    def __sub__(self, other: "Count") -> "Count":
        return Count(self.heard - other.heard, self.silent - other.silent)

    def __str__(self) -> str:
        return f"{self.silent} of {self.total}"


@dataclass(frozen=True)
class Tally:
    """Nodes that hold a lease, and the others: what silences only the active ones is no line where these live."""

    active: Count = field(default_factory=Count)
    standby: Count = field(default_factory=Count)

    @property
    def all(self) -> Count:
        """Both together."""
        return self.active + self.standby

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.active - other.active, self.standby - other.standby)


@dataclass(frozen=True)
class Comparison:
    """The nodes in a place (a zone, a subnet), and those elsewhere."""

    place: str
    inside: Tally
    outside: Tally

    @property
    def line(self) -> Line:
        """Whether the silence follows this place: the shares differ by more than chance, and by RATIO.

        Like is compared with like: active nodes with active ones, standbys with standbys (as Mantel and Haenszel do).
        Where all active nodes are on one side, which is usual, there is no such pair, and all nodes are compared.
        """
        if not (self.inside.all.tells and self.outside.all.tells):
            return Line.UNTOLD
        pairs = [(self.inside.active, self.outside.active), (self.inside.standby, self.outside.standby)]
        alike = [pair for pair in pairs if pair[0].total and pair[1].total]
        return Line.ALONG if _exceeds(alike or [(self.inside.all, self.outside.all)]) else Line.ACROSS

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.inside.all} nodes in {self.place} are silent, {self.outside.all} elsewhere"


def _exceeds(pairs: Sequence[tuple[Count, Count]]) -> bool:
    """Whether the first of each pair is silent so much more than the second that chance does not explain it."""
    weights = [one.total * other.total / (one + other).total for one, other in pairs]
    inside = sum(weight * one.share for weight, (one, _) in zip(weights, pairs, strict=True))
    outside = sum(weight * other.share for weight, (_, other) in zip(weights, pairs, strict=True))
    pooled = [(one + other).share for one, other in pairs]
    deviation = sqrt(sum(weight * share * (1 - share) for weight, share in zip(weights, pooled, strict=True)))
    return inside > outside and inside - outside >= DEVIATIONS * deviation and inside >= RATIO * outside


def line_of(comparisons: Iterable[Comparison]) -> Line:
    """Whether the silence follows any of a node's places."""
    lines = {each.line for each in comparisons}
    return next((line for line in (Line.ALONG, Line.ACROSS) if line in lines), Line.UNTOLD)


def share_of(comparisons: Sequence[Comparison], percent: int) -> Share:
    """Whether more than `percent` of the nodes around are silent: of those in the same zone, or in the same subnet.

    So few that one of them alone would be beyond say nothing.
    """
    least = max(LEAST_NODES, 100 / percent)
    is_beyond = any(each.total >= least and each.share * 100 > percent for each in _around(comparisons))
    return Share.BEYOND if is_beyond else Share.WITHIN


def _around(comparisons: Sequence[Comparison]) -> Iterator[Count]:
    """The nodes in each place, and the active ones alone: where only these fall silent, the standbys hide it.

    Where no place has enough, all that were seen. Else one silent node would count as one of many while another zone
    is dark.
    """
    large_enough = [each.inside for each in comparisons if each.inside.all.tells]
    for inside in large_enough:
        yield from (inside.all, inside.active)
    if not large_enough:
        yield from (each.inside.all + each.outside.all for each in comparisons)


def sighting(report: NodeReport, hearing_s: float, now: int, alive_after: float = 0) -> Sighting:
    """Whether a node can be heard at `now` (seconds).

    Silent: not heard for hearing_s, which is less than any silence that moves something. Heard: not silent, and heard
    after `alive_after`; what was heard before may have fallen silent at the same moment.
    """
    if report.heard_at is None or report.power_now.is_leaving or now - report.heard_at > FRESH_S:
        return Sighting.UNCLEAR
    if now - report.heard_at > hearing_s:
        return Sighting.SILENT
    return Sighting.HEARD if report.heard_at > alive_after else Sighting.UNCLEAR


def tally(seen: Iterable[tuple[bool, Sighting]]) -> Tally:
    """Count sightings, each with whether its node holds the lease."""
    found = Counter(seen)
    active, standby = (
        Count(found[is_active, Sighting.HEARD], found[is_active, Sighting.SILENT]) for is_active in (True, False)
    )
    return Tally(active, standby)


def compare(place: str, sample: Sample, states: Iterable[ClusterState], now: int, alive_after: float) -> Comparison:
    """What a sample says of a place at `now` (seconds)."""
    inside, outside = list[tuple[bool, Sighting]](), list[tuple[bool, Sighting]]()
    for state in states:
        members = sample.get(state.cluster)
        for instance_id, report in state.nodes.items() if members is not None else ():
            seen = sighting(report, state.terms.hearing_s, now, alive_after)
            side = inside if instance_id in (members or ()) else outside
            side.append((instance_id == state.active, seen))
    return Comparison(place, tally(inside), tally(outside))


def places_of(node: NodeSpec | None) -> tuple[str, ...]:
    """Where a node is: its zone, then its subnet, as far as they are known."""
    return tuple(filter(None, (node.zone, node.subnet))) if node else ()


def samples(definitions: Iterable[Definition]) -> dict[str, Sample]:
    """The clusters that stand for each place: the same ones as long as there are the same clusters."""
    members: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for definition in definitions:
        for node in definition.nodes:
            for place in places_of(node):
                members[place][definition.cluster].append(node.instance_id)
    return {
        place: {
            name: tuple(found[name])
            for name in sorted(found, key=lambda name: sha256(f"{place}/{name}".encode()).digest())[:SAMPLE_SIZE]
        }
        for place, found in members.items()
    }


@dataclass(frozen=True)
class Census:
    """Every node of the fleet, by place, at one time."""

    by_place: Mapping[str, Tally]
    everywhere: Tally

    def compare(self, node: NodeSpec | None) -> tuple[Comparison, ...]:
        """What all nodes say of the places of one of them."""
        found = ((place, self.by_place.get(place, Tally())) for place in places_of(node))
        return tuple(Comparison(place, inside, self.everywhere - inside) for place, inside in found)


def census(seen: Iterable[tuple[ClusterState, Definition, int]]) -> Census:
    """Count the nodes of clusters, each as it was read at a time (seconds)."""
    found: defaultdict[str, list[tuple[bool, Sighting]]] = defaultdict(list)
    everywhere: list[tuple[bool, Sighting]] = []
    for state, definition, at in seen:
        for node in definition.nodes:
            report = state.nodes.get(node.instance_id)
            word = sighting(report, state.terms.hearing_s, at) if report else Sighting.UNCLEAR
            of_node = (node.instance_id == state.active, word)
            everywhere.append(of_node)
            for place in places_of(node):
                found[place].append(of_node)
    return Census({place: tally(words) for place, words in found.items()}, tally(everywhere))
