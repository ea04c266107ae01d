"""The watch: every minute, the backstop of everything that events should have done."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from math import inf
from typing import Any

from understudy.domain.batching.group_commit import FOLLOWED_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.errors import LedgerConflictError, NewerFormatError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer
from understudy.domain.events.definitions import StateTooNew
from understudy.domain.observe.peers import lacks_key
from understudy.domain.transition.phases import Span, durations_s
from understudy.domain.watch.gauges import HealthGauge
from understudy.domain.watch.rotation import rotated
from understudy.ports.announcer import Announcer
from understudy.ports.balancers import TargetHealth
from understudy.ports.ledger import BeatLedger, ClusterIndex, Read, StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.ports.network import Network
from understudy.ports.nodes import Alarms, Nodes
from understudy.ports.parameters import Parameters, ParameterText
from understudy.ports.spread import Spread, one_by_one
from understudy.usecases.observe.hold import change_hold
from understudy.usecases.observe.judge import Judge
from understudy.usecases.register.cluster import RegisterOutcome
from understudy.usecases.step import Clock, publish
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.watch.alarms import check_alarms
from understudy.usecases.watch.balancers import BalancerCheck, compare, is_to_be_compared, tell_balancers, uncompared
from understudy.usecases.watch.drills import DrillScheduler
from understudy.usecases.watch.fleet import FleetKeeper
from understudy.usecases.watch.network import check_network
from understudy.usecases.watch.no_standby import no_standby_now, tell_degraded
from understudy.usecases.watch.nodes import check_nodes
from understudy.usecases.watch.peers import are_news, tell_peers
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.run import JUDGE_LIMIT_S, LOOK_LIMIT_S, ROUTE53_LIMIT_S, Run
from understudy.usecases.watch.views import Gathering, ObserverConfidence, groups, observer_confidence

TEXTS_LIMIT = 1000
"""How many clusters' texts one watch reads, ten a call: Parameter Store answers an account 40 calls a second."""
NODES_LIMIT = 1000
"""How many clusters' nodes one watch compares with EC2: of all that it reads, EC2's answers are the longest by far."""
TELL_LIMIT = 200
"""Of how many clusters one watch tells that they have lost their standby, or have one again: an Availability Zone can
take the standbys of thousands at once, and each costs a write."""
BALANCERS_LIMIT = 300
"""Of how many clusters one watch asks for target health: each target group costs a call."""
RARE = (HealthGauge.DOUBTED,)
KEYS_LIMIT = 20
"""How many missing keys one watch makes: Parameter Store takes three parameters a second from an account."""
Check = Callable[[Sequence[ClusterView]], dict[str, ClusterState]]
Replacing = Callable[[list[Read]], object]
log = logging.getLogger(__name__)


def _no_key_to_restore(cluster: str) -> None:
    """Make no key: where there is no Parameter Store."""


@dataclass(frozen=True)
class WatchReport:
    """What one watch did: counts, and the faults that it met on the way (one never hides another)."""

    registered: int
    judged: int
    faults: tuple[Exception, ...]


