"""How long a move will take the service out: by policy, and by what this cluster's past moves have measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.balancer import Probing
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.intervals import change_gaps_s
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, Proof, TransitionAction
from understudy.domain.lease.terms import STOP_S
from understudy.domain.transition.phases import between_s
from understudy.domain.transition.steps import STAGE_SLACK_S, TRY_LIMIT_S

Past = Sequence[Mapping[str, Any]]
"""History items of past moves. Their `stages` are seconds since the epoch."""

FROM_NODE_TO_NODE = (TransitionAction.FAILOVER, TransitionAction.SWITCHOVER, TransitionAction.FAILBACK)
"""What fences one node and starts the services of another. A placement may adopt what runs, a repair moves nothing."""
WATCH_S = 60
"""When nobody's beats drive the judging, the watch does: once a minute."""
SPREADING_S = 60
"""Within what Route 53 says that it usually spreads a change to its servers."""
STEP_S = 1
"""What one step of the workflow takes that has nothing to wait for, as a guess until it has been measured."""


@dataclass(frozen=True)
class PredictedPhase:
    """How long one part of a move takes (seconds). `measured`: in how many past moves; 0 when policy alone speaks.

    With measured ones `least_s` and `usual_s` (the median) are theirs, and `most_s` is the ceiling, or theirs if above.
    """

    name: str
    least_s: float
    usual_s: float
    most_s: float
    measured: int = 0

    @property
    def line(self) -> str:
        """For a person, on one line."""
        basis = f"measured {self.measured} times" if self.measured else "by policy"
        return f"{self.name}: {self.least_s:g} / {self.usual_s:g} / {self.most_s:g} s ({basis})"


@dataclass(frozen=True)
class Forecast:
    """The outage of one kind of move, phase by phase, until the service is in service again.

    `clients`: how much later clients that obey TTL have moved, from when the service is in service. None without a
    record. `balanced`: how much later those of the load balancer are served. None where none could be read.
    """

    action: TransitionAction
    phases: tuple[PredictedPhase, ...]
    clients: PredictedPhase | None
    balanced: PredictedPhase | None = None

    @property
    def total(self) -> PredictedPhase:
        """The phases together. Their usual times are added, which is an estimate; the other two are bounds."""
        least_s, usual_s, most_s = (
            round(sum(getattr(each, bound) for each in self.phases), 1) for bound in ("least_s", "usual_s", "most_s")
        )
        return PredictedPhase(self.action, least_s, usual_s, most_s, min(each.measured for each in self.phases))


def forecast(action: TransitionAction, definition: Definition, past: Past, probes: Sequence[Probing] = ()) -> Forecast:
    """What a switchover, or the failover of a node that falls silent, is going to take.

    `probes`: how the load balancers of the cluster ask the nodes.
    """
    is_failover = action is TransitionAction.FAILOVER
    moves = [story for story in past if story.get("action") in FROM_NODE_TO_NODE]
    starting = _known(_starting(definition), moves, "granted", "in_service")
    phases = (
        *(_noticing(definition, past) if is_failover else ()),
        _fencing(is_failover, definition, moves),
        _known(_moving(definition), past, "fenced", "granted"),
        starting,
    )
    clients = _clients(definition, past, starting) if definition.records else None
    return Forecast(action, phases, clients, _balanced(probes))


def measured_outage_s(story: Mapping[str, Any]) -> float | None:
    """How long a past move took the service out, from its opening to in service; None when it never came that far."""
    taken = _durations([story], "opened", "in_service")
    return taken[0] if taken else None


def _noticing(definition: Definition, past: Past) -> tuple[PredictedPhase, PredictedPhase]:
    """Nobody knows when a node died: how long noticing takes is never measured."""
    limit_s, beat_s = definition.policy.silence_limit_s, definition.policy.heartbeat_interval_s
    silence = PredictedPhase("noticing silence", limit_s - beat_s, limit_s, limit_s + WATCH_S)
    failovers = [story for story in past if story.get("action") == TransitionAction.FAILOVER]
    return silence, _known(PredictedPhase("opening", 0, STEP_S, STAGE_SLACK_S), failovers, "noticed", "opened")


def _fencing(is_failover: bool, definition: Definition, past: Past) -> PredictedPhase:
    policy = definition.policy
    usual_s: float
    if is_failover:
        usual_s = 0 if Proof.LEASE_EXPIRED in policy.fencing.accept else STOP_S
    elif Proof.RELEASED in policy.fencing.accept:
        usual_s = policy.lease_read_interval_s + policy.kill_limit_s + STEP_S
    else:
        usual_s = policy.lease_s + INGESTION_CUT_OFF_S + policy.drift_margin_s
    alike = [story for story in past if (story.get("action") == TransitionAction.FAILOVER) is is_failover]
    phase = PredictedPhase("fencing", 0, min(usual_s, policy.fencing.limit_s), policy.fencing.limit_s)
    return _known(phase, alike, "opened", "fenced")


def _moving(definition: Definition) -> PredictedPhase:
    tuning = definition.tuning
    tries = tuning.ROUTE53_RECORD_TRY_COUNT
    ceiling_s = tries * TRY_LIMIT_S + (tries - 1) * tuning.ROUTE53_RECORD_INTERVAL + STAGE_SLACK_S
    return PredictedPhase("moving the addresses, granting the lease", 0, 2 * STEP_S, ceiling_s)


def _starting(definition: Definition) -> PredictedPhase:
    policy = definition.policy
    return PredictedPhase("starting the services", 0, policy.heartbeat_interval_s, policy.service_start_limit_s)


def _clients(definition: Definition, past: Past, starting: PredictedPhase) -> PredictedPhase:
    """Route 53 spreads the change while the services start; then a resolver may keep the old answer for TTL."""
    ttl_s, ceiling_s = definition.tuning.ROUTE53_TTL, max(SPREADING_S, sum(change_gaps_s(definition.tuning)))
    spreading = _known(PredictedPhase("spreading", 0, SPREADING_S, ceiling_s), past, "accepted", "in_sync")
    return PredictedPhase(
        "clients that obey TTL, after that",
        max(0, spreading.least_s - starting.most_s),
        round(max(0, spreading.usual_s - starting.usual_s) + ttl_s / 2, 1),
        round(max(0, spreading.most_s - starting.least_s) + ttl_s, 1),
        spreading.measured,
    )


def _balanced(probes: Sequence[Probing]) -> PredictedPhase | None:
    """The slowest load balancer: its first good answer comes within an interval, and the others one interval apart."""
    if not probes:
        return None
    slowest = max(probes, key=lambda each: each.taken_in_s)
    least_s = slowest.taken_in_s - slowest.interval_s
    usual_s = least_s + slowest.interval_s / 2
    return PredictedPhase("clients of the load balancer, after that", least_s, usual_s, slowest.taken_in_s)


def _known(phase: PredictedPhase, past: Past, begin: str, end: str) -> PredictedPhase:
    """A phase by policy, with what past moves have measured between two of their stages."""
    taken = _durations(past, begin, end)
    if not taken:
        return phase
    return PredictedPhase(
        phase.name, min(taken), sorted(taken)[len(taken) // 2], max(phase.most_s, max(taken)), measured=len(taken)
    )


def _durations(past: Past, begin: str, end: str) -> list[float]:
    found = (between_s(story, begin, end) for story in past)
    return [round(seconds, 1) for seconds in found if seconds is not None]
