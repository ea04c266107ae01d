"""What the readiness check needs of the world. Whatever only reads raises UnreadableError when it cannot."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from understudy.domain.cluster.balancer import Ingress
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.network import ElasticIpReading, RouteTable
from understudy.domain.readiness.facts import (
    FoundRecord,
    HostedZone,
    InboundEndpoint,
    Instance,
    PrivateZone,
    Right,
    ScalingGroup,
    VpcDns,
)
from understudy.domain.readiness.report import Report


class ReportBook(Protocol):
    """The newest readiness report of each cluster."""

    def last(self, cluster: str) -> Report | None:
        """The newest report; None when there is none yet."""
        ...

    def store(self, report: Report) -> None:
        """Keep a report in place of the one before."""
        ...


class InstanceReader(Protocol):
    """EC2 as the readiness check sees it."""

    def instances(self, instance_ids: Iterable[str]) -> Mapping[str, Instance]:
        """Those of the instances that EC2 knows, by id. Raises UnreadableError."""
        ...

    def is_stop_protected(self, instance_id: str) -> bool:
        """Whether the attribute disableApiStop is on. Raises UnreadableError."""
        ...

    def internet_vpcs(self, vpc_ids: Collection[str]) -> Collection[str]:
        """Those of the VPCs that have an internet gateway. Raises UnreadableError."""
        ...

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The living instances (ids) by their tag understudy:member, at least one tag. Raises UnreadableError."""
        ...

    def vpc_dns(self, vpc_id: str) -> VpcDns:
        """The DNS attributes of a VPC. Raises UnreadableError."""
        ...

    def ingress(self, group_ids: Collection[str]) -> Mapping[str, tuple[Ingress, ...]]:
        """The rules for TCP of security groups, at least one, by group. Raises UnreadableError."""
        ...

    def blocks(self, subnet_ids: Collection[str]) -> Mapping[str, str]:
        """The CIDR blocks of subnets, at least one, by subnet. Raises UnreadableError."""
        ...


class GroupReader(Protocol):
    """EC2 Auto Scaling as the readiness check sees it."""

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """The groups of these names, at least one, that Auto Scaling knows. Raises UnreadableError."""
        ...


class TaggerReader(Protocol):
    """IAM as the check sees it that asks who may name members."""

    def may_name_members(self, profile_arn: str) -> bool:
        """Whether a role of this instance profile may set the tag understudy:member. Raises UnreadableError."""
        ...


class ZoneReader(Protocol):
    """Route 53 as the readiness check sees it, zones of other accounts by the record's role."""

    def hosted_zone(self, record: Record) -> HostedZone | None:
        """The zone of a record; None when Route 53 says that there is none. Raises UnreadableError."""
        ...

    def found_records(self, record: Record, name: str) -> tuple[FoundRecord, ...]:
        """Every record set that stands under a name in the zone of a record. Raises UnreadableError."""
        ...


class VpcZoneReader(Protocol):
    """Route 53 as the clients of a VPC see it."""

    def private_zones(self, vpc_id: str, region: str) -> tuple[PrivateZone, ...]:
        """Every private zone that is associated with a VPC, whose ever it is. Raises UnreadableError."""
        ...


class NetworkReader(Protocol):
    """EC2's routes and Elastic IPs as the readiness check sees them."""

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """The tables of these ids that EC2 knows. Raises AddressUnreadableError."""
        ...

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """The Elastic IPs of these allocation ids that EC2 knows. Raises AddressUnreadableError."""
        ...


class EndpointReader(Protocol):
    """Route 53 Resolver as the readiness check sees it."""

    def inbound_endpoints(self) -> tuple[InboundEndpoint, ...]:
        """The inbound endpoints of this account and Region. Raises UnreadableError."""
        ...


class RightsReader(Protocol):
    """IAM as the readiness check sees it."""

    def granted(self, rights: Iterable[Right]) -> Mapping[Right, bool]:
        """Whether IAM would grant each right to the mover of the address. Raises UnreadableError."""
        ...
