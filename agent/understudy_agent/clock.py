"""The node's clock: CLOCK_BOOTTIME, which goes on while the machine is suspended and is never set."""

from __future__ import annotations

import time
from pathlib import Path


def boottime_ms() -> int:
    """Whole milliseconds since this machine booted."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


KERNELS_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_name(configured: str = "", source: Path = KERNELS_BOOT_ID) -> str:
    """The name of this boot, always with the kernel's id of it. Raises OSError when the kernel does not say.

    `configured` tells boots apart that the kernel does not know of, of nodes that are emulated. Alone it would make
    a lease of before a reboot one of now.
    """
    kernels = source.read_text(encoding="ascii").strip()[:8]
    return f"{kernels}-{configured}" if configured else kernels
