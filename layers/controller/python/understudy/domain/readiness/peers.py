"""Readiness of failsafe (B13): pure functions of gathered facts, one for each named check."""

from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe import peers
from understudy.domain.readiness.facts import Facts, Finding, Verdict, worst


def keys_alike(facts: Facts) -> Finding:
    """Every node knows a key, and each knows the one that every other node signs with (B13)."""
    facts_of = (facts.state, facts.definition, facts.now)
    if faults := peers.key_faults(*facts_of):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unsaid := peers.unsaid(*facts_of):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unsaid)}: no beat says which key it knows")
    return Finding(Verdict.PASS, peers.rotation(*facts_of) or "all nodes know the same key")


def peers_addressed(facts: Facts) -> Finding:
    """The table has an address of every node: without one nobody can ask it for a promise (B13)."""
    if faults := peers.address_faults(facts.state, facts.definition):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unsaid := peers.unsaid(ClusterView(facts.state, facts.definition, facts.now)):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unsaid)}: no beat says which key it knows")
    return Finding(Verdict.PASS, "every node has an address")


def peers_answer(facts: Facts) -> Finding:
    """Every node gets an answer from every other one at the UDP port of failsafe, as their newest beats say (B13)."""
    facts_of = (facts.state, facts.definition, facts.now)
    if faults := peers.answer_faults(*facts_of):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unanswered := peers.unanswered(*facts_of):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unanswered)}: not known to be answered by every peer")
    return Finding(Verdict.PASS, "every node is answered by every other one")


def outage_bridged(facts: Facts) -> Finding:
    """A short outage of AWS's APIs stops nothing: by promises, or by a lease that bridges two lost beats (B13)."""
    verdict = worst(check(facts).verdict for check in (keys_alike, peers_addressed, peers_answer))
    if verdict is Verdict.PASS:
        return Finding(verdict, "the active node goes on by the promises of all others")
    policy = facts.definition.policy
    bridged_s = policy.lease_s - policy.kill_limit_s - policy.heartbeat_interval_s - policy.lease_read_interval_s - 1
    found = f"without promises, an outage of {bridged_s:g} s can stop the service: lease_s is {policy.lease_s:g}"
    return Finding(Verdict.PASS if bridged_s >= 2 * policy.heartbeat_interval_s else verdict, found)
