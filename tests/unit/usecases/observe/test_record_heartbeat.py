"""What a heartbeat does."""

from dataclasses import replace

import pytest

from tests.support.builders import BOOTS, CLUSTER, NODE_A, NODE_B, NOW, a_definition, a_report, a_state
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.errors import AnnouncementError, LedgerConflictError
from understudy.domain.events.alerts import AlertOver, OperatorCalled
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.record_heartbeat import record_heartbeat

ARN = "arn:aws:ec2:us-east-1:123456789012:instance/"


class Recorder:
    def __init__(self, state=None):
        self.clock = VirtualClock(NOW)
        self.ledger = FakeLedger(state or a_state(), a_definition())
        self.launcher, self.announcer = FakeLauncher(), FakeAnnouncer()
        self.judge = Judge(self.ledger, self.launcher, self.announcer, self.clock)

    def beat(self, instance_id=NODE_B, at=NOW + 4, delay_s=0, **changes):
        self.clock.now_s = at + delay_s
        detail = {
            "cluster": CLUSTER,
            "boot": BOOTS[instance_id],
            "beat": 86_400_000 + (at - NOW) * 1000,
            "keeps_lease": True,
            "read_epoch": 1,
            "services": {"postgresql": "IN_SERVICE" if instance_id == NODE_A else "OUT_OF_SERVICE"},
            "agent": "0.1.0",
        }
        return self.send({"source": ARN + instance_id, "ingested_at": _iso(at), "detail": {**detail, **changes}})

    def send(self, event):
        return record_heartbeat(event, beats=self.ledger, ledger=self.ledger, judge=self.judge, clock=self.clock)


def _iso(at):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_beat_when_all_is_well_costs_one_write_and_starts_nothing():  # S11 B9
    world = Recorder()
    assert world.beat() == "recorded"
    assert world.ledger.calls.count("record_beat") == 1
    assert set(world.ledger.calls) == {"record_beat", "definition"}  # a version is read once and kept
    assert world.ledger.state().nodes[NODE_B].heard_at == NOW + 4
    assert not world.launcher.starts
    assert not world.announcer.events


def test_a_beat_of_the_standby_notices_that_the_active_node_is_silent():  # S11
    world = Recorder(a_state(node_b=a_report(NODE_B)))
    world.beat(at=NOW + 7)
    world.beat(at=NOW + 14)
    assert not world.launcher.starts
    world.beat(at=NOW + 15)
    (name,) = world.launcher.starts
    assert name.startswith("orders-db-epoch2-")
    assert world.launcher.requests[0]["rule"] == "active-is-silent"
    assert world.launcher.requests[0]["action"] == "failover"


def test_the_first_beat_after_an_outage_of_all_beats_does_not_speak_against_the_other_node():  # B3 B11
    world = Recorder()
    world.beat(NODE_B, at=NOW + 100)
    assert not world.launcher.starts
    world.beat(NODE_B, at=NOW + 104)
    world.beat(NODE_A, at=NOW + 105)
    world.beat(NODE_B, at=NOW + 108)
    assert not world.launcher.starts
    assert world.ledger.state().alert is None


def test_a_node_that_died_in_an_outage_of_all_beats_is_noticed_a_silence_after_its_end():  # B3
    world = Recorder()
    for at in range(NOW + 100, NOW + 115, 4):
        world.beat(NODE_B, at=at)
    assert not world.launcher.starts
    world.beat(NODE_B, at=NOW + 116)
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_an_outage_of_all_beats_that_is_shorter_than_a_silence_does_not_speak_against_the_other_node():  # B3 B11
    """Two beats of each node are lost, and the standby's is the first to come through: found by the simulation."""
    world = Recorder()
    world.beat(NODE_B, at=NOW + 4)
    world.beat(NODE_B, at=NOW + 15)
    assert not world.launcher.starts
    assert world.ledger.state().alert == "observer-is-suspect"


