"""Readiness to fence: pure functions of gathered facts, one for each named check."""

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.state import Proof, TransitionAction
from understudy.domain.readiness.check import FAIL, INSTANCES, WARN, check, of_each_instance
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

INSTANCE_STORE = "instance-store"


@check(
    "stop-protection",
    means={
        FAIL: "the policy accepts stopped only, and the node cannot be stopped.",
        WARN: "a failed node cannot be fenced by stopping it; another proof that the policy accepts may still come.",
    },
    remedy="aws ec2 modify-instance-attribute --instance-id INSTANCE_ID --no-disable-api-stop",
    command="aws ec2 describe-instance-attribute --instance-id INSTANCE_ID --attribute disableApiStop",
)
def stop_protection(facts: Facts) -> Finding:
    """No instance is protected from being stopped: a failed node could not be fenced by stopping it."""
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


@check(
    "stop-possible",
    means={
        FAIL: "the policy accepts stopped only, and EC2 answers UnsupportedOperation to StopInstances.",
        WARN: "a failed node cannot be fenced by stopping it; another proof that the policy accepts may still come.",
    },
    remedy=(
        "Use an instance with an EBS root device that is On-Demand, or of a persistent Spot request; or accept "
        "lease_expired (policy.fencing.accept)."
    ),
    command=(
        "aws ec2 describe-instances --instance-ids INSTANCE_ID --query "
        "'Reservations[].Instances[].[InstanceLifecycle,RootDeviceType]'; aws ec2 describe-spot-instance-requests"
    ),
)
def stop_possible(facts: Facts) -> Finding:
    """Where the policy stops instances, EC2 can stop them: some kinds can only be terminated."""
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


@check(
    "stop-allowed",
    means={
        FAIL: "the policy accepts stopped only, and IAM would deny StopInstances.",
        WARN: "it would be denied, and another proof that the policy accepts may still come.",
    },
    remedy=(
        "Deploy the stack with AllowStopInstances=true, and tag the instance: aws ec2 create-tags --resources "
        "INSTANCE_ID --tags Key=understudy:stack,Value=STACK"
    ),
    command=INSTANCES,
)
def stop_allowed(facts: Facts) -> Finding:
    """Where the policy stops instances, this stack may: by its parameter, and by the tag of each node."""
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


@check(
    "death-provable",
    means={
        WARN: "when such a node dies, the cluster waits until a person stops its instance.",
    },
    remedy="Run the agent on every node; accept lease_expired, or set policy.fencing.stop_instance.",
    command="understudy get CLUSTER",
)
def death_provable(facts: Facts) -> Finding:
    """A node that dies is proved off without a person: its lease runs out, or it is stopped through EC2."""
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


@check(
    "failover-unattended",
    means={
        WARN: (
            "an outage lasts longer by the time that a person takes to approve, up to policy.approval.wait_s; with "
            "on_timeout hold, until somebody does."
        ),
    },
    remedy="Meant so: see that somebody is told at any hour. Else take failover out of policy.approval.for.",
    command="understudy get CLUSTER",
    can_be_unknown=False,
)
def failover_unattended(facts: Facts) -> Finding:
    """A failover goes ahead by itself: it does not wait for a person's approval."""
    approval = facts.definition.policy.approval
    if TransitionAction.FAILOVER not in approval.actions:
        return Finding(Verdict.PASS, "no failover waits for a person")
    then = "then goes ahead" if approval.proceeds else "and does not go ahead without one"
    return Finding(Verdict.WARN, f"a failover waits for an approval for up to {approval.wait_s} s, {then}")


@check(
    "auto-recovery",
    means={
        WARN: "the node comes back serving, beside the node that took over.",
    },
    remedy=(
        "Run the agent on the node, or aws ec2 modify-instance-maintenance-options --instance-id INSTANCE_ID "
        "--auto-recovery disabled: without a lease, the recovered node serves again beside the new one."
    ),
    command=INSTANCES,
)
def auto_recovery(facts: Facts) -> Finding:
    """A node that EC2 brings back by itself keeps a lease, so that it comes back as a standby."""

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.recovers is None:
            return Finding(Verdict.UNKNOWN, f"{node.name}: EC2 does not say whether it recovers the instance")
        if not instance.recovers:
            return Finding(Verdict.PASS, f"{node.name} is not recovered by EC2")
        report = facts.state.nodes.get(node.instance_id)
        if report is None or report.heard_at is None:
            return Finding(Verdict.UNKNOWN, f"{node.name} is recovered by EC2, and was never heard")
        if report.keeps_lease:
            return Finding(Verdict.PASS, f"{node.name} is recovered by EC2 and keeps a lease")
        return Finding(Verdict.WARN, f"{node.name} is recovered by EC2 and keeps no lease")

    return of_each_instance(facts, look)


def _only_stopped(facts: Facts) -> bool:
    """Whether nothing but EC2's word ends a fencing: then a node that cannot be stopped cannot be followed."""
    return set(facts.definition.policy.fencing.accept) == {Proof.STOPPED}
