# S9 S12 B4 B10 B11
from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.items import BOOT, ME, OTHER, item, node, terms
from understudy_agent.lease import (
    LeaseAnswer,
    LeaseView,
    Order,
    Sender,
    after_read,
    keeps_lease,
    kill_at_ms,
    order,
    settled,
    stop_at_ms,
)
from understudy_agent.view import MalformedStateError, StateView, TermsView, parse_state

ALL_SENT = range(10**9)


def read(
    *items: dict[str, Any] | None,
    lease_view: LeaseView | None = None,
    sent: Collection[int] = ALL_SENT,
    now_ms: int = 10**9,
) -> LeaseView:
    """`sent`: the beats that this process has sent; all that are recorded, unless the test says otherwise."""
    lease_view = lease_view or LeaseView()
    for one in items:
        view = parse_state(one) if one is not None else None
        lease_view = after_read(lease_view, view, Sender(ME, BOOT, sent, now_ms))
    return lease_view


def test_a_node_that_has_read_nothing_leaves_its_services_alone():
    assert order(LeaseView(), 10**9) is Order.LEAVE_ALONE


@pytest.mark.parametrize("nothing_yet", [None, item(epoch=0)])
def test_a_cluster_that_was_never_placed_disturbs_nothing(nothing_yet):
    assert order(read(nothing_yet), 10**9) is Order.LEAVE_ALONE


def test_the_lease_runs_from_the_sending_of_the_newest_recorded_beat():
    assert read(item(active=ME, mine=node(beat=100_000, heard_at=1))).lease_end_ms == 112_000


def test_the_active_node_serves_until_what_is_left_must_be_killed():
    lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1)))
    assert order(lease_view, 110_999) is Order.SERVE
    assert order(lease_view, 111_000) is Order.KILL


def test_an_orderly_stop_gets_what_the_timings_leave_over_and_no_more():
    lease_view = read(item(active=ME, terms=terms(lease_s=20), mine=node(beat=100_000, heard_at=1)))
    assert kill_at_ms(lease_view) == 119_000
    assert stop_at_ms(lease_view, orderly_stop_s=3) == 116_000
    assert stop_at_ms(lease_view, orderly_stop_s=60) == 111_000
    assert [order(lease_view, at, 60) for at in (110_999, 111_000, 119_000)] == [
        Order.SERVE,
        Order.STOP,
        Order.KILL,
    ]


def test_by_the_default_timings_an_orderly_stop_gets_nothing_so_that_one_lost_beat_costs_nothing():
    lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1)))
    assert stop_at_ms(lease_view, orderly_stop_s=60) == kill_at_ms(lease_view)


@pytest.mark.parametrize("active", ["", OTHER])
def test_a_read_that_shows_another_active_ends_the_lease_at_once(active):
    lease_view = read(item(active=ME), item(epoch=2, active=active))
    assert lease_view.answer is LeaseAnswer.NOT_MINE
    assert order(lease_view, 100_001) is Order.STOP


def test_services_must_be_down_by_the_old_lease_end_also_when_the_lease_was_ended_early():
    lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1)), item(epoch=2, transition=True))
    assert order(lease_view, 110_999) is Order.STOP
    assert order(lease_view, 111_000) is Order.KILL


def test_a_beat_recorded_after_the_lease_was_ended_gives_no_more_time():
    ended = item(epoch=2, mine=node(beat=109_000, heard_at=9))
    assert read(item(active=ME, mine=node(beat=100_000, heard_at=1)), ended).lease_end_ms == 112_000


def test_a_keep_that_is_read_after_the_lease_was_ended_frees_nobody_from_its_end():  # B4 B11
    """The controller counted on that end when it granted the lease to another node."""
    keep = terms(on_isolation="keep")
    held = read(item(active=ME, mine=node(beat=100_000, heard_at=1)))
    ended = [item(epoch=2, active=OTHER, terms=keep), item(epoch=2, active=OTHER, terms=keep)]
    for count in (1, 2):
        lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1)), *ended[:count])
        assert kill_at_ms(lease_view) == kill_at_ms(held) == 111_000
        assert [order(lease_view, at) for at in (110_999, 111_000)] == [Order.STOP, Order.KILL]
    assert read(item(active=ME), ended[0], item(epoch=3, active=ME, terms=keep)).terms.keeps_on


def test_who_held_the_lease_under_keep_stops_in_order_and_is_killed_by_its_end_when_keep_is_taken_back():  # B11
    keep = terms(on_isolation="keep")
    held = item(active=ME, mine=node(beat=100_000, heard_at=1), terms=keep)
    assert order(read(held, item(epoch=2, active=OTHER, terms=keep)), 10**9) is Order.STOP
    assert order(read(held, item(epoch=2, active=OTHER)), 111_000) is Order.KILL


