"""Waiting for something to become true, always with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotInTime(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """Something did not happen within its limit; the message is a sentence that says what."""


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    limit_s: float,
    interval_s: float = 0.1,
    why: Callable[[], str] = lambda: "",
) -> T:
    """Ask `probe` until it answers something true, and return that.

    Raises NotInTime, whose text ends with what `why` says, when `limit_s` seconds have passed.
    """
    end = time.monotonic() + limit_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= end:
            detail = why()
            raise NotInTime(f"{what}: not within {limit_s:g} s" + (f" ({detail})" if detail else ""))
        time.sleep(interval_s)
