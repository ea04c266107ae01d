"""What the controller may use of Route 53's buckets, which all of an account shares.

Route 53 gives an account a bucket of change units (an UPSERT costs two, a CREATE or a DELETE one), and for each action
of its API a bucket of requests. In a crowd the controller keeps within a share of each, so that ExternalDNS, Terraform
and people get something done on that day as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Bucket(StrEnum):
    """What Route 53 counts: change units, and requests by what they are for."""

    UNITS = "units"
    READS = "reads"  # ListResourceRecordSets
    CHANGES = "changes"  # ChangeResourceRecordSets
    POLLS = "polls"  # GetChange


class Purpose(StrEnum):
    """What requests are for. Whoever only looks never keeps a move waiting: so each has buckets of its own."""

    MOVES = "moves"
    POLLS = "polls"


BUCKETS_OF: Mapping[Purpose, tuple[Bucket, ...]] = {
    Purpose.MOVES: (Bucket.UNITS, Bucket.READS, Bucket.CHANGES),
    Purpose.POLLS: (Bucket.POLLS,),
}
REQUESTS_BURST, REQUESTS_A_SECOND = 50, 10
BURST: Mapping[Bucket, int] = {
    Bucket.UNITS: 1500,
    Bucket.READS: REQUESTS_BURST,
    Bucket.CHANGES: REQUESTS_BURST,
    Bucket.POLLS: REQUESTS_BURST,
}
A_SECOND: Mapping[Bucket, int] = {
    Bucket.UNITS: 100,
    Bucket.READS: REQUESTS_A_SECOND,
    Bucket.CHANGES: REQUESTS_A_SECOND,
    Bucket.POLLS: REQUESTS_A_SECOND,
}
"""Of an account, as AWS documents it."""

Cost = Mapping[Bucket, int]


@dataclass(frozen=True)
class Throughput:
    """How much of the controller's share was left in each bucket of a purpose, at a time (seconds)."""

    left: Mapping[Bucket, float]
    at: float

    def at_time(self, now: float, share: float) -> "Throughput":
        """How much there is at `now`, with a share of 0 to 1. Clocks of functions may differ: it never goes back."""
        passed_s = max(0.0, now - self.at)
        left = {
            bucket: min(BURST[bucket] * share, there + passed_s * A_SECOND[bucket] * share)
            for bucket, there in self.left.items()
        }
        return Throughput(left, max(self.at, now))


@dataclass(frozen=True)
class Spending:
    """What became of a wish: what is left, and how long to wait for as much (seconds); 0 when it was taken."""

    after: Throughput
    wait_s: float

    def percent_used(self, bucket: Bucket, share: float) -> float:
        """How much of the share of a bucket is used (0 to 100, above when there is a debt)."""
        return round(100 * (1 - self.after.left[bucket] / (BURST[bucket] * share)), 1)


def full(purpose: Purpose, now: float, share: float) -> Throughput:
    """The share when nothing of it has been used."""
    return Throughput({bucket: BURST[bucket] * share for bucket in BUCKETS_OF[purpose]}, now)


def spend(before: Throughput, cost: Cost, now: float, share: float) -> Spending:
    """Take all that it costs, or nothing and say how long it takes until there is as much.

    What costs more than the whole share is taken when that is full, and leaves a debt: else it would wait for ever.
    """
    there = before.at_time(now, share)
    wait_s = 0.0
    for bucket, wanted in cost.items():
        missing = min(float(wanted), BURST[bucket] * share) - there.left[bucket]
        wait_s = max(wait_s, missing / (A_SECOND[bucket] * share))
    if wait_s > 0:
        return Spending(there, wait_s)
    left = {bucket: amount - cost.get(bucket, 0) for bucket, amount in there.left.items()}
    return Spending(Throughput(left, there.at), 0.0)
