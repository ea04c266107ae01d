"""`understudy-agent expire` in virtual time: the real function, which is called anew whenever its sleep is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation import workload
from tests.simulation.invariants import broken
from tests.support.agent_disk import MemoryPath, MemorySlots
from understudy_agent import lease
from understudy_agent.expire import Expiry, Left, keep_the_lease
from understudy_agent.files import AlreadyRunningError, LeaseFile
from understudy_agent.lease import DOWN_AT_ONCE, UNBOUND, LeaseView
from understudy_agent.services import Services

if TYPE_CHECKING:
    from tests.simulation.node import Machine

LONGEST_SLEEP_MS = 1000
POLL_MS = 100


class FallsAsleep(BaseException):
    """The process sleeps: its function is left. It keeps nothing from round to round but what its `Expiry` knows."""


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


class _LeaseFile(LeaseFile):
    """The lease file, and what the newest look at it has found.

    It is looked at far more often than it changes, so what is whole is parsed once: it stays so as time goes on.
    """

    def __init__(self, path: MemoryPath, boot: str) -> None:
        super().__init__(path, boot, MemorySlots(path))  # type: ignore[arg-type]
        self.found = UNBOUND
        self._text: str | None = None

    def load(self, now_ms: int) -> LeaseView:
        text = self._read()
        if text is None or text != self._text:
            self.found = super().load(now_ms)
            self._text = text if self.found is not DOWN_AT_ONCE else None
        return self.found

    def _read(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8")
        except OSError:
            return None  # what that means is the real load's to say


class Expiring:
    """One process of `expire` on a machine. It polls when there is something to find, not ten times a second."""

    def __init__(self, machine: Machine, orderly_stop_s: float) -> None:
        self._machine, self._orderly_stop_s = machine, orderly_stop_s
        self._plan, self._left = dict(machine.plan), dict(machine.left)
        self._lease_file = _LeaseFile(machine.lease_path, machine.boot)
        files = (self._lease_file, machine.placed_file(), machine.lock)
        left = Left(*files, self._supervise, orderly_stop_s, lambda _now_ms: None, machine.is_unstoppable)
        self._expiry = Expiry(left, NoLastResort(), lambda: machine.plan != self._plan, machine.log)
        self.has_ended = self._is_running = False
        self.sleeps = 0
        """How often it has slept: what was to wake it from an earlier sleep wakes it no more."""
        self._sleeps_s = 0.0

    def _supervise(self) -> Services:
        own = {name: real for name, real in self._plan.items() if name not in self._left}
        return self._machine.workload.supervised(own, self._left, lambda name: self._expiry.cannot_be_stopped(name))

    def go_on(self) -> None:
        """Let it run until it sleeps or ends. Raises Violation."""
        if self.has_ended or self._is_running:
            return
        self._is_running = True
        try:
            keep_the_lease(self._expiry, self._machine.now_ms, self._sleep)
        except FallsAsleep:
            self._machine.wakes(self, self._sleeps_s)
        except Exception as fault:
            raise broken(self._machine, "expire", fault) from fault
        else:
            self.has_ended = True
        finally:
            self._is_running = False

    def end(self) -> None:
        """The machine is off, or the run is over."""
        self.has_ended = True

    def _sleep(self, _seconds: float) -> None:
        now_ms, due_ms = self._machine.now_ms(), self._due_ms()
        later = [at for at in due_ms if at > now_ms + POLL_MS]
        is_due = any(now_ms < at <= now_ms + POLL_MS for at in due_ms)
        self._sleeps_s = (POLL_MS if is_due else min([*later, now_ms + LONGEST_SLEEP_MS]) - now_ms) / 1000
        raise FallsAsleep

    def _due_ms(self) -> list[int]:
        lease_view = self._lease_file.found
        mine = workload.due_ms(self._expiry.services, lease_view.terms.kill_limit_s) if self._expiry.acts else ()
        return [*ends_of(lease_view, self._orderly_stop_s), *mine]


def ends_of(lease_view: LeaseView, orderly_stop_s: float) -> list[int]:
    """When a lease asks for something by running out (local ms)."""
    ends = (lease.stop_at_ms(lease_view, orderly_stop_s), lease.kill_at_ms(lease_view))
    return [at for at in ends if at is not None]
