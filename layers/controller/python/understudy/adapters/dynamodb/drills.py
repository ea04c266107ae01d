"""The newest drill of each cluster: DrillBook on DynamoDB."""

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.values import from_item, to_attribute, to_item
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.transition.drill import Drill

DRILL = "drill"
CONDITION_FAILED = "ConditionalCheckFailedException"


class DynamoDbDrillBook:
    """The items (cluster, "drill") of the cluster table, by a low-level boto3 client.

    Faults of DynamoDB come through as botocore raises them.
    """

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def last(self, cluster: str) -> Drill | None:
        """The newest drill, strongly consistent; None when there has been none."""
        answer = self._client.get_item(TableName=self._table, Key=items.key(cluster, DRILL), ConsistentRead=True)
        return from_map(Drill, from_item(answer["Item"])[DRILL]) if "Item" in answer else None

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
        item = to_item({"pk": cluster, "sk": DRILL, "revision": kept.revision, DRILL: to_map(kept)})
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except ClientError as fault:
            if code_of(fault) == CONDITION_FAILED:
                raise LedgerConflictError(str(fault)) from fault
            raise
