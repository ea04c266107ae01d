"""Moves of one zone that share a batch, and what Route 53 may have against it."""

import math
from dataclasses import replace

import pytest

from tests.support.builders import ADDRESS_A, ADDRESS_B, NOW, RECORD
from tests.support.fakes import FakeLedger, FakeQueue, FakeRateBudgets, FakeZone, VirtualClock, a_budget
from understudy.domain.batching.group_commit import QUEUE_LIMIT_S, TURN_S, Intent
from understudy.domain.batching.rate_limits import Bucket, Purpose, Throughput
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import (
    AddressUnreadableError,
    ChangeRefusedError,
    GuardMismatchError,
    ZoneBusyError,
    ZoneCrowdedError,
)
from understudy.domain.cluster.record import DesiredRecord, desired, guard_epoch, guard_name
from understudy.ports.measure import unmeasured
from understudy.usecases.batching.group_commit import GroupCommit
from understudy.usecases.batching.rate_budget import RateBudget

ZONE = RECORD.zone


class Zone(FakeZone):
    """Route 53 that refuses a batch as a whole for some names, and says which, or not."""

    refused: dict[str, Exception]

    def submit(self, record, batch, comment, **how):
        for change in batch:
            if change.record_set.name in self.refused:
                self.calls.append("submit")
                raise self.refused[change.record_set.name]
        return super().submit(record, batch, comment, **how)


class Day:
    """Clusters c0, c1, ... with a record each in one zone, moved to node-a under epoch 4."""

    def __init__(self, clusters=3):
        self.clock = VirtualClock(NOW)
        self.ledger = FakeLedger()
        self.queue = FakeQueue(self.ledger)
        self.zone = Zone(self.clock)
        self.zone.refused = {}
        self.pauses = []
        self.group = GroupCommit(self.zone, self.queue, self.clock, self.pause, "understudy", a_budget(self.clock))
        for number in range(clusters):
            self.stands(number, 4)

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.clock.advance(math.ceil(seconds))

    def stands(self, number, epoch, cluster=None):
        wish = DesiredRecord("understudy", cluster or f"c{number}", epoch, "node-a", ADDRESS_A, 10)
        for record_set in desired(self.record(number), wish):
            self.zone.put(self.record(number), record_set)

    @staticmethod
    def record(number):
        return replace(RECORD, name=f"c{number}.example.com")

    def intent(self, number, epoch=5):
        now = self.clock()
        return Intent(f"c{number}", epoch, "node-b", 10, (self.record(number),), (ADDRESS_B,), now, now)

    def leave(self, *numbers):
        for number in numbers:
            self.queue.leave(ZONE, self.intent(number))

    def move(self, number, epoch=5, has_time=lambda: True):
        return self.group.move(ZONE, self.intent(number, epoch), has_time)

    def address(self, number):
        return self.zone.record_sets[(RECORD.hosted_zone_id, f"c{number}.example.com", "A")].values[0]

    def statuses(self, number):
        return [each.status for each in self.move(number).moved]


def test_whoever_has_the_turn_hands_in_what_everybody_waits_for_in_one_batch():  # B12
    day = Day(3)
    day.leave(1, 2)
    change_ids = {day.move(number).moved[0].change_id for number in range(3)}
    assert len(day.zone.batches) == 1
    assert change_ids == {"C0000000000001"}
    assert [day.address(number) for number in range(3)] == [ADDRESS_B] * 3


def test_the_others_find_what_became_of_them_without_asking_route_53():  # B12
    day = Day(3)
    day.leave(1, 2)
    day.move(0)
    day.zone.calls.clear()
    assert [day.statuses(number) for number in (1, 2)] == [[AddressStatus.PROPAGATING]] * 2
    assert day.zone.calls == []


def test_while_somebody_has_the_turn_the_others_wait():  # B12
    day = Day(2)
    day.queue.take_turn(ZONE, "c1 5", NOW, NOW + TURN_S)
    assert day.move(0) is None
    assert day.zone.calls == []


