"""Readiness of load balancers: pure functions of gathered facts, one for each named check.

Nobody moves a load balancer: it follows what the nodes say. So all that could go wrong is how it is set up.
"""

from collections.abc import Callable, Iterator, Mapping
from math import ceil

from understudy.domain.cluster.balancer import (
    DRAINING,
    SERVING_PATH,
    Balancer,
    Ingress,
    Probing,
    Target,
    TargetGroup,
    admitted,
    differences,
    is_target,
)
from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.readiness.check import FAIL, PASS, UNKNOWN, WARN, check
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

NONE = Finding(Verdict.PASS, "no address of kind load_balancer")
GROUPS = "aws elbv2 describe-target-groups --target-group-arns TARGET_GROUP_ARN"
HEALTH = "aws elbv2 describe-target-health --target-group-arn TARGET_GROUP_ARN"
ATTRIBUTES = "aws elbv2 describe-target-group-attributes --target-group-arn TARGET_GROUP_ARN"
PROMISED_S = 3.0
"""For how long a node that says 200 goes on serving at least, with the default `[http] interval_s` 2 and its margin."""
Say = Callable[[str, TargetGroup], Iterator[Finding]]


@check(
    "targets-probed",
    means={FAIL: "the load balancer does not learn who serves, and hands connections to any node; or there is none."},
    remedy=(
        "aws elbv2 modify-target-group --target-group-arn TARGET_GROUP_ARN --health-check-protocol HTTP "
        "--health-check-path /serving --health-check-port PORT --matcher HttpCode=200, where PORT is that of [http] "
        "listen in the agents' files."
    ),
    command=GROUPS,
)
def targets_probed(facts: Facts) -> Finding:
    """Every target group exists, probes /serving of the agents by HTTP, and takes nothing but 200."""

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        probe = group.probe
        if (probe.protocol, probe.path) != ("HTTP", SERVING_PATH):
            yield Finding(FAIL, f"{label} probes {probe.protocol} {probe.path}; needed: HTTP {SERVING_PATH}")
        elif not probe.port.isdigit():
            yield Finding(FAIL, f"{label} probes the service's own port; needed: that of [http] listen")
        elif probe.codes != "200":
            yield Finding(FAIL, f"{label} takes {probe.codes or 'any status'} for well; needed: 200")
        else:
            yield Finding(PASS, f"{label} probes HTTP {SERVING_PATH} on port {probe.port}")

    return _of_each_group(facts, say, unknown=FAIL)


@check(
    "targets-are-members",
    means={
        FAIL: "after a move clients are not led to that node, or they are led to a machine that holds no lease.",
        WARN: "a target leaves the group, or has another port than the others.",
    },
    remedy=(
        "aws elbv2 register-targets, or deregister-targets, --target-group-arn TARGET_GROUP_ARN "
        "--targets Id=INSTANCE_ID. With Auto Scaling: attach the target group to the group of each member."
    ),
    command=HEALTH,
)
def targets_are_members(facts: Facts) -> Finding:
    """The targets are the nodes that serve, all of them and nothing else, with one port."""

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        if group.kind not in ("instance", "ip"):
            yield Finding(FAIL, f"{label} is for targets of kind {group.kind}; needed: instance or ip")
            return
        found = [*_strays(facts, label, group.targets), *_missing(facts, label, group.targets)]
        ports = sorted({each.port for each in group.targets})
        if len(ports) > 1:
            found.append(Finding(WARN, f"{label} has targets with ports {', '.join(map(str, ports))}"))
        yield from found or [Finding(PASS, f"{label} has the nodes as targets, and nothing else")]

    return _of_each_group(facts, say)


def _strays(facts: Facts, label: str, targets: tuple[Target, ...]) -> Iterator[Finding]:
    for each in targets:
        if not any(is_target(each, node) for node in facts.definition.serving):
            leaves = each.state == DRAINING
            yield Finding(WARN if leaves else FAIL, f"{label} has target {each.id}, which is no node that serves")


def _missing(facts: Facts, label: str, targets: tuple[Target, ...]) -> Iterator[Finding]:
    for node in facts.definition.serving:
        found = [each for each in targets if is_target(each, node)]
        if not found:
            yield Finding(FAIL, f"{node.name} is no target of {label}")
        elif all(each.state == DRAINING for each in found):
            yield Finding(FAIL, f"{node.name} is leaving {label}")


