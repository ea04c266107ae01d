"""What this process has sent: only a beat of its own renews its lease, whatever is recorded in its name."""

from __future__ import annotations

from collections.abc import Callable

NUMBERS_KEPT = 1024
"""Beats that are urgent come twice a second: this is eight minutes of them, longer than any that counts can be late."""


class SentBeats:
    """Gives beats their numbers, and remembers them. One thread sends; any may ask what was sent."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self.numbers: tuple[int, ...] = ()
        """The newest that were given out, replaced as a whole: a reader never sees half a change."""
        self.accepted = 0
        """How many of them AWS has accepted, as far as its answers show."""

    def next(self) -> int:
        """The number of the beat that is sent next: its local send time (ms). It is remembered before it goes out."""
        number = self._clock_ms()
        self.numbers = (*self.numbers[1 - NUMBERS_KEPT :], number)
        return number
