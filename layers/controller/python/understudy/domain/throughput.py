"""What the controller may use of Route 53's change throughput, which all of an account shares (B12).

Route 53 gives an account a bucket of units: an UPSERT costs two, a CREATE or a DELETE one. In a crowd the controller
keeps within a share of it, so that ExternalDNS, Terraform and people get something done on that day as well.
"""

from dataclasses import dataclass

UNITS_BURST, UNITS_A_SECOND = 1500, 100
"""Of an account, as AWS documents it."""


@dataclass(frozen=True)
class Throughput:
    """How many units of the controller's share were left at a time (seconds)."""

    left: float
    at: float

    def at_time(self, now: float, share: float) -> "Throughput":
        """How many there are at `now`, with a share of 0 to 1. Clocks of functions may differ: it never goes back."""
        passed_s = max(0.0, now - self.at)
        left = min(UNITS_BURST * share, self.left + passed_s * UNITS_A_SECOND * share)
        return Throughput(left, max(self.at, now))


@dataclass(frozen=True)
class Spending:
    """What became of a wish for units: what is left, and how long to wait for as many (seconds); 0 when it has them."""

    after: Throughput
    wait_s: float

    def percent_used(self, share: float) -> float:
        """How much of the share is used (0 to 100, above when there is a debt)."""
        return round(100 * (1 - self.after.left / (UNITS_BURST * share)), 1)


def full(now: float, share: float) -> Throughput:
    """The share when nothing of it has been used."""
    return Throughput(UNITS_BURST * share, now)


def spend(before: Throughput, units: int, now: float, share: float) -> Spending:
    """Take units, or say how long it takes until there are as many.

    What costs more than the whole share is taken when that is full, and leaves a debt: else it would wait for ever.
    """
    there = before.at_time(now, share)
    missing = min(float(units), UNITS_BURST * share) - there.left
    if missing > 0:
        return Spending(there, missing / (UNITS_A_SECOND * share))
    return Spending(Throughput(there.left - units, there.at), 0.0)
