"""How the process that keeps the lease is followed by another that knows a newer plan, without a moment between.

    old    keeps the lease ───────────────────────────────┐ sees that it is followed, and ends
    new            loads all that it needs, then waits ───┴── holds the lock, and keeps the lease

Only the one that holds the lock acts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .files import AlreadyRunningError, Lock

POLL_S = 0.02
WAIT_LIMIT_S = 10.0
"""The one before looks ten times a second whether it is followed, on a machine with almost no processor less often."""


class Succession:
    """The lock of the process that keeps the lease, and the lock of the one that waits for it."""

    def __init__(self, runtime_dir: Path) -> None:
        self._lock, self._next = Lock(runtime_dir / "expire.lock"), Lock(runtime_dir / "expire.next.lock")

    def is_held(self) -> bool:
        """Whether a process keeps the lease."""
        return self._lock.is_held()

    def holder(self) -> int | None:
        """Its process id, if that can be read."""
        return self._lock.holder()

    def mark(self) -> str:
        """The mark of the plan that it goes by; "" when that cannot be read."""
        return self._lock.mark()

    def is_followed(self) -> bool:
        """Whether another process is ready, and waits for the lock."""
        return self._next.is_held()

    def follow(self, mark: str, sleep_s: Callable[[float], None] = time.sleep) -> None:
        """Hold the lock, as soon as nobody else does, for the plan of this mark.

        Raises AlreadyRunningError when another process follows, or goes by the same plan, or has not made way in time.
        """
        if self.is_held() and self.mark() == mark:
            return self._lock.acquire_soon(sleep_s, mark)
        self._next.acquire_soon(sleep_s)
        try:
            for _ in range(round(WAIT_LIMIT_S / POLL_S)):
                try:
                    return self._lock.acquire(mark)
                except AlreadyRunningError:
                    sleep_s(POLL_S)
            self._lock.acquire(mark)
        finally:
            self._next.release()
