"""What the cluster table remembers of the texts that operators put: the stack's tunables, and what was refused."""

from collections.abc import Mapping
from typing import Any

from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.values import Item
from understudy.domain.cluster.tuning import StackWide
from understudy.domain.cluster.unaccepted import Unaccepted


class DynamoDbTexts:
    """The part of the ledger that has nothing to do with a cluster's state."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def stack_wide(self) -> StackWide:
        """The tunables that the stack sets, and until when Route 53 is crowded: one read, strongly consistent."""
        return items.read_stack_wide(self._get(items.STACK, items.TUNING))

    def tuning_digest(self) -> str:
        """The digest of the text that the stack's tunables are from; empty when there is none."""
        return items.read_digest(self._get(items.STACK, items.TUNING))

    def put_tuning(self, values: Mapping[str, int], digest: str) -> None:
        """Let these be the stack's tunables, from the text of this digest."""
        update = Update()
        update.set("values", to=dict(values))
        update.set("digest", to=digest)
        self._client.update_item(TableName=self._table, Key=items.key(items.STACK, items.TUNING), **update.arguments())

    def unaccepted(self, cluster: str) -> Unaccepted | None:
        """The text that was put last, when it is not in force; None when it is."""
        return items.read_unaccepted(self._get(cluster, items.UNACCEPTED))

    def note_unaccepted(self, cluster: str, text: Unaccepted) -> None:
        """Remember it in place of the one before. The state is not touched."""
        self._client.put_item(TableName=self._table, Item=items.unaccepted_item(cluster, text))

    def forget_unaccepted(self, cluster: str) -> None:
        """The text that was put last is in force."""
        self._client.delete_item(TableName=self._table, Key=items.key(cluster, items.UNACCEPTED))

    def _get(self, pk: str, sk: str) -> Item:
        answer = self._client.get_item(TableName=self._table, Key=items.key(pk, sk), ConsistentRead=True)
        item: Item = answer.get("Item", {})
        return item
