"""Use cases that are joined from the parts that `clients` builds, and build no client of their own."""

from functools import cache
from typing import TYPE_CHECKING

from understudy import clients
from understudy.invocation import Gathered, count, measure
from understudy.settings import settings
from understudy.usecases.observe.judge import Judge

if TYPE_CHECKING:
    from understudy.adapters.route53.zone import Route53Zone
    from understudy.domain.batching.rate_limits import Purpose
    from understudy.domain.cluster.definition import Definition
    from understudy.domain.cluster.state import ClusterState
    from understudy.domain.decide.silence import Limits
    from understudy.ports.parameters import DefinitionReading, Parameters, ParameterText
    from understudy.ports.spread import Spread
    from understudy.usecases.answer.check_readiness import ReadinessChecker
    from understudy.usecases.answer.rehearse import Rehearsals
    from understudy.usecases.batching.rate_budget import RateBudget
    from understudy.usecases.observe.doubting import Doubter
    from understudy.usecases.observe.let_go import Releaser
    from understudy.usecases.transition.follow_changes import ChangeFollower
    from understudy.usecases.transition.record_mover import Mover
    from understudy.usecases.watch.drills import DrillScheduler
    from understudy.usecases.watch.fleet import FleetKeeper
    from understudy.usecases.watch.records import RecordMonitor

WATCH_THREADS = 10
"""How many calls of one service a watch makes at once: botocore keeps as many connections open for a client."""

WATCH_ROUTE53_LIMIT_S = 25
"""What one watch may spend on Route 53, waits included: its function ends after 55 s, and has more to do."""

BOARD_ROUTE53_LIMIT_S = 6
"""What one look at the board may spend on Route 53: somebody waits for it."""


def zone_for_a_watch() -> "Route53Zone":
    """Route 53 for one run of the watch: all that it does there together takes no longer than WATCH_ROUTE53_LIMIT_S."""
    return _zone_within(WATCH_ROUTE53_LIMIT_S)


def zone_for_a_board() -> "Route53Zone":
    """Route 53 for one look at the board, for no longer than BOARD_ROUTE53_LIMIT_S together."""
    return _zone_within(BOARD_ROUTE53_LIMIT_S)


def _zone_within(seconds: float) -> "Route53Zone":
    from understudy.adapters.route53.retries import TimeLimit

    return clients.zone().within(TimeLimit(seconds, clients.steady))


def inspector() -> "ReadinessChecker":
    """Whoever checks readiness."""
    from understudy.usecases.answer.check_readiness import ReadinessChecker

    return ReadinessChecker(
        gatherer=clients.gatherer(),
        book=clients.report_book(),
        announcer=clients.announcer(),
        count=lambda faults: count("ReadinessFaults", faults),
    )


def rehearser() -> "Rehearsals":
    """Whoever rehearses a move. Nothing that it is given can write to an address."""
    from understudy.usecases.answer.rehearse import Rehearsals

    return Rehearsals(
        ledger=clients.ledger(),
        gatherer=clients.gatherer(),
        records=clients.records(),
        announcer=clients.announcer(),
        clock=clients.clock,
    )


def drills() -> "DrillScheduler":
    """Whoever looks after planned drills."""
    from understudy.usecases.watch.drills import DrillScheduler

    return DrillScheduler(
        ledger=clients.ledger(),
        book=clients.drill_book(),
        reports=clients.report_book(),
        launcher=clients.launcher(),
        announcer=clients.announcer(),
        clock=clients.clock,
        count_over_budget=lambda: count("DrillsOverBudget"),
    )


def budget(purpose: "Purpose") -> "RateBudget":
    """What requests of one purpose may use in a crowd."""
    from understudy.usecases.batching.rate_budget import RateBudget

    return RateBudget(clients.rate_budgets(), purpose, clients.clock, settings().route53_percent / 100, measure)


def follower() -> "ChangeFollower":
    """Who asks what became of the changes of one cluster; in a crowd, for others as well."""
    from understudy.domain.batching.rate_limits import Purpose
    from understudy.usecases.batching.shared_changes import SharedChanges
    from understudy.usecases.transition.follow_changes import ChangeFollower

    zone = clients.zone()
    shared = SharedChanges(zone, clients.questions(), clients.clock, budget(Purpose.POLLS))
    return ChangeFollower(zone, shared, zone, clients.clock, clients.stack(), measure)


def follower_for_a_watch(zone: "Route53Zone") -> "ChangeFollower":
    """Who asks what became of the changes of all clusters, each change once; in a crowd, as the workflows do."""
    from understudy.domain.batching.rate_limits import Purpose
    from understudy.usecases.batching.shared_changes import AskedOnce, SharedChanges
    from understudy.usecases.transition.follow_changes import ChangeFollower

    shared = SharedChanges(zone, clients.questions(), clients.clock, budget(Purpose.POLLS))
    return ChangeFollower(AskedOnce(zone), AskedOnce(shared), zone, clients.clock, clients.stack(), measure)


