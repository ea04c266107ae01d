"""Where the addresses of a definition lead when it is put, and what stands in the way of moving them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from understudy.domain.cluster.definition import Definition, NodeSpec, Record, Role, Route
from understudy.domain.cluster.network import block_faults, elastic_ip_faults, table_faults
from understudy.domain.cluster.record import RecordReading, foreign_words, guard_epoch, is_foreign, read_guard
from understudy.ports.network import ElasticIpReading, Network, RouteTable
from understudy.ports.route53 import RecordReader


@dataclass(frozen=True)
class Survey:
    """What was found.

    `faults`: why the definition cannot be accepted. `holders`: the members (instance ids, best priority first) that an
    address leads to already, or that a guard names, and that may be serving. `epoch`: the highest that a guard
    carries, 0 without any. `strangers`: the names in this cluster's guards that are no member's that serves.
    """

    faults: tuple[str, ...]
    holders: tuple[str, ...]
    epoch: int
    strangers: tuple[str, ...] = ()


def survey_addresses(definition: Definition, records: RecordReader, network: Network, stack: str) -> Survey:
    """Read every address once. Raises AddressUnreadableError when one cannot be read: then nothing can be judged."""
    readings = {record: records.read(record) for record in definition.records}
    tables = _tables(definition, network)
    elastic_ips = _elastic_ips(definition, network)
    named = {each for record, reading in readings.items() for each in _named(definition, record, reading)}
    named |= {each.instance_id for reading in readings.values() if (each := _guarded(definition, reading))}
    interfaces = {*_targets(definition, tables), *(each.interface_id for each in elastic_ips.values())} - {""}
    return Survey(
        faults=(
            *_record_faults(definition, readings, stack),
            *_route_faults(definition, tables, stack),
            *_elastic_ip_faults(definition, elastic_ips, stack),
        ),
        holders=tuple(
            node.instance_id
            for node in definition.serving
            if node.instance_id in named or node.interface_id in interfaces
        ),
        epoch=max((guard_epoch(reading.guard) for reading in readings.values()), default=0),
        strangers=_strangers(definition, readings.values(), stack),
    )


def _tables(definition: Definition, network: Network) -> Mapping[str, RouteTable]:
    ids = {table for route in definition.routes for table in route.route_table_ids}
    return network.route_tables(ids) if ids else {}


def _elastic_ips(definition: Definition, network: Network) -> Mapping[str, ElasticIpReading]:
    ids = [each.allocation_id for each in definition.elastic_ips]
    return network.elastic_ips(ids) if ids else {}


def _named(definition: Definition, record: Record, reading: RecordReading) -> list[str]:
    values = reading.record.values if reading.record else ()
    return [node.instance_id for node in definition.nodes if definition.leads_to(node)[record.label] in values]


def _guarded(definition: Definition, reading: RecordReading) -> NodeSpec | None:
    """The member that moved the record's name last, in an earlier life of the table: it may be serving."""
    guard = read_guard(reading.guard)
    return definition.node_named(guard.node) if guard else None


def _strangers(definition: Definition, readings: Iterable[RecordReading], stack: str) -> tuple[str, ...]:
    own = (
        read_guard(each.guard)
        for each in readings
        if each.guard and not is_foreign(each.guard, stack, definition.cluster)
    )
    serving = {node.name for node in definition.serving}
    return tuple(sorted({guard.node for guard in own if guard and guard.node not in serving}))


def _targets(definition: Definition, tables: Mapping[str, RouteTable]) -> set[str]:
    return {
        there.target
        for route in definition.routes
        for table in tables.values()
        if (there := table.routes.get(route.destination))
    }


def _record_faults(definition: Definition, readings: Mapping[Record, RecordReading], stack: str) -> Iterator[str]:
    """A record that somebody else guards, or that names several nodes, is not taken over."""
    for record, reading in readings.items():
        if reading.guard and is_foreign(reading.guard, stack, definition.cluster):
            words = foreign_words(reading.guard, stack, definition.cluster)
            if read_guard(reading.guard):
                words = f"is protected by another cluster or stack already, says its guard {reading.guard.values[0]}"
            yield f"addresses: {record.label}: {words}"
        named = [definition.name_of(each) for each in _named(definition, record, reading)]
        for node in definition.nodes:
            if node.name in named and node.role is Role.WITNESS:
                yield f"addresses: {record.label}: leads to {node.name}, a witness, which never serves"
        if len(named) > 1:
            yield f"addresses: {record.label}: names several nodes ({', '.join(named)}); allowed: one"


def _route_faults(definition: Definition, tables: Mapping[str, RouteTable], stack: str) -> Iterator[str]:
    for route in definition.routes:
        for table_id in route.route_table_ids:
            path = f"addresses: {route.label}: {table_id}"
            if table_id in tables:
                yield from (f"{path} {fault}" for fault in _table_faults(definition, route, tables[table_id], stack))
            else:
                yield f"{path} is no route table that EC2 knows here"


def _table_faults(definition: Definition, route: Route, table: RouteTable, stack: str) -> Iterator[str]:
    yield from table_faults(definition, table, stack)
    yield from block_faults(route, table)
    there = table.routes.get(route.destination)
    if there is not None and there.is_live and there.target not in _interfaces(definition):
        yield f"leads to {there.target}, which is no member's that serves; allowed: no such route, or one to such a one"


def _elastic_ip_faults(definition: Definition, found: Mapping[str, ElasticIpReading], stack: str) -> Iterator[str]:
    for each in definition.elastic_ips:
        path, there = f"addresses: {each.label}:", found.get(each.allocation_id)
        if there is None:
            yield f"{path} is no Elastic IP that EC2 knows here"
            continue
        yield from (f"{path} {fault}" for fault in elastic_ip_faults(there, stack))
        if there.interface_id and there.interface_id not in _interfaces(definition):
            where = f"is associated with {there.interface_id}, which is no member's that serves"
            yield f"{path} {where}; disassociate it first"


def _interfaces(definition: Definition) -> set[str]:
    return {node.interface_id for node in definition.serving}