def test_the_turn_of_a_writer_that_died_runs_out_and_nothing_of_its_batch_is_lost():  # B12
    day = Day(3)
    day.leave(0, 1, 2)
    day.zone.fail_next("submit", KeyboardInterrupt(), done=True)
    end_turn, day.queue.end_turn = day.queue.end_turn, lambda *_: None
    with pytest.raises(KeyboardInterrupt):
        day.move(0)
    day.queue.end_turn = end_turn
    assert day.move(1) is None
    day.clock.advance(TURN_S)
    assert [day.statuses(number) for number in range(3)] == [[AddressStatus.PROPAGATING]] * 3
    assert [day.address(number) for number in range(3)] == [ADDRESS_B] * 3
    guard = day.zone.read(day.record(2)).guard
    assert guard_epoch(guard) == 5


def test_without_a_turn_that_runs_out_a_dead_writer_would_keep_everybody_waiting():  # B12
    day = Day(2)
    day.queue.take_turn(ZONE, "dead", NOW, NOW + 10**9)
    day.clock.advance(TURN_S)
    assert day.move(0) is None


def test_an_intent_that_nobody_renews_is_not_handed_in():  # B12
    day = Day(2)
    day.leave(1)
    day.clock.advance(60)
    day.move(0)
    assert (day.address(0), day.address(1)) == (ADDRESS_B, ADDRESS_A)


def test_one_that_was_overtaken_is_left_out_and_learns_it():  # B1 B12
    day = Day(3)
    day.leave(0, 1, 2)
    day.stands(1, 7)
    day.move(0)
    assert day.move(1).guard.epoch == 7
    assert [day.address(number) for number in range(3)] == [ADDRESS_B, ADDRESS_A, ADDRESS_B]


def test_an_older_execution_of_the_same_cluster_is_overtaken_in_the_queue():  # B1 B12
    day = Day(1)
    day.queue.leave(ZONE, day.intent(0, epoch=6))
    assert day.move(0, epoch=5).is_stale
    assert day.address(0) == ADDRESS_A


def test_one_whose_guard_changes_before_the_batch_is_taken_out_and_the_others_go_again_at_once():  # B1 B12
    day = Day(3)
    day.leave(0, 1, 2)
    day.zone.before_next("submit", lambda: day.stands(1, 7))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    assert day.move(1).guard.epoch == 7
    assert day.statuses(2) == [AddressStatus.PROPAGATING]
    assert [day.address(number) for number in range(3)] == [ADDRESS_B, ADDRESS_A, ADDRESS_B]
    assert day.zone.calls.count("submit") == 2


def test_one_whose_guard_was_only_rewritten_goes_with_the_next_batch():  # B1 B12
    day = Day(2)
    day.leave(0, 1)
    day.zone.before_next("submit", lambda: day.stands(1, 3))
    assert [day.statuses(number) for number in range(2)] == [[AddressStatus.PROPAGATING]] * 2


def test_one_that_route_53_names_as_wrong_is_refused_alone():  # B2 B12
    day = Day(3)
    day.leave(0, 1, 2)
    name = guard_name(day.record(1))
    day.zone.refused[name] = GuardMismatchError("a bad value", frozenset({name}))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    (refused,) = day.move(1).moved
    assert (refused.status, refused.why, refused.may_pass) == (AddressStatus.OWED, "a bad value", False)
    assert day.address(2) == ADDRESS_B


@pytest.mark.parametrize("refusal", [ChangeRefusedError("AccessDenied"), GuardMismatchError("something is wrong")])
@pytest.mark.parametrize("rejected", [0, 3, 6])
def test_one_that_route_53_does_not_name_is_found_by_halves(refusal, rejected):  # B2 B12
    day = Day(7)
    day.leave(*range(7))
    day.zone.refused[f"c{rejected}.example.com"] = refusal
    answers = {number: day.move(number) for number in range(7)}
    owed = [number for number, answer in answers.items() if answer.moved[0].status is AddressStatus.OWED]
    assert owed == [rejected]
    assert answers[rejected].moved[0].why == str(refusal)


