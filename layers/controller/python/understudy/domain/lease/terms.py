"""The timings of a lease must agree with each other, or the promise of one serving node is empty."""

from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import INGESTION_CUT_OFF_S, Proof, Terms

LATE_S = 2
"""By how much the services of an agent that hangs may outlive its lease (seconds): `understudy-agent expire`, which
keeps it then, looks ten times a second, and has to be given a processor. What `drift_margin_s` has to allow for."""
STOP_S = 30
"""What EC2 is given at least to stop an instance by force (seconds)."""
LEAST_FOR_FAILBACK = 2

PROMISE_DRIFT, PROMISE_LATE_S = 0.01, 2
"""By how much longer than `promise_s` an agent waits that has promised (understudy_agent.promise, ADR 0033)."""
RENEWAL_S = 1
"""What renewing promises may take: they are asked for again at half time, twice a second."""


def terms_of(policy: Policy) -> Terms:
    """The timings that the agents are to obey under this policy."""
    return Terms(
        heartbeat_interval_s=policy.heartbeat_interval_s,
        lease_read_interval_s=policy.lease_read_interval_s,
        lease_s=policy.lease_s,
        kill_limit_s=policy.kill_limit_s,
        silence_limit_s=policy.silence_limit_s,
        hearing_s=policy.hearing_s,
        promise_s=policy.promised_s,
        on_isolation=policy.on_isolation,
    )


def contradictions(policy: Policy) -> list[str]:
    """Every pair of settings that cannot both be meant, in words with the numbers. Empty when all agree."""
    faults = []
    fence_s = policy.lease_s + INGESTION_CUT_OFF_S + policy.drift_margin_s
    if fence_s > policy.silence_limit_s:
        faults.append(
            f"lease_s {policy.lease_s:g} + {INGESTION_CUT_OFF_S} + drift_margin_s {policy.drift_margin_s:g} is above "
            f"silence_limit_s {policy.silence_limit_s:g}: silence would be noticed before the lease has run out"
        )
    renewal_s = 2 * policy.heartbeat_interval_s + policy.lease_read_interval_s + 1
    usable_s = policy.lease_s - policy.kill_limit_s
    if renewal_s > usable_s:
        faults.append(
            f"2 x heartbeat_interval_s {policy.heartbeat_interval_s:g} + lease_read_interval_s "
            f"{policy.lease_read_interval_s:g} + 1 is above lease_s {policy.lease_s:g} - kill_limit_s "
            f"{policy.kill_limit_s:g}: one lost beat would stop the service"
        )
    late_s = 2 * policy.heartbeat_interval_s + policy.observer_lag_limit_s + INGESTION_CUT_OFF_S
    if late_s > policy.silence_limit_s:
        faults.append(
            f"2 x heartbeat_interval_s {policy.heartbeat_interval_s:g} + observer_lag_limit_s "
            f"{policy.observer_lag_limit_s:g} + {INGESTION_CUT_OFF_S} is above silence_limit_s "
            f"{policy.silence_limit_s:g}: one lost beat and a late observer would look like silence"
        )
    if policy.drift_margin_s < LATE_S:
        faults.append(
            f"drift_margin_s {policy.drift_margin_s:g} is below {LATE_S}: where an agent hangs, what takes its "
            f"services down may be {LATE_S} s late on a busy node, so two nodes would serve"
        )
    return [
        *faults,
        *_fencing_contradictions(policy, fence_s),
        *_promise_contradictions(policy),
        *_failback_contradictions(policy),
    ]


def _fencing_contradictions(policy: Policy, fence_s: float) -> list[str]:
    """Choices of fencing under which a dead node could never be proved off, or a stop would prove nothing."""
    fencing, faults = policy.fencing, []
    words = ", ".join(proof.lower() for proof in fencing.accept)
    if Proof.LEASE_EXPIRED in fencing.accept and fencing.limit_s < fence_s:
        faults.append(
            f"fencing.limit_s {fencing.limit_s:g} is below lease_s {policy.lease_s:g} + {INGESTION_CUT_OFF_S} + "
            f"drift_margin_s {policy.drift_margin_s:g}: fencing would give up before the lease has run out"
        )
    if not {Proof.LEASE_EXPIRED, Proof.STOPPED} & set(fencing.accept):
        faults.append(
            f"fencing.accept is {words} alone: a node that has died releases nothing, so no failover could ever be "
            "proved; accept lease_expired or stopped as well"
        )
    if fencing.stop_instance and Proof.STOPPED not in fencing.accept:
        faults.append(
            f"fencing.stop_instance is true, and fencing.accept is {words}: a stop would prove nothing; accept stopped "
            "as well"
        )
    if fencing.stop_instance and fencing.limit_s < STOP_S:
        faults.append(
            f"fencing.limit_s {fencing.limit_s:g} is below {STOP_S}, and fencing.stop_instance is true: EC2 often "
            "needs that long to stop an instance"
        )
    return faults


def _promise_contradictions(policy: Policy) -> list[str]:
    """A node that has promised waits for so long before it starts, also when it is granted the lease."""
    faults = []
    if policy.promised_s > policy.lease_s:
        faults.append(
            f"promise_s {policy.promised_s:g} is above lease_s {policy.lease_s:g}: "
            "a node that waits a promise out would be taken for idle"
        )
    waited_s = round(policy.promised_s * (1 + PROMISE_DRIFT) + PROMISE_LATE_S, 3)
    if waited_s >= policy.service_start_limit_s:
        faults.append(
            f"promise_s {policy.promised_s:g} + {PROMISE_DRIFT:.0%} + {PROMISE_LATE_S} is {waited_s:g}, and not below "
            f"service_start_limit_s {policy.service_start_limit_s:g}: "
            "a node that waits a promise out would be taken for one whose service does not start"
        )
    if policy.promised_s / 2 < policy.kill_limit_s + RENEWAL_S:
        faults.append(
            f"half of promise_s {policy.promised_s:g} is below kill_limit_s {policy.kill_limit_s:g} + {RENEWAL_S}: "
            "promises could not be renewed in time"
        )
    return faults


def _failback_contradictions(policy: Policy) -> list[str]:
    count = policy.max_failovers.count
    if policy.failback.is_automatic and count < LEAST_FOR_FAILBACK:
        return [
            f"failback is automatic, and max_failovers.count {count} is below {LEAST_FOR_FAILBACK}: going back spends "
            "one, and never the last one, so it could never happen"
        ]
    return []
