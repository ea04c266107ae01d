"""The ports of the movers as a rehearsal has them: they read the world, and only write down what would be written.

The movers themselves are the real ones: so the plan is what they would do, and no copy of it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from understudy.domain.batching.group_commit import Intent, Settled
from understudy.domain.cluster.definition import Record, ZoneKey
from understudy.domain.cluster.network import ElasticIpReading, RouteTable, RouteTarget
from understudy.domain.cluster.record import Change, RecordReading
from understudy.domain.transition.addresses import owed
from understudy.ports.readiness import NetworkReader
from understudy.ports.route53 import RecordReader

Writes = dict[str, list[str]]
"""What would be written, each write as one line, by what it is written to."""


class RehearsedZone:
    """Zone, but a batch is only written down in `writes`."""

    def __init__(self, reader: RecordReader, writes: Writes) -> None:
        self._reader = reader
        self._writes = writes

    def read(self, record: Record) -> RecordReading:
        """See RecordReader.read."""
        return self._reader.read(record)

    def submit(self, record: Record, batch: tuple[Change, ...], comment: str) -> str:
        """Write the batch down. There is no change, so its id is empty."""
        role = f" as {record.role_arn}" if record.role_arn else ""
        where = f"zone {record.hosted_zone_id}{role}, in one batch"
        self._writes.setdefault(where, []).extend(_line(change) for change in batch)
        return ""


class RehearsedGroup:
    """Group, but nothing is left in the queue: a rehearsal in a crowd says that the move would go with others."""

    def begin(self) -> None:
        """Tell nobody: whoever moves will find out."""

    def move(self, key: ZoneKey, intent: Intent, has_time: Callable[[], bool]) -> Settled:
        """That the records would be handed in with those of others."""
        why = "Route 53 is crowded: it would be handed in together with moves of other clusters"
        return Settled(tuple(owed(each.label, why, may_pass=True) for each in intent.records))


class RehearsedNetwork:
    """Network, but a write is only written down in `writes`, and shown by the readings that follow."""

    def __init__(self, reader: NetworkReader, writes: Writes) -> None:
        self._reader = reader
        self._writes = writes
        self._routes: dict[str, dict[str, RouteTarget]] = {}
        self._associations: dict[str, tuple[str, str]] = {}

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """The tables as they are, with the routes that would have been written."""
        tables = self._reader.route_tables(ids)
        return {
            table_id: replace(table, routes={**table.routes, **self._routes.get(table_id, {})})
            for table_id, table in tables.items()
        }

    def put_route(self, route_table_id: str, destination: str, interface_id: str, *, replaces: bool) -> None:
        """Write the route down."""
        verb = "ReplaceRoute" if replaces else "CreateRoute"
        self._writes.setdefault(f"route table {route_table_id}", []).append(f"{verb} {destination} to {interface_id}")
        self._routes.setdefault(route_table_id, {})[destination] = RouteTarget(interface_id)

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """The Elastic IPs as they are, with the associations that would have been made."""
        found = dict(self._reader.elastic_ips(ids))
        for allocation_id, (interface_id, private_ip) in self._associations.items():
            found[allocation_id] = replace(found[allocation_id], interface_id=interface_id, private_ip=private_ip)
        return found

    def associate(self, allocation_id: str, interface_id: str, private_ip: str) -> None:
        """Write the association down."""
        line = f"AssociateAddress to {interface_id}, {private_ip}"
        self._writes.setdefault(f"Elastic IP {allocation_id}", []).append(line)
        self._associations[allocation_id] = (interface_id, private_ip)


def _line(change: Change) -> str:
    each = change.record_set
    return f"{change.verb} {each.name} {each.type} TTL {each.ttl}: {', '.join(each.values)}"
