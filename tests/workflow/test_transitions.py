"""The real workflow definition and the real use cases, in a world in memory: what a user of the cluster would see."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import ADDRESS_A, ADDRESS_B, NODE_A, NODE_B, RECORD
from tests.support.world import World
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import ChangeRefusedError, ZoneBusyError
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.record import guard_epoch
from understudy.domain.cluster.state import PowerReading, Proof
from understudy.domain.cluster.tuning import effective
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.transitions import TransitionClosed
from understudy.domain.transition.limits import EXECUTION_LIMIT_S, exceeding_execution_limit


def closed_on(name):
    return lambda world: world.in_service == [name] and world.state.transition is None and world.active == name


def test_a_new_cluster_is_placed_on_the_fit_node_of_the_best_priority():  # S4
    world = World().settle()
    assert world.active == "node-a"
    assert world.dns == ADDRESS_A
    assert world.history(1)["rule"] == "place-by-priority"
    assert world.history(1)["proof"] == Proof.NO_HOLDER


def test_a_dead_node_is_noticed_fenced_and_followed_by_its_standby():  # S4 S10 S11 B4 B5
    world = World().settle()
    world.kill("node-a")
    died_at = world.clock()
    world.run_until(closed_on("node-b"), limit_s=60)
    story = world.history(2)
    assert world.dns == ADDRESS_B
    assert guard_epoch(world.zone.read(RECORD).guard) == 2
    assert (story["rule"], story["proof"], story["outcome"]) == ("active-is-silent", "LEASE_EXPIRED", "IN_SERVICE")
    assert story["facts"]["nodes"]["node-a"]["health"] == "SILENT"
    assert story["expires_at"] == int(story["stages"]["opened_at"]) + 400 * 86_400
    stages = story["stages"]
    order = ["noticed_at", "opened_at", "fenced_at", "accepted_at", "granted_at", "in_service_at", "in_sync_at"]
    assert [stages[name] for name in order] == sorted(stages[name] for name in order)
    policy = world.definition.policy
    assert stages["noticed_at"] - died_at <= policy.silence_limit_s + policy.heartbeat_interval_s
    assert stages["fenced_at"] == stages["opened_at"]  # when silence is noticed the lease has run out: fencing is free


def test_a_switchover_asked_for_by_name_alone_moves_to_the_best_candidate_and_back():  # S10 B4
    world = World().settle()
    first = world.start()
    world.run_until(closed_on("node-b"), limit_s=30)
    assert first.status is Status.SUCCEEDED
    assert first.output["outcome"] == "IN_SERVICE"
    assert world.history(2)["proof"] == "RELEASED"
    world.start(to="node-a", reason="patched")
    world.run_until(closed_on("node-a"), limit_s=30)
    assert world.dns == ADDRESS_A
    assert "patched" in world.history(3)["why"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"to": "node-x"}, "allowed: node-a, node-b"),
        ({"to": "node-a"}, "node-a is in service already"),
        ({"action": "explode"}, "allowed: switchover, failover, failback"),
        ({"action": "place"}, "allowed: switchover, failover, failback"),
        ({"cluster": "no-such"}, "not registered"),
        ({"force": True}, "'force' is not a key"),
        ({"action": "failback"}, "node-a is in service already"),
    ],
)
def test_a_bad_request_fails_at_once_says_what_is_right_and_changes_nothing(request_, said):  # S10
    world = World().settle()
    before = world.state
    execution = world.start(**request_)
    world.run(1)
    assert (execution.status, execution.error) == (Status.FAILED, "Refused")
    assert said in execution.cause
    assert (world.state.epoch, world.state.active, world.state.transition) == (before.epoch, before.active, None)


def test_a_switchover_to_a_silent_node_is_refused():
    world = World(members=3).settle()
    world.kill("node-c")
    world.run(20)
    execution = world.start(to="node-c")
    world.run(1)
    assert execution.error == "Refused"
    assert "node-c is SILENT" in execution.cause
    assert world.in_service == ["node-a"]


def test_a_second_request_is_refused_while_a_transition_is_under_way():
    world = World().settle()
    world.machines["node-b"].start_s = 20
    world.start()
    world.run(6)
    second = world.start(to="node-a")
    world.run(1)
    assert second.error == "Refused"
    assert "under way" in second.cause
    world.run_until(closed_on("node-b"), limit_s=60)


def test_ec2_saying_stopping_starts_the_failover_at_once_but_proves_nothing():  # S11 S12 B4
    world = World().settle()
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = (
        False  # a network that is gone, a node that serves
    )
    world.ec2_says("node-a", PowerReading.STOPPING)
    world.run(2)
    assert world.state.epoch == 2
    assert world.active is None
    assert world.state.previous and world.state.previous.proof is None
    world.run_until(closed_on("node-b"), limit_s=30)
    assert world.history(2)["rule"] == "active-is-gone"
    assert world.history(2)["proof"] == "LEASE_EXPIRED"


def test_a_node_that_can_still_read_releases_its_lease_and_fencing_is_quick():  # B4
    world = World().settle()
    world.start()
    world.run_until(closed_on("node-b"), limit_s=30)
    stages = world.history(2)["stages"]
    assert world.history(2)["proof"] == Proof.RELEASED
    assert stages["fenced_at"] - stages["opened_at"] < world.definition.policy.lease_s / 2


def test_a_service_that_stops_in_order_is_given_more_time_than_its_lease_has_left():  # B4 S9
    world = World().settle()
    world.machines["node-a"].stop_s = 30
    world.start()
    world.run_until(closed_on("node-b"), limit_s=60)
    stages = world.history(2)["stages"]
    assert world.history(2)["proof"] == "RELEASED"
    assert stages["fenced_at"] - stages["opened_at"] >= 30


def test_a_node_that_falls_silent_while_it_stops_is_fenced_by_the_end_of_its_lease():  # B4
    world = World().settle()
    world.machines["node-a"].stop_s = 30
    world.start()
    world.run(10)
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = False
    world.run_until(closed_on("node-b"), limit_s=40)
    assert world.history(2)["proof"] == "LEASE_EXPIRED"


def test_a_node_that_stops_for_ever_ends_held_at_the_limit_of_fencing():  # B4
    world = World().settle()
    world.machines["node-a"].stop_s = 10_000
    execution = world.start()
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=90)
    assert execution.error == "Held"
    assert world.serving == ["node-a"]
    assert world.active is None


def test_a_node_cut_off_from_aws_stops_before_its_standby_starts():  # B4 S12
    world = World().settle()
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = False
    world.run_until(lambda w: not w.machines["node-a"].serves, limit_s=20)
    assert world.machines["node-b"].status == "OUT_OF_SERVICE"
    world.run_until(closed_on("node-b"), limit_s=30)
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = True
    world.run(60)
    assert world.in_service == ["node-b"]
    assert world.state.epoch == 2


def test_a_node_that_beats_without_a_lease_is_fenced_by_ec2s_word_only():  # B4
    world = World().settle()
    world.machines["node-a"].keeps_lease = False
    world.run(6)
    world.machines["node-a"].is_heard = False  # it serves on, unheard
    world.run(100)
    assert world.in_service == ["node-a"]
    assert world.history(2)["outcome"] == "HELD"
    assert world.executions[-1].error == "Held"
    assert world.state.alert == "last-holder-is-unproven"
    world.kill("node-a")
    world.ec2_says("node-a", PowerReading.STOPPED)
    world.run_until(closed_on("node-b"), limit_s=30)


def test_when_both_nodes_are_dead_nothing_moves_and_an_operator_is_called_once():  # B3
    world = World().settle()
    world.kill("node-a")
    world.kill("node-b")
    world.run(300)
    assert (world.state.epoch, world.active, world.dns) == (1, "node-a", ADDRESS_A)
    assert len(world.told(OperatorCalled)) == 1


def test_a_service_that_fails_to_start_goes_to_the_next_candidate_under_a_new_epoch():  # B5 S10
    world = World(members=3).settle()
    world.machines["node-b"].starts = False
    world.kill("node-a")
    world.run_until(closed_on("node-c"), limit_s=90)
    assert world.state.epoch == 3
    assert world.history(2)["outcome"] == "SUPERSEDED"
    assert world.history(3)["outcome"] == "IN_SERVICE"
    assert world.history(3)["rule"] == "service-did-not-start"


def test_a_switchover_that_fails_goes_back_and_does_not_report_success():  # B2
    world = World(members=3).settle()
    world.machines["node-b"].starts = False
    execution = world.start(to="node-b")
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=90)
    assert world.in_service == ["node-a"]
    assert (execution.status, execution.error) == (Status.FAILED, "Degraded")
    assert "NOT_ON_THE_REQUESTED_NODE" in execution.cause
    assert world.dns == ADDRESS_A


def test_a_service_that_starts_nowhere_ends_degraded_and_is_not_tried_for_ever():  # B2 B6
    world = World().settle()
    for machine in world.machines.values():
        machine.starts = False
    world.start()
    world.run(600)
    assert world.in_service == []
    assert world.state.epoch < 20
    assert world.state.alert is not None
    assert "SERVICE_NOT_IN_SERVICE" in world.history(3)["reasons"]


def test_a_service_that_hangs_in_starting_is_given_up_at_its_limit():
    world = World(definition_changes={"policy": Policy(service_start_limit_s=10)}).settle()
    world.machines["node-b"].start_s = 10_000
    execution = world.start(to="node-b")
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=60)
    stages = [world.history(epoch)["stages"] for epoch in (2, 3)]
    assert world.in_service == ["node-a"]
    assert 10 <= stages[1]["opened_at"] - stages[0]["granted_at"] <= 12


def test_a_target_that_dies_while_its_service_starts_is_left_at_once():
    world = World(members=3).settle()
    world.machines["node-b"].start_s = 50
    world.kill("node-a")
    world.run_until(lambda w: w.machines["node-b"].status == "STARTING", limit_s=40)
    world.kill("node-b")
    world.run_until(closed_on("node-c"), limit_s=60)


def test_when_route_53_refuses_the_service_starts_all_the_same_and_the_record_is_owed_until_it_is_put_right():  # B2 S6
    world = World().settle()
    world.zone.fail_next("submit", ChangeRefusedError("AccessDenied"))
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    assert world.history(2)["outcome"] == "DEGRADED"
    assert world.history(2)["reasons"] == ["ADDRESS_OWED"]
    assert world.state.address.status is AddressStatus.OWED
    assert world.dns == ADDRESS_A
    world.run_until(lambda w: w.dns == ADDRESS_B and w.state.transition is None, limit_s=90)
    assert world.history(3)["action"] == "repair"
    assert world.in_service == ["node-b"]


def test_a_throttled_update_is_tried_again_at_the_interval_of_the_tunables_as_they_are_then():  # S6 S8
    world = World(
        definition_changes={"tuning_set": {"ROUTE53_RECORD_INTERVAL": 5, "ROUTE53_RECORD_TRY_COUNT": 4}}
    ).settle()
    for _ in range(3):
        world.zone.fail_next("submit", ZoneBusyError("Throttling"))
    world.start()
    world.run_until(closed_on("node-b"), limit_s=60)
    stages = world.history(2)["stages"]
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert stages["accepted_at"] - stages["fenced_at"] == 15


def test_a_slow_propagation_is_reported_as_propagating_and_followed_until_in_sync():  # S7 B2
    world = World().settle()
    world.zone.propagation_s = 200
    execution = world.start()
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=180)
    assert execution.status is Status.SUCCEEDED
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert world.state.address.status is AddressStatus.PROPAGATING
    assert "in_sync_at" not in world.history(2)["stages"]
    world.run_until(lambda w: w.state.address.status is AddressStatus.IN_SYNC, limit_s=150)
    assert "in_sync_at" in world.history(2)["stages"]


def test_a_tunable_that_is_changed_in_mid_transition_counts_from_the_next_step_on():  # S7 S8
    """Nothing is deployed or restarted: the next wait is already the new one."""
    world = World().settle()
    world.zone.propagation_s = 10_000
    world.start()
    world.run_until(lambda w: w.state.transition is not None and w.state.transition.stage == "CONFIRMING", limit_s=30)
    world.run(2 + 4 + 8)
    world.ledger.put_tuning({"ROUTE53_CHANGEID_INTERVAL": 3, "ROUTE53_CHANGEID_TRY_COUNT": 4}, "digest")
    execution = world.executions[-1]
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=25)  # by the old ones: 100 s more
    assert execution.output["outcome"] == "IN_SERVICE"


def confirming(world):
    """Let a switchover come so far that only INSYNC is waited for."""
    world.start()
    world.run_until(lambda w: w.state.transition is not None and w.state.transition.stage == "CONFIRMING", limit_s=30)
    return world.executions[-1]


LONG = {"ROUTE53_CHANGEID_INTERVAL": 300, "ROUTE53_CHANGEID_TRY_COUNT": 1}


def test_a_longer_interval_in_mid_transition_is_waited_for_and_nobody_takes_the_transition_for_dead():  # S7 S8
    world = World().settle()
    world.zone.propagation_s = 10_000
    execution = confirming(world)
    world.ledger.put_tuning(LONG, "digest")
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=1000)
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert world.history(2)["stages"]["closed_at"] - world.history(2)["stages"]["in_service_at"] > 700
    assert world.state.epoch == 2


def test_without_the_deadline_that_moves_the_same_transition_would_be_superseded(monkeypatch):  # S8
    monkeypatch.setattr("understudy.usecases.transition.check_change.kept_open", lambda state, wait_s, now: state)
    world = World().settle()
    world.zone.propagation_s = 10_000
    confirming(world)
    world.ledger.put_tuning(LONG, "digest")
    world.run_until(lambda w: w.state.epoch > 2, limit_s=1000)
    assert world.history(2)["outcome"] == "SUPERSEDED"


def test_longer_gaps_between_updates_in_mid_transition_move_the_deadline_of_the_move():  # S6 S8
    world = World().settle()
    for _ in range(3):
        world.zone.fail_next("submit", ZoneBusyError("Throttling"))
    world.start()
    world.run_until(lambda w: w.zone.calls.count("submit") == 2, limit_s=30)
    world.ledger.put_tuning({"ROUTE53_RECORD_INTERVAL": 200, "ROUTE53_RECORD_TRY_COUNT": 4}, "digest")
    world.run_until(closed_on("node-b"), limit_s=700)
    assert (world.state.epoch, world.history(2)["outcome"]) == (2, "IN_SERVICE")
    stages = world.history(2)["stages"]
    assert stages["accepted_at"] - stages["fenced_at"] > 400


def test_a_change_that_route_53_forgets_is_reported_as_unconfirmed_and_the_service_is_in_service():  # S7 B2
    world = World().settle()
    world.zone.propagation_s = 10_000
    execution = confirming(world)
    world.zone.forget()
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=60)
    assert execution.status is Status.SUCCEEDED
    assert world.told(TransitionClosed)[-1]["address"] == "UNCONFIRMED"
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert "unconfirmed_at" in world.history(2)["stages"]
    assert world.dns == ADDRESS_B
    world.run(300)
    assert world.state.epoch == 2  # nothing is moved for it


def test_a_forgotten_change_whose_record_is_wrong_is_submitted_again_under_a_new_epoch():  # S7 B2
    world = World().settle()
    world.zone.propagation_s = 10_000
    confirming(world)
    world.zone.forget()
    reading = world.zone.read(RECORD)
    world.zone.put(RECORD, replace(reading.record, values=(ADDRESS_A,)))
    world.zone.propagation_s = 0
    world.run_until(lambda w: w.dns == ADDRESS_B and w.state.transition is None, limit_s=60)
    assert (world.state.epoch, world.history(3)["action"]) == (3, "repair")
    assert world.in_service == ["node-b"]


def test_an_address_that_stays_owed_costs_fewer_and_fewer_epochs():  # S6
    """Before: one epoch and one failing execution each minute, for ever."""
    world = World().settle()
    for _ in range(100):
        world.zone.fail_next("submit", ChangeRefusedError("AccessDenied"))
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    world.run(3600)
    opened = [world.history(epoch)["stages"]["opened_at"] for epoch in range(2, world.state.epoch + 1)]
    gaps = [later - earlier for earlier, later in pairwise(opened)]
    assert [round(gap / 60) for gap in gaps] == [1, 2, 4, 8, 15, 15]
    assert world.in_service == ["node-b"]


def test_a_policy_and_newer_tunables_that_are_too_long_together_break_no_execution():  # S7 S8
    """The cluster's policy was accepted by the tunables as they were; those of the stack were put later."""
    world = World(definition_changes={"policy": Policy(service_start_limit_s=900)}).settle()
    world.ledger.put_tuning({"ROUTE53_CHANGEID_INTERVAL": 300, "ROUTE53_CHANGEID_TRY_COUNT": 5}, "digest")
    assert exceeding_execution_limit(world.definition.policy, effective(world.ledger.stack_wide().tuning, {}))
    world.zone.propagation_s = 100_000
    world.machines["node-b"].start_s = 890
    execution = world.start()
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=EXECUTION_LIMIT_S)
    assert execution.status is Status.SUCCEEDED
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert world.state.address.status is AddressStatus.PROPAGATING