def test_one_lost_beat_of_the_standby_does_not_hinder_it_from_noticing_a_silence():  # B3
    world = Recorder()
    for at in (NOW + 4, NOW + 8, NOW + 16):
        world.beat(NODE_B, at=at)
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_beats_that_waited_together_do_not_speak_against_a_node_whose_beats_still_wait():  # B3
    """The standby's backlog comes first, its newest beat is fresh, and nothing of the active node's is there yet."""
    world = Recorder()
    for at in range(NOW + 4, NOW + 24, 4):
        world.beat(NODE_B, at=at, delay_s=NOW + 25 - at)
    world.beat(NODE_B, at=NOW + 24, delay_s=1)
    assert not world.launcher.starts
    assert world.ledger.state().nodes[NODE_B].heard_since == NOW + 25


def test_an_active_node_that_is_heard_and_serves_nothing_has_failed():  # S10 B2
    """It can send and not read its lease, so its services are down; or somebody has stopped its agent."""
    world = Recorder()
    world.beat(NODE_A, services={"postgresql": "OUT_OF_SERVICE"})
    assert world.launcher.requests[0]["rule"] == "active-has-failed"


def test_an_active_node_that_comes_back_from_an_outage_is_given_time_to_take_up_its_service():  # B3 B11
    world = Recorder()
    world.beat(NODE_B, at=NOW + 99)
    for at in (NOW + 100, NOW + 104):
        world.beat(NODE_A, at=at, services={"postgresql": "OUT_OF_SERVICE"})
        world.beat(NODE_B, at=at)
    world.beat(NODE_A, at=NOW + 108)
    assert not world.launcher.starts


def test_two_beats_that_notice_the_same_silence_ask_for_one_transition():
    world = Recorder(a_state(node_b=a_report(NODE_B)))
    assert NOW % 15 == 0
    world.beat(at=NOW + 8)
    world.beat(at=NOW + 15)
    world.beat(at=NOW + 16)
    assert len(world.launcher.starts) == 1


def test_a_beat_that_is_judged_late_moves_nothing_and_calls_the_operator_once():  # B3
    world = Recorder()
    world.beat(at=NOW + 30, delay_s=6)
    world.beat(at=NOW + 34, delay_s=6)
    assert not world.launcher.starts
    assert [detail["rule"] for detail in world.announcer.details(OperatorCalled)] == ["observer-is-suspect"]


# B14: beats are late unevenly
@pytest.mark.parametrize("late", [NODE_A, NODE_B])
def test_a_late_beat_of_any_node_makes_the_observer_doubt_every_silence_for_as_long_as_a_silence(late):
    world = Recorder(a_state(node_b=a_report(NODE_B), node_a=a_report(NODE_A)))
    world.beat(NODE_B, at=NOW + 4)
    world.beat(late, at=NOW + 5, delay_s=6)
    for at in range(NOW + 12, NOW + 26, 2):
        world.beat(NODE_B, at=at)
    assert not world.launcher.starts
    assert world.ledger.state().alert == "observer-is-suspect"
    for at in range(NOW + 26, NOW + 42, 4):
        world.beat(NODE_B, at=at)
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_a_late_beat_that_a_newer_one_has_overtaken_is_remembered_as_well():  # B14
    world = Recorder()
    world.beat(NODE_B, at=NOW + 4)
    world.beat(NODE_A, at=NOW + 8)
    world.beat(NODE_B, at=NOW + 8)
    assert world.beat(NODE_A, at=NOW + 4, delay_s=12) == "stale"
    assert world.ledger.state().nodes[NODE_A].late_at == NOW + 16
    world.beat(NODE_B, at=NOW + 12)
    world.beat(NODE_B, at=NOW + 24)
    assert not world.launcher.starts


