"""The events about submitted texts, definitions and tunables, and about what a newer stack has written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from understudy.domain.events.event import Concern, Event, Severity, Words
from understudy.domain.events.nodes import GOES_ON
from understudy.domain.events.reading import cluster_of, listed, word

DEFINITION, TUNING = "definition", "tuning"
"""What is about the text of a cluster, or that of the stack, for a pager: one that is accepted ends it."""
FIX_FAULTS = "Fix each fault, and submit the text again. There is no hurry."
"""What a person does about a text that was refused. The board says the same."""


@dataclass(frozen=True, kw_only=True)
class DefinitionAccepted(Event):
    """A definition is in force."""

    detail_type: ClassVar[str] = "Understudy Definition Accepted"

    cluster: str
    definition_version: int
    last_holder: str | None  # who served before, for a new cluster

    def concern(self) -> Concern:
        """What was refused or put off before is in force, or replaced."""
        return Concern(DEFINITION, None)

    @classmethod
    def example(cls) -> Self:
        """Of a new cluster."""
        return cls(cluster="orders-db", definition_version=1790000000, last_holder="node-a")


@dataclass(frozen=True, kw_only=True)
class DefinitionRefused(Event):
    """A definition has faults; the last good one stays in force."""

    detail_type: ClassVar[str] = "Understudy Definition Refused"

    cluster: str
    parameter_version: int  # which one of the parameter's
    faults: Sequence[str]

    def words(self) -> Words:
        """Its faults."""
        cluster = cluster_of(self.cluster)
        return _refused(f"The submitted definition of {cluster}", f"{cluster}: definition refused", self.faults)

    def concern(self) -> Concern:
        """There is no hurry: the last good one stays."""
        return Concern(DEFINITION, Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """A lease that is too long."""
        return cls(cluster="orders-db", parameter_version=4, faults=["policy: lease_s is 40; allowed: 4 to 30"])


@dataclass(frozen=True, kw_only=True)
class DefinitionPutOff(Event):
    """A submitted definition cannot be judged yet. The controller tries again each minute."""

    detail_type: ClassVar[str] = "Understudy Definition Put Off"

    cluster: str
    parameter_version: int  # which one of the parameter's
    since: int  # seconds since 1970
    why: str

    def words(self) -> Words:
        """It waits for something that cannot be read."""
        cluster = cluster_of(self.cluster)
        again = "The controller tries again each minute; you need not submit it again."
        return Words(
            f"{cluster}: a submitted definition waits",
            (f"The submitted definition of {cluster} cannot be judged yet: {word(self.why)}",),
            ("It is not in force. The one before it, if any, stays.", GOES_ON),
            (f"Repair what cannot be read, most often a missing permission. {again}",),
            "a-text-that-is-not-in-force",
        )

    def concern(self) -> Concern:
        """There is no hurry: the last good one stays."""
        return Concern(DEFINITION, Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """A hosted zone that is not to be read."""
        return cls(
            cluster="orders-db",
            parameter_version=4,
            since=1790000000,
            why="hosted zone Z0EXAMPLE cannot be read: AccessDenied",
        )


@dataclass(frozen=True, kw_only=True)
class TuningAccepted(Event):
    """Tunables of the stack are in force."""

    detail_type: ClassVar[str] = "Understudy Tuning Accepted"

    parameter_version: int  # which one of the parameter's
    values: Mapping[str, int]
    ignored: Sequence[str]  # the keys that are not ours

    def concern(self) -> Concern:
        """What was refused before is replaced."""
        return Concern(TUNING, None)

    @classmethod
    def example(cls) -> Self:
        """A TTL, with a key of somebody else's."""
        return cls(parameter_version=2, values={"ROUTE53_TTL": 10}, ignored=["LKROOT"])


@dataclass(frozen=True, kw_only=True)
class TuningRefused(Event):
    """The tunables have faults; the last good ones stay in force."""

    detail_type: ClassVar[str] = "Understudy Tuning Refused"

    parameter_version: int  # which one of the parameter's
    faults: Sequence[str]

    def words(self) -> Words:
        """Their faults."""
        return _refused("The submitted text of the tunables", "tunables refused", self.faults)

    def concern(self) -> Concern:
        """There is no hurry: the last good ones stay."""
        return Concern(TUNING, Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """No TTL at all."""
        return cls(parameter_version=3, faults=["ROUTE53_TTL is 0; allowed: 1 to 86400"])


@dataclass(frozen=True, kw_only=True)
class StateTooNew(Event):
    """A newer stack has written the states of these clusters: this one does nothing for them. It comes every minute."""

    detail_type: ClassVar[str] = "Understudy State Too New"

    clusters: Sequence[str]
    format: int  # the newest that was found
    known: int  # the newest that this stack knows

    def words(self) -> Words:
        """Which clusters, and what to deploy."""
        return Words(
            "clusters of a newer format are not looked after",
            (
                f"The table holds states of format {word(self.format)}, and this stack knows "
                f"{word(self.known)}. Clusters: {', '.join(listed(self.clusters))}.",
            ),
            ("What runs goes on. Nothing fails over.",),
            ("Deploy the newer version of the stack again.",),
            "understudy-state-too-new",
        )

    def concern(self) -> Concern:
        """Nothing fails over."""
        return Concern("format", Severity.CRITICAL)

    @classmethod
    def example(cls) -> Self:
        """One cluster."""
        return cls(clusters=["orders-db"], format=2, known=1)


def _refused(what: str, headline: str, faults: Any) -> Words:
    return Words(
        headline,
        (f"{what} has faults and is not in force. The last good text stays.", *listed(faults)),
        (GOES_ON,),
        ("Fix each fault, and submit the text again. There is no hurry.",),
        "a-text-that-is-not-in-force",
    )
