"""What the readiness checks look at, gathered before they look. What could not be read is a fact too: `Unread`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from understudy.domain.cluster.balancer import Ingress, Probing, TargetGroup
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.network import ElasticIpReading, RouteTable
from understudy.domain.cluster.record import RecordSet, guard_name
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.cluster.tags import STACK_TAG
from understudy.domain.cluster.view import ClusterView

T = TypeVar("T")
HERE = "<region>:<account>"
"""Region and account of the controller, in the resource of a Right."""
TAG_OF_OURS = f"aws:ResourceTag/{STACK_TAG}"
"""The condition key by which the controller may act on what its stack's tag is on."""


@dataclass(frozen=True)
class Unread:
    """A read that failed, and why."""

    why: str


@dataclass(frozen=True)
class MetadataService:
    """Who can ask the instance metadata service of an instance, and so speak for it.

    `needs_token`: IMDSv2 is required. `hop_limit`: how many hops its answers travel.
    """

    is_on: bool
    needs_token: bool
    hop_limit: int


@dataclass(frozen=True)
class Instance:
    """What EC2 says of an instance.

    `address` and `forwards`: primary private IPv4 address of the attached primary network interface, and whether that
    interface takes packets that are not addressed to it (source/destination check off); None when none is attached.
    `address_v6` and `interface_id` are of the same interface; empty when there is none.
    `recovers`: whether EC2 itself brings the instance back after a fault of the host; `hibernates`: whether it can be
    hibernated. These and `metadata` are None when EC2 does not say. `is_one_time`: of a Spot request that ends with
    the instance; `root_device`: `ebs` or `instance-store`, empty when EC2 does not say; `profile`: the ARN of its
    instance profile, empty without one; `groups`: its security groups.
    """

    power: PowerReading
    zone: str
    subnet_id: str
    vpc_id: str
    address: str | None
    forwards: bool | None
    scaling_group: str
    recovers: bool | None
    address_v6: str = ""
    interface_id: str = ""
    stack: str = ""
    hibernates: bool | None = None
    metadata: MetadataService | None = None
    is_one_time: bool = False
    root_device: str = ""
    profile: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ScalingGroup:
    """An Auto Scaling group.

    `hooks`: the names of its lifecycle hooks at which it waits before it ends an instance; `stack`: the value of its
    tag understudy:stack, empty without it.
    """

    hooks: frozenset[str]
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
class PrivateZone:
    """A private hosted zone that a VPC sees, anybody's. `name` is without its trailing dot."""

    zone_id: str
    name: str


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
    """What the mover of the address must be allowed to do.

    `resource` is `*`, or an ARN without its head `arn:<partition>:`, in which HERE stands for the controller's place.
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
    name. `private_zones`: all that a VPC of nodes or clients sees, by the VPC's id; empty without a record. `rights`:
    whether each needed right is granted. `route_tables` and `elastic_ips`: those of the definition that EC2 knows, by
    id. `internet_vpcs`: the VPCs of the nodes that have an internet gateway; empty when no address is an Elastic IP.
    `groups`: those of the nodes, by name, `tagged`: the living instances that have a member's tag, by its value;
    `name_members`: whether a role may set such a tag, by the instance profile. `target_groups`: those of the
    definition by ARN, None for one that does not exist; with them `ingress`: the rules of the nodes' security groups by
    group, and `blocks`: the CIDR blocks of the load balancers' subnets. `now`: when this was gathered, in
    seconds.
    """

    definition: Definition
    state: ClusterState
    stack: str
    instances: Mapping[str, Instance] | Unread
    stop_protected: Mapping[str, bool | Unread]
    vpcs: Mapping[str, VpcDns | Unread]
    zones: Mapping[str, HostedZone | Unread | None]
    private_zones: Mapping[str, tuple[PrivateZone, ...] | Unread]
    records: Mapping[tuple[str, str], tuple[FoundRecord, ...] | Unread]
    endpoints: tuple[InboundEndpoint, ...] | Unread
    rights: Mapping[Right, bool] | Unread
    route_tables: Mapping[str, RouteTable] | Unread
    elastic_ips: Mapping[str, ElasticIpReading] | Unread
    internet_vpcs: Collection[str] | Unread
    groups: Mapping[str, ScalingGroup] | Unread
    tagged: Mapping[str, tuple[str, ...]] | Unread
    name_members: Mapping[str, bool | Unread]
    now: float
    may_stop: bool = False
    target_groups: Mapping[str, TargetGroup | Unread | None] = field(default_factory=dict)
    ingress: Mapping[str, tuple[Ingress, ...]] | Unread = field(default_factory=dict)
    blocks: Mapping[str, str] | Unread = field(default_factory=dict)

    @property
    def view(self) -> ClusterView:
        """The cluster at the moment when all of this was gathered."""
        return ClusterView(self.state, self.definition, int(self.now))

    @property
    def probes(self) -> tuple[Probing, ...]:
        """How the load balancers ask the nodes, as far as they could be read."""
        return tuple(each.probe for each in self.target_groups.values() if isinstance(each, TargetGroup))


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
    worse = [each for each in every if each.verdict is not Verdict.PASS] or every
    return Finding(worst(each.verdict for each in every), "; ".join(dict.fromkeys(each.found for each in worse)))


def needed_rights(definition: Definition, stack: str) -> tuple[Right, ...]:
    """What the mover of the address must be allowed to do for this definition, by IAM's own words.

    A table and an Elastic IP are asked for with the tag that they should have: whether they have it is looked at apart.
    In a zone of another account, the role's own policies decide; what is asked for is to assume the role.
    """
    every = (*_record_rights(definition), *_route_rights(definition, stack), *_elastic_ip_rights(definition, stack))
    return tuple(dict.fromkeys(every))


def _record_rights(definition: Definition) -> Iterator[Right]:
    for record in definition.records:
        if record.role_arn:
            yield Right("sts:AssumeRole", record.role_arn.split(":", 2)[2])
            continue
        resource = f"route53:::hostedzone/{record.hosted_zone_id}"
        change = "route53:ChangeResourceRecordSets"
        context = (
            (f"{change}Actions", ("UPSERT", "CREATE", "DELETE")),
            (f"{change}RecordTypes", (record.type, "TXT")),
            (f"{change}NormalizedRecordNames", (record.name, guard_name(record))),
        )
        yield from (Right("route53:ListResourceRecordSets", resource), Right(change, resource, context))


def _route_rights(definition: Definition, stack: str) -> Iterator[Right]:
    if definition.routes:
        yield Right("ec2:DescribeRouteTables", "*")
    for table in dict.fromkeys(table for route in definition.routes for table in route.route_table_ids):
        for action in ("ec2:ReplaceRoute", "ec2:CreateRoute"):
            yield Right(action, f"ec2:{HERE}:route-table/{table}", ((TAG_OF_OURS, (stack,)),))


def _elastic_ip_rights(definition: Definition, stack: str) -> Iterator[Right]:
    """IAM looks at the address and at the interface that it goes to, each by itself."""
    if definition.elastic_ips:
        yield Right("ec2:DescribeAddresses", "*")
        for node in definition.serving:
            yield Right("ec2:AssociateAddress", f"ec2:{HERE}:network-interface/{node.interface_id}")
    for each in definition.elastic_ips:
        yield Right("ec2:AssociateAddress", f"ec2:{HERE}:elastic-ip/{each.allocation_id}", ((TAG_OF_OURS, (stack,)),))
