"""The watch: every minute, the backstop of everything that events should have done."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from understudy.domain.definition import Policy
from understudy.domain.errors import LedgerConflictError
from understudy.domain.model import AddressStatus, ClusterState
from understudy.domain.situation import observer_by_clock
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
    clusters: list[tuple[ClusterState, Policy]] = []
    _each(index.clusters(), lambda name: clusters.extend(_gather(ledger, name)), faults)
    now = int(clock())
    observer = observer_by_clock(clusters, now)
    judged = _each(clusters, lambda found: judge.judge(found[0], now, observer), faults)
    _each(clusters, lambda found: _follow(found[0], ledger, changes, clock), faults)
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


def _gather(ledger: StateLedger, cluster: str) -> list[tuple[ClusterState, Policy]]:
    """The state and policy of one cluster; nothing when it is registered no more."""
    state = ledger.read(cluster)
    return [(state, ledger.definition(cluster, state.definition_version).policy)] if state else []


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
