"""What is left of the controller's share of Route 53's buckets: ShareBook, one item of the table for each purse."""

from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.values import Item, from_item
from understudy.domain.batching.rate_limits import IN_PURSE, Purse, Throughput

CONDITION_FAILED = "ConditionalCheckFailedException"


class DynamoDbShares:
    """By a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def left(self, purse: Purse) -> Throughput | None:
        """See ShareBook.left: one GetItem, strongly consistent."""
        answer = self._client.get_item(TableName=self._table, Key=_key(purse), ConsistentRead=True)
        values = from_item(answer.get("Item", {}))
        if not values:
            return None
        return Throughput({bucket: float(values[bucket]) for bucket in IN_PURSE[purse]}, float(values["at"]))

    def put_left(self, purse: Purse, before: Throughput | None, after: Throughput) -> bool:
        """See ShareBook.put_left: one conditional UpdateItem."""
        update = Update()
        for name, value in _values(after).items():
            update.set(name, to=value)
        if before is None:
            update.require_absent("at")
        else:
            for name, value in _values(before).items():
                update.require(name, equals=value)
        try:
            self._client.update_item(TableName=self._table, Key=_key(purse), **update.arguments())
        except ClientError as fault:
            if code_of(fault) == CONDITION_FAILED:
                return False
            raise
        return True


def _values(throughput: Throughput) -> dict[str, float]:
    return {**{str(bucket): left for bucket, left in throughput.left.items()}, "at": throughput.at}


def _key(purse: Purse) -> Item:
    """It is the account's: no zone is called like it."""
    return items.key("zone#", f"share#{purse}")
