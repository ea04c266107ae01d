"""The ledger under each of its two forms: in memory, and on DynamoDB."""

from typing import Any

import pytest

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.builders import a_definition, a_state
from tests.support.fakes import FakeLedger
from understudy.adapters.dynamodb.ledger import DynamoDbLedger

Ledger = FakeLedger | DynamoDbLedger


@pytest.fixture(scope="module")
def dynamodb(moto_aws: None) -> Any:
    """A client of DynamoDB."""
    import boto3

    return boto3.client("dynamodb", region_name=REGION)


@pytest.fixture
def table(dynamodb: Any) -> str:
    """The name of an empty cluster table."""
    return create_table(dynamodb)


@pytest.fixture(params=["fake", "dynamodb"])
def empty_ledger(request: pytest.FixtureRequest) -> Ledger:
    """A ledger of no cluster."""
    if request.param == "fake":
        return FakeLedger()
    return DynamoDbLedger(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture
def ledger(empty_ledger: Ledger) -> Ledger:
    """A ledger of the usual cluster."""
    empty_ledger.register(None, a_state(), a_definition())
    return empty_ledger
