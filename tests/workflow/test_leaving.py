"""AWS takes instances away (B17): the real workflow definition and the real use cases, in a world in memory."""

from dataclasses import replace

import pytest

from tests.support.asl_runner import Status
from tests.support.builders import NODE_A, NODE_B, SPECS
from tests.support.machine import Machine
from tests.support.world import World
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import ChangeRefusedError
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import ClusterState, PowerReading, Proof
from understudy.domain.decide.leaving import SUCCESSOR_S
from understudy.domain.events.alerts import AlertOver, ClusterDegraded, OperatorCalled
from understudy.domain.events.transitions import TransitionClosed
from understudy.ports.ledger import Read
from understudy.usecases.observe.receive_signal import LIFECYCLE_ACTION, SPOT_LIMIT_S
from understudy.usecases.register.follow_tags import follow_tags
from understudy.usecases.register.state import next_state

SPOT_WARNING = "EC2 Spot Instance Interruption Warning"
REBALANCE = "EC2 Instance Rebalance Recommendation"
HOOK = "understudy-ha"
FACTORY = {"node-a": ("orders-db-a", "orders-db/node-a"), "node-b": ("orders-db-b", "orders-db/node-b")}


STRANGER = "i-0ddddddddddddddd9"


def action(instance_id: str, group: str) -> dict[str, str]:
    """What Auto Scaling says when a hook holds an instance in Terminating:Wait."""
    return {
        "LifecycleActionToken": "87654321-4321-4321-4321-210987654321",
        "AutoScalingGroupName": group,
        "LifecycleHookName": HOOK,
        "EC2InstanceId": instance_id,
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "Origin": "AutoScalingGroup",
        "Destination": "EC2",
    }


class Groups(World):
    """A cluster whose two nodes are each in an Auto Scaling group of one, and are named by tags.

    A group that ends its instance waits for the hook, ends it, and launches the next one, which boots for `boot_s`.
    """

    boot_s = 90

    def __post_init__(self) -> None:
        tags = {name: tag for name, (_, tag) in FACTORY.items()}
        self.definition_changes["nodes"] = tuple(replace(each, tag=tags[each.name]) for each in SPECS[:2])
        super().__post_init__()
        self.ec2.tags = {each.instance_id: tags[each.name] for each in SPECS[:2]}
        self.ended: list[str] = []
        self.launched: dict[str, float] = {}
        self.both_gone_s = 0

    def end(self, name: str) -> None:
        """Its group is to end the node: by an instance refresh, for example."""
        self.aws_says(LIFECYCLE_ACTION, action(self.machines[name].instance_id, FACTORY[name][0]))

    def _second(self) -> None:
        super()._second()
        for name in FACTORY:
            released = {instance_id for instance_id, _, _ in self.scaling.released}
            if self.machines[name].instance_id in released and self.machines[name].is_on:
                self.gone(name)
            if self.launched.get(name) == self.clock.now_s:
                self._boot(name)
        self.both_gone_s += not any(machine.is_on for machine in self.machines.values())

    def gone(self, name: str) -> None:
        """The instance is terminated, and its group launches the next one."""
        self.kill(name)
        self.ended.append(name)
        self.ec2_says(name, PowerReading.TERMINATED)
        self.launched[name] = self.clock.now_s + self.boot_s

    def _boot(self, name: str) -> None:
        old = self.machines[name]
        new = f"{old.instance_id[:-1]}{int(old.instance_id[-1]) + 3}"
        spec = next(each for each in self.definition.nodes if each.name == name)
        self.ec2.launch_as(replace(spec, instance_id=new))
        self.ec2.tags[new] = FACTORY[name][1]
        self.machines[name] = Machine(self, new, old.ip, f"boot-of-{new}", knows_its_promises=False)

    def follow(self, clusters: list[Read]) -> None:
        follow_tags(clusters, nodes=self.ec2, register_anew=self._register_anew)

    def _register_anew(self, cluster: str) -> None:
        """As registration does: each tag stands for the one living instance that has it."""
        state: ClusterState = self.ledger.state()
        old: Definition = self.ledger.definition(cluster, state.definition_version)
        living = self.ec2.tagged([node.tag for node in old.nodes])
        nodes = tuple(replace(node, instance_id=living[node.tag][0]) for node in old.nodes)
        self.definition = replace(old, version=int(self.clock.now_s), nodes=nodes)
        self.ledger.register(state, next_state(self.definition, state, old, int(self.clock.now_s)), self.definition)


def closed(world: World) -> list[tuple[str, str]]:
    return [(each["action"], each["outcome"]) for each in world.told(TransitionClosed)]


def spot(world: World, name: str, kind: str = SPOT_WARNING, late_s: float = 0) -> None:
    detail = {"instance-id": world.machines[name].instance_id}
    more = {"instance-action": "terminate"} if kind == SPOT_WARNING else {}
    world.aws_says(kind, {**detail, **more}, late_s=late_s)


