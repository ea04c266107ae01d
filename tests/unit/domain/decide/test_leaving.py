"""AWS is about to take a node away (B17): the service leaves it in good order, and goes to nobody who goes as well."""

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
    a_failed_start,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.advise.explain import explain
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Fencing, Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import KEEP, ClusterState, Proof, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.leaving import SUCCESSOR_S, departure_words
from understudy.domain.decide.letting_go import keeps_waiting
from understudy.domain.decide.rules import Action, Decision, decide
from understudy.domain.decide.situation import Observer, fit_candidates, survey
from understudy.domain.observe.signal import MalformedSignalError, read_lifecycle_action
from understudy.domain.transition.opening import Opening, Refused, rule_on_request

GROUP = Departure(Cause.AUTO_SCALING, NOW - 5, "orders-db-a", "understudy-ha")
SPOT = Departure(Cause.SPOT, NOW - 5)
REBALANCE = Departure(Cause.REBALANCE, NOW - 5)
OF_ALL = [GROUP, SPOT, REBALANCE]


def going(node: str, departure: Departure, **changes: Any) -> Any:
    report = a_report(node)
    return replace(report, departure=departure, departure_boot=report.boot, **changes)


def decided(state: ClusterState, observer: Observer = Observer.TRUSTED, **definition: Any) -> Decision:
    return decide(survey(ClusterView(state, a_definition(**definition), NOW), observer))


@pytest.mark.parametrize("departure", OF_ALL, ids=lambda each: each.cause)
def test_a_service_that_is_well_leaves_a_node_that_goes_by_an_orderly_switchover(departure):
    state = a_state(node_a=going(NODE_A, departure))
    assert decided(a_state()).action is Action.WAIT
    found = decided(state)
    assert (found.rule, found.action) == ("active-is-to-go", Action.SWITCH_OVER)
    assert survey(ClusterView(state, a_definition(), NOW), Observer.TRUSTED).target == NODE_B


def test_the_workflow_opens_it_as_a_switchover_that_spends_no_failover():
    state = a_state(node_a=going(NODE_A, SPOT), failover_times=(NOW - 60, NOW - 30))
    request = Request(CLUSTER, TransitionAction.SWITCHOVER, rule="active-is-to-go", epoch=2)
    definition = a_definition(policy=Policy(max_failovers=FailoverBudget(count=2, window_s=3600)))
    ruling = rule_on_request(request, EXECUTION, ClusterView(state, definition, NOW))
    assert isinstance(ruling, Opening)
    assert (ruling.action, ruling.target, ruling.spends_budget) == (TransitionAction.SWITCHOVER, NODE_B, False)


def test_a_node_that_goes_is_the_last_choice_of_a_failover_and_none_of_a_switchover():
    gone = an_off_report(NODE_A)
    state = a_state(3, node_a=gone, node_b=going(NODE_B, GROUP))
    definition = a_definition(3)
    assert fit_candidates(ClusterView(state, definition, NOW)) == (NODE_C, NODE_B)
    alone = a_state(node_a=gone, node_b=going(NODE_B, GROUP))
    assert decided(alone).action is Action.FAIL_OVER
    both = a_state(node_a=going(NODE_A, REBALANCE), node_b=going(NODE_B, REBALANCE))
    assert decided(both).action is Action.WAIT


def test_a_node_on_which_the_service_did_not_start_comes_after_one_that_goes():
    state = a_state(3, node_a=an_off_report(NODE_A), node_c=going(NODE_C, SPOT), failed_starts=a_failed_start())
    assert fit_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_C, NODE_B)
    assert decided(replace(state, nodes={**state.nodes, NODE_A: going(NODE_A, SPOT)}), members=3).action is (
        Action.CALL_OPERATOR
    )


@pytest.mark.parametrize(
    ("departure", "rule"),
    [
        (SPOT, "active-is-to-go-and-nobody-stays"),
        (replace(GROUP, at=NOW - SUCCESSOR_S), "active-is-to-go-and-nobody-stays"),
        (replace(GROUP, at=NOW - SUCCESSOR_S + 1), "active-is-ready"),
        (replace(REBALANCE, at=NOW - 86_400), "active-is-ready"),
    ],
    ids=["spot", "group", "a group that waits for the next instance", "rebalance"],
)
def test_with_nowhere_to_go_a_person_is_called_once_the_node_is_known_to_go_soon(departure, rule):
    state = a_state(node_a=going(NODE_A, departure), node_b=an_off_report(NODE_B))
    assert decided(state).rule == rule
    assert decided(replace(state, nodes={**state.nodes, NODE_B: a_report(NODE_B)})).rule == "active-is-to-go"


