"""How an outage is divided into phases."""

from bench import live

MARKS = dict(zip(live.PHASES, (12.0, 12.5, 12.75, 12.75, 13.0, 13.0, 13.5, 14.0, 14.25), strict=True))


def test_the_phases_are_from_mark_to_mark_and_add_up_to_the_outage():
    phases = live.split(2.0, MARKS)
    assert phases["detection_limit"] == 10.0
    assert phases["lease_read"] == 0.5
    assert sum(phases.values()) == 12.25


def test_a_client_that_is_answered_before_the_agent_has_looked_ends_the_outage():
    phases = live.split(2.0, MARKS | {"client": 13.75})
    assert (phases["service_start"], phases["client"]) == (0.25, 0.0)


def test_a_mark_that_came_before_the_one_in_front_takes_no_time():
    phases = live.split(2.0, MARKS | {"noticed": 11.0})
    assert (phases["noticed"], phases["opened"]) == (0.0, 0.75)


def test_what_was_reached_is_told_in_seconds_after_the_last_answer_and_what_was_not_is_left_out():
    reached = live.reached(2.0, MARKS, {"in_sync_at": 32.5})
    assert (reached["noticed"], reached["in_service"], reached["in_sync"]) == (10.5, 12.0, 30.5)
    assert "in_sync" not in live.reached(2.0, MARKS, {})
    assert list(reached) == list(live.EVENTS)