@check(
    "targets-in-reach",
    means={FAIL: "clients do not reach the nodes by that target group, from some zones or at all."},
    remedy=(
        "Give the target group a listener; add the nodes' zones to the load balancer (aws elbv2 set-subnets); turn "
        "cross-zone load balancing on (aws elbv2 modify-target-group-attributes --attributes "
        "Key=load_balancing.cross_zone.enabled,Value=true)."
    ),
    command=GROUPS,
)
def targets_in_reach(facts: Facts) -> Finding:
    """A load balancer in every zone of the nodes uses the group, and each of its addresses leads to all of them."""

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        if not group.balancers:
            yield Finding(FAIL, f"no load balancer uses {label}")
        for balancer in group.balancers:
            missing = sorted({node.zone for node in facts.definition.serving} - balancer.zones)
            if missing:
                yield Finding(FAIL, f"{balancer.name} is not in {', '.join(missing)}, where nodes are")
            elif not group.is_cross_zone:
                yield Finding(FAIL, f"{label}: what arrives in one zone stays there; needed: cross-zone load balancing")
            else:
                yield Finding(PASS, f"{balancer.name} leads to {label} from {', '.join(sorted(balancer.zones))}")

    return _of_each_group(facts, say)


@check(
    "targets-probed-in-time",
    means={WARN: "clients wait longer than they need to, or some of their connections are refused for a while."},
    remedy=(
        "aws elbv2 modify-target-group --target-group-arn TARGET_GROUP_ARN --health-check-interval-seconds 5 "
        "--health-check-timeout-seconds 2 --healthy-threshold-count 2 --unhealthy-threshold-count 2"
    ),
    command=GROUPS,
)
def targets_probed_in_time(facts: Facts) -> Finding:
    """A new node is taken in within silence_limit_s, and the old one is out before that."""
    policy = facts.definition.policy

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        probe, both_s = group.probe, _both_s(group.probe, policy)
        asked = f"{probe.interval_s} s x {probe.healthy}"
        if probe.taken_in_s > policy.silence_limit_s:
            limit = f"silence_limit_s is {policy.silence_limit_s:g}"
            yield Finding(WARN, f"{label} takes a node in after {asked} = {probe.taken_in_s} s; {limit}")
        if both_s > 0:
            words = f"{label} still leads to the old node when it leads to the new one, for up to {ceil(both_s)} s"
            yield Finding(WARN, f"{words}: it takes one out after {probe.interval_s} s x {probe.unhealthy}")
        if probe.taken_in_s <= policy.silence_limit_s and both_s <= 0:
            yield Finding(PASS, f"{label} takes a node in after {asked}, and has taken the old one out by then")

    return _of_each_group(facts, say)


def _both_s(probe: Probing, policy: Policy) -> float:
    """For how long connections may still go to a node that has stopped while the next one gets some already.

    After its last 200 a node goes on for PROMISED_S, or for what its lease leaves; then it stops, silence is noticed,
    and the next one has to answer several times.
    """
    renewed_after_s = policy.heartbeat_interval_s + policy.lease_read_interval_s + 1
    promised_s = min(PROMISED_S, max(0.0, policy.lease_s - policy.kill_limit_s - renewed_after_s))
    stop_to_grant_s = policy.kill_limit_s + policy.silence_limit_s - policy.lease_s
    return probe.taken_out_s - promised_s - stop_to_grant_s - probe.interval_s * (probe.healthy - 1)


@check(
    "targets-let-go",
    means={WARN: "a client that has a connection to the old node keeps it, and waits for its own timeouts."},
    remedy=(
        "aws elbv2 modify-target-group-attributes --target-group-arn TARGET_GROUP_ARN --attributes "
        "Key=target_health_state.unhealthy.connection_termination.enabled,Value=true"
    ),
    command=ATTRIBUTES,
)
def targets_let_go(facts: Facts) -> Finding:
    """A Network Load Balancer ends the connections to a node that does not serve any more."""

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        if group.ends_connections:
            yield Finding(PASS, f"{label} ends connections to a target that is unhealthy")
        else:
            yield Finding(WARN, f"{label} keeps connections to a target that is unhealthy")

    return _of_each_group(facts, say)


