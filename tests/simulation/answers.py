"""What a node answers at /serving, asked after every event: by its snapshot and its clock, whatever its loop does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.invariants import Violation
from understudy_agent import serving
from understudy_agent.lease import LeaseAnswer, Order
from understudy_agent.loop import Agent

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World


def says_that_it_serves(machine: Machine) -> bool:
    """Whether /serving would be 200 now. A machine that is off or frozen, and an agent that is gone, answer nobody."""
    agent = machine.agent
    if agent is None or agent.snapshot.until_ms is None or machine.is_frozen or not machine.is_on:
        return False
    return not serving.why_not_serving(agent.snapshot, machine.now_ms(), _needed_ms(agent))


def _needed_ms(agent: Agent) -> int:
    """For how long its answers are good: nobody has written how often it is asked."""
    return serving.needed_ms(None, serving.room_ms(agent.snapshot.lease_view.terms, agent.who.orderly_stop_s))


def at_most_one_says_serving(world: World) -> None:
    """B21. Nobody is excused: neither who has just thawed, nor who was passed over, nor who hangs."""
    saying = []
    for machine in world.machines:
        if machine.agent is not None and says_that_it_serves(machine):
            machine.said_serving = world.clock.now_s, _needed_ms(machine.agent) - serving.MARGIN_MS, _until_ms(machine)
            saying.append(machine.name)
    if len(saying) > 1:
        raise Violation("at_most_one_says_serving", f"/serving of {' and '.join(saying)} is 200 at the same moment")


def what_was_answered_holds(world: World, machine: Machine, agent: Agent) -> None:
    """B21. Who has said that it serves goes on for the asker's interval, unless it lets go or is told to.

    Want of a lease alone ends nobody's services so soon. Whose lease is shorter by what it has read since, in a table
    that was restored or by timings that were changed, has been told.
    """
    if agent._order not in (Order.STOP, Order.KILL) or agent._lease_view.answer is not LeaseAnswer.MINE:
        return
    is_meant = agent.is_stopping or agent._prober.forbids(machine.now_ms(), is_down=False)
    said_s, interval_ms, said_until_ms = machine.said_serving
    ago_s = world.clock.now_s - said_s
    if not is_meant and 1000 * ago_s < interval_ms and _until_ms(machine) >= said_until_ms:
        raise Violation(
            "what_was_answered_holds", f"{machine.name} gives up {ago_s:.2f} s after it said that it serves"
        )


def _until_ms(machine: Machine) -> int:
    snapshot = machine.agent.snapshot if machine.agent is not None else None
    return (snapshot.until_ms if snapshot is not None else None) or 0
