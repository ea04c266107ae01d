"""Many blocking programs on one virtual clock: each runs until it sleeps, then the one that wakes next goes on.

Real code runs unchanged, one thread a program and never two at once: so a run is the same every time. Whoever falls
asleep lets the next one go on, and goes on at once if that is itself. A thread whose program has ended takes another.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

STACK_BYTES = 512 * 1024

Program = Callable[[], object]


class RunOverError(BaseException):
    """The run has ended while this program slept: it goes on no more."""


class Place:
    """Where a thread waits until it may go on. `program`: what it is to begin; None: it has nothing to begin."""

    def __init__(self) -> None:
        self.program: Program | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def let_go_on(self) -> None:
        self._gate.release()

    def wait(self) -> None:
        self._gate.acquire()


class VirtualTime:
    """A clock in seconds that moves when everybody sleeps. Called, it tells the time."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s
        self._order = itertools.count()
        self._wakings: list[tuple[float, int, Place | Program, bool]] = []
        """Who goes on when: a program that sleeps, or one that has not begun; and whether that one is brief."""
        self._idle: list[Place] = []
        """Threads whose programs have ended."""
        self._nobody_runs = Place()
        self._faults: list[BaseException] = []
        self._is_over = self._is_in_brief = False

    def __call__(self) -> float:
        return self.now_s

    def start(self, at_s: float, program: Program) -> None:
        """Let a program begin at `at_s`."""
        self._wake_at(at_s, program)

    def start_brief(self, at_s: float, program: Program) -> None:
        """As `start`, for a program that does not sleep: it needs no thread of its own."""
        self._wake_at(at_s, program, is_brief=True)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the program that calls this."""
        if self._is_over:
            raise RunOverError
        if self._is_in_brief:
            raise RuntimeError("a program that was started as a brief one sleeps")
        wakes_at = self.now_s + seconds
        if not self._faults and (not self._wakings or wakes_at < self._wakings[0][0]):
            self.now_s = wakes_at  # nobody wakes before it does
            return
        place = Place()
        self._wake_at(wakes_at, place)
        self._let_next_go_on()
        place.wait()
        if self._is_over:
            raise RunOverError

    def run(self) -> None:
        """Until every program has ended. Raises what one of them has raised, and then none of them goes on."""
        self._let_next_go_on()
        self._nobody_runs.wait()
        self._is_over = True
        for place in [place for _, _, place, _ in sorted(self._wakings) if isinstance(place, Place)]:
            place.let_go_on()
            self._nobody_runs.wait()
        for place in self._idle:
            place.let_go_on()
        if self._faults:
            raise self._faults[0]

    def _wake_at(self, at_s: float, waking: Place | Program, *, is_brief: bool = False) -> None:
        heapq.heappush(self._wakings, (at_s, next(self._order), waking, is_brief))

    def _let_next_go_on(self) -> None:
        """The one that is to go on next; or whoever waits for the end, if there is none, or the run is over."""
        while self._wakings and not (self._is_over or self._faults):
            self.now_s, _, waking, is_brief = heapq.heappop(self._wakings)
            if isinstance(waking, Place):
                waking.let_go_on()
                return
            if not is_brief:
                self._begun(waking).let_go_on()
                return
            self._is_in_brief = True
            self._do(waking)
            self._is_in_brief = False
        self._nobody_runs.let_go_on()

    def _do(self, program: Program) -> None:
        try:
            program()
        except BaseException as fault:
            if not self._is_over:
                self._faults.append(fault)

    def _begun(self, program: Program) -> Place:
        """The thread that is to run a program."""
        if not self._idle:
            threading.stack_size(STACK_BYTES)
            place = Place()
            threading.Thread(target=self._take_turns, args=(place,), daemon=True).start()
        else:
            place = self._idle.pop()
        place.program = program
        return place

    def _take_turns(self, place: Place) -> None:
        place.wait()
        while place.program is not None:
            self._do(place.program)
            place.program = None
            if self._is_over:
                self._nobody_runs.let_go_on()
                return
            self._idle.append(place)
            self._let_next_go_on()
            place.wait()
