"""Readiness of the agents: what the nodes say of themselves."""

from understudy.domain.cluster.definition import NodeSpec, QuorumMode
from understudy.domain.cluster.state import NodeReport
from understudy.domain.observe.quorum import reach_objection
from understudy.domain.readiness.check import FAIL, STATE, UNKNOWN, WARN, check
from understudy.domain.readiness.facts import Facts, Finding, Verdict, together


@check(
    "agents-alike",
    means={
        FAIL: "the versions differ in the first number, or a node beats without an agent.",
        WARN: "the versions differ.",
    },
    remedy="Install the same version of the agent on every node, the standby first.",
    command=STATE,
)
def agents_alike(facts: Facts) -> Finding:
    """Every node runs the same version of the agent, as their newest beats say."""
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


@check(
    "quorum-reachable",
    means={
        FAIL: "a node reaches no majority of the quorum hosts: it takes nothing over, and gives up what it serves.",
        WARN: "it reaches a majority, and not all.",
        UNKNOWN: "it has not said yet, or beats without an agent.",
    },
    remedy=(
        "Let each node's security group and network lead to every host and port of the list; name hosts that run. On "
        "the node: journalctl -u understudy-agent (quorum_changed), and nc -vz HOST PORT for each host."
    ),
    command=STATE,
)
def quorum_reachable(facts: Facts) -> Finding:
    """Each node reaches every quorum host, as its newest beat says."""
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
