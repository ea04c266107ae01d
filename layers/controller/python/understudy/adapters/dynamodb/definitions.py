"""States of many clusters with the definitions that they name, read in few calls."""

from collections.abc import Collection, Mapping

from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.table import ClusterTable, Key
from understudy.adapters.dynamodb.values import Item
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.ports.ledger import Read


class KeptDefinitions:
    """Keeps one definition of each cluster, the one that was asked for last: definitions never change.

    Several threads may read at once: the worst that two can do to each other is to read the same definition twice.
    """

    def __init__(self, table: ClusterTable) -> None:
        self._table = table
        self._kept: dict[str, Definition] = {}

    def definition(self, cluster: str, version: int) -> Definition:
        """See StateReader.definition."""
        known = self._of_version(cluster, version)
        return known or self._keep(cluster, version, self._table.read_item(cluster, keys.definition_sk(version)))

    def read_states(self, clusters: Collection[str]) -> Mapping[str, Read | Exception]:
        """See StateLedger.read_states: one BatchGetItem for a hundred states, and one for definitions not yet kept."""
        found = self._table.read_items([(name, keys.STATE) for name in clusters], consistent=True)
        states = {name: _read_state(item) for (name, _), item in found.items()}
        lacking = {
            (name, keys.definition_sk(state.definition_version))
            for name, state in states.items()
            if isinstance(state, ClusterState) and self._of_version(name, state.definition_version) is None
        }
        read = self._table.read_items(lacking, consistent=True)
        return {name: self._joined(state, read) for name, state in states.items()}

    def _of_version(self, cluster: str, version: int) -> Definition | None:
        known = self._kept.get(cluster)
        return known if known is not None and known.version == version else None

    def _joined(self, state: ClusterState | Exception, read: Mapping[Key, Item]) -> Read | Exception:
        if isinstance(state, Exception):
            return state
        name, version = state.cluster, state.definition_version
        try:
            known = self._of_version(name, version)
            return state, known or self._keep(name, version, read.get((name, keys.definition_sk(version)), {}))
        except Exception as fault:  # one cluster that makes no sense must not hide the others
            return fault

    def _keep(self, cluster: str, version: int, item: Item) -> Definition:
        if not item:
            raise KeyError(f"{cluster} has no definition of version {version}")
        known = self._kept[cluster] = items.read_definition(item)
        return known


def _read_state(item: Item) -> ClusterState | Exception:
    try:
        return items.read_state(item)
    except Exception as fault:  # as above
        return fault
