"""What stands in the state from one judgement to the next, and what of it is over."""

from dataclasses import replace

import pytest

from tests.support.builders import NOW, a_definition, a_failed_start, a_report, a_state, an_off_report
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.upkeep import Upkeep, kept_up

DOUBT = Doubt(NOW - 30, NOW + 570)


# B15
@pytest.mark.parametrize(
    ("active", "doubt"),
    [
        (a_report(heard_at=NOW - 15), DOUBT),
        (a_report(heard_at=NOW - 14), None),
        (an_off_report(), None),
    ],
    ids=["silent", "heard again", "off by EC2's word"],
)
def test_a_silence_is_doubted_for_as_long_as_it_lasts_and_no_longer(active, doubt):
    state = a_state(node_a=active, doubt=DOUBT)
    assert kept_up(ClusterView(state, a_definition(), NOW), Upkeep()).doubt == doubt


def test_where_nobody_is_active_no_silence_is_doubted():  # B15
    state = a_state(active=None, doubt=DOUBT)
    assert kept_up(ClusterView(state, a_definition(), NOW), Upkeep()).doubt is None


def test_what_a_survey_has_found_takes_the_place_of_what_stood_there():  # B6 B20
    state = a_state(preferred_since=NOW - 60, failed_starts=a_failed_start())
    view = ClusterView(state, a_definition(), NOW)
    assert kept_up(view, Upkeep()) == replace(state, preferred_since=None, failed_starts={})
    assert kept_up(view, Upkeep(NOW - 60, a_failed_start())) == state
