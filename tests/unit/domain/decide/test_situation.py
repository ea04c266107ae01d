"""What the survey answers: holder, candidates, budget, repair, phase."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
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
from understudy.domain.cluster.policy import FailoverBudget, Policy
from understudy.domain.cluster.state import NodeReport, Proof, ServiceStatus, Stage
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import (
    Budget,
    Candidate,
    Holder,
    Observer,
    Phase,
    Repair,
    fit_candidates,
    health_of,
    is_heard_now,
    observer_by_beat,
    observer_by_clock,
    observer_of_all,
    survey,
)
from understudy.domain.observe.health import NodeHealth

SILENT = NOW - 15


def seen(state: Any, now: int = NOW, observer: Observer = Observer.TRUSTED, members: int = 3, **definition: Any) -> Any:
    return survey(ClusterView(state, a_definition(members, **definition), now), observer)


@pytest.mark.parametrize("observer", Observer)
def test_the_observer_is_handed_through(observer):
    assert seen(a_state(3), observer=observer).observer is observer


def test_candidates_come_by_priority_and_the_active_node_is_none():
    assert fit_candidates(ClusterView(a_state(3), a_definition(3), NOW)) == (NODE_B, NODE_C)


def test_the_priority_is_the_definitions_and_names_break_a_tie():
    definition = a_definition(3)
    by_other_priority = replace(definition, nodes=tuple(replace(node, priority=1) for node in definition.nodes[::-1]))
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    assert fit_candidates(ClusterView(a_state(3, active=None, node_a=down), by_other_priority, NOW)) == (
        NODE_A,
        NODE_B,
        NODE_C,
    )


@pytest.mark.parametrize(
    "report",
    [
        a_report(NODE_B, heard_at=SILENT),
        a_report(NODE_B, service=ServiceStatus.FAILED),
        an_off_report(NODE_B),
        NodeReport("node-b"),
    ],
)
def test_only_a_ready_node_is_fit(report):  # B3
    assert fit_candidates(ClusterView(a_state(3, node_b=report), a_definition(3), NOW)) == (NODE_C,)


def test_a_node_that_was_tried_is_left_out():
    assert fit_candidates(ClusterView(a_state(3), a_definition(3), NOW), without=(NODE_B,)) == (NODE_C,)


def test_a_member_that_the_state_does_not_know_yet_is_unknown():
    state = a_state(2)
    assert health_of(ClusterView(state, a_definition(3), NOW), NODE_C) is NodeHealth.UNKNOWN
    assert fit_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_B,)


@pytest.mark.parametrize(
    ("report", "holder"),
    [
        (a_report(), Holder.READY),
        (a_report(service=ServiceStatus.FAILED), Holder.FAILED),
        (a_report(heard_at=SILENT), Holder.SILENT),
        (an_off_report(), Holder.GONE),
        (NodeReport("node-a"), Holder.UNKNOWN),
    ],
)
def test_the_active_node_is_the_holder_by_its_health(report, holder):
    assert seen(a_state(3, node_a=report)).holder is holder


@pytest.mark.parametrize(
    ("previous", "report", "holder"),
    [
        (None, a_report(), Holder.NOBODY),
        (a_previous(proof=Proof.RELEASED), a_report(service=ServiceStatus.OUT_OF_SERVICE), Holder.NOBODY),
        (a_previous(proof=Proof.RELEASED), a_report(), Holder.RETURNED),
        (a_previous(renewed_at=SILENT), a_report(heard_at=SILENT), Holder.NOBODY),
        (a_previous(), a_report(), Holder.RETURNED),
        (a_previous(), a_report(service=ServiceStatus.FAILED), Holder.UNPROVEN),
        (a_previous(keeps_lease=False), a_report(heard_at=SILENT), Holder.UNPROVEN),
    ],
)
def test_without_an_active_node_the_one_before_counts_until_a_proof_is_there(previous, report, holder):  # B4
    assert seen(a_moving_state(3, previous=previous, node_a=report)).holder is holder


@pytest.mark.parametrize(
    ("state", "target"),
    [
        (a_state(3), NODE_A),  # a repair stays where the service is
        (a_state(3, node_a=a_report(heard_at=SILENT)), NODE_B),
        (a_moving_state(3), NODE_A),  # returned
        (a_moving_state(3, previous=None), NODE_A),  # nobody: by priority
        (a_state(2, node_a=a_report(heard_at=SILENT), node_b=NodeReport("node-b")), None),
        (a_state(2, active=None, node_a=NodeReport("node-a"), node_b=NodeReport("node-b")), None),
    ],
)
def test_the_target_is_the_node_that_stays_or_the_best_candidate(state, target):
    assert seen(state, members=len(state.nodes)).target == target


@pytest.mark.parametrize(
    ("transition", "now", "phase"),
    [
        (None, NOW, Phase.SETTLED),
        (a_transition(), NOW + 89, Phase.UNDER_WAY),
        (a_transition(), NOW + 90, Phase.OVERDUE),
        (a_transition(stage=Stage.STARTING), NOW, Phase.UNDER_WAY),
        (a_transition(stage=Stage.CONFIRMING), NOW, Phase.SETTLED),
        (a_transition(stage=Stage.CONFIRMING), NOW + 90, Phase.OVERDUE),
    ],
)
def test_the_phase_is_told_by_stage_and_deadline(transition, now, phase):
    assert seen(a_moving_state(3, transition=transition), now).phase is phase


@pytest.mark.parametrize(
    ("address", "repair"),
    [
        (None, Repair.NOT_DUE),
        (Address(AddressStatus.PROPAGATING, 1), Repair.NOT_DUE),
        (Address(AddressStatus.IN_SYNC, 1), Repair.NOT_DUE),
        (Address(AddressStatus.OWED, 1, retry_at=NOW + 1), Repair.NOT_DUE),
        (Address(AddressStatus.OWED, 1, retry_at=NOW), Repair.DUE),
    ],
)
def test_an_owed_record_is_due_when_its_gap_is_over(address, repair):  # S6 B2
    assert seen(a_state(3, address=address)).repair is repair


@pytest.mark.parametrize(
    ("times", "budget"),
    [
        ((), Budget.LEFT),
        ((NOW - 1,), Budget.LEFT),
        ((NOW - 599, NOW), Budget.SPENT),
        ((NOW - 600, NOW), Budget.LEFT),
        ((NOW - 900, NOW - 300, NOW - 200, NOW - 100), Budget.SPENT),
    ],
)
def test_the_budget_counts_the_failovers_of_the_window(times, budget):  # B6
    policy = Policy(max_failovers=FailoverBudget(count=2, window_s=600))
    assert seen(a_state(3, failover_times=times), policy=policy).budget is budget


def test_no_other_node_fit_is_said():
    assert seen(a_state(2, node_b=NodeReport("node-b")), members=2).candidate is Candidate.NONE
    assert seen(a_state(3)).candidate is Candidate.FIT


@pytest.mark.parametrize(
    ("heard_at", "heard_since", "observer"),
    [
        (NOW + 1, NOW - 14, Observer.TRUSTED),
        (NOW - 9, NOW - 24, Observer.TRUSTED),
        (NOW - 9, NOW - 23, Observer.SUSPECT),
        (NOW - 10, NOW - 60, Observer.SUSPECT),
        (None, 0, Observer.SUSPECT),
    ],
)
def test_silence_by_the_clock_is_believed_only_of_a_witness_heard_now_and_without_a_gap(  # B3
    heard_at, heard_since, observer
):
    """Heard now: one beat and the lag of an observer, 4 s + 5 s. Without a gap: for silence_limit_s, 15 s."""
    witness = a_report(NODE_B, heard_at=heard_at, heard_since=heard_since)
    state = a_state(2, node_a=a_report(heard_at=0), node_b=witness)
    assert observer_by_clock(state, Policy(), NOW) is observer
    assert is_heard_now(state, Policy(), NOW) is (heard_at is not None and heard_at >= NOW - 9)


# B14
def test_silence_is_doubted_by_everybody_for_as_long_as_a_silence_after_any_beat_was_late():
    def observers(late_at: int) -> set[Observer]:
        state = a_state(2, node_a=a_report(heard_at=0, late_at=late_at), node_b=a_report(NODE_B))
        return {
            observer_by_beat(state, Policy(), NODE_B, 1, NOW),
            observer_by_clock(state, Policy(), NOW),
            observer_of_all(state, Policy(), NOW, is_anyone_heard=True),
        }

    assert observers(NOW - 14) == {Observer.SUSPECT}
    assert observers(NOW - 15) == {Observer.TRUSTED}
    assert observers(0) == {Observer.TRUSTED}


def test_silence_is_doubted_four_times_as_long_after_a_beat_was_lost():  # B14
    def observer(lost_at: int) -> Observer:
        state = a_state(2, node_a=a_report(heard_at=0, lost_at=lost_at), node_b=a_report(NODE_B))
        return observer_by_clock(state, Policy(), NOW)

    assert observer(NOW - 59) is Observer.SUSPECT
    assert observer(NOW - 60) is Observer.TRUSTED


def test_silence_is_doubted_by_a_beat_that_is_late_itself_or_the_first_after_a_gap():  # B3
    gap = a_state(2, node_b=a_report(NODE_B, heard_since=NOW - 14))
    assert observer_by_beat(a_state(2), Policy(), NODE_B, 5, NOW) is Observer.TRUSTED
    assert observer_by_beat(a_state(2), Policy(), NODE_B, 5.1, NOW) is Observer.SUSPECT
    assert observer_by_beat(gap, Policy(), NODE_B, 1, NOW) is Observer.SUSPECT


def test_a_first_placement_waits_a_silence_long_for_a_node_of_better_priority():  # S4
    """Whichever node beats first is not the one that the operator put first."""

    def holder(heard_for_s: int, better: NodeReport) -> Holder:
        node_b = a_report(NODE_B, heard_since=NOW - heard_for_s)
        state = a_state(2, epoch=0, active=None, node_a=better, node_b=node_b)
        found: Holder = seen(state, members=2).holder
        return found

    assert holder(0, NodeReport("node-a")) is Holder.AWAITED
    assert holder(14, NodeReport("node-a")) is Holder.AWAITED
    assert holder(15, NodeReport("node-a")) is Holder.UNHEARD
    assert holder(0, a_report(NODE_A)) is Holder.NOBODY
    assert holder(15, a_report(NODE_A, heard_at=NOW - 60, service=ServiceStatus.OUT_OF_SERVICE)) is Holder.UNHEARD


# B4
@pytest.mark.parametrize("proof", [None, Proof.RELEASED, Proof.LEASE_EXPIRED])
@pytest.mark.parametrize("is_overdue", [True, False])
def test_a_table_that_was_put_back_into_a_move_places_nobody_before_the_others_could_be_heard(is_overdue, proof):
    """The node that got the lease since has not beaten again, and its old report says that it is down."""

    def holder(heard_for_s: int, heard_ago_s: int) -> Holder:
        state = a_moving_state(
            transition=a_transition(deadline_at=NOW - 60) if is_overdue else None,
            previous=a_previous(proof=proof),
            node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE, heard_since=NOW - heard_for_s),
            node_b=a_report(NODE_B, heard_at=NOW - heard_ago_s),
        )
        found: Holder = seen(state, members=2).holder
        return found

    by_its_records = holder(heard_for_s=3600, heard_ago_s=60)
    assert holder(heard_for_s=0, heard_ago_s=60) is holder(heard_for_s=14, heard_ago_s=60) is Holder.AWAITED
    assert (
        holder(heard_for_s=15, heard_ago_s=60) is by_its_records is not Holder.AWAITED
    )  # a dead peer is not waited for
    assert holder(heard_for_s=0, heard_ago_s=0) is not Holder.AWAITED  # it says that it is down


def test_a_settled_cluster_without_a_proof_calls_a_person_also_while_its_nodes_come_back():  # B4
    state = a_moving_state(
        3, transition=None, node_a=a_report(heard_at=NOW - 60), node_b=a_report(NODE_B, heard_since=NOW),
        previous=a_previous(keeps_lease=False),
    )  # fmt: skip
    assert seen(state).holder is Holder.UNPROVEN


# B14
PATIENCE_S = 15 + 12 + 9
"""The silence that the others are given, the longest promise, and a beat with its lag."""


@pytest.mark.parametrize(
    ("waits", "back_for_s", "found"),
    [
        (True, PATIENCE_S - 1, Holder.READY),
        (True, PATIENCE_S, Holder.FAILED),
        (False, 14, Holder.READY),
        (False, 15, Holder.FAILED),
    ],
)
def test_a_holder_that_comes_back_after_an_outage_is_given_the_time_to_take_up_its_service(waits, back_for_s, found):
    """It waits a promise out, and then for the others: one that is dead is waited for as long as anybody's silence."""
    idle = a_report(service=ServiceStatus.OUT_OF_SERVICE, heard_since=NOW - back_for_s, waits=waits)
    assert seen(a_state(node_a=idle), members=2).holder is found


# B2 B4
@pytest.mark.parametrize(
    ("waits", "back_for_s", "found"),
    [(True, PATIENCE_S - 1, Holder.READY), (True, PATIENCE_S, Holder.FAILED), (False, 10 * PATIENCE_S, Holder.READY)],
)
def test_a_holder_that_is_up_in_part_and_starts_nothing_is_given_as_long_in_a_table_that_was_put_back(
    waits, back_for_s, found
):
    """It may wait for ever there. One that does not wait is starting what is not up yet."""
    in_part = a_report(service=ServiceStatus.STARTING, heard_since=NOW - back_for_s, waits=waits)
    ahead = a_report(NODE_B, service=ServiceStatus.OUT_OF_SERVICE, read_epoch=2)
    assert seen(a_state(node_a=in_part, node_b=ahead), members=2).holder is found


def test_a_holder_that_waits_with_one_of_its_services_up_is_not_taken_for_failed_where_no_table_was_put_back():
    """Its agent was restarted and waits out what it may have promised, while a service is being restarted."""
    in_part = a_report(service=ServiceStatus.STARTING, heard_since=NOW - 10 * PATIENCE_S, waits=True)
    assert seen(a_state(node_a=in_part), members=2).holder is Holder.READY
