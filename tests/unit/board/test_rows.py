"""What a row says of a cluster that is well."""

from dataclasses import replace

import pytest

from tests.support import boards
from tests.support.builders import NOW
from tests.support.fakes import VirtualClock
from understudy.board.rows import rows
from understudy.domain.observe.health import NodeHealth
from understudy.usecases.answer.show_clusters import look_at_all


def row_of(**witness):
    """The cells of a cluster of two nodes that can serve, and a witness."""
    world = boards.healthy()
    (shown,) = look_at_all(book=world.book, listing=world.zone, clock=VirtualClock(NOW), stack=boards.STACK).clusters
    *serving, third = shown.nodes
    return rows((replace(shown, nodes=(*serving, replace(third, **witness))),), "")


def test_a_witness_is_not_counted_among_those_who_could_serve():  # S12 S18
    assert "2 of 2 ready, and a witness" in row_of()


@pytest.mark.parametrize("health", [NodeHealth.SILENT, NodeHealth.GONE])
def test_a_witness_that_is_not_heard_is_named_apart(health):  # S12 S18
    assert f"2 of 2 ready, and a witness that is {health}" in row_of(health=health)
