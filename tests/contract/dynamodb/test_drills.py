"""The newest drill of each cluster, in the same table as its state."""

from dataclasses import replace

import pytest

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.builders import CLUSTER, NODE_A, NODE_B, NOW
from tests.support.fakes import FakeDrillBook
from understudy.adapters.dynamodb.drills import DynamoDbDrillBook
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.transition.drill import Drill, DrillStage

DRILL = Drill(DrillStage.OUT, NOW, NODE_A, NODE_B, 7, 7, NOW)


@pytest.fixture(params=["fake", "dynamodb"])
def book(request):
    if request.param == "fake":
        return FakeDrillBook()
    import boto3

    request.getfixturevalue("moto_aws")
    dynamodb = boto3.client("dynamodb", region_name=REGION)
    return DynamoDbDrillBook(dynamodb, create_table(dynamodb))


def test_a_drill_comes_back_as_it_was_kept_under_the_next_revision(book):  # B7
    assert book.last(CLUSTER) is None
    book.store(CLUSTER, None, DRILL)
    assert book.last(CLUSTER) == replace(DRILL, revision=1)
    book.store(CLUSTER, book.last(CLUSTER), replace(DRILL, stage=DrillStage.BACK))
    assert book.last(CLUSTER) == replace(DRILL, stage=DrillStage.BACK, revision=2)
    assert book.last("files") is None


@pytest.mark.parametrize("before", [None, replace(DRILL, revision=4)])
def test_who_has_not_read_what_stands_there_writes_nothing(book, before):  # B7
    book.store(CLUSTER, None, DRILL)
    with pytest.raises(LedgerConflictError):
        book.store(CLUSTER, before, replace(DRILL, epoch=99))
    assert book.last(CLUSTER).epoch == 7


def test_a_drill_that_nobody_kept_cannot_be_replaced(book):
    with pytest.raises(LedgerConflictError):
        book.store(CLUSTER, replace(DRILL, revision=1), DRILL)
    assert book.last(CLUSTER) is None
