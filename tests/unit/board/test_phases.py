"""Where the time of a transition went."""

import re

from tests.support.boards import a_history
from tests.support.builders import NOW
from understudy.board.bar import WIDTH, bar
from understudy.board.phases import move_view, phases_of


def named(phases):
    return {phase.name: round(phase.seconds, 3) for phase in phases}


def test_each_phase_ends_with_a_time_of_the_history():  # S18 B5
    move = move_view(7, a_history(NOW - 60), NOW, is_open=False)
    assert named(move.phases) == {
        "opened": 0.4,
        "fenced": 0.5,
        "address accepted": 0.4,
        "lease granted": 0.3,
        "in service": 2.5,
    }
    assert round(move.seconds, 3) == 4.1, "what clients waited for; the rest came afterwards"
    assert [(name, round(after, 1)) for name, after in move.afterwards] == [("closed", 5.2), ("in sync", 34.0)]
    assert (move.epoch, move.ago_s, move.outcome) == (7, 60, "IN_SERVICE")


def test_an_open_transition_says_what_it_waits_for_and_how_long_already():  # S18 B2
    phases = phases_of({"noticed_at": NOW - 6, "opened_at": NOW - 5}, NOW, is_open=True)
    assert named(phases) == {"opened": 1, "not yet fenced": 5}


def test_a_transition_that_is_in_service_and_not_closed_yet_waits_for_nothing_that_clients_see():
    stages = {f"{name}_at": NOW - 3 for name in ("noticed", "opened", "fenced", "accepted", "granted", "in_service")}
    assert "not yet" not in str(phases_of(stages, NOW, is_open=True))


def test_times_that_came_out_of_order_make_no_phase_shorter_than_nothing():
    """An address that was owed is accepted long after the service was in service."""
    stages = {"opened_at": 0, "fenced_at": 1, "accepted_at": 90, "granted_at": 3, "in_service_at": 5, "noticed_at": -1}
    phases = phases_of(stages, NOW, is_open=False)
    assert [phase.name for phase in phases] == ["opened", "fenced", "lease granted", "in service", "address accepted"]
    assert sum(phase.seconds for phase in phases) == 91


def test_a_history_without_times_has_no_bar():
    move = move_view(7, {"action": "failover"}, NOW, is_open=False)
    assert (move.phases, move.ago_s, bar(move)) == ((), None, "")


def test_the_bar_is_as_wide_as_its_phases_together():  # S18

    drawn = bar(move_view(7, a_history(NOW - 60), NOW, is_open=False))
    widths = [float(each) for each in re.findall(r' width="([\d.]+)" height', drawn)]
    assert len(widths) == 5
    assert abs(sum(widths) - WIDTH) < 1
    assert round(widths[-1] / WIDTH, 2) == round(2.5 / 4.1, 2)


def test_a_transition_of_no_length_divides_by_nothing():
    stages = {"noticed_at": NOW, "opened_at": NOW}
    assert "0.0 s" in bar(move_view(7, {"stages": stages}, NOW, is_open=False))
