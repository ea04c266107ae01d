"""A thread that makes one network call at a time, so that a call which hangs delays no look at the lease."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Done:
    """A call that has ended: with a value, or with the error it raised."""

    value: object = None
    error: Exception | None = None


class Caller(Protocol):
    """Something that makes calls one at a time."""

    def submit(self, call: Callable[[], object]) -> bool:
        """Begin a call. False: the one before is still under way."""
        ...

    def take(self) -> Done | None:
        """What came of the last call, once; None while it is under way or when it was taken."""
        ...


class Worker:
    """A Caller with a thread of its own. `on_done` is called from that thread when a call has ended."""

    def __init__(self, name: str, on_done: Callable[[], None]) -> None:
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue()
        self._results: queue.Queue[Done] = queue.Queue()
        self._busy = False
        self._on_done = on_done
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, call: Callable[[], object]) -> bool:
        if self._busy:
            return False
        self._busy = True
        self._calls.put(call)
        return True

    def take(self) -> Done | None:
        try:
            done = self._results.get_nowait()
        except queue.Empty:
            return None
        self._busy = False
        return done

    def _run(self) -> None:
        while True:
            call = self._calls.get()
            try:
                done = Done(value=call())
            except Exception as error:
                done = Done(error=error)
            self._results.put(done)
            self._on_done()
