"""Readiness of members that are replaced: pure functions of gathered facts, one for each named check."""

from collections.abc import Mapping

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.readiness.check import FAIL, UNKNOWN, WARN, check, of_each_instance
from understudy.domain.readiness.facts import Facts, Finding, Instance, ScalingGroup, Unread, Verdict, together


@check(
    "groups-wait",
    means={
        WARN: (
            "when the group ends the node, it cuts the service off; or it starts another node that the definition does "
            "not know."
        ),
    },
    remedy=(
        "Give the group the lifecycle hook and the tag, and name the member by a tag: Instances that AWS takes away, "
        "in docs/planned-work.md. Or take the node out of the group (aws autoscaling detach-instances)."
    ),
    command="aws autoscaling describe-lifecycle-hooks --auto-scaling-group-name GROUP",
)
def groups_wait(facts: Facts) -> Finding:
    """An Auto Scaling group of a node waits before it ends the node, and the next instance becomes the member."""

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if not instance.scaling_group:
            return Finding(Verdict.PASS, f"{node.name} is in no group")
        if isinstance(facts.groups, Unread):
            return Finding(Verdict.UNKNOWN, facts.groups.why)
        return _group(node, instance.scaling_group, facts.groups, facts.stack)

    return of_each_instance(facts, look)


def hook_of(stack: str) -> str:
    """The name of the lifecycle hooks that the controller of a stack hears."""
    return f"understudy-{stack}"


def _group(node: NodeSpec, name: str, groups: Mapping[str, ScalingGroup], stack: str) -> Finding:
    group = groups.get(name)
    if group is None:
        return Finding(Verdict.UNKNOWN, f"{node.name}: Auto Scaling knows no group {name} here")
    faults = {
        f"ends it without waiting: it has no lifecycle hook {hook_of(stack)}": hook_of(stack) not in group.hooks,
        f"cannot be told to go on: its tag understudy:stack is {group.stack or 'missing'}": group.stack != stack,
        "replaces it by an instance that is no member: it is named by its id, not by a tag": not node.tag,
    }
    found = [words for words, is_so in faults.items() if is_so]
    if found:
        return Finding(Verdict.WARN, f"{node.name}: Auto Scaling group {name} {', and '.join(found)}")
    return Finding(Verdict.PASS, f"{node.name}: Auto Scaling group {name} waits for the service to leave")


@check(
    "tags-unique",
    means={
        FAIL: (
            "when the member is terminated, nobody knows which of them takes its place, so none does; a definition "
            "that names the tag is refused."
        ),
        WARN: "the member has lost its tag, so nobody takes its place.",
    },
    remedy="Take the tag understudy:member off all but the member (aws ec2 delete-tags).",
    command="aws ec2 describe-instances --filters Name=tag:understudy:member,Values=TAG",
)
def tags_unique(facts: Facts) -> Finding:
    """No other living instance has the tag that names a member."""
    named = [node for node in facts.definition.nodes if node.tag]
    if not named:
        return Finding(Verdict.PASS, "no member is named by a tag")
    if isinstance(facts.tagged, Unread):
        return Finding(Verdict.UNKNOWN, facts.tagged.why)
    return together(_tag(node, facts.tagged.get(node.tag, ())) for node in named)


def _tag(node: NodeSpec, living: tuple[str, ...]) -> Finding:
    others = [each for each in living if each != node.instance_id]
    if others and node.instance_id in living:
        return Finding(Verdict.FAIL, f"{node.name}: {', '.join(others)} has its tag {node.tag} as well")
    if others:
        return Finding(Verdict.WARN, f"{node.name}: its tag {node.tag} is on {', '.join(others)}, which is no member")
    if not living:
        return Finding(Verdict.WARN, f"{node.name}: no living instance has its tag {node.tag}")
    return Finding(Verdict.PASS, f"{node.name} alone has its tag {node.tag}")


@check(
    "nodes-name-no-members",
    means={
        WARN: (
            "an attacker on the node can set the tag on another instance, which becomes the member when the old one is "
            "terminated."
        ),
        UNKNOWN: "IAM was not to be asked.",
    },
    remedy="Take ec2:CreateTags out of the nodes' role, or forbid it the key understudy:member.",
    command="aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names ec2:CreateTags",
)
def nodes_name_no_members(facts: Facts) -> Finding:
    """No node's role may set the tag that names members: whoever may says which instance takes a member's place."""
    if not any(node.tag for node in facts.definition.nodes):
        return Finding(Verdict.PASS, "no member is named by a tag")

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if not instance.profile:
            return Finding(Verdict.PASS, f"{node.name} has no role")
        may = facts.name_members.get(instance.profile, Unread("its role was not looked at"))
        if isinstance(may, Unread):
            return Finding(Verdict.UNKNOWN, f"{node.name}: {may.why}")
        if may:
            return Finding(Verdict.WARN, f"{node.name}: its role may set the tag understudy:member")
        return Finding(Verdict.PASS, f"{node.name}: its role may not set the tag understudy:member")

    return of_each_instance(facts, look)
