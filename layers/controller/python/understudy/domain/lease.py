"""The timings of a lease must agree with each other, or the promise of one serving node is empty."""

from understudy.domain.definition import Policy
from understudy.domain.fencing import INGESTION_CUT_OFF_S
from understudy.domain.model import Terms

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
    if policy.fence_limit_s < fence_s:
        faults.append(
            f"fence_limit_s {policy.fence_limit_s:g} is below lease_s {policy.lease_s:g} + {INGESTION_CUT_OFF_S} + "
            f"drift_margin_s {policy.drift_margin_s:g}: fencing would give up before the lease has run out"
        )
    return [*faults, *_promise_faults(policy)]


def _promise_faults(policy: Policy) -> list[str]:
    """A node that has promised waits for so long before it starts, also when it is granted the lease (B11)."""
    faults = []
    if policy.promised_s > policy.lease_s:
        faults.append(
            f"promise_s {policy.promised_s:g} is above lease_s {policy.lease_s:g}: "
            "a node that waits a promise out would be taken for idle"
        )
    if policy.promised_s >= policy.service_start_limit_s:
        faults.append(
            f"promise_s {policy.promised_s:g} is not below service_start_limit_s {policy.service_start_limit_s:g}: "
            "a node that waits a promise out would be taken for one whose service does not start"
        )
    if policy.promised_s / 2 < policy.kill_limit_s + RENEWAL_S:
        faults.append(
            f"half of promise_s {policy.promised_s:g} is below kill_limit_s {policy.kill_limit_s:g} + {RENEWAL_S}: "
            "promises could not be renewed in time"
        )
    return faults
