"""Something that is done again and again beside the story: the client's attempts, the observer's looks."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Repeated(ABC):
    """Takes its turns in a thread of its own from `with` on. A turn under way may take `turn_limit_s` to end."""

    def __init__(self, name: str, turn_limit_s: float) -> None:
        self._turn_limit_s = turn_limit_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=self._turn_limit_s)

    @abstractmethod
    def _turn(self) -> float:
        """One turn. Returns the pause before the next one, in seconds."""

    def _loop(self) -> None:
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            pause_s = self._turn()