@dataclass(frozen=True, kw_only=True)
class ClusterWatch:
    """All that one watch looks at and works with.

    `replacing`: what is done for members that are replaced, one thing after the other; `spread`: for all but Route 53;
    `keeper`: who doubts silence.
    """

    ledger: StateLedger
    beats: BeatLedger
    nodes: Nodes
    alarms: Alarms
    index: ClusterIndex
    parameters: Parameters
    follower: ChangeFollower
    network: Network
    announcer: Announcer
    register: Callable[[ParameterText], object]
    judge: Judge
    drills: DrillScheduler
    monitor: RecordMonitor
    clock: Clock
    restore_key: Callable[[str], object] = _no_key_to_restore
    replacing: Sequence[Replacing] = ()
    measure: Measure = unmeasured
    spread: Spread = one_by_one
    keeper: FleetKeeper | None = None
    balancers: TargetHealth | None = None

    def run(self) -> WatchReport:
        """Judge every cluster, register what was submitted and not seen, follow pending changes, and check the records.

        The most urgent comes first, and figures last.
        """
        run = Run(self.clock, self.clock(), self.spread)
        views = self._compared(run, self._gathered(run))
        ears = observer_confidence(views)
        views = self.keeper.attend(run, views, ears) if self.keeper else views
        judged = run.each(
            "clusters to judge", views, lambda view: self.judge.judge(view.state, view.now, ears.observer(view))
        )
        run.each("drills", views, lambda view: self.drills.attend(view, ears.observer(view)))
        views = self._tell_degraded(run, self._end_holds(run, views), ears)
        views = self._see_to_peers(run, views, ears)
        views = self._see_to_balancers(run, views)
        registered, put_off = self._register(run, views)
        self._ask_route53(run, views)
        self.measure({"Watches": 1, **_ailing(run, views, ears), "WatchFaults": len(run.faults), **put_off})
        return WatchReport(registered, judged, tuple(run.faults))

    def _gathered(self, run: Run) -> list[ClusterView]:
        """Every cluster as it is, in an order that begins elsewhere in every minute. Those too new are told of."""
        gathering = Gathering(self.ledger, self.beats, self.nodes, self.clock)
        names = rotated(sorted(self.index.clusters()), int(run.begun_at // 60))
        parts, found = list(groups(names)), dict[str, list[ClusterView | Exception]]()
        look = "groups of clusters to read"
        run.each(look, parts, lambda some: found.update({some[0]: gathering.gather(some)}), LOOK_LIMIT_S)
        in_order = [each for some in parts for each in found.get(some[0], ())]
        for each in in_order:
            if isinstance(each, Exception):
                run.keep(each)
        _tell_of_newer(run.faults, self.announcer)
        return [each for each in in_order if isinstance(each, ClusterView)]

    def _compared(self, run: Run, views: list[ClusterView]) -> list[ClusterView]:
        """The views with what EC2 and CloudWatch say of their nodes and addresses."""
        told: Any = {"announcer": self.announcer, "clock": run.clock}
        look_at_nodes = partial(check_nodes, nodes=self.nodes, beats=self.beats, **told)
        views = _checked(run, views, look_at_nodes, NODES_LIMIT)
        views = _checked(run, views, partial(check_alarms, alarms=self.alarms, beats=self.beats))
        return _checked(run, views, partial(check_network, network=self.network, ledger=self.ledger, **told))

    def _end_holds(self, run: Run, views: Sequence[ClusterView]) -> list[ClusterView]:
        """The views without the holds whose end has come: from that moment on nothing has obeyed them."""
        over = [view for view in views if view.state.hold is not None and not view.state.hold.is_on(view.now)]

        def resume(view: ClusterView) -> ClusterState:
            try:
                return change_hold(view.state, None, "the hold is over", view.now, self.ledger, self.announcer)
            except LedgerConflictError:
                log.info("hold not ended: the state has changed; the next watch repeats it")
                return view.state

        return _changed(run, "holds to end", views, over, resume)

    def _tell_degraded(self, run: Run, views: Sequence[ClusterView], ears: ObserverConfidence) -> list[ClusterView]:
        """Note and tell which clusters have lost their standby, so many in each watch; the rest wait for a minute."""
        news: list[ClusterView] = []

        def look(view: ClusterView) -> None:
            if no_standby_now(view, ears.observer(view)) != view.state.lone:
                news.append(view)

        def tell_of(view: ClusterView) -> ClusterState:
            return tell_degraded(view, ears.observer(view), ledger=self.ledger, announcer=self.announcer)

        run.in_turn.each("clusters to look after", views, look)
        return _changed(run, "clusters to publish", views, news, tell_of)

    def _see_to_peers(self, run: Run, views: Sequence[ClusterView], ears: ObserverConfidence) -> list[ClusterView]:
        """Make keys that nodes say they lack, and tell of what would keep promises from being given.

        Of clusters whose beats can be believed, so many in each watch: the rest can wait for a minute.
        """
        news: list[ClusterView] = []
        keyless: list[ClusterView] = []

        def look(view: ClusterView) -> None:
            if ears.observer(view) is not Observer.TRUSTED:
                return
            if lacks_key(view):
                keyless.append(view)
            if are_news(view):
                news.append(view)

        def tell_of(view: ClusterView) -> ClusterState:
            return tell_peers(view, ledger=self.ledger, announcer=self.announcer)

        run.in_turn.each("clusters to look at for peers", views, look)
        run.in_turn.each("keys to make", keyless[:KEYS_LIMIT], lambda view: self.restore_key(view.state.cluster))
        return _changed(run, "clusters whose peers are to be published", views, news, tell_of)

    def _see_to_balancers(self, run: Run, views: Sequence[ClusterView]) -> list[ClusterView]:
        """Tell of load balancers that do not follow the lease. A watch of another minute begins with other clusters."""
        health, found = self.balancers, dict[str, BalancerCheck]()
        if health is None:
            return list(views)

        def look(view: ClusterView) -> None:
            found[view.state.cluster] = compare(view, health)

        def tell_of(view: ClusterView) -> ClusterState:
            return tell_balancers(view, found[view.state.cluster], ledger=self.ledger, announcer=self.announcer)

        asked = [view for view in views if is_to_be_compared(view)]
        run.each("load balancers to ask for", asked[:BALANCERS_LIMIT], look)
        found.update({view.state.cluster: over for view in views if (over := uncompared(view))})
        checks = [(view, found.get(view.state.cluster)) for view in views]
        news = [view for view, check in checks if check and check.after != view.state.mismatch]
        return _changed(run, "load balancers to tell of", views, news, tell_of)

    def _register(self, run: Run, views: Sequence[ClusterView]) -> tuple[int, dict[str, int]]:
        """Look after members that are replaced, and register the texts that are not those of the definitions in force.

        How many there were, and the gauge of those that cannot be judged yet, when there is any: a metric costs money.
        Each text is read once more: one that has waited since its page was read must not replace a newer one.
        """
        clusters = [(view.state, view.definition) for view in views]
        run.in_turn.each(
            "members that are replaced", self.replacing, lambda look_after: look_after(clusters), JUDGE_LIMIT_S
        )
        outcomes: Counter[object] = Counter()

        def renew(text: ParameterText) -> None:
            newest = text if text.is_tuning else self.parameters.cluster_text(text.cluster)
            if newest is not None:
                outcomes[self.register(newest)] += 1

        in_force = {view.state.cluster: view.definition.digest for view in views}
        texts = run.while_time(_texts(run, self.parameters), JUDGE_LIMIT_S)
        unseen = (text for text in texts if in_force.get(text.cluster) != text.digest)
        seen = run.in_turn.each("texts", unseen, renew, inf)
        waiting = outcomes[RegisterOutcome.DEFERRED]
        return seen, {"DefinitionsPutOff": waiting} if waiting else {}

    def _ask_route53(self, run: Run, views: Sequence[ClusterView]) -> None:
        """What needs Route 53, one after the other. It has its own limit of time."""
        if not run.has_time(ROUTE53_LIMIT_S):
            run.miss(f"Route 53 was not asked: more than {ROUTE53_LIMIT_S} s had gone by")
            return
        is_crowded = cache(lambda: self.clock() < self.ledger.stack_wide().crowded_until + FOLLOWED_S)
        run.in_turn.each("changes", views, lambda view: self._follow(view, is_crowded), inf)
        run.in_turn.each("records", [views], self.monitor.check, inf)

    def _follow(self, view: ClusterView, is_crowded: Callable[[], bool]) -> None:
        """A change that outlasted its transition's polls: ask on until INSYNC, and close it in the history."""
        state = view.state
        if (
            state.transition is not None
            or state.address is None
            or state.address.status is not AddressStatus.PROPAGATING
        ):
            return
        followed = self.follower.follow(state, view.definition, is_crowded=is_crowded())
        if followed.state == state:
            return
        try:
            self.ledger.commit(state, followed.state, history={state.address.epoch: followed.facts})
        except LedgerConflictError:
            log.info("change followed, but not noted: the state has changed; the next watch repeats it")
            return
        took_s = (
            durations_s(self.ledger.history(state.cluster, state.address.epoch))
            if "stages.in_sync_at" in followed.facts
            else {}
        )
        if Span.CONFIRMING in took_s:
            self.measure({"PhaseSeconds": took_s[Span.CONFIRMING]}, phase=str(Span.CONFIRMING))


def _tell_of_newer(faults: Iterable[Exception], announcer: Announcer) -> None:
    """Clusters that a newer stack has written are not looked after: in every watch, one event for all of them.

    It cannot be noted in the state that it was told: that is just what may not be written.
    """
    newer = [fault for fault in faults if isinstance(fault, NewerFormatError)]
    if newer:
        names = sorted({fault.cluster for fault in newer})
        event = StateTooNew(clusters=names, format=max(fault.found for fault in newer), known=newer[0].known)
        log.error("states of a newer format: nothing is done for these clusters", extra=event.detail())
        publish(announcer, event)


def _checked(run: Run, views: list[ClusterView], check: Check, limit: int | None = None) -> list[ClusterView]:
    """The views with the states that a check of many clusters has changed. One that fails for a group changes none.

    With `limit` only the first of them are checked: a watch of another minute begins with others.
    """
    changed: dict[str, ClusterState] = {}
    run.each(
        "groups of clusters to check",
        list(groups(views[:limit])),
        lambda some: changed.update(check(some)),
        LOOK_LIMIT_S,
    )
    return [replace(view, state=changed.get(view.state.cluster, view.state)) for view in views]


def _texts(run: Run, parameters: Parameters) -> Iterable[ParameterText]:
    """The parameters as far as they can be read: clusters are judged even when Parameter Store is out of reach."""
    for read in (
        lambda: filter(None, [parameters.tuning_text()]),
        lambda: islice(parameters.cluster_texts(), TEXTS_LIMIT),
    ):
        try:
            yield from read()
        except Exception as fault:
            run.keep(fault, "parameters")


def _changed(
    run: Run,
    what: str,
    views: Sequence[ClusterView],
    news: Sequence[ClusterView],
    change: Callable[[ClusterView], ClusterState],
) -> list[ClusterView]:
    """The views with the states that this makes of some, TELL_LIMIT of them at the most."""
    after: dict[str, ClusterState] = {}
    run.each(what, news[:TELL_LIMIT], lambda view: after.update({view.state.cluster: change(view)}))
    return [replace(view, state=after.get(view.state.cluster, view.state)) for view in views]


def _ailing(run: Run, views: Sequence[ClusterView], ears: ObserverConfidence) -> dict[str, int]:
    """How many clusters have which ailment. A RARE one is told of only when there is any: a metric costs money."""
    found: Counter[HealthGauge] = Counter()
    run.in_turn.each("ailments", views, lambda view: found.update(ears.health_gauges(view)), inf)
    return {str(each): found[each] for each in HealthGauge if found[each] or each not in RARE}
