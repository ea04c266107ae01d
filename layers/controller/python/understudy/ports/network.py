"""What the use cases need of EC2's network: routes and Elastic IP addresses that lead to the active node."""

from collections.abc import Collection, Mapping
from typing import Protocol

from understudy.domain.cluster.network import ElasticIpReading, RouteTable, RouteTarget

__all__ = ["ElasticIpReading", "Network", "RouteTable", "RouteTarget"]


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
