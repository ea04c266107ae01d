"""Who asks for a change, and what it has heard: Questions on the cluster table, one item for each change."""

from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.values import Item, from_item, to_item
from understudy.domain.cluster.record import ChangeReading

CONDITION_FAILED = "ConditionalCheckFailedException"
KEPT_S = 86_400
"""When DynamoDB may delete what is known of a change (seconds after it was asked for last)."""


class DynamoDbQuestions:
    """By a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def take_question(self, change_id: str, now: int, until: int) -> ChangeReading | None:
        """See Questions.take_question: one conditional UpdateItem."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_change_key(change_id),
                UpdateExpression="SET asked_until = :until, expires_at = :gone",
                ConditionExpression=(
                    "attribute_not_exists(asked_until) OR (asked_until <= :now AND reading <> :in_sync)"
                ),
                ExpressionAttributeValues=to_item(
                    {":until": until, ":gone": until + KEPT_S, ":now": now, ":in_sync": ChangeReading.IN_SYNC}
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as fault:
            if code_of(fault) == CONDITION_FAILED:
                return ChangeReading(from_item(fault.response["Item"]).get("reading", ChangeReading.PENDING))
            raise
        return None

    def note_answer(self, change_id: str, reading: ChangeReading) -> None:
        """See Questions.note_answer."""
        update = Update()
        update.set("reading", to=reading)
        self._client.update_item(TableName=self._table, Key=_change_key(change_id), **update.arguments())


def _change_key(change_id: str) -> Item:
    return items.key(f"change#{change_id}", "status")
