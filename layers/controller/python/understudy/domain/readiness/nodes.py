"""Readiness of the nodes: pure functions of gathered facts, one for each named check."""

from collections.abc import Mapping

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import PowerReading
from understudy.domain.observe.fitness import fitness_of, word_against
from understudy.domain.observe.serving import others_serving
from understudy.domain.observe.starts import failed_starts, failed_words
from understudy.domain.readiness.check import AGAIN, FAIL, INSTANCES, STATE, WARN, check, of_each_instance
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

LEAST_NODES = 2


@check(
    "instances-run",
    means={
        FAIL: "a node is unknown to EC2 or does not run, so it can take nothing over.",
        WARN: "it is booting.",
    },
    remedy="Start the instance. If it was replaced, submit the definition again with the new instance id.",
    command=INSTANCES,
)
def instances_run(facts: Facts) -> Finding:
    """At least two instances, each known to EC2 and running."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    return together(_power(node, facts.instances) for node in facts.definition.nodes)


def _power(node: NodeSpec, instances: Mapping[str, Instance]) -> Finding:
    instance = instances.get(node.instance_id)
    if instance is None:
        return Finding(Verdict.FAIL, f"{node.name}: EC2 knows no instance {node.instance_id} here")
    found = f"{node.name} is {instance.power}"
    if instance.power is PowerReading.PENDING:
        return Finding(Verdict.WARN, found)
    if instance.power is PowerReading.UNKNOWN:
        return Finding(Verdict.UNKNOWN, f"{node.name}: EC2 used a word for its state that is not known here")
    return Finding(Verdict.PASS if instance.power is PowerReading.RUNNING else Verdict.FAIL, found)


@check(
    "zones-differ",
    means={
        FAIL: "one zone's outage takes every node.",
    },
    remedy="Move a node to a subnet in another Availability Zone, and submit the definition with its new instance id.",
    command=INSTANCES,
)
def zones_differ(facts: Facts) -> Finding:
    """The nodes that serve are in at least two subnets in different Availability Zones."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    serving = {node.instance_id for node in facts.definition.serving}
    places = {(each.zone, each.subnet_id) for known, each in facts.instances.items() if known in serving}
    zones = {zone for zone, _ in places}
    found = ", ".join(f"{subnet_id} in {zone}" for zone, subnet_id in sorted(places)) or "no instance"
    return Finding(Verdict.PASS if len(zones) >= LEAST_NODES else Verdict.FAIL, found)


@check(
    "standbys-apart",
    means={
        FAIL: "that standby goes down with the primary's zone; another one may not.",
    },
    remedy="Move the standby to another zone, or give priority 1 to a node that shares its zone with no other.",
    command=INSTANCES,
    breaks_failover=False,  # while another standby is in another zone: zones-differ fails otherwise
)
def standbys_apart(facts: Facts) -> Finding:
    """The primary (the node of the best priority) and each standby are in different Availability Zones."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    first = facts.definition.preferred
    home = facts.instances.get(first.instance_id)
    if home is None:
        return Finding(Verdict.UNKNOWN, f"the zone of {first.name} is not known: EC2 knows no such instance")
    standbys = facts.definition.serving[1:]
    return together(_distance(first, home, node, facts.instances) for node in standbys)


def _distance(first: NodeSpec, home: Instance, node: NodeSpec, instances: Mapping[str, Instance]) -> Finding:
    instance = instances.get(node.instance_id)
    if instance is None:
        return Finding(Verdict.UNKNOWN, f"the zone of {node.name} is not known: EC2 knows no such instance")
    if instance.zone == home.zone:
        return Finding(Verdict.FAIL, f"{first.name} and {node.name} are both in {home.zone}")
    return Finding(Verdict.PASS, f"{first.name} in {home.zone}, {node.name} in {instance.zone}")


@check(
    "addresses-real",
    means={
        FAIL: "a move would point the name at an address where the node is not.",
    },
    remedy=AGAIN,
    command=INSTANCES,
)
def addresses_real(facts: Facts) -> Finding:
    """What addresses lead to is each node's attached primary network interface, and its primary IPs."""
    definition = facts.definition
    wants_v6 = any(each.type == "AAAA" for each in definition.records)
    wants_interface = bool(definition.routes or definition.elastic_ips)

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.address is None:
            return Finding(Verdict.FAIL, f"{node.name} has no attached primary network interface")
        pairs = [(node.address, instance.address)]
        pairs += [(node.address_v6, instance.address_v6)] if wants_v6 else []
        pairs += [(node.interface_id, instance.interface_id)] if wants_interface else []
        for registered, found in pairs:
            if registered != found:
                return Finding(Verdict.FAIL, f"{node.name}: registered with {registered}, EC2 says {found or 'none'}")
        return Finding(Verdict.PASS, f"{node.name} has {', '.join(found for _, found in pairs)}")

    return of_each_instance(facts, look)


@check(
    "no-fault-noted",
    means={
        FAIL: "that node is no candidate until EC2 says otherwise.",
    },
    remedy=AGAIN,
    command=STATE,
)
def no_fault_noted(facts: Facts) -> Finding:
    """The minute watch has found every node as the definition has it, and no node says that it could not take over.

    One of which either is not so is never promoted.
    """
    findings = []
    for node in facts.definition.nodes:
        report = facts.state.nodes.get(node.instance_id)
        if report is None:
            findings.append(Finding(Verdict.UNKNOWN, f"{node.name} is not in the state"))
        elif report.fault:
            findings.append(Finding(Verdict.FAIL, f"{node.name}: {report.fault}"))
        elif report.unfit:
            findings.append(Finding(Verdict.FAIL, f"{node.name} says that it could not take over: {report.unfit}"))
        else:
            findings.append(Finding(Verdict.PASS, f"{node.name} is as defined"))
    return together(findings)


