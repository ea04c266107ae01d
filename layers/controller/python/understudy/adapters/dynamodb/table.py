"""The calls of the cluster table. Here alone is known what DynamoDB means when it refuses a write.

Faults of DynamoDB itself (throttled, unreachable, forbidden) come through as botocore raises them: then it is not known
whether a write was done.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb.keys import INDEX, key
from understudy.adapters.dynamodb.values import Item
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.errors import LedgerConflictError, UnreadableError

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_IN_THE_WAY = "TransactionConflictException"
LOST_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""The same two, as the reasons of a cancelled transaction."""

BATCH_LIMIT = 100
"""Items that BatchGetItem takes at a time."""
BATCH_TRY_COUNT = 3
"""Calls for the same items, when DynamoDB answers only a part of them."""
TRANSACTION_LIMIT = 100
"""Items that one transaction takes."""
TRY_COUNT = 5
"""A write that depends on nothing read before is tried this often when a transaction holds the item."""
PAUSE_S = (0.02, 0.05)
"""Between two of these tries, by chance: a transaction holds an item for milliseconds, and others wait for it, too."""

Key = tuple[str, str]
Answer = Mapping[str, Any]


@dataclass(frozen=True)
class NotWritten:
    """The condition of a write did not hold: nothing was written.

    `item`: what stood there, where the write has asked for it; None when nothing did. `why`: in DynamoDB's words.
    """

    why: str
    item: Item | None = None


class ClusterTable:
    """One table, by a low-level boto3 client. `sleep` waits (seconds); `random` gives 0 to 1."""

    def __init__(
        self,
        client: Any,
        name: str,
        sleep: Callable[[float], object] = lambda seconds: None,
        random: Callable[[], float] = lambda: 0,
    ) -> None:
        self.name = name
        self._client = client
        self._sleep, self._random = sleep, random

    def read_item(self, pk: str, sk: str) -> Item:
        """An item, strongly consistent; empty when there is none."""
        item: Item = self._client.get_item(TableName=self.name, Key=key(pk, sk), ConsistentRead=True).get("Item", {})
        return item

    def read_items(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """The items that are there, by their keys, a hundred a call.

        Raises UnreadableError, also when a part is not answered.
        """
        asked, found = [key(*each) for each in keys], dict[Key, Item]()
        for start in range(0, len(asked), BATCH_LIMIT):
            found |= self._read_batch(asked[start : start + BATCH_LIMIT], consistent)
        return found

    def _read_batch(self, left: list[Item], consistent: bool) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        with unreadable("the cluster table"):
            for _ in range(BATCH_TRY_COUNT):
                asked = {self.name: {"Keys": left, "ConsistentRead": consistent}}
                answer = self._client.batch_get_item(RequestItems=asked)
                found |= {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Responses"][self.name]}
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    return found
        raise UnreadableError(f"the cluster table did not answer {len(left)} of its items in {BATCH_TRY_COUNT} calls")

    def query_items(self, **arguments: Any) -> Iterator[Item]:
        """The items of a Query, page by page."""
        for page in self._client.get_paginator("query").paginate(TableName=self.name, **arguments):
            yield from page["Items"]

    def keys_of_kind(self, kind: str) -> Iterator[str]:
        """The partition key of every item of this kind, as the index has it (eventually consistent), page by page."""
        condition = {"KeyConditionExpression": "kind = :kind", "ExpressionAttributeValues": {":kind": {"S": kind}}}
        return (item["pk"]["S"] for item in self.query_items(IndexName=INDEX, **condition))

    def store_item(self, item: Item, **condition: Any) -> Answer | NotWritten:
        """PutItem."""
        return self._write(self._client.put_item, Item=item, **condition)

    def remove_item(self, where: Item, **condition: Any) -> Answer | NotWritten:
        """DeleteItem. Doing it twice is harmless."""
        return self._write(self._client.delete_item, Key=where, **condition)

    def change_item(self, where: Item, **arguments: Any) -> Answer | NotWritten:
        """UpdateItem."""
        return self._write(self._client.update_item, Key=where, **arguments)

    def change_when_free(self, where: Item, **arguments: Any) -> Answer | NotWritten:
        """As change_item, for what depends on nothing read before: tried again while a transaction holds the item."""
        return self._change_patiently(where, arguments, TRY_COUNT)

    def change_as_read(self, where: Item, **arguments: Any) -> Answer:
        """As change_item, for what was read before. Raises LedgerConflictError, also when a transaction holds the item:
        then somebody else is changing it.
        """
        try:
            return written(self.change_item(where, **arguments))
        except ClientError as fault:
            if code_of(fault) == TRANSACTION_IN_THE_WAY:
                raise LedgerConflictError(str(fault)) from fault
            raise

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> None:
        """All of these writes or none. Raises LedgerConflictError when the condition of one of them does not hold."""
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as fault:
            reasons = {str(reason.get("Code")) for reason in fault.response.get("CancellationReasons", ())}
            if reasons & LOST_RACES:
                raise LedgerConflictError(str(fault)) from fault
            raise

    def _change_patiently(self, where: Item, arguments: Mapping[str, Any], try_count: int) -> Answer | NotWritten:
        try:
            return self.change_item(where, **arguments)
        except ClientError as fault:
            if code_of(fault) != TRANSACTION_IN_THE_WAY or try_count == 1:
                raise
        least, most = PAUSE_S
        self._sleep(least + (most - least) * self._random())
        return self._change_patiently(where, arguments, try_count - 1)

    def _write(self, call: Callable[..., Answer], **arguments: Any) -> Answer | NotWritten:
        try:
            return call(TableName=self.name, **arguments)
        except ClientError as fault:
            if code_of(fault) != CONDITION_FAILED:
                raise
            return NotWritten(str(fault), fault.response.get("Item"))


def written(answer: Answer | NotWritten) -> Answer:
    """The answer to a write that was done. Raises LedgerConflictError when it was not."""
    if isinstance(answer, NotWritten):
        raise LedgerConflictError(answer.why)
    return answer
