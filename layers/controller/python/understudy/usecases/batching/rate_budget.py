"""How the controller keeps within its share of what Route 53 gives the account, when it is crowded."""

from dataclasses import dataclass

from understudy.domain.batching.rate_limits import Cost, Purpose, full, spend
from understudy.ports.measure import Measure, unmeasured
from understudy.ports.queue import RateBudgetStore
from understudy.usecases.step import Clock

CONTENDED_GAP_S = 0.1
"""How long whoever was not the only one to take something waits before the next try (seconds)."""


@dataclass(frozen=True)
class RateBudget:
    """What requests of one purpose may use of the controller's `share` (0 to 1).

    The metrics Route53Taken and Route53PercentUsed say for each bucket what was taken, and how much of it is used.
    """

    store: RateBudgetStore
    purpose: Purpose
    clock: Clock
    share: float = 1.0
    measure: Measure = unmeasured

    def take(self, cost: Cost) -> float:
        """Take what a call will cost, before it is made: one read and one conditional write of the table.

        0 when it was taken, else nothing was, and how long to wait (seconds).
        """
        now = self.clock()
        before = self.store.left(self.purpose)
        spending = spend(before or full(self.purpose, now, self.share), cost, now, self.share)
        if spending.wait_s > 0:
            return spending.wait_s
        if not self.store.save(self.purpose, before, spending.after):
            return CONTENDED_GAP_S
        for bucket, taken in cost.items():
            used = spending.percent_used(bucket, self.share)
            self.measure({"Route53Taken": taken, "Route53PercentUsed": used}, bucket=bucket)
        return 0.0