def test_a_node_that_never_held_the_lease_stops_in_order():
    assert order(read(item(active=OTHER)), 10**9) is Order.STOP


def test_the_recorded_beat_of_another_boot_gives_no_lease():
    lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1, boot="before-the-reboot")))
    assert order(lease_view, 100_000) is Order.STOP


def test_a_node_placed_before_its_first_beat_is_recorded_is_not_disturbed():
    assert order(read(item(active=ME, mine=node(boot=""))), 100_000) is Order.LEAVE_ALONE


def test_a_node_that_is_no_member_any_more_stops():
    without_me = item(active=ME)
    del without_me["nodes"][ME]
    assert order(read(without_me), 100_000) is Order.STOP


def test_a_cluster_that_was_deleted_renews_nothing_and_the_lease_runs_out():
    lease_view = read(item(active=ME, mine=node(beat=100_000, heard_at=1)), None)
    assert lease_view.epoch == 0
    assert order(lease_view, 110_999) is Order.LEAVE_ALONE
    assert order(lease_view, 111_000) is Order.KILL


def test_when_all_is_down_a_lease_that_is_over_binds_to_nothing():
    ended = settled(read(item(active=ME), item(epoch=2)), 10**9)
    assert (ended.lease_end_ms, order(ended, 10**9)) == (None, Order.STOP)
    forgotten = settled(read(item(active=ME), None), 10**9)
    assert order(forgotten, 10**9) is Order.STOP


def test_when_all_is_down_a_lease_that_is_held_goes_on():
    lease_view = read(item(active=ME))
    assert settled(lease_view, 100_000) == lease_view


def test_a_renewed_lease_lets_the_node_serve_again():
    lease_view = read(
        item(active=ME, mine=node(beat=100_000, heard_at=1)),
        item(active=ME, mine=node(beat=130_000, heard_at=31)),
    )
    assert order(lease_view, 130_500) is Order.SERVE


def test_numbers_may_come_as_decimals():
    view = parse_state(item(terms=terms(kill_limit_s=Decimal("0.5"))))
    assert view.terms.kill_limit_s == 0.5


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"epoch": None}, "epoch is None"),
        ({"epoch": -1}, "outside"),
        ({"nodes": None}, "nodes is None, not a mapping"),
        ({"epoch": 10**9}, "epoch is 1000000000, not a whole number from 0 to 999999999"),
        ({"epoch": 1.5}, "not a whole number"),
        ({"epoch": "Infinity"}, "outside"),
        ({"definition_version": 10**11}, "not a whole number"),
        ({"terms": terms(lease_s=3601)}, "lease_s is 3601.0, outside 0 to 3600"),
        ({"terms": {}}, "heartbeat_interval_s is None"),
    ],
)
def test_a_malformed_item_is_refused_with_what_is_wrong(broken, told):
    with pytest.raises(MalformedStateError, match=told):
        parse_state({**item(), **broken})


# --- what must always hold, for any sequence of reads, lost reads and beats ------------------------

recorded_nodes = st.builds(
    node,
    beat=st.integers(0, 100_000),
    heard_at=st.one_of(st.none(), st.integers(0, 100)),
    boot=st.sampled_from([BOOT, "another-boot", ""]),
)
any_terms = st.builds(
    terms,
    lease_s=st.integers(2, 60),
    kill_limit_s=st.sampled_from([0, 0.5, 1, 2]),
    heartbeat_interval_s=st.sampled_from([1, 4]),
)
reads = st.lists(
    st.one_of(
        st.none(),
        st.builds(
            lambda epoch, active, transition, mine, some: item(
                epoch, active, transition=transition, mine=mine, terms=some
            ),
            st.integers(0, 9),
            st.sampled_from([ME, OTHER, ""]),
            st.booleans(),
            recorded_nodes,
            any_terms,
        ),
    ),
    max_size=12,
)


def renewing(one: dict[str, Any] | None) -> bool:
    if one is None or not one["epoch"] or one.get("active") != ME:
        return False
    mine = one["nodes"][ME]
    return mine["boot"] == BOOT and "heard_at" in mine


@given(reads, st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 200_000), st.integers(0, 60))
def test_a_node_never_serves_past_its_newest_recorded_beat_plus_the_lease(history, down, now_ms, orderly_s):
    lease_view, newest = LeaseView(), None
    for one, all_down in zip(history, down, strict=False):
        if one is None or not 0 < one["epoch"] < lease_view.epoch:  # else it is from an earlier time, and says nothing
            newest = one
        lease_view = read(one, lease_view=lease_view)
        lease_view = settled(lease_view, now_ms) if all_down else lease_view
    if order(lease_view, now_ms, orderly_s) is Order.SERVE:
        assert renewing(newest)
        assert newest is not None
        limits = newest["terms"]
        assert now_ms < newest["nodes"][ME]["beat"] + (limits["lease_s"] - limits["kill_limit_s"]) * 1000


