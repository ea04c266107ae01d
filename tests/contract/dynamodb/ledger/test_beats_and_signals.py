"""What beats, EC2 and CloudWatch say of a node, and what is not believed (S11, B3)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import BOOTS, CLUSTER, NODE_A, NODE_B, NOW, a_beat, a_definition, a_report, a_state
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.fitness import FITNESS_LIMIT, Fitness
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.service_names import digest_of
from understudy.domain.cluster.state import Alarm, ClusterState, PowerReading, ServiceStatus
from understudy.domain.observe.signal import (
    AlarmSignal,
    DepartureSignal,
    FaultSignal,
    LateSignal,
    NamesSignal,
    PowerSignal,
)
from understudy.ports.ledger import NOT_A_MEMBER, STALE, UNKNOWN_CLUSTER


def recorded(answer: Any) -> ClusterState:
    assert isinstance(answer, ClusterState), answer
    return answer


def test_a_beat_is_stored_and_answers_the_whole_state(ledger):
    before = ledger.read(CLUSTER)
    beat = a_beat(NODE_A, service=ServiceStatus.STARTING, keeps_lease=False, read_epoch=3, agent="0.2.0", knows=5)
    state = recorded(ledger.record_beat(beat))
    report = state.nodes[NODE_A]
    assert (report.beat, report.heard_at, report.boot) == (beat.beat, beat.heard_at, beat.boot)
    assert (report.service, report.keeps_lease, report.read_epoch, report.agent) == ("STARTING", False, 3, "0.2.0")
    assert (report.name, report.knows) == ("node-a", 5)
    assert state.nodes[NODE_B] == before.nodes[NODE_B]
    assert (state.revision, state.epoch, state.active) == (before.revision, before.epoch, before.active)
    assert ledger.read(CLUSTER) == state


def test_a_beat_of_a_cluster_that_nobody_registered_is_refused(ledger):
    assert ledger.record_beat(a_beat(cluster="nobodys")) == UNKNOWN_CLUSTER
    assert ledger.read("nobodys") is None


def test_a_beat_of_an_instance_that_is_no_member_is_refused(ledger):
    assert ledger.record_beat(a_beat(instance_id="i-0ddddddddddddddd4")) == NOT_A_MEMBER
    assert set(ledger.read(CLUSTER).nodes) == {NODE_A, NODE_B}


@pytest.mark.parametrize(
    ("changes", "is_recorded"),
    [
        ({}, True),
        ({"beat": a_report().beat, "heard_at": NOW + 9}, False),
        ({"beat": a_report().beat - 1, "heard_at": NOW + 9}, False),
        ({"beat": a_report().beat + 1, "heard_at": NOW}, True),
        # It would make the node heard earlier than it was, and its lease end before the agent counts it as ended.
        ({"beat": a_report().beat + 1, "heard_at": NOW - 1}, False),
        ({"boot": "new-boot", "beat": 1, "heard_at": NOW + 1}, True),
        ({"boot": "new-boot", "beat": 10**12, "heard_at": NOW}, False),
        ({"boot": "new-boot", "beat": 10**12, "heard_at": NOW - 1}, False),
    ],
    ids=[
        "next",
        "duplicate",
        "overtaken",
        "next-in-the-same-second",
        "next-but-ingested-earlier",
        "rebooted",
        "other-boot-same-second",
        "other-boot-earlier",
    ],
)
def test_only_a_newer_beat_replaces_the_one_recorded(ledger, changes, is_recorded):
    before = ledger.read(CLUSTER)
    answer = ledger.record_beat(a_beat(**changes))
    assert isinstance(answer, ClusterState) is is_recorded
    if not is_recorded:
        assert answer == STALE
        assert ledger.read(CLUSTER) == before


def test_the_first_beat_of_a_node_never_heard_is_recorded_whatever_its_number(empty_ledger):
    never_heard = a_report(NODE_A, beat=0, heard_at=None, boot="", agent="")
    empty_ledger.register(None, a_state(node_a=never_heard), a_definition())
    assert empty_ledger.read(CLUSTER).nodes[NODE_A] == never_heard
    assert recorded(empty_ledger.record_beat(a_beat(beat=0, boot="b"))).nodes[NODE_A].heard_at == NOW + 4


@pytest.mark.parametrize(
    ("heard_at", "late_s", "heard_since"),
    [
        (NOW + 9, 0, NOW - 3600),
        (NOW + 10, 0, NOW + 10),
        (NOW + 4, 5, NOW - 3600),
        (NOW + 4, 6, NOW + 10),
    ],
    ids=["in time", "heard too late", "recorded in time", "recorded too late"],
)
def test_a_run_of_beats_is_broken_when_the_next_is_recorded_too_late(ledger, heard_at, late_s, heard_since):  # B3
    """One beat and the lag of the observer after the one before: 4 s + 5 s."""
    report = recorded(ledger.record_beat(a_beat(NODE_B, heard_at=heard_at, late_s=late_s))).nodes[NODE_B]
    assert (report.heard_at, report.heard_since, report.due_by) == (heard_at, heard_since, heard_at + 9)


def test_ec2s_word_is_kept_with_the_boot_that_beat_last(ledger):
    state = recorded(ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.STOPPED, NOW + 5)))
    report = state.nodes[NODE_A]
    assert (report.power, report.power_at, report.power_boot) == (PowerReading.STOPPED, NOW + 5, BOOTS[NODE_A])
    assert report.power_now.is_off
    rebooted = recorded(ledger.record_beat(a_beat(boot="new-boot", beat=1, heard_at=NOW + 60)))
    assert rebooted.nodes[NODE_A].power_now is PowerReading.UNKNOWN


def test_an_older_word_of_ec2_never_replaces_a_newer_one(ledger):
    ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.STOPPED, NOW + 5))
    assert ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.STOPPING, NOW + 4)) == STALE
    assert ledger.read(CLUSTER).nodes[NODE_A].power is PowerReading.STOPPED


def test_the_same_signal_twice_is_harmless(ledger):
    for signal in (PowerSignal(NODE_A, PowerReading.STOPPED, NOW), AlarmSignal(NODE_A, "disk", True, NOW)):
        once = recorded(ledger.record_signal(CLUSTER, signal))
        assert recorded(ledger.record_signal(CLUSTER, signal)) == once


def test_signals_for_strangers_are_refused(ledger):
    for signal in (PowerSignal("i-x", PowerReading.STOPPED, NOW), AlarmSignal("i-x", "disk", True, NOW)):
        assert ledger.record_signal(CLUSTER, signal) == NOT_A_MEMBER
        assert ledger.record_signal("nobodys", signal) == UNKNOWN_CLUSTER


def test_alarms_are_kept_by_name_and_the_newest_word_of_each_stands(ledger):
    name = "orders-db: disk #1 (90 %).full"
    ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, name, True, NOW + 5))
    ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, "cpu", False, NOW + 1))
    assert ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, name, False, NOW + 4)) == STALE
    expected = {name: Alarm(True, NOW + 5), "cpu": Alarm(False, NOW + 1)}
    assert ledger.read(CLUSTER).nodes[NODE_A].alarms == expected
    ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, name, False, NOW + 6))
    assert ledger.read(CLUSTER).nodes[NODE_A].alarms[name] == Alarm(False, NOW + 6)


@pytest.mark.parametrize("field", ["boot", "agent"])
@pytest.mark.parametrize("hostile", [":beat", "#nodes", "x, active = :id", "' OR 1=1", "{{}}", "ü\u0000\n"])
def test_what_a_node_says_is_a_value_and_nothing_else(ledger, field, hostile):
    before = ledger.read(CLUSTER)
    state = recorded(ledger.record_beat(a_beat(**{field: hostile, "heard_at": NOW + 4})))
    assert getattr(state.nodes[NODE_A], field) == hostile
    assert (state.active, state.epoch, state.revision) == (before.active, before.epoch, before.revision)
    assert state.nodes[NODE_B] == before.nodes[NODE_B]


def test_why_a_node_could_not_take_over_is_known_as_long_as_its_newest_beat_says_so(ledger):  # B18
    told = recorded(ledger.record_beat(a_beat(NODE_B, unfit="/run is full", waits=True)))
    assert (told.nodes[NODE_B].unfit, told.nodes[NODE_B].waits) == ("/run is full", True)
    assert ledger.read(CLUSTER).nodes[NODE_B].unfit == "/run is full"
    again = recorded(ledger.record_beat(a_beat(NODE_B, beat=a_beat(NODE_B).beat + 4000, heard_at=NOW + 8)))
    assert (again.nodes[NODE_B].unfit, again.nodes[NODE_B].waits) == ("", False)


def test_a_fingerprint_of_the_configuration_is_known_as_long_as_the_newest_beat_gives_one(ledger):  # B20
    told = recorded(ledger.record_beat(a_beat(NODE_B, config="0a1b2c")))
    assert told.nodes[NODE_B].config == "0a1b2c"
    assert ledger.read(CLUSTER).nodes[NODE_B].config == "0a1b2c"
    again = recorded(ledger.record_beat(a_beat(NODE_B, beat=a_beat(NODE_B).beat + 4000, heard_at=NOW + 8)))
    assert again.nodes[NODE_B].config == ""


# B20
@pytest.mark.parametrize("number", [None, 0, -8192, FITNESS_LIMIT - 1])
def test_how_fit_a_node_is_is_known_as_long_as_its_newest_beat_says_so(ledger, number):
    told = recorded(ledger.record_beat(a_beat(NODE_B, fitness=Fitness(number))))
    assert told.nodes[NODE_B].fitness == Fitness(number)
    assert ledger.read(CLUSTER).nodes[NODE_B].fitness == Fitness(number)
    again = recorded(ledger.record_beat(a_beat(NODE_B, beat=a_beat(NODE_B).beat + 4000, heard_at=NOW + 8)))
    assert again.nodes[NODE_B].fitness is None


def test_a_fault_is_kept_until_ec2_says_otherwise_and_a_beat_does_not_end_it(ledger):  # S3
    version = ledger.read(CLUSTER).definition_version
    state = recorded(ledger.record_signal(CLUSTER, FaultSignal(NODE_B, "its address is 10.0.2.99", version)))
    assert state.nodes[NODE_B].fault == "its address is 10.0.2.99"
    assert recorded(ledger.record_beat(a_beat(NODE_B))).nodes[NODE_B].fault == "its address is 10.0.2.99"
    for _ in range(2):
        assert recorded(ledger.record_signal(CLUSTER, FaultSignal(NODE_B, "", version))).nodes[NODE_B].fault == ""


def test_a_fault_found_with_another_version_of_the_definition_is_not_believed(ledger):  # S3
    before = ledger.read(CLUSTER)
    fault = FaultSignal(NODE_B, "its address is 10.0.2.99", before.definition_version + 1)
    assert ledger.record_signal(CLUSTER, fault) == STALE
    assert ledger.record_signal(CLUSTER, FaultSignal("i-x", "", before.definition_version)) == NOT_A_MEMBER
    assert ledger.record_signal("nobodys", fault) == UNKNOWN_CLUSTER
    assert ledger.read(CLUSTER) == before


def test_a_beat_keeps_the_digest_of_the_names_of_its_services(ledger):  # B4
    beat = a_beat(NODE_B, services=frozenset({"data"}))
    assert recorded(ledger.record_beat(beat)).nodes[NODE_B].named == beat.named == digest_of(["data"])


def test_how_names_differ_is_kept_only_while_the_node_names_the_same(ledger):  # B4
    beat = a_beat(NODE_B, services=frozenset({"data"}))
    ledger.record_beat(beat)
    state = recorded(ledger.record_signal(CLUSTER, NamesSignal(NODE_B, "lacks postgresql", beat.named)))
    assert state.nodes[NODE_B].misnamed == "lacks postgresql"
    assert ledger.record_signal(CLUSTER, NamesSignal(NODE_B, "", "ffffff")) == STALE
    assert ledger.record_signal(CLUSTER, NamesSignal("i-x", "", beat.named)) == NOT_A_MEMBER
    assert ledger.record_signal("nobodys", NamesSignal(NODE_B, "", beat.named)) == UNKNOWN_CLUSTER
    for _ in range(2):
        after = recorded(ledger.record_signal(CLUSTER, NamesSignal(NODE_B, "", beat.named)))
        assert after.nodes[NODE_B].misnamed == ""


# B14: an agent says how many beats AWS has taken in before
def test_a_beat_that_follows_the_newest_one_goes_on_with_its_run(ledger):
    first = recorded(ledger.record_beat(a_beat(NODE_A, accepted=7))).nodes[NODE_A]
    assert (first.accepted, first.lost_at) == (7, 0)
    again = a_beat(NODE_A, beat=a_beat(NODE_A).beat + 4000, heard_at=NOW + 8, accepted=8)
    after = recorded(ledger.record_beat(again)).nodes[NODE_A]
    assert (after.accepted, after.lost_at, after.heard_since) == (8, 0, first.heard_since)


def test_a_beat_before_which_one_is_missing_begins_a_run_and_says_when(ledger):
    ledger.record_beat(a_beat(NODE_A, accepted=7))
    later = a_beat(NODE_A, beat=a_beat(NODE_A).beat + 8000, heard_at=NOW + 12, late_s=1, accepted=9)
    after = recorded(ledger.record_beat(later)).nodes[NODE_A]
    assert (after.accepted, after.lost_at, after.heard_since) == (9, NOW + 13, NOW + 13)


def test_a_beat_of_another_process_or_of_an_agent_that_does_not_count_tells_of_no_loss(ledger):
    ledger.record_beat(a_beat(NODE_A, accepted=70))
    beat, heard_at = a_beat(NODE_A).beat, NOW + 4
    for accepted in (0, 1, None, 40):
        beat, heard_at = beat + 4000, heard_at + 4
        told = a_beat(NODE_A, beat=beat, heard_at=heard_at, accepted=accepted)
        after = recorded(ledger.record_beat(told)).nodes[NODE_A]
        assert (after.accepted, after.lost_at) == (accepted or None, 0)


def test_that_a_beat_was_late_is_kept_by_its_newest_time(ledger):  # B14
    before = ledger.read(CLUSTER).nodes[NODE_B]
    assert before.late_at == 0
    assert recorded(ledger.record_signal(CLUSTER, LateSignal(NODE_B, NOW + 30))).nodes[NODE_B].late_at == NOW + 30
    assert ledger.record_signal(CLUSTER, LateSignal(NODE_B, NOW + 29)) == STALE
    assert ledger.record_signal(CLUSTER, LateSignal("i-x", NOW + 40)) == NOT_A_MEMBER
    assert ledger.record_signal("nobodys", LateSignal(NODE_B, NOW + 40)) == UNKNOWN_CLUSTER
    assert ledger.read(CLUSTER).nodes[NODE_B] == replace(before, late_at=NOW + 30)


HELD = Departure(Cause.AUTO_SCALING, NOW + 30, "orders-db-a", "understudy-ha")


def goes(ledger, departure, node=NODE_B):
    return ledger.record_signal(CLUSTER, DepartureSignal(node, departure))


def test_that_an_instance_goes_is_kept_with_who_waits_for_it(ledger):  # B17
    before = ledger.read(CLUSTER).nodes[NODE_B]
    assert (before.departure, before.departure_now) == (None, None)
    assert recorded(goes(ledger, HELD)).nodes[NODE_B].departure_now == HELD
    assert goes(ledger, HELD, "i-x") == NOT_A_MEMBER
    assert ledger.record_signal("nobodys", DepartureSignal(NODE_B, HELD)) == UNKNOWN_CLUSTER
    assert ledger.read(CLUSTER).nodes[NODE_B] == replace(before, departure=HELD, departure_boot=before.boot)


def test_the_more_certain_word_of_a_departure_stands_and_of_two_alike_the_newer(ledger):  # B17
    rebalance, spot = Departure(Cause.REBALANCE, NOW + 50), Departure(Cause.SPOT, NOW + 60)
    for departure in (rebalance, spot):
        assert recorded(goes(ledger, departure)).nodes[NODE_B].departure == departure
    assert goes(ledger, replace(rebalance, at=NOW + 70)) == STALE
    assert goes(ledger, replace(spot, at=NOW + 59)) == STALE
    held = replace(HELD, at=NOW + 61)
    assert recorded(goes(ledger, held)).nodes[NODE_B].departure == held
    assert goes(ledger, replace(spot, at=NOW + 80)) == STALE
    let_go = replace(held, hook="")
    assert recorded(goes(ledger, let_go)).nodes[NODE_B].departure == let_go


def test_what_a_group_waits_for_is_noted_though_a_weaker_word_of_a_later_time_came_first(ledger):  # B17
    """Events overtake each other. A hook that the table does not know is never answered."""
    goes(ledger, Departure(Cause.REBALANCE, HELD.at + 5))
    spot = Departure(Cause.SPOT, HELD.at + 3)
    assert recorded(goes(ledger, spot)).nodes[NODE_B].departure == spot
    assert recorded(goes(ledger, HELD)).nodes[NODE_B].departure == HELD
    assert goes(ledger, replace(HELD, at=HELD.at - 1)) == STALE


def test_a_spot_instance_that_booted_anew_has_come_back_and_can_go_again(ledger):  # B17
    ledger.record_beat(a_beat(NODE_B))
    spot = Departure(Cause.SPOT, NOW + 60)
    goes(ledger, spot)
    ledger.record_beat(a_beat(NODE_B, boot="another", beat=1, heard_at=NOW + 90))
    assert ledger.read(CLUSTER).nodes[NODE_B].departure_now is None
    rebalance = Departure(Cause.REBALANCE, NOW + 50)
    assert recorded(goes(ledger, rebalance)).nodes[NODE_B].departure_now == rebalance


def test_what_a_group_ends_does_not_come_back(ledger):  # B17
    goes(ledger, HELD)
    ledger.record_beat(a_beat(NODE_B, boot="another", beat=1, heard_at=NOW + 90))
    assert ledger.read(CLUSTER).nodes[NODE_B].departure_now == HELD
    assert goes(ledger, Departure(Cause.SPOT, NOW + 95)) == STALE


def test_what_the_newest_beat_does_not_say_of_quorum_is_not_known_any_more(ledger):  # S12 B3
    first = recorded(ledger.record_beat(a_beat(NODE_A, quorum=Reach(2, 3))))
    assert first.nodes[NODE_A].quorum == Reach(2, 3)
    assert first.nodes[NODE_B].quorum is None
    later = a_beat(NODE_A, beat=a_beat(NODE_A).beat + 4000, heard_at=NOW + 8, quorum=Reach(0, 3))
    assert recorded(ledger.record_beat(later)).nodes[NODE_A].quorum == Reach(0, 3)
    silent = a_beat(NODE_A, beat=later.beat + 4000, heard_at=NOW + 12)
    assert recorded(ledger.record_beat(silent)).nodes[NODE_A].quorum is None
    after_a_gap = a_beat(NODE_A, beat=later.beat + 99_000, heard_at=NOW + 100, quorum=Reach(3, 3))
    assert recorded(ledger.record_beat(after_a_gap)).nodes[NODE_A].quorum == Reach(3, 3)


# B13
def test_what_a_beat_says_of_keys_and_peers_is_recorded_until_the_next_one_does_not_say_it(ledger):
    said = {"key": "a1b2c3 d4e5f6", "silent": (NODE_A,)}
    told = recorded(ledger.record_beat(a_beat(NODE_B, **said))).nodes[NODE_B]
    assert (told.key, told.silent) == ("a1b2c3 d4e5f6", (NODE_A,))
    assert ledger.read(CLUSTER).nodes[NODE_B] == told
    again = recorded(ledger.record_beat(a_beat(NODE_B, beat=a_beat(NODE_B).beat + 4000, heard_at=NOW + 8)))
    assert (again.nodes[NODE_B].key, again.nodes[NODE_B].silent) == ("", ())
