"""Many blocking programs on one virtual clock: each runs until it sleeps, then the one that wakes next goes on.

Real code runs unchanged, one thread a program and never two at once: so a run is the same every time.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

STACK_BYTES = 512 * 1024


class RunOverError(BaseException):
    """The run has ended while this program slept: it goes on no more."""


class VirtualTime:
    """A clock in seconds that moves when everybody sleeps. Called, it tells the time."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s
        self._order = itertools.count()
        self._wakings: list[tuple[float, int, threading.Semaphore]] = []
        self._nobody_runs = threading.Semaphore(0)
        self._faults: list[BaseException] = []
        self._is_over = False

    def __call__(self) -> float:
        return self.now_s

    def start(self, at_s: float, program: Callable[[], object]) -> None:
        """Let a program begin at `at_s`."""
        threading.stack_size(STACK_BYTES)
        gate = self._wake_at(at_s)
        threading.Thread(target=self._run, args=(gate, program), daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Let time pass for the program that calls this."""
        if self._is_over:
            raise RunOverError
        gate = self._wake_at(self.now_s + seconds)
        self._nobody_runs.release()
        gate.acquire()
        if self._is_over:
            raise RunOverError

    def run(self) -> None:
        """Until every program has ended. Raises what one of them has raised, and then none of them goes on."""
        while self._wakings and not self._faults:
            self.now_s, _, gate = heapq.heappop(self._wakings)
            self._let_go_on(gate)
        self._is_over = True
        while self._wakings:
            self._let_go_on(heapq.heappop(self._wakings)[2])
        if self._faults:
            raise self._faults[0]

    def _let_go_on(self, gate: threading.Semaphore) -> None:
        gate.release()
        self._nobody_runs.acquire()

    def _wake_at(self, at_s: float) -> threading.Semaphore:
        gate = threading.Semaphore(0)
        heapq.heappush(self._wakings, (at_s, next(self._order), gate))
        return gate

    def _run(self, gate: threading.Semaphore, program: Callable[[], object]) -> None:
        gate.acquire()
        try:
            if not self._is_over:
                program()
        except BaseException as fault:
            if not self._is_over:
                self._faults.append(fault)
        finally:
            self._nobody_runs.release()
