"""Something that is done again and again beside the story: the client's attempts, the observer's looks."""

from __future__ import annotations

import threading
from abc import abstractmethod

from local.helper import Helper


class Repeated(Helper):
    """Takes its turns in a thread of its own from `with` on. A turn under way may take `turn_limit_s` to end."""

    def __init__(self, name: str, turn_limit_s: float) -> None:
        super().__init__(name, turn_limit_s)
        self._stop = threading.Event()

    @abstractmethod
    def _turn(self) -> float:
        """One turn. Returns the pause before the next one, in seconds."""

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            pause_s = self._turn()

    def _end(self) -> None:
        self._stop.set()
