"""The table of rules, held against the whole product of its enums, and each safeguard by example."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
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
from understudy.domain.cluster.policy import FailoverBudget, Policy
from understudy.domain.cluster.state import Alarm, NodeReport, PowerReading, ServiceStatus, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import COLUMNS, RULES, Action, Decision, decide
from understudy.domain.decide.situation import (
    Budget,
    Candidate,
    Holder,
    Mode,
    Observer,
    Phase,
    PlannedMove,
    Repair,
    Situation,
    survey,
)

VALUES: Any = list(COLUMNS.values())
WORLD = [Situation(*values) for values in product(*VALUES)]
HEARSAY = (Holder.FAILED, Holder.SILENT)
SILENCE_LIMIT_S = 15


def decided(state: Any, now: int = NOW, observer: Observer = Observer.TRUSTED, **definition: Any) -> Decision:
    return decide(survey(ClusterView(state, a_definition(**definition), now), observer))


def actions_where(**values: Any) -> set[Action]:
    found = [decide(each).action for each in WORLD if all(getattr(each, key) in value for key, value in values.items())]
    assert found
    return set(found)


def test_the_columns_of_the_table_are_the_questions_of_the_survey():
    assert [*COLUMNS, "target", "upkeep"] == list(Situation.__dataclass_fields__)


@pytest.mark.no_cover
def test_exactly_one_rule_fits_every_situation_there_can_be():  # B5
    assert len(WORLD) == 3 * 11 * 6 * 2 * 2 * 2 * 2 * 4
    misjudged = {each: names for each in WORLD if len(names := [rule.name for rule in RULES if rule.fits(each)]) != 1}
    assert misjudged == {}


@pytest.mark.no_cover
def test_every_rule_is_reached():
    assert {decide(each).rule for each in WORLD} == {rule.name for rule in RULES}


def test_rule_names_are_unique():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_rule_says_why():  # B5
    assert [rule.name for rule in RULES if len(rule.why.split()) < 4] == []


def test_every_action_is_used():
    assert {rule.action for rule in RULES} == set(Action)


def test_the_same_situation_is_always_decided_the_same_way():
    assert all(decide(each) == decide(each) for each in WORLD)


@pytest.mark.parametrize("holder", [Holder.READY, Holder.UNKNOWN])
def test_nothing_is_taken_from_a_node_that_is_ready_or_was_never_heard(holder):  # B3
    assert actions_where(holder=[holder]) <= {
        Action.WAIT,
        Action.REPAIR,
        Action.CALL_OPERATOR,
        Action.FAIL_BACK,
        Action.SWITCH_OVER,
    }


def test_a_suspect_observer_moves_nothing_on_silence():  # B3
    assert actions_where(holder=[Holder.SILENT], observer=[Observer.SUSPECT], phase=[Phase.SETTLED, Phase.OVERDUE]) == {
        Action.CALL_OPERATOR
    }


def test_nothing_moves_while_a_settled_cluster_has_an_unproven_holder():  # B4
    assert actions_where(phase=[Phase.SETTLED], holder=[Holder.UNPROVEN]) == {Action.CALL_OPERATOR}


def test_nothing_is_begun_while_a_transition_is_under_way():
    assert actions_where(phase=[Phase.UNDER_WAY]) == {Action.WAIT}


def test_the_lease_is_placed_only_when_nobody_holds_it():  # B4
    placing = {each.holder for each in WORLD if decide(each).action is Action.PLACE}
    assert placing == {Holder.NOBODY, Holder.RETURNED}


def test_without_a_fit_candidate_nothing_fails_over():  # B3
    assert Action.FAIL_OVER not in actions_where(candidate=[Candidate.NONE])


def test_a_spent_budget_stops_failovers_of_a_settled_cluster():  # B6
    assert Action.FAIL_OVER not in actions_where(phase=[Phase.SETTLED], budget=[Budget.SPENT])


def test_a_spent_budget_stops_overdue_failovers_too_unless_nobody_holds_the_lease():  # B6
    """Fencing that goes on under a new epoch takes the lease from nobody: it was counted when it began."""
    moving = [each for each in WORLD if each.budget is Budget.SPENT and decide(each).action is Action.FAIL_OVER]
    assert {(each.phase, each.holder) for each in moving} == {(Phase.OVERDUE, Holder.UNPROVEN)}


def test_a_held_cluster_begins_nothing_by_itself():  # B6
    assert actions_where(mode=[Mode.HELD], phase=[Phase.SETTLED]) == {Action.WAIT, Action.CALL_OPERATOR}


def test_without_the_hold_the_same_situations_would_move():  # B6
    assert {Action.FAIL_OVER, Action.PLACE, Action.REPAIR, Action.FAIL_BACK, Action.SWITCH_OVER} <= actions_where(
        mode=[Mode.NORMAL], phase=[Phase.SETTLED]
    )


def test_a_held_cluster_finishes_what_was_begun_but_never_by_a_failover():  # B6
    known = [holder for holder in Holder if holder is not Holder.AWAITED]
    assert actions_where(mode=[Mode.HELD], phase=[Phase.OVERDUE], holder=known) == {
        Action.REPAIR,
        Action.PLACE,
        Action.CALL_OPERATOR,
    }


def test_nobody_is_placed_while_a_member_that_may_serve_may_still_be_heard():  # B4
    assert actions_where(holder=[Holder.AWAITED]) == {Action.WAIT}


def test_a_held_cluster_that_is_not_known_to_be_served_calls_an_operator_whoever_doubts():  # B6
    lost = [holder for holder in Holder if holder not in (Holder.READY, Holder.AWAITED)]
    assert actions_where(mode=[Mode.HELD], holder=lost, phase=[Phase.SETTLED]) == {Action.CALL_OPERATOR}


def test_the_service_goes_back_only_from_a_ready_node_of_a_settled_trusted_cluster():  # B6
    back = [each for each in WORLD if decide(each).action is Action.FAIL_BACK]
    assert {(e.phase, e.holder, e.repair, e.observer, e.mode, e.planned) for e in back} == {
        (Phase.SETTLED, Holder.READY, Repair.NOT_DUE, Observer.TRUSTED, Mode.NORMAL, PlannedMove.FAIL_BACK)
    }


def test_a_hold_keeps_a_silent_node_where_it_is_until_it_is_over():  # B6
    state = a_state(node_a=a_report(heard_at=NOW - 15), hold=Hold(NOW - 60, NOW + 1))
    assert decided(state).rule == "held-and-not-served"
    assert decided(replace(state, hold=Hold(NOW - 60, NOW))).rule == "active-is-silent"


def test_a_repair_is_begun_only_under_a_ready_holder():
    repairing = {each.holder for each in WORLD if decide(each).action is Action.REPAIR}
    assert repairing == {Holder.READY}


def test_every_situation_without_a_serving_node_ends_with_a_move_or_a_person():
    """Members are awaited for no longer than the silence limit (then it is no longer AWAITED)."""
    lost = [holder for holder in Holder if holder not in (Holder.READY, Holder.AWAITED)]
    assert Action.WAIT not in actions_where(holder=lost, phase=[Phase.SETTLED, Phase.OVERDUE])


def test_a_cluster_that_is_well_is_left_alone():
    assert decided(a_state()).rule == "active-is-ready"


@pytest.mark.parametrize(
    ("silent_s", "rule", "action"),
    [
        (SILENCE_LIMIT_S - 1, "active-is-ready", Action.WAIT),
        (SILENCE_LIMIT_S, "active-is-silent", Action.FAIL_OVER),
    ],
)
def test_a_silent_active_node_fails_over_at_the_limit_and_not_a_second_earlier(silent_s, rule, action):  # S10 S11
    state = a_state(node_a=a_report(NODE_A, heard_at=NOW - silent_s))
    decision = decided(state)
    assert (decision.rule, decision.action) == (rule, action)


def test_when_both_nodes_are_silent_an_operator_is_called_and_nothing_moves():  # B3
    state = a_state(node_a=a_report(NODE_A, heard_at=NOW - 15), node_b=a_report(NODE_B, heard_at=NOW - 15))
    decision = decided(state)
    assert (decision.rule, decision.action) == ("no-fit-candidate", Action.CALL_OPERATOR)


def test_silence_is_not_believed_when_the_observer_is_late():  # B3
    state = a_state(node_a=a_report(NODE_A, heard_at=NOW - 15))
    assert decided(state, observer=Observer.SUSPECT).rule == "observer-is-suspect"


@pytest.mark.parametrize("observer", Observer)
@pytest.mark.parametrize("power", [PowerReading.STOPPING, PowerReading.STOPPED, PowerReading.SHUTTING_DOWN])
def test_ec2_saying_that_the_active_node_stops_fails_over_at_once_whoever_listens(power, observer):  # S11
    decision = decided(a_state(node_a=an_off_report(power=power)), observer=observer)
    assert (decision.rule, decision.action) == ("active-is-gone", Action.FAIL_OVER)


def test_a_service_that_failed_fails_over():  # S10
    decision = decided(a_state(node_a=a_report(service=ServiceStatus.FAILED)))
    assert (decision.rule, decision.action) == ("active-has-failed", Action.FAIL_OVER)


def test_an_alarm_of_the_active_node_fails_over():  # S11
    state = a_state(node_a=a_report(alarms={"disk-full": Alarm(on=True, at=NOW)}))
    assert decided(state).rule == "active-has-failed"


def test_an_alarm_that_is_over_moves_nothing():
    state = a_state(node_a=a_report(alarms={"disk-full": Alarm(on=False, at=NOW)}))
    assert decided(state).rule == "active-is-ready"


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        (a_report(heard_at=NOW - 15), "failover-budget-is-spent"),
        (an_off_report(), "told-and-budget-is-spent"),
    ],
)
def test_a_cluster_that_has_failed_over_too_often_calls_an_operator(report, rule):  # B6
    state = a_state(node_a=report, failover_times=(NOW - 60, NOW - 30))
    decision = decided(state, policy=Policy(max_failovers=FailoverBudget(count=2, window_s=3600)))
    assert (decision.rule, decision.action) == (rule, Action.CALL_OPERATOR)


def test_ec2_saying_that_the_last_node_stops_calls_an_operator():
    state = a_state(node_a=an_off_report(), node_b=a_report(NODE_B, heard_at=NOW - 15))
    assert decided(state).rule == "told-and-no-fit-candidate"


def test_an_active_node_that_was_never_heard_is_not_taken_for_failed():  # B3
    state = a_state(node_a=NodeReport(name="node-a"))
    assert decided(state).rule == "active-is-unknown"


def test_an_owed_record_is_put_right_without_moving_the_service():  # S5
    decision = decided(a_state(address=Address(AddressStatus.OWED, 1)))
    assert (decision.rule, decision.action) == ("address-is-owed", Action.REPAIR)


def test_a_new_cluster_is_placed_by_priority():
    decision = decided(a_state(active=None, epoch=0))
    assert (decision.rule, decision.action) == ("place-by-priority", Action.PLACE)


def test_a_new_cluster_of_which_nobody_was_heard_calls_an_operator():
    nobody: Any = {"node_a": NodeReport("node-a"), "node_b": NodeReport("node-b")}
    assert decided(a_state(active=None, epoch=0, **nobody)).rule == "member-is-unheard"


def test_a_node_that_the_record_names_already_gets_the_lease_when_it_is_heard():
    state = a_state(active=None, epoch=0, previous=a_previous(keeps_lease=False, renewed_at=None, ended_epoch=1))
    assert decided(state).rule == "place-on-last-holder"


def test_a_holder_that_may_still_serve_is_never_passed_over():  # B4
    previous = a_previous(keeps_lease=False, renewed_at=None)
    state = a_state(active=None, epoch=2, previous=previous, node_a=a_report(heard_at=NOW - 300))
    assert decided(state).rule == "last-holder-is-unproven"


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (a_state(epoch=2), "overdue-and-active-is-ready"),
        (a_state(epoch=2, node_a=a_report(heard_at=0)), "overdue-and-active-is-silent"),
        (a_state(epoch=2, node_a=an_off_report()), "overdue-and-active-is-gone"),
        (a_state(epoch=2, node_a=NodeReport("node-a")), "overdue-and-unknown"),
        (a_state(epoch=2, node_a=a_report(heard_at=0), node_b=NodeReport("node-b")), "overdue-and-no-candidate"),
        (a_moving_state(), "overdue-and-holder-returned"),
        (a_moving_state(node_a=a_report(heard_at=0)), "overdue-and-unproven"),
        (a_moving_state(previous=None), "overdue-and-nobody-holds"),
        (a_moving_state(node_a=a_report(heard_at=0), node_b=NodeReport("node-b")), "overdue-and-nobody-fit"),
    ],
)
def test_a_transition_that_outlived_its_deadline_is_taken_up_from_what_the_table_says(state, rule):
    overdue = a_transition(opened_at=NOW - 300, deadline_at=NOW, stage=Stage.FENCING)
    assert decided(replace(state, transition=overdue)).rule == rule


def test_a_transition_one_second_before_its_deadline_is_left_alone():
    assert decided(a_moving_state(), now=NOW + 89).rule == "transition-is-under-way"


def test_a_late_observer_does_not_take_up_an_overdue_transition_on_hearsay():  # B3
    state = a_state(epoch=2, node_a=a_report(heard_at=0), transition=a_transition(deadline_at=NOW))
    assert decided(state, observer=Observer.SUSPECT).rule == "overdue-and-suspect"


def test_failures_count_again_as_soon_as_only_the_confirmation_is_left():
    confirming = a_transition(stage=Stage.CONFIRMING, source=NODE_B, target=NODE_A)
    state = a_state(epoch=2, node_a=a_report(heard_at=NOW - 15), transition=confirming)
    assert decided(state).rule == "active-is-silent"


def test_a_decision_repeats_the_words_of_its_rule():  # B5
    decision = decide(
        Situation(
            Phase.SETTLED,
            Holder.GONE,
            Candidate.FIT,
            Repair.NOT_DUE,
            Budget.LEFT,
            Observer.TRUSTED,
            Mode.NORMAL,
            PlannedMove.NONE,
        )
    )
    rule = next(rule for rule in RULES if rule.name == decision.rule)
    assert (decision.action, decision.why) == (rule.action, rule.why)
