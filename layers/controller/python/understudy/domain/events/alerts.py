"""The events about people who are needed, or no longer needed."""

from dataclasses import dataclass
from typing import ClassVar, Self

from understudy.domain.decide.rules import ADVICE
from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.facts import ClusterFacts, example_facts, failed_starts, how_to_clear, standing
from understudy.domain.events.reading import cluster_of, key_part, mapping, sentence, word

GET_A_STANDBY = (
    "Bring a standby back: start its instance or its agent, or fix its failed service.",
    "Until then, do not patch or reboot the active node.",
)
"""What a person is to do first about a cluster without a standby. The board says the same."""


def _of_rule(rule: str, severity: Severity | None) -> Concern:
    """What calls a person and its end are about the same."""
    return Concern(f"rule.{key_part(rule)}", severity)


@dataclass(frozen=True, kw_only=True)
class OperatorCalled(Event):
    """A rule needs a person. It comes once when the rule begins to apply, rarely twice."""

    detail_type: ClassVar[str] = "Understudy Operator Called"

    cluster: str
    rule: str  # its name in the [decision table](decision-table.md)
    why: str
    epoch: Epoch
    facts: ClusterFacts

    def words(self) -> Words:
        """Why a person is needed, and what to do first."""
        cluster, rule = cluster_of(self.cluster), word(self.rule, 60)
        return Words(
            f"{cluster}: you are needed ({rule})",
            (f"{sentence(self.why)} (Rule {rule}, {cluster}, epoch {word(self.epoch)}.)",),
            standing(mapping(self.facts)),
            (ADVICE.get(rule, "Look the rule up in the runbook."),),
            rule if rule in ADVICE else "operator-called-by-rule",
        )

    def concern(self) -> Concern:
        """Nothing goes on without a person."""
        return _of_rule(self.rule, Severity.CRITICAL)

    @classmethod
    def example(cls) -> Self:
        """A silent node, and nobody to take over."""
        return cls(
            cluster="orders-db",
            rule="no-fit-candidate",
            why="the active node has not been heard for silence_limit_s, and no other node is fit to take over",
            epoch=7,
            facts=example_facts(active="node-a", now=1790000021),
        )


@dataclass(frozen=True, kw_only=True)
class AlertOver(Event):
    """The rule that called a person no longer applies."""

    detail_type: ClassVar[str] = "Understudy Alert Over"

    cluster: str
    rule: str  # the one that called
    epoch: Epoch
    now: str  # the rule that holds instead
    why: str  # it does

    def words(self) -> Words:
        """Nobody is needed any more."""
        cluster, rule = cluster_of(self.cluster), word(self.rule, 60)
        return Words(
            f"{cluster}: over ({rule})",
            (f"You were called for {cluster} by the rule {rule}. It no longer applies.",),
            (f"{sentence(self.why)} (Rule {word(self.now, 60)}.)",),
            ("Nothing urgent. If you did not repair it, find out what did.",),
            "reading-an-incident-backwards",
        )

    def concern(self) -> Concern:
        """What the call has opened is over."""
        return _of_rule(self.rule, None)

    @classmethod
    def example(cls) -> Self:
        """A node that is heard again."""
        return cls(
            cluster="orders-db",
            rule="no-fit-candidate",
            epoch=7,
            now="active-is-ready",
            why="the active node is heard and well, and nothing is due",
        )


@dataclass(frozen=True, kw_only=True)
class ClusterDegraded(Event):
    """The service runs, and for five minutes no other node has been fit to take over. Nodes on which the service did
    not start do not count. It comes again, with `fault` and `since` null, when a node is fit.
    """

    detail_type: ClassVar[str] = "Understudy Cluster Degraded"
    told_note: ClassVar[str] = "not when a node is fit again"

    cluster: str
    epoch: Epoch
    fault: str | None  # why no node could take over; null: one could again
    since: int | None  # seconds since 1970
    facts: ClusterFacts

    def words(self) -> Words | None:
        """Nobody could take over; None when somebody can again."""
        if not self.fault:
            return None
        cluster, facts = cluster_of(self.cluster), mapping(self.facts)
        failed = failed_starts(facts)
        return Words(
            f"{cluster}: no node that is known to work could take over"
            if failed
            else f"{cluster}: no node could take over",
            (
                f"{sentence(self.fault)} It has been so for five minutes.",
                "The service runs. The next failure will be an outage.",
            ),
            standing(facts),
            (*how_to_clear(self.cluster, failed), *GET_A_STANDBY),
            "nostandbyalarm",
        )

    def concern(self) -> Concern:
        """It lasts as long as there is a fault."""
        return Concern("no-standby", Severity.ERROR if self.fault else None)

    @classmethod
    def example(cls) -> Self:
        """A cluster whose other node is silent."""
        return cls(
            cluster="orders-db",
            epoch=7,
            fault="no other node is fit to take over",
            since=1790000000,
            facts=example_facts(active="node-b", now=1790000300),
        )
