"""Proof before promotion: what proves that a node can no longer serve, to the second, and what does not."""

from dataclasses import replace
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import (
    BOOTS,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    an_off_report,
)
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.service_names import NO_NAMES
from understudy.domain.cluster.state import ClusterState, NodeReport, PowerReading, Proof, ServiceStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import evidence, find_proof, lease_expires_at

MARGIN_S = 2
LEASE_S = 12
END = NOW + 1 + LEASE_S + MARGIN_S
OFF = [PowerReading.STOPPED, PowerReading.TERMINATED]
DOWN = ServiceStatus.OUT_OF_SERVICE


def proof(state: ClusterState, now: float = NOW, power: PowerReading = PowerReading.UNKNOWN) -> Proof | None:
    return find_proof(ClusterView(state, a_definition(policy=Policy(drift_margin_s=MARGIN_S)), now), power)


def test_that_nobody_is_known_to_hold_the_lease_is_a_proof_once_every_member_has_said_that_it_is_down():  # B4
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    nobody = a_moving_state(previous=None, node_a=down)
    assert proof(nobody) is Proof.NO_HOLDER
    assert proof(a_moving_state(previous=None, node_a=an_off_report())) is Proof.NO_HOLDER
    for unknown in (NodeReport("node-a"), a_report(), replace(down, heard_at=NOW - 60), replace(down, named="ffffff")):
        assert proof(a_moving_state(previous=None, node_a=unknown)) is None
    assert evidence(ClusterView(nobody, a_definition(), NOW), PowerReading.STOPPED) == ()


# B4
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW, None),
        (END - 1, None),  # the second that EventBridge cut off may not have passed
        (END - 0.001, None),
        (END, Proof.LEASE_EXPIRED),
        (END + 3600, Proof.LEASE_EXPIRED),
    ],
)
def test_a_lease_is_proved_to_have_ended_when_cut_off_lease_and_margin_have_passed(now, expected):
    assert proof(a_moving_state(), now) is expected


def test_the_bound_counts_the_lease_that_the_holder_counted_not_the_one_of_today():  # B4
    state = a_moving_state(previous=a_previous(lease_s=60))
    assert (proof(state, NOW + 62), proof(state, NOW + 63)) == (None, Proof.LEASE_EXPIRED)


@pytest.mark.parametrize(
    ("standby", "since"),
    [
        ({}, NOW - 30),  # it has been heard all the while
        ({"heard_since": NOW - 9, "heard_at": NOW - 1}, NOW - 9),
        ({"heard_since": NOW + 5, "heard_at": NOW + 9}, NOW),  # it was lost for a beat after the lease had ended
        ({"heard_since": NOW - 3600, "heard_at": NOW - 20, "due_by": NOW - 11}, NOW),  # nobody was heard at the end
    ],
)
def test_where_nobody_was_heard_without_a_gap_the_lease_is_counted_from_there_but_not_from_beyond_its_end(  # B4
    standby, since
):
    """The table can have been put back to before beats that renewed it."""
    holder = a_report(heard_at=NOW - 30, due_by=NOW - 21)
    state = a_moving_state(previous=a_previous(renewed_at=NOW - 30), node_a=holder, node_b=a_report(NODE_B, **standby))
    assert lease_expires_at(state, MARGIN_S) == since + 1 + LEASE_S + MARGIN_S


@pytest.mark.parametrize("previous", [a_previous(keeps_lease=False), a_previous(renewed_at=None)])
def test_a_node_without_a_lease_has_none_that_could_end(previous):  # B4
    assert lease_expires_at(a_moving_state(previous=previous), MARGIN_S) is None
    assert proof(a_moving_state(previous=previous), NOW + 10**9) is None


def test_nobody_before_has_no_lease_that_could_end():
    assert lease_expires_at(a_state(), MARGIN_S) is None


def test_a_node_that_beats_that_it_is_still_stopping_is_given_a_lease_more():  # B4
    stopping = a_report(heard_at=NOW + 10, read_epoch=2, service=ServiceStatus.STOPPING)
    state = a_moving_state(node_a=stopping)
    assert (proof(state, END), proof(state, END + 9), proof(state, END + 10)) == (None, None, Proof.LEASE_EXPIRED)


