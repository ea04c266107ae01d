"""A start that failed is not forgotten: the real workflow definition and the real use cases, in a world in memory."""

from tests.support.asl_runner import Status
from tests.support.builders import NODE_B
from tests.support.world import World


def gone_back() -> World:
    """A switchover to node-b, on which the service does not start, has gone back to node-a."""
    world = World().settle()
    world.machines["node-b"].starts = False
    execution = world.start(to="node-b")
    world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=90)
    assert world.in_service == ["node-a"]
    world.machines["node-b"].starts = True
    return world.run(60)


def test_a_node_on_which_the_service_did_not_start_keeps_that_in_the_state():  # B20
    world = gone_back()
    assert set(world.state.failed_starts) == {NODE_B}
