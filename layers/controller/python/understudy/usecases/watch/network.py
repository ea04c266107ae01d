"""The watch's look at routes and Elastic IPs: does each still lead to the active node (S14, S15)?

Neither has a guard that would keep a late writer out. So this look is what bounds how long an address can lead to a
node that is not the active one.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.transition.steps import address_owed
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.ports.network import ElasticIpReading, Network, RouteTable
from understudy.usecases.step import tell

ADDRESS_CHANGED = "Understudy Address Changed"
Cluster = tuple[ClusterState, Definition]
log = logging.getLogger(__name__)


def check_network(
    clusters: Sequence[Cluster],
    *,
    network: Network,
    ledger: StateLedger,
    announcer: Announcer,
    clock: Callable[[], float],
) -> dict[str, ClusterState]:
    """Compare the routes and Elastic IPs of every settled cluster with its active node; the states that this changed.

    One question for the tables of all clusters, and one for their Elastic IPs; none when there are none. What leads
    elsewhere is owed from now on, so that the cluster's next evaluation repairs it. Raises AddressUnreadableError when
    EC2 cannot be read: unknown is no difference.
    """
    settled = [each for each in clusters if _is_to_be_compared(*each)]
    table_ids = {table for _, each in settled for route in each.routes for table in route.route_table_ids}
    allocation_ids = {each.allocation_id for _, definition in settled for each in definition.elastic_ips}
    tables = network.route_tables(table_ids) if table_ids else {}
    elastic_ips = network.elastic_ips(allocation_ids) if allocation_ids else {}
    changed = {}
    for state, definition in settled:
        found = _strays(state, definition, tables, elastic_ips)
        if found:
            try:
                changed[state.cluster] = ledger.commit(state, address_owed(state, int(clock())))
            except LedgerConflictError:
                log.info("address changed, not noted: so has the state; the next watch repeats it")
                continue
            detail = {"cluster": state.cluster, "epoch": state.epoch, "addresses": found}
            log.warning("address changed", extra=detail)
            tell(announcer, ADDRESS_CHANGED, detail)
    return changed


def _is_to_be_compared(state: ClusterState, definition: Definition) -> bool:
    is_settled = state.transition is None and state.active is not None
    labels = [*(each.label for each in definition.routes), *(each.label for each in definition.elastic_ips)]
    return is_settled and any(_is_moved(state, label) for label in labels)


def _is_moved(state: ClusterState, label: str) -> bool:
    """Whether an address is known to have been moved. What is owed already is put right by the next repair."""
    return state.address is not None and state.address.status_of(label) is not AddressStatus.OWED


def _strays(
    state: ClusterState,
    definition: Definition,
    tables: Mapping[str, RouteTable],
    elastic_ips: Mapping[str, ElasticIpReading],
) -> dict[str, str]:
    """What leads elsewhere, by its label, and where; an empty text for what leads nowhere."""
    node = definition.node(state.active or "")
    wanted = node.interface_id if node else ""
    found = {
        f"{route.label} in {table_id}": there.target if there else ""
        for route in definition.routes
        if _is_moved(state, route.label)
        for table_id in route.route_table_ids
        for there in [tables[table_id].routes.get(route.destination) if table_id in tables else None]
    }
    for each in (each for each in definition.elastic_ips if _is_moved(state, each.label)):
        reading = elastic_ips.get(each.allocation_id)
        found[each.label] = reading.interface_id if reading else ""
    return {label: target for label, target in found.items() if target != wanted}
