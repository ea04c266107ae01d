"""The stack's secret: SealBook, one item of the cluster table under a key of its own.

Rights in DynamoDB go by the first part of the key. No node can read the item, because no tag of a role may contain #,
and whoever is to read clusters without it can be kept from it.
"""

from secrets import token_bytes

from understudy.adapters.dynamodb.keys import SEAL, SECRET, key
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten
from understudy.domain.cluster.seal import SECRET_LENGTH
from understudy.ports.seals import SECRET_KEPT_S


class DynamoDbSeals:
    """Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, table: ClusterTable) -> None:
        self._table = table
        self._known = b""
        self._read_at = 0.0

    def secret(self, now: float, *, anew: bool = False) -> bytes:
        """See SealBook.secret. One GetItem, strongly consistent, once in SECRET_KEPT_S at the most unless `anew`."""
        if anew or not self._known or not 0 <= now - self._read_at < SECRET_KEPT_S:
            self._known, self._read_at = self._read() or self._make(), now
        return self._known

    def _read(self) -> bytes:
        item = self._table.read_item(SEAL, SECRET)
        return bytes.fromhex(item[SECRET]["S"]) if item else b""

    def _make(self) -> bytes:
        """One UpdateItem, on condition that there is none: of several who make it at once, one does."""
        made = token_bytes(SECRET_LENGTH)
        answer = self._table.change_item(
            key(SEAL, SECRET),
            UpdateExpression="SET #secret = :made",
            ConditionExpression="attribute_not_exists(pk)",
            ExpressionAttributeNames={"#secret": SECRET},
            ExpressionAttributeValues={":made": {"S": made.hex()}},
        )
        return self._read() if isinstance(answer, NotWritten) else made
