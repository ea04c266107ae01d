"""What must be so at every start of a service, under any policy, as pure logic (B4, B11).

No clock and no input or output here; times are whole milliseconds of the node's CLOCK_BOOTTIME.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import lease
from .lease import Standing, Word

FREEZE_MS = 3000
"""A longer gap between two ticks is a freeze: they come five times a second, and systemd's watchdog waits for less."""


@dataclass(frozen=True)
class Watch:
    """How fresh is what an agent knows. `ticked_ms`: its newest look at the clock; `awake_since_ms`: since when there
    was no gap between two; `read_begun_ms`: when the newest read began that says something of now (all local ms).
    """

    ticked_ms: int | None = None
    awake_since_ms: int = 0
    read_begun_ms: int | None = None


def ticked(watch: Watch, now_ms: int) -> Watch:
    """After one more look at the clock. A gap is a freeze or a suspension: what was read before it is of old."""
    is_awake = watch.ticked_ms is not None and now_ms - watch.ticked_ms <= FREEZE_MS
    return replace(watch, ticked_ms=now_ms, awake_since_ms=watch.awake_since_ms if is_awake else now_ms)


def may_start(standing: Standing, watch: Watch, now_ms: int) -> bool:
    """Whether anything may be started at `now_ms` (local ms), under any policy.

    Only under a lease or promises that run, and that were read since the agent's last start, freeze or resume.
    """
    is_read = watch.read_begun_ms is not None and watch.read_begun_ms >= watch.awake_since_ms
    return standing.word is Word.MINE and is_read and lease.runs(standing, now_ms)
