"""EC2's routes and Elastic IPs in memory: every write is done, whoever writes."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError, ZoneBusyError
from understudy.ports.network import ElasticIpReading, RouteTable, RouteTarget


class FakeNetwork(Faulty):
    """Route tables and Elastic IPs by id. While `is_down`, EC2 cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, RouteTable] = {}
        self.addresses: dict[str, ElasticIpReading] = {}
        self.is_down = False

    def add_table(self, table_id: str, *blocks: str, stack: str = "understudy") -> None:
        """Let EC2 know a route table of a VPC of these blocks."""
        local = {block: RouteTarget("local") for block in blocks or ("10.0.0.0/16",)}
        self.tables[table_id] = RouteTable("vpc-1", stack, tuple(local), local)

    def add_elastic_ip(self, allocation_id: str, stack: str = "understudy") -> None:
        """Let EC2 know an Elastic IP that is associated with nothing."""
        self.addresses[allocation_id] = ElasticIpReading("203.0.113.10", stack)

    def lead(self, table_id: str, destination: str, target: str, *, is_live: bool = True) -> None:
        """Let a route lead somewhere, whoever wants that."""
        table = self.tables[table_id]
        self.tables[table_id] = replace(table, routes={**table.routes, destination: RouteTarget(target, is_live)})

    def target(self, table_id: str, destination: str) -> str | None:
        """Where a route leads; None when there is none."""
        there = self.tables[table_id].routes.get(destination)
        return there.target if there else None

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """As Network.route_tables."""
        with self._called("route_tables"):
            self._demand_life()
            return {each: self.tables[each] for each in ids if each in self.tables}

    def put_route(self, route_table_id: str, destination: str, interface_id: str, *, replaces: bool) -> None:
        """As Network.put_route."""
        with self._called("put_route"):
            if route_table_id not in self.tables:
                raise ChangeRefusedError(f"EC2 knows no route table {route_table_id}")
            if replaces != (destination in self.tables[route_table_id].routes):
                raise ZoneBusyError(f"{destination} in {route_table_id} has come or gone")
            self.lead(route_table_id, destination, interface_id)

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """As Network.elastic_ips."""
        with self._called("elastic_ips"):
            self._demand_life()
            return {each: self.addresses[each] for each in ids if each in self.addresses}

    def associate(self, allocation_id: str, interface_id: str, private_ip: str) -> None:
        """As Network.associate."""
        with self._called("associate"):
            if allocation_id not in self.addresses:
                raise ChangeRefusedError(f"EC2 knows no Elastic IP {allocation_id}")
            self.addresses[allocation_id] = replace(
                self.addresses[allocation_id], interface_id=interface_id, private_ip=private_ip
            )

    def _demand_life(self) -> None:
        if self.is_down:
            raise AddressUnreadableError("EC2 is down")
