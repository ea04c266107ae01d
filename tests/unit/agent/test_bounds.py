# B4 B11 B12: what one member says, or what is said in its name, harms nobody else
from __future__ import annotations

import threading
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.items import BOOT, ME, OTHER, item, node, terms
from tests.unit.agent.test_lease import read
from understudy_agent import lease, promise
from understudy_agent.lease import LeaseAnswer, LeaseView, Order, kill_at_ms, order, settled
from understudy_agent.promise import Memory
from understudy_agent.sent import NUMBERS_KEPT, SentBeats
from understudy_agent.view import BEAT_LIMIT, NodeEntry, PreviousView, parse_state

HELD = item(active=ME, mine=node(beat=100_000, heard_at=1))
MALFORMED: list[Any] = [
    7,
    None,
    [],
    {"heard_at": 1},
    {"heard_at": 1, "beat": "x"},
    {"heard_at": 1, "beat": -1},
    {"heard_at": 1, "beat": 1.5},
    {"heard_at": 1, "beat": 10**13},
    {"heard_at": 1, "beat": 10**15},
    {"heard_at": 1, "beat": float("nan")},
    {"heard_at": 10**15, "beat": 1},
    {"heard_at": 1, "beat": 1, "read_epoch": 10**9},
    {"heard_at": 1, "beat": 1, "knows": 10**11},
    {"heard_at": 1, "beat": 1, "joined": 10**11},
]


def with_node(found: dict[str, Any], name: str, malformed: Any) -> dict[str, Any]:
    return {**found, "nodes": {**found["nodes"], name: malformed}}


# --- a malformed node ----------------------------------------------------------------------------


@pytest.mark.parametrize("malformed", MALFORMED, ids=str)
def test_a_malformed_node_costs_nobody_else_its_lease(malformed):
    lease_view = read(with_node(HELD, OTHER, malformed))
    assert (lease_view.answer, lease_view.lease_end_ms) == (LeaseAnswer.MINE, 112_000)


@pytest.mark.parametrize("malformed", MALFORMED, ids=str)
def test_a_malformed_node_stays_a_member_whose_promise_is_needed_and_cannot_be_got(malformed):
    """Had it vanished, a holder would go on without its promise, beside it."""
    if isinstance(malformed, dict):
        malformed = {**malformed, "ip": "10.0.1.9"}
    assert parse_state(HELD).faults == ()
    view = parse_state(with_node(HELD, OTHER, malformed))
    assert view.nodes[OTHER] == NodeEntry(0, None, "", is_malformed=True)
    assert promise.peers_of(view, ME) == {OTHER: ""}
    assert promise.promised_until(promise.PromiseRequests(), promise.peers_of(view, ME)) is None
    assert [OTHER in fault for fault in view.faults] == [True]


@pytest.mark.parametrize("malformed", MALFORMED, ids=str)
def test_a_malformed_own_row_renews_nothing_and_stops_nothing_before_the_lease_has_run_out(malformed):
    lease_view = read(HELD, with_node(item(active=ME), ME, malformed))
    assert [order(lease_view, at) for at in (110_999, 111_000)] == [Order.LEAVE_ALONE, Order.KILL]


def test_a_malformed_own_row_gives_a_node_that_was_told_to_stop_no_rest():
    lease_view = read(item(active=OTHER), with_node(item(epoch=2, active=ME), ME, 7))
    assert order(lease_view, 100_000) is Order.STOP


@pytest.mark.parametrize("ip", ["node-b.example.com", "10.0.0.300", "\ud800", "a" * 70_000, 7, ["10.0.0.1"]])
def test_an_address_that_is_none_is_neither_looked_up_nor_sent_to(ip):
    view = parse_state(with_node(HELD, OTHER, {**node(beat=1, heard_at=1), "ip": ip}))
    assert (view.nodes[OTHER].ip, view.nodes[OTHER].beat) == ("", 1)
    assert len(view.faults) == 1


