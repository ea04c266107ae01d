"""What a fault does to a crowd when it begins and when it ends. A kind that is not here only blows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.plan import Fault
from tests.support.builders import NODE_A, NODE_B, NODE_C
from understudy.domain.cluster.record import GUARD_PREFIX
from understudy.domain.cluster.state import TransitionAction

if TYPE_CHECKING:
    from tests.simulation.crowd import Crowd

CLAIMED = "another's guard"
Deed = Callable[["Crowd", Fault], None]


def _cluster(crowd: Crowd, fault: Fault) -> tuple[int, str]:
    number = fault.node % len(crowd.names)
    return number, crowd.names[number]


def _refuse(code: str) -> Deed:
    def deed(crowd: Crowd, fault: Fault) -> None:
        number, cluster = _cluster(crowd, fault)
        if cluster not in crowd.barred:
            crowd.route53.denied |= {record.name: code for record in crowd.records(number)}
            crowd.checks.rejected(cluster, code)

    return deed


def _allow(code: str) -> Deed:
    def deed(crowd: Crowd, fault: Fault) -> None:
        number, cluster = _cluster(crowd, fault)
        for record in crowd.records(number) if cluster not in crowd.barred else ():
            if crowd.route53.denied.get(record.name) == code:
                del crowd.route53.denied[record.name]
        if cluster not in crowd.barred:
            crowd.checks.no_longer_guilty(cluster, code)

    return deed


def _bar(crowd: Crowd, fault: Fault) -> None:
    _refuse("AccessDenied")(crowd, fault)
    crowd.barred.add(_cluster(crowd, fault)[1])


def _supersede(crowd: Crowd, fault: Fault) -> None:
    """Somebody wants the cluster elsewhere: the execution that runs goes on, under an epoch that is none any more."""
    _, cluster = _cluster(crowd, fault)
    if crowd.ledger.state(cluster).epoch > 1:
        target = (NODE_A, NODE_B, NODE_C)[fault.pick % 3]
        crowd.open_next(cluster, target, TransitionAction.SWITCHOVER)


def _write_guard(crowd: Crowd, number: int, text: str, ttl: int = 10) -> None:
    record = crowd.records(number)[0]
    crowd.story.tell("somebody", f"writes the guard of {record.name}: {text}")
    crowd.checks.is_touched(record.name)
    crowd.route53.model.put(record.hosted_zone_id, GUARD_PREFIX + record.name, "TXT", text, ttl)


def _guard_text(crowd: Crowd, number: int, cluster: str = "", ahead: int = 0) -> str:
    there = crowd.route53.guard_of(crowd.records(number)[0].name)
    cluster, epoch = cluster or there.cluster, there.epoch + ahead
    return f'"understudy stack=understudy cluster={cluster} epoch={epoch} node={there.node}"'


def _claim(crowd: Crowd, fault: Fault) -> None:
    """Another cluster of another stack says that the record is its own. The epoch stays: it is put back as it was."""
    number, cluster = _cluster(crowd, fault)
    if crowd.route53.guard_of(crowd.records(number)[0].name).cluster == cluster:
        _write_guard(crowd, number, _guard_text(crowd, number, "somebody-elses"))
        crowd.checks.rejected(cluster, CLAIMED)


def _give_back(crowd: Crowd, fault: Fault) -> None:
    number, cluster = _cluster(crowd, fault)
    if crowd.route53.guard_of(crowd.records(number)[0].name).cluster != cluster:
        _write_guard(crowd, number, _guard_text(crowd, number, cluster))
    crowd.checks.no_longer_guilty(cluster, CLAIMED)


def _run_ahead(crowd: Crowd, fault: Fault) -> None:
    """The table has lost moves: the guard carries an epoch that nobody knows."""
    number, _ = _cluster(crowd, fault)
    _write_guard(crowd, number, _guard_text(crowd, number, ahead=1 + fault.pick % 3))


def _touch(crowd: Crowd, fault: Fault) -> None:
    """Somebody writes the same guard with another TTL: what was planned does not match any more."""
    number, _ = _cluster(crowd, fault)
    _write_guard(crowd, number, _guard_text(crowd, number), ttl=20 + fault.pick)


BEGINS: dict[str, Deed] = {
    "access_denied": _refuse("AccessDenied"),
    "batch_refused": _refuse("InvalidChangeBatch"),
    "denied_for_good": _bar,
    "superseded": _supersede,
    "guard_of_another": _claim,
    "guard_ahead": _run_ahead,
    "guard_touched": _touch,
}
ENDS: dict[str, Deed] = {
    "access_denied": _allow("AccessDenied"),
    "batch_refused": _allow("InvalidChangeBatch"),
    "guard_of_another": _give_back,
}
