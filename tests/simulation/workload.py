"""The services of a machine as they really run, and the kind by which the real automaton handles them.

What starts, stops and ends here does so in virtual time; what an agent makes of it is `understudy_agent.services`.
Times are the node's local milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from understudy_agent.former import Former
from understudy_agent.model import LOOKS, ServiceSettings, ServiceStep, State
from understudy_agent.remains import Remains
from understudy_agent.service import LOOK_LIMIT_MS, Service
from understudy_agent.services import Services
from understudy_agent.tasks import FinishedTask, Outcome, Task

if TYPE_CHECKING:
    from tests.simulation.node import Machine

DATA, POSTGRESQL = "data", "postgresql"
KILLED_WITHIN = 0.9
"""A kill takes at most this part of kill_limit_s."""
START_LIMIT_S, STOP_LIMIT_S = 20.0, 30.0
START_MOST_MS = {DATA: 500, POSTGRESQL: 8000}
STOPS_MOST_MS = {DATA: (100, 500, 3000), POSTGRESQL: (500, 3000, 25_000)}
DIES_LATE_MS = 300
"""So long after its start a service that does not start may serve nevertheless."""
LOOK_MOST_MS = 40
SLOW_LOOK_MOST_MS = 4000
NOTHING_TO_FIND = Remains()


@dataclass
class Process:
    """What really runs. It goes on when its agent dies, and ends with its machine."""

    is_running: bool = False
    ready_at_ms: int = 0
    gone_at_ms: int | None = None
    crashed: bool = False

    def is_up(self, now_ms: int) -> bool:
        """Whether clients could be served. One that starts or stops counts."""
        return self.is_running and (self.gone_at_ms is None or now_ms < self.gone_at_ms)

    def begin(self, ready_at_ms: int = 0) -> None:
        self.is_running, self.ready_at_ms, self.gone_at_ms, self.crashed = True, ready_at_ms, None, False

    def end_by(self, at_ms: int) -> None:
        self.gone_at_ms = at_ms if self.gone_at_ms is None else min(self.gone_at_ms, at_ms)


class Until:
    """A task that ends at a time of its own; one that hangs has none."""

    why = ""

    def __init__(self, clock_ms: Callable[[], int], due_ms: int | None, end: Callable[[], Outcome]) -> None:
        self.due_ms = due_ms
        self._clock_ms, self._end = clock_ms, end

    def poll(self) -> Outcome | None:
        return None if self.due_ms is None or self._clock_ms() < self.due_ms else self._end()

    def abort(self) -> None:
        """The command is killed; what it has brought about goes on."""
        self.due_ms = None


class RunningKind:
    """One service of a machine as its agents start it, stop it, kill it and look at it.

    `data` is like a mount: a look at it is answered at once. `postgresql` is like a script: a look takes its time, and
    shows how things were when it began or when it ended.
    """

    def __init__(self, machine: Machine, name: str, process: Process, rng: Random) -> None:
        self.slow_to_show = name == POSTGRESQL
        self.confirms_start = name == DATA
        self._machine, self._name, self._process, self._rng = machine, name, process, rng

    def start(self) -> Task:
        now_ms = self._machine.now_ms()
        self._machine.begins(self._name)
        ready_at_ms = now_ms + self._rng.randrange(10, START_MOST_MS[self._name])
        self._process.begin(ready_at_ms)
        return self._task(ready_at_ms, self._has_started)

    def _has_started(self) -> Outcome:
        now_ms = self._machine.now_ms()
        if self._machine.is_broken["start"] and self._process.is_up(now_ms):
            is_late = self._name == POSTGRESQL and self._process.ready_at_ms % 2
            self._process.end_by(now_ms + (DIES_LATE_MS if is_late else 0))
        return Outcome.DONE if self._process.is_up(now_ms) else Outcome.FAILED

    def stop(self) -> Task:
        now_ms = self._machine.now_ms()
        self._process.end_by(now_ms + self._rng.randrange(50, self._rng.choice(STOPS_MOST_MS[self._name])))
        return self._gone(now_ms)

    def kill(self) -> Task:
        now_ms, limit_ms = self._machine.now_ms(), int(self._machine.kill_limit_s() * 1000)
        self._process.end_by(now_ms + int(self._rng.choice((0.05, KILLED_WITHIN, KILLED_WITHIN)) * limit_ms))
        return self._gone(now_ms)

    def _gone(self, now_ms: int) -> Task:
        return self._task(max(now_ms, self._process.gone_at_ms or 0), lambda: Outcome.DONE)

    def remains(self) -> Remains:
        return NOTHING_TO_FIND

    def look(self) -> Task:
        now_ms, seen = self._machine.now_ms(), self._seen()
        self._machine.looked_s[self._name] = self._machine.world.clock.now_s
        trouble = self._machine.trouble_with_looks()
        if trouble is not None and self._rng.random() < trouble.level:
            if trouble.pick % 3 == 0:
                return FinishedTask(Outcome.UNKNOWN)
            late_ms = self._rng.randrange(500, SLOW_LOOK_MOST_MS)
            return self._task(None if trouble.pick % 3 == 1 else now_ms + late_ms, lambda: seen)
        if self._name == DATA:
            return FinishedTask(seen)
        takes_ms = self._rng.randrange(2, LOOK_MOST_MS)
        return self._task(now_ms + takes_ms, self._seen if self._rng.random() < 0.5 else lambda: seen)

    def _seen(self) -> Outcome:
        now_ms, process = self._machine.now_ms(), self._process
        if not process.is_up(now_ms):
            return Outcome.DEAD if process.crashed and self._name == POSTGRESQL else Outcome.DOWN
        if now_ms < process.ready_at_ms:
            return Outcome.RUNNING
        return Outcome.SERVING if process.gone_at_ms is None else self._rng.choice((Outcome.SERVING, Outcome.RUNNING))

    def _task(self, due_ms: int | None, end: Callable[[], Outcome]) -> Until:
        return Until(self._machine.now_ms, due_ms, end)


class Workload:
    """All services of a machine: they outlive its agents. `restart_tries`: as in the agent's file."""

    def __init__(self, machine: Machine, names: tuple[str, ...], rng: Random, restart_tries: int) -> None:
        self.processes = {name: Process() for name in names}
        self._machine, self._rng = machine, rng
        self._spec = ServiceSettings("", (), START_LIMIT_S, STOP_LIMIT_S, restart_tries=restart_tries)

    def supervised(
        self, file: Mapping[str, str], left: Mapping[str, str], on_unstoppable: Callable[[str], None]
    ) -> Services:
        """What a new process knows of the services: nothing yet. `file`: the names in its file, and what each is.

        `left`: the same, of what an agent before it was in charge of, and the file does not name so any more.
        """
        former = [
            Former(name, RunningKind(self._machine, real, self.processes[real], self._rng), self._spec_of(name))
            for name, real in left.items()
        ]
        kinds, specs = {}, []
        for name, real in file.items():
            kinds[name] = RunningKind(self._machine, real, self.processes[real], self._rng)
            depends_on = tuple(each for each in file if file[each] == DATA) if real == POSTGRESQL else ()
            specs.append(replace(self._spec, name=name, depends_on=depends_on))
        return Services(kinds, specs, on_unstoppable, former=former)

    def _spec_of(self, former: str) -> ServiceSettings:
        return replace(self._spec, name=f"former {former}")

    def is_up(self, now_ms: int) -> bool:
        """Whether any of it is left."""
        return any(process.is_up(now_ms) for process in self.processes.values())

    def is_up_now(self) -> bool:
        """As is_up. Asked after every event, so it is written out, and reads the clock only where something ends."""
        for process in self.processes.values():
            if process.is_running and (process.gone_at_ms is None or self._machine.now_ms() < process.gone_at_ms):
                return True
        return False

    def run(self) -> None:
        """Somebody else than an agent starts all of it."""
        for process in self.processes.values():
            process.begin()

    def is_whole(self, now_ms: int) -> bool:
        """Whether all of it runs."""
        return bool(self.processes) and all(process.is_up(now_ms) for process in self.processes.values())

    def is_untidy(self, now_ms: int) -> bool:
        """Whether any of it runs, or has ended in disorder, so that a look at it tells nothing for sure."""
        return any(process.crashed or process.is_up(now_ms) for process in self.processes.values())

    def stop(self, now_ms: int) -> None:
        """Somebody else than an agent stops all of it in order."""
        for process in self.processes.values():
            process.crashed = False
            process.end_by(now_ms + 1000)

    def lose(self) -> None:
        """The machine is off: nothing of it is left."""
        for name in self.processes:
            self.processes[name] = Process()

    def crash(self, pick: int, now_ms: int) -> None:
        """One of the services ends by itself."""
        process = list(self.processes.values())[pick % len(self.processes)] if self.processes else Process()
        if process.is_up(now_ms):
            process.end_by(now_ms)
            process.crashed = True


