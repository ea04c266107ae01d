"""The waits of one execution: deadlines follow the tunables, and the workflow's own end is never met in a wait."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import NOW, a_moving_state, a_state, a_transition
from understudy.domain.cluster.intervals import LONGEST_REPAIR_GAP_S, change_gap_s, record_gap_s, repair_gap_s
from understudy.domain.cluster.policy import ApprovalPolicy, Fencing, Policy
from understudy.domain.cluster.state import Stage, TransitionAction
from understudy.domain.cluster.tuning import LIMITS, Tuning
from understudy.domain.transition.limits import (
    EXECUTION_LIMIT_S,
    exceeding_execution_limit,
    has_time_to_wait,
    kept_open,
)
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S

LONGEST = Policy(fencing=Fencing(limit_s=600), service_start_limit_s=900)
"""What a definition may set at most."""


def test_the_limit_is_the_one_of_the_workflow():
    assert json.loads(Path("statemachine/transition.asl.json").read_text())["TimeoutSeconds"] == EXECUTION_LIMIT_S


def test_a_wait_that_grew_moves_the_deadline_and_one_that_fits_does_not():  # S8
    state = a_moving_state(transition=a_transition(stage=Stage.CONFIRMING, deadline_at=NOW + 100))
    assert kept_open(state, 100 - TRY_LIMIT_S - STAGE_SLACK_S, NOW) is state
    grown = kept_open(state, 300, NOW).transition
    assert grown == replace(state.transition, deadline_at=NOW + 300 + TRY_LIMIT_S + STAGE_SLACK_S)
    assert kept_open(a_state(), 300, NOW) == a_state()


@pytest.mark.parametrize(("stage", "most_s"), [(Stage.CONFIRMING, 30), (Stage.MOVING, 120 + TRY_LIMIT_S + 4 * 30)])
def test_the_last_wait_leaves_time_for_all_that_follows(stage, most_s):  # S6 S7
    transition = a_transition(stage=stage, opened_at=NOW)
    last = EXECUTION_LIMIT_S - STAGE_SLACK_S - TRY_LIMIT_S - most_s
    assert has_time_to_wait(transition, Policy(), 0, NOW + last)
    assert not has_time_to_wait(transition, Policy(), 1, NOW + last)
    began_earlier = replace(transition, opened_at=NOW + 500, begun_at=NOW)
    assert not has_time_to_wait(began_earlier, Policy(), 1, NOW + last)
    assert has_time_to_wait(None, Policy(), 10**6, NOW)


INTERVALS, COUNTS = st.integers(1, 300), st.integers(1, 100)


@settings(max_examples=200, deadline=None)
@given(
    record=st.tuples(INTERVALS, COUNTS),
    change=st.tuples(INTERVALS, COUNTS),
    policy=st.sampled_from([Policy(), LONGEST]),
    try_s=st.integers(0, TRY_LIMIT_S),
)
def test_whatever_is_set_together_an_execution_ends_by_itself(record, change, policy, try_s):  # S6 S7 S8
    """Each put alone may be allowed. All limits are used up to the last second, and every try at Route 53 fails."""
    tuning = Tuning(
        ROUTE53_RECORD_INTERVAL=record[0],
        ROUTE53_RECORD_TRY_COUNT=record[1],
        ROUTE53_CHANGEID_INTERVAL=change[0],
        ROUTE53_CHANGEID_TRY_COUNT=change[1],
    )
    now = NOW + STAGE_SLACK_S + policy.fencing.limit_s  # the execution began a slack before it opened anything
    opened_at = NOW + STAGE_SLACK_S
    for stage, gap in ((Stage.MOVING, record_gap_s), (Stage.CONFIRMING, change_gap_s)):
        transition, attempt = a_transition(stage=stage, opened_at=opened_at), 0
        while True:
            now += try_s
            wait_s = gap(tuning, attempt)
            if wait_s is None or not has_time_to_wait(transition, policy, wait_s, int(now)):
                break
            now, attempt = now + wait_s, attempt + 1
        now += policy.service_start_limit_s + STAGE_SLACK_S if stage is Stage.MOVING else 0
    assert now + STAGE_SLACK_S <= NOW + EXECUTION_LIMIT_S


def test_without_that_look_at_the_time_an_execution_would_be_cut_off():
    """The longest that can be set: hours, where the workflow has 45 minutes."""
    tuning = Tuning(**{key: most for key, (_, most) in LIMITS.items()})
    assert sum(filter(None, (change_gap_s(tuning, attempt) for attempt in range(120)))) > 10 * EXECUTION_LIMIT_S


def test_every_policy_and_every_interval_fits_with_the_usual_rest():  # S8
    assert exceeding_execution_limit(LONGEST, Tuning()) == []
    for key, (_, most) in LIMITS.items():
        if key.endswith("_INTERVAL"):
            assert exceeding_execution_limit(Policy(), Tuning(**{key: most})) == []


def test_waits_that_are_too_long_together_are_refused_with_every_number():  # S8
    tuning = Tuning(ROUTE53_CHANGEID_INTERVAL=300, ROUTE53_CHANGEID_TRY_COUNT=7)
    (fault,) = exceeding_execution_limit(Policy(), tuning)
    for key in ("RECORD_INTERVAL", "RECORD_TRY_COUNT", "CHANGEID_INTERVAL", "CHANGEID_TRY_COUNT"):
        assert f"ROUTE53_{key} {asdict(tuning)[f'ROUTE53_{key}']}" in fault
    assert "fencing.limit_s 60" in fault
    assert "service_start_limit_s 120" in fault
    parts = [int(found) for found in re.findall(r"(\d+) s (?:between|for)", fault)]
    (total,) = re.findall(r"is (\d+) s; allowed: 2700 s", fault)
    assert sum(parts) + 60 + 120 == int(total)


# B4
def test_a_wait_for_a_person_counts_in_and_is_refused_with_its_number_when_it_does_not_fit():
    asking = ApprovalPolicy((TransitionAction.FAILOVER,), 1500)
    assert exceeding_execution_limit(Policy(approval=asking), Tuning()) == []
    (fault,) = exceeding_execution_limit(replace(LONGEST, approval=asking), Tuning())
    assert fault.startswith("approval.wait_s 1500 + ")
    (total,) = re.findall(r"is (\d+) s; allowed: 2700 s", fault)
    assert int(total) > EXECUTION_LIMIT_S
    assert exceeding_execution_limit(replace(LONGEST, approval=ApprovalPolicy((), 1500)), Tuning()) == []


# B4
def test_an_execution_that_has_waited_for_a_person_has_less_time_for_route_53():
    transition = a_transition(stage=Stage.CONFIRMING, opened_at=NOW, begun_at=NOW - 1500)
    last = EXECUTION_LIMIT_S - 1500 - STAGE_SLACK_S - TRY_LIMIT_S - 30
    assert has_time_to_wait(transition, Policy(), 0, NOW + last)
    assert not has_time_to_wait(transition, Policy(), 0, NOW + last + 1)


def test_the_gap_before_a_repair_is_never_longer_than_its_limit():  # S6
    assert [repair_gap_s(failures, may_pass=False) for failures in (1, 2, 5, 1000)] == [
        60,
        120,
        LONGEST_REPAIR_GAP_S,
        900,
    ]
