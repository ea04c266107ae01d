"""Calls of one kind to AWS, with what pacing must know of them, and what must be logged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .denied import reason_of
from .log import Log
from .pacing import Calls
from .worker import Caller, Done

SLOW_CALL_MS = 10_000


class Exchange:
    """Makes one call at a time and keeps the count. Logs failures that are new or over."""

    def __init__(self, name: str, caller: Caller, log: Log) -> None:
        self.calls = Calls()
        self._name = name
        self._caller = caller
        self._log = log
        self._under_way = False
        self._logged_slow = False
        self._reason = ""

    def begin(self, call: Callable[[], object], now_ms: int) -> bool:
        """Begin a call. False: the one before is still under way."""
        if self._under_way or not self._caller.submit(call):
            self._log_slow(now_ms)
            return False
        self._under_way, self._logged_slow = True, False
        self.calls = Calls(now_ms, self.calls.done_ms, self.calls.failures)
        return True

    def settle(self, now_ms: int) -> Done | None:
        """What came of the call, once."""
        done = self._caller.take()
        if done is None:
            return None
        self._under_way = False
        if done.error is not None:
            self.failed(reason_of(self._name, done.error), now_ms)
            return done
        if self._reason:
            self._log.info(f"{self._name}_again", f"it works again after {self.calls.failures} failures")
            self._reason = ""
        self.calls = Calls(self.calls.begun_ms, done_ms=now_ms)
        return done

    def failed(self, reason: str, now_ms: int) -> None:
        """Count a failure: of the call, or of its answer, which turned out to be of no use."""
        self.calls = replace(self.calls, done_ms=now_ms, failures=self.calls.failures + 1)
        if reason != self._reason:
            self._reason = reason
            self._log.warning(f"{self._name}_failed", reason)

    @property
    def idle(self) -> bool:
        return not self._under_way

    def _log_slow(self, now_ms: int) -> None:
        begun_ms = self.calls.begun_ms
        if begun_ms is not None and now_ms - begun_ms >= SLOW_CALL_MS and not self._logged_slow:
            self._logged_slow = True
            self._log.warning(f"{self._name}_slow", f"the call has not ended for {SLOW_CALL_MS // 1000} s")
