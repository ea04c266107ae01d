"""Time that passes when a test says so."""

from dataclasses import dataclass


@dataclass
class VirtualClock:
    """A clock in seconds since the epoch. Called, it tells the time; it moves by `advance` only."""

    now_s: int = 1_800_000_000

    def __call__(self) -> int:
        return self.now_s

    def advance(self, seconds: int) -> int:
        """Let time pass; the time it is then."""
        self.now_s += seconds
        return self.now_s
