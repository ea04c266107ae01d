"""Whether a transition that was asked for is opened, and on which node."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    CLUSTER,
    EXECUTION,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ClusterState, NodeReport, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.opening import (
    AlreadyOpen,
    Exhausted,
    Opening,
    Refused,
    StoodDown,
    rule_on_next,
    rule_on_request,
)

FAILOVER, SWITCHOVER = TransitionAction.FAILOVER, TransitionAction.SWITCHOVER
SILENT = a_report(heard_at=NOW - 15)


def asked(state: Any, definition: Any = None, execution: str = EXECUTION, **request: Any) -> Any:
    return rule_on_request(
        Request(CLUSTER, **request), execution, ClusterView(state, definition or a_definition(3), NOW)
    )


def next_after(state: Any, failed_epoch: int = 2, execution: str = EXECUTION) -> Any:
    return rule_on_next(failed_epoch, execution, ClusterView(state, a_definition(3), NOW))


# What the controller asks for.


def test_a_cause_that_still_holds_is_opened_under_the_rule_that_holds_now():  # B5
    ruling = asked(a_state(3, node_a=an_off_report()), action=FAILOVER, rule="active-is-silent")
    assert ruling == Opening(
        FAILOVER,
        NODE_B,
        "active-is-gone",
        "EC2 says that the active node is off or going off, and another node is fit",
        spends_budget=True,
    )


def test_a_cause_that_went_away_is_stood_down_from():  # B3
    ruling = asked(a_state(3), action=FAILOVER, rule="active-is-silent")
    assert ruling == StoodDown(
        "active-is-silent no longer holds; now active-is-ready: the active node is heard and well, and nothing is due"
    )


def test_a_cause_that_became_another_is_stood_down_from():
    state = a_state(3, address=Address(AddressStatus.OWED, 1))
    assert isinstance(asked(state, action=FAILOVER, rule="active-is-silent"), StoodDown)


def test_a_second_request_for_the_same_cause_is_stood_down_from():
    state = a_moving_state(3, node_a=SILENT)
    assert isinstance(asked(state, execution="another", action=FAILOVER, rule="active-is-silent"), StoodDown)


def test_a_spent_budget_is_looked_at_again():  # B6
    state = a_state(3, node_a=SILENT, failover_times=(NOW,))
    definition = a_definition(3, policy=Policy(max_failovers=FailoverBudget(count=1)))
    ruling = asked(state, definition, action=FAILOVER, rule="active-is-silent")
    assert isinstance(ruling, StoodDown)
    assert "failover-budget-is-spent" in ruling.why


@pytest.mark.parametrize(
    ("state", "action", "target"),
    [
        (a_state(3, active=None), TransitionAction.PLACE, NODE_A),
        (a_state(3, address=Address(AddressStatus.OWED, 1)), TransitionAction.REPAIR, NODE_A),
    ],
)
def test_placing_and_repairing_spend_no_budget(state, action, target):
    ruling = asked(state, action=action, rule="whatever")
    assert isinstance(ruling, Opening)
    assert (ruling.action, ruling.target, ruling.spends_budget) == (action, target, False)


def test_an_execution_that_was_cut_off_finds_its_own_transition_open():
    state = a_moving_state(3)
    assert asked(state, action=FAILOVER, rule="active-is-silent") == AlreadyOpen()
    assert asked(state) == AlreadyOpen()


def test_fencing_that_goes_on_under_a_new_epoch_spends_no_second_failover():  # B6
    state = a_moving_state(3, node_a=SILENT, transition=a_transition(execution="dead", deadline_at=NOW))
    state = replace(state, previous=a_previous(keeps_lease=False))
    ruling = asked(state, action=FAILOVER, rule="overdue-and-unproven")
    assert isinstance(ruling, Opening)
    assert (ruling.rule, ruling.spends_budget) == ("overdue-and-unproven", False)


def test_a_held_cluster_stands_down_from_what_it_asked_for_itself():  # B6
    ruling = asked(a_state(3, node_a=SILENT, hold=Hold(NOW)), action=FAILOVER, rule="active-is-silent")
    assert isinstance(ruling, StoodDown)
    assert "held-and-not-served" in ruling.why


def test_a_held_cluster_does_what_an_operator_asks_for():  # B6
    assert isinstance(asked(a_state(3, hold=Hold(NOW))), Opening)


def test_going_back_by_itself_is_a_failback_that_spends_the_budget():  # B6
    definition = a_definition(3, policy=Policy(failback=FailbackPolicy("automatic")))
    state = a_state(
        3,
        active=NODE_B,
        node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE),
        node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE),
        preferred_since=NOW - 600,
    )
    ruling = asked(state, definition, action=TransitionAction.FAILBACK, rule="preferred-node-is-stable")
    assert isinstance(ruling, Opening)
    assert (ruling.action, ruling.target, ruling.spends_budget) == (TransitionAction.FAILBACK, NODE_A, True)


# What an operator asks for.


def test_an_operator_who_answers_for_the_old_node_is_quoted_and_the_next_try_remembers():  # B4
    ruling = asked(a_state(3), action=FAILOVER, may_go_unproven=True, reason="gone for good")
    assert isinstance(ruling, Opening)
    assert ruling.may_go_unproven
    assert "gone for good; they asked to go on without a proof" in ruling.why
    next_try = next_after(a_failed_start(transition=a_transition(may_go_unproven=True)))
    assert isinstance(next_try, Opening)
    assert next_try.may_go_unproven


def test_a_plain_request_switches_over_to_the_best_candidate():  # S10
    assert asked(a_state(3)) == Opening(
        SWITCHOVER, NODE_B, "operator-asked", "an operator asked for a switchover", spends_budget=False
    )


def test_the_named_node_and_the_reason_are_taken_over():  # S10
    ruling = asked(a_state(3), to="node-c", reason="patching", action=FAILOVER)
    assert ruling == Opening(FAILOVER, NODE_C, "operator-asked", "an operator asked for a failover: patching")


def test_a_failback_goes_to_the_node_of_the_best_priority():  # B6
    serving_c = a_state(3, active=NODE_C, node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE))
    ruling = asked(serving_c, action=TransitionAction.FAILBACK)
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_A


@pytest.mark.parametrize(
    ("state", "request_", "words"),
    [
        (a_state(3), {"to": "node-x"}, ["'node-x'", "no node of orders-db", "node-a, node-b, node-c"]),
        (a_state(3), {"to": "node-a"}, ["node-a is in service already", "another of node-a, node-b, node-c"]),
        (a_state(3), {"action": TransitionAction.FAILBACK}, ["node-a is in service already"]),
        (a_state(3, node_b=an_off_report(NODE_B)), {"to": "node-b"}, ["node-b is GONE, not READY"]),
        (
            a_state(2, node_b=NodeReport("node-b")),
            {},
            ["no node of orders-db is fit", "node-a is READY", "node-b is UNKNOWN", "node-c is UNKNOWN"],
        ),
        (
            a_moving_state(3, transition=a_transition(execution="another")),
            {},
            ["a failover to node-b is under way", "epoch 2, FENCING", "wait until it has ended"],
        ),
    ],
)
def test_what_is_in_the_way_of_an_operator_is_named(state, request_, words):  # S10
    ruling = asked(state, **request_)
    assert isinstance(ruling, Refused)
    assert [word for word in words if word not in ruling.why] == []


@pytest.mark.parametrize(
    "transition",
    [
        a_transition(execution="another", deadline_at=NOW),
        a_transition(execution="another", stage=Stage.CONFIRMING),
    ],
)
def test_an_operator_need_not_wait_for_a_dead_transition_or_a_confirmation(transition):
    assert isinstance(asked(a_moving_state(3, transition=transition), to="node-b"), Opening)


def test_an_operator_may_give_the_lease_back_to_the_node_that_served_last():
    ruling = asked(a_moving_state(3, transition=None), to="node-a")
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_A


# The service did not start.


def a_failed_start(**changes: Any) -> ClusterState:
    """node-b got the lease of epoch 2, and its service failed to start."""
    usual: Any = {"active": NODE_B, "previous": None, "node_b": a_report(NODE_B, service=ServiceStatus.FAILED)}
    state = a_moving_state(3, **{**usual, **changes})
    assert state.transition is not None
    return replace(state, transition=replace(state.transition, stage=Stage.STARTING))


def test_a_service_that_does_not_start_is_tried_on_the_next_node():
    assert next_after(a_failed_start(node_a=an_off_report())) == Opening(
        FAILOVER,
        NODE_C,
        "service-did-not-start",
        "the service did not start on node-b: node-c is next",
        tried=(NODE_B,),
    )


def test_a_switchover_goes_back_to_where_it_came_from():
    ruling = next_after(a_failed_start(transition=a_transition(action=SWITCHOVER, source=NODE_C)))
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_C


def test_a_failover_does_not_prefer_the_node_that_it_left():
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    state = a_failed_start(transition=a_transition(source=NODE_C), node_a=down)
    ruling = next_after(state)
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_A  # by priority


@pytest.mark.parametrize("source", [NODE_A, None])
def test_a_switchover_whose_source_is_not_fit_goes_on_by_priority(source):
    state = a_failed_start(
        transition=a_transition(action=SWITCHOVER, source=source), node_a=a_report(service=ServiceStatus.FAILED)
    )
    ruling = next_after(state)
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_C


def test_every_node_is_tried_once():
    state = a_failed_start(transition=a_transition(tried=(NODE_A, NODE_C)))
    assert next_after(state) == Exhausted(
        "the service did not start on node-a, node-c, node-b, and no other node is fit"
    )


def test_a_next_try_that_was_cut_off_is_open_already():
    assert next_after(a_failed_start(epoch=3), failed_epoch=2) == AlreadyOpen()


@pytest.mark.parametrize("transition", [None, a_transition(execution="somebody newer")])
def test_a_next_try_of_a_superseded_execution_is_stood_down_from(transition):  # B1
    state = replace(a_failed_start(epoch=3), transition=transition)
    assert next_after(state) == StoodDown("epoch 2 has been superseded by epoch 3")
