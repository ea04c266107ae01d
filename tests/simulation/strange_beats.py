"""Beats that no agent sends: a loop that somebody has made at home, and a beat that lies about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.plan import Fault

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

AT_HOME = "somebody beats by hand"
BEATS_EVERY_S = 4.0
FAR = (10**9, 10**12 - 1, 10**13 - 1, 10**15 - 1, 10**15, 10**13)
"""Numbers about the bounds that there are, or should be."""


def beat_by_hand(world: World, fault: Fault) -> None:
    """There is no agent, and a loop beats, with whatever number came to its author's mind."""
    machine = world.machines[fault.node]
    machine.kept_off.add(AT_HOME)
    machine.kill_agent("somebody puts a loop in its place")
    _go_on(world, machine, fault, 1)


def beat_no_more_by_hand(world: World, fault: Fault) -> None:
    """The agent is put back."""
    machine = world.machines[fault.node]
    machine.kept_off.discard(AT_HOME)
    machine.start_agent()


def _go_on(world: World, machine: Machine, fault: Fault, count: int) -> None:
    if AT_HOME not in machine.kept_off or fault not in world.weather.of("home_made_beats"):
        return
    detail: dict[str, Any] = {
        "cluster": world.cluster,
        "boot": machine.boot if fault.pick % 2 else "loop",
        "beat": _number(world, machine, fault, count),
        "keeps_lease": False,
    }
    if fault.pick // 2 % 2:
        word = "IN_SERVICE" if machine.workload.is_up(machine.now_ms()) else "OUT_OF_SERVICE"
        detail["services"] = dict.fromkeys(world.services, word)
    _send(world, machine, detail)
    world.clock.after(BEATS_EVERY_S, lambda: _go_on(world, machine, fault, count + 1))


def _number(world: World, machine: Machine, fault: Fault, count: int) -> int:
    now_s = world.clock.now_s
    return int((count, now_s, now_s * 1e3, now_s * 1e6, machine.now_ms(), machine.now_ms() * 1e3)[fault.pick // 4 % 6])


def lie(world: World, fault: Fault) -> None:
    """One beat with a number that is not true. Of its services it tells the truth."""
    machine = world.machines[fault.node]
    agent = machine.agent
    if agent is None:
        return
    detail: dict[str, Any] = {
        "cluster": world.cluster,
        "boot": machine.boot if fault.pick % 5 else "another-boot",
        "beat": machine.now_ms(),
        "keeps_lease": agent._report.keeps_lease,
        "read_epoch": agent._report.read_epoch,
        "services": dict(agent._report.services),
        "knows": agent._failsafe.knows,
    }
    detail[("beat", "beat", "beat", "knows", "read_epoch")[fault.pick // 5 % 5]] = FAR[fault.pick // 25 % len(FAR)]
    _send(world, machine, detail)


def _send(world: World, machine: Machine, detail: dict[str, Any]) -> None:
    if detail["boot"] == machine.boot and detail["beat"] > machine.now_ms():
        machine.is_poisoned = True
    if machine.is_on:
        machine.note_disturbance()
        words = " ".join(f"{key}={detail[key]}" for key in detail if key != "cluster")
        world.story.tell(machine.name, f"a beat that no agent sends: {words}")
    world.bus.take_strange(machine, detail)
