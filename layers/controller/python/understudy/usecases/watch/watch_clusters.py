"""The watch: every minute, the backstop of everything that events should have done."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from math import inf

from understudy.domain.batching.group_commit import FOLLOWED_S
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.errors import LedgerConflictError, NewerFormatError
from understudy.domain.cluster.state import ClusterState
from understudy.domain.decide.situation import Observer
from understudy.domain.observe.peers import lacks_key
from understudy.domain.transition.phases import Span, durations_s
from understudy.domain.watch.gauges import Ailment
from understudy.domain.watch.rotation import rotated
from understudy.ports.announcer import Announcer
from understudy.ports.ledger import BeatLedger, ClusterIndex, StateLedger
from understudy.ports.measure import Measure, unmeasured
from understudy.ports.network import Network
from understudy.ports.nodes import Alarms, Nodes
from understudy.ports.parameters import Parameters, ParameterText
from understudy.ports.spread import Spread, one_by_one
from understudy.usecases.observe.judge import Judge
from understudy.usecases.register.cluster import RegisterOutcome
from understudy.usecases.step import Clock, tell
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.watch.alarms import check_alarms
from understudy.usecases.watch.drills import DrillMaster
from understudy.usecases.watch.fleet import FleetKeeper
from understudy.usecases.watch.network import check_network
from understudy.usecases.watch.no_standby import lone_now, tell_degraded
from understudy.usecases.watch.nodes import check_nodes
from understudy.usecases.watch.peers import are_news, tell_peers
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.run import JUDGE_LIMIT_S, LOOK_LIMIT_S, ROUTE53_LIMIT_S, Run
from understudy.usecases.watch.views import Ears, Gathering, View, groups, listen

STATE_TOO_NEW = "Understudy State Too New"
TEXTS_LIMIT = 1000
"""How many clusters' texts one watch reads, ten a call: Parameter Store answers an account 40 calls a second."""
NODES_LIMIT = 1000
"""How many clusters' nodes one watch compares with EC2: of all that it reads, EC2's answers are the longest by far."""
TELL_LIMIT = 200
"""Of how many clusters one watch tells that they have lost their standby, or have one again: an Availability Zone can
take the standbys of thousands at once, and each costs a write."""
RARE = (Ailment.DOUBTED,)
KEYS_LIMIT = 20
"""How many missing keys one watch makes: Parameter Store takes three parameters a second from an account."""
Cluster = tuple[ClusterState, Definition]
Check = Callable[[Sequence[Cluster]], dict[str, ClusterState]]
log = logging.getLogger(__name__)


def _unmended(cluster: str) -> None:
    """Make no key: where there is no Parameter Store."""


@dataclass(frozen=True)
class WatchReport:
    """What one watch did: counts, and the faults that it met on the way (one never hides another)."""

    registered: int
    judged: int
    faults: tuple[Exception, ...]


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
    mend_key: Callable[[str], object] = _unmended,
    replacing: Sequence[Callable[[list[Cluster]], object]] = (),
    measure: Measure = unmeasured,
    spread: Spread = one_by_one,
    keeper: FleetKeeper | None = None,
) -> WatchReport:
    """Judge every cluster, register what was put and not seen, follow pending changes, and check the records.

    The most urgent comes first, and figures last (B8). `replacing`: what is done for members that are replaced, one
    thing after the other; `spread`: for all but Route 53; `keeper`: who doubts silence.
    """
    run = Run(clock, clock(), spread)
    views = _gathered(run, index, Gathering(ledger, beats, nodes, clock), announcer)
    views = _compared(run, views, ledger, beats, nodes, alarms, network, announcer)
    ears = listen(views)
    views = keeper.attend(run, views, ears) if keeper else views
    judged = run.each("clusters to judge", views, lambda view: judge.judge(view.state, view.at, ears.observer(view)))
    run.each("drills", views, lambda view: drills.attend(view.state, view.definition, ears.observer(view)))
    views = _look_after(run, views, ears, ledger, announcer, mend_key)
    registered, put_off = _register(run, views, parameters, register, replacing)
    is_crowded = cache(lambda: clock() < ledger.stack_wide().crowded_until + FOLLOWED_S)
    _ask_route53(run, views, lambda view: _follow(view, ledger, follower, is_crowded, measure), monitor)
    measure({"Watches": 1, **_ailing(run, views, ears), "WatchFaults": len(run.faults), **put_off})
    return WatchReport(registered, judged, tuple(run.faults))