def test_what_was_refused_can_be_tried_anew():  # S6 B12
    day = Day(1)
    day.zone.refused["c0.example.com"] = ChangeRefusedError("AccessDenied")
    assert day.statuses(0) == [AddressStatus.OWED]
    day.zone.refused.clear()
    assert day.statuses(0) == [AddressStatus.PROPAGATING]


def test_a_record_of_another_cluster_is_not_touched_and_hinders_nobody():  # B1 B12
    day = Day(2)
    day.leave(0, 1)
    day.stands(1, 2, cluster="somebody-else")
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    (foreign,) = day.move(1).moved
    assert "another cluster's" in foreign.why
    assert day.address(1) == ADDRESS_A


def test_what_stands_in_the_way_of_one_hinders_nobody():  # B12
    day = Day(2)
    day.leave(0, 1)
    day.zone.obstruct(day.record(1), "an alias")
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    (obstructed,) = day.move(1).moved
    assert (obstructed.why, obstructed.may_pass) == ("an alias", True)


def test_a_crowded_route_53_is_asked_again_within_the_turn():  # B12
    day = Day(1)
    day.zone.fail_next("submit", ZoneCrowdedError("Throttling"))
    day.zone.fail_next("submit", ZoneCrowdedError("PriorRequestNotComplete"))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    assert day.pauses == [0.5, 0.5]


def test_a_turn_without_time_left_asks_nothing_and_passes_to_the_next():  # B12
    day = Day(2)
    day.leave(1)
    assert day.move(0, has_time=lambda: False) is None
    assert day.zone.calls == []
    assert day.statuses(1) == [AddressStatus.PROPAGATING]


@pytest.mark.parametrize("lost", [ZoneBusyError("no answer"), ZoneBusyError("InternalFailure")])
def test_after_a_lost_answer_the_next_turn_reads_before_it_writes(lost):  # B2 B12
    day = Day(2)
    day.leave(0, 1)
    day.zone.fail_next("submit", lost, done=True)
    assert day.move(0) is None
    day.zone.calls.clear()
    assert day.statuses(1) == [AddressStatus.PROPAGATING]
    assert day.zone.calls == ["read_many", "submit"]


def test_a_zone_that_cannot_be_read_moves_nothing():  # B3 B12
    day = Day(1)
    day.zone.fail_next("read_many", AddressUnreadableError("no answer"))
    assert day.move(0) is None
    assert day.address(0) == ADDRESS_A


