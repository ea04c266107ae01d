"""Tell people, while all is well, that the nodes of a cluster could not give each other promises."""

import logging
from dataclasses import replace

from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.nodes import PeersDegraded
from understudy.domain.observe.peers import digest_of, peer_faults
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import publish

log = logging.getLogger(__name__)


def are_news(view: ClusterView) -> bool:
    """Whether what is found differs from what people know. Nobody is told in a move, or while an operator works."""
    is_plain = view.state.transition is None and not (view.state.hold and view.state.hold.is_on(view.now))
    return is_plain and digest_of(peer_faults(view)) != view.state.peers


def tell_peers(view: ClusterView, *, ledger: StateLedger, announcer: Announcer) -> ClusterState:
    """Tell once of each change of what is found, and once when it is over. The state as it then is."""
    faults = peer_faults(view)
    try:
        after = ledger.commit(view.state, replace(view.state, peers=digest_of(faults)))
    except LedgerConflictError:
        log.info("not published: the state has changed; the next watch repeats it")
        return view.state
    event = PeersDegraded(cluster=view.state.cluster, epoch=view.state.epoch, faults=faults)
    log.warning("peers degraded" if faults else "peers no longer degraded", extra=event.detail())
    publish(announcer, event)
    return after
