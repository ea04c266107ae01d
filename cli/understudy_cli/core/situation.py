"""How a cluster stands, in one sentence, with the exit status that says the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from understudy_cli.core import exits
from understudy_cli.core.cluster import (
    FAILED,
    GONE,
    IN_SERVICE,
    NOT_FIT,
    OWED,
    READY,
    SILENT,
    STANDBY,
    Cluster,
    Move,
    Node,
)
from understudy_cli.core.lines import BAD, GOOD, WARN
from understudy_cli.core.times import ago, duration, when

TONES = {exits.DONE: GOOD, exits.DEGRADED: BAD, exits.WAITS: WARN, exits.NOT_KNOWN: WARN}


@dataclass(frozen=True)
class Situation:
    """What is to be said first of a cluster, and what else speaks against it."""

    exit: int
    sentence: str
    matters: tuple[str, ...]

    @property
    def tone(self) -> str:
        """How it looks."""
        return TONES[self.exit]


def situation_of(cluster: Cluster, zone: tzinfo | None = None) -> Situation:
    """Whether the service is served, by whom, and what a person should know beside that."""
    serving, sentence = _served(cluster)
    bad = _matters(cluster, zone)
    if cluster.question:
        return Situation(exits.WAITS, sentence, (_asked(cluster, zone), *bad))
    if serving == exits.DONE and bad:
        serving = exits.DEGRADED
    return Situation(serving, sentence, bad)


def _served(cluster: Cluster) -> tuple[int, str]:
    node = cluster.holder
    if cluster.move and (node is None or node.service != IN_SERVICE):
        return exits.DEGRADED, _under_way(cluster.move, cluster.read_at)
    if node is None:
        return exits.DEGRADED, _nobody(cluster)
    if node.health == SILENT or node.heard_s_ago is None:
        return exits.NOT_KNOWN, f"not known: {node.name} holds the lease and is not heard ({_heard(node)})"
    if node.health == GONE:
        return exits.DEGRADED, f"not served: {node.name} holds the lease, and EC2 says that it is off or stopping"
    if node.health == FAILED or node.service != IN_SERVICE:
        says = node.service or "nothing"
        return exits.DEGRADED, f"not served: {node.name} holds the lease, and says {says}"
    if node.health != READY:
        return exits.NOT_KNOWN, f"in service on {node.name} by its own word, which is not as defined"
    rest = f"; {_under_way(cluster.move, cluster.read_at)}" if cluster.move else ""
    return exits.DONE, f"in service on {node.name}{rest}"


def _under_way(move: Move, now: float) -> str:
    words = f"{move.action or 'move'} to {move.target or 'a node not known'} under way: {move.stage or 'not known'}"
    return words if move.opened_at is None else f"{words}, since {duration(now - move.opened_at)}"


def _nobody(cluster: Cluster) -> str:
    if cluster.previous and not cluster.proof:
        return f"nobody holds the lease, and {cluster.previous} may still serve: nothing proves that it has stopped"
    return "not served: nobody holds the lease"


def _heard(node: Node) -> str:
    return "never heard" if node.heard_s_ago is None else f"last {ago(0, node.heard_s_ago)}"


def _matters(cluster: Cluster, zone: tzinfo | None) -> tuple[str, ...]:
    now, found = cluster.read_at, []
    if cluster.alert:
        found.append(f"a person was called: {cluster.alert} (docs/on-call.md has a section of this name)")
    if cluster.address == OWED:
        found.append("the address is owed: clients may go to another node")
    if cluster.no_standby_since is not None:
        found.append(f"nobody could take over, since {when(cluster.no_standby_since, now, zone)}")
    else:
        found += _without_standby(cluster)
    if cluster.doubted_since is not None:
        found.append(f"a failover is put off because many are silent, since {when(cluster.doubted_since, now, zone)}")
    return tuple(found)


def _without_standby(cluster: Cluster) -> list[str]:
    """That no other node could take over, as far as the table says so by itself."""
    others = cluster.standbys
    if not others:
        unfit = " and ".join(each.name for each in cluster.nodes if NOT_FIT in each.notes and each.role == STANDBY)
        return [f"no other node could take over: {unfit} {NOT_FIT}" if unfit else "no standby is READY"]
    if any(not each.failed_start for each in others):
        return []
    failed = " and ".join(each.name for each in others)
    clear = f"understudy clear {cluster.name} {others[0].name}"
    return [f"the service did not start on {failed}, and nobody else could take over; when that is repaired: {clear}"]


def _asked(cluster: Cluster, zone: tzinfo | None) -> str:
    question = cluster.question
    until = question.until if question else None
    limit = "" if until is None else f" until {when(until, cluster.read_at, zone)}"
    action = question.action if question else ""
    return f"a person is asked whether a {action or 'move'} may begin{limit}: understudy approve {cluster.name}"


def held(cluster: Cluster, zone: tzinfo | None = None) -> str:
    """The hold in words, empty without one."""
    hold = cluster.hold
    if hold is None:
        return ""
    end = "until it is resumed" if hold.until is None else f"until {when(hold.until, cluster.read_at, zone)}"
    return f"held {end}" + (f": {hold.reason}" if hold.reason else "")
