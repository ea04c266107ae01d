"""When a node is stopped through EC2, and when a transition goes on without a proof."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    NODE_A,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_transition,
    an_off_report,
)
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import find_proof
from understudy.domain.transition.stopping import StopTry, StopWord, is_stop_due, may_go_unproven, read_try, stop_faults

RELEASED, LEASE_EXPIRED, STOPPED = Proof.RELEASED, Proof.LEASE_EXPIRED, Proof.STOPPED
SILENT = a_report(heard_at=NOW - 15)
FAILED = a_report(service=ServiceStatus.FAILED)
DOWN = a_report(read_epoch=2, service=ServiceStatus.OUT_OF_SERVICE)
PLANNED = [each for each in TransitionAction if each is not TransitionAction.FAILOVER]
LEASE_S = 12
LATER = NOW + 16


def a_policy(*accept: Proof, **fencing: Any) -> Definition:
    usual = {"stop_instance": True, "accept": accept or tuple(Fencing().accept)}
    return a_definition(policy=Policy(fencing=Fencing(**{**usual, **fencing})))


def due(state: Any, definition: Definition | None = None, now: float = NOW, last: StopTry | None = None) -> bool:
    return is_stop_due(ClusterView(state, definition or a_policy(), now), last)


def a_try(word: StopWord = StopWord.ACCEPTED, tries: int = 1) -> StopTry:
    return StopTry("node-a", word, "stopping", NOW, tries)


def test_a_silent_node_that_failed_over_is_stopped_at_once():  # S12
    assert due(a_moving_state(node_a=SILENT))


def test_it_is_stopped_even_when_its_lease_has_run_out_already():  # S12 B4
    """A machine that was frozen can serve for an instant when it thaws: a lease cannot see to that, a stop does."""
    state = a_moving_state(node_a=SILENT, previous=a_previous(renewed_at=NOW - 15))
    assert find_proof(ClusterView(state, a_policy(), NOW), PowerReading.UNKNOWN) is LEASE_EXPIRED
    assert due(state)


def test_nothing_is_stopped_unless_the_policy_says_so():  # S12
    assert not due(a_moving_state(node_a=SILENT), a_policy(stop_instance=False))


@pytest.mark.parametrize("report", [SILENT, an_off_report(power=PowerReading.STOPPING)])
def test_a_node_that_is_not_heard_is_given_no_time(report):
    assert due(a_moving_state(node_a=report))


def test_a_failed_node_that_is_heard_is_given_its_lease_to_release():  # S12
    state = a_moving_state(node_a=FAILED)
    assert not due(state, now=NOW + LEASE_S - 1)
    heard_on = a_moving_state(node_a=replace(FAILED, heard_at=NOW + LEASE_S))
    assert due(heard_on, now=NOW + LEASE_S)


def test_a_failed_node_that_keeps_no_lease_can_release_none_and_is_given_no_time():
    assert due(a_moving_state(node_a=replace(FAILED, keeps_lease=False), previous=a_previous(keeps_lease=False)))


def test_a_node_that_has_released_its_lease_is_left_alone():  # S12
    assert not due(a_moving_state(node_a=DOWN))


def test_a_node_that_has_released_is_stopped_where_a_release_is_not_accepted():
    assert due(a_moving_state(node_a=DOWN), a_policy(STOPPED))


@pytest.mark.parametrize("action", PLANNED)
def test_a_node_that_is_left_on_purpose_is_not_stopped(action):  # S12
    for report in (a_report(), SILENT, FAILED, DOWN):
        state = a_moving_state(node_a=report, transition=a_transition(action=action))
        assert not due(state, now=NOW + 3600)


@pytest.mark.parametrize("action", PLANNED)
def test_where_only_stopped_is_accepted_a_node_left_on_purpose_is_stopped_when_its_services_are_down(action):
    transition = a_transition(action=action)
    only_stopped = a_policy(STOPPED)
    assert not due(a_moving_state(node_a=a_report(), transition=transition), only_stopped)
    assert due(a_moving_state(node_a=DOWN, transition=transition), only_stopped)
    assert due(a_moving_state(node_a=SILENT, transition=transition), only_stopped, now=LATER)


@pytest.mark.parametrize(
    "state",
    [
        a_moving_state(node_a=SILENT, previous=None),
        a_moving_state(node_a=SILENT, previous=a_previous(proof=LEASE_EXPIRED)),
        a_moving_state(node_a=SILENT, transition=None),
        a_moving_state(node_a=SILENT, previous=a_previous(node="i-0ddddddddddddddd4")),
    ],
    ids=["nobody before", "proved already", "no transition", "no member: the instance was replaced"],
)
def test_nobody_else_is_ever_stopped(state):
    assert not due(state)


@pytest.mark.parametrize("word", [each for each in StopWord if each is not StopWord.NOT_TAKEN])
def test_what_ec2_has_answered_is_not_asked_again(word):
    assert not due(a_moving_state(node_a=SILENT), now=NOW + 3600, last=a_try(word))


@pytest.mark.parametrize(("tries", "gap_s"), [(1, 2), (2, 4), (5, 32)])
def test_what_ec2_did_not_take_is_asked_again_each_time_after_twice_as_long(tries, gap_s):
    state, last = a_moving_state(node_a=SILENT), a_try(StopWord.NOT_TAKEN, tries)
    assert not due(state, now=NOW + gap_s - 1, last=last)
    assert due(state, now=NOW + gap_s, last=last)


def test_a_try_comes_back_from_the_history_as_it_was_written():
    assert read_try({"stop": a_try().facts}) == a_try()
    assert read_try({"rule": "active-is-silent"}) is None


# Which proofs suffice.


@pytest.mark.parametrize(
    ("report", "power", "proof"),
    [
        (DOWN, PowerReading.RUNNING, RELEASED),
        (SILENT, PowerReading.RUNNING, LEASE_EXPIRED),
        (a_report(heard_at=LATER), PowerReading.STOPPED, STOPPED),
    ],
)
def test_a_proof_counts_only_where_the_policy_accepts_it(report, power, proof):  # B4
    state = a_moving_state(node_a=report, previous=a_previous(renewed_at=report.heard_at))
    now = NOW if proof is RELEASED else LATER
    others = [each for each in Fencing().accept if each is not proof]
    assert find_proof(ClusterView(state, a_policy(proof), now), power) is proof
    assert find_proof(ClusterView(state, a_policy(*others), now), power) is None


@pytest.mark.parametrize("power", [PowerReading.STOPPING, PowerReading.SHUTTING_DOWN, PowerReading.UNKNOWN])
def test_stopping_is_never_a_proof_even_where_a_stop_was_accepted(power):  # B4
    assert (
        find_proof(ClusterView(a_moving_state(node_a=a_report(heard_at=LATER)), a_policy(STOPPED), LATER), power)
        is None
    )


def test_a_proof_that_is_written_down_stays_when_the_policy_changes():
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    state = a_moving_state(previous=a_previous(proof=LEASE_EXPIRED), node_a=down)
    assert find_proof(ClusterView(state, a_policy(STOPPED), NOW), PowerReading.UNKNOWN) is LEASE_EXPIRED


# Going on without one.


@pytest.mark.parametrize(
    ("unproven", "asked", "expected"),
    [("hold", False, False), ("proceed", False, True), ("hold", True, True)],
)
def test_a_transition_goes_on_without_proof_only_when_the_policy_or_an_operator_says_so(
    unproven, asked, expected
):  # B4
    state = a_moving_state(node_a=SILENT, transition=a_transition(may_go_unproven=asked))
    assert may_go_unproven(ClusterView(state, a_policy(unproven=unproven), LATER)) is expected


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (a_report(), False),
        (FAILED, False),
        (a_report(service=ServiceStatus.STOPPING), False),
        (a_report(service=ServiceStatus.OUT_OF_SERVICE), True),
        (SILENT, True),
        (an_off_report(power=PowerReading.STOPPING), True),
    ],
)
def test_a_node_that_says_itself_that_it_serves_is_never_passed_over(report, expected):  # B4
    assert may_go_unproven(ClusterView(a_moving_state(node_a=report), a_policy(unproven="proceed"), NOW)) is expected


@pytest.mark.parametrize("changes", [{"previous": None}, {"transition": None}])
def test_without_a_node_before_or_a_transition_there_is_nothing_to_go_on_with(changes):
    assert not may_go_unproven(ClusterView(a_moving_state(**changes), a_policy(unproven="proceed"), NOW))


def test_a_holder_that_the_state_does_not_know_is_not_heard():
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    state = a_moving_state(previous=a_previous(node="i-0ddddddddddddddd4"), node_a=down)
    assert may_go_unproven(ClusterView(state, a_policy(unproven="proceed"), NOW))


# The stack's permission.


def test_a_definition_that_wants_nodes_stopped_is_refused_where_the_stack_may_stop_none():  # S12
    (fault,) = stop_faults(a_policy(), may_stop=False)
    assert fault.startswith("policy.fencing.stop_instance: found true; this stack may not stop instances")
    assert "AllowStopInstances=true" in fault
    assert stop_faults(a_policy(), may_stop=True) == stop_faults(a_definition(), may_stop=False) == []


def test_the_node_is_the_one_that_held_the_lease():
    assert a_previous().node == NODE_A
