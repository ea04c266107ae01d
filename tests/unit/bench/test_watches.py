"""What a watch asks of Route 53: the counts that `make bench` prints."""

import json

import pytest

from bench import watches
from local.sam import ROOT


@pytest.fixture(scope="module")
def counted():
    return {watches.words(case): case for case in watches.count()}


def test_calls_grow_with_zones_and_pages_and_not_with_clusters(counted):  # S5 B9
    assert {words: case["route53_calls"] for words, case in counted.items()} == {
        "1 cluster in one zone": 1,
        "10 clusters in one zone": 1,
        "100 clusters in one zone": 1,
        "1,000 clusters in one zone": 7,
        "100 clusters in each of 10 zones": 10,
        "1 cluster in one zone of 10,000 records": 1,
        "10 clusters in one zone of 10,000 records": 10,
    }


def test_every_goal_is_met(counted):  # S5
    assert [case for case in counted.values() if case["goal"] and case["route53_calls"] > case["goal"]] == []


def test_the_document_shows_these_counts(counted):
    shown = json.loads((ROOT / "bench" / "results" / "counts.json").read_text(encoding="utf-8"))["watches"]
    assert shown == [*counted.values()], "run `make bench-counts performance-docs`"