def _gathered(run: Run, index: ClusterIndex, gathering: Gathering, announcer: Announcer) -> list[View]:
    """Every cluster as it is, in an order that begins elsewhere in every minute. Those too new are told of."""
    names = rotated(sorted(index.clusters()), int(run.begun_at // 60))
    parts, found = list(groups(names)), dict[str, list[View | Exception]]()
    look = "groups of clusters to read"
    run.each(look, parts, lambda some: found.update({some[0]: gathering.gather(some)}), LOOK_LIMIT_S)
    in_order = [each for some in parts for each in found.get(some[0], ())]
    for each in in_order:
        if isinstance(each, Exception):
            run.keep(each)
    _tell_of_newer(run.faults, announcer)
    return [each for each in in_order if isinstance(each, View)]


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


def _compared(
    run: Run,
    views: list[View],
    ledger: StateLedger,
    beats: BeatLedger,
    nodes: Nodes,
    alarms: Alarms,
    network: Network,
    announcer: Announcer,
) -> list[View]:
    """The views with what EC2 and CloudWatch say of their nodes and addresses."""
    views = _checked(
        run, views, partial(check_nodes, nodes=nodes, beats=beats, announcer=announcer, clock=run.clock), NODES_LIMIT
    )
    views = _checked(run, views, partial(check_alarms, alarms=alarms, beats=beats))
    look = partial(check_network, network=network, ledger=ledger, announcer=announcer, clock=run.clock)
    return _checked(run, views, look)


def _checked(run: Run, views: list[View], check: Check, limit: int | None = None) -> list[View]:
    """The views with the states that a check of many clusters has changed. One that fails for a group changes none.

    With `limit` only the first of them are checked: a watch of another minute begins with others.
    """
    changed: dict[str, ClusterState] = {}
    run.each(
        "groups of clusters to check",
        list(groups(views[:limit])),
        lambda some: changed.update(check([(view.state, view.definition) for view in some])),
        LOOK_LIMIT_S,
    )
    return [replace(view, state=changed.get(view.state.cluster, view.state)) for view in views]


def _register(
    run: Run,
    views: Sequence[View],
    parameters: Parameters,
    register: Callable[[ParameterText], object],
    replacing: Sequence[Callable[[list[Cluster]], object]],
) -> tuple[int, dict[str, int]]:
    """Look after members that are replaced, and register the texts that are not those of the definitions in force: how
    many there were, and the gauge of those that cannot be judged yet, when there is any: a metric costs money.

    Each of these is read once more: a text that has waited since its page was read must not replace a newer one.
    """
    clusters = [(view.state, view.definition) for view in views]
    run.in_turn.each("members that are replaced", replacing, lambda look_after: look_after(clusters), JUDGE_LIMIT_S)
    outcomes: Counter[object] = Counter()

    def renew(text: ParameterText) -> None:
        newest = text if text.is_tuning else parameters.cluster_text(text.cluster)
        if newest is not None:
            outcomes[register(newest)] += 1

    in_force = {view.state.cluster: view.definition.digest for view in views}
    texts = run.while_time(_texts(run, parameters), JUDGE_LIMIT_S)
    unseen = (text for text in texts if in_force.get(text.cluster) != text.digest)
    seen = run.in_turn.each("texts", unseen, renew, inf)
    waiting = outcomes[RegisterOutcome.DEFERRED]
    return seen, {"DefinitionsPutOff": waiting} if waiting else {}


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


def _ask_route53(run: Run, views: Sequence[View], follow: Callable[[View], object], monitor: RecordMonitor) -> None:
    """What needs Route 53, one after the other. It has its own limit of time."""
    if not run.has_time(ROUTE53_LIMIT_S):
        run.miss(f"Route 53 was not asked: more than {ROUTE53_LIMIT_S} s had gone by")
        return
    run.in_turn.each("changes", views, follow, inf)
    clusters = [(view.state, view.definition) for view in views]
    run.in_turn.each("records", [clusters], monitor.check, inf)


def _ailing(run: Run, views: Sequence[View], ears: Ears) -> dict[str, int]:
    """How many clusters have which ailment. A RARE one is told of only when there is any: a metric costs money."""
    found: Counter[Ailment] = Counter()
    run.in_turn.each("ailments", views, lambda view: found.update(ears.ailments(view)), inf)
    return {str(each): found[each] for each in Ailment if found[each] or each not in RARE}


def _look_after(
    run: Run,
    views: Sequence[View],
    ears: Ears,
    ledger: StateLedger,
    announcer: Announcer,
    mend_key: Callable[[str], object],
) -> list[View]:
    """See to what is dangerous while all is well: nobody to take over, no promises between the nodes.

    The views with the states that this has changed: what comes after it in this watch is noted in these.
    """
    views = _tell_degraded(run, views, ears, ledger, announcer)
    return _see_to_peers(run, views, ears, ledger, announcer, mend_key)


def _tell_degraded(
    run: Run, views: Sequence[View], ears: Ears, ledger: StateLedger, announcer: Announcer
) -> list[View]:
    """Note and tell which clusters have lost their standby, so many in each watch: the rest can wait for a minute."""
    news: list[View] = []

    def look(view: View) -> None:
        if lone_now(view.state, view.definition, ears.observer(view), view.at) != view.state.lone:
            news.append(view)

    def tell_of(view: View) -> ClusterState:
        observer = ears.observer(view)
        return tell_degraded(view.state, view.definition, observer, view.at, ledger=ledger, announcer=announcer)

    run.in_turn.each("clusters to look after", views, look)
    return _told(run, "clusters to tell of", views, news, tell_of)


def _told(
    run: Run, what: str, views: Sequence[View], news: Sequence[View], tell_of: Callable[[View], ClusterState]
) -> list[View]:
    """Tell of some clusters, TELL_LIMIT at the most; the views with the states that this has changed."""
    after: dict[str, ClusterState] = {}
    run.each(what, news[:TELL_LIMIT], lambda view: after.update({view.state.cluster: tell_of(view)}))
    return [replace(view, state=after.get(view.state.cluster, view.state)) for view in views]


def _see_to_peers(
    run: Run,
    views: Sequence[View],
    ears: Ears,
    ledger: StateLedger,
    announcer: Announcer,
    mend_key: Callable[[str], object],
) -> list[View]:
    """Make keys that nodes say they lack, and tell of what would keep promises from being given (B13).

    Of clusters whose beats can be believed, so many in each watch: the rest can wait for a minute.
    """
    news: list[View] = []
    keyless: list[View] = []

    def look(view: View) -> None:
        if ears.observer(view) is not Observer.TRUSTED:
            return
        if lacks_key(view.state, view.definition, view.at):
            keyless.append(view)
        if are_news(view.state, view.definition, view.at):
            news.append(view)

    def tell_of(view: View) -> ClusterState:
        return tell_peers(view.state, view.definition, view.at, ledger=ledger, announcer=announcer)

    run.in_turn.each("clusters to look at for peers", views, look)
    run.in_turn.each("keys to make", keyless[:KEYS_LIMIT], lambda view: mend_key(view.state.cluster))
    return _told(run, "clusters to tell of peers", views, news, tell_of)


def _follow(
    view: View, ledger: StateLedger, follower: ChangeFollower, is_crowded: Callable[[], bool], measure: Measure
) -> None:
    """A change that outlasted its transition's polls: ask on until INSYNC, and close the matter in the history (S7)."""
    state = view.state
    if state.transition is not None or state.address is None or state.address.status is not AddressStatus.PROPAGATING:
        return
    followed = follower.follow(state, view.definition, is_crowded=is_crowded())
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
