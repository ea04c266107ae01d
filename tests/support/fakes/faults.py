"""What can go wrong in a port, put in by a test, and which methods have been called."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

NOTHING_LOST = nullcontext()


class Faulty:
    """Counts calls by name in `calls`, and fails or is interrupted where a test has asked for it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._before: defaultdict[str, deque[Callable[[], object]]] = defaultdict(deque)
        self._after: defaultdict[str, deque[Exception]] = defaultdict(deque)

    def fail_next(self, method: str, exception: Exception, *, done: bool = False) -> None:
        """Let the next call of `method` raise; with `done` only after it has done its work (the answer is lost).

        Several calls queue up: one fault for each next call.
        """
        if done:
            self._after[method].append(exception)
        else:
            self.before_next(method, lambda: _throw(exception))

    def before_next(self, method: str, action: Callable[[], object]) -> None:
        """Do something just before the next call of `method`: what another writer does in between."""
        self._before[method].append(action)

    def _called(self, method: str) -> AbstractContextManager[None]:
        self.calls.append(method)
        if self._before and self._before[method]:
            self._before[method].popleft()()
        return self._losing_answers(method) if self._after else NOTHING_LOST

    @contextmanager
    def _losing_answers(self, method: str) -> Iterator[None]:
        yield
        if self._after[method]:
            raise self._after[method].popleft()


def _throw(exception: Exception) -> None:
    raise exception
