"""The addresses of a definition: from the document to the domain, and what they ask of each other and of the nodes."""

from collections.abc import Iterable, Iterator, Mapping

from understudy.definition.document import (
    AddressDocument,
    ClusterDocument,
    ElasticIpDocument,
    LoadBalancerDocument,
    RecordDocument,
    RouteDocument,
)
from understudy.domain.cluster.definition import ElasticIp, LoadBalancer, Record, Route
from understudy.ports.nodes import InstanceFacts

KINDS = ("route53_record", "route_table", "elastic_ip", "load_balancer")


def records_of(addresses: Iterable[AddressDocument]) -> tuple[Record, ...]:
    """The Route 53 records, in the order of the document."""
    return tuple(
        Record(each.hosted_zone_id, each.name.rstrip("."), each.type, each.role_arn, each.external_id)
        for each in addresses
        if isinstance(each, RecordDocument)
    )


def routes_of(document: ClusterDocument) -> tuple[Route, ...]:
    """The routes, in the order of the document."""
    return tuple(
        Route(each.address, each.route_table_ids) for each in document.addresses if isinstance(each, RouteDocument)
    )


def elastic_ips_of(document: ClusterDocument) -> tuple[ElasticIp, ...]:
    """The Elastic IPs, in the order of the document."""
    return tuple(ElasticIp(each.allocation_id) for each in document.addresses if isinstance(each, ElasticIpDocument))


def load_balancers_of(document: ClusterDocument) -> tuple[LoadBalancer, ...]:
    """The load balancers' target groups, in the order of the document."""
    return tuple(
        LoadBalancer(each.target_group_arn) for each in document.addresses if isinstance(each, LoadBalancerDocument)
    )


def contradicting_addresses(document: ClusterDocument) -> Iterator[str]:
    """An address said twice, and a zone that is to be reached in two ways, by the path of the later one."""
    seen: dict[str, int] = {}
    ways: dict[str, tuple[str, str]] = {}
    for position, each in enumerate(document.addresses):
        for what in _said(each):
            if what in seen:
                yield f"addresses[{position}]: found {what}, which addresses[{seen[what]}] has already"
            seen.setdefault(what, position)
        if isinstance(each, RecordDocument):
            way = (each.role_arn, each.external_id)
            if ways.setdefault(each.hosted_zone_id, way) != way:
                yield (
                    f"addresses[{position}].role_arn: found {each.role_arn!r}; allowed: the same role and external ID "
                    f"for all records of {each.hosted_zone_id}, which are written in one batch"
                )
            if each.external_id and not each.role_arn:
                yield f"addresses[{position}].external_id: found {each.external_id!r} without role_arn"


def unfit_nodes(document: ClusterDocument, instances: Mapping[str, InstanceFacts]) -> Iterator[str]:
    """Nodes that could not use one of the addresses, by what EC2 says of those that are given.

    A witness uses none.
    """
    serving = [
        (position, node)
        for position, node in enumerate(document.nodes)
        if node.role == "serving" and node.known_id in instances
    ]
    wants_v6 = any(isinstance(each, RecordDocument) and each.type == "AAAA" for each in document.addresses)
    has_routes = any(isinstance(each, RouteDocument) for each in document.addresses)
    for position, node in serving:
        found = instances[node.known_id]
        path = f"nodes[{position}].instance_id: {node.known_id}"
        if wants_v6 and not found.address_v6:
            yield f"{path} has no IPv6 address on its primary network interface, and an address is of type AAAA"
        if has_routes and found.checks_source_dest:
            yield (
                f"{path} has the source/destination check on, which drops what a route brings for another address; "
                "turn it off on the primary network interface"
            )
    networks = sorted({instances[node.known_id].vpc_id for _, node in serving})
    if has_routes and len(networks) > 1:
        yield f"nodes: are in {', '.join(networks)}; allowed with a route_table address: nodes in one VPC"


def _said(address: AddressDocument) -> list[str]:
    if isinstance(address, RecordDocument):
        return [f"{address.name.rstrip('.')} {address.type} in {address.hosted_zone_id}"]
    if isinstance(address, RouteDocument):
        return [address.address, *(f"{address.address} in {table}" for table in address.route_table_ids)]
    if isinstance(address, LoadBalancerDocument):
        return [address.target_group_arn]
    return [address.allocation_id]
