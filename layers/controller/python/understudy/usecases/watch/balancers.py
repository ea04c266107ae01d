"""The watch's look at load balancers: is the node that holds the lease the one that they take for healthy?

Nothing is written to them: they follow the nodes' own word. What differs for longer than probing explains is told.
"""

import logging
from dataclasses import dataclass, replace

from understudy.domain.cluster.balancer import differences
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.mismatch import Mismatch, mismatch_after
from understudy.domain.cluster.state import ClusterState, ServiceStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.addresses import LoadBalancerDiffers
from understudy.ports.announcer import Announcer
from understudy.ports.balancers import TargetHealth
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import publish

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BalancerCheck:
    """What was found of one cluster: what differs, in words, and what is to be remembered."""

    faults: tuple[str, ...]
    after: Mismatch | None


def is_to_be_compared(view: ClusterView) -> bool:
    """Whether a cluster has a load balancer, and target health has something to agree with.

    In a move, in a hold, and while services start or are down, nobody can say what is right.
    """
    state = view.state
    report = state.nodes.get(state.active or "")
    is_plain = state.transition is None and not (state.hold and state.hold.is_on(view.now))
    is_served = report is not None and report.service is ServiceStatus.IN_SERVICE
    return bool(view.definition.load_balancers) and is_plain and is_served


def compare(view: ClusterView, health: TargetHealth) -> BalancerCheck:
    """Hold the health of every target of a cluster against its lease.

    Only where something differs it is asked how the targets are probed. Raises UnreadableError: unknown is no
    difference.
    """
    faults, explained_s = [], []
    for each in view.definition.load_balancers:
        found = [
            *differences(view.definition, view.state.active or "", each.label, health.targets(each.target_group_arn))
        ]
        if found:
            faults += found
            explained_s.append(health.probe(each.target_group_arn).explained_s)
    state, longest_s = view.state, max(explained_s, default=None)
    return BalancerCheck(tuple(faults), mismatch_after(state.mismatch, view.now, state.epoch, longest_s))


def uncompared(view: ClusterView) -> BalancerCheck | None:
    """What becomes of what was noted of a cluster that is not to be compared now; None: nothing.

    What nobody was told of is forgotten, and counts from anew. What was told stays until the load balancers agree, or
    the definition names none any more. A move is left alone: after it the epoch is another one.
    """
    before = view.state.mismatch
    if before is None or view.state.transition is not None or is_to_be_compared(view):
        return None
    return None if before.is_told and view.definition.load_balancers else BalancerCheck((), None)


def tell_balancers(
    view: ClusterView, found: BalancerCheck, *, ledger: StateLedger, announcer: Announcer
) -> ClusterState:
    """Note what was found, and tell it once when it lasts, and once when it is over. The state as it then is."""
    before, after = view.state.mismatch, found.after
    try:
        state = ledger.commit(view.state, replace(view.state, mismatch=after))
    except LedgerConflictError:
        log.info("not noted: the state has changed; the next watch repeats it")
        return view.state
    was_told, is_told = before is not None and before.is_told, after is not None and after.is_told
    if was_told != is_told:
        faults = found.faults if is_told else ()
        event = LoadBalancerDiffers(
            cluster=state.cluster, epoch=state.epoch, faults=faults, since=after.since if after and is_told else None
        )
        log.warning("load balancer differs" if faults else "load balancer no longer differs", extra=event.detail())
        publish(announcer, event)
    return state
