"""The newest readiness report of each cluster, in the same table as its state."""

from dataclasses import replace

import pytest

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.builders import CLUSTER, NOW, a_definition, a_state
from tests.support.fakes import FakeReportBook
from tests.support.readiness import UNREAD, facts
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.readiness import REPORT, DynamoDbReportBook
from understudy.domain.readiness.report import examine, make_report


@pytest.fixture(scope="module")
def dynamodb(moto_aws):
    import boto3

    return boto3.client("dynamodb", region_name=REGION)


@pytest.fixture
def table(dynamodb):
    return create_table(dynamodb)


@pytest.fixture(params=["fake", "dynamodb"])
def book(request):
    if request.param == "fake":
        return FakeReportBook()
    return DynamoDbReportBook(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def a_report(**changes):
    seen = facts(**changes)
    return replace(make_report(seen, examine(seen), NOW + 0.5, None), told=("guard-ours",))


def test_there_is_no_report_before_the_first_check(book):
    assert book.last(CLUSTER) is None


def test_a_report_comes_back_whole_and_the_newest_one_counts(book):  # S1
    book.store(a_report(instances=UNREAD))
    assert book.last(CLUSTER) == a_report(instances=UNREAD)
    book.store(a_report())
    assert book.last(CLUSTER) == a_report()
    assert book.last("billing") is None


def test_a_report_is_no_cluster_and_leaves_the_state_alone(dynamodb, table):
    ledger, book = DynamoDbLedger(dynamodb, table), DynamoDbReportBook(dynamodb, table)
    book.store(a_report())
    assert list(ledger.clusters()) == []
    ledger.register(None, a_state(), a_definition())
    before = ledger.read(CLUSTER)
    book.store(a_report())
    assert ledger.read(CLUSTER) == before


def test_a_report_is_one_attribute_so_that_iam_can_hold_the_check_to_it(dynamodb, table):
    DynamoDbReportBook(dynamodb, table).store(a_report())
    key = {"pk": {"S": CLUSTER}, "sk": {"S": "readiness"}}
    assert set(dynamodb.get_item(TableName=table, Key=key)["Item"]) == {"pk", "sk", REPORT}
