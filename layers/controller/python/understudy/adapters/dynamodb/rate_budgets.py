"""What is left of the controller's share of Route 53's buckets: RateBudgetStore, an item for each purpose."""

from typing import Any

from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.keys import RATE_BUDGETS, key, rate_budget_sk
from understudy.adapters.dynamodb.table import ClusterTable, NotWritten
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.batching.rate_limits import BUCKETS_OF, Purpose, Throughput


class DynamoDbRateBudgets:
    """By a low-level boto3 client. Faults of DynamoDB come through as botocore raises them."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._table = ClusterTable(client, table_name)

    def left(self, purpose: Purpose) -> Throughput | None:
        """See RateBudgetStore.left: one GetItem, strongly consistent."""
        values = from_item(self._table.read_item(RATE_BUDGETS, rate_budget_sk(purpose)))
        if not values:
            return None
        return Throughput({bucket: float(values[bucket]) for bucket in BUCKETS_OF[purpose]}, float(values["at"]))

    def save(self, purpose: Purpose, before: Throughput | None, after: Throughput) -> bool:
        """See RateBudgetStore.save: one conditional UpdateItem."""
        update = Update()
        for name, value in _values(after).items():
            update.set(name, to=value)
        if before is None:
            update.require_absent("at")
        else:
            for name, value in _values(before).items():
                update.require(name, equals=value)
        return not isinstance(
            self._table.change_item(key(RATE_BUDGETS, rate_budget_sk(purpose)), **update.arguments()), NotWritten
        )


def _values(throughput: Throughput) -> dict[str, float]:
    return {**{str(bucket): left for bucket, left in throughput.left.items()}, "at": throughput.at}
