"""Tell people, while all is well, that the nodes of a cluster could not give each other promises (B13)."""

import logging
from dataclasses import replace

from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.observe.peers import digest_of, peer_faults
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import tell

PEERS_DEGRADED = "Understudy Peers Degraded"
log = logging.getLogger(__name__)


def are_news(state: ClusterState, definition: Definition, now: int) -> bool:
    """Whether what is found differs from what people know. Nobody is told in a move, or while an operator works."""
    is_plain = state.transition is None and not (state.hold and state.hold.is_on(now))
    return is_plain and digest_of(peer_faults(state, definition, now)) != state.peers


def tell_peers(
    state: ClusterState, definition: Definition, now: int, *, ledger: StateLedger, announcer: Announcer
) -> ClusterState:
    """Tell once of each change of what is found, and once when it is over. The state as it then is."""
    faults = peer_faults(state, definition, now)
    try:
        after = ledger.commit(state, replace(state, peers=digest_of(faults)))
    except LedgerConflictError:
        log.info("not told: the state has changed; the next watch repeats it")
        return state
    detail = {"cluster": state.cluster, "epoch": state.epoch, "faults": faults}
    log.warning("peers degraded" if faults else "peers degraded no more", extra=detail)
    tell(announcer, PEERS_DEGRADED, detail)
    return after
