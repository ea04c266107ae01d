"""When to ask again: waits double, tries end, and the whole is never shorter than the paper's."""

from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.domain.cluster.intervals import (
    RECORDCHECK_LIMIT_S,
    change_gap_s,
    change_gaps_s,
    record_gap_s,
    recordcheck_gap_s,
)
from understudy.domain.cluster.tuning import Tuning

COUNTS = st.integers(1, 100)
INTERVALS = st.integers(1, 300)


def test_polls_double_up_to_the_interval_and_then_keep_to_it():  # S7
    assert change_gaps_s(Tuning()) == (2, 4, 8, 16, 20, 20, 20, 20, 20)


def test_an_interval_below_the_first_wait_is_kept_to():  # S7
    assert change_gaps_s(Tuning(ROUTE53_CHANGEID_INTERVAL=1, ROUTE53_CHANGEID_TRY_COUNT=3)) == (1, 1, 1)


def test_the_tries_of_a_change_end():  # S7
    gaps = [change_gap_s(Tuning(), attempt) for attempt in range(11)]
    assert gaps == [2, 4, 8, 16, 20, 20, 20, 20, 20, None, None]


@settings(max_examples=100, deadline=None)
@given(interval=INTERVALS, count=COUNTS)
def test_polling_is_never_shorter_than_interval_times_count(interval, count):  # S7
    gaps = change_gaps_s(Tuning(ROUTE53_CHANGEID_INTERVAL=interval, ROUTE53_CHANGEID_TRY_COUNT=count))
    assert sum(gaps) >= interval * count
    assert max(gaps) == interval
    assert list(gaps) == sorted(gaps)


def test_a_refused_update_is_tried_as_often_as_tuned():  # S6
    assert [record_gap_s(Tuning(), attempt) for attempt in range(4)] == [2, 2, None, None]


@settings(max_examples=100, deadline=None)
@given(interval=INTERVALS, count=COUNTS)
def test_an_update_is_handed_in_exactly_try_count_times(interval, count):  # S6
    tuning = Tuning(ROUTE53_RECORD_INTERVAL=interval, ROUTE53_RECORD_TRY_COUNT=count)
    tries = next(attempt for attempt in range(200) if record_gap_s(tuning, attempt) is None) + 1
    assert tries == count
    assert {record_gap_s(tuning, attempt) for attempt in range(count - 1)} <= {interval}


def patience(interval_s: int, tries: int) -> Tuning:
    return Tuning(ROUTE53_RECORDCHECK_INTERVAL=interval_s, ROUTE53_RECORDCHECK_TRY_COUNT=tries)


def test_by_the_defaults_the_record_is_read_once_and_three_times_more():  # S5 S8
    assert [recordcheck_gap_s([Tuning()], tries, 0) for tries in range(1, 6)] == [2, 2, 2, None, None]


def test_of_several_clusters_the_most_tries_count_and_the_shortest_interval_of_those_that_want_more():  # S5 S8
    both = [patience(1, 2), patience(3, 4)]
    assert [recordcheck_gap_s(both, tries, 0) for tries in range(1, 5)] == [1, 3, 3, None]


def test_when_nothing_is_left_to_read_there_is_no_wait():  # S5
    assert recordcheck_gap_s([], 1, 0) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(patience, INTERVALS, COUNTS), min_size=1))
def test_the_record_check_ends_whatever_is_set(tunings):  # S5
    tries = waited_s = 0
    while (gap_s := recordcheck_gap_s(tunings, tries := tries + 1, waited_s)) is not None:
        waited_s += gap_s
    assert waited_s <= RECORDCHECK_LIMIT_S
    assert tries <= max(each.ROUTE53_RECORDCHECK_TRY_COUNT for each in tunings)
