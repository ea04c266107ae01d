"""STONITH, a hold and an automatic failback, seen as a user of the cluster sees them: with the real workflow."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import ADDRESS_A, ADDRESS_B, NODE_A, NOW, RECORD
from tests.support.world import World
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Fencing, Policy
from understudy.domain.cluster.state import PowerReading, Proof
from understudy.domain.events.addresses import RecordDrifted
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.operators import ClusterResumed
from understudy.domain.events.transitions import TransitionClosed


def a_world(**policy: Any) -> World:
    return World(definition_changes={"policy": Policy(**policy)}).settle()


def on(name: str) -> Any:
    return lambda world: world.in_service == [name] and world.state.transition is None


def test_a_dead_node_is_stopped_and_the_service_does_not_wait_for_that():  # S12 B4
    world = a_world(fencing=Fencing(stop_instance=True))
    world.kill("node-a")
    world.run_until(on("node-b"), limit_s=60)
    assert world.ec2.stops == [NODE_A]
    assert world.ec2.powers[NODE_A] is PowerReading.STOPPING
    story = world.history(2)
    assert (story["proof"], story["stop"]["word"], story["outcome"]) == ("LEASE_EXPIRED", "ACCEPTED", "IN_SERVICE")


def test_a_node_that_serves_on_without_a_lease_is_taken_down_before_its_standby_starts():  # S12 B4
    """Without the stop this world ends HELD: see the workflow tests of transitions."""
    world = a_world(fencing=Fencing(stop_instance=True, accept=(Proof.STOPPED,)))
    world.machines["node-a"].keeps_lease = False
    world.run(6)
    world.machines["node-a"].is_heard = False
    world.run_until(lambda w: w.ec2.stops == [NODE_A], limit_s=30)
    world.run(10)
    assert world.in_service == ["node-a"], "stopping is not stopped"
    world.kill("node-a")
    world.ec2_says("node-a", PowerReading.STOPPED)
    world.run_until(on("node-b"), limit_s=30)
    assert world.history(2)["proof"] == "STOPPED"
    assert world.dns == ADDRESS_B


def test_a_node_that_was_stopped_comes_back_as_a_standby_when_it_has_booted():  # S12
    world = a_world(fencing=Fencing(stop_instance=True))
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = False
    world.run_until(on("node-b"), limit_s=60)
    world.machines["node-a"].is_heard = world.machines["node-a"].hears = True
    world.run(20)
    refused = world.start(to="node-a")
    world.run(1)
    assert "node-a is GONE" in refused.cause
    world.ec2_says("node-a", PowerReading.STOPPED)
    world.reboot("node-a")
    world.run(20)
    world.start(to="node-a")
    world.run_until(on("node-a"), limit_s=30)


def test_a_planned_switchover_stops_no_instance():  # S12
    world = a_world(fencing=Fencing(stop_instance=True))
    world.start()
    world.run_until(on("node-b"), limit_s=30)
    assert world.ec2.stops == []
    assert world.history(2)["proof"] == "RELEASED"


def test_a_policy_that_goes_on_without_proof_says_so_loudly():  # B4
    world = a_world(fencing=Fencing(accept=(Proof.STOPPED,), limit_s=20, unproven="proceed"))
    world.kill("node-a")
    world.run_until(on("node-b"), limit_s=90)
    assert (world.history(2)["proof"], world.history(2)["outcome"]) == ("UNPROVEN", "DEGRADED")
    assert world.told(TransitionClosed)[-1]["reasons"] == ["PROCEEDED_WITHOUT_PROOF"]
    assert world.executions[-1].error == "Degraded"


def test_an_operator_frees_a_cluster_whose_dead_holder_ec2_has_forgotten():  # B4
    world = a_world(fencing=Fencing(accept=(Proof.STOPPED,), limit_s=20))
    world.kill("node-a")
    del world.ec2.powers[NODE_A]
    world.run(90)
    assert (world.active, world.state.alert) == (None, "last-holder-is-unproven")
    execution = world.start(action="failover", to="node-b", unproven="proceed", reason="terminated on Monday")
    world.run_until(on("node-b"), limit_s=60)
    story = world.history(world.state.epoch)
    assert execution.error == "Degraded"
    assert "terminated on Monday; they asked to go on without a proof" in story["why"]


# Hold and resume.


def test_a_held_cluster_stays_where_it_is_until_it_is_resumed():  # B6
    world = a_world()
    execution = world.start(action="hold", reason="patching")
    world.run(1)
    assert (execution.status, execution.output["mode"]) == (Status.SUCCEEDED, "HELD")
    world.kill("node-a")
    world.run(120)
    assert (world.in_service, world.state.epoch) == ([], 1)
    assert [each["rule"] for each in world.told(OperatorCalled)] == ["held-and-not-served"]
    world.start(action="resume")
    world.run_until(on("node-b"), limit_s=40)


def test_a_hold_ends_by_itself():  # B6
    world = a_world()
    world.start(action="hold", for_s=60)
    world.run(1)
    world.kill("node-a")
    world.run(50)
    assert world.in_service == []
    world.run_until(on("node-b"), limit_s=60)
    world.run_until(lambda _: bool(world.told(ClusterResumed)), limit_s=60)
    world.run(120)
    assert len(world.told(ClusterResumed)) == 1


def test_an_operator_moves_a_held_cluster_and_the_hold_stays():  # B6
    world = a_world()
    world.start(action="hold")
    world.run(1)
    world.start(to="node-b")
    world.run_until(on("node-b"), limit_s=30)
    assert world.state.hold is not None


@pytest.mark.parametrize("steps", range(2, 12, 2))
def test_a_move_that_an_operator_asked_for_in_a_hold_is_finished_when_its_execution_dies(steps):  # B6 B1
    world = a_world()
    world.start(action="hold")
    world.run(1)
    world.start(to="node-b")
    world.crash_after_steps = world.steps + steps
    world.run(30)
    world.crash()
    world.run_until(lambda w: len(w.in_service) == 1 and w.state.transition is None, limit_s=400)


def test_a_record_that_is_changed_while_held_is_told_of_and_put_right_after_the_hold():  # B6 S5
    world = a_world()
    world.start(action="hold")
    world.run(1)
    reading = world.zone.read(RECORD)
    world.zone.put(RECORD, replace(reading.record, values=("10.9.9.9",)))
    world.run(180)
    assert (world.dns, world.state.epoch) == ("10.9.9.9", 1)
    assert len(world.told(RecordDrifted)) == 1
    world.start(action="resume")
    world.run_until(lambda w: w.dns == ADDRESS_A and w.state.transition is None, limit_s=60)


# Going back by itself.


def test_the_service_goes_back_by_itself_when_the_preferred_node_has_been_well_for_long():  # B6
    world = a_world(failback=FailbackPolicy("automatic", stable_for_s=60))
    world.kill("node-a")
    world.run_until(on("node-b"), limit_s=60)
    world.reboot("node-a")
    back_at = world.clock()
    world.run_until(on("node-a"), limit_s=120)
    story = world.history(3)
    assert (story["action"], story["rule"], story["outcome"]) == ("failback", "preferred-node-is-stable", "IN_SERVICE")
    assert story["stages"]["opened_at"] - back_at >= 60
    assert len(world.state.failover_times) == 2


def test_a_failback_that_fails_is_not_tried_again_at_once_and_never_takes_the_last_failover():  # B6
    policy = {"failback": FailbackPolicy("automatic", stable_for_s=60), "max_failovers": FailoverBudget(3, 86_400)}
    world = a_world(**policy)
    world.kill("node-a")
    world.run_until(on("node-b"), limit_s=60)
    world.reboot("node-a")
    world.machines["node-a"].starts = False
    world.run_until(lambda w: w.state.epoch == 4 and w.state.transition is None, limit_s=150)
    assert (world.in_service, world.history(4)["reasons"]) == (["node-b"], ["NOT_ON_THE_REQUESTED_NODE"])
    world.run(600)
    assert world.state.epoch == 4, "one failover and one failback are spent: the third is kept for the night"
    assert world.in_service == ["node-b"]


def test_outside_its_hours_the_service_stays():  # B6
    begin = (int(NOW) // 3600 + 2) % 24
    hours = f"{begin:02}:00-{(begin + 1) % 24:02}:00"
    world = a_world(failback=FailbackPolicy("automatic", stable_for_s=60, hours=hours))
    world.kill("node-a")
    world.run_until(on("node-b"), limit_s=60)
    world.reboot("node-a")
    world.run(300)
    assert world.in_service == ["node-b"]
