"""The controller and the agent share no code, but they must agree on when a lease has ended."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import NODE_A, NODE_B, a_moving_state, a_previous, a_report
from understudy.adapters.dynamodb.maps import to_map
from understudy.definition.parts import Seconds
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import Proof, ServiceStatus
from understudy.domain.lease import terms as lease
from understudy.domain.lease.proof import lease_expires_at
from understudy.domain.observe import heartbeat
from understudy_agent import expire, promise, systemd, view
from understudy_agent.lease import LeaseAnswer, LeaseView, Sender, after_read, kill_at_ms
from understudy_agent.view import BEAT_LIMIT, parse_state


@settings(max_examples=500, deadline=None)
@given(
    sent_s=st.integers(1_000, 1_000_000),
    renewed_s=st.integers(0, 100),
    latency_s=st.floats(0, 20),
    lease_s=st.integers(1, 60),
    read_epoch=st.integers(0, 4),
    service=st.sampled_from(ServiceStatus),
    proof=st.sampled_from([None, Proof.LEASE_EXPIRED]),
)
def test_the_agent_is_down_before_the_controller_counts_the_lease_as_ended(  # B4
    sent_s, renewed_s, latency_s, lease_s, read_epoch, service, proof
):
    """Boot clock and AWS's clock are the same here; their rates are what drift_margin_s is for (0 here)."""
    heard_at = int(sent_s + latency_s)
    report = a_report(NODE_A, beat=sent_s * 1000, heard_at=heard_at, read_epoch=read_epoch, service=service)
    previous = a_previous(renewed_at=heard_at - renewed_s, lease_s=lease_s, proof=proof)
    state = a_moving_state(node_a=report, previous=previous)
    # What the agent held when the lease was ended: by a beat that was sent before it was taken in.
    held = LeaseView(LeaseAnswer.MINE, 1, (previous.renewed_at + 1) * 1000 + lease_s * 1000)
    after = after_read(held, parse_state(to_map(state)), Sender(NODE_A, report.boot, range(BEAT_LIMIT), BEAT_LIMIT))
    # With the proof written down nothing moves the end any more: the bound is the one it was written down under.
    bound_s = lease_expires_at(replace(state, previous=replace(previous, proof=None)), 0)
    assert kill_at_ms(after) < bound_s * 1000


def test_a_recorded_beat_of_a_stopping_node_moves_the_end_for_both():  # B4
    report = a_report(NODE_A, beat=100_000, heard_at=100, read_epoch=2, service=ServiceStatus.STOPPING)
    state = a_moving_state(node_a=report, node_b=a_report(NODE_B, heard_since=0), previous=a_previous(renewed_at=92))
    held = LeaseView(LeaseAnswer.MINE, 1, 104_000)
    after = after_read(held, parse_state(to_map(state)), Sender(NODE_A, report.boot, range(BEAT_LIMIT), BEAT_LIMIT))
    assert after.lease_end_ms == 112_000
    assert lease_expires_at(state, 2) == 115


def test_once_the_proof_is_written_down_no_beat_moves_the_end():  # B4
    report = a_report(NODE_A, beat=100_000, heard_at=100, read_epoch=2, service=ServiceStatus.STOPPING)
    state = a_moving_state(node_a=report, previous=a_previous(renewed_at=92, proof=Proof.LEASE_EXPIRED))
    held = LeaseView(LeaseAnswer.MINE, 1, 104_000)
    assert (
        after_read(
            held, parse_state(to_map(state)), Sender(NODE_A, report.boot, range(BEAT_LIMIT), BEAT_LIMIT)
        ).lease_end_ms
        == 104_000
    )


def test_both_sides_have_the_same_limits_for_what_comes_from_outside():  # B4 B12
    """What one side takes and the other refuses stops a cluster: the item of a node's beat is everybody's."""
    assert (heartbeat.BEAT_LIMIT, heartbeat.EPOCH_LIMIT, heartbeat.VERSION_LIMIT) == (10**13, 10**9, 10**11)
    assert view.BEAT_LIMIT == heartbeat.BEAT_LIMIT
    assert view.EPOCH_LIMIT == heartbeat.EPOCH_LIMIT
    assert view.VERSION_LIMIT == heartbeat.VERSION_LIMIT
    assert [each.le for each in Seconds.__metadata__[0].metadata if hasattr(each, "le")] == [view.TIMING_LIMIT_S]


def test_the_controller_knows_how_much_longer_than_promised_an_agent_waits():  # B11
    assert lease.PROMISE_DRIFT == promise.DRIFT
    assert lease.PROMISE_LATE_S * 1000 == promise.LATE_MS
    assert lease.RENEWAL_S == view.RENEWAL_S


def test_the_margin_of_a_lease_allows_for_who_ends_services_for_an_agent_that_hangs():  # B4
    assert lease.LATE_S * 1000 > expire.POLL_MS + expire.HUNG_AFTER_MS
    assert Policy().drift_margin_s >= lease.LATE_S


def test_no_watchdog_of_systemd_is_needed_for_it_and_none_ends_an_agent_for_a_freeze_of_seconds():  # B18
    units = sorted(Path("agent").glob("understudy-agent*.service"))
    assert units
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        (watchdog_s,) = [int(line.partition("=")[2]) for line in text.splitlines() if line.startswith("WatchdogSec=")]
        assert watchdog_s - watchdog_s / systemd.PETS > 2.5
        assert Policy().lease_s > 2 * watchdog_s
