"""States and the definitions that they name: the part of the ledger that the watch reads many clusters with."""

from collections.abc import Collection, Mapping
from typing import Any

from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.batches import read_batches
from understudy.adapters.dynamodb.texts import DynamoDbTexts
from understudy.adapters.dynamodb.values import Item
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.ports.ledger import Read


class DynamoDbViews(DynamoDbTexts):
    """Keeps one definition of each cluster, the one that was asked for last: definitions never change.

    Several threads may read at once: the worst that two can do to each other is to read the same definition twice.
    """

    def __init__(self, client: Any, table_name: str) -> None:
        super().__init__(client, table_name)
        self._definitions: dict[str, Definition] = {}

    def definition(self, cluster: str, version: int) -> Definition:
        """The accepted definition of this version. Raises KeyError when there is none."""
        known = self._definitions.get(cluster)
        if known is None or known.version != version:
            known = self._keep(cluster, version, self._get(cluster, items.definition_sk(version)))
        return known

    def read_states(self, clusters: Collection[str]) -> Mapping[str, Read | Exception]:
        """See StateLedger.read_states: one BatchGetItem for a hundred states, and one for definitions not yet kept."""
        keys = [(name, items.STATE) for name in clusters]
        found = read_batches(self._client, self._table, keys, consistent=True)
        states = {name: _read_state(item) for (name, _), item in found.items()}
        lacking = {
            (name, items.definition_sk(state.definition_version))
            for name, state in states.items()
            if isinstance(state, ClusterState) and not self._is_kept(name, state.definition_version)
        }
        read = read_batches(self._client, self._table, lacking, consistent=True)
        return {name: self._joined(state, read) for name, state in states.items()}

    def _is_kept(self, cluster: str, version: int) -> bool:
        known = self._definitions.get(cluster)
        return known is not None and known.version == version

    def _joined(self, state: ClusterState | Exception, read: Mapping[tuple[str, str], Item]) -> Read | Exception:
        if isinstance(state, Exception):
            return state
        name, version = state.cluster, state.definition_version
        known = self._definitions.get(name)
        try:
            if known is None or known.version != version:
                known = self._keep(name, version, read.get((name, items.definition_sk(version)), {}))
        except Exception as fault:  # one cluster that makes no sense must not hide the others
            return fault
        return state, known

    def _keep(self, cluster: str, version: int, item: Item) -> Definition:
        if not item:
            raise KeyError(f"{cluster} has no definition of version {version}")
        known = self._definitions[cluster] = items.read_definition(item)
        return known


def _read_state(item: Item) -> ClusterState | Exception:
    try:
        return items.read_state(item)
    except Exception as fault:  # as above
        return fault
