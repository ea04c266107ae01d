"""What waits for a zone, whose turn it is, and what became of it."""

from dataclasses import replace

import pytest

from tests.support.builders import ADDRESS_B, NOW, RECORD
from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.record import Guard
from understudy.domain.transition.addresses import Moved, owed

ZONE = ("", "Z0", "")
ELSEWHERE = ("arn:aws:iam::222222222222:role/dns", "Z0", "a secret")


def an_intent(cluster="orders-db", epoch=5, at=NOW, record=RECORD):
    return Intent(cluster, epoch, "node-b", 10, (record,), (ADDRESS_B,), at, at)


ACCEPTED = Settled((Moved(RECORD.label, AddressStatus.PROPAGATING, "C1"),))


def test_an_intent_that_is_left_waits(queue):  # B12
    left = queue.leave(ZONE, an_intent())
    assert (left.intent, left.settled) == (an_intent(), None)
    assert queue.waiting(ZONE) == [an_intent()]


def test_each_zone_has_a_queue_of_its_own_and_so_has_each_way_to_reach_it(queue):  # B12
    queue.leave(ZONE, an_intent())
    assert list(queue.waiting(ELSEWHERE)) == []
    assert list(queue.waiting(("", "Z00", ""))) == []


def test_who_looks_again_keeps_the_place_in_the_queue(queue):  # B12
    queue.leave(ZONE, an_intent())
    again = queue.leave(ZONE, an_intent(at=NOW + 2))
    assert (again.intent.left_at, again.intent.renewed_at) == (NOW, NOW + 2)
    assert queue.waiting(ZONE) == [again.intent]


@pytest.mark.parametrize(
    "settled",
    [
        ACCEPTED,
        Settled((owed("a", "refused"),)),
        Settled(guard=Guard("understudy", "orders-db", 9, "node-c")),
        Settled(is_stale=True),
    ],
)
def test_what_became_of_an_intent_is_there_when_its_cluster_looks_again(queue, settled):  # B12 B2
    queue.leave(ZONE, an_intent())
    queue.settle(ZONE, an_intent(), settled)
    assert list(queue.waiting(ZONE)) == []
    assert queue.leave(ZONE, an_intent(at=NOW + 2)).settled == settled


def test_an_intent_of_a_newer_epoch_begins_anew(queue):  # B1 B12
    queue.leave(ZONE, an_intent())
    queue.settle(ZONE, an_intent(), ACCEPTED)
    newer = queue.leave(ZONE, an_intent(epoch=6, at=NOW + 9))
    assert (newer.intent, newer.settled) == (an_intent(epoch=6, at=NOW + 9), None)


def test_an_intent_of_an_older_epoch_is_not_left(queue):  # B1 B12
    queue.leave(ZONE, an_intent(epoch=6))
    assert queue.leave(ZONE, an_intent(epoch=5, at=NOW + 9)) is None
    assert queue.waiting(ZONE) == [an_intent(epoch=6)]


def test_an_answer_for_an_older_epoch_is_not_written(queue):  # B1 B12
    queue.leave(ZONE, an_intent(epoch=6))
    queue.settle(ZONE, an_intent(epoch=5), ACCEPTED)
    assert queue.waiting(ZONE) == [an_intent(epoch=6)]


def test_an_answer_for_nobody_leaves_nothing_behind(queue):  # B12
    queue.settle(ZONE, an_intent(), ACCEPTED)
    assert queue.leave(ZONE, an_intent()).settled is None


def test_who_withdraws_begins_anew(queue):  # B12
    queue.leave(ZONE, an_intent())
    queue.settle(ZONE, an_intent(), Settled((owed("a", "refused"),)))
    queue.withdraw(ZONE, an_intent())
    assert queue.leave(ZONE, an_intent(at=NOW + 9)).intent.left_at == NOW + 9


def test_what_a_newer_epoch_left_is_not_withdrawn(queue):  # B1 B12
    queue.leave(ZONE, an_intent(epoch=6))
    queue.withdraw(ZONE, an_intent(epoch=5))
    assert queue.waiting(ZONE) == [an_intent(epoch=6)]


def test_an_intent_with_several_records_comes_back_whole(queue):  # B12
    several = replace(
        an_intent(), records=(RECORD, replace(RECORD, type="AAAA", role_arn="arn")), addresses=("192.0.2.1", "2001::1")
    )
    queue.leave(ZONE, several)
    assert queue.waiting(ZONE) == [several]


def test_one_at_a_time_has_the_turn(queue):  # B12
    assert queue.take_turn(ZONE, "a", NOW, NOW + 30)
    assert not queue.take_turn(ZONE, "b", NOW + 29, NOW + 59)
    assert queue.take_turn(("", "Z9", ""), "b", NOW, NOW + 30)


def test_a_turn_that_is_over_is_the_next_ones(queue):  # B12
    queue.take_turn(ZONE, "a", NOW, NOW + 30)
    assert queue.take_turn(ZONE, "b", NOW + 30, NOW + 60)
    assert not queue.take_turn(ZONE, "a", NOW + 31, NOW + 61)


def test_who_has_the_turn_can_take_it_again(queue):  # B12
    queue.take_turn(ZONE, "a", NOW, NOW + 30)
    assert queue.take_turn(ZONE, "a", NOW + 5, NOW + 35)


def test_only_who_has_the_turn_ends_it(queue):  # B12
    queue.take_turn(ZONE, "a", NOW, NOW + 30)
    queue.end_turn(ZONE, "b")
    assert not queue.take_turn(ZONE, "b", NOW + 1, NOW + 31)
    queue.end_turn(ZONE, "a")
    assert queue.take_turn(ZONE, "b", NOW + 1, NOW + 31)
    queue.end_turn(("", "Z9", ""), "b")


def test_a_turn_is_no_intent(queue):  # B12
    queue.take_turn(ZONE, "a", NOW, NOW + 30)
    assert list(queue.waiting(ZONE)) == []


def test_everybody_learns_with_the_tunables_that_route_53_is_crowded(queue_and_ledger):  # B12
    queue, ledger = queue_and_ledger
    assert ledger.stack_wide().crowded_until == 0
    queue.call_crowded(NOW + 60)
    ledger.put_tuning({"ROUTE53_TTL": 30}, "digest")
    assert (ledger.stack_wide().crowded_until, ledger.stack_wide().tuning) == (NOW + 60, {"ROUTE53_TTL": 30})
    assert ledger.tuning_digest() == "digest"
