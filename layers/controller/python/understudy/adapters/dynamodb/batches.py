"""Many items of the cluster table in few calls, for those who look at many clusters at once."""

from collections.abc import Iterable
from typing import Any

from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.values import Item
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.errors import UnreadableError

CALL_SIZE = 100
"""Items that BatchGetItem takes at a time."""
TRY_COUNT = 3
"""Calls for the same items, when DynamoDB answers only a part of them."""
Key = tuple[str, str]


def read_batches(client: Any, table: str, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
    """The items that are there, by their keys. Raises UnreadableError, also when a part is not answered."""
    asked, found = [items.key(*each) for each in keys], dict[Key, Item]()
    for start in range(0, len(asked), CALL_SIZE):
        found |= _read_batch(client, table, asked[start : start + CALL_SIZE], consistent)
    return found


def _read_batch(client: Any, table: str, left: list[Item], consistent: bool) -> dict[Key, Item]:
    found: dict[Key, Item] = {}
    with unreadable("the cluster table"):
        for _ in range(TRY_COUNT):
            answer = client.batch_get_item(RequestItems={table: {"Keys": left, "ConsistentRead": consistent}})
            found |= {(item["pk"]["S"], item["sk"]["S"]): item for item in answer["Responses"][table]}
            left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not left:
                return found
    raise UnreadableError(f"the cluster table did not answer {len(left)} of its items in {TRY_COUNT} calls")
