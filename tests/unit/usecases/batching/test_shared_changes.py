"""One question about a change serves all the clusters whose addresses it brought."""

import pytest

from tests.support.builders import NOW, RECORD, a_wish
from tests.support.fakes import FakeQuestions, FakeZone, VirtualClock, a_budget
from understudy.domain.batching.group_commit import ASK_GAP_S
from understudy.domain.batching.rate_limits import Bucket, Purpose, Throughput
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.record import ChangeReading, RecordReading, plan_batch
from understudy.usecases.batching.shared_changes import AskedOnce, SharedChanges


class Crowd:
    def __init__(self):
        self.clock = VirtualClock(NOW)
        self.zone = FakeZone(self.clock, propagation_s=30)
        self.shared = SharedChanges(self.zone, FakeQuestions(), self.clock, a_budget(self.clock, Purpose.POLLS))
        self.change_id = self.zone.submit(RECORD, plan_batch(RECORD, a_wish(), RecordReading(None, None)), "")

    def ask(self):
        return self.shared.change_status(self.change_id)

    @property
    def questions(self):
        return self.zone.calls.count("change_status")


def test_in_a_crowd_a_hundred_clusters_ask_route_53_once():  # B12 S7
    crowd = Crowd()
    assert {crowd.ask() for _ in range(100)} == {ChangeReading.PENDING}
    assert crowd.questions == 1


def test_in_a_crowd_everybody_learns_that_the_change_is_in_sync():  # B12 S7
    crowd = Crowd()
    crowd.ask()
    crowd.clock.advance(30)
    assert {crowd.ask() for _ in range(100)} == {ChangeReading.IN_SYNC}
    assert crowd.questions == 2


def test_a_question_that_failed_is_asked_again_by_another_cluster():  # B12 B2
    crowd = Crowd()
    crowd.zone.fail_next("change_status", AddressUnreadableError("no answer"))
    with pytest.raises(AddressUnreadableError):
        crowd.ask()
    assert crowd.ask() is ChangeReading.PENDING
    crowd.clock.advance(ASK_GAP_S)
    crowd.ask()
    assert crowd.questions == 2


def test_when_the_share_of_requests_is_used_up_nobody_asks_and_nothing_is_known():  # B12 B2
    crowd = Crowd()
    crowd.shared.budget.store.saved[Purpose.POLLS] = Throughput({Bucket.POLLS: 0.0}, NOW)
    crowd.clock.now_s = NOW
    assert crowd.ask() is ChangeReading.PENDING
    assert crowd.questions == 0
    crowd.clock.advance(ASK_GAP_S)
    crowd.ask()
    assert crowd.questions == 1


def test_a_watch_asks_for_each_change_once():  # B12 S7
    crowd = Crowd()
    watch = AskedOnce(crowd.zone)
    assert {watch.change_status(crowd.change_id) for _ in range(100)} == {ChangeReading.PENDING}
    assert watch.change_status("another") is ChangeReading.UNKNOWN
    assert crowd.questions == 2


def test_a_watch_asks_again_after_a_question_that_failed():  # B12 B2
    crowd = Crowd()
    watch = AskedOnce(crowd.zone)
    crowd.zone.fail_next("change_status", AddressUnreadableError("no answer"))
    with pytest.raises(AddressUnreadableError):
        watch.change_status(crowd.change_id)
    assert watch.change_status(crowd.change_id) is ChangeReading.PENDING
