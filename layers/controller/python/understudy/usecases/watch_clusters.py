"""The watch: every minute, the backstop of everything that events should have done."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from understudy.domain.errors import LedgerConflictError
from understudy.domain.model import AddressStatus, ClusterState
from understudy.domain.situation import Observer
from understudy.domain.transition import address_in_sync
from understudy.ports import ChangeStatus, ClusterIndex, Parameters, ParameterText, StateLedger
from understudy.usecases.check_change import is_in_sync
from understudy.usecases.judging import Judge
from understudy.usecases.step import Clock

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WatchReport:
    """What one watch did: counts, and the faults that it met on the way (one never hides another)."""

    registered: int
    judged: int
    faults: tuple[Exception, ...]


def watch_clusters(
    *,
    ledger: StateLedger,
    index: ClusterIndex,
    parameters: Parameters,
    changes: ChangeStatus,
    register: Callable[[ParameterText], object],
    judge: Judge,
    clock: Clock,
) -> WatchReport:
    """Register what was put and not seen, judge every cluster by the clock, and follow changes that still propagate."""
    faults: list[Exception] = []
    registered = _each(_texts(parameters, faults), register, faults)
    states: list[ClusterState] = []
    _each(index.clusters(), lambda cluster: _gather(ledger, cluster, states), faults)
    now = int(clock())
    observer = _observer(ledger, states, now)
    judged = _each(states, lambda state: judge.judge(state, now, observer), faults)
    _each(states, lambda state: _follow(state, ledger, changes, clock), faults)
    return WatchReport(registered, judged, tuple(faults))


def _texts(parameters: Parameters, faults: list[Exception]) -> Iterable[ParameterText]:
    """The parameters as far as they can be read: clusters are judged even when Parameter Store is out of reach."""
    try:
        yield from parameters.cluster_texts()
    except Exception as fault:
        log.exception("parameters not read")
        faults.append(fault)


def _each(items: Iterable[T], work: Callable[[T], object], faults: list[Exception]) -> int:
    """Do the work for each item; a fault with one is logged and kept, and never hides the next."""
    done = 0
    for item in items:
        try:
            work(item)
            done += 1
        except Exception as fault:
            log.exception("watch: one item failed", extra={"item": str(item)[:200]})
            faults.append(fault)
    return done


def _gather(ledger: StateLedger, cluster: str, states: list[ClusterState]) -> None:
    state = ledger.read(cluster)
    if state is not None:
        states.append(state)


def _observer(ledger: StateLedger, states: list[ClusterState], now: int) -> Observer:
    """SUSPECT when no node of any cluster is heard: then it is the hearing that has failed (B3)."""
    for state in states:
        limit_s = ledger.definition(state.cluster, state.definition_version).policy.silence_limit_s
        if any(node.heard_at is not None and now - node.heard_at < limit_s for node in state.nodes.values()):
            return Observer.TRUSTED
    return Observer.SUSPECT


def _follow(state: ClusterState, ledger: StateLedger, changes: ChangeStatus, clock: Clock) -> None:
    """A change that outlasted its transition's polls: ask on until INSYNC, and close the matter in the history (S7)."""
    if state.transition is not None or state.address is None or state.address.status is not AddressStatus.PROPAGATING:
        return
    if is_in_sync(state.address, changes):
        history = {state.address.epoch: {"stages.in_sync_at": clock()}}
        try:
            ledger.commit(state, address_in_sync(state), history=history)
        except LedgerConflictError:
            log.info("change in sync, not noted: the state has changed; the next watch repeats it")
