"""Faults that the proxy can inject: what AWS does on a bad day."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass


class FaultKind(enum.Enum):
    THROTTLED = "THROTTLED"  # refused before it was done
    UNAVAILABLE = "UNAVAILABLE"  # 503, before it was done
    LOST_ANSWER = "LOST_ANSWER"  # done, and then answered with 500, `delay_s` later: a client may have given up
    DELAYED = "DELAYED"  # done, later


@dataclass(frozen=True)
class Fault:
    """`operation` is an API operation's name or `*`; `times` None means until it is cleared."""

    kind: FaultKind
    operation: str = "*"
    times: int | None = 1
    delay_s: float = 0.0


class FaultPlan:
    """The faults still to be made, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._used: dict[int, int] = {}
        self.made = 0
        """How many there have been since the plan was last cleared."""

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._used.clear()
            self.made = 0

    def take(self, operation: str) -> Fault | None:
        """The fault that this call gets, if any; a fault with `times` is used up by it."""
        with self._lock:
            for fault in self._waiting:
                if fault.operation not in ("*", operation):
                    continue
                used = self._used.get(id(fault), 0) + 1
                self._used[id(fault)] = used
                self.made += 1
                if fault.times is not None and used >= fault.times:
                    self._waiting.remove(fault)
                    del self._used[id(fault)]
                return fault
            return None
