"""The cluster table as the board reads it: many items a call, and nothing is written. BoardBook on DynamoDB."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.maps import from_map
from understudy.adapters.dynamodb.readiness import REPORT
from understudy.adapters.dynamodb.table import ClusterTable, Key
from understudy.adapters.dynamodb.values import Item, from_item
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.readiness.facts import Unread
from understudy.domain.readiness.report import Report
from understudy.ports.board import Histories, Remembered

T = TypeVar("T")


class DynamoDbBoard:
    """By a low-level boto3 client. Definitions never change, so each is read once and kept."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)
        self._definitions: dict[Key, Definition] = {}

    def clusters(self) -> Iterable[str]:
        """The name of every registered cluster, as the index has it (eventually consistent)."""
        return self._listed(keys.KIND)

    def unaccepted(self) -> Mapping[str, Unaccepted]:
        """By cluster, and by STACK_WIDE: the texts that were put and are not in force."""
        found = self._table.read_items((each, keys.UNACCEPTED) for each in self._listed(keys.KIND_UNACCEPTED))
        texts = {name: items.read_unaccepted(item) for (name, _), item in found.items()}
        return {name: text for name, text in texts.items() if text is not None}

    def _listed(self, kind: str) -> list[str]:
        with unreadable("the list of clusters"):
            return list(self._table.keys_of_kind(kind))

    def states(self, clusters: Collection[str]) -> Mapping[str, ClusterState | Unread]:
        """The state of each of these that is registered, strongly consistent: one call for a hundred."""
        found = self._table.read_items([(each, keys.STATE) for each in clusters], consistent=True)
        return {name: _sense("its state", items.read_state, item) for (name, _), item in found.items()}

    def remembered(self, states: Collection[ClusterState]) -> Mapping[str, Remembered | Unread]:
        """The definition in force and the newest readiness report of each: one call for a hundred items."""
        wanted = {each.cluster: (each.cluster, keys.definition_sk(each.definition_version)) for each in states}
        unknown = [key for key in wanted.values() if key not in self._definitions]
        found = self._table.read_items([*unknown, *((each, keys.READINESS) for each in wanted)])
        return {name: self._remembered(key, found) for name, key in wanted.items()}

    def histories(self, epochs: Mapping[str, Collection[int]]) -> Mapping[str, Histories]:
        """The facts of these epochs: one call for a hundred of them."""
        wanted = {(name, epoch): (name, keys.history_sk(epoch)) for name, some in epochs.items() for epoch in some}
        found = self._table.read_items(wanted.values())
        return {
            name: {epoch: items.read_history(found.get(wanted[(name, epoch)], {})) for epoch in some}
            for name, some in epochs.items()
        }

    def _remembered(self, key: Key, found: Mapping[Key, Item]) -> Remembered | Unread:
        if key in found:
            definition = _sense("its definition", items.read_definition, found[key])
            if isinstance(definition, Unread):
                return definition
            self._definitions[key] = definition
        if key not in self._definitions:
            return Unread(f"its {key[1]} is not in the table")
        report = _sense("its report", _read_report, found.get((key[0], keys.READINESS), {}))
        return Remembered(self._definitions[key], None if isinstance(report, Unread) else report)


def _read_report(item: Item) -> Report | None:
    return from_map(Report, from_item(item)[REPORT]) if item else None


def _sense(what: str, read: Callable[[Item], T], item: Item) -> T | Unread:
    """What an item says; Unread when this code can make nothing of it: one such cluster must not hide the others."""
    try:
        return read(item)
    except (KeyError, TypeError, ValueError) as fault:
        return Unread(f"{what} makes no sense to this version: {fault!r}")
