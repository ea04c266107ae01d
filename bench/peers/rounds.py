"""One fault after the other: what clients saw of it, and whether two served at once."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.peers.contender import Contender, Fault
from bench.peers.ground import in_background
from local.waiting import wait_for
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import SPAN_GAP_S

FREEZE_S = 30.0
STEADY_S = 5.0
AT_LEAST_S = {Fault.FREEZE: FREEZE_S + STEADY_S}
SERVED_LIMIT_S = 240.0
LOSS_PERCENT, LOSS_S = 20, 600.0


@dataclass(frozen=True)
class Round:
    """`outage_s`: of each client. `doubled`: answers of a second node meanwhile.

    `lost`: writes that were acknowledged, and are not there afterwards.
    """

    contender: str
    fault: str
    outage_s: dict[str, float]
    doubled: int
    moved: bool
    lost: int


@dataclass(frozen=True)
class Loss:
    """What became of a cluster while packets were lost. `moves`: how often another node began to serve."""

    contender: str
    moves: int
    outage_s: dict[str, float]
    doubled: int
    lost: int


def endure(contender: Contender, fault: Fault) -> Round:
    """Wait until all is well, do it, wait until every client is served again, and set all to rights."""
    contender.settle()
    active = contender.wait_ready()
    at = boottime_s()
    _do(contender, fault, active)
    _wait_served(contender, fault, active, at)
    moved = contender.active() is not active
    found = Round(contender.name, fault, gaps(contender, at), doubled(contender, at), moved, contender.lost())
    active.network.restore()
    if not active.is_on:
        contender.come_back(active)
    return found


def _do(contender: Contender, fault: Fault, active: Machine) -> None:
    done: dict[Fault, Callable[[], object]] = {
        Fault.POWER_CUT: lambda: _cut_power(contender, active),
        Fault.SERVICE_KILLED: lambda: contender.kill_service(active),
        Fault.NETWORK_CUT: lambda: active.network.cut(incoming=True, outgoing=True),
        Fault.FREEZE: lambda: _freeze(active),
        Fault.SWITCHOVER: lambda: contender.switch_over(active),
    }
    done[fault]()


def _cut_power(contender: Contender, active: Machine) -> None:
    active.cut_power()
    contender.lose(active)


def _freeze(active: Machine) -> None:
    boots = active.boots
    active.freeze()

    def thaw() -> None:
        time.sleep(FREEZE_S)
        with contextlib.suppress(OSError):  # its power was cut meanwhile
            if active.boots == boots:
                active.thaw()

    in_background(f"thaw {active.name}", thaw)


def _wait_served(contender: Contender, fault: Fault, active: Machine, at: float) -> None:
    end = at + AT_LEAST_S.get(fault, STEADY_S)

    def served() -> bool:
        if boottime_s() < end or not all(client.is_steady(STEADY_S) for client in contender.clients):
            return False
        with contextlib.suppress(LookupError):
            return fault is not Fault.SWITCHOVER or contender.active() is not active
        return False

    what = f"the clients of {contender.name} are served after: {fault}"
    wait_for(what, served, SERVED_LIMIT_S, interval_s=0.2, why=contender.tail)


def lose_packets(contender: Contender, seconds: float) -> Loss:
    """Of all its nodes, in both directions."""
    contender.settle()
    contender.wait_ready()
    at = boottime_s()
    for machine in contender.machines:
        machine.network.lose(LOSS_PERCENT)
    time.sleep(seconds)
    for machine in contender.machines:
        machine.network.restore()
    contender.wait_ready()
    return Loss(contender.name, moves(contender, at), gaps(contender, at), doubled(contender, at), contender.lost())


def gaps(contender: Contender, since: float) -> dict[str, float]:
    """The longest time without an answer, of each client."""
    return {client.name: round(client.longest_gap_s(since), 3) for client in contender.clients}


def moves(contender: Contender, since: float) -> int:
    """How often the newest answer was another node's than the one before."""
    times = sorted((at, name) for name, served in contender.served.items() for at in served() if at > since - 1)
    return sum(earlier[1] != later[1] for earlier, later in itertools.pairwise(times))


def doubled(contender: Contender, since: float) -> int:
    """How many answers a node gave while another one served: one that answered shortly before and shortly after.

    Of two that serve side by side, those of one of them count.
    """
    times = [[at for at in served() if at > since - 1] for served in contender.served.values()]
    return sum(max(_inside(one, other), _inside(other, one)) for one, other in itertools.combinations(times, 2))


def _inside(answers: list[float], other: list[float]) -> int:
    """How many of the answers lie within the other's spans, its single answers included."""
    spans = _spans(other)
    return sum(any(begin <= at <= end for begin, end in spans) for at in answers)


def _spans(times: list[float]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for at in times:
        if found and at - found[-1][1] <= SPAN_GAP_S:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found
