"""A transition cut off at any point: the next evaluation continues from what the table says, and never do two serve."""

import pytest

from tests.support.builders import ADDRESS_B
from tests.support.world import World


def failover_steps():
    world = World().settle()
    before = world.steps
    world.kill("node-a")
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None, limit_s=60)
    return world.steps - before


STEPS = failover_steps()


@pytest.mark.parametrize("steps", range(STEPS))
def test_a_failover_that_crashes_after_any_step_is_finished_by_the_next_evaluation(steps):  # B1 B4
    world = World().settle()
    world.kill("node-a")
    world.crash_after_steps = world.steps + steps
    world.run_until(lambda w: w.steps == w.crash_after_steps and len(w.executions) > 1, limit_s=60)
    world.crash()
    world.run_until(
        lambda w: w.in_service == ["node-b"] and w.state.transition is None and w.dns == ADDRESS_B, limit_s=400
    )
    assert world.active == "node-b"
    assert world.state.previous is None


@pytest.mark.parametrize("steps", range(3))
def test_whoever_aborts_an_execution_before_it_opened_anything_delays_a_failover_by_one_silence_limit(steps):  # S10
    world = World().settle()
    world.kill("node-a")
    world.crash_after_steps = world.steps + steps
    world.run_until(lambda w: w.steps == w.crash_after_steps and len(w.executions) > 1, limit_s=60)
    world.crash()
    assert world.state.transition is None
    world.run_until(lambda w: w.state.transition is not None, limit_s=world.definition.policy.silence_limit_s + 4)
    aborted, current = (execution.name for execution in world.executions[-2:])
    assert world.state.transition.execution == current != aborted


@pytest.mark.parametrize("steps", range(0, STEPS, 2))
def test_a_switchover_that_crashes_after_any_step_ends_in_service_on_one_node(steps):  # B1 B4
    world = World().settle()
    world.start()
    world.crash_after_steps = world.steps + steps
    world.run(30)
    world.crash()
    world.run_until(lambda w: len(w.in_service) == 1 and w.state.transition is None, limit_s=400)
    assert world.active == world.in_service[0]
    assert world.dns == world.definition.node(world.state.active).address


def test_an_execution_that_wakes_up_after_it_was_superseded_changes_nothing():  # B1
    world = World(members=3).settle()
    world.kill("node-a")
    world.crash_after_steps = world.steps + 6
    world.run_until(lambda w: len(w.executions) > 1 and w.steps == w.crash_after_steps, limit_s=60)
    sleeper = world.executions[-1]
    asleep, sleeper.next_due_s = sleeper.next_due_s, float("inf")
    world.crash_after_steps = None
    world.run_until(lambda w: len(w.in_service) == 1 and w.state.transition is None, limit_s=400)
    served_by, epoch, dns = world.in_service, world.state.epoch, world.dns
    sleeper.next_due_s = asleep
    world.run(30)
    assert sleeper.output["outcome"] == "STALE"
    assert (world.in_service, world.state.epoch, world.dns) == (served_by, epoch, dns)
