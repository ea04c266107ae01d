"""The events about what an operator has done to a cluster. They are for the record."""

from dataclasses import dataclass
from typing import ClassVar, Self

from understudy.domain.events.event import Epoch, Event


@dataclass(frozen=True, kw_only=True)
class ClusterHeld(Event):
    """An operator holds the cluster: it does not move by itself."""

    detail_type: ClassVar[str] = "Understudy Cluster Held"
    told_note: ClassVar[str] = "an alarm reports a hold of more than a day"

    cluster: str
    epoch: Epoch
    reason: str
    since: int | None  # seconds since 1970
    until: int | None  # seconds since 1970; null: until somebody resumes it

    @classmethod
    def example(cls) -> Self:
        """For an hour."""
        return cls(cluster="orders-db", epoch=7, reason="patching", since=1790000000, until=1790003600)


@dataclass(frozen=True, kw_only=True)
class ClusterResumed(Event):
    """The hold was ended by an operator, or is over."""

    detail_type: ClassVar[str] = "Understudy Cluster Resumed"

    cluster: str
    epoch: Epoch
    reason: str
    since: int | None  # null
    until: int | None  # null

    @classmethod
    def example(cls) -> Self:
        """A hold whose end has come."""
        return cls(cluster="orders-db", epoch=7, reason="the hold is over", since=None, until=None)


@dataclass(frozen=True, kw_only=True)
class FailedStartCleared(Event):
    """An operator has cleared a node on which the service did not start."""

    detail_type: ClassVar[str] = "Understudy Failed Start Cleared"

    cluster: str
    epoch: Epoch
    node: str
    start_failed_at: int  # since when it was known (seconds since 1970)
    reason: str

    @classmethod
    def example(cls) -> Self:
        """A node that was repaired."""
        return cls(cluster="orders-db", epoch=7, node="node-b", start_failed_at=1790000000, reason="disk replaced")