def moves(services: Services) -> bool:
    """Whether an agent looks at its services more often, because one is being started or stopped."""
    return any(service.state in (State.STARTING, State.STOPPING) for service in services._services)


def due_ms(services: Services, kill_limit_s: float) -> Iterator[int]:
    """When something happens next that a tick takes up: what is under way ends, its time is over, a look is due."""
    for service in services._services:
        yield from _due_ms(service, int(kill_limit_s * 1000))


def _due_ms(service: Service, kill_limit_ms: int) -> Iterator[int]:
    step, task = service._step, service._task
    if step is ServiceStep.REST or (step is ServiceStep.LOOK and service.state is not None):
        return  # nothing hangs on a look at rest: the next tick takes it up, within a second
    ends_ms = task.due_ms if isinstance(task, Until) else None
    if ends_ms is not None:
        yield ends_ms
    elif isinstance(task, FinishedTask):
        yield 0
    if step in LOOKS:
        yield service._task_since_ms + LOOK_LIMIT_MS
    if step in (ServiceStep.CHECK, ServiceStep.START, ServiceStep.CONFIRM_START):
        yield service._since_ms + int(START_LIMIT_S * 1000)
    elif step in (ServiceStep.STOP, ServiceStep.CONFIRM_STOP):
        yield service._since_ms + int(STOP_LIMIT_S * 1000)
    elif step in (ServiceStep.KILL, ServiceStep.CONFIRM_KILL):
        yield service._since_ms + kill_limit_ms
