"""Readiness of the instances themselves: pure functions of gathered facts, one for each named check."""

from understudy.domain.cluster.definition import NodeSpec
from understudy.domain.readiness.check import FAIL, INSTANCES, WARN, check, of_each_instance
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together


@check(
    "no-hibernation",
    means={
        FAIL: (
            "EC2 calls a node `stopped` when somebody hibernates it. When it is started again, its services go on "
            "where they were, beside the node that took over, until its agent has looked at the clock."
        ),
    },
    remedy=(
        "Launch the instance anew without hibernation (it cannot be switched off later), and submit the definition "
        "with its instance id. Until then, do not hibernate it. If a node was hibernated, terminate it; do not start "
        "it."
    ),
    command=INSTANCES,
)
def no_hibernation(facts: Facts) -> Finding:
    """No node that serves can be hibernated: it would come back with its services running."""

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.hibernates is None:
            return Finding(Verdict.UNKNOWN, f"{node.name}: EC2 does not say whether it can be hibernated")
        if instance.hibernates:
            return Finding(Verdict.FAIL, f"{node.name} can be hibernated")
        return Finding(Verdict.PASS, f"{node.name} cannot be hibernated")

    return of_each_instance(facts, look)


@check(
    "metadata-closed",
    means={
        WARN: (
            "a program on the node that can be made to fetch a URL, or a container on it, can get the role's keys. "
            "So it can send heartbeats in the node's name, and read the key of promises."
        ),
    },
    remedy=(
        "aws ec2 modify-instance-metadata-options --instance-id INSTANCE_ID --http-tokens required "
        "--http-put-response-hop-limit 1. And on the node, close it to everybody but root: see agent/README.md."
    ),
    command=INSTANCES,
)
def metadata_closed(facts: Facts) -> Finding:
    """Each node's metadata service wants a token (IMDSv2), and answers no farther than the node itself."""
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    found = ((node, facts.instances.get(node.instance_id)) for node in facts.definition.nodes)
    return together(_metadata(node, instance) for node, instance in found if instance)


def _metadata(node: NodeSpec, instance: Instance) -> Finding:
    metadata = instance.metadata
    if metadata is None:
        return Finding(Verdict.UNKNOWN, f"{node.name}: EC2 does not say who can ask its metadata service")
    faults = {
        "without a token (IMDSv1)": not metadata.needs_token,
        f"from {metadata.hop_limit} hops away": metadata.hop_limit > 1,
    }
    open_ways = [words for words, is_so in faults.items() if is_so and metadata.is_on]
    if open_ways:
        return Finding(Verdict.WARN, f"{node.name} answers questions about its metadata {' and '.join(open_ways)}")
    return Finding(Verdict.PASS, f"{node.name} answers only itself about its metadata, and with a token")
