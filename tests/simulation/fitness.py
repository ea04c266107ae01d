"""Only who is fit takes over (B20): what the data of each node is worth, and what the nodes have said of it.

Drawn from dice of its own, and only in a mode of its own: without it no node says how fit it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.invariants import Violation
from tests.simulation.plan import Plan, draw
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.state import ClusterState, ServiceStatus, Transition, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import health_of
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.quorum import objection
from understudy.domain.observe.serving import servers
from understudy.domain.transition.opening import MANUAL_RULE
from understudy_agent.fitness import FitCommand, FitSettings
from understudy_agent.log import Log
from understudy_agent.tasks import FinishedTask, Judge, Outcome, Task, judged

if TYPE_CHECKING:
    from tests.simulation.world import World

ASKED = FitSettings("postgresql", ("how-fit",), interval_s=5, limit_s=4)
CHANGES = 0.3
"""How often an answer is another one than the answer before, while there are faults."""
ANSWERS: Sequence[tuple[int | None, str]] = (
    *((0, str(number)) for number in (0, 20, 40, 60, 80, 100)),
    *((1, "") for _ in range(3)),
    (0, "nan"),
    (2, "7"),
    (None, ""),  # it hangs
)
"""Exit status and standard output of the command."""
IN_USE = (ServiceStatus.IN_SERVICE, ServiceStatus.STARTING)
TAKES_BACK = ("place-on-last-holder", "overdue-and-holder-returned")
"""Who has no proof against it gets its own lease back, well or not: nobody else may have it."""


def draw_with_fitness(seed: int) -> Plan:
    """The plan of that seed, in which every node says how fit it is, and each policy makes something of it."""
    plan, rng = draw(seed), Random(f"{seed}/fitness")
    policies = tuple(
        {**policy, "fitness": {"required": rng.random() < 0.5, "margin": rng.choice((0, 0, 20, 50))}}
        for policy in plan.policies
    )
    return replace(plan, policies=policies, setting=replace(plan.setting, has_fitness=True))


class Hanging:
    """A command that never ends."""

    why = ""

    def poll(self) -> Outcome | None:
        return None

    def abort(self) -> None:
        """It is killed."""


class Data:
    """The data of a node, as the command of its owner sees it. It is good once nothing goes wrong any more."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world, self._rng = world, rng
        self._answer: tuple[int | None, str] = ANSWERS[0]

    def command(self, log: Log) -> FitCommand:
        """What a new agent asks."""
        return FitCommand(ASKED, log, self._ask)

    def _ask(self, argv: Sequence[str], judge: Judge, *, capture: bool) -> Task:
        if self._world.is_calm:
            self._answer = ANSWERS[0]
        elif self._rng.random() < CHANGES:
            self._answer = self._rng.choice(ANSWERS)
        status, output = self._answer
        return Hanging() if status is None else FinishedTask(*judged(judge, status, output))


def after_a_commit(world: World, definition: Definition, before: ClusterState, after: ClusterState) -> None:
    """What holds of every write but beats. `before` is what its writer had read."""
    if world.setting.has_fitness:
        _only_who_is_fit_gets_the_lease(world, definition, before, after)
        _the_fittest_is_chosen(world, definition, before, after)


def said_fit(world: World, state: ClusterState, instance_id: str) -> int | bool | None:
    """What a node's newest beat in this state says, as its beat had it: a number, False, or None."""
    report = state.nodes.get(instance_id)
    return world.fit_by_beat.get((instance_id, report.boot, report.beat)) if report else None


def is_fit(world: World, definition: Definition, state: ClusterState, instance_id: str) -> bool:
    """Whether its word lets it take over."""
    said = said_fit(world, state, instance_id)
    return said is not False and not (said is None and definition.policy.fitness.required)


def sound(world: World, definition: Definition, state: ClusterState, now: int) -> list[str]:
    """Who could take over, with no failed start behind it."""
    view = ClusterView(state, definition, now)
    barred = {state.active, *world.failed_starts, *servers(view)}
    return [
        node.instance_id
        for node in definition.serving
        if node.instance_id not in barred
        and health_of(view, node.instance_id) is NodeHealth.READY
        and not objection(view, node.instance_id)
        and is_fit(world, definition, state, node.instance_id)
    ]


def _only_who_is_fit_gets_the_lease(
    world: World, definition: Definition, before: ClusterState, after: ClusterState
) -> None:
    """But for one that serves already."""
    target = after.active
    if target is None or target == before.active or before.nodes[target].service in IN_USE:
        return
    if not is_fit(world, definition, before, target):
        said = said_fit(world, before, target)
        raise Violation("only_who_is_fit_gets_the_lease", f"{target} is given the lease, and said last: {said}")


def _the_fittest_is_chosen(world: World, definition: Definition, before: ClusterState, after: ClusterState) -> None:
    """A failover that nobody asked for goes to nobody who is less fit than another by more than the margin."""
    opened = after.transition
    if opened is None or after.epoch == before.epoch or not _is_chosen(world, opened):
        return
    mine = said_fit(world, before, opened.target)
    for other in sound(world, definition, before, opened.opened_at):
        theirs = said_fit(world, before, other)
        if other in opened.tried or theirs is None or other == opened.target:
            continue
        if mine is None or theirs - mine > definition.policy.fitness.margin:
            found = f"{opened.target} says {mine}, and {other} says {theirs}"
            raise Violation("the_fittest_is_chosen", found)


def _is_chosen(world: World, opened: Transition) -> bool:
    is_by_rule = opened.action is TransitionAction.FAILOVER and opened.rule not in (MANUAL_RULE, *TAKES_BACK)
    return is_by_rule and opened.target != opened.source and opened.target not in world.failed_starts