@check(
    "starts-known",
    means={
        FAIL: (
            "the last start of the service on that node failed. The node is the last choice; if no other is left, the "
            "next failover may end without a service."
        ),
    },
    remedy=(
        "Find out why it did not start there: the agent's journal on the node, why in the history of that epoch. When "
        'it will, start an execution with {"cluster": "CLUSTER", "action": "clear", "node": "NODE"}. A reboot of the '
        "node, or another configuration of its agent, clears it as well."
    ),
    command=STATE,
    can_be_unknown=False,
)
def starts_known(facts: Facts) -> Finding:
    """On no node has the service failed to start when it was to: one on which it has is the last choice."""
    failed = failed_starts(facts.state, facts.definition)
    findings = [
        Finding(Verdict.FAIL, failed_words(facts.view, each.instance_id))
        if each.instance_id in failed
        else Finding(Verdict.PASS, f"no start of {each.name} is known to have failed")
        for each in facts.definition.serving
    ]
    return together(findings)


@check(
    "fitness-known",
    means={
        FAIL: (
            "a standby says that it is not fit, or says nothing although policy.fitness.required is true: it takes "
            "nothing over."
        ),
        WARN: (
            "it says nothing while others do, so it is the last of them; or the node in service says that it is not "
            "fit: once it loses the lease, it does not get it back."
        ),
    },
    remedy=(
        "Run the command `fit` of its agent's file on that node: it must print one whole number and end with 0, or end "
        "with 1. The agent's log says `fitness` whenever that changes, and why. If the command is right, repair the "
        "data: replication, most often."
    ),
    command=STATE,
    can_be_unknown=False,
)
def fitness_known(facts: Facts) -> Finding:
    """Every node that may serve says that it is fit, where any of them says how fit it is, or the policy requires it.

    Of a node that is not heard, `nodes-heard` tells.
    """
    words = {each.name: fitness_of(facts.view, each.instance_id) for each in facts.definition.serving}
    if not facts.definition.policy.fitness.required and not any(words.values()):
        return Finding(Verdict.PASS, "no node says how fit it is, and none need")
    return together(_fitness(node, words[node.name], facts) for node in facts.definition.serving)


def _fitness(node: NodeSpec, fitness: Fitness | None, facts: Facts) -> Finding:
    if against := word_against(fitness, facts.definition.policy.fitness):
        is_active = node.instance_id == facts.state.active
        return Finding(Verdict.WARN if is_active else Verdict.FAIL, f"{node.name}: {against}")
    if fitness is None:
        return Finding(Verdict.WARN, f"{node.name} does not say how fit it is")
    return Finding(Verdict.PASS, f"{node.name} says {fitness.number}")


@check(
    "services-named-alike",
    means={
        FAIL: (
            "that node is no candidate. When it says that it is down, the controller does not believe it: a service of "
            "the definition may run on it unseen."
        ),
    },
    remedy=(
        "Give the [service NAME] sections of its agent.ini the names of the definition; role = witness belongs to a "
        "witness of the definition. A node without an agent names its services in its beats."
    ),
    command=STATE,
)
def services_named_alike(facts: Facts) -> Finding:
    """Every node's newest beat names the services of the definition: one that does not is never promoted."""
    findings = []
    for node in facts.definition.nodes:
        report = facts.state.nodes.get(node.instance_id)
        if report is None or report.heard_at is None or not report.named:
            findings.append(Finding(Verdict.UNKNOWN, f"{node.name} has not named its services yet"))
        elif means_the_same(report, facts.definition, node.instance_id):
            findings.append(Finding(Verdict.PASS, f"{node.name} names the same"))
        else:
            findings.append(Finding(Verdict.FAIL, f"{node.name} {report.misnamed or 'names other services'}"))
    return together(findings)


@check(
    "one-serves",
    means={
        FAIL: "two nodes may be serving. Nothing moves before one of them is down.",
    },
    remedy=(
        "Decide which node has the good data. Stop the service on the other one, and disable its unit there "
        "(systemctl disable): only the agent starts it."
    ),
    command=STATE,
    can_be_unknown=False,
)
def one_serves(facts: Facts) -> Finding:
    """No node says that it serves but the one that holds the lease, or held it last."""
    others = others_serving(facts.view)
    if not others:
        return Finding(Verdict.PASS, "no node serves without the lease")
    names = ", ".join(map(facts.definition.name_of, others))
    return Finding(Verdict.FAIL, f"{names} says that it serves, and does not hold the lease")


@check(
    "nodes-heard",
    means={
        FAIL: "a standby that is silent cannot take over; a witness that is silent counts for no majority.",
    },
    remedy=(
        "Look at the agent on that node: systemctl status understudy-agent, understudy-agent check. A heartbeat needs "
        "the policy NodePolicy, the name of the stack's bus, and a network path to EventBridge."
    ),
    command=STATE,
)
def nodes_heard(facts: Facts) -> Finding:
    """Every node's newest beat is younger than silence_limit_s: a node that is not heard takes nothing over."""
    findings = []
    for node in facts.definition.nodes:
        report = facts.state.nodes.get(node.instance_id)
        if report is None or report.heard_at is None:
            findings.append(Finding(Verdict.UNKNOWN, f"{node.name} was never heard"))
            continue
        age_s = max(0, int(facts.now - report.heard_at))
        is_silent = age_s > facts.definition.policy.silence_limit_s
        findings.append(Finding(Verdict.FAIL if is_silent else Verdict.PASS, f"{node.name} was heard {age_s} s ago"))
    return together(findings)
