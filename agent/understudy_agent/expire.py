"""The last line of defence: a process that keeps the lease when its agent cannot.

It is there before it is needed, and goes by what was written down alone: the lease file, whoever runs or hangs. When
the lease has run out, whatever still runs is ended, and it is tried until it is down. Whatever goes wrong here ends in
taking the services out of service, never in leaving them unbound. It ends when there is neither a lease nor an agent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import lease, reporting
from .files import LeaseFile, PlacedFile
from .lease import DOWN_AT_ONCE, UNBOUND, LeaseView, Order
from .log import Log
from .services import Services
from .tries import Tries
from .watchdog import Unwatched

POLL_MS = 100
HUNG_AFTER_MS = 1000
"""An agent that has neither renewed its lease nor ended it, so long after it should have killed all, hangs."""
LOG_AFTER_MS = 60_000
LOOKS_LIMIT_MS = 2000


class AgentsLock(Protocol):
    """What tells whether an agent runs: see files.Lock."""

    def is_held(self) -> bool: ...

    def kill_holder(self) -> None: ...


class Watchdog(Protocol):
    """What resets the machine when this process does not feed it: see watchdog.Feeder."""

    def tick(self, now_ms: int, bound_until_ms: int | None) -> None: ...

    def end(self) -> None: ...


class LastResort(Protocol):
    """Ends what runs by system calls alone, from `begin` on until `cease`."""

    def begin(self) -> None: ...

    def cease(self) -> None: ...


@dataclass(frozen=True)
class Left:
    """What a dead agent leaves: its files, its lock, and its services.

    `supervise`: gives the services as they are to whoever has not looked at them yet. `orderly_stop_s`: as the agent
    has it. `tries` reads what it has written down of them (local ms); `take_down` ends the node for one of them.
    """

    lease_file: LeaseFile
    placed_file: PlacedFile
    agents_lock: AgentsLock
    supervise: Callable[[], Services]
    orderly_stop_s: float
    tries: Callable[[int], Tries | None]
    take_down: Callable[[str], None]


class Expiry:
    """Looks at the lease again and again. Times are local milliseconds."""

    def __init__(
        self,
        left: Left,
        last_resort: LastResort,
        is_followed: Callable[[], bool],
        log: Log,
        watchdog: Watchdog | None = None,
    ) -> None:
        """`is_followed`: whether another one waits for the lock, and knows of something else to stop."""
        self._left, self._last_resort, self._log = left, last_resort, log
        self._services, self._has_looked = left.supervise(), False
        self._watchdog = watchdog or Unwatched()
        self._is_followed = is_followed
        self._unbound: LeaseView | None = None
        """Where the services stand that were found to run under no lease."""
        self._last: LeaseView | None = None
        """The lease that was found last. Its file may go before it has run out, by its agent or by anybody else."""
        self._looks_since_ms: int | None = None
        self._acts_since_ms: int | None = None
        self._is_logged = self._is_agent_killed = False
        self._is_asked_to_end = False
        self._bound_until_ms = 0
        """When the lease or the promises end that were found last; 0: there are none."""
        self._stuck: set[str] = set()

    def ask_to_end(self) -> None:
        """Safe in a signal handler. A lease that no agent keeps ends then, and its services with it."""
        self._is_asked_to_end = True

    def cannot_be_stopped(self, service: str) -> None:
        """Killing did not end it: the node is taken down, as soon as there is nothing else to wait for."""
        self._stuck.add(service)

    def _see_to_stuck(self, now_ms: int) -> None:
        """When systemd is ending everything here, it has until the lease ends: that may help, and was asked for.

        A node is not taken down for a service that was neither started nor seen running.
        """
        if not self._stuck or (self._is_asked_to_end and now_ms < self._bound_until_ms):
            return
        tries = self._left.tries(now_ms)
        for service in sorted(self._stuck):
            may_run = None if tries is None or self._services.is_former(service) else tries.may_run
            if may_run is None or service in may_run:
                self._left.take_down(service)
            else:
                why = "it is not known to be down, and was never seen running here; the node is not taken down for it"
                self._log.error("service_not_known_to_be_down", why, service=service)
        self._stuck.clear()

    @property
    def services(self) -> Services:
        """The services, and what is known of them since they were last left alone."""
        return self._services

    @property
    def acts(self) -> bool:
        """Whether it is taking services out of service."""
        return self._acts_since_ms is not None

    def tick(self, now_ms: int) -> int | None:
        """Take one more look, and act on it. The exit status of the process when it is done, else None."""
        has_agent = self._left.agents_lock.is_held()
        if has_agent and (self._is_asked_to_end or self._is_followed()):
            return self._done("an agent runs, and another one follows")  # which feeds the watchdog from then on
        lease_view = self._lease_view(now_ms, has_agent=has_agent)
        status = self._keep(lease_view, now_ms, has_agent=has_agent)
        if status is not None:
            self._watchdog.end()
        else:
            self._watchdog.tick(now_ms, self._bound_until(lease_view))
        return status

    def _bound_until(self, lease_view: LeaseView | None) -> int | None:
        """By when the services must be down (local ms); None: nothing bounds them, or they are down by now."""
        is_free = lease_view is None or lease_view.terms.keeps_on or (self.acts and self._services.all_down)
        return None if lease_view is None or is_free else self._bound_until_ms or lease_view.end_ms

    def _keep(self, lease_view: LeaseView | None, now_ms: int, *, has_agent: bool) -> int | None:
        if lease_view is None:
            return None if has_agent else self._done("no lease of this boot is left")
        if lease_view.terms.keeps_on and not has_agent:
            return self._done("the cluster's policy is on_isolation: keep")
        if self._is_asked_to_end and lease_view != UNBOUND:  # else it is still looking whether anything runs
            lease_view = DOWN_AT_ONCE
        order = lease.order(lease_view, now_ms, self._left.orderly_stop_s)
        # An agent stops them in its own order, as long as the lease runs. When it has run out, nobody is asked.
        if order is Order.KILL or (order is Order.STOP and not has_agent):
            return self._take_out_of_service(order, lease_view, now_ms, has_agent=has_agent)
        self._leave_alone(still_looks=lease_view == LeaseView())
        return None

    def _lease_view(self, now_ms: int, *, has_agent: bool) -> LeaseView | None:
        """The lease view that binds the services; None: nothing here needs to be bound. The rest is the agent's.

        But nothing runs beyond a lease that was found once, whose file is gone, and after which none came.
        """
        found = self._left.lease_file.load(now_ms)
        self._bound_until_ms = found.end_ms or 0
        if found != UNBOUND:
            self._unbound, self._last = None, None if found.terms.keeps_on else found
            self._bind(found)
            return found
        kill_at = lease.kill_at_ms(self._last) if self._last else None
        if has_agent and (kill_at is None or now_ms < kill_at):
            self._unbound = None
            self._leave_alone()
            return None
        if self._unbound is not None:
            return self._unbound
        woken = lease.woken(found, self._left.placed_file.load(), now_ms)
        if self._last is not None:
            woken = lease.not_beyond(woken, self._last)
        return None if woken == UNBOUND else self._look(woken, now_ms, has_agent=has_agent)

    def _bind(self, found: LeaseView) -> None:
        """Know what the lease binds, also what cannot be stopped from here."""
        unknown = self._services.unknown
        self._services.bind(found.services)
        if self._services.unknown != unknown:
            reporting.unknown(self._services, self._log)

    def _look(self, woken: LeaseView, now_ms: int, *, has_agent: bool) -> LeaseView | None:
        """The view for services that no lease bounds; None when all are down. Without an answer in time it may run.

        But where an agent runs, which has most likely ended the lease itself, only what is seen running is not down:
        the program that tells may lie on a file system that only the active node mounts.
        """
        services = self._services
        self._looks_since_ms = self._looks_since_ms or now_ms
        self._tick_services(Order.LEAVE_ALONE, woken.terms.kill_limit_s, now_ms)
        if not services.all_looked_at and now_ms - self._looks_since_ms < LOOKS_LIMIT_MS:
            return UNBOUND
        if services.all_down or (has_agent and not services.any_seen):
            self._last = None
            if has_agent:
                self._leave_alone()
            return None
        self._unbound = woken
        return woken

    def _take_out_of_service(self, order: Order, lease_view: LeaseView, now_ms: int, *, has_agent: bool) -> int | None:
        if self._acts_since_ms is None:
            self._acts_since_ms, self._is_logged, self._is_agent_killed = now_ms, False, False
            self._log.warning("lease_expired", "nobody has renewed it", order=order.value, has_agent=has_agent)
        if order is Order.KILL:
            self._last_resort.begin()
            self._kill_hung_agent(lease_view, now_ms - self._acts_since_ms, has_agent=has_agent)
        self._tick_services(order, lease_view.terms.kill_limit_s, now_ms)
        self._see_to_stuck(now_ms)
        if self._services.all_down and not has_agent:
            return self._end_lease()
        if self._services.all_down and self._unbound is not None:
            self._unbound = self._last = None  # what the agent starts from now on is its own affair
        if not self._services.all_down and now_ms - self._acts_since_ms >= LOG_AFTER_MS and not self._is_logged:
            self._is_logged = True
            self._log.error("stopped_badly", "services are left that could not be stopped; it is tried again")
        return None

    def _kill_hung_agent(self, lease_view: LeaseView, acts_ms: int, *, has_agent: bool) -> None:
        """Services of kind `process` end with their agent; another one is started, and finds how things stand.

        Without a file nobody knows what the agent has renewed.
        """
        has_agent = has_agent and self._unbound is None
        if has_agent and not self._is_agent_killed and acts_ms >= lease_view.terms.kill_limit_s * 1000 + HUNG_AFTER_MS:
            self._is_agent_killed = True
            self._log.error("agent_hangs", "its lease has run out, and it has neither renewed nor ended it: SIGKILL")
            self._left.agents_lock.kill_holder()

    def _leave_alone(self, *, still_looks: bool = False) -> None:
        """An agent does with them what it likes, or the lease runs: nothing that was known before counts any more."""
        if self._has_looked and not still_looks:
            self._services, self._has_looked, self._looks_since_ms = self._left.supervise(), False, None
        if self._acts_since_ms is not None:
            self._acts_since_ms = None
            self._stuck.clear()
            self._last_resort.cease()
            self._log.info("lease_renewed", "the services are left alone again")

    def _end_lease(self) -> int:
        try:
            self._left.lease_file.save(UNBOUND)
        except OSError as fault:
            self._log.error("lease_file_not_written", str(fault))
        return self._done("all services are down")

    def _done(self, why: str) -> int:
        self._last_resort.cease()
        self._log.info("nothing_to_expire", why)
        return 0

    def _tick_services(self, order: Order, kill_limit_s: float, now_ms: int) -> None:
        self._has_looked = True
        try:
            for change in self._services.tick(order, 0, now_ms, kill_limit_s):
                self._log.info("service", change.why, service=change.service, state=change.new.value)
        except Exception as fault:
            self._log.error("service_fault", f"it is tried again: {fault!r}")


def keep_the_lease(expiry: Expiry, clock_ms: Callable[[], int], sleep_s: Callable[[float], None] = time.sleep) -> int:
    """Look at the lease ten times a second until there is nothing left to keep. The exit status of the process."""
    while True:
        status = expiry.tick(clock_ms())
        if status is not None:
            return status
        sleep_s(POLL_MS / 1000)
