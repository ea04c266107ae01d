"""After an agent has died: keep the lease that it left, unless another agent takes over in time (B11)."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import lease
from .files import AlreadyRunningError, LeaseFile, Lock
from .lease import Order, Standing
from .log import Log
from .services import Services

POLL_MS = 100
GIVE_UP_MS = 60_000


def keep_the_lease(
    lease_file: LeaseFile,
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
    while True:
        standing = lease_file.load()
        if standing == Standing():
            log.info("nothing_to_expire", "no lease of this boot is left")
            return 0
        if standing.terms.keeps_on:
            log.info("nothing_to_expire", "the cluster's policy is on_isolation: keep")
            return 0
        if lease.order(standing, clock_ms(), orderly_stop_s) is not Order.LEAVE_ALONE:
            break
        sleep_s(POLL_MS / 1000)
    try:
        lock.acquire()
    except AlreadyRunningError:
        log.info("nothing_to_expire", "an agent has taken over and is bound by the lease")
        return 0
    log.warning("lease_expired", "no agent took over in time")
    try:
        return _take_out_of_service(lease_file, standing, services, orderly_stop_s, log, clock_ms, sleep_s)
    finally:
        lock.release()


def _take_out_of_service(
    lease_file: LeaseFile,
    standing: Standing,
    services: Services,
    orderly_stop_s: float,
    log: Log,
    clock_ms: Callable[[], int],
    sleep_s: Callable[[float], None],
) -> int:
    give_up_ms = clock_ms() + GIVE_UP_MS
    while not services.all_down:
        now_ms = clock_ms()
        if now_ms >= give_up_ms:
            log.error("stopped_badly", "services are left that could not be stopped")
            return 1
        order = lease.order(standing, now_ms, orderly_stop_s)
        for change in services.tick(order, 0, now_ms, standing.terms.kill_limit_s):
            log.info("service", change.why, service=change.service, state=change.new.value)
        sleep_s(POLL_MS / 1000)
    lease_file.save(Standing())
    return 0
