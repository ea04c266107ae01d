"""The watch's look at routes and Elastic IPs: does each still lead to the active node?

Neither has a guard that would keep a late writer out. So this look is what bounds how long an address can lead to a
node that is not the active one.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.addresses import AddressChanged
from understudy.domain.transition.steps import address_owed
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.ports.network import ElasticIpReading, Network, RouteTable
from understudy.usecases.step import publish

log = logging.getLogger(__name__)


def check_network(
    views: Sequence[ClusterView],
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
    settled = [view for view in views if _is_to_be_compared(view)]
    table_ids = {table for view in settled for route in view.definition.routes for table in route.route_table_ids}
    allocation_ids = {each.allocation_id for view in settled for each in view.definition.elastic_ips}
    tables = network.route_tables(table_ids) if table_ids else {}
    elastic_ips = network.elastic_ips(allocation_ids) if allocation_ids else {}
    changed = {}
    for view in settled:
        state, found = view.state, _strays(view, tables, elastic_ips)
        if found:
            try:
                changed[state.cluster] = ledger.commit(state, address_owed(state, int(clock())))
            except LedgerConflictError:
                log.info("address changed, but not noted: the state has changed, too; the next watch repeats it")
                continue
            event = AddressChanged(cluster=state.cluster, epoch=state.epoch, addresses=found)
            log.warning("address changed", extra=event.detail())
            publish(announcer, event)
    return changed


def _is_to_be_compared(view: ClusterView) -> bool:
    state, definition = view.state, view.definition
    is_settled = state.transition is None and state.active is not None
    labels = [*(each.label for each in definition.routes), *(each.label for each in definition.elastic_ips)]
    return is_settled and any(_is_moved(state, label) for label in labels)


def _is_moved(state: ClusterState, label: str) -> bool:
    """Whether an address is known to have been moved. What is owed already is put right by the next repair."""
    return state.address is not None and state.address.status_of(label) is not AddressStatus.OWED


def _strays(
    view: ClusterView,
    tables: Mapping[str, RouteTable],
    elastic_ips: Mapping[str, ElasticIpReading],
) -> dict[str, str]:
    """What leads elsewhere, by its label, and where; an empty text for what leads nowhere."""
    state, definition = view.state, view.definition
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
