"""A cluster that is registered anew: its state is deleted, and its definition is registered as if for the first time.

Done as the documents say ("Rebuilding a cluster in the table"), or by a slip, while agents run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.plan import Fault

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

REBUILT = "its cluster is being rebuilt"
DOWN_WITHIN_S = 90.0
OTHERS_LATER_S = 5.0
REFUSED_AFTER_S = 60.0
"""When an operator has read that the definition was refused, and why."""


def register_again(world: World, fault: Fault) -> None:
    """By a slip where `pick` is odd."""
    if fault.pick % 2:
        world.story.tell("somebody", "deletes the cluster's state under its agents")
        world.ledger.forget()
        world.clock.after(1 + fault.level * 20, world.put_definition_again)
        return
    rebuild(world)


def rebuild(world: World) -> None:
    """As the documents say."""
    world.story.tell("operator", "rebuilds the cluster: stops all agents")
    holder = world.record_value()
    for machine in sorted(world.machines, key=lambda each: each.spec.address == holder):
        machine.kept_off.add(REBUILT)
        if machine.agent is not None:
            machine.agent.ask_to_stop()
    world.clock.after(1, lambda: _delete_when_down(world, world.clock.now_s))


def _delete_when_down(world: World, since_s: float) -> None:
    up = [each for each in world.machines if each.agent is not None or each.serves() or each.is_frozen]
    if up and world.clock.now_s - since_s < DOWN_WITHIN_S:
        world.clock.after(1, lambda: _delete_when_down(world, since_s))
        return
    for machine in up:
        machine.power_off("it could not be stopped otherwise")
        world.clock.after(OTHERS_LATER_S, machine.start)
    world.story.tell("operator", "deletes the state, and has the definition registered again")
    world.ledger.forget()
    world.put_definition_again()
    _start_when_registered(world, world.clock.now_s)


def _start_when_registered(world: World, since_s: float) -> None:
    """First the node to which the record leads, then the others. A record that contradicts its guard is put right."""
    if (world.cluster, "state") not in world.ledger.items:
        if world.is_calm and world.clock.now_s - since_s > REFUSED_AFTER_S:
            world.let_the_record_agree_with_its_guard()
            since_s = world.clock.now_s
        world.clock.after(1, lambda: _start_when_registered(world, since_s))
        return
    for machine in world.machines:
        is_first = machine.spec.address == world.record_value()
        world.clock.after(0 if is_first else OTHERS_LATER_S, partial(_let_start, machine))


def _let_start(machine: Machine) -> None:
    machine.kept_off.discard(REBUILT)
    machine.start_agent_when_ended()
