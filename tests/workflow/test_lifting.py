"""A guard that is ahead of the table: the move that meets it wins under a higher epoch, and no two nodes serve (B1)."""

from dataclasses import replace

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import ADDRESS_B, ADDRESS_C, RECORD
from tests.support.world import TwoServeError, World
from understudy.domain.model import PowerReading
from understudy.domain.record import guard_epoch
from understudy.usecases import lift_epoch
from understudy.usecases.close_transition import TRANSITION_CLOSED
from understudy.usecases.lift_epoch import EPOCH_LIFTED


def ended(execution):
    return lambda world: execution.status is not Status.RUNNING


def guarded_by(world, text):
    guard = world.zone.read(RECORD).guard
    world.zone.put(RECORD, replace(guard, values=(f'"understudy {text}"',)))


def test_a_switchover_that_meets_a_higher_guard_of_its_own_cluster_wins_under_the_next_epoch():  # B1 B5
    world = World().settle()
    guarded_by(world, "stack=understudy cluster=orders-db epoch=9 node=node-a")
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert (execution.output["outcome"], execution.output["epoch"]) == ("IN_SERVICE", 10)
    assert (world.dns, world.in_service) == (ADDRESS_B, ["node-b"])
    assert guard_epoch(world.zone.read(RECORD).guard) == world.state.epoch == 10
    (told,) = world.told(EPOCH_LIFTED)
    assert (told["lifted_from"], told["guard_epoch"], told["guard_node"], told["epoch"]) == (2, 9, "node-a", 10)
    assert [each["epoch"] for each in world.told(TRANSITION_CLOSED)] == [1, 10]


def test_the_history_goes_on_under_the_new_epoch_and_says_what_became_of_the_old_one():  # B5
    world = World().settle()
    guarded_by(world, "stack=understudy cluster=orders-db epoch=9 node=node-a")
    execution = world.start(reason="patching node-a")
    world.run_until(ended(execution), limit_s=60)
    old, new = world.history(2), world.history(10)
    assert (old["outcome"], old["reasons"]) == (
        "SUPERSEDED",
        ["the guard in Route 53 carries epoch 9: lifted to 10"],
    )
    assert (new["action"], new["source"], new["target"], new["reason"]) == (
        "switchover",
        "node-a",
        "node-b",
        "patching node-a",
    )
    assert (new["lifted_from"], new["guard_epoch"], new["guard_node"]) == (2, 9, "node-a")
    assert (new["outcome"], new["proof"]) == ("IN_SERVICE", "RELEASED")
    stages = new["stages"]
    assert stages["opened_at"] <= stages["lifted_at"] <= stages["fenced_at"] <= stages["granted_at"]


@pytest.mark.parametrize(
    "text",
    [
        "stack=understudy cluster=orders-db epoch=20002 node=node-a",
        "stack=understudy cluster=orders-db epoch=9 node=node-x",
    ],
    ids=["too far ahead", "no node of the cluster"],
)
def test_a_guard_that_moves_of_this_cluster_cannot_have_written_is_never_written_over(text):  # B1
    world = World().settle()
    guarded_by(world, text)
    execution = world.start()
    world.run_until(ended(execution), limit_s=30)
    assert execution.output["outcome"] == "STALE"
    assert f'"understudy {text}"' in world.zone.read(RECORD).guard.values
    assert "the guard carries epoch" in world.history(2)["address_fault"]
    assert world.told(EPOCH_LIFTED) == []
    assert world.state.epoch == 2


@pytest.mark.parametrize("whose", ["stack=another cluster=orders-db", "stack=understudy cluster=another"])
def test_the_guard_of_another_stack_or_cluster_lifts_nothing(whose):  # B1
    world = World().settle()
    guarded_by(world, f"{whose} epoch=9 node=node-a")
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert world.state.epoch == 2
    assert world.told(EPOCH_LIFTED) == []


def put_back(world):
    """An old state is put back while node-b serves; by the old one it is node-a, which is off.

    node-b is cut off from AWS at that moment: it serves on to the end of its lease, and nobody hears of it.
    """
    old = world.state
    for to in ("node-b", "node-a", "node-b"):
        execution = world.start(to=to)
        world.run_until(ended(execution), limit_s=60)
    world.kill("node-a")
    world.ec2_says("node-a", PowerReading.STOPPED)
    machine = world.machines["node-b"]
    machine.hears = machine.is_heard = False
    nodes = world.state.nodes
    world.ledger.put_state(replace(old, nodes={**nodes, machine.instance_id: old.nodes[machine.instance_id]}))
    return world.start(to="node-c")


def test_after_a_backup_was_put_back_the_node_that_the_guard_names_is_fenced_before_another_serves():  # B1 B4
    world = World(members=3).settle()
    execution = put_back(world)
    world.run_until(ended(execution), limit_s=90)
    assert (execution.output["outcome"], world.state.epoch) == ("IN_SERVICE", 5)
    assert (world.in_service, world.dns) == (["node-c"], ADDRESS_C)
    assert world.told(EPOCH_LIFTED)[0]["is_fenced_anew"] is True
    assert (world.history(5)["source"], world.history(5)["proof"]) == ("node-b", "LEASE_EXPIRED")


def test_without_fencing_it_anew_two_nodes_would_serve(monkeypatch):  # B1 B4
    """What the safeguard is for: only the number is lifted, under the proof for the node that the old state names."""

    def only_the_number(state, definition, guard, now):
        return replace(state, epoch=guard.epoch + 1)

    monkeypatch.setattr(lift_epoch, "lifted", only_the_number)
    world = World(members=3).settle()
    execution = put_back(world)
    with pytest.raises(TwoServeError):
        world.run_until(ended(execution), limit_s=90)


def test_a_guard_that_names_the_target_itself_costs_no_second_fencing():  # B1
    """The table has lost that node-b was the last to serve, and it is to serve again."""
    world = World().settle()
    guarded_by(world, "stack=understudy cluster=orders-db epoch=9 node=node-b")
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert (execution.output["outcome"], world.state.epoch) == ("IN_SERVICE", 10)
    assert world.told(EPOCH_LIFTED)[0]["is_fenced_anew"] is False
    assert (world.in_service, world.history(10)["proof"]) == (["node-b"], "RELEASED")


def test_a_guard_that_is_raised_again_is_not_lifted_above_a_second_time():  # B1
    """Two stacks of one name over one record would lift above each other for ever."""
    world = World().settle()
    guarded_by(world, "stack=understudy cluster=orders-db epoch=9 node=node-b")
    world.zone.before_next("read", lambda: None)
    world.zone.before_next("read", lambda: guarded_by(world, "stack=understudy cluster=orders-db epoch=40 node=node-b"))
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert (execution.output["outcome"], world.state.epoch) == ("STALE", 10)
    assert "lifted once already" in world.history(10)["address_fault"]
