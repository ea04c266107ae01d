"""Use cases that are joined from the parts that `wiring` builds, and build no client of their own."""

from functools import cache
from typing import TYPE_CHECKING

from understudy import wiring
from understudy.invocation import Gathered, count, measure
from understudy.ports import Spread
from understudy.ports.parameters import DefinitionReading, Parameters, ParameterText
from understudy.settings import settings
from understudy.usecases.judging import Judge

if TYPE_CHECKING:
    from understudy.adapters.route53_zone import Route53Zone
    from understudy.domain.definition import Definition
    from understudy.domain.model import ClusterState
    from understudy.domain.silence import Limits
    from understudy.domain.throughput import Purse
    from understudy.usecases.check_readiness import Inspector
    from understudy.usecases.check_records import RecordMonitor
    from understudy.usecases.doubting import Doubter
    from understudy.usecases.drills import DrillMaster
    from understudy.usecases.follow_changes import ChangeFollower
    from understudy.usecases.let_go import Releaser
    from understudy.usecases.movers import Mover
    from understudy.usecases.rehearse import Rehearser
    from understudy.usecases.route53_budget import Budget
    from understudy.usecases.watch_fleet import FleetKeeper

WATCH_THREADS = 10
"""How many calls of one service a watch makes at once: botocore keeps as many connections open for a client."""

WATCH_ALLOWANCE_S = 25
"""What one watch may spend on Route 53, waits included: its function ends after 55 s, and has more to do."""

BOARD_ALLOWANCE_S = 6
"""What one look at the board may spend on Route 53: somebody waits for it."""


def zone_for_a_watch() -> "Route53Zone":
    """Route 53 for one run of the watch: all that it does there together takes no longer than WATCH_ALLOWANCE_S."""
    return _zone_within(WATCH_ALLOWANCE_S)


def zone_for_a_board() -> "Route53Zone":
    """Route 53 for one look at the board, for no longer than BOARD_ALLOWANCE_S together."""
    return _zone_within(BOARD_ALLOWANCE_S)


def _zone_within(seconds: float) -> "Route53Zone":
    from understudy.adapters.polite_route53 import Allowance

    return wiring.zone().within(Allowance(seconds, wiring.steady))


def inspector() -> "Inspector":
    """Whoever checks readiness."""
    from understudy.usecases.check_readiness import Inspector

    return Inspector(
        gatherer=wiring.gatherer(),
        book=wiring.report_book(),
        announcer=wiring.announcer(),
        count=lambda faults: count("ReadinessFaults", faults),
    )


def rehearser() -> "Rehearser":
    """Whoever rehearses a move. Nothing that it is given can write to an address."""
    from understudy.usecases.rehearse import Rehearser

    return Rehearser(
        ledger=wiring.ledger(),
        gatherer=wiring.gatherer(),
        records=wiring.records(),
        announcer=wiring.announcer(),
        clock=wiring.clock,
    )


def drills() -> "DrillMaster":
    """Whoever looks after planned drills."""
    from understudy.usecases.drills import DrillMaster

    return DrillMaster(
        ledger=wiring.ledger(),
        book=wiring.drill_book(),
        reports=wiring.report_book(),
        launcher=wiring.launcher(),
        announcer=wiring.announcer(),
        clock=wiring.clock,
        count_over_budget=lambda: count("DrillsOverBudget"),
    )


def budget(purse: "Purse") -> "Budget":
    """What is paid for in a crowd, from one purse of the controller's share."""
    from understudy.usecases.route53_budget import Budget

    return Budget(wiring.shares(), purse, wiring.clock, settings().route53_percent / 100, measure)


def follower() -> "ChangeFollower":
    """Who asks what became of the changes of one cluster; in a crowd, for others as well."""
    from understudy.domain.throughput import Purse
    from understudy.usecases.follow_changes import ChangeFollower
    from understudy.usecases.shared_changes import SharedChanges

    zone = wiring.zone()
    shared = SharedChanges(zone, wiring.questions(), wiring.clock, budget(Purse.POLLS))
    return ChangeFollower(zone, shared, zone, wiring.clock, wiring.stack(), measure)


def follower_for_a_watch(zone: "Route53Zone") -> "ChangeFollower":
    """Who asks what became of the changes of all clusters, each change once; in a crowd, as the workflows do."""
    from understudy.domain.throughput import Purse
    from understudy.usecases.follow_changes import ChangeFollower
    from understudy.usecases.shared_changes import AskedOnce, SharedChanges

    shared = SharedChanges(zone, wiring.questions(), wiring.clock, budget(Purse.POLLS))
    return ChangeFollower(AskedOnce(zone), AskedOnce(shared), zone, wiring.clock, wiring.stack(), measure)


