"""The paces: sets of timings that agree with each other, each under one word. docs/pace.md says what each costs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from understudy.domain.cluster.policy import Policy

NORMAL = "normal"
PACES: Mapping[str, Policy] = {
    "calm": Policy(
        heartbeat_interval_s=8,
        lease_read_interval_s=4,
        lease_s=30,
        drift_margin_s=4,
        silence_limit_s=35,
        observer_lag_limit_s=10,
    ),
    NORMAL: Policy(),
    "fast": Policy(heartbeat_interval_s=2, lease_read_interval_s=1, lease_s=7, silence_limit_s=10),
    "fastest": Policy(
        heartbeat_interval_s=1,
        lease_read_interval_s=0.5,
        lease_s=4,
        kill_limit_s=0.5,
        silence_limit_s=7,
        observer_lag_limit_s=4,
    ),
}
"""From the slowest to the fastest. Of each only the timings below count."""
TIMINGS = (
    "heartbeat_interval_s",
    "lease_read_interval_s",
    "lease_s",
    "kill_limit_s",
    "drift_margin_s",
    "silence_limit_s",
    "observer_lag_limit_s",
)
"""What a pace chooses. What is not said elsewhere follows: `promise_s` the lease, `quorum.timeout_s` the beat."""
KEYED_BELOW_S = 9
"""With a silence limit below it (seconds) the nodes need a key that they share."""
FREQUENT_BELOW_S = 2
"""A beat more often than this (seconds) is a choice that a person should have made with its price before them."""
PROBE_S = 2
"""How long one connection to a quorum host may take (seconds), where the beat allows it."""


def timings_of(pace: str) -> Mapping[str, Any]:
    """What a pace chooses, by the names of the policy's fields. Raises KeyError for a word that is no pace."""
    return {name: getattr(PACES[pace], name) for name in TIMINGS}


def paced(policy: Policy, pace: str) -> Policy:
    """The same policy at another pace: all that a pace chooses is the pace's. Raises KeyError as timings_of."""
    return replace(policy, **timings_of(pace))


def pace_of(policy: Policy) -> str | None:
    """The pace whose timings a policy has; None: it has timings of its own."""
    return next((pace for pace in PACES if paced(policy, pace) == policy), None)


def probe_limit_s(policy: Policy) -> float:
    """How long one connection to a quorum host may take (seconds) when nobody has said it.

    A round of probes ends before the next one begins, and one lost round costs nothing.
    """
    beat_s = policy.heartbeat_interval_s
    return min(PROBE_S, beat_s, policy.lease_s - 2 * beat_s)


def bridged_s(policy: Policy) -> float:
    """How long AWS may be away (seconds) and the lease alone costs nothing, wherever between two beats it begins."""
    rest_s = policy.heartbeat_interval_s + policy.lease_read_interval_s + 1
    return policy.lease_s - policy.kill_limit_s - rest_s
