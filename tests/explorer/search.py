"""Every way through at most so many deviations, each world once, with snapshots taken and put back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from unittest.mock import patch

from tests.explorer import snapshots
from tests.explorer.parts import write_in_memory
from tests.explorer.properties import Violation
from tests.explorer.world import Setting, World
from understudy_agent import files, tries

AT_RANDOM = 100_000
"""How much may wait to be followed for its order to be chance, so that a run which has no time for all tries some of
everything. Beyond that it is depth first, which needs little memory."""


@dataclass(frozen=True)
class Deviation:
    """Something that does not go as it does by default. `can`: whether it makes a difference now."""

    name: str
    do: Callable[[World], None]
    can: Callable[[World], bool] = lambda world: True


Trail = tuple[tuple[int, str], ...]
"""The deviations so far: in which second after the beginning, and what."""


@dataclass(frozen=True)
class Found:
    """A violation, and the way to it."""

    setting: Setting
    trail: Trail
    violation: Violation
    at_s: int


@dataclass
class Figures:
    """What an exploration has done. `seconds`: of one core."""

    states: int = 0
    steps: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    found: list[Found] = field(default_factory=list)


class Explorer:
    """Explores one setting with one list of deviations."""

    def __init__(
        self,
        setting: Setting,
        deviations: Sequence[Deviation],
        horizon_s: int,
        *,
        until_s: int | None = None,
        ends_at: float | None = None,
        stop_at_first: bool = False,
    ) -> None:
        """`until_s`: within how many seconds from the beginning things may deviate. `ends_at`: when time is over."""
        self.figures = Figures()
        self._setting, self._deviations, self._horizon_s = setting, deviations, horizon_s
        self._until_s = horizon_s if until_s is None else until_s
        self._ends_at, self._stop_at_first = ends_at, stop_at_first
        self._chance = Random(0)
        self._seen: dict[int, tuple[int, int]] = {}
        self._kinds: set[tuple[str, tuple[str, ...]]] = set()

    def explore(self, deviations: int) -> Figures:
        """By at most so many deviations. With none first, then with one more each time, so that what is found is
        as short as it can be."""
        begun = time.process_time()
        with real_but_for_files():
            for most in range(deviations + 1):
                self._seen = {}
                self.figures.states = self.figures.steps = 0
                world = World(self._setting)
                self._walk(world, most)
                if self._is_over():
                    break
        self.figures.seconds = time.process_time() - begun
        return self.figures

    def _is_over(self) -> bool:
        if self._stop_at_first and self.figures.found:
            return True
        if self._ends_at is not None and time.perf_counter() > self._ends_at:
            self.figures.is_complete = False
            return True
        return False

    def _walk(self, world: World, most: int) -> None:
        """Along the default from here, and from each second of it along every deviation."""
        stack: list[tuple[snapshots.Saved, int, int, Trail, Deviation | None]] = []
        stack.append((snapshots.save(world), 0, most, (), None))
        while stack:
            if self._is_over():
                return
            if len(stack) < AT_RANDOM:
                chosen = self._chance.randrange(len(stack))
                stack[chosen], stack[-1] = stack[-1], stack[chosen]
            saved, at_s, left, trail, deviation = stack.pop()
            snapshots.restore(saved)
            if deviation is not None:
                deviation.do(world)
            self._follow(world, at_s, left, trail, stack, has_deviated=deviation is not None)

    def _follow(
        self,
        world: World,
        at_s: int,
        left: int,
        trail: Trail,
        stack: list[tuple[snapshots.Saved, int, int, Trail, Deviation | None]],
        *,
        has_deviated: bool,
    ) -> None:
        """The default from here to the horizon, as far as it is new; what may deviate on the way goes on the stack."""
        figures = self.figures
        while at_s < self._horizon_s:
            if left and at_s < self._until_s and not has_deviated:
                can = [each for each in self._deviations if each.can(world)]
                if can:
                    saved = snapshots.save(world)
                    stack.extend((saved, at_s, left - 1, (*trail, (at_s, each.name)), each) for each in can)
            has_deviated = False
            world.second()
            at_s += 1
            figures.steps += 1
            if world.violation is not None:
                self._note(world.violation, trail, at_s)
                return
            if not self._is_new(world, left, self._horizon_s - at_s):
                return

    def _is_new(self, world: World, left: int, rest_s: int) -> bool:
        key = world.keys.key()
        known = self._seen.get(key)
        if known is not None and known[0] >= left and known[1] >= rest_s:
            return False
        if known is None:
            self.figures.states += 1
        self._seen[key] = (left, rest_s)
        return True

    def _note(self, violation: Violation, trail: Trail, at_s: int) -> None:
        """One story for each property and set of deviations: the first, which is the shortest."""
        kinds = tuple(sorted({name for _, name in trail}))
        if any(prop == violation.property and set(known) <= set(kinds) for prop, known in self._kinds):
            return
        self._kinds.add((violation.property, kinds))
        self.figures.found.append(Found(self._setting, trail, violation, at_s))


@contextmanager
def real_but_for_files() -> Iterator[None]:
    """The agent writes its files in memory, and nobody logs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with ExitStack() as stack:
            for module in (files, tries):
                stack.enter_context(patch.object(module, "write_atomically", write_in_memory))
            yield
    finally:
        logging.disable(disabled)


def story_of(setting: Setting, deviations: Sequence[Deviation], trail: Trail, until_s: int) -> list[str]:
    """What happens along a trail, told."""
    by_name = {each.name: each for each in deviations}
    story: list[str] = []
    with real_but_for_files():
        world = World(setting, story)
        before = len(story) if setting.settle_s else 0
        for at_s in range(until_s + 1):
            for _, name in [each for each in trail if each[0] == at_s]:
                world.tell("DEVIATION", name)
                by_name[name].do(world)
            world.second()
            if world.violation is not None:
                break
    return story[before:]
