"""One queue of events and one virtual clock. Everything that happens is an event, or happens while a call takes time.

A call that takes time lets the events that come due meanwhile happen first: so whoever reads and then writes is
interleaved with everybody else, in one thread, and always in the same order.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from tests.support.asl_runner import Clock

Action = Callable[[], object]
DEPTH_MAX = 6


class Scheduler(Clock):
    """Events by the second at which they are due; those of the same second in the order of asking."""

    def __init__(self, now_s: float) -> None:
        super().__init__(now_s)
        self.after_each: Action = lambda: None
        self._queue: list[tuple[float, int, Action]] = []
        self._numbers = count()
        self._depth = 0

    def __call__(self) -> float:
        """The time, as the use cases ask for it."""
        return self.now_s

    def at(self, at_s: float, action: Action) -> None:
        heappush(self._queue, (max(at_s, self.now_s), next(self._numbers), action))

    def after(self, delay_s: float, action: Action) -> None:
        heappush(self._queue, (max(self.now_s + delay_s, self.now_s), next(self._numbers), action))

    def run_until(self, until_s: float) -> None:
        """Let everything happen that is due by then; the time is `until_s` afterwards, or later."""
        queue = self._queue
        while queue and queue[0][0] <= until_s:
            due_s, _, action = heappop(queue)
            if due_s > self.now_s:
                self.now_s = due_s
            action()
            self.after_each()
        self.advance_to(until_s)

    def pass_time(self, seconds: float) -> None:
        """What a slow call does: others act meanwhile. Too deep inside other slow calls it takes no time."""
        if self._depth >= DEPTH_MAX:
            return
        self._depth += 1
        try:
            self.run_until(self.now_s + seconds)
        finally:
            self._depth -= 1
