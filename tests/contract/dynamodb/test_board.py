"""The cluster table as the board reads it: many items a call, in memory and on DynamoDB."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.boards import a_check, a_history
from tests.support.builders import CLUSTER, NOW, a_definition, a_state
from tests.support.fakes import FakeBoardBook, FakeLedger, FakeReportBook
from understudy.adapters.dynamodb import items
from understudy.adapters.dynamodb.board import DynamoDbBoard
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.readiness import DynamoDbReportBook
from understudy.adapters.dynamodb.table import BATCH_TRY_COUNT
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.unaccepted import STACK_WIDE, Unaccepted
from understudy.domain.readiness.facts import Unread
from understudy.ports.board import Remembered


@pytest.fixture(scope="module")
def dynamodb(moto_aws):
    import boto3

    return boto3.client("dynamodb", region_name=REGION)


@pytest.fixture
def table(dynamodb):
    return create_table(dynamodb)


@pytest.fixture(params=["fake", "dynamodb"])
def shelf(request):
    """Ledger, reports, and the book of the board over both."""
    if request.param == "fake":
        ledger, reports = FakeLedger(), FakeReportBook()
        return ledger, reports, FakeBoardBook(ledger, reports)
    client, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return DynamoDbLedger(client, table), DynamoDbReportBook(client, table), DynamoDbBoard(client, table)


def test_an_empty_table_has_no_cluster(shelf):
    _, _, book = shelf
    assert list(book.clusters()) == []
    assert book.states([]) == book.remembered([]) == book.histories({}) == {}
    assert book.states(["orders-db"]) == {}


def test_texts_that_are_not_in_force_are_listed_also_of_what_is_no_cluster(shelf):  # S18
    ledger, _, book = shelf
    refused, waits = Unaccepted("a 1", ("a fault",)), Unaccepted("b 1", since=NOW, why="throttled")
    ledger.note_unaccepted("billing", refused)
    ledger.note_unaccepted(STACK_WIDE, waits)
    assert book.unaccepted() == {"billing": refused, STACK_WIDE: waits}
    assert list(book.clusters()) == []
    ledger.forget_unaccepted("billing")
    assert book.unaccepted() == {STACK_WIDE: waits}


def test_what_the_table_holds_of_a_cluster_comes_back(shelf):  # S18
    ledger, reports, book = shelf
    ledger.register(None, a_state(), a_definition())
    ledger.note(CLUSTER, 1, a_history(NOW - 60))
    assert list(book.clusters()) == [CLUSTER]
    (state,) = book.states([CLUSTER, "billing"]).values()
    assert state == ledger.read(CLUSTER)
    assert book.remembered([state]) == {CLUSTER: Remembered(a_definition(), None)}
    reports.store(a_check())
    assert book.remembered([state]) == {CLUSTER: Remembered(a_definition(), a_check())}
    assert book.histories({CLUSTER: [1, 2]}) == {CLUSTER: {1: a_history(NOW - 60), 2: {}}}


def test_a_definition_that_is_not_there_is_unread(shelf):  # S18
    ledger, _, book = shelf
    ledger.register(None, a_state(), a_definition())
    lost = replace(ledger.read(CLUSTER), definition_version=9)
    (found,) = book.remembered([lost]).values()
    assert isinstance(found, Unread)
    assert "definition#00000009" in found.why


class Stored:
    """DynamoDB with these items, quick enough for many. `sizes`: how many items each call asked for."""

    def __init__(self, *found):
        self.items = {(each["pk"]["S"], each["sk"]["S"]): each for each in found}
        self.sizes = []

    def batch_get_item(self, RequestItems):  # noqa: N803 - as boto3 has it
        ((table, asked),) = RequestItems.items()
        self.sizes.append(len(asked["Keys"]))
        keys = [(each["pk"]["S"], each["sk"]["S"]) for each in asked["Keys"]]
        return {"Responses": {table: [self.items[key] for key in keys if key in self.items]}}


def test_two_hundred_clusters_are_read_with_a_call_for_each_hundred_items():  # S18 B9
    names = [f"cluster-{number:03d}" for number in range(200)]
    states = [items.state_item(a_state(cluster=name), 1) for name in names]
    definitions = [items.definition_item(a_definition(cluster=name)) for name in names]
    client = Stored(*states, *definitions)
    book = DynamoDbBoard(client, "clusters")
    found = book.states(names)
    assert (sorted(found), client.sizes) == (names, [100, 100])
    client.sizes.clear()
    remembered = book.remembered(list(found.values()))
    assert all(isinstance(each, Remembered) for each in remembered.values())
    assert client.sizes == [100] * 4, "a definition and a report of each"
    client.sizes.clear()
    book.remembered(list(found.values()))
    assert client.sizes == [100] * 2, "definitions never change"
    client.sizes.clear()
    book.histories({name: [1] for name in names})
    assert client.sizes == [100] * 2


def test_a_state_that_makes_no_sense_hides_no_other(dynamodb, table):  # S18 B3
    ledger = DynamoDbLedger(dynamodb, table)
    ledger.register(None, a_state(), a_definition())
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "files"}, "sk": {"S": "state"}, "kind": {"S": "cluster"}})
    found = DynamoDbBoard(dynamodb, table).states([CLUSTER, "files"])
    assert found[CLUSTER] == ledger.read(CLUSTER)
    assert isinstance(found["files"], Unread)
    assert "makes no sense to this version" in found["files"].why


class Halting:
    """DynamoDB that answers one item a call, or none."""

    def __init__(self, answered):
        self.answered, self.calls = answered, 0

    def batch_get_item(self, RequestItems):  # noqa: N803 - as boto3 has it
        self.calls += 1
        ((table, asked),) = RequestItems.items()
        given, left = asked["Keys"][: self.answered], asked["Keys"][self.answered :]
        return {"Responses": {table: given}, "UnprocessedKeys": {table: {**asked, "Keys": left}} if left else {}}


def test_what_dynamodb_leaves_out_is_asked_for_again():  # S18
    client = Halting(answered=1)
    found = DynamoDbBoard(client, "clusters").histories({CLUSTER: [1, 2, 3]})
    assert (sorted(found[CLUSTER]), client.calls) == ([1, 2, 3], 3)


def test_a_part_that_is_never_answered_is_not_taken_for_nothing():  # S18 B3
    client = Halting(answered=0)
    with pytest.raises(UnreadableError, match="did not answer 1 of its items"):
        DynamoDbBoard(client, "clusters").histories({CLUSTER: [1]})
    assert client.calls == BATCH_TRY_COUNT


@pytest.mark.parametrize("ask", [lambda book: book.states([CLUSTER]), lambda book: book.clusters()])
def test_a_table_that_refuses_is_unreadable(dynamodb, ask):  # S18 B3
    with pytest.raises(UnreadableError) as refused:
        ask(DynamoDbBoard(dynamodb, "no-such-table"))
    assert isinstance(refused.value.__cause__, ClientError)