@cache
def movers() -> "tuple[Mover, ...]":
    """What moves addresses, one for each kind. Records come first: their guards stop a stale writer."""
    from understudy.domain.batching.rate_limits import Purpose
    from understudy.usecases.batching.group_commit import GroupCommit
    from understudy.usecases.transition.network_movers import ElasticIpMover, LoadBalancerMover, RouteMover
    from understudy.usecases.transition.record_mover import RecordMover

    group = GroupCommit(
        clients.zone(), clients.queue(), clients.clock, clients.pause, clients.stack(), budget(Purpose.MOVES)
    )
    network = clients.network()
    return (RecordMover(clients.zone(), group), RouteMover(network), ElasticIpMover(network), LoadBalancerMover())


@cache
def judge() -> Judge:
    """Decides and acts."""
    return Judge(clients.ledger(), clients.launcher(), clients.announcer(), clients.clock, measure)


def silence_limits() -> "Limits":
    """From where on silence of many is doubted."""
    from understudy.domain.decide.silence import Limits

    told = settings()
    return Limits(told.silence_percent, told.silence_clusters, told.silence_moves)


@cache
def doubter() -> "Doubter":
    """Who weighs the silence that a move rests on."""
    from understudy.usecases.observe.doubting import Doubter

    return Doubter(clients.fleet(), silence_limits())


@cache
def keeper() -> "FleetKeeper":
    """Who keeps for a watch what moves on silence look at. It remembers what it has written."""
    from understudy.usecases.watch.fleet import FleetKeeper

    return FleetKeeper(clients.fleet(), silence_limits(), clients.ledger(), clients.announcer())


@cache
def beat_figures() -> Gathered:
    """The figures of beats. Those of recorded ones wait for each other; a refused one is told at once."""
    from understudy.usecases.observe.record_heartbeat import RECORDED

    return Gathered(clients.clock, outcome=RECORDED)


@cache
def watch_threads() -> "Spread":
    """Do many things at once, WATCH_THREADS at most. The threads live as long as the worker."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(WATCH_THREADS, "watch").map


@cache
def parameter_listing() -> "Parameters":
    """The parameters for the watch: a watch goes on with the clusters' where the one before it ended."""
    from understudy.usecases.watch.parameter_listing import ParameterListing

    return ParameterListing(clients.parameters())


def monitor(zone: "Route53Zone") -> "RecordMonitor":
    """The record monitor. Its waits count as time spent on Route 53."""
    from understudy.usecases.watch.records import RecordMonitor

    return RecordMonitor(
        clients.ledger(), zone, clients.announcer(), clients.clock, zone.pause, clients.stack(), measure
    )


def read_definition(text: "ParameterText", version: int) -> "DefinitionReading":
    """See `understudy.definition.read_definition`. Imported when a definition has been put: nothing else needs it."""
    from understudy.definition import read_definition as read

    return read(text, version, clients.nodes())


def register(text: "ParameterText", zone: "Route53Zone | None" = None, *, anew: bool = False) -> str:
    """Register what a parameter says: the stack's tunables or a cluster's definition. `anew`: see Registrar.register.

    The metric Definitions counts what became of it; a text that is known already is not counted, each minute anew.
    """
    from understudy.usecases.register.cluster import RegisterOutcome

    outcome = _register(text, zone, anew=anew)
    if outcome is not RegisterOutcome.UNCHANGED:
        count("Definitions", outcome=outcome)
    return outcome


def restore_key(cluster: str) -> None:
    """Make the key of a cluster of which a node says that it has none."""
    from understudy.usecases.register.cluster import make_key

    make_key(cluster, clients.keys())


@cache
def releaser() -> "Releaser":
    """Who lets instances go for which Auto Scaling groups wait."""
    from understudy.usecases.observe.let_go import Releaser

    ledger = clients.ledger()
    return Releaser(index=ledger, ledger=ledger, beats=ledger, scaling=clients.scaling(), clock=clients.clock)


def follow_tags(clusters: "list[tuple[ClusterState, Definition]]", zone: "Route53Zone | None" = None) -> None:
    """See `understudy.usecases.register.follow_tags`."""
    from understudy.usecases.register.cluster import RegisterOutcome
    from understudy.usecases.register.follow_tags import follow_tags as follow

    def register_anew(cluster: str) -> str:
        """By its text as it stands, which means other instances by now; nothing when it was deleted."""
        text = clients.parameters().cluster_text(cluster)
        return register(text, zone, anew=True) if text is not None else RegisterOutcome.DELETED

    follow(clusters, nodes=clients.nodes(), register_anew=register_anew)


def _register(text: "ParameterText", zone: "Route53Zone | None", *, anew: bool) -> str:
    from understudy.usecases.register.cluster import Registrar
    from understudy.usecases.register.tuning import register_tuning

    if text.is_tuning:
        return register_tuning(text, registry=clients.ledger(), announcer=clients.announcer())
    zone = zone or clients.zone()
    return Registrar(
        registry=clients.ledger(),
        records=zone,
        zones=zone.readings(),
        network=clients.network(),
        power=clients.nodes().power,
        keys=clients.keys(),
        read_definition=read_definition,
        announcer=clients.announcer(),
        clock=clients.clock,
        stack=clients.stack(),
        may_stop=clients.may_stop(),
    ).register(text, anew=anew)


def forget_text(cluster: str) -> None:
    """The last submitted text of a cluster is gone."""
    clients.ledger().forget_unaccepted(cluster)
