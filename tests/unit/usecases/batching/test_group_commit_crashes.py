"""The writer of a group commit dies at any of its calls, before or after the call has done its work."""

from contextlib import contextmanager

import pytest

from tests.support.builders import ADDRESS_B
from tests.unit.usecases.batching.test_group_commit import Day
from understudy.domain.batching.group_commit import INTENT_KEPT_S, QUEUE_GAP_S, TURN_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.record import guard_epoch

CLUSTERS = 4


class DiedError(BaseException):
    """The function was cut off: nothing more of it runs, no `finally` either."""


class Dying:
    """Lets the writer die at its call number `last`, counted over the queue and Route 53."""

    def __init__(self, day, last, *, done):
        self.left, self.done, self.is_dead = last, done, False
        for port in (day.queue, day.zone):
            port._called = self._wrapped(port._called)

    def _wrapped(self, called):
        @contextmanager
        def wrapper(method):
            if self.is_dead:
                raise DiedError  # what a `finally` asks for never leaves a dead machine
            self.left -= 1
            if self.left == 0 and not self.done:
                self.is_dead = True
                raise DiedError
            with called(method):
                yield
            if self.left == 0:
                self.is_dead = True
                raise DiedError

        return wrapper


def calls_of_a_turn():
    day = Day(CLUSTERS)
    day.leave(*range(1, CLUSTERS))
    before = len(day.queue.calls) + len(day.zone.calls)
    day.move(0)
    return len(day.queue.calls) + len(day.zone.calls) - before


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("last", range(1, calls_of_a_turn() + 1))
def test_wherever_the_writer_dies_every_move_is_made_and_none_is_lost(last, done):  # B1 B12
    day = Day(CLUSTERS)
    day.leave(*range(1, CLUSTERS))
    dying = Dying(day, last, done=done)
    with pytest.raises(DiedError):
        day.move(0)
    dying.is_dead = False
    accepted = set()
    for _ in range(TURN_S // QUEUE_GAP_S + CLUSTERS):
        day.clock.advance(QUEUE_GAP_S)
        for number in range(CLUSTERS):
            settled = day.move(number)
            if settled is not None and settled.moved[0].status is AddressStatus.PROPAGATING:
                accepted.add(number)
    assert accepted == set(range(CLUSTERS))
    assert [day.address(number) for number in range(CLUSTERS)] == [ADDRESS_B] * CLUSTERS
    assert {guard_epoch(day.zone.read(day.record(number)).guard) for number in range(CLUSTERS)} == {5}
    assert len(day.zone.batches) <= 2


def test_a_cluster_that_died_while_it_waited_is_not_moved_by_others_later():  # B1 B12
    day = Day(2)
    day.leave(1)
    day.clock.advance(INTENT_KEPT_S)
    day.move(0)
    assert len(day.zone.batches) == 1
    assert day.address(1) != ADDRESS_B
