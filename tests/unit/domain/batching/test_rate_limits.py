"""What the controller may use of buckets that all of an account shares."""

import pytest

from understudy.domain.batching.rate_limits import Bucket, Purpose, Throughput, full, spend


def units(left, at=100.0, reads=50.0):
    return Throughput({Bucket.UNITS: left, Bucket.READS: reads, Bucket.CHANGES: 50.0}, at)


def test_a_share_that_nobody_has_used_is_its_part_of_each_burst():  # B12
    assert full(Purpose.MOVES, 100.0, 0.5).left == {Bucket.UNITS: 750.0, Bucket.READS: 25.0, Bucket.CHANGES: 25.0}
    assert full(Purpose.POLLS, 100.0, 0.5) == Throughput({Bucket.POLLS: 25.0}, 100.0)


def test_what_is_there_is_taken_at_once():  # B12
    done = spend(full(Purpose.MOVES, 100.0, 1.0), {Bucket.UNITS: 600, Bucket.CHANGES: 1}, 100.0, 1.0)
    assert done.after.left == {Bucket.UNITS: 900.0, Bucket.READS: 50.0, Bucket.CHANGES: 49.0}
    assert done.wait_s == 0.0
    assert done.percent_used(Bucket.UNITS, 1.0) == 40.0
    assert done.percent_used(Bucket.CHANGES, 1.0) == 2.0


def test_what_is_not_there_is_waited_for_and_nothing_is_taken():  # B12
    done = spend(units(100.0), {Bucket.UNITS: 400}, 100.0, 1.0)
    assert (done.after, done.wait_s) == (units(100.0), 3.0)


def test_the_bucket_that_is_emptiest_decides_and_nothing_is_taken_of_the_others():  # B12
    done = spend(units(400.0, reads=-1.0), {Bucket.UNITS: 400, Bucket.READS: 1}, 100.0, 1.0)
    assert (done.after.left[Bucket.UNITS], done.wait_s) == (400.0, pytest.approx(0.2))


@pytest.mark.parametrize(("share", "left"), [(1.0, 600.0), (0.5, 350.0)])
def test_units_come_back_at_the_shares_rate(share, left):  # B12
    assert units(100.0).at_time(105.0, share).left[Bucket.UNITS] == left


@pytest.mark.parametrize(("share", "left"), [(1.0, 40.0), (0.5, 15.0)])
def test_requests_come_back_at_the_shares_rate(share, left):  # B12
    assert units(0.0, reads=-10.0).at_time(105.0, share).left[Bucket.READS] == left


def test_no_more_come_back_than_the_share_holds():  # B12
    assert units(100.0).at_time(1000.0, 0.5).left == full(Purpose.MOVES, 0.0, 0.5).left


def test_a_clock_that_is_behind_gives_nothing_twice():  # B12
    late = units(100.0).at_time(90.0, 1.0)
    assert (late.left[Bucket.UNITS], late.at) == (100.0, 100.0)
    assert late.at_time(100.0, 1.0).left[Bucket.UNITS] == 100.0


def test_what_costs_more_than_the_whole_share_does_not_wait_for_ever():  # B12
    assert spend(full(Purpose.MOVES, 100.0, 0.1), {Bucket.UNITS: 600}, 100.0, 0.1).after.left[Bucket.UNITS] == -450.0
    waiting = spend(units(-450.0), {Bucket.UNITS: 600}, 100.0, 0.1)
    assert waiting.wait_s == pytest.approx(60.0)