@pytest.mark.parametrize("departure", [GROUP, SPOT], ids=lambda each: each.cause)
def test_a_node_that_goes_for_certain_is_left_for_one_that_may_go_some_day(departure):
    old = replace(REBALANCE, at=NOW - 86_400)
    state = a_state(node_a=going(NODE_A, departure), node_b=going(NODE_B, old, service="OUT_OF_SERVICE"))
    found = survey(ClusterView(state, a_definition(), NOW), Observer.TRUSTED)
    assert (decide(found).rule, found.target) == ("active-is-to-go", NODE_B)
    assert (
        survey(
            ClusterView(replace(state, nodes={**state.nodes, NODE_C: a_report(NODE_C)}), a_definition(3), NOW),
            Observer.TRUSTED,
        ).target
        == NODE_C
    )
    by_hand = Request(CLUSTER, TransitionAction.SWITCHOVER, to="node-b")
    assert isinstance(rule_on_request(by_hand, EXECUTION, ClusterView(state, a_definition(), NOW)), Opening)
    also = replace(state, nodes={**state.nodes, NODE_B: going(NODE_B, departure, service="OUT_OF_SERVICE")})
    assert decided(also).action is not Action.SWITCH_OVER


@pytest.mark.parametrize("departure", OF_ALL, ids=lambda each: each.cause)
def test_a_held_cluster_is_not_moved_but_a_person_is_called(departure):
    state = a_state(node_a=going(NODE_A, departure), hold=Hold(NOW - 60, None))
    found = decided(state)
    assert (found.rule, found.action) == ("held-and-active-is-to-go", Action.CALL_OPERATOR)


@pytest.mark.parametrize(
    ("departure", "action"),
    [(SPOT, Action.SWITCH_OVER), (GROUP, Action.SWITCH_OVER), (REBALANCE, Action.WAIT)],
    ids=lambda each: getattr(each, "cause", ""),
)
def test_while_beats_are_late_only_what_goes_for_certain_is_left(departure, action):
    assert decided(a_state(node_a=going(NODE_A, departure)), Observer.SUSPECT).action is action


@pytest.mark.parametrize(
    ("departure", "rule"),
    [(SPOT, "active-is-to-go"), (GROUP, "active-is-ready"), (REBALANCE, "active-is-ready")],
    ids=lambda each: getattr(each, "cause", ""),
)
def test_two_minutes_do_not_wait_for_the_confirmation_of_a_move_and_a_group_does(departure, rule):
    confirming = a_transition(stage=Stage.CONFIRMING, source=NODE_B, target=NODE_A)
    assert decided(a_state(epoch=2, node_a=going(NODE_A, departure), transition=confirming)).rule == rule


ONLY_STOPPED = Policy(fencing=Fencing(accept=(Proof.STOPPED,)))
STOPPED_BY_EC2 = Policy(fencing=Fencing(accept=(Proof.STOPPED,), stop_instance=True))


@pytest.mark.parametrize("departure", OF_ALL, ids=lambda each: each.cause)
@pytest.mark.parametrize(
    ("keeps_lease", "policy"), [(False, Policy()), (True, ONLY_STOPPED)], ids=["no lease", "only stopped is accepted"]
)
def test_a_node_is_not_left_where_nothing_could_prove_it_while_the_node_runs(departure, keeps_lease, policy):
    """The switchover would stop the service for nothing, and give it back, again and again."""
    state = a_state(node_a=going(NODE_A, departure, keeps_lease=keeps_lease))
    late = replace(departure, at=NOW - SUCCESSOR_S)
    called = decided(
        replace(state, nodes={**state.nodes, NODE_A: going(NODE_A, late, keeps_lease=keeps_lease)}), policy=policy
    )
    assert decided(state, policy=policy).action is not Action.SWITCH_OVER
    assert called.action is (Action.CALL_OPERATOR if departure.has_deadline else Action.WAIT)


@pytest.mark.parametrize(
    ("departure", "action"),
    [(GROUP, Action.SWITCH_OVER), (SPOT, Action.CALL_OPERATOR), (REBALANCE, Action.WAIT)],
    ids=lambda each: getattr(each, "cause", ""),
)
def test_only_what_a_group_ends_is_stopped_for_the_proof(departure, action):
    assert decided(a_state(node_a=going(NODE_A, departure)), policy=STOPPED_BY_EC2).action is action


