"""What happened, in the order of time, for people to read when a seed has failed."""

from typing import Protocol


class Clock(Protocol):
    """What tells the time (seconds)."""

    now_s: float


Entry = tuple[float, str, str]


class Story:
    """One line for each thing that happened: when (seconds since the beginning), to whom, what."""

    def __init__(self, clock: Clock) -> None:
        self.entries: list[Entry] = []
        self._clock = clock
        self._begun_at_s = clock.now_s

    def tell(self, who: str, what: str) -> None:
        self.entries.append((self._clock.now_s - self._begun_at_s, who, what))

    def text(self) -> str:
        """All lines. The same seed gives the same text, byte for byte."""
        return "\n".join(f"{at_s:9.3f}  {who:<18} {what}" for at_s, who, what in self.entries)
