"""The retries of calls of Route 53, without waiting: their gaps pass on a clock of their own."""

from collections.abc import Callable
from typing import Any

from understudy.adapters.route53.assumed_roles import CallAs
from understudy.adapters.route53.retries import Retries, RetryingClient, TimeLimit


class GapClock:
    """A clock that never goes back. Called, it tells the seconds; it moves by `pass_by` only, which keeps each gap."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.gaps: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def pass_by(self, seconds: float) -> None:
        self.gaps.append(seconds)
        self.now_s += seconds


def retries_on(
    clock: GapClock | None = None, random: Callable[[], float] = lambda: 1.0, limit: TimeLimit | None = None
) -> Retries:
    """Retries on a clock of their own, with the longest gaps unless a test says otherwise."""
    clock = clock or GapClock()
    return Retries(clock, clock.pass_by, random, limit)


def retrying(
    client: Any,
    clock: GapClock | None = None,
    random: Callable[[], float] = lambda: 1.0,
    limit: TimeLimit | None = None,
    call_as: CallAs | None = None,
) -> RetryingClient:
    """A client that retries as `retries_on`."""
    return RetryingClient(client, retries_on(clock, random, limit), call_as)
