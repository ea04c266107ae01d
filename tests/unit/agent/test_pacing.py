# S11
from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.agent.items import BOOT, ME, OTHER, item, node
from understudy_agent.pacing import (
    Calls,
    Urgency,
    next_beat_ms,
    next_read_ms,
    retry_after_ms,
    silence_of_active,
    urgency_after,
    urgent_beat_due,
)
from understudy_agent.view import StateView, TermsView, parse_state

TERMS = TermsView()


def test_the_first_beat_and_the_first_read_are_due_at_once():
    assert next_beat_ms(Calls(), TERMS, wanted=False) == 0
    assert next_read_ms(Calls(), Calls(), None, TERMS) == 0


def test_beats_keep_their_interval_from_sending_to_sending():
    assert next_beat_ms(Calls(begun_ms=1000, done_ms=2500), TERMS, wanted=False) == 5000


def test_news_does_not_wait_for_the_interval():
    assert next_beat_ms(Calls(begun_ms=1000, done_ms=1100), TERMS, wanted=True) == 1000


def test_a_failed_beat_is_sent_again_soon_and_never_later_than_the_interval():
    waits = [retry_after_ms(failures, 4000) for failures in (1, 2, 3, 4, 50)]
    assert waits == [500, 1000, 2000, 4000, 4000]
    assert next_beat_ms(Calls(begun_ms=1000, done_ms=3000, failures=1), TERMS, wanted=True) == 3500


def test_the_lease_is_read_every_two_seconds_and_soon_after_an_own_beat():
    view = parse_state(item(active=ME))
    reads = Calls(begun_ms=10_000, done_ms=10_050)
    assert next_read_ms(reads, Calls(), view, TERMS) == 12_000
    assert next_read_ms(reads, Calls(begun_ms=10_100, done_ms=10_200), view, TERMS) == 10_500


def test_an_own_beat_calls_for_one_read_only():
    view = parse_state(item(active=ME))
    reads = Calls(begun_ms=10_500, done_ms=10_550)
    assert next_read_ms(reads, Calls(begun_ms=10_100, done_ms=10_200), view, TERMS) == 12_500


# B9
def test_a_periodic_read_that_came_in_time_tells_of_the_beat_as_well():
    view = parse_state(item(active=ME))
    beats = Calls(begun_ms=10_100, done_ms=10_200)
    assert next_read_ms(Calls(begun_ms=10_399, done_ms=10_410), beats, view, TERMS) == 10_500
    assert next_read_ms(Calls(begun_ms=10_400, done_ms=10_410), beats, view, TERMS) == 12_400


# S11 B10
@given(
    begun_ms=st.integers(0, 20_000),
    beats=st.builds(Calls, begun_ms=st.integers(0, 20_000), done_ms=st.integers(0, 20_000), failures=st.integers(0, 2)),
)
def test_whatever_beats_do_no_read_comes_later_than_its_interval(begun_ms, beats):
    for view in (None, parse_state(item(active=ME)), parse_state(item(active="", transition=True))):
        assert next_read_ms(Calls(begun_ms=begun_ms, done_ms=begun_ms), beats, view, TERMS) <= begun_ms + 2000


def test_a_beat_that_failed_calls_for_no_read():
    view = parse_state(item(active=ME))
    failed = Calls(begun_ms=10_100, done_ms=10_200, failures=1)
    assert next_read_ms(Calls(begun_ms=10_000), failed, view, TERMS) == 12_000


def test_the_lease_is_read_often_while_the_active_role_is_moving():
    for moving in (item(active=""), item(active=ME, transition=True)):
        assert next_read_ms(Calls(begun_ms=10_000), Calls(), parse_state(moving), TERMS) == 10_500


def test_failed_reads_are_made_again_soon_and_never_later_than_the_interval():
    assert next_read_ms(Calls(begun_ms=1000, done_ms=3000, failures=1), Calls(), None, TERMS) == 3500
    assert next_read_ms(Calls(begun_ms=1000, failures=9), Calls(), None, TERMS) == 3000


def standby_view(**changes: Any) -> StateView:
    """The own beat at local 100 s was heard at second 1000; the other's newest at second 995: local 95 s."""
    return parse_state(
        item(
            active=changes.pop("active", OTHER),
            mine=node(beat=100_000, heard_at=1000),
            other=node(beat=77, heard_at=995),
            **changes,
        )
    )


def test_the_silence_of_the_active_node_is_told_by_the_own_clock():
    view = standby_view()
    assert silence_of_active(view, ME, BOOT, 108_999) is None
    assert silence_of_active(view, ME, BOOT, 109_000) == (1, OTHER, 77)


def test_nothing_is_said_of_silence_where_nothing_can_be_known():
    for view in (None, standby_view(active=""), standby_view(active="i-0ccc")):
        assert silence_of_active(view, ME, BOOT, 10**9) is None
    assert silence_of_active(standby_view(), ME, "another-boot", 10**9) is None
    assert silence_of_active(standby_view(), "i-0ddd", BOOT, 10**9) is None
    never_heard = parse_state(item(active=OTHER, other=node()))
    assert silence_of_active(never_heard, ME, BOOT, 10**9) is None


def test_the_active_node_is_silent_itself_when_no_newer_beat_of_its_own_is_recorded_for_two_intervals():  # B14
    view = standby_view(active=ME)
    assert silence_of_active(view, ME, BOOT, 107_999) is None
    assert silence_of_active(view, ME, BOOT, 108_000) == (1, ME, 100_000)
    assert silence_of_active(view, ME, "another-boot", 10**9) is None


def test_a_node_beats_twice_a_second_while_the_active_node_is_silent_twenty_times_at_most():
    silence = (1, OTHER, 77)
    urgency = urgency_after(Urgency(), silence)
    assert urgent_beat_due(urgency, silence, Calls(), 50_000)
    assert not urgent_beat_due(urgency, silence, Calls(begun_ms=49_600), 50_000)
    assert urgent_beat_due(urgency, silence, Calls(begun_ms=49_500), 50_000)
    assert not urgent_beat_due(Urgency(silence, sent=20), silence, Calls(), 50_000)
    assert not urgent_beat_due(urgency, None, Calls(), 50_000)


def test_another_silence_is_counted_afresh():
    spent = Urgency((1, OTHER, 77), sent=20)
    assert urgency_after(spent, (1, OTHER, 77)) == spent
    assert urgency_after(spent, None) == spent
    assert urgency_after(spent, (2, OTHER, 77)).sent == 0
