"""The polite way to call Route 53, without waiting: its gaps pass on a clock of its own."""

from collections.abc import Callable

from understudy.adapters.route53.retries import Allowance, Polite


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


def a_polite_way(
    clock: GapClock | None = None, random: Callable[[], float] = lambda: 1.0, allowance: Allowance | None = None
) -> Polite:
    """A Polite on a clock of its own, with the longest gaps unless a test says otherwise."""
    clock = clock or GapClock()
    return Polite(clock, clock.pass_by, random, allowance)
