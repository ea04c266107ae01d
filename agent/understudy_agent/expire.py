"""After an agent has died: keep the lease that it left, unless another agent takes over in time (B11).

The last line of defence: whatever goes wrong here ends in taking the services out of service, never in leaving them
unbound.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from . import lease, telling
from .files import AlreadyRunningError, LeaseFile, Lock, PlacedFile
from .lease import Order, Standing
from .log import Log
from .services import Services

POLL_MS = 100
GIVE_UP_MS = 60_000
LOOKS_LIMIT_MS = 2000


def keep_the_lease(
    lease_file: LeaseFile,
    placed_file: PlacedFile,
    lock: Lock,
    services: Services,
    orderly_stop_s: float,
    log: Log,
    clock_ms: Callable[[], int],
    sleep_s: Callable[[float], None] = time.sleep,
) -> int:
    """Wait for the lease to run out, then take the services out of service. The exit status of the process.

    The lock is left to a restarted agent until it is time to stop. Ends with 1 when services are left a
    minute after the lease; the policy for such services has been carried out by then.
    """
    taker = _Taker(services, orderly_stop_s, log, clock_ms, sleep_s)
    while True:
        now_ms = clock_ms()
        standing = found = lease_file.load(now_ms)
        if found == Standing():
            standing = lease.woken(found, placed_file.load(), now_ms)
        why = _nothing_to_expire(standing, taker, is_bound=found != Standing())
        if why:
            log.info("nothing_to_expire", why)
            return 0
        if lease.order(standing, now_ms, orderly_stop_s) is not Order.LEAVE_ALONE:
            break
        sleep_s(POLL_MS / 1000)
    try:
        lock.acquire()
    except AlreadyRunningError:
        log.info("nothing_to_expire", "an agent has taken over and is bound by the lease")
        return 0
    except OSError as fault:
        log.warning("lock_not_taken", f"no agent can take it either: {fault}")
    log.warning("lease_expired", "no agent took over in time")
    try:
        return taker.take_out_of_service(lease_file, standing)
    finally:
        lock.release()


def _nothing_to_expire(standing: Standing, taker: _Taker, *, is_bound: bool) -> str:
    """Why there is nothing to do here; "" when there is. `is_bound`: a lease of this boot was found."""
    if standing == Standing() or (not is_bound and taker.finds_nothing()):
        return "no lease of this boot is left"
    return "the cluster's policy is on_isolation: keep" if standing.terms.keeps_on else ""


class _Taker:
    """Looks at the services and takes them out of service, whatever a look or a command raises."""

    def __init__(
        self,
        services: Services,
        orderly_stop_s: float,
        log: Log,
        clock_ms: Callable[[], int],
        sleep_s: Callable[[float], None],
    ) -> None:
        self._services, self._orderly_stop_s = services, orderly_stop_s
        self._log, self._clock_ms, self._sleep_s = log, clock_ms, sleep_s

    def finds_nothing(self) -> bool:
        """Whether every service is known to be down; what does not tell within the limit may run."""
        until_ms = self._clock_ms() + LOOKS_LIMIT_MS
        while not self._services.all_down and self._clock_ms() < until_ms:
            self._tick(Order.LEAVE_ALONE, 0)
            if self._services.all_looked_at:
                break
            self._sleep_s(POLL_MS / 1000)
        return self._services.all_down

    def take_out_of_service(self, lease_file: LeaseFile, standing: Standing) -> int:
        self._services.bind(standing.services)
        telling.unknown(self._services, self._log)
        give_up_ms = self._clock_ms() + GIVE_UP_MS
        while not self._services.all_down:
            now_ms = self._clock_ms()
            if now_ms >= give_up_ms:
                self._log.error("stopped_badly", "services are left that could not be stopped")
                return 1
            self._tick(lease.order(standing, now_ms, self._orderly_stop_s), standing.terms.kill_limit_s)
            self._sleep_s(POLL_MS / 1000)
        try:
            lease_file.save(Standing())
        except OSError as fault:
            self._log.error("lease_file_not_written", str(fault))
        return 0

    def _tick(self, order: Order, kill_limit_s: float) -> None:
        try:
            for change in self._services.tick(order, 0, self._clock_ms(), kill_limit_s):
                self._log.info("service", change.why, service=change.service, state=change.new.value)
        except Exception as fault:
            self._log.error("service_fault", f"it is tried again: {fault!r}")
