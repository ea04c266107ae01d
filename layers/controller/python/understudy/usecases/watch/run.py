"""One run of the watch: many things are done in a minute, each in its time, and no fault hides another."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from understudy.ports.spread import Spread, one_by_one
from understudy.usecases.step import Clock

LOOK_LIMIT_S = 20
"""After how long a watch begins no more reading of clusters, and no more question of EC2 and CloudWatch (seconds)."""
JUDGE_LIMIT_S = 40
"""After how long it judges and registers no more. A call may last 12 s from then on; the function ends after 55 s."""
ROUTE53_LIMIT_S = 28
"""After how long it does not begin with Route 53 any more, on which it may spend 25 s (`WATCH_ALLOWANCE_S`)."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class UnreachedError(Exception):
    """The time of a watch was over before all was looked at. The next one begins elsewhere."""


@dataclass(frozen=True)
class Run:
    """Since when it runs (seconds), what went wrong in it, and how it does many things."""

    clock: Clock
    begun_at: float
    spread: Spread
    faults: list[Exception] = field(default_factory=list)

    @property
    def in_turn(self) -> "Run":
        """The same run, for what only one may do at a time."""
        return replace(self, spread=one_by_one)

    def has_time(self, limit_s: float) -> bool:
        """Whether less than this has gone by since the watch began."""
        return self.clock() - self.begun_at < limit_s

    def each(self, what: str, items: Iterable[T], work: Callable[[T], object], limit_s: float = JUDGE_LIMIT_S) -> int:
        """Do the work for each item; how many were done. A fault with one is kept, and never hides the next.

        What is not begun within limit_s is left to the next watch. `what`: the items in words, for those who read it.
        """
        ends = Counter(self.spread(lambda item: self._end(item, work, limit_s), items))
        if ends["left"]:
            self.miss(f"{ends['left']} of {ends.total()} {what} were not reached within {limit_s} s")
        return ends["done"]

    def while_time(self, items: Iterable[T], limit_s: float) -> Iterator[T]:
        """The items that come within limit_s; the next one is not even asked for after that."""
        iterator = iter(items)
        while self.has_time(limit_s):
            try:
                item = next(iterator)
            except StopIteration:
                return
            yield item

    def miss(self, why: str) -> None:
        """Keep as a fault that something was not looked at."""
        self.keep(UnreachedError(why))

    def keep(self, fault: Exception, item: object = "") -> None:
        """Log a fault with an item, and keep it."""
        log.error("watch: something failed", exc_info=fault, extra={"item": str(item)[:200]})
        self.faults.append(fault)

    def _end(self, item: T, work: Callable[[T], object], limit_s: float) -> str:
        if not self.has_time(limit_s):
            return "left"
        try:
            work(item)
        except Exception as fault:
            self.keep(fault, item)
            return "failed"
        return "done"