def test_a_failure_while_a_change_still_propagates_is_acted_upon():
    world = World().settle()
    world.zone.propagation_s = 10_000
    world.start()
    world.run_until(lambda w: w.in_service == ["node-b"], limit_s=30)
    world.kill("node-b")
    world.run_until(lambda w: w.in_service == ["node-a"], limit_s=40)
    assert world.state.epoch == 3
    world.run_until(lambda w: w.executions[1].status is not Status.RUNNING, limit_s=60)
    assert world.executions[1].output["outcome"] == "STALE"


def test_a_cause_that_went_away_stands_down_and_does_not_stand_in_the_way_of_the_next():
    world = World().settle()
    machine = world.machines["node-a"]
    machine.is_heard = False
    world.crash_after_steps = world.steps  # the execution is started, and slow to begin
    world.run_until(lambda w: len(w.executions) == 2, limit_s=30)
    machine.is_heard = True
    world.run(4)
    world.crash_after_steps = None
    world.run(2)
    assert world.executions[1].output["outcome"] == "STOOD_DOWN"
    assert "active-is-silent no longer holds" in world.executions[1].output["why"]
    assert (world.state.epoch, world.state.active) == (1, NODE_A)
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=40)


def test_asking_twice_for_the_same_failover_starts_one():
    world = World(members=3).settle()
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    assert len(world.launcher.starts) == 2  # the placement, and one failover for the beats of two standbys
    assert world.state.epoch == 2


def test_an_active_node_with_a_failed_service_is_left():
    world = World().settle()
    world.machines["node-a"].crash_service()
    world.machines["node-a"].starts = False
    world.run_until(closed_on("node-b"), limit_s=40)
    assert world.history(2)["rule"] == "active-has-failed"


def test_failovers_are_counted_and_stop_when_the_budget_is_spent():  # B6
    world = World().settle()
    for _ in range(4):
        name = world.in_service[0]
        world.machines[name].crash_service()
        world.run(40)
    assert world.state.alert == "told-and-budget-is-spent"
    assert len(world.state.failover_times) == 3


def test_a_rebooted_old_node_comes_back_as_a_standby_and_takes_nothing():  # B1
    world = World().settle()
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    world.reboot("node-a")
    world.run(120)
    assert world.in_service == ["node-b"]
    assert world.state.nodes[NODE_A].boot != world.state.nodes[NODE_B].boot
    assert world.state.epoch == 2