@pytest.mark.parametrize("read_epoch", [0, 1, 2, 9])
def test_a_node_that_is_heard_and_not_down_is_given_time_whatever_it_has_read(read_epoch):  # B4
    """An agent that was restarted while it stopped has read nothing yet, and is bound by the old lease."""
    report = a_report(heard_at=NOW + 10, read_epoch=read_epoch, service=ServiceStatus.STOPPING)
    assert proof(a_moving_state(node_a=report), END + 9) is None
    assert proof(a_moving_state(node_a=report), END + 10) is Proof.LEASE_EXPIRED


def test_a_node_that_is_down_gains_no_time_by_beating():  # B4
    report = a_report(heard_at=NOW + 10, read_epoch=1, service=DOWN)
    assert proof(a_moving_state(node_a=report), END) is Proof.LEASE_EXPIRED


def test_a_node_that_was_taken_out_of_the_state_has_the_lease_that_was_written_down():
    state = a_moving_state(previous=a_previous(node="i-0ddddddddddddddd4"))
    assert lease_expires_at(state, MARGIN_S) == END


def test_a_beat_without_a_lease_proves_nothing_however_far_down_the_services_are():  # B4
    state = a_moving_state(
        previous=a_previous(keeps_lease=False),
        node_a=a_report(keeps_lease=False, service=DOWN, read_epoch=2),
    )
    assert proof(state, NOW + 10**6) is None


@pytest.mark.parametrize("power", OFF)
def test_for_a_node_without_a_lease_the_word_of_ec2_counts(power):  # B4
    assert proof(a_moving_state(previous=a_previous(keeps_lease=False)), power=power) is Proof.STOPPED


def test_a_node_that_read_the_new_epoch_and_has_everything_down_has_released():  # B4
    assert proof(a_moving_state(node_a=a_report(read_epoch=2, service=DOWN))) is Proof.RELEASED


@pytest.mark.parametrize("service", [each for each in ServiceStatus if each is not DOWN])
def test_a_node_with_anything_still_up_has_not_released(service):  # B4
    assert proof(a_moving_state(node_a=a_report(read_epoch=2, service=service))) is None


def test_services_that_are_down_under_the_old_epoch_may_start_again():  # B4
    assert proof(a_moving_state(node_a=a_report(read_epoch=1, service=DOWN))) is None


def test_a_release_read_under_a_later_epoch_than_the_ending_one_counts():
    state = a_moving_state(epoch=4, node_a=a_report(read_epoch=3, service=DOWN))
    assert proof(state) is Proof.RELEASED


def test_an_epoch_that_has_not_been_yet_is_no_release():  # B4
    assert proof(a_moving_state(node_a=a_report(read_epoch=9, service=DOWN))) is None


@pytest.mark.parametrize("power", [each for each in PowerReading if each not in OFF])
def test_nothing_but_off_is_off(power):  # B4
    assert proof(a_moving_state(), power=power) is None
    assert proof(a_moving_state(node_a=an_off_report(power=power))) is None


@pytest.mark.parametrize("power", OFF)
def test_an_event_alone_is_no_proof_ec2_is_asked_once_more(power):  # B4
    """The instance may have been started again since, and that event be lost."""
    state = a_moving_state(node_a=an_off_report(power=power))
    assert proof(state) is None
    assert proof(state, power=power) is Proof.STOPPED


def test_a_signal_from_before_a_reboot_is_no_proof():  # B4
    assert proof(a_moving_state(node_a=an_off_report(power_boot="an-earlier-boot"))) is None


def test_a_signal_that_comes_after_the_node_has_booted_and_beaten_again_is_no_proof():  # B4
    report = an_off_report(power_at=NOW - 60, power_boot=BOOTS[NODE_A], heard_at=NOW)
    assert proof(a_moving_state(node_a=report)) is None


def test_a_recorded_proof_does_not_age():
    for recorded in (Proof.RELEASED, Proof.LEASE_EXPIRED, Proof.STOPPED):
        down = a_report(heard_at=NOW + 999, service=ServiceStatus.OUT_OF_SERVICE)
        state = a_moving_state(previous=a_previous(proof=recorded), node_a=down)
        assert proof(state, NOW + 1000, PowerReading.RUNNING) is recorded


