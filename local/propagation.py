"""When a Route 53 change that was accepted is on Route 53's servers, and what they serve until then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from local.zone_records import Records


@dataclass(frozen=True)
class Change:
    """`before` is the zone as its servers go on serving it until `visible_at` (monotonic seconds)."""

    zone: str
    visible_at: float
    before: Records


class Propagation:
    """Remembers accepted changes. `delay_s` may be set at any time; it counts for later changes."""

    def __init__(self, delay_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.delay_s = delay_s
        self._clock = clock
        self._lock = threading.Lock()
        self._changes: dict[str, Change] = {}

    def accepted(self, change_id: str, zone: str, before: Records) -> None:
        with self._lock:
            self._changes[change_id] = Change(zone, self._clock() + self.delay_s, before)

    def arrive(self) -> None:
        """Let every change that is on its way be on the servers now."""
        with self._lock:
            now = self._clock()
            self._changes = {
                key: replace(each, visible_at=min(now, each.visible_at)) for key, each in self._changes.items()
            }

    def status(self, change_id: str) -> str | None:
        """PENDING or INSYNC; None for a change that never came by here."""
        with self._lock:
            change = self._changes.get(change_id)
            return None if change is None else ("PENDING" if change.visible_at > self._clock() else "INSYNC")

    def still_served(self, zone: str) -> Records | None:
        """The old records of the zone while a change of it is on its way, None when there is none.

        Changes reach the servers in order, so the oldest one that is pending says what is served.
        """
        with self._lock:
            now = self._clock()
            pending = [c for c in self._changes.values() if c.zone == zone and c.visible_at > now]
            return min(pending, key=lambda c: c.visible_at).before if pending else None
