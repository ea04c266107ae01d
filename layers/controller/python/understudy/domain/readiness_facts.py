"""What the readiness checks look at, gathered before they look. What could not be read is a fact too: `Unread`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from understudy.domain.definition import Definition, NodeSpec, Record
from understudy.domain.model import ClusterState, PowerReading
from understudy.domain.record import RecordSet, guard_name

T = TypeVar("T")


@dataclass(frozen=True)
class Unread:
    """A read that failed, and why."""

    why: str


@dataclass(frozen=True)
class Instance:
    """What EC2 says of an instance (S1, S3).

    `address` and `forwards`: primary private IPv4 address of the attached primary network interface, and whether that
    interface takes packets that are not addressed to it (source/destination check off); None when none is attached.
    `recovers`: whether EC2 itself brings the instance back after a fault of the host; None when EC2 does not say.
    """

    power: PowerReading
    zone: str
    subnet_id: str
    vpc_id: str
    address: str | None
    forwards: bool | None
    scaling_group: str
    recovers: bool | None
    stack: str = ""


@dataclass(frozen=True)
class VpcDns:
    """The two DNS attributes of a VPC: without both, no private zone is answered in it."""

    support: bool
    hostnames: bool


@dataclass(frozen=True)
class HostedZone:
    """A hosted zone. `name` is without its trailing dot; `vpcs` maps the ids of associated VPCs to their Regions."""

    name: str
    is_private: bool
    vpcs: Mapping[str, str]


@dataclass(frozen=True)
class FoundRecord:
    """What stands under a name. `record_set` is None for an alias and a routing policy; `foreign` then says which."""

    type: str
    record_set: RecordSet | None
    foreign: str = ""


@dataclass(frozen=True)
class InboundEndpoint:
    """An inbound Resolver endpoint. `status` is Route 53 Resolver's word."""

    endpoint_id: str
    vpc_id: str
    status: str
    address_count: int


@dataclass(frozen=True)
class Right:
    """What the mover of the address must be allowed to do. `resource` is an ARN without its head `arn:<partition>:`.

    `context`: the values of IAM's condition keys in such a call.
    """

    action: str
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that the checks of one cluster look at.

    `stack` is the controller's own name. `instances`: those that EC2 knows, by id. `stop_protected` by instance id,
    `vpcs` by id (those of the nodes), `zones` by id with None for a zone that does not exist, `records` by zone and
    name. `rights`: whether each needed right is granted. `route_tables`: those whose route is to lead to the node in
    service; empty when no address is of that kind (S14).
    """

    definition: Definition
    state: ClusterState
    stack: str
    instances: Mapping[str, Instance] | Unread
    stop_protected: Mapping[str, bool | Unread]
    vpcs: Mapping[str, VpcDns | Unread]
    zones: Mapping[str, HostedZone | Unread | None]
    records: Mapping[tuple[str, str], tuple[FoundRecord, ...] | Unread]
    endpoints: tuple[InboundEndpoint, ...] | Unread
    rights: Mapping[Right, bool] | Unread
    route_tables: tuple[str, ...] = ()
    may_stop: bool = False


class Verdict(StrEnum):
    """What a check says."""

    PASS = "PASS"  # noqa: S105 - no password
    WARN = "WARN"  # it works, at a price or a risk that is named
    FAIL = "FAIL"  # a rule is broken
    UNKNOWN = "UNKNOWN"  # it could not be read, or is not known yet: neither good nor bad


GRAVITY = (Verdict.PASS, Verdict.WARN, Verdict.UNKNOWN, Verdict.FAIL)
"""From the best to the worst, when several verdicts become one."""


@dataclass(frozen=True)
class Finding:
    """A verdict, and the value that was found."""

    verdict: Verdict
    found: str


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for several; PASS when there is none."""
    return max(verdicts, key=GRAVITY.index, default=Verdict.PASS)


def together(findings: Iterable[Finding]) -> Finding:
    """One finding for several: the worst verdict, and what was found where it is not PASS (all, when all is PASS)."""
    every = list(findings)
    telling = [each for each in every if each.verdict is not Verdict.PASS] or every
    return Finding(worst(each.verdict for each in every), "; ".join(dict.fromkeys(each.found for each in telling)))


def protected_records(definition: Definition) -> tuple[Record, ...]:
    """The Route 53 records that the controller moves for a cluster, in zones of its own account.

    A zone that is reached through a role is not looked at here: the check itself may not assume that role.
    """
    return tuple(record for record in definition.records if not record.role_arn)


def primary(definition: Definition) -> NodeSpec:
    """The node of the best priority: the paper's primary. Every other node is a standby."""
    return min(definition.nodes, key=lambda node: (node.priority, node.name))


def needed_rights(definition: Definition) -> tuple[Right, ...]:
    """What the mover of the address must be allowed to do for this definition, by IAM's own words (B1)."""
    rights = []
    for record in protected_records(definition):
        resource = f"route53:::hostedzone/{record.hosted_zone_id}"
        change = "route53:ChangeResourceRecordSets"
        context = (
            (f"{change}Actions", ("UPSERT", "CREATE", "DELETE")),
            (f"{change}RecordTypes", (record.type, "TXT")),
            (f"{change}NormalizedRecordNames", (record.name, guard_name(record))),
        )
        rights += [Right("route53:ListResourceRecordSets", resource), Right(change, resource, context)]
    return tuple(rights)
