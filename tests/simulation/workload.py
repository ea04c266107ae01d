"""The service of a node: the process itself, and what an agent knows of it. Times are the node's local milliseconds.

It stands for `understudy_agent.services`, whose own automaton has its own tests: it starts, stops and is killed in the
time that chance gives, and does not start, or ends, when a fault says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from understudy_agent.lease import Order
from understudy_agent.model import Change, State

NAME = "postgresql"
KILLED_WITHIN = 0.9
"""A kill takes at most this part of kill_limit_s."""


@dataclass
class Process:
    """What really runs. It goes on when its agent dies, and ends with its machine."""

    is_running: bool = False
    gone_at_ms: int | None = None

    def is_up(self, now_ms: int) -> bool:
        """Whether clients could be served. One that starts or stops counts."""
        return self.is_running and (self.gone_at_ms is None or now_ms < self.gone_at_ms)

    def begin(self) -> None:
        self.is_running, self.gone_at_ms = True, None

    def end_by(self, at_ms: int) -> None:
        self.gone_at_ms = at_ms if self.gone_at_ms is None else min(self.gone_at_ms, at_ms)


class Workload:
    """What one agent process knows of the service, and does to it. It has the face of `Services`."""

    def __init__(
        self, process: Process, rng: Random, is_broken: Mapping[str, bool], on_change: Callable[[State], None]
    ) -> None:
        """`on_change` is told of every state that the service comes to, before anything is done."""
        self.state: State | None = None
        self._process, self._rng, self._is_broken, self._on_change = process, rng, is_broken, on_change
        self._grant: int | None = None
        self._retries = False
        self._ready_at_ms = 0
        self._is_killing = False
        self._changes: list[Change] = []

    @property
    def all_down(self) -> bool:
        return self.state is State.OUT_OF_SERVICE

    @property
    def all_looked_at(self) -> bool:
        return self.state is not None

    def states(self) -> dict[str, str]:
        return {NAME: (self.state or State.STOPPING).value}

    def orderly_stop_s(self) -> float:
        return 30.0

    def due_ms(self) -> int | None:
        """When something of its own accord happens next that the agent is to notice."""
        if self.state is State.STARTING:
            return self._ready_at_ms
        return self._process.gone_at_ms if self.state is State.STOPPING else None

    def tick(self, order: Order, epoch: int, now_ms: int, kill_limit_s: float) -> list[Change]:
        self._look(order, now_ms)
        if order is Order.SERVE:
            self._serve(epoch, now_ms)
        elif order in (Order.STOP, Order.KILL):
            self._grant = None
            if not self.all_down:
                self._end(now_ms, kill_limit_s if order is Order.KILL else None)
        changes, self._changes = self._changes, []
        return changes

    def _look(self, order: Order, now_ms: int) -> None:
        is_up = self._process.is_up(now_ms)
        if self.state is None:
            self._become(State.IN_SERVICE if is_up else State.OUT_OF_SERVICE, "it was found so")
        elif self.state is State.OUT_OF_SERVICE and is_up:
            self._become(State.IN_SERVICE, "it was found running")
        elif self.state is State.STOPPING and not is_up:
            self._is_killing = False
            self._become(State.OUT_OF_SERVICE, "it is gone")
        elif self.state is State.STARTING and now_ms >= self._ready_at_ms:
            if self._is_broken["start"]:
                self._process.end_by(now_ms)
                self._become(State.FAILED, "its start failed")
            else:
                self._become(State.IN_SERVICE, "it was started")
        elif self.state is State.IN_SERVICE and not is_up:
            self._become(State.FAILED if order is Order.SERVE else State.OUT_OF_SERVICE, "it no longer runs")

    def _serve(self, epoch: int, now_ms: int) -> None:
        if epoch != self._grant:
            self._grant, self._retries = epoch, self.state is State.FAILED
        if self.state is State.OUT_OF_SERVICE or (self.state is State.FAILED and self._retries):
            self._retries = False
            self._become(State.STARTING, f"the lease of epoch {epoch} is held")
            self._process.begin()
            self._ready_at_ms = now_ms + self._rng.randrange(100, 8000)

    def _end(self, now_ms: int, kill_limit_s: float | None) -> None:
        if kill_limit_s is not None and not self._is_killing:
            self._is_killing = True
            self._process.end_by(
                now_ms + int(self._rng.choice((0.05, KILLED_WITHIN, KILLED_WITHIN)) * kill_limit_s * 1000)
            )
            self._become(State.STOPPING, "the order is KILL")
        elif self.state is not State.STOPPING:
            longest_ms = self._rng.choice((500, 3000, 25_000))
            self._process.end_by(now_ms + self._rng.randrange(50, longest_ms))
            self._become(State.STOPPING, "the order is STOP")

    def _become(self, state: State, why: str) -> None:
        if state is not self.state:
            old, self.state = self.state, state
            self._changes.append(Change(NAME, old, state, why))
            self._on_change(state)
