"""Waiting for the real world, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(ask: Callable[[], T | None], limit_s: float = 10.0) -> T:
    """The first answer that is neither None nor False nor empty."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"nothing came within {limit_s} s")