def test_where_beats_are_lost_by_their_senders_count_no_silence_is_believed():  # B14
    world = Recorder(a_state(node_b=a_report(NODE_B, accepted=10)))
    world.beat(at=NOW + 8, accepted=12)
    world.beat(at=NOW + 12, accepted=13)
    for at in range(NOW + 16, NOW + 68, 4):
        world.beat(at=at, accepted=14 + (at - NOW - 16) // 4)
    assert not world.launcher.starts
    assert world.ledger.state().alert == "observer-is-suspect"
    world.beat(at=NOW + 68, accepted=27)
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_a_repeated_beat_that_comes_in_time_costs_nothing_more():  # B9
    world = Recorder()
    world.beat(at=NOW + 8)
    calls = len(world.ledger.calls)
    assert world.beat(at=NOW + 8) == "stale"
    assert world.ledger.calls[calls:] == ["record_beat"]


def test_an_alert_is_forgotten_when_its_cause_is_gone_so_that_the_next_one_is_told():
    world = Recorder()
    world.beat(at=NOW + 30, delay_s=6)
    assert world.ledger.state().alert == "observer-is-suspect"
    world.beat(NODE_A, at=NOW + 32)
    assert world.ledger.state().alert is None
    world.beat(at=NOW + 60, delay_s=6)
    assert len(world.announcer.details(OperatorCalled)) == 2


def test_whoever_was_called_hears_once_that_it_is_over_and_what_holds_instead():  # B5 B8
    world = Recorder()
    world.beat(at=NOW + 30, delay_s=6)
    assert world.announcer.details(AlertOver) == []
    world.beat(NODE_A, at=NOW + 32)
    world.beat(NODE_A, at=NOW + 36)
    (told,) = world.announcer.details(AlertOver)
    assert (told["rule"], told["now"]) == ("observer-is-suspect", "active-is-ready")


def test_an_alert_that_could_not_be_taken_back_is_not_told_as_over():
    world = Recorder()
    world.beat(at=NOW + 30, delay_s=6)
    world.ledger.fail_next("commit", LedgerConflictError("somebody wrote"))
    world.beat(NODE_A, at=NOW + 32)
    assert world.announcer.details(AlertOver) == []
    world.beat(NODE_A, at=NOW + 36)
    assert len(world.announcer.details(AlertOver)) == 1


def test_a_bus_that_does_not_take_the_call_for_the_operator_stops_nothing():
    world = Recorder()
    world.announcer.fail_next("announce", AnnouncementError("down"))
    assert world.beat(at=NOW + 30, delay_s=6) == "recorded"


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ({}, "malformed"),
        ({"source": ARN + NODE_A, "ingested_at": "yesterday", "detail": {}}, "malformed"),
        ({"source": ARN + NODE_A, "ingested_at": "2026-11-22T10:00:00", "detail": {}}, "malformed"),
        ({"source": "aws.ec2", "ingested_at": "2026-11-22T10:00:00Z", "detail": {}}, "malformed"),
        ({"source": ARN + NODE_A, "ingested_at": "2026-11-22T10:00:00Z", "detail": "x"}, "malformed"),
    ],
)
def test_an_event_that_is_no_heartbeat_is_refused_without_a_write(event, outcome):  # S11
    world = Recorder()
    assert world.send(event) == outcome
    assert world.ledger.calls == []


def test_a_beat_for_an_unknown_cluster_is_refused():  # S11
    assert Recorder().beat(cluster="no-such") == "unknown_cluster"


def test_a_beat_of_an_instance_that_is_no_member_is_refused():  # S11
    world = Recorder(replace(a_state(), nodes={NODE_A: a_report()}))
    assert world.beat(NODE_B) == "not_a_member"


def test_late_duplicate_and_reordered_beats_never_replace_newer_ones():  # S11
    world = Recorder()
    assert world.beat(at=NOW + 8) == "recorded"
    assert world.beat(at=NOW + 8) == "stale"
    assert world.beat(at=NOW + 4) == "stale"
    assert world.ledger.state().nodes[NODE_B].heard_at == NOW + 8


def test_a_late_beat_of_an_earlier_boot_does_not_replace_the_newer_boot():  # S11
    world = Recorder()
    assert world.beat(at=NOW + 8, boot="second-boot", beat=5) == "recorded"
    assert world.beat(at=NOW + 7) == "stale"
    assert world.ledger.state().nodes[NODE_B].boot == "second-boot"
