"""What a watch of a thousand clusters asks of AWS, and how many of its calls run at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bench.fleet import Fleet
from understudy.bootstrap import WATCH_THREADS

GIVE_UP_S = 60


def test_a_watch_of_a_thousand_clusters_makes_tens_of_calls_and_not_thousands():  # B9 B12
    fleet = Fleet(1000)
    first = fleet.watch()
    assert (first.judged, first.faults) == (1000, ())
    assert fleet.traffic.calls == {
        "Query": 1,
        "BatchGetItem": 20,  # ten of states; ten of definitions, which a worker reads once
        "DescribeInstances": 10,
        "GetParameter": 1,  # the tunables
        "GetParametersByPath": 100,
        "GetItem": 2,  # the tunables in the table, and how many clusters were counted before
        "UpdateItem": 1,  # how many there are
        "PutItem": 2,  # who stands for each of the two Availability Zones
    }
    assert len(fleet.route53.asked) == 7
    fleet.traffic.calls.clear()
    assert fleet.watch().judged == 1000
    assert fleet.traffic.calls["BatchGetItem"] == 10
    assert not fleet.traffic.calls.keys() & {"UpdateItem", "PutItem"}


def test_a_hundred_times_ten_clusters_that_nothing_ails_are_neither_registered_nor_told_of_again():  # B12
    fleet = Fleet(1000)
    fleet.watch()
    assert [text for text in fleet.registered if not text.is_tuning] == []
    assert fleet.announcer.events == []


def test_as_many_calls_as_there_are_threads_run_at_once_and_never_more():  # B12
    """Ten groups of a hundred meet in their calls: were they read one by one, nobody would come to the meeting."""
    meeting = Barrier(WATCH_THREADS)
    with ThreadPoolExecutor(WATCH_THREADS) as threads:
        fleet = Fleet(
            WATCH_THREADS * 100,
            spread=threads.map,
            meet=lambda operation: meeting.wait(GIVE_UP_S) if operation == "BatchGetItem" else None,
        )
        report = fleet.watch()
    assert (report.judged, report.faults) == (WATCH_THREADS * 100, ())
    assert fleet.traffic.most_at_once == WATCH_THREADS


def test_one_by_one_no_two_calls_run_at_once():
    fleet = Fleet(300)
    fleet.watch()
    assert fleet.traffic.most_at_once == 1


@pytest.mark.parametrize("silent", [1, 150])
def test_many_threads_start_just_the_failovers_that_one_would_start(silent):  # B3 B12
    with ThreadPoolExecutor(WATCH_THREADS) as threads:
        fleets = Fleet(300), Fleet(300, spread=threads.map)
        for fleet in fleets:
            for number in range(silent):
                fleet.silence(number, 20)
            fleet.watch()
    one, many = (sorted(fleet.aws.started) for fleet in fleets)
    assert one == many
    assert len(many) == silent
