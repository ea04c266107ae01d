"""What the use cases need of EC2's network: routes and Elastic IP addresses that lead to the active node (S14, S15)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class RouteTarget:
    """Where a route leads: the id of a network interface or of a gateway. `is_live`: EC2 does not call it blackhole."""

    target: str
    is_live: bool = True


@dataclass(frozen=True)
class RouteTable:
    """A route table as EC2 has it.

    `routes`: the target of each destination, a CIDR block. `local_blocks`: the CIDR blocks of its VPC. `stack`: its
    tag `understudy:stack`, without which the controller may not change it; empty when there is none.
    """

    vpc_id: str
    stack: str
    local_blocks: tuple[str, ...] = ()
    routes: Mapping[str, RouteTarget] = field(default_factory=dict)


@dataclass(frozen=True)
class ElasticIpReading:
    """An Elastic IP as EC2 has it. `interface_id` and `private_ip` are empty when it is associated with nothing."""

    public_ip: str
    stack: str
    interface_id: str = ""
    private_ip: str = ""


class Network(Protocol):
    """EC2's routes and Elastic IPs. None of these writes has a condition: who writes looks at the epoch just before."""

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """The tables of these ids that EC2 knows. Raises AddressUnreadableError when EC2 cannot be read."""
        ...

    def put_route(self, route_table_id: str, destination: str, interface_id: str, *, replaces: bool) -> None:
        """Let a route lead to an interface; `replaces`: there is a route to this destination already.

        Raises ZoneBusyError when trying again may help, also when the route has come or gone in between, and when no
        answer came: then it may have been written all the same. Raises ChangeRefusedError for anything else.
        """
        ...

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """The Elastic IPs of these allocation ids that EC2 knows. Raises AddressUnreadableError."""
        ...

    def associate(self, allocation_id: str, interface_id: str, private_ip: str) -> None:
        """Associate an Elastic IP with an interface's private address, wherever it is now. Raises as put_route."""
        ...
