"""Timings that contradict each other are named with their numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import NOW, a_moving_state, a_previous
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Fencing, Policy
from understudy.domain.cluster.state import Proof, Terms
from understudy.domain.lease.proof import lease_expires_at
from understudy.domain.lease.terms import contradictions, terms_of


def test_the_default_timings_agree():
    assert contradictions(Policy()) == []


def test_the_terms_are_the_policys():
    assert terms_of(Policy(lease_s=30)) == Terms(
        heartbeat_interval_s=4,
        lease_read_interval_s=2,
        lease_s=30,
        kill_limit_s=1,
        silence_limit_s=15,
        hearing_s=9,
        promise_s=30,
    )


def test_a_promise_may_be_shorter_than_the_lease():  # B11
    assert terms_of(Policy(promise_s=8, on_isolation="keep")).promise_s == 8
    assert contradictions(Policy(promise_s=8)) == []


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            Policy(lease_s=20),
            "lease_s 20 + 1 + drift_margin_s 2 is above silence_limit_s 15: "
            "silence would be noticed before the lease has run out",
        ),
        (
            Policy(drift_margin_s=1.9),
            "drift_margin_s 1.9 is below 2: where an agent hangs, what takes its services down may be 2 s late on a "
            "busy node, so two nodes would serve",
        ),
        (
            Policy(heartbeat_interval_s=5, observer_lag_limit_s=4),
            "2 x heartbeat_interval_s 5 + lease_read_interval_s 2 + 1 is above lease_s 12 - kill_limit_s 1: "
            "one lost beat would stop the service",
        ),
        (
            Policy(heartbeat_interval_s=4, observer_lag_limit_s=6.5),
            "2 x heartbeat_interval_s 4 + observer_lag_limit_s 6.5 + 1 is above silence_limit_s 15: "
            "one lost beat and a late observer would look like silence",
        ),
        (
            Policy(fencing=Fencing(limit_s=14.5)),
            "fencing.limit_s 14.5 is below lease_s 12 + 1 + drift_margin_s 2: "
            "fencing would give up before the lease has run out",
        ),
        (
            Policy(fencing=Fencing(accept=(Proof.RELEASED,))),
            "fencing.accept is released alone: a node that has died releases nothing, so no failover could ever be "
            "proved; accept lease_expired or stopped as well",
        ),
        (
            Policy(fencing=Fencing(stop_instance=True, accept=(Proof.RELEASED, Proof.LEASE_EXPIRED))),
            "fencing.stop_instance is true, and fencing.accept is released, lease_expired: a stop would prove nothing; "
            "accept stopped as well",
        ),
        (
            Policy(fencing=Fencing(stop_instance=True, limit_s=29)),
            "fencing.limit_s 29 is below 30, and fencing.stop_instance is true: EC2 often needs that long to stop an "
            "instance",
        ),
        (
            Policy(failback=FailbackPolicy("automatic"), max_failovers=FailoverBudget(count=1)),
            "failback is automatic, and max_failovers.count 1 is below 2: going back spends one, and never the last "
            "one, so it could never happen",
        ),
        (
            Policy(promise_s=13),
            "promise_s 13 is above lease_s 12: a node that waits a promise out would be taken for idle",
        ),
        (
            Policy(promise_s=12, service_start_limit_s=14),
            "promise_s 12 + 1% + 2 is 14.12, and not below service_start_limit_s 14: "
            "a node that waits a promise out would be taken for one whose service does not start",
        ),
        (
            Policy(promise_s=3.5),
            "half of promise_s 3.5 is below kill_limit_s 1 + 1: promises could not be renewed in time",
        ),
    ],
)
def test_a_contradiction_is_named_with_its_numbers(policy, sentence):
    assert contradictions(policy) == [sentence]


def test_every_contradiction_is_named_at_once():
    assert len(contradictions(Policy(lease_s=20, heartbeat_interval_s=10, fencing=Fencing(limit_s=10)))) == 4


@pytest.mark.parametrize(
    "policy",
    [
        Policy(silence_limit_s=15, lease_s=12, drift_margin_s=2),
        Policy(heartbeat_interval_s=4, lease_read_interval_s=2, lease_s=12, kill_limit_s=1),
        Policy(heartbeat_interval_s=4, observer_lag_limit_s=6, silence_limit_s=15),
        Policy(fencing=Fencing(limit_s=15)),
        Policy(fencing=Fencing(accept=(Proof.STOPPED,), limit_s=1)),
        Policy(fencing=Fencing(stop_instance=True, limit_s=30)),
        Policy(failback=FailbackPolicy("automatic"), max_failovers=FailoverBudget(count=2)),
        Policy(promise_s=4, service_start_limit_s=6.5),
        Policy(promise_s=12),
    ],
)
def test_timings_that_just_meet_agree(policy):
    assert contradictions(policy) == []


SECONDS = st.floats(min_value=0.5, max_value=3600)


# B4
@settings(max_examples=100, deadline=None)
@given(lease_s=SECONDS, margin_s=SECONDS, silence_s=SECONDS)
def test_when_timings_agree_the_lease_is_over_when_silence_is_noticed(lease_s, margin_s, silence_s):
    policy = Policy(lease_s=lease_s, drift_margin_s=margin_s, silence_limit_s=silence_s)
    expires_at = lease_expires_at(a_moving_state(previous=a_previous(renewed_at=NOW, lease_s=lease_s)), margin_s)
    costs_time = any("silence would be noticed" in fault for fault in contradictions(policy))
    assert expires_at is not None
    assert costs_time or expires_at - NOW <= silence_s + 1e-6


@pytest.mark.parametrize("policy", [Policy(), Policy(heartbeat_interval_s=2, silence_limit_s=15)])
def test_an_outage_of_all_beats_that_no_witness_notices_makes_no_node_silent(policy):  # B3
    """The longest gap that such an outage can leave between two beats of another node is below silence_limit_s."""
    assert contradictions(policy) == []
    assert policy.hearing_s + policy.heartbeat_interval_s < policy.silence_limit_s