@check(
    "targets-open",
    means={
        FAIL: "probes or connections of the load balancer do not reach that node: after a move nobody is served.",
        UNKNOWN: "the rules name lists of addresses, which are not looked at.",
    },
    remedy=(
        "aws ec2 authorize-security-group-ingress --group-id GROUP_ID --ip-permissions IpProtocol=tcp,FromPort=PORT,"
        "ToPort=PORT,UserIdGroupPairs=[{GroupId=BALANCERS_GROUP_ID}]; for a load balancer without security groups "
        "IpRanges with the blocks of its subnets."
    ),
    command="aws ec2 describe-security-groups --group-ids GROUP_ID ...",
)
def targets_open(facts: Facts) -> Finding:
    """The nodes' security groups let in the probes, and the service's port from where connections come."""
    if facts.definition.load_balancers:
        for read in (facts.instances, facts.ingress, facts.blocks):
            if isinstance(read, Unread):
                return Finding(UNKNOWN, read.why)

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        for balancer in group.balancers:
            for node in facts.definition.serving:
                yield from _of_node(facts, node, group, balancer)

    return _of_each_group(facts, say)


def _of_node(facts: Facts, node: NodeSpec, group: TargetGroup, balancer: Balancer) -> Iterator[Finding]:
    found = facts.instances.get(node.instance_id) if not isinstance(facts.instances, Unread) else None
    if found is None:
        yield Finding(UNKNOWN, f"{node.name}: EC2 knows no instance {node.instance_id} here")
        return
    served = {each.port for each in group.targets if is_target(each, node)}
    probed = {int(group.probe.port)} if group.probe.port.isdigit() else served
    # Clients whose own addresses the nodes see are let in as such, or by the balancer's group.
    are_seen = group.shows_clients and not balancer.groups
    for port in sorted(probed if are_seen else probed | served):
        yield _admission(facts, node, found, balancer, port)


def _admission(facts: Facts, node: NodeSpec, found: Instance, balancer: Balancer, port: int) -> Finding:
    known: Mapping[str, tuple[Ingress, ...]] = {} if isinstance(facts.ingress, Unread) else facts.ingress
    blocks = {} if isinstance(facts.blocks, Unread) else facts.blocks
    rules = [rule for group in sorted(found.groups) for rule in known.get(group, ())]
    if admitted(rules, port, balancer.groups, [blocks[each] for each in balancer.subnets if each in blocks]):
        return Finding(PASS, f"{node.name} lets {balancer.name} in on port {port}")
    if any(rule.has_lists and rule.is_of(port) for rule in rules):
        return Finding(UNKNOWN, f"{node.name} lets lists of addresses in on port {port}, which are not looked at")
    return Finding(FAIL, f"{node.name} does not let {balancer.name} in on port {port}")


@check(
    "targets-lead",
    means={WARN: "clients are not led to the node in service by that load balancer, or to another one as well."},
    remedy="Ask the node: curl http://ADDRESS:PORT/serving says why not. The watch tells when it lasts.",
    command=HEALTH,
)
def targets_lead(facts: Facts) -> Finding:
    """While a node is in service, it is the one healthy target of every group."""
    state = facts.state
    report = state.nodes.get(state.active or "")
    is_settled = state.transition is None and report is not None and report.service is ServiceStatus.IN_SERVICE

    def say(label: str, group: TargetGroup) -> Iterator[Finding]:
        found = [*differences(facts.definition, state.active or "", label, group.targets)] if is_settled else []
        yield from (Finding(WARN, each) for each in found)
        if not found:
            yield Finding(PASS, f"{label} leads to the node in service" if is_settled else "nobody is in service now")

    return _of_each_group(facts, say)


def _of_each_group(facts: Facts, say: Say, unknown: Verdict = UNKNOWN) -> Finding:
    """The findings of all groups. `unknown`: what is to be said of one that does not exist."""
    found: list[Finding] = []
    for each in facts.definition.load_balancers:
        group = facts.target_groups.get(each.target_group_arn)
        if isinstance(group, Unread):
            found.append(Finding(UNKNOWN, group.why))
        elif group is None:
            found.append(Finding(unknown, f"{each.label} does not exist: {each.target_group_arn}"))
        else:
            found += say(each.label, group)
    return together(found or [NONE])
