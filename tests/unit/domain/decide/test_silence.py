"""The table of what is believed when many are silent, held against the whole product of its answers."""

from itertools import product
from typing import Any

import pytest

from tests.support.builders import NOW, a_state
from tests.unit.domain.decide.test_rules import WORLD
from understudy.domain.cluster.doubt import ASKED_AGAIN_S, Doubt, doubted
from understudy.domain.decide.rules import ON_SILENCE, RULES, Action, decide
from understudy.domain.decide.silence import (
    COLUMNS,
    Evidence,
    Fleet,
    Line,
    Pace,
    Share,
    SilenceVerdict,
    Turn,
    ZoneWord,
    depends_on,
    is_put_off,
    weigh,
)
from understudy.domain.decide.silence import RULES as SILENCE_RULES
from understudy.domain.decide.situation import Holder

VALUES: Any = list(COLUMNS.values())
EVIDENCE = [Evidence(*values) for values in product(*VALUES)]
RANDOM = Evidence(Fleet.LARGE, line=Line.ACROSS, share=Share.BEYOND)


def verdicts_where(**values: Any) -> set[SilenceVerdict]:
    found = {
        weigh(each).verdict for each in EVIDENCE if all(getattr(each, key) is value for key, value in values.items())
    }
    assert found
    return found


def test_the_columns_of_the_table_are_the_questions_of_the_evidence():
    assert list(COLUMNS) == list(Evidence.__dataclass_fields__)


def test_exactly_one_rule_fits_whatever_the_answers_are():  # B15 B5
    assert len(EVIDENCE) == 2 * 2 * 2 * 3 * 2 * 2
    for evidence in EVIDENCE:
        assert len([rule.name for rule in SILENCE_RULES if rule.fits(evidence)]) == 1, evidence


def test_every_rule_is_reached_and_has_a_name_of_its_own():  # B15
    assert sorted({weigh(each).rule for each in EVIDENCE}) == sorted(rule.name for rule in SILENCE_RULES)


def test_a_small_fleet_doubts_nothing():  # B15
    assert verdicts_where(fleet=Fleet.SMALL) == {SilenceVerdict.BELIEVE}


def test_silence_along_a_zone_or_subnet_is_believed_however_many_are_silent():  # B15 B12
    assert verdicts_where(line=Line.ALONG) == {SilenceVerdict.BELIEVE}


def test_a_zone_that_aws_shifts_away_from_is_believed_to_be_silent():  # B15
    assert verdicts_where(word=ZoneWord.IMPAIRED) == {SilenceVerdict.BELIEVE}


def test_silence_of_many_across_zones_is_doubted_until_its_turn_has_come():  # B15
    across: dict[str, Any] = {"fleet": Fleet.LARGE, "word": ZoneWord.UNSAID, "line": Line.ACROSS, "share": Share.BEYOND}
    assert verdicts_where(turn=Turn.NOT_DUE, **across) == {SilenceVerdict.DOUBT}
    assert verdicts_where(turn=Turn.DUE, **across) == {SilenceVerdict.BELIEVE}


def test_an_unknown_zone_follows_no_line_and_is_no_reason_to_doubt():  # B15 B3
    assert weigh(Evidence(Fleet.LARGE, line=Line.UNTOLD)).rule == "few-are-silent"
    assert weigh(Evidence(Fleet.LARGE, line=Line.UNTOLD, pace=Pace.BEYOND)).rule == "too-many-in-a-minute"


def test_what_cannot_change_the_answer_is_not_asked():  # B15 B9
    assert not depends_on(Evidence(Fleet.SMALL), "turn", "word", "line", "share", "pace")
    assert not depends_on(Evidence(Fleet.LARGE, Turn.DUE), "word", "line", "share", "pace")
    assert not depends_on(RANDOM, "pace")
    assert depends_on(Evidence(Fleet.LARGE), "line")
    assert depends_on(Evidence(Fleet.LARGE, line=Line.ACROSS), "pace")


def test_only_rules_that_rest_on_silence_alone_can_be_put_off():  # B15
    """Not EC2's word, not a node's own, and never what has begun: there nobody holds the lease."""
    assert {"active-is-silent", "overdue-and-active-is-silent"} == ON_SILENCE
    for situation in WORLD:
        if decide(situation).rule in ON_SILENCE:
            assert situation.holder is Holder.SILENT
    moving = {rule.name for rule in RULES if rule.action is Action.FAIL_OVER} - ON_SILENCE
    assert moving == {"active-is-gone", "active-has-failed", "overdue-and-unproven", "overdue-and-active-is-gone"}


@pytest.mark.parametrize(
    ("rule", "doubt", "expected"),
    [
        ("active-is-silent", None, False),
        ("active-is-silent", Doubt(NOW - 60, NOW + 1), True),
        ("overdue-and-active-is-silent", Doubt(NOW - 60, NOW + 1), True),
        ("active-is-silent", Doubt(NOW - 60, NOW), False),
        ("active-is-silent", Doubt(NOW - 60, NOW + 1, is_due=True), False),
        ("active-is-gone", Doubt(NOW - 60, NOW + 1), False),
        ("active-has-failed", Doubt(NOW - 60, NOW + 1), False),
    ],
)
def test_a_doubt_keeps_off_what_rests_on_silence_until_its_turn_or_its_end(rule, doubt, expected):  # B15
    assert is_put_off(rule, a_state(doubt=doubt), NOW) is expected


def test_a_move_that_is_put_off_again_keeps_its_age():  # B15
    first = doubted(None, NOW)
    assert first == Doubt(NOW, NOW + ASKED_AGAIN_S)
    assert doubted(first, NOW + 700) == Doubt(NOW, NOW + 700 + ASKED_AGAIN_S)
