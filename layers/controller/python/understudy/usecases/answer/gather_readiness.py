"""BoardEntry at everything that a failover will need, by reading only. What cannot be read is a fact, too."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from understudy.domain.cluster.balancer import TargetGroup
from understudy.domain.cluster.definition import Definition, Record
from understudy.domain.cluster.errors import AddressUnreadableError, UnreadableError
from understudy.domain.cluster.record import guard_name
from understudy.domain.cluster.state import ClusterState
from understudy.domain.readiness.facts import Facts, HostedZone, Instance, Unread, needed_rights
from understudy.domain.readiness.ownership import names_below
from understudy.ports.balancers import TargetGroupReader
from understudy.ports.ledger import StateReader
from understudy.ports.readiness import (
    EndpointReader,
    GroupReader,
    InstanceReader,
    NetworkReader,
    RightsReader,
    TaggerReader,
    VpcZoneReader,
    ZoneReader,
)
from understudy.usecases.step import Clock

CROWDED = "Route 53 is crowded by moves, and was left to them; check again in some minutes"
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gatherer:
    """Everything that a check of readiness reads."""

    ledger: StateReader
    instances: InstanceReader
    zones: ZoneReader
    vpc_zones: VpcZoneReader
    network: NetworkReader
    endpoints: EndpointReader
    rights: RightsReader
    groups: GroupReader
    taggers: TaggerReader
    balancers: TargetGroupReader
    clock: Clock
    stack: str
    region: str
    """Where the controller and the nodes are."""
    may_stop: bool = False
    """Whether the stack may stop instances."""

    def gather(self, definition: Definition, state: ClusterState) -> Facts:
        """What the checks of one cluster look at. A crowded Route 53 is left to those who move."""
        route53 = _read if self.clock() >= self.ledger.stack_wide().crowded_until else _unread
        ids = [node.instance_id for node in definition.nodes]
        instances = _read(lambda: self.instances.instances(ids))
        known = () if isinstance(instances, Unread) else tuple(instances.values())
        vpc_ids = {each.vpc_id for each in known}
        by_zone = {record.hosted_zone_id: record for record in definition.records}
        zones = {zone_id: route53(partial(self.zones.hosted_zone, each)) for zone_id, each in by_zone.items()}
        sets = {(r.hosted_zone_id, name): r for r in definition.records for name in _names(r, zones[r.hosted_zone_id])}
        asking = self._asking(definition, vpc_ids)
        tables = {table for route in definition.routes for table in route.route_table_ids}
        elastic_ips = {each.allocation_id for each in definition.elastic_ips}
        return Facts(
            definition=definition,
            stack=self.stack,
            instances=instances,
            stop_protected={each: _read(partial(self.instances.is_stop_protected, each)) for each in ids},
            vpcs={each: _read(partial(self.instances.vpc_dns, each)) for each in sorted(vpc_ids)},
            zones=zones,
            private_zones={vpc: route53(partial(self.vpc_zones.private_zones, vpc, at)) for vpc, at in asking.items()},
            records={key: route53(partial(self.zones.found_records, each, key[1])) for key, each in sets.items()},
            endpoints=_read(self.endpoints.inbound_endpoints),
            rights=_read(lambda: self.rights.granted(needed_rights(definition, self.stack))),
            may_stop=self.may_stop,
            route_tables=_read(lambda: self.network.route_tables(tables)) if tables else {},
            elastic_ips=_read(lambda: self.network.elastic_ips(elastic_ips)) if elastic_ips else {},
            internet_vpcs=_read(lambda: self.instances.internet_vpcs(vpc_ids)) if elastic_ips and vpc_ids else (),
            **self._replacing(definition, known),
            **self._balanced(definition, known),
            # After Route 53: a move in between makes the guard newer than a state that was read before it.
            state=self.ledger.read(definition.cluster) or state,
            now=self.clock(),
        )

    def _replacing(self, definition: Definition, known: Iterable[Instance]) -> Mapping[str, Any]:
        """What has to do with members that are replaced. Nobody is asked where no member can be."""
        names = {each.scaling_group for each in known} - {""}
        tags = {node.tag for node in definition.nodes} - {""}
        profiles = {each.profile for each in known if tags} - {""}
        return {
            "groups": _read(lambda: self.groups.groups(names)) if names else {},
            "tagged": _read(lambda: self.instances.tagged(tags)) if tags else {},
            "name_members": {each: _read(partial(self.taggers.may_name_members, each)) for each in sorted(profiles)},
        }

    def _balanced(self, definition: Definition, known: Iterable[Instance]) -> Mapping[str, Any]:
        """What has to do with load balancers. Nobody is asked where there is none."""
        arns = [each.target_group_arn for each in definition.load_balancers]
        groups = {arn: _read(partial(self.balancers.target_group, arn)) for arn in arns}
        using = [each for group in groups.values() if isinstance(group, TargetGroup) for each in group.balancers]
        subnets = {subnet for each in using for subnet in each.subnets}
        own = {group for each in known for group in each.groups} if arns else set()
        return {
            "target_groups": groups,
            "ingress": _read(lambda: self.instances.ingress(own)) if own else {},
            "blocks": _read(lambda: self.instances.blocks(subnets)) if subnets else {},
        }

    def _asking(self, definition: Definition, vpc_ids: Collection[str]) -> Mapping[str, str]:
        """The VPCs, with their Regions, in which records are asked for: none without a record."""
        of_nodes = {each: self.region for each in vpc_ids if each}  # EC2 names none of an instance that is terminated
        of_clients = {vpc.vpc_id: vpc.region for vpc in definition.client_vpcs}
        return of_nodes | of_clients if definition.records else {}


def _names(record: Record, zone: HostedZone | Unread | None) -> tuple[str, ...]:
    """Under which names something may stand that matters."""
    above = names_below(zone, record.name) if isinstance(zone, HostedZone) else ()
    return tuple(dict.fromkeys((record.name, guard_name(record), *above)))


def _read(read: Callable[[], T]) -> T | Unread:
    """What was read, or why it could not be."""
    try:
        return read()
    except (UnreadableError, AddressUnreadableError) as fault:
        return Unread(str(fault))


def _unread(_: Callable[[], object]) -> Unread:
    log.warning("Route 53 not asked about readiness: it is crowded")
    return Unread(CROWDED)
