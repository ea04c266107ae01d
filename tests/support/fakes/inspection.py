"""What the readiness check reads of AWS, in memory, and where reports and drills are kept."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.balancer import Ingress, TargetGroup
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import LedgerConflictError
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
from understudy.domain.transition.drill import Drill


class FakeReadings(Faulty):
    """Every reader of the readiness check over plain dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Instance] = {}
        self.protected: set[str] = set()
        self.vpcs: dict[str, VpcDns] = {}
        self.zones: dict[str, HostedZone] = {}
        self.records: dict[tuple[str, str], tuple[FoundRecord, ...]] = {}
        self.seen_zones: dict[tuple[str, str], tuple[PrivateZone, ...]] = {}
        self.endpoints: list[InboundEndpoint] = []
        self.denied: set[str] = set()
        self.tables: dict[str, RouteTable] = {}
        self.addresses: dict[str, ElasticIpReading] = {}
        self.gateways: set[str] = set()
        self.roles: list[str] = []
        self.tags: dict[str, tuple[str, ...]] = {}
        self.scaling: dict[str, ScalingGroup] = {}
        self.taggers: set[str] = set()
        self.balanced: dict[str, TargetGroup] = {}
        self.rules: dict[str, tuple[Ingress, ...]] = {}
        self.subnets: dict[str, str] = {}

    def instances(self, instance_ids: Iterable[str]) -> Mapping[str, Instance]:
        """As InstanceReader.instances."""
        with self._called("instances"):
            return {each: self.known[each] for each in instance_ids if each in self.known}

    def is_stop_protected(self, instance_id: str) -> bool:
        """As InstanceReader.is_stop_protected."""
        with self._called("is_stop_protected"):
            return instance_id in self.protected

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """As InstanceReader.tagged."""
        with self._called("tagged"):
            return {each: self.tags[each] for each in tags if each in self.tags}

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """As GroupReader.groups."""
        with self._called("groups"):
            return {each: self.scaling[each] for each in names if each in self.scaling}

    def may_name_members(self, profile_arn: str) -> bool:
        """As TaggerReader.may_name_members."""
        with self._called("may_name_members"):
            return profile_arn in self.taggers

    def target_group(self, arn: str) -> TargetGroup | None:
        """As TargetGroupReader.target_group."""
        with self._called("target_group"):
            return self.balanced.get(arn)

    def ingress(self, group_ids: Collection[str]) -> Mapping[str, tuple[Ingress, ...]]:
        """As InstanceReader.ingress."""
        with self._called("ingress"):
            return {each: self.rules[each] for each in group_ids if each in self.rules}

    def blocks(self, subnet_ids: Collection[str]) -> Mapping[str, str]:
        """As InstanceReader.blocks."""
        with self._called("blocks"):
            return {each: self.subnets[each] for each in subnet_ids if each in self.subnets}

    def vpc_dns(self, vpc_id: str) -> VpcDns:
        """As InstanceReader.vpc_dns."""
        with self._called("vpc_dns"):
            return self.vpcs[vpc_id]

    def internet_vpcs(self, vpc_ids: Collection[str]) -> Collection[str]:
        """As InstanceReader.internet_vpcs."""
        with self._called("internet_vpcs"):
            return self.gateways & set(vpc_ids)

    def hosted_zone(self, record: Record) -> HostedZone | None:
        """As ZoneReader.hosted_zone. `roles` has by which role each reading was done, empty for the function's own."""
        with self._called("hosted_zone"):
            self.roles.append(record.role_arn)
            return self.zones.get(record.hosted_zone_id)

    def found_records(self, record: Record, name: str) -> tuple[FoundRecord, ...]:
        """As ZoneReader.found_records."""
        with self._called("found_records"):
            self.roles.append(record.role_arn)
            return self.records.get((record.hosted_zone_id, name), ())

    def private_zones(self, vpc_id: str, region: str) -> tuple[PrivateZone, ...]:
        """As VpcZoneReader.private_zones."""
        with self._called("private_zones"):
            return self.seen_zones.get((vpc_id, region), ())

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """As NetworkReader.route_tables."""
        with self._called("route_tables"):
            return {each: self.tables[each] for each in ids if each in self.tables}

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """As NetworkReader.elastic_ips."""
        with self._called("elastic_ips"):
            return {each: self.addresses[each] for each in ids if each in self.addresses}

    def inbound_endpoints(self) -> tuple[InboundEndpoint, ...]:
        """As EndpointReader.inbound_endpoints."""
        with self._called("inbound_endpoints"):
            return tuple(self.endpoints)

    def granted(self, rights: Iterable[Right]) -> Mapping[Right, bool]:
        """As RightsReader.granted."""
        with self._called("granted"):
            return {right: right.action not in self.denied for right in rights}


class FakeReportBook(Faulty):
    """The newest report of each cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: dict[str, Report] = {}

    def last(self, cluster: str) -> Report | None:
        """As ReportBook.last."""
        with self._called("last"):
            return self.reports.get(cluster)

    def store(self, report: Report) -> None:
        """As ReportBook.store."""
        with self._called("store"):
            self.reports[report.cluster] = report


class FakeDrillBook(Faulty):
    """The newest drill of each cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.drills: dict[str, Drill] = {}

    def last(self, cluster: str) -> Drill | None:
        """As DrillBook.last."""
        with self._called("last"):
            return self.drills.get(cluster)

    def store(self, cluster: str, before: Drill | None, after: Drill) -> None:
        """As DrillBook.store."""
        with self._called("store"):
            there = self.drills.get(cluster)
            if (there.revision if there else None) != (before.revision if before else None):
                raise LedgerConflictError(f"the drill of {cluster} has changed")
            self.drills[cluster] = replace(after, revision=(before.revision if before else 0) + 1)
