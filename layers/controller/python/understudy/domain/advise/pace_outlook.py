"""What each pace would bring this cluster: how soon its node would be missed, and how long its failover would take."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from understudy.domain.advise.forecast import Past, PredictedPhase, forecast
from understudy.domain.cluster.definition import Definition, Quorum, QuorumMode
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.paces import KEYED_BELOW_S, PACES, pace_of, paced, probe_limit_s
from understudy.domain.lease.terms import contradictions
from understudy.domain.observe.peers import key_faults


@dataclass(frozen=True)
class PaceOutlook:
    """A pace, with all of this cluster's policy that a pace does not choose.

    `noticing`, `failover`: how long it takes until a node that falls silent is missed, and until the service is in
    service again (seconds). `refused`: what of the definition contradicts it, in words with the numbers; `needs`: what
    the nodes lack for it.
    """

    pace: str
    is_now: bool
    noticing: PredictedPhase
    failover: PredictedPhase
    refused: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def line(self) -> str:
        """For a person, on one line."""
        words = [f"would be refused: {each}" for each in self.refused] + [f"needs a key: {each}" for each in self.needs]
        times = (f"{each.least_s:g} / {each.usual_s:g} / {each.most_s:g} s" for each in (self.noticing, self.failover))
        noticed, whole = times
        told = f"{self.pace}{' (now)' if self.is_now else ''}: noticed after {noticed}, in service again after {whole}"
        return "; ".join([told, *words])


def pace_outlooks(view: ClusterView, past: Past) -> tuple[PaceOutlook, ...]:
    """One for each pace, from the slowest to the fastest. `past`: see forecast."""
    return tuple(_outlook(pace, view, past) for pace in PACES)


def _outlook(pace: str, view: ClusterView, past: Past) -> PaceOutlook:
    policy = paced(view.policy, pace)
    expected = forecast(TransitionAction.FAILOVER, replace(view.definition, policy=policy), past)
    return PaceOutlook(
        pace=pace,
        is_now=pace_of(view.policy) == pace,
        noticing=expected.phases[0],
        failover=expected.total,
        refused=(*contradictions(policy), *_slow_probes(view.definition, policy)),
        needs=tuple(key_faults(view)) if policy.silence_limit_s < KEYED_BELOW_S else (),
    )


def _slow_probes(definition: Definition, policy: Policy) -> Iterator[str]:
    """What of the quorum does not follow the pace: a limit for probes that somebody has written."""
    quorum: Quorum = definition.quorum
    if quorum.mode is not QuorumMode.TCP_REMOTE or quorum.timeout_s == probe_limit_s(definition.policy):
        return
    limit_s = min(policy.heartbeat_interval_s, policy.lease_s - 2 * policy.heartbeat_interval_s)
    if quorum.timeout_s > limit_s:
        yield f"quorum.timeout_s {quorum.timeout_s:g} is above {limit_s:g}, the most that its beats allow"
