"""Many blocking programs on one virtual clock: each runs until it sleeps, then the one that wakes next goes on.

Real code runs unchanged, one thread a program and never two at once: so a run is the same every time.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

STACK_BYTES = 512 * 1024


class VirtualTime:
    """A clock in seconds that moves when everybody sleeps. Called, it tells the time."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s
        self._order = itertools.count()
        self._wakings: list[tuple[float, int, threading.Semaphore]] = []
        self._nobody_runs = threading.Semaphore(0)
        self._faults: list[BaseException] = []

    def __call__(self) -> float:
        return self.now_s

    def start(self, at_s: float, program: Callable[[], object]) -> None:
        """Let a program begin at `at_s`."""
        threading.stack_size(STACK_BYTES)
        gate = self._wake_at(at_s)
        threading.Thread(target=self._run, args=(gate, program), daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Let time pass for the program that calls this."""
        gate = self._wake_at(self.now_s + seconds)
        self._nobody_runs.release()
        gate.acquire()

    def run(self) -> None:
        """Until every program has ended. Raises what one of them has raised."""
        while self._wakings:
            self.now_s, _, gate = heapq.heappop(self._wakings)
            gate.release()
            self._nobody_runs.acquire()
            if self._faults:
                raise self._faults[0]

    def _wake_at(self, at_s: float) -> threading.Semaphore:
        gate = threading.Semaphore(0)
        heapq.heappush(self._wakings, (at_s, next(self._order), gate))
        return gate

    def _run(self, gate: threading.Semaphore, program: Callable[[], object]) -> None:
        gate.acquire()
        try:
            program()
        except BaseException as fault:
            self._faults.append(fault)
        finally:
            self._nobody_runs.release()
