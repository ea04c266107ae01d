"""When a drill may move anything, how it goes on, and what ends it: a wish is never worth a risk (B7)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    MAJORITY,
    NODE_A,
    NODE_B,
    NOW,
    a_definition,
    a_failed_start,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from tests.support.drills import DRILL, DRILLING, a_ready_report
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.report import CheckResult
from understudy.domain.transition.drill import (
    ASK_LIMIT_S,
    CHECK_LIMIT_S,
    DRILL_BACK,
    DRILL_DUE,
    NEW_S,
    AskForMove,
    Drill,
    DrillOutcome,
    DrillStage,
    End,
    LookFirst,
    begin,
    go_on,
    is_due,
    look_first,
    objections,
    report_objections,
)
from understudy.domain.transition.opening import Opening, StoodDown, rule_on_request

DAY_S = 86_400
OURS = {"rule": DRILL_DUE}
OUT = Drill(DrillStage.OUT, NOW - 400, NODE_A, NODE_B, epoch=2, out_epoch=2, asked_at=NOW - 400)
BACK = replace(OUT, stage=DrillStage.BACK, epoch=3, asked_at=NOW - 10)
AWAY = a_state(
    epoch=2,
    active=NODE_B,
    node_a=a_report(NODE_A, service=ServiceStatus.OUT_OF_SERVICE),
    node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE),
)


def went_on(drill: Drill, state: Any, now: int = NOW, story: Any = OURS) -> Any:
    return go_on(drill, DRILL, ClusterView(state, a_definition(policy=DRILLING), now), Observer.TRUSTED, story)


# --- when it may begin ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drill", "now", "due"),
    [
        (Drill(), NOW, True),
        (Drill(), NOW - 3601, False),
        (Drill(), NOW + 3600, False),
        (Drill(), NOW + 3590 - 300, True),
        (Drill(), NOW + 3590, False),
        (Drill(begun_at=NOW - 7 * DAY_S + 1800), NOW, True),
        (Drill(begun_at=NOW - 6 * DAY_S), NOW, False),
        (OUT, NOW, False),
    ],
    ids=["first", "before", "after", "in-time", "too-late-to-come-back", "days-over", "too-early", "under-way"],
)
def test_a_drill_is_due_inside_its_window_once_the_days_are_over(drill, now, due):  # B7
    assert is_due(drill, DRILL, now) is due


@pytest.mark.parametrize(
    ("changes", "definition", "observer", "word"),
    [
        ({"hold": Hold(NOW)}, {}, Observer.TRUSTED, "held"),
        ({"node_b": an_off_report(NODE_B)}, {}, Observer.TRUSTED, "no other node is fit"),
        ({"failed_starts": a_failed_start()}, {}, Observer.TRUSTED, "no standby is known to work"),
        ({}, {"quorum": MAJORITY, "members": 3}, Observer.TRUSTED, ""),
        ({"failover_times": (NOW, NOW, NOW)}, {}, Observer.TRUSTED, "max_failovers"),
        ({}, {}, Observer.SUSPECT, "observer"),
        ({"address": Address(AddressStatus.OWED, 1, retry_at=NOW + 60)}, {}, Observer.TRUSTED, "address"),
        ({"address": Address(AddressStatus.PROPAGATING, 1)}, {}, Observer.TRUSTED, "not yet in sync"),
        ({"address": None}, {}, Observer.TRUSTED, "address"),
        ({"transition": a_transition(stage=Stage.CONFIRMING)}, {}, Observer.TRUSTED, "transition is open"),
        ({"node_a": a_report(NODE_A, service=ServiceStatus.FAILED)}, {}, Observer.TRUSTED, "active-has-failed"),
        ({"active": None}, {}, Observer.TRUSTED, "place-by-priority"),
    ],
)
def test_whatever_is_not_well_speaks_against_a_drill(changes, definition, observer, word):  # B7 B3 B6
    members = definition.get("members", 2)
    found = objections(ClusterView(a_state(members, **changes), a_definition(**definition), NOW), observer)
    assert any(word in each for each in found) if word else found == ()


def test_nothing_speaks_against_a_drill_of_a_well_cluster():  # B7
    assert objections(ClusterView(a_state(), a_definition(), NOW), Observer.TRUSTED) == ()
    unconfirmed = a_state(address=Address(AddressStatus.UNCONFIRMED, 1))
    assert objections(ClusterView(unconfirmed, a_definition(), NOW), Observer.TRUSTED) == ()


def test_a_standby_without_quorum_is_no_candidate_for_a_drill():  # S12 B7
    state = a_state(
        3, node_b=a_report(NODE_B, heard_at=NOW - 60), node_c=a_report("i-0ccccccccccccccc3", heard_at=None)
    )
    assert objections(ClusterView(state, a_definition(3, quorum=MAJORITY), NOW), Observer.TRUSTED)


@pytest.mark.parametrize(
    ("report", "word"),
    [
        (None, "there is no report"),
        (a_ready_report(definition_version=9), "of another definition"),
        (a_ready_report(checked_at=NOW - NEW_S - 1), "1801 s old"),
        (a_ready_report(checked_at=NOW - NEW_S), ""),
        (a_ready_report(checks=(CheckResult("zones-differ", Verdict.FAIL, "one zone"),)), "zones-differ: one zone"),
        (a_ready_report(checks=(CheckResult("ttl-short", Verdict.WARN, "60 s"),)), ""),
    ],
)
def test_a_drill_needs_a_new_readiness_report_without_a_failure(report, word):  # B7 S1
    found = report_objections(report, a_definition(), NOW)
    assert any(word in each for each in found) if word else found == ()


OLD = a_ready_report(checked_at=NOW - NEW_S - 1)


@pytest.mark.parametrize("report", [None, OLD, a_ready_report(definition_version=9)], ids=["none", "old", "of-another"])
def test_readiness_is_checked_anew_before_a_drill_unless_it_has_just_been(report):  # B7 S1
    assert look_first(Drill(), report, a_definition(), NOW) == LookFirst(Drill(check_asked_at=NOW))
    assert look_first(Drill(), a_ready_report(checked_at=NOW - NEW_S), a_definition(), NOW) is None


def test_a_check_is_asked_for_under_the_same_name_until_it_is_late_and_anew_only_when_it_would_be_old():  # B7
    asked = Drill(check_asked_at=NOW)
    assert look_first(asked, OLD, a_definition(), NOW + CHECK_LIMIT_S - 1) == LookFirst(asked)
    assert look_first(asked, OLD, a_definition(), NOW + CHECK_LIMIT_S) is None
    assert look_first(asked, OLD, a_definition(), NOW + NEW_S - 1) is None
    anew = look_first(asked, OLD, a_definition(), NOW + NEW_S)
    assert anew == LookFirst(Drill(check_asked_at=NOW + NEW_S))


def test_a_drill_goes_to_the_best_candidate_and_remembers_its_home():  # B7
    asked = begin(Drill(revision=3), ClusterView(a_state(3), a_definition(3), NOW), ())
    assert asked == AskForMove(
        Drill(DrillStage.OUT, NOW, NODE_A, NODE_B, 2, 2, asked_at=NOW, revision=3), NODE_B, DRILL_DUE
    )


def test_a_refusal_is_told_once_a_day():  # B7
    told = begin(Drill(), ClusterView(a_state(), a_definition(), NOW), ("held",))
    assert told == End(Drill(refused_at=NOW), DrillOutcome.REFUSED, "held")
    assert begin(Drill(refused_at=NOW), ClusterView(a_state(), a_definition(), NOW + 60), ("held",)) is None


# --- how it goes on ------------------------------------------------------------------------------


def test_the_service_comes_back_after_its_time_and_not_before():  # B7
    assert went_on(OUT, AWAY, now=OUT.asked_at + 299) is None
    asked = went_on(OUT, AWAY)
    assert (asked.to, asked.rule, asked.drill.stage, asked.drill.epoch) == (NODE_A, DRILL_BACK, DrillStage.BACK, 3)


def test_a_drill_waits_while_a_move_is_open():  # B7
    assert went_on(OUT, replace(AWAY, transition=a_transition())) is None


def test_home_that_is_not_fit_is_waited_for_until_the_window_is_over():  # B7
    silent = replace(AWAY, nodes={**AWAY.nodes, NODE_A: an_off_report(NODE_A)})
    assert went_on(OUT, silent) is None
    late = NOW + 3600
    heard = {**silent.nodes, NODE_B: replace(AWAY.nodes[NODE_B], heard_at=late)}
    end = went_on(OUT, replace(silent, nodes=heard), now=late)
    assert end.outcome is DrillOutcome.STAYED_AWAY
    assert "node-a is not fit to take over" in end.why


def test_a_drill_comes_back_to_no_home_on_which_the_service_did_not_start():  # B7 B20
    failed = replace(AWAY, failed_starts=a_failed_start(NODE_A))
    assert went_on(OUT, AWAY) is not None
    assert went_on(OUT, failed) is None


def test_a_watch_that_comes_after_the_window_moves_nothing_more():  # B7
    late = NOW + 3600
    heard = {each: replace(report, heard_at=late) for each, report in AWAY.nodes.items()}
    end = went_on(OUT, replace(AWAY, nodes=heard), now=late)
    assert (end.outcome, end.why) == (
        DrillOutcome.STAYED_AWAY,
        "the window is over: the watch did not come round in time",
    )


@pytest.mark.parametrize(
    ("drill", "state", "story"),
    [
        (OUT, a_state(epoch=3), OURS),
        (OUT, replace(AWAY, active=None), OURS),
        (OUT, AWAY, {"rule": "active-is-silent"}),
        (OUT, AWAY, {}),
        (OUT, replace(AWAY, failover_times=(NOW - 20,)), OURS),
        (BACK, replace(AWAY, epoch=3), {"rule": DRILL_BACK}),
    ],
    ids=["started-nowhere", "held", "epoch-of-a-failover", "no-history", "failed-over-since", "back-failed"],
)
def test_whatever_comes_between_ends_the_drill_where_it_stands(drill, state, story):  # B7
    end = went_on(drill, state, story=story)
    assert (end.outcome, end.drill.stage) == (DrillOutcome.INTERRUPTED, DrillStage.DONE)


def test_a_repair_in_between_ends_nothing():  # B7 S5
    assert isinstance(went_on(OUT, replace(AWAY, epoch=4)), AskForMove)


def test_a_drill_that_is_home_again_has_passed():  # B7
    end = went_on(BACK, a_state(epoch=3), story={"rule": DRILL_BACK})
    assert (end.outcome, end.drill.stage) == (DrillOutcome.PASSED, DrillStage.DONE)


@pytest.mark.parametrize(
    ("drill", "rule", "outcome"),
    [(OUT, DRILL_DUE, DrillOutcome.NOT_BEGUN), (BACK, DRILL_BACK, DrillOutcome.STAYED_AWAY)],
)
def test_a_move_that_is_not_opened_is_asked_for_again_and_then_given_up(drill, rule, outcome):  # B7
    before = a_state(epoch=drill.epoch - 1)
    asked = replace(drill, asked_at=NOW)
    again = went_on(asked, before, now=NOW + 60)
    assert (again.drill, again.rule) == (asked, rule)
    assert went_on(asked, before, now=NOW + ASK_LIMIT_S).outcome is outcome


# --- the last look, when the workflow opens it -----------------------------------------------------


def ruled(state: Any = None, **request: Any) -> Any:
    asked = Request("orders-db", TransitionAction.SWITCHOVER, "node-b", rule=DRILL_DUE)
    return rule_on_request(replace(asked, **request), "x", ClusterView(state or a_state(), a_definition(), NOW))


def test_a_drill_is_opened_on_a_well_cluster_and_spends_no_failover():  # B7
    assert ruled() == Opening(TransitionAction.SWITCHOVER, NODE_B, DRILL_DUE, "a planned drill")


@pytest.mark.parametrize(
    ("state", "request_", "word"),
    [
        (a_state(hold=Hold(NOW)), {}, "held"),
        (a_state(node_b=a_report(NODE_B, heard_at=NOW - 60)), {}, "no other node is fit"),
        (a_state(), {"to": "node-a"}, "node-a is not fit"),
        (a_state(), {"to": None}, "is not fit"),
        (a_state(), {"action": TransitionAction.FAILOVER}, "no longer holds"),
    ],
)
def test_a_drill_whose_cluster_is_not_well_any_more_stands_down(state, request_, word):  # B7
    """Without this look a fault of the minute since the watch would cost an outage for an exercise."""
    ruling = ruled(state, **request_)
    assert isinstance(ruling, StoodDown)
    assert word in ruling.why
