"""What the real agent's loop is given in place of threads, files and systemd, wherever time is virtual."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from understudy_agent.remains import Remains
from understudy_agent.view import TermsView
from understudy_agent.worker import Done


class NoNotifier:
    """There is no systemd; what its watchdog would do, the machine does."""

    def alive(self, now_ms: int) -> None:
        """Nobody waits for it."""


class Guarded:
    """What keeps the lease when the agent cannot: the world runs it, and it is always there."""

    is_there, why_unfit = True, ""

    def tick(self, now_ms: int, remains: Mapping[str, Remains], terms: TermsView) -> None:
        """The world sees to it."""


class NoStatus:
    """Nobody looks at a status file."""

    def show(self, status: Mapping[str, object]) -> None:
        """Nobody reads it."""


class AtOnce:
    """A Caller whose call has ended when it is submitted."""

    def __init__(self) -> None:
        self._done: Done | None = None

    @property
    def has_ended(self) -> bool:
        """Whether there is an answer that nobody has taken yet."""
        return self._done is not None

    def submit(self, call: Callable[[], object]) -> bool:
        try:
            self._done = Done(value=call())
        except OSError as error:
            self._done = Done(error=error)
        return True

    def take(self) -> Done | None:
        done, self._done = self._done, None
        return done
