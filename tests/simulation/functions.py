"""The controller's functions as AWS runs them: any call may fail, take time, or be the last thing that one does."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from tests.simulation.plan import Fault
from tests.simulation.scheduler import Scheduler
from tests.simulation.story import Story
from tests.simulation.weather import Weather
from understudy.domain.cluster.errors import (
    AddressUnreadableError,
    AnnouncementError,
    LedgerConflictError,
    NodesUnreadableError,
    UnreadableError,
    ZoneBusyError,
)
from understudy.domain.cluster.state import PowerReading
from understudy.domain.transition.stopping import StopAnswer, StopWord

T = TypeVar("T")
FUNCTIONS = (
    "record_heartbeat",
    "receive_signal",
    "watch_clusters",
    "register_cluster",
    "open_transition",
    "fence_node",
    "move_address",
    "grant_lease",
    "await_service",
    "check_change",
    "close_transition",
)
STALL_LIMIT_S = 28.0
"""A function is killed after 30 s."""


class FunctionDied(BaseException):
    """The process of a function has ended here."""


class ApiDownError(Exception):
    """AWS did not answer, or answered with a fault of its own; raised for services without a class of their own."""


@dataclass
class Invocation:
    """One run of a function, and how many calls it has made."""

    function: str
    calls: int = 0
    is_dead: bool = False
    has_connection: bool | None = None
    """Whether its environment has had a connection to the table since before the name was gone; None: not asked."""


class Functions:
    """Runs functions, and does to their calls what the weather says."""

    def __init__(self, clock: Scheduler, weather: Weather, story: Story, rng: Random) -> None:
        self._clock, self._weather, self._story, self._rng = clock, weather, story, rng
        self._running: list[Invocation] = []
        self._begun_s = clock.now_s

    def run(self, function: str, work: Callable[[], T]) -> T:
        """Raises what the function raises, and FunctionDied when its process ends before its time."""
        self._running.append(Invocation(function))
        try:
            return work()
        finally:
            self._running.pop()

    def port(self, name: str, target: object) -> Any:
        """`target` as the functions see it: behind a network."""
        return _Port(self, name, target)

    def call(self, port: str, method: str, work: Callable[[], Any]) -> Any:
        """One call to AWS, by the function that is running."""
        invocation = self._running[-1]
        if invocation.is_dead:  # a process that has ended does nothing on its way out either
            raise FunctionDied(invocation.function)
        invocation.calls += 1
        if not self._weather:
            if self._rng.random() < 0.05:
                self._clock.pass_time(self._rng.uniform(0.005, 0.2))
            return work()
        self._die(invocation, method, after=False)
        self._take_time(invocation, method)
        if self._is_down(port, method):
            return self._fail(port, method)
        answer = work()
        if self._happens("calls_repeated") and method in _WRITES:
            self._story.tell(invocation.function, f"{port}.{method} took effect unheard, and was repeated by the SDK")
            answer = work()
        if self._happens("answers_lost") and method in _WRITES:
            self._story.tell(invocation.function, f"{port}.{method} took effect, and its answer was lost")
            return self._fail(port, method)
        self._die(invocation, method, after=True)
        return answer

    def _die(self, invocation: Invocation, method: str, *, after: bool) -> None:
        for fault in self._weather.of("function_dies"):
            is_after = fault.level < 0.5
            if is_after is after and _strikes(fault, invocation):
                self._weather.spend(fault)
                self._story.tell(invocation.function, f"dies {'after' if after else 'before'} {method}")
                invocation.is_dead = True
                raise FunctionDied(invocation.function)

    def _take_time(self, invocation: Invocation, method: str) -> None:
        for fault in self._weather.of("function_stalls"):
            if _strikes(fault, invocation) if fault.pick % 3 == 0 else _strikes_at_write(fault, invocation, method):
                self._weather.spend(fault)
                stall_s = 1 + fault.level * STALL_LIMIT_S
                self._story.tell(invocation.function, f"stands still for {stall_s:.1f} s before {method}")
                self._clock.pass_time(stall_s)
        if self._happens("slow_calls"):
            self._clock.pass_time(self._rng.uniform(0.01, 3))
        elif self._rng.random() < 0.05:
            self._clock.pass_time(self._rng.uniform(0.005, 0.2))

    def _is_down(self, port: str, method: str) -> bool:
        if self._weather.of("aws_dead"):
            return True
        if method in ("commit", "register") and self._happens("table_conflicts"):
            return True
        if port == "ledger" and self._has_no_name():
            return True
        return self._happens(f"{port}_down")

    def _has_no_name(self) -> bool:
        """The table's name does not resolve: fewer and fewer environments have a connection that was open before."""
        invocation = self._running[-1]
        for fault in self._weather.of("names_unresolved"):
            if invocation.has_connection is None:
                since_s = self._clock.now_s - self._begun_s - fault.at_s
                invocation.has_connection = self._rng.random() >= min(1.0, since_s / (fault.level * fault.for_s))
            return not invocation.has_connection
        return False

    def _happens(self, kind: str) -> bool:
        return any(self._rng.random() < fault.level for fault in self._weather.of(kind))

    def _fail(self, port: str, method: str) -> Any:
        if method == "power":
            return PowerReading.UNKNOWN
        if method == "stop":
            return StopAnswer(StopWord.NOT_TAKEN, "no answer")
        if method in ("commit", "register") and self._weather.of("table_conflicts"):
            raise LedgerConflictError("somebody else is writing at this moment")
        raise _FAULTS.get((port, method), ApiDownError)(f"{port}.{method}: no answer")


_WRITES = frozenset(
    {"commit", "register", "record_beat", "record_signal", "submit", "start", "note", "announce", "stop"}
)
_FAULTS: dict[tuple[str, str], type[Exception]] = {
    ("zone", "read"): AddressUnreadableError,
    ("zone", "read_many"): AddressUnreadableError,
    ("zone", "hosted_zone"): UnreadableError,
    ("zone", "found_records"): UnreadableError,
    ("zone", "change_status"): AddressUnreadableError,
    ("zone", "submit"): ZoneBusyError,
    ("announcer", "announce"): AnnouncementError,
    ("nodes", "facts"): NodesUnreadableError,
}


def _strikes(fault: Fault, invocation: Invocation) -> bool:
    return FUNCTIONS[fault.pick % len(FUNCTIONS)] == invocation.function and invocation.calls >= 1 + fault.pick % 5


def _strikes_at_write(fault: Fault, invocation: Invocation, method: str) -> bool:
    """What was read is old by the time of the write: the gap that conditions on writes are for."""
    return FUNCTIONS[fault.pick % len(FUNCTIONS)] == invocation.function and method in _WRITES


class _Port:
    def __init__(self, functions: Functions, name: str, target: object) -> None:
        self._functions, self._name, self._target = functions, name, target

    def __getattr__(self, method: str) -> Callable[..., Any]:
        work = getattr(self._target, method)

        def through(*args: Any, **named: Any) -> Any:
            return self._functions.call(self._name, method, lambda: work(*args, **named))

        setattr(self, method, through)
        return through
