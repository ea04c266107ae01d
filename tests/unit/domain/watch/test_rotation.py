"""Where a watch begins."""

import pytest

from understudy.domain.watch.rotation import rotated

NAMES = [f"cluster-{number:03d}" for number in range(1000)]


@pytest.mark.parametrize("minute", [0, 1, 29_000_000])
def test_a_watch_looks_at_every_cluster_once_wherever_it_begins(minute):
    assert sorted(rotated(NAMES, minute)) == NAMES
    assert rotated([], minute) == []


def test_a_watch_that_reaches_only_a_tenth_reaches_everybody_within_twenty_minutes():  # B8 B12
    for first in (0, 777, 29_000_000):
        reached = {name for minute in range(first, first + 20) for name in rotated(NAMES, minute)[:100]}
        assert reached == set(NAMES)


def test_without_turning_on_the_same_clusters_would_starve_for_ever():  # B8
    assert {name for _ in range(20) for name in rotated(NAMES, 0)[:100]} == set(NAMES[:100])
