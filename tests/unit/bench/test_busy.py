"""How often a beat is tried while transactions hold the cluster's item: the counts that `make bench` prints."""

import json
from random import Random

import pytest

from bench import busy, counts, summary
from local.sam import ROOT
from tests.support.builders import a_beat
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.table import PAUSE_S, TRY_COUNT
from understudy.domain.cluster.state import ClusterState


@pytest.fixture(scope="module")
def counted():
    return busy.count()


def test_a_beat_that_meets_a_transaction_needs_two_tries_as_a_rule_and_five_at_the_most(counted):  # B9
    assert {busy.words(case): (case["tries_mean"], case["tries_most"]) for case in counted} == {
        "item held for 5 to 10 ms": (2.0, 2),
        "item held for 10 to 20 ms": (2.0, 2),
        "item held for 20 to 40 ms": (2.06, 3),
        "item held for 40 to 80 ms": (2.44, 4),
        "item held for 80 to 160 ms": (3.17, 5),
    }
    assert max(case["tries_most"] for case in counted) <= TRY_COUNT


def test_no_beat_is_lost_to_a_transaction_below_80_ms(counted):  # B9
    assert busy.losing(counted) == []
    assert [case["lost"] for case in counted if case["most_ms"] <= 80] == [0, 0, 0, 0]
    assert {case["beats"] for case in counted} == {1000}


def test_beats_that_are_lost_to_longer_ones_are_shown(counted):
    (beyond,) = [case for case in counted if case["goal"] is None]
    assert beyond["lost"] > 0
    assert busy.losing([{**beyond, "goal": 0}]) == ["beats lost, item held for 80 to 160 ms"]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_beat_outlasts_79_ms_from_its_first_try_whatever_chance_says(chance):
    """Four of the shortest pauses are 80 ms, and no pause is longer than the gap before the next transaction."""
    table = busy.BusyTable((0.079, 0.079), Random(0))
    table.now_s = table.begins[0]
    ledger = DynamoDbLedger(table, "clusters", table.pass_time, lambda: chance)
    assert isinstance(ledger.record_beat(a_beat()), ClusterState)
    assert table.tries <= TRY_COUNT
    assert (TRY_COUNT - 1) * PAUSE_S[0] == 0.08
    assert PAUSE_S[1] <= busy.FREE_S[0]


def test_a_lost_beat_fails_the_benchmark_as_one_call_too_many_does(counted):
    usual = {name: {"record_heartbeat": {"dynamodb.UpdateItem": n}} for name, n in summary.CALLS_OF_A_BEAT.items()}
    assert counts.too_many({"calls": usual, "busy": counted}) == []
    lossy = [{**counted[0], "lost": 1}, *counted[1:]]
    assert counts.too_many({"calls": usual, "busy": lossy}) == ["beats lost, item held for 5 to 10 ms"]


def test_the_document_shows_these_counts(counted):
    shown = json.loads((ROOT / "bench" / "results" / "counts.json").read_text(encoding="utf-8"))["busy"]
    assert shown == counted, "run `make bench-counts performance-docs`"
