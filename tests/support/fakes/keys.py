"""The keys of the clusters in memory."""

from tests.support.fakes.faults import Faulty


class FakeKeys(Faulty):
    """`made`: the clusters that have a key, with how many were made for each, in time."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, int] = {}
        self._there: set[str] = set()

    def make(self, cluster: str) -> bool:
        """As NodeKeys.make."""
        with self._called("make"):
            if cluster in self._there:
                return False
            self._there.add(cluster)
            self.made[cluster] = self.made.get(cluster, 0) + 1
            return True

    def delete(self, cluster: str) -> None:
        """What a person does who retires the cluster, or a slip."""
        self._there.discard(cluster)
