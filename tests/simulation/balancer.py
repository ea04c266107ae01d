"""A load balancer before the nodes (B21): it asks each of them for /serving, and nobody tells it who holds the lease.

Drawn from dice of its own, and only in a mode of its own: without it a cluster has its record alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.answers import says_that_it_serves
from tests.simulation.invariants import Violation
from tests.simulation.plan import Plan, draw
from understudy.domain.cluster.balancer import HEALTHY, UNHEALTHY, Probing, Target
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.usecases.watch.balancers import is_to_be_compared

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders-db/0a1b2c3d4e5f6071"
PROBING = Probing("HTTP", "8080", "/serving", "200", interval_s=5, timeout_s=2, healthy=2, unhealthy=2)
"""The quickest that AWS has."""
PORT = 5432


def draw_with_balancer(seed: int) -> Plan:
    """The plan of that seed, in which the cluster has a load balancer beside its record."""
    plan = draw(seed)
    return replace(plan, setting=replace(plan.setting, has_balancer=True))


class Balancer:
    """A target group with every node that can serve, and its load balancer. As TargetHealth, for the watch.

    `led_to`: where connections go, from when on (seconds): the names of the healthy targets.
    """

    def __init__(self, world: World, rng: Random) -> None:
        self._world, self._rng = world, rng
        self._taken_in: frozenset[str] = frozenset()
        self._in_a_row: dict[str, int] = {}
        """How many answers in a row would make another thing of a node."""
        self.led_to: list[tuple[float, tuple[str, ...]]] = []
        self._agreed_s = self._agreed_at_look_s = self._interrupted_s = 0.0
        self._looks_s = (0.0, 0.0)
        """When the watch looked last, and before that: the older one first."""

    def begin(self) -> None:
        """From now on it asks."""
        for machine in self._world.machines:
            self._in_a_row[machine.name] = 0
            self._world.clock.after(self._rng.uniform(0, PROBING.interval_s), partial(self._ask, machine))

    def targets(self, arn: str) -> tuple[Target, ...]:
        """As TargetHealth.targets. Elastic Load Balancing is away when EC2 is."""
        if self._world.weather.of("nodes_down"):
            raise UnreadableError(f"{arn} cannot be read")
        self._looks_s, self._agreed_at_look_s = (self._looks_s[1], self._world.clock.now_s), self._agreed_s
        return tuple(
            Target(machine.spec.instance_id, PORT, HEALTHY if self._is_healthy(machine) else UNHEALTHY)
            for machine in self._world.machines
        )

    def probe(self, arn: str) -> Probing:
        """As TargetHealth.probe."""
        return PROBING

    def healthy(self) -> tuple[str, ...]:
        """Where connections go."""
        return tuple(machine.name for machine in self._world.machines if self._is_healthy(machine))

    def after_an_event(self, state: ClusterState | None, definition: Definition | None) -> None:
        """Remember when nothing differed for the last time, and when the holder did not serve for the last time."""
        now_s = self._world.clock.now_s
        if state is None or definition is None or state.transition is not None:
            self._agreed_s = now_s
        elif not is_to_be_compared(ClusterView(state, definition, int(now_s))):
            self._agreed_s = self._interrupted_s = now_s
        elif state.active and self.healthy() == (self._world.machine_of(state.active).name,):
            self._agreed_s = now_s

    def after_a_commit(self, before: ClusterState, after: ClusterState) -> None:
        """B21. People are told of nothing that the probing explains.

        But for a service that has ended and come back on its node between two looks: the watch has seen two
        differences, and not that they are two.
        """
        was_told, is_told = (each.mismatch is not None and each.mismatch.is_told for each in (before, after))
        if was_told or not is_told or self._interrupted_s > self._looks_s[0]:
            return
        differed_s = self._looks_s[1] - self._agreed_at_look_s
        if differed_s < PROBING.explained_s:
            raise Violation(
                "a_balancer_is_told_of_for_cause", f"it had differed for {differed_s:.1f} s, and agreed before that"
            )

    def _ask(self, machine: Machine) -> None:
        self._world.clock.after(PROBING.interval_s, partial(self._ask, machine))
        is_good, was_in = says_that_it_serves(machine), machine.name in self._taken_in
        self._in_a_row[machine.name] = 0 if is_good == was_in else self._in_a_row[machine.name] + 1
        if self._in_a_row[machine.name] < (PROBING.unhealthy if was_in else PROBING.healthy):
            return
        self._in_a_row[machine.name] = 0
        self._taken_in ^= {machine.name}
        self._world.story.tell("balancer", f"leads to {' and '.join(self.healthy()) or 'nobody'}")
        self.led_to.append((self._world.clock.now_s, self.healthy()))

    def _is_healthy(self, machine: Machine) -> bool:
        return machine.name in self._taken_in