@cache
def movers() -> "tuple[Mover, ...]":
    """What moves addresses, one for each kind. Records come first: their guards stop a stale writer."""
    from understudy.domain.throughput import Purse
    from understudy.usecases.group_commit import GroupCommit
    from understudy.usecases.movers import RecordMover
    from understudy.usecases.network_movers import ElasticIpMover, RouteMover

    group = GroupCommit(wiring.zone(), wiring.queue(), wiring.clock, wiring.pause, wiring.stack(), budget(Purse.MOVES))
    return (RecordMover(wiring.zone(), group), RouteMover(wiring.network()), ElasticIpMover(wiring.network()))


@cache
def judge() -> Judge:
    """Decides and acts."""
    return Judge(wiring.ledger(), wiring.launcher(), wiring.announcer(), wiring.clock, measure)


def silence_limits() -> "Limits":
    """From where on silence of many is doubted."""
    from understudy.domain.silence import Limits

    told = settings()
    return Limits(told.silence_percent, told.silence_clusters, told.silence_moves)


@cache
def doubter() -> "Doubter":
    """Who weighs the silence that a move rests on."""
    from understudy.usecases.doubting import Doubter

    return Doubter(wiring.fleet(), silence_limits())


@cache
def keeper() -> "FleetKeeper":
    """Who keeps for a watch what moves on silence look at. It remembers what it has written."""
    from understudy.usecases.watch_fleet import FleetKeeper

    return FleetKeeper(wiring.fleet(), silence_limits(), wiring.ledger(), wiring.announcer())


@cache
def beat_figures() -> Gathered:
    """The figures of beats. Those of recorded ones wait for each other; a refused one is told at once."""
    from understudy.usecases.record_heartbeat import RECORDED

    return Gathered(wiring.clock, outcome=RECORDED)


@cache
def crew() -> Spread:
    """Does many things at once, WATCH_THREADS at most. Its threads live as long as the worker."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(WATCH_THREADS, "watch").map


@cache
def swept_parameters() -> Parameters:
    """The parameters for the watch: a watch goes on with the clusters' where the one before it ended."""
    from understudy.usecases.sweep import SweptParameters

    return SweptParameters(wiring.parameters())


def monitor(zone: "Route53Zone") -> "RecordMonitor":
    """The record monitor. Its waits count as time spent on Route 53."""
    from understudy.usecases.check_records import RecordMonitor

    return RecordMonitor(wiring.ledger(), zone, wiring.announcer(), wiring.clock, zone.pause, wiring.stack(), measure)


def read_definition(text: ParameterText, version: int) -> DefinitionReading:
    """See `understudy.definition.read_definition`. Imported when a definition has been put: nothing else needs it."""
    from understudy.definition import read_definition as read

    return read(text, version, wiring.nodes())


def register(text: ParameterText, zone: "Route53Zone | None" = None, *, anew: bool = False) -> str:
    """Register what a parameter says: the stack's tunables or a cluster's definition. `anew`: see Registrar.register.

    The metric Definitions counts what became of it; a text that is known already is not counted, each minute anew.
    """
    outcome = _register(text, zone, anew=anew)
    if outcome != "UNCHANGED":
        count("Definitions", outcome=outcome)
    return outcome


def mend_key(cluster: str) -> None:
    """Make the key of a cluster of which a node says that it has none."""
    from understudy.usecases.register_cluster import make_key

    make_key(cluster, wiring.keys())


@cache
def releaser() -> "Releaser":
    """Who lets instances go for which Auto Scaling groups wait."""
    from understudy.usecases.let_go import Releaser

    ledger = wiring.ledger()
    return Releaser(index=ledger, ledger=ledger, beats=ledger, scaling=wiring.scaling(), clock=wiring.clock)


def follow_tags(clusters: "list[tuple[ClusterState, Definition]]", zone: "Route53Zone | None" = None) -> None:
    """See `understudy.usecases.follow_tags`."""
    from understudy.usecases.follow_tags import follow_tags as follow

    def register_anew(cluster: str) -> str:
        """By its text as it stands, which means other instances by now; nothing when it was deleted."""
        text = wiring.parameters().cluster_text(cluster)
        return register(text, zone, anew=True) if text is not None else "DELETED"

    follow(clusters, nodes=wiring.nodes(), register_anew=register_anew)


def _register(text: ParameterText, zone: "Route53Zone | None", *, anew: bool) -> str:
    from understudy.usecases.register_cluster import Registrar
    from understudy.usecases.register_tuning import register_tuning

    if text.is_tuning:
        return register_tuning(text, registry=wiring.ledger(), announcer=wiring.announcer())
    zone = zone or wiring.zone()
    return Registrar(
        registry=wiring.ledger(),
        records=zone,
        zones=zone.readings(),
        network=wiring.network(),
        power=wiring.nodes().power,
        keys=wiring.keys(),
        read_definition=read_definition,
        announcer=wiring.announcer(),
        clock=wiring.clock,
        stack=wiring.stack(),
        may_stop=wiring.may_stop(),
    ).register(text, anew=anew)


def forget_text(cluster: str) -> None:
    """What was put last for a cluster is there no more."""
    wiring.ledger().forget_unaccepted(cluster)