@given(reads, st.integers(0, 200_000))
def test_after_a_read_that_shows_another_active_a_node_never_serves(history, now_ms):
    lease_view = read(*history, item(epoch=10_000, active=OTHER))
    assert order(lease_view, now_ms) in (Order.STOP, Order.KILL)


def test_a_state_of_a_lower_epoch_than_was_read_before_renews_and_grants_nothing():  # B1
    """A table that was restored from an earlier time may still name this node, or another, as active."""
    held = read(item(epoch=5, active=ME, mine=node(beat=1_000, heard_at=1)))
    assert read(item(epoch=4, active=ME, mine=node(beat=9_000, heard_at=9)), lease_view=held) == held
    assert read(item(epoch=4, active=OTHER), lease_view=held) == held


@given(reads, st.integers(0, 100_000), st.integers(0, 60))
def test_without_further_reads_the_order_only_moves_towards_down(history, now_ms, orderly_s):
    lease_view = read(*history)
    towards_down = [Order.SERVE, Order.LEAVE_ALONE, Order.STOP, Order.KILL]
    steps = [towards_down.index(order(lease_view, at, orderly_s)) for at in range(now_ms, now_ms + 70_000, 500)]
    assert steps == sorted(steps)


@given(any_terms, st.integers(0, 100))
def test_one_lost_beat_costs_nothing_when_the_timings_agree(some, orderly_s):
    agreed = TermsView(**some)
    renewed_after_s = 2 * agreed.heartbeat_interval_s + agreed.lease_read_interval_s + 1
    if renewed_after_s > agreed.lease_s - agreed.kill_limit_s:
        return
    view = parse_state(item(active=ME, terms=some, mine=node(beat=0, heard_at=1)))
    assert isinstance(view, StateView)
    lease_view = after_read(LeaseView(), view, Sender(ME, BOOT, ALL_SENT, 10**9))
    assert order(lease_view, int(renewed_after_s * 1000) - 1, orderly_s) is Order.SERVE


# B4
@pytest.mark.parametrize(
    ("lease_view", "all_down", "keeps"),
    [
        (LeaseView(), False, False),
        (LeaseView(), True, True),
        (LeaseView(LeaseAnswer.NOTHING, 0, 20_000), False, True),
        (LeaseView(LeaseAnswer.MINE, 1, 20_000), False, True),
        (LeaseView(LeaseAnswer.NOT_MINE, 1), False, True),
    ],
    ids=["nothing read", "nothing read and nothing runs", "bound by the lease file", "active", "told to stop"],
)
def test_a_node_keeps_a_lease_unless_its_service_runs_and_nothing_read_is_about_it(lease_view, all_down, keeps):
    assert keeps_lease(lease_view, all_down) is keeps


def test_an_item_of_a_newer_format_counts_as_not_read_and_words_more_are_left_aside():  # S17 B3
    """Old agents beside a new controller: what they would misread renews no lease."""
    known = item(3, ME)
    assert parse_state({**known, "v": 1, "colour": "green"}) == parse_state(known)
    with pytest.raises(MalformedStateError, match="v, the format of the item, is 2, and this agent knows up to 1"):
        parse_state({**known, "v": 2})


def test_promises_that_run_when_an_orderly_stop_would_begin_are_renewed_first():  # B11
    """A short promise in hand ends before the lease does, and is asked for again before the stop has to begin."""
    terms = TermsView(heartbeat_interval_s=1, lease_read_interval_s=1, lease_s=7.5, kill_limit_s=0.5, promise_s=4.4)
    lease_alone = LeaseView(LeaseAnswer.MINE, 1, 52_700, terms)
    assert stop_at_ms(lease_alone, 5.0) == 52_200 - 3000
    assert stop_at_ms(replace(lease_alone, promised_until_ms=49_200), 5.0) == 52_200 - 3000
    assert stop_at_ms(replace(lease_alone, promised_until_ms=51_900), 5.0) == 52_200 - 700


# B4 B11
def test_a_lease_binds_what_the_beat_that_renewed_it_has_named_whatever_the_file_says_now():
    found = LeaseView(lease_end_ms=112_000, renewed_by=100_000, services=("data", "db"))

    def read_by_one_that_names_nothing(*, recorded: int) -> LeaseView:
        view = parse_state(item(active=ME, mine=node(beat=recorded, heard_at=1)))
        return after_read(found, view, Sender(ME, BOOT, (104_000,), 105_000, ()))

    assert read_by_one_that_names_nothing(recorded=100_000).services == ("data", "db")
    assert read_by_one_that_names_nothing(recorded=102_000).services == ("data", "db")
    assert read_by_one_that_names_nothing(recorded=104_000).services == ()
