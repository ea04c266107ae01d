"""A guard that is ahead of the table: the move that meets it wins under a higher epoch, and no two nodes serve (B1)."""

from dataclasses import replace

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import ADDRESS_B, ADDRESS_C, RECORD
from tests.support.world import TwoServeError, World
from understudy.domain.cluster.record import guard_epoch, guard_name
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.operators import ClusterHeld
from understudy.domain.events.transitions import EpochLifted, TransitionClosed
from understudy.domain.transition.steps import address_owed
from understudy.usecases.transition import lift_epoch


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
    (told,) = world.told(EpochLifted)
    assert (told["lifted_from"], told["guard_epoch"], told["guard_node"], told["epoch"]) == (2, 9, "node-a", 10)
    assert [each["epoch"] for each in world.told(TransitionClosed)] == [1, 10]


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


FAR = "stack=understudy cluster=orders-db epoch=20002 node="
STRANGERS = "stack=understudy cluster=orders-db epoch=9 node=node-x"


def test_a_guard_too_far_ahead_that_names_the_target_costs_the_address_and_not_the_service():  # B1 B2 B4
    """Whoever may be serving by the table is proved off, and by the guard it is the target itself."""
    world = World().settle()
    guarded_by(world, FAR + "node-b")
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert (execution.status, execution.error) == (Status.FAILED, "Degraded")
    assert world.history(2)["reasons"] == ["GUARD_AHEAD", "ADDRESS_OWED"]
    assert "the guard carries epoch 20002" in world.history(2)["address_fault"]
    assert (world.in_service, world.state.epoch) == (["node-b"], 2)
    assert f'"understudy {FAR}node-b"' in world.zone.read(RECORD).guard.values, "it is never written over"
    assert world.told(EpochLifted) == []


def test_a_guard_too_far_ahead_that_names_another_node_has_that_one_fenced_before_anybody_serves():  # B1 B4
    world = World(members=3).settle()
    world.kill("node-a")
    guarded_by(world, FAR + "node-c")
    world.run_until(lambda each: each.in_service == ["node-b"] and each.state.transition is None, limit_s=90)
    story = world.history(2)
    assert (story["guard_fenced"], story["source"], story["proof"]) == ("node-c", "node-c", "RELEASED")
    assert story["reasons"] == ["GUARD_AHEAD", "ADDRESS_OWED"]
    assert (world.state.epoch, world.told(EpochLifted)) == (2, [])


def test_the_node_of_such_a_guard_is_fenced_once_and_a_guard_that_then_names_another_grants_nothing():  # B4 B6
    world = World(members=3).settle()
    world.kill("node-a")
    guarded_by(world, FAR + "node-c")
    world.run_until(lambda each: "guard_fenced" in each.history(2), limit_s=90)
    guarded_by(world, FAR + "node-a")
    world.run_until(lambda each: each.state.epoch == 2 and each.state.transition is None, limit_s=90)
    assert (world.history(2)["outcome"], world.history(2)["reasons"]) == ("HELD", ["GUARD_AHEAD"])
    assert (world.in_service, world.active) == ([], None)


def test_the_node_that_such_a_guard_names_may_be_serving_and_is_waited_for():  # B4
    """It cannot read, and serves on to the end of its lease under an epoch that the table has lost."""
    world = World(members=3).settle()
    execution = put_back(world)
    world.machines["node-c"].start_agent(forgets=True)  # else it would ignore so low an epoch
    guarded_by(world, FAR + "node-b")
    world.run_until(ended(execution), limit_s=90)
    assert world.in_service == ["node-c"]
    assert (world.history(2)["guard_fenced"], world.history(2)["proof"]) == ("node-b", "LEASE_EXPIRED")


def test_without_fencing_the_node_of_such_a_guard_two_nodes_would_serve(monkeypatch):  # B1 B4
    monkeypatch.setattr(lift_epoch, "may_grant", lambda *_: True)
    world = World(members=3).settle()
    execution = put_back(world)
    world.machines["node-c"].start_agent(forgets=True)  # else it would ignore so low an epoch
    guarded_by(world, FAR + "node-b")
    with pytest.raises(TwoServeError):
        world.run_until(ended(execution), limit_s=90)


