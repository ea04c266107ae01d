"""The stack's secret: SealBook, one item of the cluster table under a key of its own.

Rights in DynamoDB go by the first part of the key. No node can read the item, because no tag of a role may contain #,
and whoever is to read clusters without it can be kept from it.
"""

from secrets import token_bytes
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import items
from understudy.domain.cluster.seal import SECRET_LENGTH
from understudy.ports.seals import SECRET_KEPT_S

SEAL_PK, SECRET = "seal#", "secret"
CONDITION_FAILED = "ConditionalCheckFailedException"


class DynamoDbSeals:
    """By a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table = table_name
        self._known = b""
        self._read_at = 0.0

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """See SealBook.secret. One GetItem, strongly consistent, once in SECRET_KEPT_S at the most unless `anew`."""
        if anew or not self._known or not 0 <= now - self._read_at < SECRET_KEPT_S:
            self._known, self._read_at = self._read() or self._make(), now
        return self._known

    def _read(self) -> bytes:
        key = items.key(SEAL_PK, SECRET)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return bytes.fromhex(answer["Item"][SECRET]["S"]) if "Item" in answer else b""

    def _make(self) -> bytes:
        """One UpdateItem, on condition that there is none: of several who make it at once, one does."""
        made = token_bytes(SECRET_LENGTH)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=items.key(SEAL_PK, SECRET),
                UpdateExpression="SET #secret = :made",
                ConditionExpression="attribute_not_exists(pk)",
                ExpressionAttributeNames={"#secret": SECRET},
                ExpressionAttributeValues={":made": {"S": made.hex()}},
            )
        except ClientError as fault:
            if code_of(fault) != CONDITION_FAILED:
                raise
            return self._read()
        return made