@pytest.mark.parametrize("previous", [7, {}, {"node": ME, "ended_epoch": 10**9, "lease_s": 12}, {"ended_epoch": 2}])
def test_a_malformed_last_holder_gives_nobody_more_time_and_lets_nobody_start_sooner(previous):
    stopping = {**node(beat=109_000, heard_at=9), "read_epoch": 2}
    good = {"node": ME, "ended_epoch": 2, "lease_s": 12}
    assert read(HELD, {**item(epoch=2, mine=stopping), "previous": good}).lease_end_ms == 121_000
    ended = {**item(epoch=2, mine=stopping), "previous": previous}
    assert read(HELD, ended).lease_end_ms == 112_000
    view = parse_state(ended)
    assert (view.previous, view.holder, len(view.faults)) == (None, "", 1)


def test_a_malformed_holder_is_not_known_to_know_a_new_node():
    found = {**item(epoch=2, mine={"ip": "10.0.1.1", "joined": 5}), "previous": {"node": OTHER, "ended_epoch": 1}}
    found["previous"]["lease_s"] = 12
    view = parse_state(with_node(found, OTHER, 7))
    assert view.previous == PreviousView(OTHER, 1, 12, is_proven=False)
    assert promise.after_view(Memory(), LeaseView(), view, ME, 100_000) == Memory()


# --- what is said in this node's name --------------------------------------------------------------


def granted(beat: int, epoch: int = 1, **changes: Any) -> dict[str, Any]:
    return item(epoch, ME, mine=node(beat=beat, heard_at=9), **changes)


@pytest.mark.parametrize("number", [BEAT_LIMIT - 1, 105_001, 104_999])
def test_a_number_that_this_process_has_not_sent_renews_nothing(number):
    lease_view = read(HELD, granted(number), sent={100_000, 104_000}, now_ms=105_000)
    assert (lease_view.lease_end_ms, order(lease_view, 111_000)) == (112_000, Order.KILL)


def test_a_number_above_the_own_clock_renews_nothing_whoever_has_sent_it():
    lease_view = read(HELD, granted(110_000), now_ms=105_000)
    assert lease_view.lease_end_ms == 112_000


def test_a_beat_of_a_stranger_neither_stops_the_holder_nor_moves_its_end():
    lease_view = read(HELD, granted(104_999), sent={100_000}, now_ms=105_000)
    assert order(lease_view, 105_000) is Order.SERVE
    again = read(granted(106_000), lease_view=lease_view, sent={100_000, 106_000}, now_ms=106_500)
    assert again.lease_end_ms == 118_000


def test_the_beat_that_renewed_the_lease_last_stays_good_however_many_were_sent_since():
    """When the pipeline is down, promises bridge it: the row stays as it is for hours."""
    lease_view = read(HELD)
    assert read(HELD, lease_view=lease_view, sent=()) == lease_view


def test_before_its_own_first_beat_is_recorded_a_restarted_agent_is_bound_by_the_lease_that_it_found():
    found = LeaseView(lease_end_ms=112_000, renewed_by=100_000)
    for recorded in (104_000, 99_000, BEAT_LIMIT - 1):
        lease_view = read(granted(recorded), lease_view=found, sent=(), now_ms=105_000)
        assert [order(lease_view, at) for at in (105_000, 111_000)] == [Order.SERVE, Order.KILL]
    own = read(granted(106_000), lease_view=found, sent=(106_000,), now_ms=106_100)
    assert own.lease_end_ms == 118_000


def test_a_lease_that_was_found_is_no_longer_than_the_one_that_is_granted_now():
    """It was ended early, and is granted again for a shorter time: the controller counts on the shorter one."""
    found = LeaseView(lease_end_ms=120_000, renewed_by=100_000)
    lease_view = read(granted(104_000, epoch=3, terms=terms(lease_s=8)), lease_view=found, sent=(), now_ms=105_000)
    assert kill_at_ms(lease_view) == 107_000


def test_without_a_lease_that_was_found_what_runs_is_left_alone_and_nothing_begins_before_an_own_beat_is_recorded():
    lease_view = read(granted(104_000, epoch=5), sent=(), now_ms=105_000)
    assert order(lease_view, 10**9) is Order.LEAVE_ALONE
    assert lease_view.epoch == 0  # no beat says that it obeys the grant
    assert read(granted(104_000, epoch=4), lease_view=lease_view, sent={104_000}, now_ms=105_000) == lease_view
    assert (
        order(read(granted(106_000, epoch=5), lease_view=lease_view, sent={106_000}, now_ms=106_500), 107_000)
        is Order.SERVE
    )


