"""Who asks for a change, and what it has heard: Questions on the cluster table, one item for each change."""

from typing import Any

from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.keys import KEPT_S, change_key
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten
from understudy.adapters.dynamodb.values import from_item, to_item
from understudy.domain.cluster.record import ChangeReading


class DynamoDbQuestions:
    """By a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)

    def take_question(self, change_id: str, now: int, until: int) -> ChangeReading | None:
        """See Questions.take_question: one conditional UpdateItem."""
        answer = self._table.change_item(
            change_key(change_id),
            UpdateExpression="SET asked_until = :until, expires_at = :gone",
            ConditionExpression="attribute_not_exists(asked_until) OR (asked_until <= :now AND reading <> :in_sync)",
            ExpressionAttributeValues=to_item(
                {":until": until, ":gone": until + KEPT_S, ":now": now, ":in_sync": ChangeReading.IN_SYNC}
            ),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        if not isinstance(answer, NotWritten):
            return None
        return ChangeReading(from_item(answer.item or {}).get("reading", ChangeReading.PENDING))

    def note_answer(self, change_id: str, reading: ChangeReading) -> None:
        """See Questions.note_answer."""
        update = Update()
        update.set("reading", to=reading)
        self._table.change_item(change_key(change_id), **update.arguments())
