"""What the controller may use of a bucket that all of an account shares."""

import pytest

from understudy.domain.throughput import Throughput, full, spend


def test_a_share_that_nobody_has_used_is_its_part_of_the_burst():  # B12
    assert full(100.0, 0.5) == Throughput(750.0, 100.0)


def test_units_that_are_there_are_taken_at_once():  # B12
    done = spend(full(100.0, 1.0), 600, 100.0, 1.0)
    assert (done.after, done.wait_s) == (Throughput(900.0, 100.0), 0.0)
    assert done.percent_used(1.0) == 40.0


def test_units_that_are_not_there_are_waited_for_and_none_is_taken():  # B12
    done = spend(Throughput(100.0, 100.0), 400, 100.0, 1.0)
    assert (done.after.left, done.wait_s) == (100.0, 3.0)


@pytest.mark.parametrize(("share", "left"), [(1.0, 600.0), (0.5, 350.0)])
def test_units_come_back_at_the_shares_rate(share, left):  # B12
    assert Throughput(100.0, 100.0).at_time(105.0, share).left == left


def test_no_more_come_back_than_the_share_holds():  # B12
    assert Throughput(100.0, 100.0).at_time(1000.0, 0.5).left == 750.0


def test_a_clock_that_is_behind_gives_nothing_twice():  # B12
    late = Throughput(100.0, 100.0).at_time(90.0, 1.0)
    assert (late.left, late.at) == (100.0, 100.0)
    assert late.at_time(100.0, 1.0).left == 100.0


def test_what_costs_more_than_the_whole_share_does_not_wait_for_ever():  # B12
    assert spend(full(100.0, 0.1), 600, 100.0, 0.1).after.left == -450.0
    waiting = spend(Throughput(-450.0, 100.0), 600, 100.0, 0.1)
    assert waiting.wait_s == pytest.approx(60.0)
