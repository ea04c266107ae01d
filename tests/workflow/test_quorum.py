"""Quorum and witnesses in the whole: the real workflow and use cases, nodes with the agent's own logic (S12)."""

from typing import Any

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import HOSTS, MAJORITY, SPECS, TCP_REMOTE, WITNESS_C
from tests.support.world import World
from understudy.domain.cluster.definition import Quorum
from understudy.domain.cluster.state import Proof, TransitionAction
from understudy.domain.events.alerts import OperatorCalled

WITNESSED = (*SPECS[:2], WITNESS_C)


def with_hosts(members: int = 2) -> World:
    return World(members, {"quorum": TCP_REMOTE}).settle()


def with_witness(quorum: Quorum) -> World:
    return World(3, {"nodes": WITNESSED, "quorum": quorum}).settle()


def reach(world: World, **hosts: int) -> World:
    """How many of the quorum hosts each node reaches from now on."""
    for name, count in hosts.items():
        world.machines[name.replace("_", "-")].reaches = count
    return world


def closed_on(name: str) -> Any:
    return lambda world: world.in_service == [name] and world.state.transition is None and world.active == name


def called(world: World) -> list[str]:
    return [each["rule"] for each in world.told(OperatorCalled)]


def test_an_active_node_that_loses_the_quorum_gives_up_and_its_standby_takes_over():  # S12 B4 B5
    world = reach(with_hosts(), node_a=1)
    lost_at = world.clock()
    world.run_until(closed_on("node-b"), limit_s=60)
    story = world.history(2)
    assert (story["rule"], story["proof"], story["outcome"]) == ("active-has-failed", Proof.RELEASED, "IN_SERVICE")
    assert story["facts"]["nodes"]["node-a"]["quorum"] == "it reaches 1 of 3 quorum hosts"
    policy = world.definition.policy
    assert story["stages"]["noticed_at"] - lost_at >= policy.lease_s
    assert story["stages"]["noticed_at"] - lost_at <= policy.lease_s + 2 * policy.heartbeat_interval_s
    world.run(120)
    assert world.in_service == ["node-b"]


def test_without_the_mode_the_same_node_goes_on():  # S12
    world = reach(World().settle(), node_a=0, node_b=0)
    world.run(120)
    assert world.in_service == ["node-a"]
    assert world.state.epoch == 1


def test_a_majority_that_is_lost_for_less_than_a_lease_moves_nothing():  # S12
    world = reach(with_hosts(), node_a=0)
    world.run(8)
    reach(world, node_a=3).run(60)
    assert world.in_service == ["node-a"]
    assert world.state.epoch == 1


def test_when_all_lose_the_quorum_nobody_is_promoted_and_a_person_is_called():  # S12 B3
    world = reach(with_hosts(3), node_a=1, node_b=0, node_c=1)
    world.run(300)
    assert world.serving == []
    assert (world.state.epoch, world.active) == (1, "node-a")
    assert called(world) == ["told-and-quorum-is-lost"]
    facts = world.told(OperatorCalled)[0]["facts"]["nodes"]
    assert facts["node-b"]["quorum"] == "it reaches 0 of 3 quorum hosts"


def test_when_the_quorum_comes_back_the_service_does():  # S12
    world = reach(with_hosts(), node_a=0, node_b=0).run(120)
    assert world.serving == []
    reach(world, node_a=2, node_b=2).run_until(lambda world: world.in_service == ["node-a"], limit_s=30)
    world = reach(with_hosts(), node_a=0, node_b=0).run(120)
    reach(world, node_b=2).run_until(closed_on("node-b"), limit_s=60)


def test_a_standby_without_quorum_is_never_promoted():  # S12 B3
    world = reach(with_hosts(), node_b=1).run(10)
    world.kill("node-a")
    world.run(300)
    assert world.serving == []
    assert called(world) == ["quorum-is-lost"]
    refused = world.start(to="node-b")
    world.run(5)
    assert refused.status is Status.FAILED
    assert "node-b cannot take over now: it reaches 1 of 3 quorum hosts" in str(refused.cause)
    reach(world, node_b=2).run_until(closed_on("node-b"), limit_s=60)


def test_without_the_mode_that_standby_is_promoted():  # S12
    world = reach(World().settle(), node_b=1).run(10)
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)


def test_the_next_node_with_a_quorum_is_taken_instead_of_the_better_one_without():  # S12
    world = reach(with_hosts(3), node_b=1).run(10)
    world.kill("node-a")
    world.run_until(closed_on("node-c"), limit_s=60)


def test_a_target_that_loses_the_quorum_after_it_was_chosen_begins_nothing_and_the_next_is_tried():  # S12
    world = with_hosts(3)
    world.start(to="node-b")
    world.machines["node-a"].stop_s = 6
    world.run(3)
    assert world.state.transition is not None
    reach(world, node_b=0)
    world.run_until(closed_on("node-a"), limit_s=60)
    assert world.history(2)["target"] == "node-b"
    story = world.history(3)
    assert (story["action"], story["rule"]) == (TransitionAction.SWITCHOVER, "service-did-not-start")


# Majority.


def test_with_a_majority_the_standby_takes_over_from_a_dead_node():  # S12
    world = with_witness(MAJORITY)
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)


def test_without_a_majority_nobody_takes_over_and_a_person_is_called():  # S12 B3
    world = with_witness(MAJORITY)
    world.kill("node-c")
    world.run(60)
    assert world.in_service == ["node-a"]
    world.kill("node-a")
    world.run(300)
    assert world.serving == []
    assert called(world) == ["quorum-is-lost"]
    why = world.told(OperatorCalled)[0]["facts"]["nodes"]["node-b"]["quorum"]
    assert why == "the cluster is without a majority: 1 of its 3 nodes are heard"
    world.reboot("node-c")
    world.run_until(closed_on("node-b"), limit_s=60)


def test_a_node_that_is_heard_goes_on_serving_in_a_minority():  # S12
    world = with_witness(MAJORITY)
    world.kill("node-b")
    world.kill("node-c")
    world.run(120)
    assert world.in_service == ["node-a"]


# Witnesses.


@pytest.mark.parametrize("quorum", [Quorum(), MAJORITY, TCP_REMOTE])
def test_a_witness_is_never_promoted_even_when_all_else_is_dead(quorum):  # S12
    world = with_witness(quorum)
    world.kill("node-b")
    world.run(20)
    world.kill("node-a")
    world.run(600)
    assert world.serving == []
    assert world.state.nodes[WITNESS_C.instance_id].service == "OUT_OF_SERVICE"
    refused = world.start(to="node-c")
    world.run(5)
    assert refused.status is Status.FAILED
    assert "a witness, which never serves" in str(refused.cause)


def test_a_witness_makes_the_silence_of_all_others_believed():  # S12 B3
    """Both others are silent: without it nobody would be left whose beats show that the way is open."""
    world = with_witness(Quorum())
    world.kill("node-a")
    world.kill("node-b")
    world.run(60)
    assert called(world) == ["no-fit-candidate"]


def test_hosts_are_those_of_the_definition():  # S12
    assert with_hosts().state.quorum.hosts == HOSTS