def test_the_active_node_of_a_group_is_let_go_when_the_service_has_left_it_in_good_order():
    world = Groups().settle()
    world.end("node-a")
    assert world.scaling.released == []
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)
    assert world.history(2)["rule"] == "active-is-to-go"
    assert world.history(2)["proof"] == "RELEASED"
    assert closed(world)[-1] == ("switchover", "IN_SERVICE")
    world.run_until(lambda w: w.scaling.released, limit_s=60)
    assert world.scaling.released == [(NODE_A, "orders-db-a", HOOK)]
    world.run(300)
    assert len(world.scaling.released) == 1, "it is let go once"
    assert world.state.failover_times == ()


def test_without_the_hook_the_same_end_cuts_the_service_off_and_costs_a_failover():
    world = Groups().settle()
    world.gone("node-a")
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)
    assert world.history(2)["proof"] == "STOPPED"
    assert closed(world)[-1] == ("failover", "IN_SERVICE")
    assert len(world.state.failover_times) == 1


def test_a_group_is_told_to_go_on_though_its_word_was_overtaken_by_another_one():
    """Where capacity is rebalanced, Spot's word and the group's come at nearly the same moment."""
    world = Groups().settle()
    spot(world, "node-a")
    world.aws_says(LIFECYCLE_ACTION, action(NODE_A, "orders-db-a"), late_s=5)
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)
    world.run_until(lambda w: w.scaling.released, limit_s=61)


def test_a_group_does_not_wait_in_vain_because_the_standby_was_once_recommended_to_be_replaced():
    world = Groups().settle()
    spot(world, "node-b", REBALANCE)
    world.run(600)
    world.end("node-a")
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)
    world.run_until(lambda w: w.scaling.released, limit_s=61)
    assert closed(world)[-1] == ("switchover", "IN_SERVICE")


def test_a_standby_of_a_group_is_let_go_at_once():
    world = Groups().settle()
    world.end("node-b")
    assert world.scaling.released == [(NODE_B, "orders-db-b", HOOK)]
    assert world.in_service == ["node-a"]


def test_an_instance_that_is_no_member_is_let_go_at_once():
    world = Groups().settle()
    world.aws_says(LIFECYCLE_ACTION, action(STRANGER, "invoices-db-a"))
    assert world.scaling.released == [(STRANGER, "invoices-db-a", HOOK)]


@pytest.mark.parametrize("order", [("node-a", "node-b"), ("node-b", "node-a")], ids=["active first", "standby first"])
def test_a_refresh_of_both_groups_at_once_replaces_one_after_the_other_and_never_both(order):
    world = Groups().settle()
    for name in order:
        world.end(name)
    old = {NODE_A, NODE_B}
    world.run_until(lambda w: not old & {machine.instance_id for machine in w.machines.values()}, limit_s=900)
    world.run(120)
    assert world.both_gone_s == 0
    assert [action for action, _ in closed(world)] == ["place", *["switchover"] * (len(closed(world)) - 1)]
    assert {outcome for _, outcome in closed(world)} == {"IN_SERVICE"}
    assert len(world.in_service) == 1
    assert old.isdisjoint(world.state.nodes)
    assert world.told(OperatorCalled) == [], "what goes as planned wakes nobody"


def test_a_group_waits_for_the_only_node_and_a_person_hears_of_it_once():
    world = Groups().settle()
    world.boot_s = 3600
    world.end("node-b")
    world.run(5)
    world.end("node-a")
    world.run(SUCCESSOR_S + 130)
    assert world.in_service == ["node-a"]
    assert [instance for instance, _, _ in world.scaling.released] == [NODE_B]
    assert [each["rule"] for each in world.told(OperatorCalled)] == ["active-is-to-go-and-nobody-stays"]
    world.run(1200)
    assert len(world.told(OperatorCalled)) == 1
    assert len(world.told(ClusterDegraded)) <= 1


def test_repairs_of_an_address_call_nobody_anew_for_a_node_that_still_has_to_go():
    world = Groups()
    for _ in range(99):
        world.zone.fail_next("submit", ChangeRefusedError("AccessDenied"))
    world.settle()
    world.boot_s = 36_000
    world.end("node-b")
    world.run(5)
    world.end("node-a")
    world.run(3600)
    assert [action for action, _ in closed(world)].count("repair") > 3
    assert [each["rule"] for each in world.told(OperatorCalled)] == ["active-is-to-go-and-nobody-stays"]
    assert world.told(AlertOver) == []


def test_a_target_is_not_let_go_in_the_middle_of_a_move_to_it():
    world = Groups().settle()
    execution = world.start(to="node-b")
    world.run_until(lambda w: w.state.transition is not None)
    world.end("node-b")
    assert world.scaling.released == []
    world.run_until(lambda w: execution.status is not Status.RUNNING)
    world.run_until(lambda w: w.in_service == ["node-a"] and w.state.transition is None)
    world.run_until(lambda w: w.scaling.released, limit_s=60)
    assert [instance for instance, _, _ in world.scaling.released] == [NODE_B]


