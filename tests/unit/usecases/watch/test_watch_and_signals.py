"""The minute's backstop, and what EC2 and CloudWatch say."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    SPECS,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    record_sets,
)
from tests.support.drills import a_drill_master
from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.balancers import FakeTargetGroups
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.keys import FakeKeys
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.scaling import FakeScalingGroups, a_releaser
from tests.support.fakes.zone import FakeZone
from understudy.domain.batching.group_commit import FOLLOWED_S
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.errors import AddressUnreadableError, LedgerConflictError, NewerFormatError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.no_standby import LONE_LIMIT_S, NoStandby
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.addresses import RecordDrifted
from understudy.domain.events.alerts import ClusterDegraded, OperatorCalled
from understudy.domain.events.definitions import StateTooNew
from understudy.domain.events.operators import ClusterResumed
from understudy.usecases.observe.judge import Judge
from understudy.usecases.observe.receive_signal import ALARM_STATE, EC2_STATE, receive_signal
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import TELL_LIMIT, ClusterWatch


class Controller:
    def __init__(self, *states, definition=None):
        self.clock = VirtualClock(NOW)
        self.ledger, self.launcher, self.announcer = FakeLedger(), FakeLauncher(), FakeAnnouncer()
        self.parameters, self.zone, self.nodes = FakeParameters(), FakeZone(self.clock), FakeNodes()
        self.network, self.alarms, self.keys = FakeNetwork(), FakeAlarms(), FakeKeys()
        self.shared = self.zone  # who is asked for changes in a crowd
        for spec in SPECS:
            self.nodes.launch_as(spec)
        self.registered = []
        for record_set in record_sets():
            self.zone.put(RECORD, record_set)
        for state in states or (a_state(),):
            self.ledger.put_definition(replace(definition or a_definition(), cluster=state.cluster))
            self.ledger.put_state(state)
        self.judge = Judge(self.ledger, self.launcher, self.announcer, self.clock)
        self.scaling = FakeScalingGroups()
        self.balancers = FakeTargetGroups()

    def watch(self, register=None):
        return ClusterWatch(
            ledger=self.ledger,
            beats=self.ledger,
            nodes=self.nodes,
            alarms=self.alarms,
            index=self.ledger,
            parameters=self.parameters,
            follower=ChangeFollower(self.zone, self.shared, self.zone, self.clock, "understudy"),
            network=self.network,
            announcer=self.announcer,
            register=register or self.registered.append,
            judge=self.judge,
            drills=a_drill_master(self.ledger, self.launcher, self.announcer, self.clock),
            monitor=RecordMonitor(self.ledger, self.zone, self.announcer, self.clock, lambda gap_s: None, "understudy"),
            clock=self.clock,
            restore_key=self.keys.make,
            replacing=(a_releaser(self.ledger, self.clock, self.scaling).release_all,),
            balancers=self.balancers,
        ).run()

    def receive(self, detail_type, detail, at=NOW, delay_s=0):
        from datetime import UTC, datetime

        self.clock.now_s = at + delay_s
        event = {"detail-type": detail_type, "time": datetime.fromtimestamp(at, UTC).isoformat(), "detail": detail}
        return receive_signal(
            event,
            beats=self.ledger,
            ledger=self.ledger,
            index=self.ledger,
            judge=self.judge,
            clock=self.clock,
            releaser=a_releaser(self.ledger, self.clock, self.scaling),
        )

    def ec2(self, state, instance_id=NODE_A, **when):
        return self.receive(EC2_STATE, {"instance-id": instance_id, "state": state}, **when)

    def alarm(self, value, name="orders-db-down", **when):
        return self.receive(ALARM_STATE, {"alarmName": name, "state": {"value": value}}, **when)


def silent_for(seconds, **changes):
    return a_state(node_a=a_report(heard_at=NOW - seconds), **changes)


def test_the_watch_notices_a_silence_that_no_beat_has_noticed():  # S11
    world = Controller(silent_for(20))
    assert world.watch().judged == 1
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_a_hold_that_is_over_is_taken_away_and_told_of_by_the_watch():  # B6
    world = Controller(a_state(hold=Hold(NOW - 60, NOW)), a_state(cluster="invoices-db", hold=Hold(NOW - 60, NOW + 1)))
    world.watch()
    assert world.ledger.state().hold is None
    assert [(told["cluster"], told["reason"]) for told in world.announcer.details(ClusterResumed)] == [
        (CLUSTER, "the hold is over")
    ]


def test_a_hold_whose_end_cannot_be_written_down_is_ended_by_the_next_watch():  # B6
    world = Controller(a_state(hold=Hold(NOW - 60, NOW)))
    world.ledger.fail_next("commit", LedgerConflictError("somebody else wrote"))
    assert world.watch().faults == (), "it is no fault of the watch"
    assert world.announcer.details(ClusterResumed) == []
    world.watch()
    assert len(world.announcer.details(ClusterResumed)) == 1


def test_when_nobody_anywhere_is_heard_the_watch_doubts_itself():  # B3
    dark = a_state(node_a=a_report(heard_at=NOW - 20), node_b=a_report(NODE_B, heard_at=NOW - 20))
    world = Controller(dark, replace(dark, cluster="invoices-db"))
    world.watch()
    assert not world.launcher.starts
    assert {detail["rule"] for detail in world.announcer.details(OperatorCalled)} == {"observer-is-suspect"}


def test_beats_that_arrive_late_for_everybody_are_not_taken_for_the_silence_of_one():  # B3
    """All beats are eleven seconds late: one node seems silent already, its peer not yet."""
    late = a_state(node_a=a_report(heard_at=NOW - 15), node_b=a_report(NODE_B, heard_at=NOW - 11))
    world = Controller(late)
    world.watch()
    world.ec2("running", instance_id=NODE_B)
    assert not world.launcher.starts
    assert world.announcer.details(OperatorCalled)[0]["rule"] == "observer-is-suspect"


def test_one_cluster_that_is_heard_lets_the_watch_believe_the_silence_of_another():  # B3
    world = Controller(silent_for(20), a_state(cluster="invoices-db"))
    world.watch()
    assert [request["cluster"] for request in world.launcher.requests] == [CLUSTER]


def test_a_cluster_that_cannot_be_judged_never_hides_the_next():  # B8
    broken = replace(silent_for(20, cluster="broken-db"), definition_version=99)
    world = Controller(broken, a_state(cluster="invoices-db"), silent_for(20))
    world.ledger.items.pop(("broken-db", "definition#00000099"), None)
    report = world.watch()
    assert (report.judged, len(report.faults)) == (2, 1)
    assert [request["cluster"] for request in world.launcher.requests] == [CLUSTER]


def test_parameters_out_of_reach_do_not_keep_the_watch_from_judging():  # B8
    world = Controller(silent_for(20))
    world.parameters.fail_next("cluster_texts", ConnectionError("Parameter Store is down"))
    report = world.watch()
    assert (report.judged, len(report.faults)) == (1, 1)
    assert len(world.launcher.starts) == 1


def test_the_watch_registers_what_no_event_has_announced():
    world = Controller()
    text = world.parameters.put("invoices-db", "nodes: []")
    assert world.watch().registered == 1
    assert world.registered == [text]


def test_an_overdue_transition_is_taken_up_by_the_watch():  # B4
    overdue = a_transition(deadline_at=NOW - 1)
    world = Controller(
        a_moving_state(transition=overdue, node_a=a_report(heard_at=NOW - 90), previous=a_previous(renewed_at=NOW - 90))
    )
    world.watch()
    assert world.launcher.requests[0]["rule"] == "overdue-and-nobody-holds"


def test_ec2_is_asked_for_a_node_without_proof_when_its_event_was_lost():  # B4
    held = a_moving_state(transition=None, previous=a_previous(keeps_lease=False), node_a=a_report(heard_at=NOW - 90))
    world = Controller(held)
    world.watch()
    assert world.ledger.state().alert == "last-holder-is-unproven"
    world.nodes.launch(NODE_A, "10.0.1.10", "us-east-1a", PowerReading.STOPPED)
    world.watch()
    assert world.launcher.requests[0]["rule"] == "place-by-priority"


def test_each_cluster_is_judged_by_the_time_at_which_it_was_read_however_long_the_watch_takes():  # B12
    world = Controller(a_state(), a_state(cluster="invoices-db"))
    for _ in range(2):
        world.ledger.before_next("definition", lambda: world.clock.advance(14))
    world.ledger.before_next("read", lambda: None)
    world.watch()
    assert not world.launcher.starts


def test_after_an_outage_of_the_beats_the_first_node_to_come_back_does_not_speak_against_the_other():  # B3 B11
    back = a_report(NODE_B, heard_at=NOW, heard_since=NOW)
    world = Controller(a_state(node_a=a_report(heard_at=NOW - 100), node_b=back), a_state(cluster="invoices-db"))
    world.watch()
    assert not world.launcher.starts
    assert world.ledger.state(CLUSTER).alert == "observer-is-suspect"


def propagating(**changes):
    return Address(AddressStatus.PROPAGATING, 1, ("C0000000000001",), **changes)


def test_a_change_that_outlasted_its_polls_is_followed_until_in_sync_and_noted_in_the_history():  # S7
    world = Controller(a_state(address=propagating()))
    world.zone.submit(RECORD, (), "")
    world.zone.propagation_s = 60
    world.watch()
    assert world.ledger.state().address.status is AddressStatus.PROPAGATING
    world.zone.propagation_s = 0
    world.watch()
    assert world.ledger.state().address.status is AddressStatus.IN_SYNC
    assert "in_sync_at" in world.ledger.history(CLUSTER, 1)["stages"]


@pytest.mark.parametrize(("crowded_until", "asked"), [(NOW, 1), (NOW - FOLLOWED_S, 0)], ids=["crowd", "quiet"])
def test_in_a_crowd_the_watch_asks_for_changes_as_the_workflows_do(crowded_until, asked):  # S7 B12
    world = Controller(a_state(address=propagating()))
    world.zone.submit(RECORD, (), "")
    world.shared = FakeZone(world.clock)
    world.shared.submit(RECORD, (), "")
    world.ledger.crowded_until = crowded_until
    world.watch()
    assert world.shared.calls.count("change_status") == asked
    assert world.zone.calls.count("change_status") == 1 - asked


def test_a_change_that_route_53_knows_no_more_is_unconfirmed_while_its_record_stands():  # S7 B2
    world = Controller(a_state(address=propagating()))
    world.watch()
    assert world.ledger.state().address == replace(propagating(), status=AddressStatus.UNCONFIRMED)
    story = world.ledger.history(CLUSTER, 1)
    assert story["lost_changes"] == ["C0000000000001"]
    assert list(story["stages"]) == ["unconfirmed_at"]
    world.watch()
    assert world.zone.calls.count("change_status") == 1  # there is nothing left to ask for


@pytest.mark.parametrize("wrong", [{"address": "10.9.9.9"}, {"epoch": 9}, None], ids=["value", "guard", "absent"])
def test_a_change_that_route_53_knows_no_more_is_submitted_again_when_its_record_is_wrong(wrong):  # S7 B2
    world = Controller(a_state(address=propagating()))
    world.zone.record_sets.clear()
    for record_set in record_sets(**wrong) if wrong else ():
        world.zone.put(RECORD, record_set)
    world.watch()
    assert world.ledger.state().address == replace(propagating(), status=AddressStatus.OWED, retry_at=NOW)
    assert RECORD.label in world.ledger.history(CLUSTER, 1)["address_fault"]
    world.watch()
    assert [request["rule"] for request in world.launcher.requests] == ["address-is-owed"]


def test_a_lost_change_whose_record_cannot_be_read_stays_as_it_is():  # S7 B3
    world = Controller(a_state(address=propagating()))
    world.zone.fail_next("read", AddressUnreadableError("Throttling"))
    world.watch()
    assert world.ledger.state().address == propagating()


def test_a_change_of_a_cluster_that_nobody_serves_is_left_alone_when_route_53_knows_it_no_more():  # S7 B3
    """Nobody knows what the record is to say: that is for the next grant."""
    world = Controller(a_state(active=None, previous=a_previous(), address=propagating()))
    world.watch()
    assert world.ledger.state().address == propagating()
    assert "read" not in world.zone.calls


def test_a_lost_change_is_not_noted_over_a_newer_move():  # B1
    world = Controller(a_state(address=propagating()))
    newer = a_moving_state(epoch=5, revision=99)
    world.zone.before_next("read", lambda: world.ledger.put_state(newer))
    assert not world.watch().faults
    assert world.ledger.state() == newer


@pytest.mark.parametrize("power", ["stopping", "stopped", "shutting-down", "terminated"])
def test_ec2_saying_that_the_active_node_goes_starts_the_failover_at_once(power):  # S11
    world = Controller()
    assert world.ec2(power) == [CLUSTER]
    assert world.launcher.requests[0]["rule"] == "active-is-gone"


def test_ec2s_word_counts_even_when_it_comes_late():  # B3
    world = Controller()
    world.ec2("stopped", delay_s=8)
    assert world.launcher.requests[0]["rule"] == "active-is-gone"


def test_a_running_instance_is_no_cause():
    world = Controller()
    world.ec2("running")
    assert not world.launcher.starts


def test_an_older_word_of_ec2_does_not_replace_a_newer_one():  # S11
    world = Controller()
    world.ec2("running", at=NOW)
    assert world.ec2("stopped", at=NOW - 5) == []
    assert world.ledger.state().nodes[NODE_A].power is PowerReading.RUNNING


def test_an_instance_in_no_cluster_concerns_nobody():
    assert Controller().ec2("stopped", instance_id="i-0123456789abcdef0") == []


def test_an_instance_in_two_clusters_is_judged_in_both():
    world = Controller(a_state(), a_state(cluster="invoices-db"))
    assert sorted(world.ec2("stopped")) == ["invoices-db", CLUSTER]
    assert len(world.launcher.starts) == 2


def test_a_cluster_that_a_signal_cannot_be_noted_of_never_hides_the_next():  # B8 S11
    controller = Controller(a_state(cluster="a"), a_state(cluster="b"))
    controller.ledger.fail_next("record_signal", RuntimeError("the table is throttled"))
    with pytest.raises(RuntimeError, match="throttled"):
        controller.receive(EC2_STATE, {"instance-id": NODE_A, "state": "shutting-down"})
    assert [request["cluster"] for request in controller.launcher.starts.values()] == ["b"]


def with_alarm():
    return a_definition(nodes=(replace(SPECS[0], alarms=("orders-db-down",)), SPECS[1]))


def test_an_alarm_that_the_definition_names_fails_its_node():  # S11
    world = Controller(definition=with_alarm())
    assert world.alarm("ALARM") == [CLUSTER]
    assert world.launcher.requests[0]["rule"] == "active-has-failed"


@pytest.mark.parametrize("value", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_without_data_is_no_failure(value):  # B3
    world = Controller(definition=with_alarm())
    world.alarm(value)
    assert not world.launcher.starts


def test_a_word_from_the_future_changes_nothing_and_makes_no_later_word_old():  # S11 B3
    world = Controller(definition=with_alarm())
    assert world.alarm("ALARM", at=NOW + 3600, delay_s=-3600) == []
    assert world.ec2("stopped", at=NOW + 3600, delay_s=-3600) == []
    assert not world.launcher.starts
    assert world.alarm("ALARM", at=NOW + 5) == [CLUSTER]
    assert world.ledger.state().nodes[NODE_A].alarms["orders-db-down"].at == NOW + 5


def test_clocks_of_aws_that_differ_by_seconds_are_believed():  # S11
    world = Controller(definition=with_alarm())
    assert world.alarm("ALARM", at=NOW + 3, delay_s=-3) == [CLUSTER]


def test_an_alarm_that_nobody_names_concerns_nobody():
    assert Controller(definition=with_alarm()).alarm("ALARM", name="another") == []


def test_a_record_that_somebody_changed_is_put_right_from_the_next_watch_on():  # S5
    world = Controller()
    world.zone.put(RECORD, record_sets(address="10.9.9.9")[0])
    world.watch()
    world.watch()
    assert world.launcher.requests[0]["rule"] == "address-is-owed"
    assert len(world.announcer.details(RecordDrifted)) == 1


@pytest.mark.parametrize(
    "state",
    [a_state(lone=NoStandby(NOW - 10)), a_state(peers="a1b2c3d4"), a_state(lone=NoStandby(NOW - 10), peers="a1b2c3d4")],
    ids=["a-standby-is-back", "peers-are-well-again", "both"],
)
def test_what_a_watch_tells_of_first_does_not_keep_it_from_seeing_a_changed_record(state):  # S5 B8 B13
    world = Controller(state)
    world.zone.put(RECORD, record_sets(address="10.9.9.9")[0])
    world.watch()
    assert len(world.announcer.details(RecordDrifted)) == 1
    assert (world.ledger.state().lone, world.ledger.state().peers) == (None, "")


def test_tunables_that_cannot_be_read_do_not_keep_definitions_from_being_registered():  # B8
    world = Controller()
    text = world.parameters.put("invoices-db", "nodes: []")
    world.parameters.fail_next("tuning_text", ConnectionError("AccessDenied"))
    assert len(world.watch().faults) == 1
    assert world.registered == [text]


def test_clusters_that_a_newer_stack_has_written_are_told_of_together_and_all_others_are_judged():  # B3 B8
    world = Controller(a_state(), a_state(cluster="invoices-db"), a_state(cluster="files"))
    for name in (CLUSTER, "invoices-db"):
        world.ledger.fail_next("read", NewerFormatError(name, 2, 1))
    report = world.watch()
    assert report.judged == 1
    assert [type(fault) for fault in report.faults] == [NewerFormatError] * 2
    assert world.announcer.details(StateTooNew) == [{"clusters": ["invoices-db", CLUSTER], "format": 2, "known": 1}]
    world.watch()
    assert len(world.announcer.details(StateTooNew)) == 1


# --- a cluster that nobody could take over -------------------------------------------------------

DOWN = a_report(NODE_B, heard_at=NOW - 600)
WELL = a_report(NODE_A, heard_at=NOW + LONE_LIMIT_S - 1)


def later(controller, **changes):
    """What the watch finds when the limit is over."""
    controller.clock.now_s = NOW + LONE_LIMIT_S
    state = controller.ledger.state()
    controller.ledger.put_state(replace(state, nodes={**state.nodes, NODE_A: WELL}, **changes))
    controller.watch()
    return controller.announcer.details(ClusterDegraded)


def test_people_are_told_once_which_cluster_has_had_nobody_to_take_over_for_five_minutes():  # B8
    controller = Controller(a_state(node_b=DOWN))
    controller.watch()
    assert controller.announcer.details(ClusterDegraded) == []
    (told,) = later(controller)
    assert (told["cluster"], told["fault"], told["since"]) == (CLUSTER, "no other node is fit to take over", NOW)
    assert told["facts"]["nodes"]["node-b"]["health"] == "SILENT"
    assert len(later(controller)) == 1


def test_a_standby_that_is_back_within_five_minutes_was_never_missed():  # B8
    controller = Controller(a_state(node_b=DOWN))
    controller.watch()
    assert controller.ledger.state().lone == NoStandby(NOW)
    back = {NODE_A: WELL, NODE_B: replace(WELL, name="node-b", service=a_report(NODE_B).service)}
    controller.clock.now_s = NOW + LONE_LIMIT_S
    controller.ledger.put_state(replace(controller.ledger.state(), nodes=back))
    controller.watch()
    assert (controller.announcer.details(ClusterDegraded), controller.ledger.state().lone) == ([], None)


def test_people_hear_when_a_node_could_take_over_again():  # B8
    controller = Controller(a_state(lone=NoStandby(NOW - 900, is_told=True)))
    controller.watch()
    (told,) = controller.announcer.details(ClusterDegraded)
    assert (told["fault"], told["since"]) == (None, None)
    assert controller.ledger.state().lone is None


@pytest.mark.parametrize(
    "changes",
    [
        {"hold": Hold(NOW - 60)},
        {"node_a": a_report(heard_at=NOW - 600)},
        {"active": None, "previous": a_previous()},
    ],
    ids=["held", "nobody-is-heard", "nobody-serves"],
)
def test_what_is_worked_on_or_told_otherwise_or_cannot_be_known_is_not_told(changes):  # B3 B6 B8
    controller = Controller(a_state(node_b=DOWN, lone=NoStandby(NOW - LONE_LIMIT_S), **changes))
    controller.watch()
    assert controller.announcer.details(ClusterDegraded) == []
    assert controller.ledger.state().lone == NoStandby(NOW - LONE_LIMIT_S)


def test_what_could_not_be_noted_is_told_again_by_the_next_watch():  # B8
    controller = Controller(a_state(node_b=DOWN, lone=NoStandby(NOW - LONE_LIMIT_S)))
    controller.ledger.fail_next("commit", LedgerConflictError("somebody else"))
    controller.watch()
    controller.watch()
    controller.watch()
    assert len(controller.announcer.details(ClusterDegraded)) == 2


def test_a_zone_that_takes_the_standbys_of_many_clusters_costs_each_watch_no_more_writes_than_it_has_time_for():  # B8
    states = [a_state(cluster=f"cluster-{number:03d}", node_b=DOWN) for number in range(TELL_LIMIT + 5)]
    controller = Controller(*states)
    for noted in (TELL_LIMIT, TELL_LIMIT + 5):
        controller.watch()
        found = [controller.ledger.read(state.cluster).lone for state in states]
        assert len([each for each in found if each]) == noted