def test_under_a_guard_that_names_a_stranger_nobody_is_granted_the_lease_and_a_person_is_called():  # B1 B4 B6
    world = World().settle()
    guarded_by(world, STRANGERS)
    execution = world.start()
    world.run_until(ended(execution), limit_s=30)
    assert (execution.status, execution.error) == (Status.FAILED, "Held")
    assert world.history(2)["reasons"] == ["GUARD_AHEAD"]
    assert world.told(TransitionClosed)[-1]["reasons"] == ["GUARD_AHEAD"]
    world.run(60)
    assert (world.in_service, world.active, world.state.epoch) == ([], None, 2)
    assert "it names node-x" in world.state.hold.reason
    assert [each["rule"] for each in world.told(OperatorCalled)] == ["held-and-not-served"]
    assert (world.told(ClusterHeld)[0]["until"], world.state.hold.until) == (None, None)


def test_once_such_a_guard_is_deleted_a_resume_has_the_service_back():  # B6
    world = World().settle()
    guarded_by(world, STRANGERS)
    world.run_until(ended(world.start()), limit_s=30)
    del world.zone.record_sets[(RECORD.hosted_zone_id, guard_name(RECORD), "TXT")]
    world.run(1800)
    assert world.in_service == [], "nobody has said that nobody else serves"
    world.start(action="resume", reason="the guard is deleted, and node-x is no machine of ours")
    world.run_until(lambda each: bool(each.in_service) and each.state.transition is None, limit_s=60)
    assert guard_epoch(world.zone.read(RECORD).guard) == world.state.epoch


def test_a_repair_under_a_guard_that_names_a_stranger_leaves_the_service_where_it_is():  # B2
    world = World().settle()
    guarded_by(world, STRANGERS)
    world.ledger.put_state(address_owed(world.state, int(world.clock())))
    world.run_until(lambda each: each.state.epoch == 2 and each.state.transition is None, limit_s=60)
    assert world.history(2)["reasons"] == ["GUARD_AHEAD", "ADDRESS_OWED"]
    assert (world.in_service, world.state.hold) == (["node-a"], None)


@pytest.mark.parametrize("whose", ["stack=another cluster=orders-db", "stack=understudy cluster=another"])
def test_the_guard_of_another_stack_or_cluster_lifts_nothing(whose):  # B1
    world = World().settle()
    guarded_by(world, f"{whose} epoch=9 node=node-a")
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert world.state.epoch == 2
    assert world.told(EpochLifted) == []


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
    assert world.told(EpochLifted)[0]["is_fenced_anew"] is True
    assert (world.history(5)["source"], world.history(5)["proof"]) == ("node-b", "LEASE_EXPIRED")


def test_without_fencing_it_anew_two_nodes_would_serve(monkeypatch):  # B1 B4
    """What the safeguard is for: only the number is lifted, under the proof for the node that the old state names."""

    def only_the_number(view, guard):
        return replace(view.state, epoch=guard.epoch + 1)

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
    assert world.told(EpochLifted)[0]["is_fenced_anew"] is False
    assert (world.in_service, world.history(10)["proof"]) == (["node-b"], "RELEASED")


def test_a_guard_that_is_raised_again_is_not_lifted_above_a_second_time():  # B1
    """Two stacks of one name over one record would lift above each other for ever."""
    world = World().settle()
    guarded_by(world, "stack=understudy cluster=orders-db epoch=9 node=node-b")
    world.zone.before_next("read", lambda: None)
    world.zone.before_next("read", lambda: guarded_by(world, "stack=understudy cluster=orders-db epoch=40 node=node-b"))
    execution = world.start()
    world.run_until(ended(execution), limit_s=60)
    assert (execution.error, world.state.epoch) == ("Degraded", 10)
    assert "lifted once already" in world.history(10)["address_fault"]
    assert world.history(10)["reasons"] == ["GUARD_AHEAD", "ADDRESS_OWED"]
