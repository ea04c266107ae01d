"""The node's clock: CLOCK_BOOTTIME, which goes on while the machine is suspended and is never set."""

from __future__ import annotations

import time
from pathlib import Path


def boottime_ms() -> int:
    """Whole milliseconds since this machine booted."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def boot_id() -> str:
    """The name of this boot. Raises OSError when the kernel does not tell."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
