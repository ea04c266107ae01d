"""Days on which AWS was ill: nobody who serves is left, and what the safeguards against that are there for."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.simulation.runs import Series, outcome_of, report
from tests.simulation.weather_scripts import SCRIPTS, draw_weather
from understudy.domain.decide import situation
from understudy.usecases.observe import record_heartbeat
from understudy_agent import pacing

LOSES_WITHOUT_THE_COUNT = 2
LATE_FROM_THE_FIRST_BEAT_ON = 43
DOCUMENT = Path(__file__).resolve().parents[2] / "docs/simulation.md"


# B13 B14 B11
@pytest.mark.parametrize("name", SCRIPTS)
def test_no_weather_fails_over_a_node_that_serves_or_stops_what_is_in_touch(name):
    outcome = outcome_of(draw_weather(name, 1))
    assert outcome.invariant == "", report(outcome)
    assert outcome.story.count(" begins: #") >= 1


def test_beats_of_everybody_that_are_late_for_a_minute_fail_over_none_of_twenty_clusters():  # B14
    series = Series(0, 20, weather="late-for-a-minute")
    assert [each.found for each in map(series.outcome, range(20)) if each.invariant] == []


def _without_urgent_beats_of_the_active_node():
    silence = pacing.silence_of_active

    def of_another(view, me, boot, now_ms):
        return None if view is not None and view.active == me else silence(view, me, boot, now_ms)

    return patch.object(pacing, "silence_of_active", of_another)


def _without_a_count_of_beats():
    parse = record_heartbeat.parse_beat
    return patch.object(record_heartbeat, "parse_beat", lambda *given: replace(parse(*given), accepted=None))


def _without_a_memory():
    return patch.object(situation, "is_late_now", lambda *_: False)


def test_without_a_count_of_beats_a_node_all_of_whose_beats_are_lost_by_chance_is_left():  # B14
    plan = draw_weather("names-unresolved", LOSES_WITHOUT_THE_COUNT)
    with _without_a_count_of_beats():
        assert outcome_of(plan).invariant == "weather_fails_over_nobody_who_serves"
    assert outcome_of(plan).invariant == ""


def test_without_any_safeguard_a_minute_of_late_beats_fails_over_a_node_that_serves():  # B14
    plan = draw_weather("late-for-a-minute", LATE_FROM_THE_FIRST_BEAT_ON)
    with ExitStack() as without:
        for safeguard in (_without_urgent_beats_of_the_active_node, _without_a_count_of_beats, _without_a_memory):
            without.enter_context(safeguard())
        assert outcome_of(plan).invariant == "weather_fails_over_nobody_who_serves"
    assert outcome_of(plan).invariant == ""


def test_every_script_is_in_the_document():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name, script in SCRIPTS.items() if f"| `{name}` | {script.told} |" not in text] == []
