"""The watch: every minute, the backstop of everything that events should have done."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from understudy.domain.ailments import Ailment, ailments
from understudy.domain.definition import Definition
from understudy.domain.errors import LedgerConflictError, NewerFormatError
from understudy.domain.model import ClusterState, PowerReading
from understudy.domain.phases import Span, durations_s
from understudy.domain.policy import Policy
from understudy.domain.signal import PowerSignal
from understudy.domain.situation import Observer, is_heard_now, observer_of_all
from understudy.network_ports import Network
from understudy.node_ports import Alarms, Nodes
from understudy.parameter_ports import Parameters, ParameterText
from understudy.ports import Announcer, BeatLedger, ClusterIndex, Measure, Refusal, StateLedger, unmeasured
from understudy.usecases.check_alarms import check_alarms
from understudy.usecases.check_network import check_network
from understudy.usecases.check_nodes import check_nodes
from understudy.usecases.check_records import RecordMonitor
from understudy.usecases.drills import DrillMaster
from understudy.usecases.follow_changes import ChangeFollower
from understudy.usecases.judging import Judge
from understudy.usecases.step import Clock, tell

STATE_TOO_NEW = "Understudy State Too New"
T = TypeVar("T")
Check = Callable[[Sequence[tuple[ClusterState, Definition]]], dict[str, ClusterState]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WatchReport:
    """What one watch did: counts, and the faults that it met on the way (one never hides another)."""

    registered: int
    judged: int
    faults: tuple[Exception, ...]


@dataclass(frozen=True)
class View:
    """A cluster as it was read `at` (seconds): each is judged by its own time, however long the watch takes."""

    state: ClusterState
    definition: Definition
    at: int

    @property
    def policy(self) -> Policy:
        """The timings in force."""
        return self.definition.policy


def watch_clusters(
    *,
    ledger: StateLedger,
    beats: BeatLedger,
    nodes: Nodes,
    alarms: Alarms,
    index: ClusterIndex,
    parameters: Parameters,
    follower: ChangeFollower,
    network: Network,
    announcer: Announcer,
    register: Callable[[ParameterText], object],
    judge: Judge,
    drills: DrillMaster,
    monitor: RecordMonitor,
    clock: Clock,
    measure: Measure = unmeasured,
) -> WatchReport:
    """Register what was put and not seen, judge every cluster, follow pending changes, and check the records.

    At its end it says so by the metric Watches, together with what ails the clusters (B8).
    """
    faults: list[Exception] = []
    registered = _each(_texts(parameters, faults), register, faults)
    views: list[View] = []
    _each(index.clusters(), lambda name: views.extend(_gather(name, ledger, beats, nodes, clock)), faults)
    _tell_of_newer(faults, announcer)
    views = _checked(views, lambda each: check_nodes(each, nodes=nodes, beats=beats, announcer=announcer), faults)
    views = _checked(views, lambda each: check_alarms(each, alarms=alarms, beats=beats), faults)
    views = _checked(
        views,
        lambda each: check_network(each, network=network, ledger=ledger, announcer=announcer, clock=clock),
        faults,
    )
    is_anyone_heard = any(is_heard_now(view.state, view.policy, view.at) for view in views)
    judged = _each(views, lambda view: judge.judge(view.state, view.at, _observer(view, is_anyone_heard)), faults)
    _each(
        views,
        lambda view: drills.attend(view.state, view.definition, _observer(view, is_anyone_heard)),
        faults,
    )
    _each(views, lambda view: _follow(view, ledger, follower, measure), faults)
    _each([[(view.state, view.definition) for view in views]], monitor.check, faults)
    found: Counter[Ailment] = Counter()
    _each(views, lambda view: found.update(_ailments(view, is_anyone_heard)), faults)
    gauges = {str(each): found[each] for each in Ailment}
    measure({"Watches": 1, "ClustersJudged": judged, "WatchFaults": len(faults), **gauges})
    return WatchReport(registered, judged, tuple(faults))


def _texts(parameters: Parameters, faults: list[Exception]) -> Iterable[ParameterText]:
    """The parameters as far as they can be read: clusters are judged even when Parameter Store is out of reach."""
    for read in (lambda: filter(None, [parameters.tuning_text()]), parameters.cluster_texts):
        try:
            yield from read()
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


def _gather(name: str, ledger: StateLedger, beats: BeatLedger, nodes: Nodes, clock: Clock) -> list[View]:
    """What the watch sees of one cluster; nothing when it is registered no more.

    A node that has no proof against it and no transition that would look for one: EC2 is asked, its event may be lost.
    """
    state = ledger.read(name)
    if state is not None and state.transition is None and state.previous is not None and state.previous.proof is None:
        power = nodes.power(state.previous.node)
        if power is not PowerReading.UNKNOWN:
            told = beats.record_signal(name, PowerSignal(state.previous.node, power, int(clock())))
            state = state if isinstance(told, Refusal) else told
    if state is None:
        return []
    return [View(state, ledger.definition(name, state.definition_version), int(clock()))]


def _tell_of_newer(faults: Iterable[Exception], announcer: Announcer) -> None:
    """Clusters that a newer stack has written are not looked after: in every watch, one event for all of them.

    It cannot be noted in the state that it was told: that is just what may not be written.
    """
    newer = [fault for fault in faults if isinstance(fault, NewerFormatError)]
    if newer:
        names = sorted({fault.cluster for fault in newer})
        told = {"clusters": names, "format": max(fault.found for fault in newer), "known": newer[0].known}
        log.error("states of a newer format: nothing is done for these clusters", extra=told)
        tell(announcer, STATE_TOO_NEW, told)


def _checked(views: list[View], check: Check, faults: list[Exception]) -> list[View]:
    """The views with the states that a check of all clusters has changed. A check that fails changes none."""
    try:
        changed = check([(view.state, view.definition) for view in views])
    except Exception as fault:
        log.exception("watch: a check of all clusters failed")
        faults.append(fault)
        return views
    return [replace(view, state=changed.get(view.state.cluster, view.state)) for view in views]


def _observer(view: View, is_anyone_heard: bool) -> Observer:
    return observer_of_all(view.state, view.policy, view.at, is_anyone_heard)


def _ailments(view: View, is_anyone_heard: bool) -> frozenset[Ailment]:
    return ailments(view.state, view.definition, view.at, _observer(view, is_anyone_heard))


def _follow(view: View, ledger: StateLedger, follower: ChangeFollower, measure: Measure) -> None:
    """A change that outlasted its transition's polls: ask on until INSYNC, and close the matter in the history (S7)."""
    state = view.state
    if state.transition is not None or state.address is None:
        return
    followed = follower.follow(state, view.definition)
    if followed.state == state:
        return
    try:
        ledger.commit(state, followed.state, history={state.address.epoch: followed.facts})
    except LedgerConflictError:
        log.info("change followed, not noted: the state has changed; the next watch repeats it")
        return
    took_s = (
        durations_s(ledger.history(state.cluster, state.address.epoch)) if "stages.in_sync_at" in followed.facts else {}
    )
    if Span.CONFIRMING in took_s:
        measure({"PhaseSeconds": took_s[Span.CONFIRMING]}, phase=str(Span.CONFIRMING))