def test_what_an_execution_that_died_left_is_finished_before_the_node_is_let_go():
    world = Groups().settle()
    world.end("node-a")
    world.run_until(lambda w: w.state.transition is not None)
    world.crash()
    assert world.scaling.released == []
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None, limit_s=300)
    world.run_until(lambda w: w.scaling.released, limit_s=60)
    assert [instance for instance, _, _ in world.scaling.released] == [NODE_A]


def test_a_group_that_forbids_it_is_asked_again_by_each_watch():
    world = Groups().settle()
    world.scaling.forbids = True
    with pytest.raises(Exception, match="waits on for"):
        world.end("node-b")
    assert any("waits on for" in repr(fault) for fault in world.watch().faults)
    world.scaling.forbids = False
    world.run(61)
    assert [instance for instance, _, _ in world.scaling.released] == [NODE_B]


def test_an_old_holder_that_hangs_is_let_go_and_its_end_is_the_proof():
    """Nobody hears it, and its lease never ends by itself: only that it is off proves anything."""
    world = Groups(definition_changes={"policy": Policy(fencing=Fencing(accept=(Proof.STOPPED,)))}).settle()
    world.machines["node-a"].hears = world.machines["node-a"].is_heard = False
    world.run_until(lambda w: w.state.active is None and w.state.transition is None, limit_s=240)
    assert closed(world)[-1] == ("failover", "HELD")
    world.end("node-a")
    assert [instance for instance, _, _ in world.scaling.released] == [NODE_A]
    world.run_until(lambda w: w.in_service == ["node-b"], limit_s=180)


def test_a_group_waits_for_a_node_that_serves_before_anybody_has_been_placed():
    world = Groups()
    world.machines["node-a"].hears = world.machines["node-a"].is_heard = False
    world.machines["node-b"].hears = False
    world.machines["node-b"].daemon.run_by_hand()
    world.run(8)
    world.end("node-b")
    assert world.state.active is None
    assert world.scaling.released == []


def test_the_last_node_that_could_take_over_is_not_let_go_while_a_hold_keeps_it_from_that():
    world = Groups().settle()
    world.start(action="hold")
    world.kill("node-a")
    world.run(60)
    world.end("node-b")
    world.run(60)
    assert world.scaling.released == []
    world.start(action="resume")
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)


@pytest.mark.parametrize("kind", [SPOT_WARNING, REBALANCE, LIFECYCLE_ACTION])
def test_a_node_that_cannot_be_left_in_good_order_serves_until_it_is_ended(kind):
    world = Groups(definition_changes={"policy": Policy(fencing=Fencing(accept=(Proof.STOPPED,)))}).settle()
    if kind == LIFECYCLE_ACTION:
        world.end("node-a")
    else:
        spot(world, "node-a", kind)
    for _ in range(SUCCESSOR_S + 60):
        world.run(1)
        assert world.in_service == ["node-a"]
    called = [each["rule"] for each in world.told(OperatorCalled)]
    assert called == ([] if kind == REBALANCE else ["active-is-to-go-and-nobody-stays"])
    world.gone("node-a")
    world.run_until(lambda w: w.in_service == ["node-b"])


def test_a_recommendation_does_not_move_a_service_again_and_again_to_a_node_that_dies_of_it():
    world = World().settle()
    spot(world, "node-a", REBALANCE)
    for _ in range(3):
        world.run(150)
        if world.active == "node-b":
            world.reboot("node-b")
    world.run(150)
    assert [action for action, _ in closed(world)] == ["place", "switchover", "failover"]
    assert world.in_service == ["node-a"]


@pytest.mark.parametrize("kind", [SPOT_WARNING, REBALANCE])
def test_an_instance_that_spot_takes_is_left_within_two_minutes(kind):
    world = World().settle()
    spot(world, "node-a", kind)
    begun_at = world.clock.now_s
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None, limit_s=120)
    assert world.clock.now_s - begun_at < 60
    assert closed(world)[-1] == ("switchover", "IN_SERVICE")
    assert world.scaling.released == [], "nobody waits"
    world.run(300)
    assert world.in_service == ["node-b"], "it stays away from a node that goes"


def test_a_spot_node_that_was_only_stopped_takes_part_again_when_it_has_booted():
    world = World().settle()
    spot(world, "node-a")
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None)
    world.reboot("node-a")
    world.run(30)
    execution = world.start(to="node-a")
    world.run_until(lambda w: execution.status is not Status.RUNNING)
    assert (execution.status, world.in_service) == (Status.SUCCEEDED, ["node-a"])


def test_a_warning_that_comes_when_all_is_over_moves_nothing():
    world = World().settle()
    spot(world, "node-a", late_s=SPOT_LIMIT_S + 1)
    assert world.state.nodes[NODE_A].departure is None
    spot(world, "node-a", late_s=SPOT_LIMIT_S)
    assert world.state.nodes[NODE_A].departure is not None
