"""Readiness of a pace: what short timings ask for beside themselves."""

from understudy.domain.lease.paces import FREQUENT_BELOW_S, KEYED_BELOW_S, bridged_s, pace_of
from understudy.domain.readiness import peers
from understudy.domain.readiness.check import FAIL, STATE, WARN, check
from understudy.domain.readiness.facts import Facts, Finding, Verdict


@check(
    "pace-keyed",
    means={
        FAIL: "the lease bridges next to nothing, and no promise does: the next short outage of AWS's APIs stops the "
        "service.",
    },
    remedy=(
        "Give the nodes a key that all know: the check keys-alike says which one lacks it, and docs/failsafe.md how. "
        "Or choose a slower pace."
    ),
    command=STATE,
    breaks_failover=False,
)
def pace_keyed(facts: Facts) -> Finding:
    """Where silence is noticed in less than 9 s, the nodes share a key, so that they can promise each other."""
    policy = facts.definition.policy
    if policy.silence_limit_s >= KEYED_BELOW_S:
        return Finding(Verdict.PASS, f"silence_limit_s is {policy.silence_limit_s:g}: no key is demanded")
    keys = peers.keys_alike(facts)
    verdict = Verdict.FAIL if keys.verdict is Verdict.WARN else keys.verdict
    found = f"silence_limit_s is {policy.silence_limit_s:g}, below {KEYED_BELOW_S}, and the lease bridges"
    return Finding(verdict, f"{found} {bridged_s(policy):g} s; {keys.found}")


@check(
    "pace-priced",
    means={
        WARN: "each node costs several times as much as at the normal pace, and a call of AWS's that is slow for a "
        "second is a beat that is late.",
    },
    remedy=(
        "Nothing, if that is what you want: docs/pace.md has the dollars and the needless failovers of each pace. Else "
        "choose a slower pace."
    ),
    command=STATE,
    can_be_unknown=False,
)
def pace_priced(facts: Facts) -> Finding:
    """Nodes beat every 2 s or more slowly."""
    policy = facts.definition.policy
    found = f"a beat every {policy.heartbeat_interval_s:g} s, {pace_of(policy) or 'timings of its own'}"
    is_often = policy.heartbeat_interval_s < FREQUENT_BELOW_S
    return Finding(Verdict.WARN if is_often else Verdict.PASS, found)
