"""When a table may be lifted above a guard, and who counts as the last holder then (B1, B4)."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NOW,
    WITNESS_C,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_transition,
)
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.record import Guard
from understudy.domain.cluster.state import Proof, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.epoch_lift import LIFT_LIMIT, lift_objection, lifted

MOVING = a_moving_state(previous=a_previous(proof=Proof.RELEASED), transition=a_transition(stage=Stage.MOVING))


def guard(epoch=9, node="node-a"):
    return Guard("understudy", "orders-db", epoch, node)


def test_a_guard_of_a_member_within_the_limit_may_be_lifted_above():  # B1
    assert lift_objection(MOVING, a_definition(), guard(MOVING.epoch + LIFT_LIMIT), lifted_before=False) == ""


@pytest.mark.parametrize(
    ("state", "there", "lifted_before", "why"),
    [
        (replace(MOVING, transition=None), guard(), False, "no transition is open"),
        (MOVING, guard(), True, "lifted once already"),
        (MOVING, guard(MOVING.epoch + LIFT_LIMIT + 1), False, "at most 10000 ahead"),
        (MOVING, guard(node="node-x"), False, "names node-x"),
        (MOVING, guard(node="node-c"), False, "names node-c"),
    ],
)
def test_what_keeps_a_table_from_being_lifted_is_named(state, there, lifted_before, why):  # B1
    definition = replace(a_definition(), nodes=(*a_definition().nodes, WITNESS_C))
    assert why in lift_objection(state, definition, there, lifted_before)


def test_the_node_that_the_guard_names_is_the_last_holder_and_nothing_is_proved_against_it():  # B4
    after = lifted(ClusterView(MOVING, a_definition(), NOW + 30), guard(node="node-a"))
    assert (after.epoch, after.active) == (10, None)
    expected = a_previous(renewed_at=NOW + 30, ended_epoch=10, proof=None)
    assert after.previous == expected
    assert (after.transition.stage, after.transition.opened_at, after.transition.begun_at) == (
        Stage.FENCING,
        NOW + 30,
        NOW,
    )
    assert after.transition.deadline_at == NOW + 30 + 90


def test_the_longer_lease_counts():  # B4
    longer = a_definition(policy=Policy(lease_s=20, silence_limit_s=30))
    assert lifted(ClusterView(MOVING, longer, NOW), guard()).previous.lease_s == 20
    assert (
        lifted(
            ClusterView(replace(MOVING, terms=replace(MOVING.terms, lease_s=40)), longer, NOW), guard()
        ).previous.lease_s
        == 40
    )


@pytest.mark.parametrize(
    ("report", "terms", "policy"),
    [
        (a_report(NODE_A, keeps_lease=False), "stop", "stop"),
        (a_report(NODE_A), "keep", "stop"),
        (a_report(NODE_A), "stop", "keep"),
    ],
)
def test_a_holder_whose_lease_may_not_end_by_itself_is_not_proved_off_by_time(report, terms, policy):  # B4
    state = replace(MOVING, nodes={**MOVING.nodes, NODE_A: report}, terms=replace(MOVING.terms, on_isolation=terms))
    after = lifted(ClusterView(state, a_definition(policy=Policy(on_isolation=policy)), NOW), guard())
    assert after.previous.keeps_lease is False


def test_a_member_that_the_state_does_not_know_is_not_proved_off_by_time():  # B4
    state = replace(MOVING, nodes={NODE_B: MOVING.nodes[NODE_B]})
    assert lifted(ClusterView(state, a_definition(), NOW), guard()).previous.keeps_lease is False


def test_a_target_that_the_guard_names_goes_on_where_it_was():  # B1
    after = lifted(ClusterView(MOVING, a_definition(), NOW + 5), guard(node="node-b"))
    assert (after.epoch, after.previous, after.transition.stage) == (10, MOVING.previous, Stage.MOVING)
    assert after.transition.deadline_at > NOW + 5
