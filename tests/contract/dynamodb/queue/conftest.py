"""The queue of group commit under each of its two forms: in memory, and on DynamoDB."""

from typing import Any

import pytest

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.fakes import FakeLedger, FakeQuestions, FakeQueue, FakeRateBudgets
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.questions import DynamoDbQuestions
from understudy.adapters.dynamodb.queue import DynamoDbQueue
from understudy.adapters.dynamodb.rate_budgets import DynamoDbRateBudgets


@pytest.fixture(params=["fake", "dynamodb"])
def queue_and_ledger(request: pytest.FixtureRequest) -> Any:
    """A queue of nothing, and the ledger of the same table."""
    if request.param == "fake":
        ledger = FakeLedger()
        return FakeQueue(ledger), ledger
    request.getfixturevalue("moto_aws")
    import boto3

    client = boto3.client("dynamodb", region_name=REGION)
    table = create_table(client)
    return DynamoDbQueue(client, table), DynamoDbLedger(client, table)


@pytest.fixture
def queue(queue_and_ledger: Any) -> Any:
    """A queue of nothing."""
    return queue_and_ledger[0]


@pytest.fixture(params=["fake", "dynamodb"])
def questions(request: pytest.FixtureRequest) -> Any:
    """Nobody has asked for anything."""
    if request.param == "fake":
        return FakeQuestions()
    request.getfixturevalue("moto_aws")
    import boto3

    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoDbQuestions(client, create_table(client))


@pytest.fixture(params=["fake", "dynamodb"])
def rate_budgets(request: pytest.FixtureRequest) -> Any:
    """Nobody has taken anything of the share."""
    if request.param == "fake":
        return FakeRateBudgets()
    request.getfixturevalue("moto_aws")
    import boto3

    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoDbRateBudgets(client, create_table(client))
