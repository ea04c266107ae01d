"""Readiness to fence (S12, B4): pure functions of gathered facts, one for each named check."""

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.state import Proof, TransitionAction
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together
from understudy.domain.readiness.nodes import of_each_instance

INSTANCE_STORE = "instance-store"


def stop_protection(facts: Facts) -> Finding:
    """No instance is protected from being stopped: a failed node could not be fenced by stopping it (S12)."""
    gravity = Verdict.FAIL if _only_stopped(facts) else Verdict.WARN
    findings = []
    for node in facts.definition.serving:
        reading = facts.stop_protected.get(node.instance_id, Unread(f"{node.instance_id} was not asked for"))
        if isinstance(reading, Unread):
            findings.append(Finding(Verdict.UNKNOWN, f"{node.name}: {reading.why}"))
        elif reading:
            findings.append(Finding(gravity, f"{node.name} has DisableApiStop on"))
        else:
            findings.append(Finding(Verdict.PASS, f"{node.name} can be stopped"))
    return together(findings)


def stop_allowed(facts: Facts) -> Finding:
    """Where the policy stops instances, this stack may: by its parameter, and by the tag of each node (S12)."""
    if not facts.definition.policy.fencing.stop_instance:
        return Finding(Verdict.PASS, "the policy stops no instance")
    gravity = Verdict.FAIL if _only_stopped(facts) else Verdict.WARN
    if not facts.may_stop:
        return Finding(gravity, "the stack's AllowStopInstances is false")

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.stack == facts.stack:
            return Finding(Verdict.PASS, f"{node.name} has the tag of this stack")
        return Finding(
            gravity, f"{node.name}: tag understudy:stack is {instance.stack or 'missing'}, not {facts.stack}"
        )

    return of_each_instance(facts, look)


def stop_possible(facts: Facts) -> Finding:
    """Where the policy stops instances, EC2 can stop them: some kinds can only be terminated (S12)."""
    if not facts.definition.policy.fencing.stop_instance:
        return Finding(Verdict.PASS, "the policy stops no instance")
    gravity = Verdict.FAIL if _only_stopped(facts) else Verdict.WARN

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.is_one_time:
            return Finding(gravity, f"{node.name} is a one-time Spot Instance")
        if instance.root_device == INSTANCE_STORE:
            return Finding(gravity, f"{node.name} has its root device in the instance store")
        return Finding(Verdict.PASS, f"{node.name} is of a kind that can be stopped")

    return of_each_instance(facts, look)


def death_provable(facts: Facts) -> Finding:
    """A node that dies is proved off without a person: its lease runs out, or it is stopped through EC2 (B4)."""
    fencing = facts.definition.policy.fencing
    stops = fencing.stop_instance and Proof.STOPPED in fencing.accept
    if stops:
        return Finding(Verdict.PASS, "a node that has failed is stopped, and stopped is accepted")
    if Proof.LEASE_EXPIRED not in fencing.accept:
        return Finding(Verdict.WARN, "lease_expired is not accepted, and stop_instance is false")
    unheard = [each.name for each in facts.state.nodes.values() if each.heard_at is None]
    unleased = [each.name for each in facts.state.nodes.values() if each.heard_at is not None and not each.keeps_lease]
    if unleased:
        return Finding(Verdict.WARN, f"{', '.join(unleased)}: keeps no lease that could expire; stop_instance is false")
    if unheard:
        return Finding(Verdict.UNKNOWN, f"{', '.join(unheard)}: never heard, so nobody knows whether it keeps a lease")
    return Finding(Verdict.PASS, "the end of a lease is accepted")


def failover_unattended(facts: Facts) -> Finding:
    """A failover goes ahead by itself: it does not wait for a person's approval (B4)."""
    approval = facts.definition.policy.approval
    if TransitionAction.FAILOVER not in approval.actions:
        return Finding(Verdict.PASS, "no failover waits for a person")
    then = "then goes ahead" if approval.proceeds else "and does not go ahead without one"
    return Finding(Verdict.WARN, f"a failover waits for an approval for up to {approval.wait_s} s, {then}")


def _only_stopped(facts: Facts) -> bool:
    """Whether nothing but EC2's word ends a fencing: then a node that cannot be stopped cannot be followed."""
    return set(facts.definition.policy.fencing.accept) == {Proof.STOPPED}
