"""The events about addresses that somebody else has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from understudy.domain.events.event import Concern, Epoch, Event, Severity, Words
from understudy.domain.events.reading import LINES_LIMIT, cluster_of, listed, mapping, mappings, word
from understudy.domain.events.transitions import MOVE
from understudy.domain.watch.drift import ADVICE, FindingFacts, GuardWriter, RecordStatus, WithheldFacts

CAN_COME_BACK = "otherwise the change can come back."
FIND_WRITER = f"Find out who writes to the zone (CloudTrail): {CAN_COME_BACK}"
"""What a person is to do first about a record that was changed. The board says the same."""


@dataclass(frozen=True, kw_only=True)
class RecordDrifted(Event):
    """Somebody changed a protected record or its guard. It is repaired within a minute."""

    detail_type: ClassVar[str] = "Understudy Record Drifted"

    cluster: str
    epoch: Epoch
    records: Sequence[FindingFacts]

    def words(self) -> Words:
        """Somebody changed a record, and it is repaired."""
        return Words(
            f"{cluster_of(self.cluster)}: somebody changed a protected record",
            tuple(f"{word(each.get('record'))}: {word(each.get('why'))}" for each in mappings(self.records)),
            ("Clients may have gone to a wrong address. The record is repaired within a minute, under a new epoch.",),
            (FIND_WRITER,),
            "an-address-that-somebody-changed",
        )

    def concern(self) -> Concern:
        """A move repairs it, and ends the incident."""
        return Concern(MOVE, Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """An address that nobody of the cluster has."""
        return cls(cluster="orders-db", epoch=7, records=[_example()])


@dataclass(frozen=True, kw_only=True)
class RecordGuarded(Event):
    """A record has a guard that is not this cluster's, or is newer than its table. Nothing was moved."""

    detail_type: ClassVar[str] = "Understudy Record Guarded"

    cluster: str
    epoch: Epoch
    records: Sequence[WithheldFacts]

    def words(self) -> Words:
        """A record is not as written, and is not repaired."""
        return _withheld(self.cluster, self.records)

    def concern(self) -> Concern:
        """A failover would not move the record."""
        return Concern("record", Severity.ERROR)

    @classmethod
    def example(cls) -> Self:
        """The guard of another cluster."""
        found = _example()
        found["standing"] = RecordStatus.FOREIGN
        found["why"] = "the guard says that cluster files of stack understudy protects it"
        found["guard"] = ['"understudy stack=understudy cluster=files epoch=3 node=node-x"']
        found["guard_writer"] = {"stack": "understudy", "cluster": "files", "epoch": 3, "node": "node-x"}
        return cls(cluster="orders-db", epoch=7, records=[{**found, "advice": ADVICE[RecordStatus.FOREIGN]}])


@dataclass(frozen=True, kw_only=True)
class RecordObstructed(Event):
    """An alias, a routing policy or a CNAME stands in the place of a record or its guard. Nothing was moved."""

    detail_type: ClassVar[str] = "Understudy Record Obstructed"

    cluster: str
    epoch: Epoch
    records: Sequence[WithheldFacts]

    def words(self) -> Words:
        """A record is not as written, and is not repaired."""
        return _withheld(self.cluster, self.records)

    def concern(self) -> Concern:
        """A failover would not move the record."""
        return Concern("record", Severity.ERROR)

    @classmethod
    def example(cls) -> Self:
        """A CNAME."""
        found = _example()
        found["standing"] = RecordStatus.OBSTRUCTED
        found["why"] = "orders-db.corp.example.com is a CNAME"
        found["found"], found["found_ttl_s"] = [], None
        return cls(cluster="orders-db", epoch=7, records=[{**found, "advice": ADVICE[RecordStatus.OBSTRUCTED]}])


@dataclass(frozen=True, kw_only=True)
class AddressChanged(Event):
    """A protected route or Elastic IP leads elsewhere. It is repaired."""

    detail_type: ClassVar[str] = "Understudy Address Changed"

    cluster: str
    epoch: Epoch
    addresses: Mapping[str, str]  # where each leads, a network interface or gateway; empty: nowhere

    def words(self) -> Words:
        """Somebody changed a route or an Elastic IP."""
        found = mapping(self.addresses)
        return Words(
            f"{cluster_of(self.cluster)}: somebody changed a route or an Elastic IP",
            tuple(f"{word(label)} leads to {word(found[label] or 'nowhere')}" for label in list(found)[:LINES_LIMIT]),
            ("Clients may have gone to a wrong address. It is repaired within a minute, under a new epoch.",),
            (f"Find out who changes it (CloudTrail): {CAN_COME_BACK}",),
            "an-address-that-somebody-changed",
        )

    def concern(self) -> Concern:
        """A move repairs it, and ends the incident."""
        return Concern(MOVE, Severity.WARNING)

    @classmethod
    def example(cls) -> Self:
        """A route to a stranger."""
        return cls(cluster="orders-db", epoch=7, addresses={"route 192.0.2.10/32 in rtb-0a1b2c3d": "eni-0f0f0f0f"})


@dataclass(frozen=True, kw_only=True)
class LoadBalancerDiffers(Event):
    """A load balancer leads elsewhere than the lease for longer than its probing explains. Nothing is changed."""

    detail_type: ClassVar[str] = "Understudy Load Balancer Differs"
    told_note: ClassVar[str] = "not when they agree again"

    cluster: str
    epoch: Epoch
    faults: Sequence[str]  # in what they differ; empty: they agree again
    since: int | None  # when the watch saw it first, seconds; null when they agree

    def words(self) -> Words | None:
        """Load balancer and lease differ; None when they agree again."""
        if not self.faults:
            return None
        return Words(
            f"{cluster_of(self.cluster)}: a load balancer does not lead to the node in service",
            listed(self.faults),
            ("The node in service goes on. Clients that come by the load balancer may not reach it.",),
            ("Ask for a check of readiness: the checks that begin with targets- say what to do for each.",),
            "understudy-load-balancer-differs",
        )

    def concern(self) -> Concern:
        """It lasts as long as they differ."""
        return Concern("balancer", Severity.ERROR if self.faults else None)

    @classmethod
    def example(cls) -> Self:
        """A node whose agent does not answer."""
        fault = "target group orders-db: node-b, which is in service, is unhealthy (Target.FailedHealthChecks)"
        return cls(cluster="orders-db", epoch=7, faults=[fault], since=1_800_000_000)


def _withheld(cluster: Any, found: Any) -> Words:
    records = mappings(found)
    return Words(
        f"{cluster_of(cluster)}: a record is not put right, look at it",
        tuple(
            f"{word(each.get('record'))} is {word(each.get('standing'), 40)}: {word(each.get('why'))}"
            for each in records
        ),
        ("Nothing was moved. Clients may be going to a wrong address, and a failover would not move this record.",),
        tuple(f"{word(each.get('record'))}: {word(each.get('advice'))}" for each in records),
        "a-record-that-is-not-put-right",
    )


def _example() -> FindingFacts:
    ours: GuardWriter = {"stack": "understudy", "cluster": "orders-db", "epoch": 7, "node": "node-b"}
    return {
        "record": "orders-db.corp.example.com A",
        "standing": RecordStatus.DRIFTED,
        "why": "the record has 203.0.113.9, not 10.0.2.10",
        "expected": "10.0.2.10",
        "expected_ttl_s": 10,
        "expected_writer": ours,
        "found": ["203.0.113.9"],
        "found_ttl_s": 300,
        "guard": ['"understudy stack=understudy cluster=orders-db epoch=7 node=node-b"'],
        "guard_ttl_s": 10,
        "guard_writer": ours,
    }
