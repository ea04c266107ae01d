"""What a node knows of its quorum hosts, and what it may do (S12). Pure: time is an argument."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from understudy_agent.quorum import (
    HostsReached,
    Probes,
    QuorumView,
    Result,
    forbids,
    is_pending,
    looked,
    parse_probes,
    probed,
    reach_at,
    reached_at,
    with_probes,
)
from understudy_agent.view import MalformedStateError

HOSTS = ("a:1", "b:1", "c:1")
PROBES = Probes(HOSTS, 2.0)
INTERVAL_S, LEASE_S = 4, 12
TOLD_MS = 100_000


def known(*accepted: bool, begun_ms: int = TOLD_MS) -> QuorumView:
    """Told of three hosts at TOLD_MS, and of none before; with a result for as many of them as are given."""
    quorum = with_probes(with_probes(QuorumView(), None, TOLD_MS), PROBES, TOLD_MS)
    for host, each in zip(HOSTS, accepted, strict=False):
        quorum = probed(quorum, host, Result(begun_ms, each))
    return quorum


# S12
@pytest.mark.parametrize(
    ("reached", "total", "is_majority"),
    [(0, 3, False), (1, 3, False), (2, 3, True), (3, 3, True), (2, 4, False), (3, 4, True)],
)
def test_a_majority_is_more_than_half(reached, total, is_majority):
    assert HostsReached(reached, total).is_majority is is_majority


def test_a_cluster_that_names_no_hosts_asks_for_nothing_and_forbids_nothing():  # S12
    assert parse_probes({"epoch": 1}) is None
    quorum = looked(QuorumView(), TOLD_MS, INTERVAL_S)
    assert reach_at(quorum, TOLD_MS, INTERVAL_S) is None
    assert reached_at(quorum, TOLD_MS, INTERVAL_S) == frozenset()
    for is_down in (True, False):
        assert not forbids(quorum, 10**9, INTERVAL_S, LEASE_S, is_down=is_down)


def test_the_hosts_are_read_from_the_state_item():  # S12
    assert parse_probes({"quorum": {"hosts": list(HOSTS), "timeout_s": 2}}) == PROBES


# S12
@pytest.mark.parametrize(
    "item",
    [
        "a:1",
        {},
        {"hosts": [], "timeout_s": 2},
        {"hosts": ["a:1"] * 8, "timeout_s": 2},
        {"hosts": "a:1", "timeout_s": 2},
        {"hosts": ["a"], "timeout_s": 2},
        {"hosts": [":1"], "timeout_s": 2},
        {"hosts": ["a:x"], "timeout_s": 2},
        {"hosts": ["a:0"], "timeout_s": 2},
        {"hosts": ["a:65536"], "timeout_s": 2},
        {"hosts": [7], "timeout_s": 2},
        {"hosts": ["a:1"]},
        {"hosts": ["a:1"], "timeout_s": 0},
        {"hosts": ["a:1"], "timeout_s": True},
        {"hosts": ["a:1"], "timeout_s": 61},
        {"hosts": ["a:1"], "timeout_s": float("nan")},
    ],
)
def test_hosts_that_are_malformed_are_named(item: Any):
    with pytest.raises(MalformedStateError, match="quorum"):
        parse_probes({"quorum": item})


def test_nothing_is_known_before_the_first_round_has_ended():  # S12
    first = known()
    assert is_pending(first, TOLD_MS + 1999)
    assert reach_at(first, TOLD_MS + 1999, INTERVAL_S) is None
    assert reach_at(known(True, True), TOLD_MS + 1999, INTERVAL_S) is None
    assert not is_pending(first, TOLD_MS + 2000)
    assert reach_at(first, TOLD_MS + 2000, INTERVAL_S) == HostsReached(0, 3)
    assert reach_at(known(True, True, False), TOLD_MS + 1, INTERVAL_S) == HostsReached(2, 3)


def test_a_result_is_too_old_when_the_next_one_is_missing():  # S12
    """Every 4 s a probe of at most 2 s, and a second beyond."""
    quorum = known(True, True, True)
    assert reach_at(quorum, TOLD_MS + 7000, INTERVAL_S) == HostsReached(3, 3)
    assert reach_at(quorum, TOLD_MS + 7001, INTERVAL_S) == HostsReached(0, 3)


def test_a_result_that_comes_late_does_not_undo_a_newer_one():  # S12
    newer = probed(known(True, True, True), "a:1", Result(TOLD_MS + 4000, accepted=False))
    assert probed(newer, "a:1", Result(TOLD_MS + 3000, accepted=True)) == newer


def test_a_result_of_a_host_that_is_named_no_more_says_nothing():  # S12
    assert probed(known(), "z:1", Result(TOLD_MS, accepted=True)) == known()
    assert probed(QuorumView(), "a:1", Result(TOLD_MS, accepted=True)) == QuorumView()


def test_a_node_that_runs_nothing_begins_nothing_without_a_majority():  # S12
    def waits(quorum: QuorumView, at_ms: int = TOLD_MS) -> bool:
        return forbids(quorum, at_ms, INTERVAL_S, LEASE_S, is_down=True)

    assert not waits(known(True, True, False))
    assert waits(known(True, False, False))
    assert waits(known(True, True))  # it is not known yet whether the third is reached
    assert not waits(known(True, True), TOLD_MS + 2000)  # it may well hang: two are a majority


def test_a_node_that_serves_goes_on_for_the_length_of_its_lease_without_a_majority():  # S12
    quorum = looked(known(True, True, False), TOLD_MS + 3000, INTERVAL_S)
    quorum = probed(quorum, "b:1", Result(TOLD_MS + 4000, accepted=False))

    def gives_up(at_ms: int) -> bool:
        return forbids(looked(quorum, at_ms, INTERVAL_S), at_ms, INTERVAL_S, LEASE_S, is_down=False)

    assert not gives_up(TOLD_MS + 14_999)
    assert gives_up(TOLD_MS + 15_000)


def test_one_lost_round_of_probes_costs_nothing():  # S12
    quorum = looked(known(True, True, True), TOLD_MS + 2000, INTERVAL_S)
    for host in HOSTS:
        quorum = probed(quorum, host, Result(TOLD_MS + 4000, accepted=False))
    quorum = looked(quorum, TOLD_MS + 9999, INTERVAL_S)
    for host in HOSTS:
        quorum = probed(quorum, host, Result(TOLD_MS + 8000, accepted=True))
    at_ms = TOLD_MS + 10_000
    assert not forbids(looked(quorum, at_ms, INTERVAL_S), at_ms, INTERVAL_S, LEASE_S, is_down=False)


def unknown(*accepted: bool) -> QuorumView:
    """As `known`, of an agent that does not know when a majority was reached last."""
    return replace(known(*accepted), held_ms=None)


def test_where_it_is_not_known_since_when_there_is_no_majority_it_counts_as_lost_for_long():  # S12
    """A restarted agent served for another lease, and again after each restart."""

    def gives_up(quorum: QuorumView, at_ms: int) -> bool:
        return forbids(looked(quorum, at_ms, INTERVAL_S), at_ms, INTERVAL_S, LEASE_S, is_down=False)

    assert gives_up(unknown(True, False, False), TOLD_MS)
    assert not gives_up(unknown(True, False), TOLD_MS + 1999)  # the first round may still tell
    assert gives_up(unknown(True, False), TOLD_MS + 2000)
    assert not gives_up(unknown(True, True, False), TOLD_MS)
    slow = replace(unknown(), probes=Probes(HOSTS, 60.0))
    assert [gives_up(slow, at_ms) for at_ms in (TOLD_MS + 11_999, TOLD_MS + 12_000)] == [False, True]


def test_a_changed_list_of_hosts_gives_nobody_more_time():  # S12
    quorum = looked(known(True, True, False), TOLD_MS + 3000, INTERVAL_S)
    for second in range(4, 16):
        quorum = with_probes(quorum, Probes((f"x{second}:1", "y:1"), 2.0), TOLD_MS + second * 1000)
    assert not forbids(quorum, TOLD_MS + 14_999, INTERVAL_S, LEASE_S, is_down=False)
    assert forbids(quorum, TOLD_MS + 15_000, INTERVAL_S, LEASE_S, is_down=False)


def test_an_agent_that_has_just_been_told_of_hosts_gives_nothing_up_for_the_length_of_a_lease():  # S12
    quorum = known(False, False, False)
    assert not forbids(quorum, TOLD_MS + 11_999, INTERVAL_S, LEASE_S, is_down=False)
    assert forbids(quorum, TOLD_MS + 12_000, INTERVAL_S, LEASE_S, is_down=False)


def test_hosts_that_stay_in_the_list_keep_their_results_and_others_start_afresh():  # S12
    changed = with_probes(known(True, True, True), Probes(("a:1", "b:1", "d:1"), 1.0), TOLD_MS + 5000)
    assert set(changed.results) == {"a:1", "b:1"}
    assert is_pending(changed, TOLD_MS + 5999)
    assert reach_at(changed, TOLD_MS + 6000, INTERVAL_S) == HostsReached(2, 3)
    assert changed.held_ms == TOLD_MS
    assert with_probes(changed, changed.probes, TOLD_MS + 9000) is changed
    assert with_probes(changed, None, TOLD_MS + 9000) == QuorumView(held_ms=TOLD_MS + 9000)
