"""The events about moves that are rehearsed, or practised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from understudy.domain.advise.rehearsal import RehearsalVerdict
from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.reading import cluster_of, word
from understudy.domain.events.transitions import LOOK
from understudy.domain.transition.drill import DrillOutcome


@dataclass(frozen=True, kw_only=True)
class RehearsalFinished(Event):
    """A move was rehearsed, and nothing was changed. The plan is in the execution's output."""

    detail_type: ClassVar[str] = "Understudy Rehearsal Finished"
    told_note: ClassVar[str] = "whoever asked reads the execution"

    cluster: str
    epoch: Epoch
    verdict: RehearsalVerdict
    reasons: Sequence[str]  # why it could not be made now
    warnings: Sequence[str]  # what a person should know before
    source: str | None
    target: str | None
    usual_outage_s: Mapping[str, float]  # by action
    outage_budget_s: float | None  # of the policy

    @classmethod
    def example(cls) -> Self:
        """A cluster that is ready."""
        return cls(
            cluster="orders-db",
            epoch=7,
            verdict=RehearsalVerdict.READY,
            reasons=[],
            warnings=[],
            source="node-a",
            target="node-b",
            usual_outage_s={"switchover": 12.5, "failover": 31.0},
            outage_budget_s=60,
        )


@dataclass(frozen=True, kw_only=True)
class DrillFinished(Event):
    """A planned drill has ended, or was due and not begun."""

    detail_type: ClassVar[str] = "Understudy Drill Finished"
    told_note: ClassVar[str] = "not of one that passed within its budget"

    cluster: str
    epoch: Epoch
    active: str | None  # who holds the lease
    outcome: DrillOutcome
    why: str
    outages_s: Mapping[str, float]  # of the two moves, `out` and `back`
    measured_s: float | None  # the longer of the two
    budget_s: float | None  # of the policy
    within: bool | None  # the budget; null: there is none, or nothing was measured

    @property
    def _went_well(self) -> bool:
        return self.outcome == DrillOutcome.PASSED and self.within is not False

    def words(self) -> Words | None:
        """How it ended; None for one that passed within its budget."""
        if self._went_well:
            return None
        cluster, outcome = cluster_of(self.cluster), word(self.outcome, 40)
        took = f"It took the service out for {word(self.measured_s)} s"
        slow = [f"{took}; the budget is {word(self.budget_s)} s."] if self.within is False else []
        return Words(
            f"{cluster}: the planned drill ended {outcome}" + (" and took too long" if slow else ""),
            (f"The planned drill of {cluster} ended {outcome}. {word(self.why)}", *slow),
            (f"{word(self.active)} holds the lease." if self.active else LOOK,),
            ("Nothing urgent. Find out what went wrong: a failover would have the same trouble.",),
            "drills",
        )

    def concern(self) -> Concern:
        """It lasts until one goes well."""
        return Concern("drill", None if self._went_well else Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """One that took too long."""
        return cls(
            cluster="orders-db",
            epoch=7,
            active="node-a",
            outcome=DrillOutcome.PASSED,
            why="out and back",
            outages_s={"out": 41.0, "back": 12.0},
            measured_s=41.0,
            budget_s=30,
            within=False,
        )
