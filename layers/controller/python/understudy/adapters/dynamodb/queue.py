"""The queue of group commit on the cluster table: CommitQueue.

One partition for each zone: an item for each cluster's intent, and one for the turn. No cluster is called like it: a
name has no `#`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten
from understudy.adapters.dynamodb.values import Item, from_item, to_item
from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.cluster.definition import ZoneKey
from understudy.ports.queue import Queued


class DynamoDbQueue:
    """The queue in the table, by a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)

    def leave(self, zone: ZoneKey, intent: Intent) -> Queued | None:
        """See CommitQueue.leave. To renew is one UpdateItem; to leave anew is a PutItem after it."""
        renewal = Update()
        renewal.set("renewed_at", to=intent.renewed_at)
        renewal.require("epoch", equals=intent.epoch)
        there = self._update(zone, intent.cluster, renewal)
        if there is not None:
            return _read(there)
        values = {**to_map(intent), "expires_at": intent.left_at + keys.KEPT_S}
        answer = self._table.store_item(
            {**_intent_key(zone, intent.cluster), **to_item(values)},
            ConditionExpression="attribute_not_exists(epoch) OR epoch < :epoch",
            ExpressionAttributeValues=to_item({":epoch": intent.epoch}),
        )
        return None if isinstance(answer, NotWritten) else Queued(intent)

    def waiting(self, zone: ZoneKey) -> Sequence[Intent]:
        """See CommitQueue.waiting. One Query for each megabyte, some two thousand intents."""
        found = self._table.query_items(
            ConsistentRead=True,
            KeyConditionExpression="pk = :zone AND begins_with(sk, :intent)",
            FilterExpression="attribute_not_exists(settled)",
            ExpressionAttributeValues=to_item({":zone": keys.zone_pk(zone), ":intent": keys.INTENT}),
        )
        return [_read(item).intent for item in found]

    def settle(self, zone: ZoneKey, intent: Intent, settled: Settled) -> None:
        """See CommitQueue.settle."""
        update = Update()
        update.set("settled", to=to_map(settled))
        update.require("epoch", equals=intent.epoch)
        self._update(zone, intent.cluster, update)

    def withdraw(self, zone: ZoneKey, intent: Intent) -> None:
        """See CommitQueue.withdraw."""
        self._delete(_intent_key(zone, intent.cluster), "epoch", intent.epoch)

    def take_turn(self, zone: ZoneKey, who: str, now: int, until: int) -> bool:
        """See CommitQueue.take_turn: one conditional PutItem."""
        answer = self._table.store_item(
            {**_turn_key(zone), **to_item({"who": who, "ends_at": until, "expires_at": until + keys.KEPT_S})},
            ConditionExpression="attribute_not_exists(who) OR who = :who OR ends_at <= :now",
            ExpressionAttributeValues=to_item({":who": who, ":now": now}),
        )
        return not isinstance(answer, NotWritten)

    def end_turn(self, zone: ZoneKey, who: str) -> None:
        """See CommitQueue.end_turn."""
        self._delete(_turn_key(zone), "who", who)

    def call_crowded(self, until: int) -> None:
        """See CommitQueue.call_crowded: one UpdateItem of the item that every step reads."""
        update = Update()
        update.set(items.CROWDED, to=until)
        self._table.change_item(keys.key(keys.STACK, keys.TUNING), **update.arguments())

    def _update(self, zone: ZoneKey, cluster: str, update: Update) -> Item | None:
        answer = self._table.change_item(_intent_key(zone, cluster), ReturnValues="ALL_NEW", **update.arguments())
        return None if isinstance(answer, NotWritten) else answer["Attributes"]

    def _delete(self, where: Item, name: str, value: str | int) -> None:
        self._table.remove_item(
            where,
            ConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues=to_item({":value": value}),
        )


def _intent_key(zone: ZoneKey, cluster: str) -> Item:
    return keys.key(keys.zone_pk(zone), keys.INTENT + cluster)


def _turn_key(zone: ZoneKey) -> Item:
    return keys.key(keys.zone_pk(zone), keys.TURN)


def _read(item: Mapping[str, Mapping[str, Any]]) -> Queued:
    values = from_item(item)
    settled = values.get("settled")
    return Queued(from_map(Intent, values), from_map(Settled, settled) if settled is not None else None)