def test_nobody_waits_for_ever():  # B12
    day = Day(1)
    for _ in range(QUEUE_LIMIT_S // 10):
        assert day.move(0, has_time=lambda: False) is None
        day.clock.advance(10)
    (given_up,) = day.move(0, has_time=lambda: False).moved
    assert (given_up.status, given_up.may_pass, given_up.is_queued) == (AddressStatus.OWED, True, False)


def test_more_than_one_batch_takes_go_in_several_first_come_first_served():  # B12
    day = Day(600)
    for number in range(600):
        day.queue.leave(ZONE, replace(day.intent(number), left_at=NOW + number))
    answers = [day.move(number) for number in range(600)]
    assert all(each.moved[0].status is AddressStatus.PROPAGATING for each in answers)
    sizes = [sum(change.record_set.type == "A" for change in batch) for batch in day.zone.batches]
    assert len(sizes) == 3
    assert sum(sizes) == 600
    for batch in day.zone.batches:
        weights = [(2 if change.verb == "UPSERT" else 1) * len(change.record_set.values[0]) for change in batch]
        assert sum(weights) <= 32_000
        assert sum(2 if change.verb == "UPSERT" else 1 for change in batch) <= 1000


def test_who_takes_a_turn_tells_everybody_that_route_53_is_crowded():  # B12
    day = Day(1)
    day.move(0)
    assert day.ledger.crowded_until == NOW + 60


def left(units=1500.0, reads=50.0, changes=50.0):
    return Throughput({Bucket.UNITS: units, Bucket.READS: reads, Bucket.CHANGES: changes}, NOW)


def with_share(day, share=1.0, there=None, measure=unmeasured):
    book = FakeRateBudgets()
    if there is not None:
        book.saved[Purpose.MOVES] = there
    day.group = replace(day.group, budget=RateBudget(book, Purpose.MOVES, day.clock, share, measure))
    return book


def test_the_controller_keeps_within_its_share_of_the_change_units():  # B12
    """Three clusters cost twelve units, and six are left: the writer waits until they have come back."""
    day = Day(3)
    day.leave(0, 1, 2)
    book = with_share(day, 0.5, left(units=6.0, reads=25.0, changes=25.0))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    assert day.pauses == [pytest.approx(0.12)]
    assert book.saved[Purpose.MOVES].left[Bucket.UNITS] == 44.0


@pytest.mark.parametrize("used_up", ["reads", "changes"])
def test_the_controller_keeps_within_its_share_of_the_requests(used_up):  # B12
    day = Day(1)
    with_share(day, 0.5, left(**{"units": 750.0, "reads": 25.0, "changes": 25.0, used_up: -1.0}))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    assert day.pauses == [pytest.approx(0.4)]


def test_without_a_share_the_writer_would_take_what_others_need():  # B12
    day = Day(3)
    day.leave(0, 1, 2)
    with_share(day, 0.5, left(units=6.0, reads=0.0, changes=0.0))
    object.__setattr__(day.group.budget, "take", lambda cost: 0.0)
    day.move(0)
    assert day.pauses == []


def test_a_turn_whose_time_ends_while_it_waits_for_a_read_asks_nothing():  # B12
    day = Day(1)
    with_share(day, 1.0, left(reads=-1000.0))
    assert day.move(0, has_time=lambda: day.clock() < NOW + 10) is None
    assert day.zone.calls == []
    assert day.queue.turns == {}


def test_a_batch_that_route_53_turns_away_pays_for_its_units_once_and_for_each_request():  # B12
    day = Day(2)
    day.leave(0, 1)
    book = with_share(day)
    day.zone.fail_next("submit", ZoneCrowdedError("Throttling"))
    object.__setattr__(day.group, "pause", lambda _: None)
    day.move(0)
    assert book.saved[Purpose.MOVES] == left(units=1492.0, reads=49.0, changes=48.0)


def test_a_batch_above_the_share_that_is_turned_away_does_not_wait_for_its_own_debt():  # B12
    day = Day(60)
    day.leave(*range(60))
    book = with_share(day, 0.1)
    day.zone.fail_next("submit", ZoneCrowdedError("PriorRequestNotComplete"))
    day.move(0)
    assert day.pauses == [0.5]
    assert book.saved[Purpose.MOVES].left[Bucket.UNITS] == pytest.approx(150 - 240 + 10)  # a second later


def test_a_share_that_another_zone_has_just_used_is_asked_for_again():  # B12
    day = Day(1)
    book = with_share(day)
    book.before_next("save", lambda: book.saved.update({Purpose.MOVES: left(units=1000.0)}))
    assert day.statuses(0) == [AddressStatus.PROPAGATING]
    assert book.saved[Purpose.MOVES].left[Bucket.UNITS] == 1000 + 100 - 4  # a second later


def test_metrics_say_how_much_of_each_share_is_used():  # B8 B12
    day, told = Day(3), []
    with_share(day, 1.0, left(units=762.0), measure=lambda values, **dimension: told.append((values, dimension)))
    day.leave(1, 2)
    day.move(0)
    assert told == [
        ({"Route53Taken": 1, "Route53PercentUsed": 2.0}, {"bucket": "reads"}),
        ({"Route53Taken": 12, "Route53PercentUsed": 50.0}, {"bucket": "units"}),
        ({"Route53Taken": 1, "Route53PercentUsed": 2.0}, {"bucket": "changes"}),
    ]
