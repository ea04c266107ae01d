"""Functions that move a crowd, one thread each on one virtual clock, and what AWS does to their calls."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from bench.virtual_time import VirtualTime
from tests.simulation.crowd_plan import LEFT_BEHIND_S, POINTS
from tests.simulation.functions import ApiDownError, FunctionDied
from tests.simulation.plan import Fault
from tests.simulation.story import Story
from tests.simulation.weather import Weather
from understudy.domain.batching.group_commit import Intent
from understudy.domain.batching.rate_limits import Bucket, Cost

T = TypeVar("T")
TABLE_S = (0.003, 0.02)
"""A call of DynamoDB: uniform."""
WRITES = frozenset(
    {
        "leave",
        "settle",
        "withdraw",
        "take_turn",
        "end_turn",
        "call_crowded",
        "save",
        "take_question",
        "note_answer",
        "commit",
        "note",
        "change_resource_record_sets",
    }
)


@dataclass
class Invocation:
    """One run of a function, and what it has done so far (seconds).

    `turn_at`, `turn_ends_at`: its turn, if it has one; `waiting_at`: when it read what waits for the zone; `read_at`:
    when Route 53 last told it of records; `asks`: the change that is its to ask for, since `asks_since`; `wants`: what
    it is about to pay, and when it looked at the clock for that; `crowded_until`: as it read it last.
    """

    function: str
    cluster: str
    epoch: int
    begun_at: float
    is_dead: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    turn_at: float = 0.0
    turn_ends_at: float = 0.0
    waiting_at: float = 0.0
    read_at: float = 0.0
    waiting: dict[str, Intent] = field(default_factory=dict)
    has_turn: bool = False
    crowded_until: float = inf
    asks: str = ""
    asks_since: float = 0.0
    wants: tuple[Cost, float] = ({}, 0.0)
    paid: Counter[Bucket] = field(default_factory=Counter)
    used: Counter[Bucket] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.epoch}"

    @property
    def comes_late(self) -> bool:
        """Whether it began when the crowd was over, and has not queued up."""
        return self.crowded_until <= self.begun_at and not self.calls["leave"]


class Calls:
    """Who calls, and what becomes of it. Each program of the clock runs one function at a time."""

    def __init__(self, time: VirtualTime, weather: Weather, story: Story, rng: Random) -> None:
        self._time, self._weather, self._story, self._rng = time, weather, story, rng
        self._thread = threading.local()
        self.unread: set[tuple[str, int]] = set()
        """Moves (cluster, epoch) that have taken their answer out of the queue and never got it."""

    @property
    def now(self) -> Invocation:
        """The function that is running."""
        invocation: Invocation = self._thread.invocation
        return invocation

    def run(self, invocation: Invocation, work: Callable[[], T]) -> T:
        """Raises what the function raises, and FunctionDied when its process ends before its time."""
        self._thread.invocation = invocation
        try:
            return work()
        finally:
            del self._thread.invocation  # the thread may run another program after this one

    def port(self, target: object) -> Any:
        """A port of the table as the functions see it."""
        return _Port(self, target)

    def call(self, method: str, work: Callable[[], T], lost: Callable[[], Exception] | None = None) -> T:
        """One call by the function that is running. `lost`: what it sees when no answer comes."""
        invocation = self.now
        if invocation.is_dead:  # a process that has ended does nothing on its way out either
            raise FunctionDied(invocation.function)
        invocation.calls[method] += 1
        if method == "end_turn":
            invocation.has_turn = False  # what comes after it, in the same function, is no turn's
        self._strike(invocation, method, after=False)
        if lost is None:
            self._time.sleep(self._rng.uniform(*TABLE_S))
            if self.happens("table_down"):
                raise ApiDownError(f"{method}: no answer")
        answer = work()
        kind = "table_answers_lost" if lost is None else "route53_answers_lost"
        if method in WRITES and self.happens(kind):
            self._story.tell(str(invocation), f"{method} took effect, and its answer was lost")
            if method == "withdraw":
                self.unread.add((invocation.cluster, invocation.epoch))
            raise ApiDownError(f"{method}: no answer") if lost is None else lost()
        self._strike(invocation, method, after=True)
        return answer

    def happens(self, kind: str) -> bool:
        """Whether the weather strikes this call."""
        return any(self._rng.random() < fault.level for fault in self._weather.of(kind))

    def _strike(self, invocation: Invocation, method: str, *, after: bool) -> None:
        for kind in ("writer_dies", "writer_freezes"):
            for fault in self._weather.of(kind):
                if _is_here(fault, invocation, method, after=after):
                    self._weather.spend(fault)
                    self._hit(fault, invocation, f"{'after' if after else 'before'} {method}")

    def _hit(self, fault: Fault, invocation: Invocation, where: str) -> None:
        if fault.kind == "writer_dies":
            self._story.tell(str(invocation), f"dies {where}")
            invocation.is_dead = True
            raise FunctionDied(invocation.function)
        for_s = 2 + fault.level * (LEFT_BEHIND_S - 2)
        self._story.tell(str(invocation), f"freezes {where} for {for_s:.1f} s")
        self._time.sleep(for_s)
        self._story.tell(str(invocation), "thaws")


def _is_here(fault: Fault, invocation: Invocation, method: str, *, after: bool) -> bool:
    skipped = fault.pick // len(POINTS) % 3
    is_after = fault.pick // (3 * len(POINTS)) % 2 == 1
    return method == POINTS[fault.pick % len(POINTS)] and is_after is after and invocation.calls[method] > skipped


def no_answer() -> Exception:
    """Route 53 did not answer in time."""
    fault: Exception = ReadTimeoutError(endpoint_url="https://route53.amazonaws.com")
    return fault


def refusal(action: str, code: str, why: str, status: int = 400) -> ClientError:
    """An answer of Route 53's that is none."""
    told = {"Error": {"Code": code, "Message": why}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, action)


class _Port:
    def __init__(self, calls: Calls, target: object) -> None:
        self._calls, self._target = calls, target

    def __getattr__(self, method: str) -> Callable[..., Any]:
        work = getattr(self._target, method)

        def through(*args: Any, **named: Any) -> Any:
            return self._calls.call(method, lambda: work(*args, **named))

        setattr(self, method, through)
        return through
