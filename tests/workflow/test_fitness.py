"""Only who is fit takes over, in the whole: the real workflow and use cases, nodes with the agent's own logic (B20)."""

from typing import Any

from tests.support.asl_runner import Status
from tests.support.world import World
from understudy.domain.cluster.policy import FitnessPolicy, Policy
from understudy.domain.cluster.state import ClusterState
from understudy.domain.events.alerts import ClusterDegraded, OperatorCalled
from understudy.domain.events.transitions import TransitionClosed


def saying(members: int = 3, fitness: FitnessPolicy | None = None, **said: int | bool | None) -> World:
    """A cluster in service on node-a whose nodes say this."""
    world = World(members, {"policy": Policy(fitness=fitness or FitnessPolicy())})
    return say(world, **said).settle().run(15)


def say(world: World, **said: int | bool | None) -> World:
    for name, fit in said.items():
        world.machines[name.replace("_", "-")].fit = fit
    return world


def closed_on(name: str) -> Any:
    return lambda world: world.in_service == [name] and world.state.transition is None and world.active == name


def called(world: World) -> list[str]:
    return [each["rule"] for each in world.told(OperatorCalled)]


def test_a_failover_goes_to_the_fittest_beyond_the_margin_whatever_its_priority():
    world = saying(node_a=0, node_b=-9000, node_c=-100, fitness=FitnessPolicy(margin=4096))
    world.kill("node-a")
    world.run_until(closed_on("node-c"), limit_s=60)
    facts = world.history(2)["facts"]["nodes"]
    assert (facts["node-b"]["fitness"], facts["node-c"]["fitness"]) == (-9000, -100)


def test_within_the_margin_it_goes_to_the_better_priority():
    world = saying(node_a=0, node_b=-4000, node_c=-100, fitness=FitnessPolicy(margin=4096))
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)


def test_a_standby_that_says_that_it_is_not_fit_is_never_promoted_and_a_person_is_called():
    world = saying(2, node_b=False)
    world.kill("node-a")
    world.run(300)
    assert world.serving == []
    assert called(world) == ["fitness-is-missing"]
    facts = world.told(OperatorCalled)[0]["facts"]["nodes"]["node-b"]
    assert facts["not_fit"] == "it says that it is not fit to take over"
    refused = world.start(to="node-b")
    world.run(5)
    assert refused.status is Status.FAILED
    assert "node-b cannot take over now: it says that it is not fit to take over" in str(refused.cause)
    say(world, node_b=1).run_until(closed_on("node-b"), limit_s=60)


def test_a_standby_that_cannot_say_is_promoted_unless_the_policy_requires_a_word():
    world = saying(2, node_b=None)
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    world = saying(2, node_a=0, node_b=None, fitness=FitnessPolicy(required=True))
    world.kill("node-a")
    world.run(120)
    assert (world.serving, called(world)) == ([], ["fitness-is-missing"])


def test_a_cluster_whose_standby_is_not_fit_is_told_of_as_one_without_a_standby():
    world = saying(2, node_b=False).run(400)
    (told,) = world.told(ClusterDegraded)
    assert told["fault"] == "no other node that is ready says that it is fit to take over"
    say(world, node_b=5).run(120)
    assert world.told(ClusterDegraded)[-1]["fault"] is None


def turned_unfit(target: str, **said: int | bool | None) -> tuple[World, Any]:
    """A planned move whose target finds, while node-a still stops, that its data is not fit."""
    world = saying(node_a=0, node_b=0, node_c=0)
    world.machines["node-a"].stop_s = 12
    execution = world.start(to=target)
    world.run(3)
    assert world.state.transition is not None
    return say(world, **said), execution


def test_a_target_that_is_not_fit_when_it_is_to_get_the_lease_gets_none_and_the_service_goes_back():
    world, _ = turned_unfit("node-b", node_b=False)
    held = holders_of(world)
    world.run_until(closed_on("node-a"), limit_s=60)
    assert "node-b" not in held
    story = world.history(3)
    assert (story["rule"], story["target"]) == ("target-is-not-fit", "node-a")
    assert story["why"] == "node-b got no lease: it says that it is not fit to take over: node-a is next"
    assert world.history(2)["not_granted"] == "node-b cannot take over now: it says that it is not fit to take over"
    assert world.state.failed_starts == {}


def test_a_failover_goes_on_to_the_next_that_is_fit():
    world = saying(node_a=0, node_b=0, node_c=-5)
    world.machines["node-a"].stop_s = 12
    world.start(action="failover", to="node-b")
    world.run(3)
    say(world, node_a=-10, node_b=False)
    held = holders_of(world)
    world.run_until(closed_on("node-c"), limit_s=90)
    assert "node-b" not in held


def test_when_nobody_is_fit_any_more_nobody_gets_the_lease_and_the_first_that_is_fit_again_does():
    world, execution = turned_unfit("node-b", node_a=False, node_b=False, node_c=False)
    world.run(120)
    assert execution.status is Status.FAILED
    assert (world.serving, world.active) == ([], None)
    assert world.history(2)["outcome"] == "HELD"
    assert world.history(2)["reasons"] == ["NOBODY_FIT"]
    assert world.told(TransitionClosed)[-1]["reasons"] == ["NOBODY_FIT"]
    assert called(world) == ["no-fitness-to-place-on"]
    say(world, node_c=1).run_until(closed_on("node-c"), limit_s=60)


def holders_of(world: World) -> set[str]:
    """Who holds the lease in any state that is written from now on, by name."""
    held: set[str] = set()
    commit = world.ledger.commit

    def watched(*args: Any, **facts: Any) -> ClusterState:
        written = commit(*args, **facts)
        held.add(world.definition.name_of(written.active or ""))
        return written

    world.ledger.commit = watched  # type: ignore[method-assign]
    return held
