"""What the table knows of all clusters together. Adapters and test fakes both keep to it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.fleet import Sample
from understudy.domain.observe.signal import Shift


@dataclass(frozen=True)
class Places:
    """What is known of some places: the clusters that stand for each, and the zones (ids) that AWS shifts away from."""

    samples: Mapping[str, Sample] = field(default_factory=dict)
    impaired: frozenset[str] = frozenset()


class FleetReader(Protocol):
    """The fleet as a move sees it that rests on silence."""

    def places(self, names: Collection[str], zone_id: str, now: int) -> Places:
        """The samples of these places, and whether the zone is impaired at `now` (seconds): one call.

        `zone_id` may be empty. Raises UnreadableError.
        """
        ...

    def states(self, clusters: Collection[str]) -> list[ClusterState]:
        """The states of clusters, eventually consistent; those that make no sense are left out. One call for a hundred.

        Raises UnreadableError.
        """
        ...

    def count_move(self, minute: int) -> int:
        """Count a move on silence in this minute, and answer how many have been counted in it: one write."""
        ...


class ZoneWords(Protocol):
    """The fleet as those see it who hear AWS."""

    def note_shift(self, zone_id: str, shift: Shift, at: int, until: int) -> None:
        """Let a zone be impaired until then (seconds), by an event of the time `at`; an `until` of 0 ends it.

        Nothing happens when an event of a later time was noted before.
        """
        ...


class FleetBook(FleetReader, ZoneWords, Protocol):
    """The fleet as the watch sees it, which keeps it."""

    def put_sample(self, place: str, sample: Sample) -> None:
        """Let these clusters stand for a place."""
        ...

    def note_clusters(self, clusters: int) -> None:
        """Let every step know how many clusters there are."""
        ...

    def note_doubt(self, since: int) -> None:
        """Note since when a person knows that silence is doubted (seconds); 0: it is doubted no more."""
        ...

    def take_turns(self, minute: int) -> bool:
        """Whether nobody has let moves through in this minute yet: who asks has the turns of this minute."""
        ...
