"""The movers of routes and Elastic IPs, and that of load balancers, which has nothing to move.

EC2 has no conditional write. What keeps a stale writer out is the look at the epoch just before each write; what finds
one that was late all the same is the look after the last; what puts it right is the newer epoch's own REPAIR, and the
watch. See docs/adr/0016.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Route
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError, ZoneBusyError
from understudy.domain.transition.addresses import Moved, owed
from understudy.ports.network import ElasticIpReading, Network, RouteTable
from understudy.usecases.transition.record_mover import NO_TIME, MoveTask, OvertakenError

NOT_READ_BACK = "EC2 took the change, but does not show it yet"


class RouteMover:
    """Routes in VPC route tables. One that leads to the node in some tables only is owed until it does in all."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def move(self, task: MoveTask) -> Sequence[Moved]:
        """See Mover.move."""
        routes = task.definition.routes
        ids = {table for route in routes for table in route.route_table_ids}
        if not routes:
            return []
        if not task.has_time():
            return [owed(each.label, NO_TIME, may_pass=True) for each in routes]
        writer = _Writer(task)
        try:
            tables = self._network.route_tables(ids)
            moved = [self._move(route, tables, task, writer) for route in routes]
            if writer.has_written:
                tables = self._network.route_tables(ids)
                moved = [_read_back(each, _leads(each, routes, tables, task)) for each in moved]
        except AddressUnreadableError as fault:
            moved = [owed(each.label, fault, may_pass=True) for each in routes]
        writer.confirm()
        return moved

    def _move(self, route: Route, tables: Mapping[str, RouteTable], task: MoveTask, writer: "_Writer") -> Moved:
        faults = []
        is_new = may_pass = False
        for table_id in route.route_table_ids:
            table = tables.get(table_id)
            if table is None:
                faults.append(f"EC2 knows no route table {table_id}")
                continue
            there = table.routes.get(route.destination)
            if there is not None and there.target == task.node.interface_id:
                continue
            put = partial(self._network.put_route, table_id, route.destination, task.node.interface_id)
            fault = writer.write(partial(put, replaces=there is not None))
            is_new = is_new or fault is None
            if fault is not None:
                faults.append(str(fault))
                may_pass = may_pass or not isinstance(fault, ChangeRefusedError)
        if faults:
            return owed(route.label, "; ".join(faults), may_pass=may_pass)
        return Moved(route.label, AddressStatus.IN_SYNC, is_new=is_new)


class ElasticIpMover:
    """Elastic IPs, each associated with the node's primary interface and its primary private address."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def move(self, task: MoveTask) -> Sequence[Moved]:
        """See Mover.move."""
        ids = [each.allocation_id for each in task.definition.elastic_ips]
        if not ids:
            return []
        if not task.has_time():
            return [owed(each, NO_TIME, may_pass=True) for each in ids]
        writer = _Writer(task)
        try:
            found = self._network.elastic_ips(ids)
            moved = [self._move(each, found, task, writer) for each in ids]
            if writer.has_written:
                found = self._network.elastic_ips(ids)
                moved = [_read_back(each, _holds(found.get(each.label), task)) for each in moved]
        except AddressUnreadableError as fault:
            moved = [owed(each, fault, may_pass=True) for each in ids]
        writer.confirm()
        return moved

    def _move(
        self, allocation_id: str, found: Mapping[str, ElasticIpReading], task: MoveTask, writer: "_Writer"
    ) -> Moved:
        if allocation_id not in found:
            return owed(allocation_id, f"EC2 knows no Elastic IP {allocation_id}")
        if _holds(found[allocation_id], task):
            return Moved(allocation_id, AddressStatus.IN_SYNC, is_new=False)
        node = task.node
        fault = writer.write(lambda: self._network.associate(allocation_id, node.interface_id, node.address))
        if fault is not None:
            return owed(allocation_id, fault, may_pass=not isinstance(fault, ChangeRefusedError))
        return Moved(allocation_id, AddressStatus.IN_SYNC)


class LoadBalancerMover:
    """Load balancers. Nothing is written: they ask the nodes, and take the one that says that it serves."""

    def move(self, task: MoveTask) -> Sequence[Moved]:
        """See Mover.move."""
        return [Moved(each.label, AddressStatus.IN_SYNC, is_new=False) for each in task.definition.load_balancers]


class _Writer:
    """Writes while the epoch is ours, and remembers whether anything may have been written."""

    def __init__(self, task: MoveTask) -> None:
        self._task = task
        self.has_written = False

    def write(self, call: Callable[[], None]) -> Exception | None:
        """Look at the epoch, then call at once. The fault, None when EC2 took it. Raises OvertakenError."""
        if not self._task.has_time():
            return ZoneBusyError(NO_TIME)
        self._demand_epoch("before a write")
        self.has_written = True  # also when it fails: an answer that was lost may have been a yes
        try:
            call()
        except (ZoneBusyError, ChangeRefusedError) as fault:
            return fault
        return None

    def confirm(self) -> None:
        """Look once more after the last write: had somebody newer come meanwhile, a write of ours may be on top."""
        if self.has_written:
            self._demand_epoch("after a write")

    def _demand_epoch(self, when: str) -> None:
        if not self._task.is_current():
            raise OvertakenError(f"epoch {self._task.epoch} has been superseded {when}", has_written=self.has_written)


def _leads(moved: Moved, routes: Collection[Route], tables: Mapping[str, RouteTable], task: MoveTask) -> bool:
    route = next(each for each in routes if each.label == moved.label)
    interface_id = task.node.interface_id
    return all(
        table in tables and (there := tables[table].routes.get(route.destination)) and there.target == interface_id
        for table in route.route_table_ids
    )


def _holds(found: ElasticIpReading | None, task: MoveTask) -> bool:
    return found is not None and (found.interface_id, found.private_ip) == (task.node.interface_id, task.node.address)


def _read_back(moved: Moved, is_there: bool) -> Moved:
    if moved.status is AddressStatus.OWED or is_there:
        return moved
    return owed(moved.label, NOT_READ_BACK, may_pass=True)