def test_a_stranger_that_says_it_is_still_stopping_moves_no_end():
    stopping = {**node(beat=109_000, heard_at=9), "read_epoch": 2}
    ended = {**item(epoch=2, mine=stopping), "previous": {"node": ME, "ended_epoch": 2, "lease_s": 12}}
    assert read(HELD, ended, sent={100_000}, now_ms=110_000).lease_end_ms == 112_000
    assert read(HELD, ended, sent={100_000, 109_000}, now_ms=108_999).lease_end_ms == 112_000
    assert read(HELD, ended, sent={100_000, 109_000}, now_ms=110_000).lease_end_ms == 121_000


rows = st.builds(
    node,
    beat=st.one_of(st.integers(0, 120_000), st.integers(0, BEAT_LIMIT * 2)),
    heard_at=st.one_of(st.none(), st.integers(0, 100), st.just(10**15)),
    boot=st.sampled_from([BOOT, BOOT, "another-boot"]),
)
histories = st.lists(st.tuples(rows, st.integers(1, 4), st.sampled_from([ME, ME, OTHER, ""])), max_size=10)


@given(histories, st.sets(st.integers(0, 120_000), max_size=4), st.integers(0, 200_000))
def test_no_word_of_another_makes_a_node_serve_past_its_own_newest_beat_plus_the_lease(history, sent, now_ms):
    lease_view = LeaseView()
    for mine, epoch, active in history:
        mine = {**mine, "beat": min(sent)} if sent and mine["beat"] % 3 == 0 else mine
        lease_view = read(item(epoch, active, mine=mine), lease_view=lease_view, sent=sent, now_ms=now_ms)
    if order(lease_view, now_ms) is Order.SERVE:
        assert now_ms < max(number for number in sent if number <= now_ms) + 11_000


def test_a_lease_that_was_found_outlives_services_that_died_with_the_agent_until_it_has_run_out():  # S16
    found = LeaseView(lease_end_ms=112_000, renewed_by=100_000)
    assert settled(found, 110_999) == found
    assert settled(found, 111_000).lease_end_ms is None


@pytest.mark.parametrize("number", [BEAT_LIMIT - 1, 105_001])
def test_without_the_memory_of_what_was_sent_a_strangers_number_lets_a_node_serve_for_ages(monkeypatch, number):
    monkeypatch.setattr(lease, "_is_own", lambda *_: True)
    lease_view = read(HELD, granted(number), sent={100_000}, now_ms=105_000)
    assert order(lease_view, number + 10_000) is Order.SERVE


def test_without_its_place_among_the_members_a_malformed_node_is_gone_on_beside(monkeypatch):
    monkeypatch.setattr(promise, "peers_of", lambda view, me: {name: n.ip for name, n in view.nodes.items() if n.ip})
    found = with_node(with_node(HELD, OTHER, 7), "i-0ccc", {**node(beat=1, heard_at=1), "ip": "10.0.1.3"})
    promised = promise.PromiseRequests(until_ms={"i-0ccc": 120_000})
    assert promise.promised_until(promised, promise.peers_of(parse_state(found), ME)) == 120_000


# --- the memory of what was sent ----------------------------------------------------------------


def test_the_number_of_a_beat_is_remembered_before_it_goes_out_and_not_for_ever():
    sent = SentBeats(count(1).__next__)
    assert [sent.next() in sent.numbers for _ in range(3 * NUMBERS_KEPT)] == [True] * 3 * NUMBERS_KEPT
    assert sent.numbers == tuple(range(2 * NUMBERS_KEPT + 1, 3 * NUMBERS_KEPT + 1))


def test_numbers_are_given_out_in_one_thread_and_looked_at_in_another():
    sent, seen = SentBeats(count(1).__next__), []
    sender = threading.Thread(target=lambda: [sent.next() for _ in range(20_000)])
    sender.start()
    while sender.is_alive():
        numbers = sent.numbers
        seen.append(len(set(numbers)) == len(numbers))
    sender.join()
    assert all(seen)
