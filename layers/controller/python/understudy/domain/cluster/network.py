"""Routes and Elastic IPs as EC2 has them, and what must hold so that they can be moved."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from understudy.domain.cluster.definition import Definition, Route


@dataclass(frozen=True)
class RouteTarget:
    """Where a route leads: the id of a network interface or of a gateway. `is_live`: EC2 does not call it blackhole."""

    target: str
    is_live: bool = True


@dataclass(frozen=True)
class RouteTable:
    """A route table as EC2 has it.

    `routes`: the target of each destination, a CIDR block. `local_blocks`: the CIDR blocks of its VPC. `stack`: its
    tag `understudy:stack`, without which the controller may not change it; empty when there is none. `is_used`: a
    subnet or a gateway is associated with it, or it is its VPC's main table.
    """

    vpc_id: str
    stack: str
    local_blocks: tuple[str, ...] = ()
    routes: Mapping[str, RouteTarget] = field(default_factory=dict)
    is_used: bool = True


@dataclass(frozen=True)
class ElasticIpReading:
    """An Elastic IP as EC2 has it. `interface_id` and `private_ip` are empty when it is associated with nothing."""

    public_ip: str
    stack: str
    interface_id: str = ""
    private_ip: str = ""


def table_faults(definition: Definition, table: RouteTable, stack: str) -> Iterator[str]:
    """Why a route table is none that this stack could move a route in, for these nodes."""
    if table.stack != stack:
        yield f"has the tag understudy:stack {table.stack!r}; allowed: {stack!r}, else it may not be changed"
    blocks = [ip_network(block) for block in table.local_blocks]
    for node in definition.serving:
        if not any(ip_address(node.address) in block for block in blocks):
            yield f"is in another VPC than {node.name} ({node.address})"


def block_faults(route: Route, table: RouteTable) -> Iterator[str]:
    """Why EC2 would never send packets for the address by this route: it belongs to the VPC itself."""
    for block in table.local_blocks:
        if ip_network(block).overlaps(ip_network(route.destination)):
            yield f"is in a VPC of {block}; allowed: an address outside every CIDR block of the VPC"


def narrower(route: Route, table: RouteTable, own: Collection[str]) -> Iterator[str]:
    """The destinations of live routes in a table, but for `own`, that take packets of this route: the narrower wins."""
    whole = ip_network(route.destination)
    for destination, there in table.routes.items():
        if destination in own or destination == route.destination or not there.is_live:
            continue
        part = ip_network(destination)
        if part.version == whole.version and part.overlaps(whole) and part.prefixlen > whole.prefixlen:
            yield destination


def elastic_ip_faults(elastic_ip: ElasticIpReading, stack: str) -> Iterator[str]:
    """Why an Elastic IP is none that this stack could move."""
    if elastic_ip.stack != stack:
        yield f"has the tag understudy:stack {elastic_ip.stack!r}; allowed: {stack!r}, else it may not be moved"
