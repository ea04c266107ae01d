"""The newest drill of each cluster: DrillBook on DynamoDB."""

from dataclasses import replace
from typing import Any

from understudy.adapters.dynamodb.keys import DRILL, key
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.table import ClusterTable, written
from understudy.adapters.dynamodb.values import from_item, to_attribute, to_item
from understudy.domain.transition.drill import Drill


class DynamoDbDrillBook:
    """The items (cluster, "drill") of the cluster table, by a low-level boto3 client.

    Faults of DynamoDB come through as botocore raises them.
    """

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)

    def last(self, cluster: str) -> Drill | None:
        """The newest drill, strongly consistent; None when there has been none."""
        item = self._table.read_item(cluster, DRILL)
        return from_map(Drill, from_item(item)[DRILL]) if item else None

    def store(self, cluster: str, before: Drill | None, after: Drill) -> None:
        """Keep a drill in place of `before`, under the next revision. Raises LedgerConflictError."""
        revision = before.revision if before else 0
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before is not None:
            condition = {
                "ConditionExpression": "#revision = :before",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": {":before": to_attribute(revision)},
            }
        kept = replace(after, revision=revision + 1)
        values = {"revision": kept.revision, DRILL: to_map(kept)}
        written(self._table.store_item({**key(cluster, DRILL), **to_item(values)}, **condition))
