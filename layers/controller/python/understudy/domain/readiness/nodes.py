"""Readiness of the nodes (S1, S3, S12, S14, S17): pure functions of gathered facts, one for each named check."""

from collections.abc import Callable, Mapping

from understudy.domain.cluster.definition import NodeSpec, QuorumMode
from understudy.domain.cluster.service_names import means_the_same
from understudy.domain.cluster.state import NodeReport, PowerReading
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe.quorum import reach_objection
from understudy.domain.observe.serving import others_serving
from understudy.domain.observe.starts import failed_starts, failed_words
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

LEAST_NODES = 2


def instances_run(facts: Facts) -> Finding:
    """At least two instances, each known to EC2 and running (S1)."""
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


def zones_differ(facts: Facts) -> Finding:
    """The nodes that serve are in at least two subnets in different Availability Zones (S1)."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    serving = {node.instance_id for node in facts.definition.serving}
    places = {(each.zone, each.subnet_id) for known, each in facts.instances.items() if known in serving}
    zones = {zone for zone, _ in places}
    found = ", ".join(f"{subnet_id} in {zone}" for zone, subnet_id in sorted(places)) or "no instance"
    return Finding(Verdict.PASS if len(zones) >= LEAST_NODES else Verdict.FAIL, found)


def standbys_apart(facts: Facts) -> Finding:
    """The primary (the node of the best priority) and each standby are in different Availability Zones (S1)."""
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


def addresses_real(facts: Facts) -> Finding:
    """What addresses lead to is each node's attached primary network interface, and its primary IPs (S1, S3)."""
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


def no_fault_noted(facts: Facts) -> Finding:
    """The minute watch has found every node as the definition has it, and no node says that it could not take over.

    One of which either is not so is never promoted (S3, B18).
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


def starts_known(facts: Facts) -> Finding:
    """On no node has the service failed to start when it was to: one on which it has is the last choice (B20)."""
    failed = failed_starts(facts.state, facts.definition)
    findings = [
        Finding(
            Verdict.FAIL, failed_words(ClusterView(facts.state, facts.definition, int(facts.now)), each.instance_id)
        )
        if each.instance_id in failed
        else Finding(Verdict.PASS, f"no start of {each.name} is known to have failed")
        for each in facts.definition.serving
    ]
    return together(findings)


def services_named_alike(facts: Facts) -> Finding:
    """Every node's newest beat names the services of the definition: one that does not is never promoted (B4)."""
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


def one_serves(facts: Facts) -> Finding:
    """No node says that it serves but the one that holds the lease, or held it last (B4)."""
    others = others_serving(ClusterView(facts.state, facts.definition, facts.now))
    if not others:
        return Finding(Verdict.PASS, "no node serves without the lease")
    names = ", ".join(map(facts.definition.name_of, others))
    return Finding(Verdict.FAIL, f"{names} says that it serves, and does not hold the lease")


def nodes_heard(facts: Facts) -> Finding:
    """Every node's newest beat is younger than silence_limit_s: a node that is not heard takes nothing over (S11)."""
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


def forwarding(facts: Facts) -> Finding:
    """With a route-table address, the source/destination check of every node is off (S14)."""
    if not facts.definition.routes:
        return Finding(Verdict.PASS, "no address of kind route_table")

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.forwards:
            return Finding(Verdict.PASS, f"{node.name} takes packets for other addresses")
        return Finding(Verdict.FAIL, f"{node.name} has its source/destination check on")

    return of_each_instance(facts, look)


def agents_alike(facts: Facts) -> Finding:
    """Every node runs the same version of the agent, as their newest beats say (S17)."""
    findings = []
    versions = set()
    for node in facts.definition.nodes:
        report = facts.state.nodes.get(node.instance_id)
        if report is None or report.heard_at is None:
            findings.append(Finding(Verdict.UNKNOWN, f"{node.name} was never heard"))
            continue
        versions.add(report.agent)
        findings.append(Finding(Verdict.PASS, f"{node.name} has {report.agent or 'no agent'}"))
    if len(versions) > 1:
        is_other_kind = len({version.partition(".")[0] for version in versions}) > 1
        verdict = Verdict.FAIL if is_other_kind else Verdict.WARN
        return Finding(verdict, "; ".join(each.found for each in findings))
    return together(findings)


def quorum_reachable(facts: Facts) -> Finding:
    """Each node reaches every quorum host, as its newest beat says (S12)."""
    if facts.definition.quorum.mode is not QuorumMode.TCP_REMOTE:
        return Finding(Verdict.PASS, "no quorum hosts are named")
    return together(_reach(node, facts.state.nodes.get(node.instance_id), facts) for node in facts.definition.serving)


def _reach(node: NodeSpec, report: NodeReport | None, facts: Facts) -> Finding:
    reach, quorum = report.quorum if report else None, facts.definition.quorum
    against = reach_objection(reach, quorum)
    if reach is None or reach.total != len(quorum.hosts):
        return Finding(Verdict.UNKNOWN, f"{node.name}: {against}")
    if against:
        return Finding(Verdict.FAIL, f"{node.name}: {against}")
    verdict = Verdict.PASS if reach.reached == reach.total else Verdict.WARN
    return Finding(verdict, f"{node.name} reaches {reach.reached} of {reach.total} quorum hosts")


def of_each_instance(facts: Facts, look: Callable[[NodeSpec, Instance], Finding]) -> Finding:
    """The findings of all nodes that serve and that EC2 knows. One that it does not know has a check of its own."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    known = [(node, facts.instances.get(node.instance_id)) for node in facts.definition.serving]
    return together(
        look(node, instance)
        if instance
        else Finding(Verdict.UNKNOWN, f"{node.name}: EC2 knows no instance {node.instance_id} here")
        for node, instance in known
    )
