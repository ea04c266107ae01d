"""The cluster table as the board reads it, in memory."""

from collections.abc import Collection, Iterable, Mapping

from tests.support.fakes.faults import Faulty
from tests.support.fakes.inspection import FakeReportBook
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.readiness.facts import Unread
from understudy.ports.board import Histories, Remembered


class FakeBoardBook(Faulty):
    """BoardBook over a FakeLedger and the reports. `nonsense`: clusters whose state nobody can make anything of."""

    def __init__(self, ledger: FakeLedger, reports: FakeReportBook) -> None:
        super().__init__()
        self._ledger = ledger
        self._reports = reports
        self.nonsense: set[str] = set()

    def clusters(self) -> Iterable[str]:
        """As BoardBook.clusters."""
        with self._called("clusters"):
            return list(self._ledger.clusters())

    def unaccepted(self) -> Mapping[str, Unaccepted]:
        """As BoardBook.unaccepted."""
        with self._called("unaccepted"):
            return {name: each for (name, kind), each in self._ledger.items.items() if kind == "refusal"}

    def states(self, clusters: Collection[str]) -> Mapping[str, ClusterState | Unread]:
        """As BoardBook.states."""
        with self._called("states"):
            there = [each for each in clusters if (each, "state") in self._ledger.items]
            return {each: Unread("nonsense") if each in self.nonsense else self._ledger.state(each) for each in there}

    def remembered(self, states: Collection[ClusterState]) -> Mapping[str, Remembered | Unread]:
        """As BoardBook.remembered."""
        with self._called("remembered"):
            return {each.cluster: self._remembered(each) for each in states}

    def histories(self, epochs: Mapping[str, Collection[int]]) -> Mapping[str, Histories]:
        """As BoardBook.histories."""
        with self._called("histories"):
            return {
                name: {epoch: dict(self._ledger.history(name, epoch)) for epoch in some}
                for name, some in epochs.items()
            }

    def _remembered(self, state: ClusterState) -> Remembered | Unread:
        try:
            definition = self._ledger.definition(state.cluster, state.definition_version)
        except KeyError as lost:
            return Unread(f"its {lost} is not in the table")
        return Remembered(definition, self._reports.last(state.cluster))