def test_a_node_that_may_keep_its_lease_for_ever_is_left_by_its_own_word_only():
    policy = Policy(fencing=Fencing(accept=(Proof.LEASE_EXPIRED, Proof.STOPPED)))
    state = a_state(node_a=going(NODE_A, REBALANCE))
    keeps = replace(state, terms=replace(state.terms, on_isolation=KEEP))
    assert decided(state, policy=policy).action is Action.SWITCH_OVER
    assert decided(keeps, policy=policy).action is Action.WAIT
    assert decided(keeps).action is Action.SWITCH_OVER


@pytest.mark.parametrize(
    ("departure", "one_since", "all_spent"),
    [
        (GROUP, Action.SWITCH_OVER, Action.CALL_OPERATOR),
        (SPOT, Action.SWITCH_OVER, Action.SWITCH_OVER),
        (REBALANCE, Action.WAIT, Action.WAIT),
    ],
    ids=lambda each: getattr(each, "cause", ""),
)
def test_a_service_that_a_failover_has_brought_back_is_not_moved_to_and_fro(departure, one_since, all_spent):
    policy = Policy(max_failovers=FailoverBudget(count=2, window_s=3600))
    departure = replace(departure, at=NOW - SUCCESSOR_S)
    state = a_state(node_a=going(NODE_A, departure), failover_times=(NOW - 60,))
    assert decided(state, policy=policy).action is one_since
    assert decided(replace(state, failover_times=(NOW - 90, NOW - 60)), policy=policy).action is all_spent
    before = replace(state, failover_times=(NOW - 3000, NOW - 2000))
    assert decided(before, policy=policy).action is Action.SWITCH_OVER, "they have nothing to do with it"


@pytest.mark.parametrize(("at", "rule"), [(REBALANCE.at, "active-is-to-go"), (REBALANCE.at + 1, "active-is-ready")])
def test_a_failover_of_the_very_second_of_the_word_has_not_brought_the_service_back_since(at, rule):
    state = a_state(node_a=going(NODE_A, REBALANCE), failover_times=(at,))
    assert decided(state).rule == rule


def test_how_long_ago_it_was_said_is_counted_from_nothing():
    state = a_state(node_a=going(NODE_A, replace(SPOT, at=NOW)))
    assert departure_words(ClusterView(state, a_definition(), NOW), NODE_A).endswith("(said 0 s ago)")
    assert departure_words(ClusterView(state, a_definition(), NOW - 3), NODE_A).endswith("(said 0 s ago)")


def test_an_address_that_is_owed_is_moved_with_the_service():
    state = a_state(node_a=going(NODE_A, SPOT), address=Address(AddressStatus.OWED, 1))
    assert decided(state).action is Action.SWITCH_OVER
    assert decided(replace(state, nodes={**state.nodes, NODE_B: an_off_report(NODE_B)})).action is Action.REPAIR


def test_the_service_does_not_go_back_to_a_node_that_goes():
    policy = Policy(failback=FailbackPolicy(mode="automatic"))
    back = a_state(
        active=NODE_B,
        node_a=a_report(NODE_A, service="OUT_OF_SERVICE"),
        node_b=a_report(NODE_B, service="IN_SERVICE"),
        preferred_since=NOW - 86_400,
    )
    assert decided(back, policy=policy).action is Action.FAIL_BACK
    goes = replace(back, nodes={**back.nodes, NODE_A: going(NODE_A, REBALANCE, service="OUT_OF_SERVICE")})
    assert decided(goes, policy=policy).action is Action.WAIT


def test_a_person_cannot_switch_over_to_a_node_that_goes_but_may_fail_over_to_it_in_need():
    state = a_state(node_b=going(NODE_B, GROUP))
    switchover = Request(CLUSTER, TransitionAction.SWITCHOVER, to="node-b")
    ruling = rule_on_request(switchover, EXECUTION, ClusterView(state, a_definition(), NOW))
    assert ruling == Refused(
        "node-b is about to go: Auto Scaling group orders-db-a ends it (said 5 s ago). If it stays all the same, "
        "boot it anew and ask again"
    )
    lost = replace(state, nodes={**state.nodes, NODE_A: an_off_report(NODE_A)})
    failover = Request(CLUSTER, TransitionAction.FAILOVER, to="node-b")
    assert isinstance(rule_on_request(failover, EXECUTION, ClusterView(lost, a_definition(), NOW)), Opening)


