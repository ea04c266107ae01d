"""Readiness of failsafe: pure functions of gathered facts, one for each named check."""

from understudy.domain.lease.paces import bridged_s
from understudy.domain.observe import peers
from understudy.domain.readiness.check import AGAIN, STATE, WARN, check
from understudy.domain.readiness.facts import Facts, Finding, Verdict, worst


@check(
    "keys-alike",
    means={
        WARN: "these nodes give each other no promises, so an outage of AWS's APIs stops the service.",
    },
    remedy=(
        "No key: the log of that agent says failsafe_key_failed and why; attach NodePolicy to its role, with the tag "
        "of the cluster. Different keys: docs/failsafe.md, Changing the key. All nodes read one again within 30 "
        "minutes."
    ),
    command=STATE,
)
def keys_alike(facts: Facts) -> Finding:
    """Every node knows a key, and each knows the one that every other node signs with."""
    view = facts.view
    if faults := peers.key_faults(view):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unsaid := peers.unsaid(view):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unsaid)}: no beat says which key it knows")
    return Finding(Verdict.PASS, peers.rotation(view) or "all nodes know the same key")


@check(
    "peers-addressed",
    means={
        WARN: "nobody can ask that node for a promise, so an outage of AWS's APIs stops the service.",
    },
    remedy=AGAIN,
    command=STATE,
)
def peers_addressed(facts: Facts) -> Finding:
    """The table has an address of every node: without one nobody can ask it for a promise."""
    if faults := peers.address_faults(facts.state, facts.definition):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unsaid := peers.unsaid(facts.view):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unsaid)}: no beat says which key it knows")
    return Finding(Verdict.PASS, "every node has an address")


@check(
    "peers-answer",
    means={
        WARN: "the first node named could get no promise from the second: an outage of AWS's APIs stops the service.",
    },
    remedy=(
        "Open UDP port 7411 (failsafe_port) of the second node for the first: security group, network ACLs both ways, "
        "host firewall. All agents of the cluster need the same failsafe_port, and those of one node different ones."
    ),
    command="aws ec2 describe-security-groups --group-ids SECURITY_GROUP_ID",
)
def peers_answer(facts: Facts) -> Finding:
    """Every node gets an answer from every other one at the UDP port of failsafe, as their newest beats say."""
    view = facts.view
    if faults := peers.answer_faults(view):
        return Finding(Verdict.WARN, "; ".join(faults))
    if unanswered := peers.unanswered(view):
        return Finding(Verdict.UNKNOWN, f"{', '.join(unanswered)}: not known to be answered by every peer")
    return Finding(Verdict.PASS, "every node is answered by every other one")


@check(
    "outage-bridged",
    means={
        WARN: "the lease alone bridges only one lost beat; the service stops when the second is lost.",
    },
    remedy=(
        "Repair what the three checks of keys and peers find. If that is not possible, raise lease_s and "
        "silence_limit_s; each failover then takes that much longer."
    ),
    command=STATE,
)
def outage_bridged(facts: Facts) -> Finding:
    """A short outage of AWS's APIs stops nothing: by promises, or by a lease that bridges two lost beats."""
    verdict = worst(each(facts).verdict for each in (keys_alike, peers_addressed, peers_answer))
    if verdict is Verdict.PASS:
        return Finding(verdict, "the active node goes on by the promises of all others")
    policy = facts.definition.policy
    alone_s = bridged_s(policy)
    found = f"without promises, an outage of {alone_s:g} s can stop the service: lease_s is {policy.lease_s:g}"
    return Finding(Verdict.PASS if alone_s >= 2 * policy.heartbeat_interval_s else verdict, found)
