"""The events about nodes: what EC2 and they themselves say of them, and what many that are silent mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypedDict

from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.reading import cluster_of, key_part, listed, mapping, mappings, word

GOES_ON = "Nothing was moved by this. What was in service goes on."
# What a person is to do first. The board says the same.
ABOUT_PEERS = "The readiness checks keys-alike, peers-addressed and peers-answer say what to do for each."
ABOUT_SILENCE = (
    "If only the heartbeats do not come through (network, DNS, credentials, EventBridge), repair that.",
    "If the nodes are dead, start a failover for each cluster that cannot wait: it is not put off.",
)


@dataclass(frozen=True, kw_only=True)
class NodeChanged(Event):
    """EC2 says that a member is not as the definition says, or that it is again."""

    detail_type: ClassVar[str] = "Understudy Node Changed"
    told_note: ClassVar[str] = "not when it is right again"

    cluster: str
    node: str
    instance_id: str
    fault: str  # in what EC2 contradicts the definition; empty: in nothing any more
    is_active: bool  # whether it holds the lease

    def words(self) -> Words | None:
        """EC2 contradicts the definition; None when it no longer does."""
        if not self.fault:
            return None
        cluster, node = cluster_of(self.cluster), word(self.node)
        serving = "It is the active node. It goes on serving."
        return Words(
            f"{cluster}: {node} is not as the definition says",
            (f"EC2 says of {node} ({word(self.instance_id)}): {word(self.fault)}.",),
            (serving if self.is_active else "It is not the active node, and nothing moves to it while this is so.",),
            ("Submit the definition again with the right instance and address.",),
            "understudy-node-changed",
        )

    def concern(self) -> Concern:
        """It lasts as long as there is a fault."""
        return Concern(f"node.{key_part(self.node)}", Severity.WARNING if self.fault else None)

    @classmethod
    def example(cls) -> Self:
        """An instance that has another address."""
        return cls(
            cluster="orders-db",
            node="node-b",
            instance_id="i-0c2d3e4f5a6b70819",
            fault="its address is 10.0.2.99, not 10.0.2.10",
            is_active=False,
        )


@dataclass(frozen=True, kw_only=True)
class PeersDegraded(Event):
    """Nodes could not give each other promises: no key, different keys, no answer. It comes once for each change."""

    detail_type: ClassVar[str] = "Understudy Peers Degraded"
    told_note: ClassVar[str] = "not when all is well again"

    cluster: str
    epoch: Epoch
    faults: Sequence[str]  # empty: all is well again

    def words(self) -> Words | None:
        """Nodes could not give each other promises; None when they could again."""
        if not self.faults:
            return None
        return Words(
            f"{cluster_of(self.cluster)}: an outage of AWS would stop the service",
            listed(self.faults),
            (
                GOES_ON,
                "The nodes could not give each other the promises that the active one needs to go on without AWS.",
            ),
            (ABOUT_PEERS,),
            "understudy-peers-degraded",
        )

    def concern(self) -> Concern:
        """It lasts as long as there is a fault."""
        return Concern("peers", Severity.WARNING if self.faults else None)

    @classmethod
    def example(cls) -> Self:
        """A node that is not answered."""
        return cls(cluster="orders-db", epoch=7, faults=["node-a gets no answer from node-b"])


class FailedCheck(TypedDict):
    """A readiness check, and what it found."""

    name: str
    verdict: str
    found: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class ReadinessFailed(Event):
    """A check found what would break a failover. It comes once for each change of `failed`."""

    detail_type: ClassVar[str] = "Understudy Readiness Failed"

    cluster: str
    failed: Sequence[str]  # the names of the checks
    checks: Sequence[FailedCheck]

    def words(self) -> Words:
        """A failover would not work."""
        cluster, checks = cluster_of(self.cluster), mappings(self.checks)
        return Words(
            f"{cluster}: not ready for a failover",
            tuple(f"{word(each.get('name'))}: {word(each.get('found'))}" for each in checks),
            (GOES_ON, "The next failover may not work."),
            tuple(f"{word(each.get('name'))}: {word(each.get('advice'))}" for each in checks),
            "understudy-readiness-failed",
        )

    def concern(self) -> Concern:
        """The next failure may be an outage."""
        return Concern("readiness", Severity.ERROR)

    @classmethod
    def example(cls) -> Self:
        """A node that the stack may not stop."""
        check = FailedCheck(
            name="stop-allowed",
            verdict="FAIL",
            found="node-b has no tag understudy:stack",
            advice="tag the instance with understudy:stack and the stack's name",
        )
        return cls(cluster="orders-db", failed=["stop-allowed"], checks=[check])


@dataclass(frozen=True, kw_only=True)
class SilenceDoubted(Event):
    """Many nodes are silent, no Availability Zone and no subnet explains it, and failovers that rest on silence alone
    are put off. It comes once, and once more with `clusters` 0 when none is put off any more.
    """

    detail_type: ClassVar[str] = "Understudy Silence Doubted"

    clusters: int  # how many wait
    of_clusters: int
    silent_nodes: int
    of_nodes: int
    places: Mapping[str, str]  # how many nodes are silent in each, the worst of them
    moves_a_minute: int  # how many of those that wait fail over in a minute
    oldest: Sequence[str]  # the clusters that have waited for longest

    def words(self) -> Words:
        """Many nodes are silent and no zone explains it, or that is over."""
        if not self.clusters:
            return Words(
                "silence of many: over",
                ("No failover is put off any more because many nodes are silent.",),
                ("Each cluster that still waited has moved, or its node is heard again.",),
                ("Nothing urgent. Find out why so many nodes were not heard.",),
                "silence-of-many",
            )
        clusters, silent, of_nodes = word(self.clusters), word(self.silent_nodes), word(self.of_nodes)
        places, moves = mapping(self.places), word(self.moves_a_minute)
        return Words(
            f"{clusters} of {word(self.of_clusters)} clusters silent in no pattern, failovers are put off",
            (
                f"{silent} of {of_nodes} nodes are silent, and neither an Availability Zone nor a subnet explains it.",
                *(f"{word(place, 60)}: {word(found, 60)} nodes silent" for place, found in places.items()),
            ),
            (
                f"{clusters} clusters wait. {moves} of them fail over each minute, the oldest first. The others stay.",
                "A node that is only not heard may still serve. One that has died does not.",
            ),
            ABOUT_SILENCE,
            "silence-of-many",
        )

    def concern(self) -> Concern:
        """It lasts as long as a cluster waits."""
        return Concern("silence", Severity.CRITICAL if self.clusters else None)

    @classmethod
    def example(cls) -> Self:
        """A third of each of three zones."""
        return cls(
            clusters=495,
            of_clusters=1000,
            silent_nodes=1002,
            of_nodes=2000,
            places={"us-east-1a": "338 of 667", "us-east-1b": "330 of 667", "us-east-1c": "334 of 666"},
            moves_a_minute=5,
            oldest=["orders-db", "invoices-db"],
        )