@pytest.mark.parametrize("recorded", [Proof.RELEASED, Proof.LEASE_EXPIRED, Proof.STOPPED])
@pytest.mark.parametrize("keeps_lease", [True, False])
def test_no_recorded_proof_stands_against_a_newer_word_that_the_node_serves(recorded, keeps_lease):  # B4
    serves = a_report(heard_at=NOW + 999, boot="rebooted", keeps_lease=keeps_lease)
    state = a_moving_state(previous=a_previous(proof=recorded), node_a=serves)
    assert proof(state, NOW + 1000, PowerReading.RUNNING) is None
    assert proof(state, NOW + 1000, PowerReading.STOPPED) is Proof.STOPPED


@pytest.mark.parametrize("service", [each for each in ServiceStatus if each is not ServiceStatus.OUT_OF_SERVICE])
def test_a_lease_that_ran_out_proves_nothing_about_a_node_that_says_that_no_lease_bounds_it(service):  # B4
    """The machine booted again, its service came up by itself, and its agent can send and not read."""
    unbound = a_report(heard_at=NOW + 5, boot="rebooted", service=service, keeps_lease=False, read_epoch=0)
    state = a_moving_state(node_a=unbound)
    assert proof(state, NOW + 3600) is None
    assert proof(state, NOW + 3600, PowerReading.STOPPED) is Proof.STOPPED


def test_a_third_member_that_says_that_it_serves_stands_against_every_proof():  # B4
    third = a_report(NODE_C, service=ServiceStatus.IN_SERVICE, keeps_lease=False)
    for recorded in (None, Proof.RELEASED):
        state = a_moving_state(3, previous=a_previous(proof=recorded, renewed_at=NOW - 60), node_c=third)
        assert find_proof(ClusterView(state, a_definition(3), NOW), PowerReading.STOPPED) is None


def test_a_release_by_an_agent_that_knows_other_services_is_none():  # B4
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE, read_epoch=2)
    assert proof(a_moving_state(node_a=down)) is Proof.RELEASED
    assert proof(a_moving_state(node_a=replace(down, named=NO_NAMES))) is None


def test_a_lease_proves_nothing_about_services_that_the_agent_does_not_know():  # B4
    """Its file was changed, and what it started before runs on unseen."""
    lacking = a_report(service=ServiceStatus.OUT_OF_SERVICE, named=NO_NAMES)
    assert proof(a_moving_state(node_a=lacking), NOW + 3600) is None
    assert proof(a_moving_state(node_a=lacking), NOW + 3600, PowerReading.STOPPED) is Proof.STOPPED


def test_a_holder_that_is_no_member_any_more_can_still_be_proved_off():
    down = a_report(service=ServiceStatus.OUT_OF_SERVICE)
    state = a_moving_state(previous=a_previous(node="i-0ddddddddddddddd4"), node_a=down)
    assert proof(state) is None
    assert proof(state, power=PowerReading.TERMINATED) is Proof.STOPPED


# B4
@settings(max_examples=200, deadline=None)
@given(
    sent_at=st.floats(min_value=1e9, max_value=2e9),
    latency_s=st.floats(min_value=0, max_value=10_000),
    lease_s=st.floats(min_value=0.1, max_value=3600),
    margin_s=st.floats(min_value=0, max_value=60),
)
def test_no_agent_counts_its_lease_longer_than_the_controller_waits(sent_at, latency_s, lease_s, margin_s):
    """The agent counts from its send time; EventBridge takes the beat in later, and cuts the second off."""
    previous = a_previous(renewed_at=floor(sent_at + latency_s), lease_s=lease_s)
    state = a_moving_state(previous=previous)
    proved_from = lease_expires_at(state, margin_s)
    assert proved_from is not None
    assert sent_at + lease_s <= proved_from
    assert (
        find_proof(
            ClusterView(state, a_definition(policy=Policy(drift_margin_s=margin_s)), proved_from), PowerReading.UNKNOWN
        )
        is Proof.LEASE_EXPIRED
    )