def test_a_group_waits_for_a_node_that_serves_or_takes_part_in_a_move_and_for_no_other():
    assert keeps_waiting(ClusterView(a_state(), a_definition(), NOW), NODE_A)
    assert not keeps_waiting(ClusterView(a_state(), a_definition(), NOW), NODE_B)
    moving = a_moving_state(transition=a_transition(source=NODE_A, target=NODE_B))
    assert keeps_waiting(ClusterView(moving, a_definition(), NOW), NODE_A)
    assert keeps_waiting(ClusterView(moving, a_definition(), NOW), NODE_B)
    of_three = a_state(3, transition=a_transition(source=NODE_A, target=NODE_B))
    assert not keeps_waiting(ClusterView(of_three, a_definition(3), NOW), NODE_C)


def test_a_group_does_not_wait_for_an_old_holder_against_which_only_the_proof_is_missing():
    left = a_state(active=None, previous=a_previous())
    assert not keeps_waiting(ClusterView(left, a_definition(), NOW), NODE_A)


def test_a_group_waits_for_a_node_that_an_address_led_to_before_anybody_was_placed():
    new = a_state(active=None, epoch=0, previous=a_previous(lease_s=0, renewed_at=None, keeps_lease=False))
    assert keeps_waiting(ClusterView(new, a_definition(), NOW), NODE_A)


@pytest.mark.parametrize(
    "changes",
    [
        {"node_a": a_report(NODE_A, heard_at=NOW - 60)},
        {"node_a": an_off_report(NODE_A)},
        {"active": None, "previous": a_previous(), "node_a": a_report(NODE_A, heard_at=NOW - 60)},
    ],
    ids=["silent", "gone", "unproven"],
)
def test_a_group_waits_for_the_node_that_would_take_over_while_none_is_known_to_serve(changes):
    state = a_state(**changes, node_b=going(NODE_B, GROUP, service="OUT_OF_SERVICE"))
    assert keeps_waiting(ClusterView(state, a_definition(), NOW), NODE_B)
    of_three = a_state(3, **changes, node_b=going(NODE_B, GROUP, service="OUT_OF_SERVICE"))
    assert not keeps_waiting(ClusterView(of_three, a_definition(3), NOW), NODE_B), "the third one takes over"


def test_an_explanation_names_the_node_that_goes_and_what_follows():
    state = a_state(node_a=going(NODE_A, SPOT))
    shown = explain(ClusterView(state, a_definition(), NOW), Observer.TRUSTED)
    assert "node-a is about to go: EC2 interrupts it (Spot), 5 s ago" in [fact.line for fact in shown.facts]
    assert departure_words(ClusterView(state, a_definition(), NOW), NODE_B) == ""
    well = explain(ClusterView(a_state(), a_definition(), NOW), Observer.TRUSTED)
    assert ("planned", "LEAVE") in {(each.column, each.value) for each in well.otherwise}
    assert ("planned", "STRANDED") not in {(each.column, each.value) for each in well.otherwise}


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("EC2InstanceId", "nobody", "i-"),
        ("AutoScalingGroupName", "", "1 to 255 characters"),
        ("LifecycleHookName", "x" * 256, "1 to 255 characters"),
        ("LifecycleHookName", None, "1 to 255 characters"),
        ("LifecycleTransition", "autoscaling:EC2_INSTANCE_LAUNCHING", "EC2_INSTANCE_TERMINATING"),
    ],
)
def test_a_lifecycle_action_that_says_nothing_we_know_names_what_it_says_and_what_is_allowed(key, value, allowed):
    said = {
        "EC2InstanceId": NODE_A,
        "AutoScalingGroupName": "orders-db-a",
        "LifecycleHookName": "understudy-ha",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    }
    assert read_lifecycle_action(said, NOW - 5).departure == GROUP
    with pytest.raises(MalformedSignalError, match=f"detail.{key} is .*{allowed}"):
        read_lifecycle_action({**said, key: value}, NOW)


@pytest.mark.parametrize(("departure", "goes"), [(GROUP, True), (SPOT, False), (REBALANCE, False)])
def test_a_node_that_has_booted_since_the_warning_goes_only_if_its_group_ends_it(departure, goes):
    """A Spot instance may only have been stopped, and is there again."""
    report = replace(a_report(), departure=departure, departure_boot="an-earlier-boot")
    assert report.departure_now == (departure if goes else None)
