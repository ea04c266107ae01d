"""What the table knows of all clusters together, in memory. It keeps the conditions of its port."""

from collections import Counter
from collections.abc import Collection

from tests.support.fakes.faults import Faulty
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.fleet import Sample
from understudy.domain.observe.signal import Shift
from understudy.ports.fleet import Places


class FakeFleet(Faulty):
    """FleetBook over the ledger of the same table. `reads`: how many states were read for others."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__()
        self.samples: dict[str, Sample] = {}
        self.shifts: dict[tuple[str, Shift], tuple[int, int]] = {}
        self.moves: Counter[int] = Counter()
        self.minute = 0
        self.reads = 0
        self._ledger = ledger

    def places(self, names: Collection[str], zone_id: str, now: int) -> Places:
        """As FleetReader.places."""
        with self._called("places"):
            untils = [self.shifts.get((zone_id, shift), (0, 0))[1] for shift in Shift]
            impaired = frozenset({zone_id} if max(untils) > now else ())
            return Places({name: self.samples[name] for name in names if name in self.samples}, impaired)

    def states(self, clusters: Collection[str]) -> list[ClusterState]:
        """As FleetReader.states."""
        with self._called("states"):
            found = [self._ledger.items.get((name, "state")) for name in clusters]
            self.reads += len(found)
            return [state for state in found if isinstance(state, ClusterState)]

    def count_move(self, minute: int) -> int:
        """As FleetReader.count_move."""
        with self._called("count_move"):
            self.moves[minute] += 1
            return self.moves[minute]

    def note_shift(self, zone_id: str, shift: Shift, at: int, until: int) -> None:
        """As ZoneWords.note_shift."""
        with self._called("note_shift"):
            if self.shifts.get((zone_id, shift), (0, 0))[0] <= at:
                self.shifts[zone_id, shift] = (at, until)

    def put_sample(self, place: str, sample: Sample) -> None:
        """As FleetBook.put_sample."""
        with self._called("put_sample"):
            self.samples[place] = sample

    def note_clusters(self, clusters: int) -> None:
        """As FleetBook.note_clusters. It stands in the ledger, where every step reads it."""
        with self._called("note_clusters"):
            self._ledger.clusters_counted = clusters

    def note_doubt(self, since: int) -> None:
        """As FleetBook.note_doubt."""
        with self._called("note_doubt"):
            self._ledger.doubted_since = since

    def take_turns(self, minute: int) -> bool:
        """As FleetBook.take_turns."""
        with self._called("take_turns"):
            is_free, self.minute = self.minute < minute, max(self.minute, minute)
            return is_free
