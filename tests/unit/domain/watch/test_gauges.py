"""What ails a cluster although nothing happens (B8)."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    NODE_B,
    NOW,
    a_definition,
    a_failed_start,
    a_moving_state,
    a_report,
    a_state,
    a_transition,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import ApprovalPolicy, Policy
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer
from understudy.domain.watch.gauges import HELD_LIMIT_S, HealthGauge, health_gauges

LONE = a_report(NODE_B, heard_at=NOW - 60)
OWED = Address(AddressStatus.OWED, 1, retry_at=NOW + 600)


def found(**changes):
    return health_gauges(ClusterView(a_state(**changes), a_definition(), NOW), Observer.TRUSTED)


def test_a_cluster_in_service_with_a_standby_has_nothing():
    assert found() == frozenset()


def test_a_silent_standby_ails_before_it_is_needed():
    assert found(node_b=LONE) == {HealthGauge.WITHOUT_STANDBY}


def test_a_standby_on_which_the_service_did_not_start_is_none():  # B20
    assert found(failed_starts=a_failed_start()) == {HealthGauge.WITHOUT_STANDBY}


def test_a_cluster_that_is_worked_on_is_not_told_of_for_its_standby():  # B6
    assert found(node_b=LONE, hold=Hold(NOW - 60)) == frozenset()


def test_a_transition_under_way_has_taken_the_standby():
    moving = a_moving_state(node_a=a_report(heard_at=NOW - 60), address=OWED)
    assert health_gauges(ClusterView(moving, a_definition(), NOW), Observer.TRUSTED) == frozenset()


def test_a_cluster_that_needs_a_person_is_degraded():
    assert found(node_a=a_report(heard_at=NOW - 60), node_b=LONE) == {HealthGauge.WITHOUT_STANDBY, HealthGauge.DEGRADED}


def test_an_owed_address_degrades_although_the_service_runs():  # B2
    assert found(address=OWED) == {HealthGauge.DEGRADED}


@pytest.mark.parametrize(
    ("age_s", "expected"), [(HELD_LIMIT_S, set()), (HELD_LIMIT_S + 1, {HealthGauge.HELD_TOO_LONG})]
)
def test_a_hold_is_forgotten_after_a_day(age_s, expected):  # B6
    assert found(hold=Hold(NOW - age_s)) == expected


def test_a_hold_that_is_over_holds_no_more():
    assert found(hold=Hold(NOW - 90_000, until=NOW - 1)) == frozenset()


def test_a_transition_past_its_deadline_is_overdue():
    late = a_moving_state(transition=a_transition(deadline_at=NOW))
    assert HealthGauge.OVERDUE in health_gauges(ClusterView(late, a_definition(), NOW), Observer.TRUSTED)


ASKED = Question("failover", "orders-db-epoch2-1", NOW - 5, NOW + 295)


@pytest.mark.parametrize(
    ("question", "actions", "expected"),
    [
        (ASKED, (TransitionAction.FAILOVER,), {HealthGauge.DEGRADED}),
        (replace(ASKED, is_no=True), (TransitionAction.FAILOVER,), {HealthGauge.DEGRADED}),
        (replace(ASKED, action="switchover"), (TransitionAction.SWITCHOVER,), set()),
        (ASKED, (), set()),
        (None, (TransitionAction.FAILOVER,), set()),
    ],
    ids=["asked", "denied", "another-move", "policy-wants-none", "not-asked-yet"],
)
def test_a_failover_that_waits_for_a_person_degrades(question, actions, expected):  # B4 B8
    state = a_state(node_a=a_report(heard_at=NOW - 60), approval=question)
    policy = Policy(approval=ApprovalPolicy(actions, 300))
    assert health_gauges(ClusterView(state, a_definition(policy=policy), NOW), Observer.TRUSTED) == expected


@pytest.mark.parametrize(
    ("doubt", "expected"),
    [(Doubt(NOW, NOW + 60), {HealthGauge.DOUBTED}), (Doubt(NOW, NOW + 60, is_due=True), set()), (None, set())],
)
def test_a_failover_that_is_put_off_because_many_are_silent_is_counted(doubt, expected):  # B15 B8
    state = a_state(node_a=a_report(heard_at=NOW - 60), doubt=doubt)
    assert health_gauges(ClusterView(state, a_definition(), NOW), Observer.TRUSTED) == expected
