"""Running plans, and making one that fails as small as it goes."""

import gc
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context

from tests.simulation.balancer import draw_with_balancer
from tests.simulation.crowd import Crowd
from tests.simulation.crowd_plan import CrowdPlan, draw_crowd
from tests.simulation.fitness import draw_with_fitness
from tests.simulation.invariants import Violation
from tests.simulation.plan import OFF_ALONE, Fault, Plan, draw
from tests.simulation.weather_scripts import draw_weather
from tests.simulation.world import World

SHRINK_TRIES = 150
SEEDS_AT_ONCE = 5
"""How many seeds a process is given at a time."""
BROKEN = "the_run_breaks"


@dataclass(frozen=True)
class Outcome:
    """What became of one run: the invariant that was violated ("" when all held), what was found, and the story."""

    plan: Plan | CrowdPlan
    invariant: str
    found: str
    story: str
    went_unproven: bool = False
    served_beside: bool = False
    twice: int = 0


@dataclass
class Tally:
    """How many runs went on without a proof, and in how many of these two nodes served for it.

    `twice`: how many moves of a crowd were handed in again because an answer was lost.
    """

    unproven: int = 0
    beside: int = 0
    twice: int = 0

    def count(self, outcome: Outcome) -> Outcome:
        self.unproven += outcome.went_unproven
        self.beside += outcome.served_beside
        self.twice += outcome.twice
        return outcome


def outcome_of(plan: Plan | CrowdPlan) -> Outcome:
    """Run a plan once."""
    world = Crowd(plan) if isinstance(plan, CrowdPlan) else World(plan)
    try:
        with _garbage_left():
            world.run()
    except Violation as violation:
        world.story.tell("VIOLATION", str(violation))
        return Outcome(plan, violation.invariant, str(violation), world.story.text())
    return Outcome(plan, "", "", world.story.text(), world.went_unproven, world.served_beside, world.moved_twice)


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Look for garbage once a run is over: within it the collector finds the same world alive time and again."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


@dataclass(frozen=True)
class Series:
    """Seeds one after the other: the first, how many, and what is drawn for each."""

    seed: int
    runs: int
    pauses: bool = False
    off_alone: bool = False
    crowd: bool = False
    weather: str = ""
    fitness: bool = False
    paces: bool = False
    balancer: bool = False

    def plan(self, number: int) -> Plan | CrowdPlan:
        """The plan of the seed that is so many after the first."""
        if self.weather:
            return draw_weather(self.weather, self.seed + number)
        if self.fitness:
            return draw_with_fitness(self.seed + number)
        if self.balancer:
            return draw_with_balancer(self.seed + number)
        if self.crowd:
            return draw_crowd(self.seed + number)
        policies = OFF_ALONE if self.off_alone else None
        return draw(self.seed + number, pauses=self.pauses, policies=policies, paced=self.paces)

    def outcome(self, number: int) -> Outcome:
        """Run that seed. The story of a run in which all held is not kept.

        One that ends with an error of the simulation's own has failed, too: it keeps nobody from the seeds after it.
        """
        plan = self.plan(number)
        try:
            outcome = outcome_of(plan)
        except Exception as fault:
            return Outcome(plan, BROKEN, f"{BROKEN}: {fault!r}", traceback.format_exc())
        return outcome if outcome.invariant else replace(outcome, story="")

    def outcomes(self, jobs: int) -> Iterator[Outcome]:
        """Run all of them, in so many processes; what came of each, in the order of the seeds."""
        if jobs == 1:
            yield from map(self.outcome, range(self.runs))
            return
        with get_context("fork").Pool(jobs) as pool:
            yield from pool.imap(self.outcome, range(self.runs), chunksize=SEEDS_AT_ONCE)


def first_failure(plans: Iterable[Plan | CrowdPlan], tally: Tally | None = None) -> Outcome | None:
    """The first plan that fails, as it was drawn; None when all held. Each run is counted in `tally`."""
    counted = tally or Tally()
    return next((outcome for plan in plans if (outcome := counted.count(outcome_of(plan))).invariant), None)


def shrunk(failure: Outcome) -> Outcome:
    """The same violation with fewer faults: halves are left out first, then smaller parts, then single ones."""
    tries, size = 0, max(1, len(failure.plan.faults) // 2)
    while size and tries < SHRINK_TRIES:
        smaller = None
        faults = failure.plan.faults
        for start in range(0, len(faults), size):
            tries += 1
            rest: tuple[Fault, ...] = faults[:start] + faults[start + size :]
            outcome = outcome_of(failure.plan.only(rest))
            if outcome.invariant == failure.invariant:
                smaller = outcome
                break
        failure = smaller or failure
        if smaller is None:
            size //= 2
        size = min(size, len(failure.plan.faults))
    return failure


def report(failure: Outcome) -> str:
    """The smallest plan that still fails, and its story. Of a run that broke: where."""
    small = failure if failure.invariant == BROKEN else shrunk(failure)
    faults = "\n".join(f"    {fault}" for fault in small.plan.faults) or "    none at all"
    return (
        f"{small.story}\n\nseed {failure.plan.seed}: {small.found}\n"
        f"with {len(small.plan.faults)} of {len(failure.plan.faults)} faults:\n{faults}"
    )
