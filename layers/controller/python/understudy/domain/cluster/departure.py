"""That AWS is about to take an instance away, in AWS's own words: with time left, the service moves first."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why an instance goes, the more certain the later in the list."""

    REBALANCE = "rebalance"  # EC2 holds an interruption of a Spot instance for likely; it names no time
    SPOT = "spot"  # EC2 interrupts a Spot instance, in two minutes
    AUTO_SCALING = "auto-scaling"  # its group ends it, and a lifecycle hook makes the group wait


@dataclass(frozen=True)
class Departure:
    """AWS's word that an instance goes, with the time of its event (whole seconds).

    `group`, `hook`: the Auto Scaling group and the lifecycle hook that waits for us; no hook: nobody waits, or not any
    more.
    """

    cause: Cause
    at: int
    group: str = ""
    hook: str = ""

    @property
    def has_deadline(self) -> bool:
        """Whether the instance goes for certain. A recommendation may never come true."""
        return self.cause is not Cause.REBALANCE

    @property
    def words(self) -> str:
        """Who takes the instance away, for a person."""
        return f"Auto Scaling group {self.group} ends it" if self.cause is Cause.AUTO_SCALING else WORDS[self.cause]


WORDS: Mapping[Cause, str] = {
    Cause.SPOT: "EC2 interrupts it (Spot)",
    Cause.REBALANCE: "EC2 recommends to replace it (Spot)",
}
