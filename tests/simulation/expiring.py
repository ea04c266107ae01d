"""`understudy-agent expire` in virtual time: the real function, in a thread that runs while all others wait."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.simulation import workload
from tests.simulation.invariants import Violation, broken
from understudy_agent import lease
from understudy_agent.expire import Expiry, Left, keep_the_lease
from understudy_agent.files import AlreadyRunningError
from understudy_agent.services import Services

if TYPE_CHECKING:
    from tests.simulation.node import Machine

LONGEST_SLEEP_MS = 1000
POLL_MS = 100


class ProcessEnded(BaseException):
    """The process was killed while it slept."""


class MachineLock:
    """The lock that an agent holds while it runs: see `files.Lock`. It is asked from the process of `expire`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.holder: object | None = None

    def acquire_for(self, holder: object) -> None:
        """Raises AlreadyRunningError when another process holds it."""
        if self.holder not in (None, holder):
            raise AlreadyRunningError("another process holds the lock")
        self.holder = holder

    def release_by(self, holder: object) -> None:
        if self.holder is holder:
            self.holder = None

    def is_held(self) -> bool:
        return self.holder is not None

    def kill_holder(self) -> None:
        machine = self._machine
        machine.kill_agent("it hangs, and `expire` ends it")
        machine.world.clock.after(1, machine.start_agent)


class NoLastResort:
    """Killing is what the services' own kinds do here."""

    def begin(self) -> None:
        """They do it already."""

    def cease(self) -> None:
        """They do it no more."""


class Expiring:
    """One process of `expire` on a machine. It polls when there is something to find, not ten times a second."""

    def __init__(self, machine: Machine, orderly_stop_s: float) -> None:
        self._machine, self._orderly_stop_s = machine, orderly_stop_s
        self._plan = dict(machine.file)
        left = Left(machine.lease_file(), machine.placed_file(), machine.lock, self._supervise, orderly_stop_s)
        self._expiry = Expiry(left, NoLastResort(), lambda: machine.file != self._plan, machine.log)
        self._its_turn, self._others_turn = threading.Semaphore(0), threading.Semaphore(0)
        self._is_killed = self.has_ended = self._is_running = False
        self.sleeps = 0
        """How often it has slept: what was to wake it from an earlier sleep wakes it no more."""
        self._fault: BaseException | None = None
        self._sleeps_s = 0.0
        threading.Thread(target=self._run, daemon=True).start()

    def _supervise(self) -> Services:
        return self._machine.workload.supervised(self._plan)

    def go_on(self) -> None:
        """Let it run until it sleeps or ends. Raises what it raises."""
        if self.has_ended or self._is_running:
            return
        self._is_running = True
        self._its_turn.release()
        self._others_turn.acquire()
        self._is_running = False
        if self._fault is not None:
            raise self._fault
        if not self.has_ended:
            self._machine.wakes(self, self._sleeps_s)

    def end(self) -> None:
        """The machine is off, or the run is over."""
        if not self.has_ended:
            self._is_killed = True
            self._its_turn.release()
            self._others_turn.acquire()

    # --- its own thread -------------------------------------------------------------------------

    def _run(self) -> None:
        self._its_turn.acquire()
        try:
            if not self._is_killed:
                keep_the_lease(self._expiry, self._machine.now_ms, self._sleep)
        except ProcessEnded:
            self._is_killed = True
        except BaseException as fault:
            self._fault = fault if isinstance(fault, Violation) else broken(self._machine, "expire", fault)
        self.has_ended = True
        self._others_turn.release()

    def _sleep(self, _seconds: float) -> None:
        now_ms = self._machine.now_ms()
        later = [at for at in self._due_ms() if at > now_ms + POLL_MS]
        is_due = any(now_ms < at <= now_ms + POLL_MS for at in self._due_ms())
        self._sleeps_s = (POLL_MS if is_due else min([*later, now_ms + LONGEST_SLEEP_MS]) - now_ms) / 1000
        self._others_turn.release()
        self._its_turn.acquire()
        if self._is_killed:
            raise ProcessEnded

    def _due_ms(self) -> list[int]:
        standing = self._machine.lease_file().load(self._machine.now_ms())
        ends = (lease.stop_at_ms(standing, self._orderly_stop_s), lease.kill_at_ms(standing))
        mine = workload.due_ms(self._expiry.services, standing.terms.kill_limit_s) if self._expiry.acts else ()
        return [*(at for at in ends if at is not None), *mine]
