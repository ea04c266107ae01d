"""Readiness of routes and Elastic IPs: pure functions of gathered facts, one for each named check."""

from collections.abc import Callable, Iterable

from understudy.domain.cluster.definition import ElasticIp, NodeSpec, Route
from understudy.domain.cluster.network import (
    ElasticIpReading,
    RouteTable,
    block_faults,
    elastic_ip_faults,
    narrower,
    table_faults,
)
from understudy.domain.readiness.check import FAIL, INSTANCES, WARN, check, of_each_instance
from understudy.domain.readiness.facts import Facts, Finding, Instance, Unread, Verdict, together

NO_ROUTE = Finding(Verdict.PASS, "no address of kind route_table")
NO_ELASTIC_IP = Finding(Verdict.PASS, "no address of kind elastic_ip")
TABLES = "aws ec2 describe-route-tables --route-table-ids ROUTE_TABLE_ID ..."
ELASTIC_IPS = "aws ec2 describe-addresses --allocation-ids ALLOCATION_ID ..."
WATCHED = (
    "The watch repairs it within a minute. If it stays, look at address in the state, and find out who else writes."
)


@check(
    "source-dest-check",
    means={
        FAIL: "EC2 drops the packets for the moved address on this node.",
    },
    remedy="aws ec2 modify-instance-attribute --instance-id INSTANCE_ID --no-source-dest-check",
    command=INSTANCES,
)
def source_dest_check(facts: Facts) -> Finding:
    """With a route-table address, the source/destination check of every node is off."""
    if not facts.definition.routes:
        return Finding(Verdict.PASS, "no address of kind route_table")

    def look(node: NodeSpec, instance: Instance) -> Finding:
        if instance.forwards:
            return Finding(Verdict.PASS, f"{node.name} takes packets for other addresses")
        return Finding(Verdict.FAIL, f"{node.name} has its source/destination check on")

    return of_each_instance(facts, look)


@check(
    "tables-ours",
    means={
        FAIL: "the route in that table cannot be moved, or leads to no node from there.",
    },
    remedy=(
        "aws ec2 create-tags --resources ROUTE_TABLE_ID --tags Key=understudy:stack,Value=STACK. A table that is "
        "gone, or in another VPC: submit the definition without it."
    ),
    command=TABLES,
)
def tables_ours(facts: Facts) -> Finding:
    """Every route table exists, carries the stack's tag, and is in the VPC of all nodes."""
    if isinstance(facts.route_tables, Unread):
        return Finding(Verdict.UNKNOWN, facts.route_tables.why)
    ids = dict.fromkeys(table for route in facts.definition.routes for table in route.route_table_ids)
    findings = []
    for table_id in ids:
        table = facts.route_tables.get(table_id)
        faults = table_faults(facts.definition, table, facts.stack) if table else ["is no route table that EC2 knows"]
        findings += _failures(table_id, faults) or [Finding(Verdict.PASS, f"{table_id} is the stack's")]
    return together(findings or [NO_ROUTE])


@check(
    "address-outside",
    means={
        FAIL: "EC2 refuses the route, or delivers within the VPC what is sent to the address.",
    },
    remedy="Submit the definition with an address outside the VPC, or take the new CIDR block from the VPC.",
    command=TABLES,
)
def address_outside(facts: Facts) -> Finding:
    """The address of each route lies outside every CIDR block that its VPC has now."""

    def look(route: Route, table_id: str, table: RouteTable) -> list[Finding]:
        outside = Finding(Verdict.PASS, f"{route.destination} is outside {', '.join(table.local_blocks)}")
        return _failures(f"{route.destination}: {table_id}", block_faults(route, table)) or [outside]

    return _of_each_table(facts, look)


@check(
    "tables-used",
    means={
        WARN: "a route in that table is moved, and no client's packets follow it.",
    },
    remedy=(
        "aws ec2 associate-route-table --route-table-id ROUTE_TABLE_ID --subnet-id SUBNET_ID, or submit the definition "
        "without the table."
    ),
    command=TABLES,
)
def tables_used(facts: Facts) -> Finding:
    """Every route table is associated with a subnet, or is its VPC's main one: else no packets follow it."""

    def look(_: Route, table_id: str, table: RouteTable) -> list[Finding]:
        if table.is_used:
            return [Finding(Verdict.PASS, f"{table_id} is in use")]
        return [Finding(Verdict.WARN, f"{table_id} is associated with no subnet")]

    return _of_each_table(facts, look)


@check(
    "routes-lead",
    means={
        WARN: "clients do not reach the node in service by that route.",
    },
    remedy=WATCHED,
    command=TABLES,
)
def routes_lead(facts: Facts) -> Finding:
    """While a node is in service, every route leads to it; else to a member, or nowhere."""

    def look(route: Route, table_id: str, table: RouteTable) -> list[Finding]:
        there = table.routes.get(route.destination)
        if there is None:
            return [_led(facts, f"{route.destination} in {table_id}", "")]
        if not there.is_live:
            return [Finding(Verdict.WARN, f"{route.destination} in {table_id} leads to {there.target}, which is gone")]
        return [_led(facts, f"{route.destination} in {table_id}", there.target)]

    return _of_each_table(facts, look)


@check(
    "routes-whole",
    means={
        WARN: "what is sent to that part of the address block does not reach this cluster.",
    },
    remedy=(
        "Nothing, if that is intended: another cluster may have a part of the block. If not, delete the narrower route."
    ),
    command=TABLES,
)
def routes_whole(facts: Facts) -> Finding:
    """No narrower route in the table takes some of a route's packets elsewhere: EC2 follows the narrowest."""
    own = {route.destination for route in facts.definition.routes}

    def look(route: Route, table_id: str, table: RouteTable) -> list[Finding]:
        found = [
            Finding(Verdict.WARN, f"{each} in {table_id} leads a part of {route.destination} to {there.target}")
            for each in narrower(route, table, own)
            for there in [table.routes[each]]
        ]
        return found or [Finding(Verdict.PASS, f"{route.destination} in {table_id} is taken by no narrower route")]

    return _of_each_table(facts, look)


@check(
    "elastic-ips-ours",
    means={
        FAIL: "that address cannot be moved.",
    },
    remedy=(
        "aws ec2 create-tags --resources ALLOCATION_ID --tags Key=understudy:stack,Value=STACK. An address that was "
        "released does not come back: submit the definition with another one."
    ),
    command=ELASTIC_IPS,
)
def elastic_ips_ours(facts: Facts) -> Finding:
    """Every Elastic IP exists and carries the stack's tag."""
    if isinstance(facts.elastic_ips, Unread):
        return Finding(Verdict.UNKNOWN, facts.elastic_ips.why)
    findings = []
    for each in facts.definition.elastic_ips:
        there = facts.elastic_ips.get(each.allocation_id)
        faults = elastic_ip_faults(there, facts.stack) if there else ["is no Elastic IP that EC2 knows here"]
        findings += _failures(each.label, faults) or [Finding(Verdict.PASS, f"{each.label} is the stack's")]
    return together(findings or [NO_ELASTIC_IP])


@check(
    "elastic-ips-lead",
    means={
        WARN: "clients do not reach the node in service by that address.",
    },
    remedy=WATCHED,
    command=ELASTIC_IPS,
)
def elastic_ips_lead(facts: Facts) -> Finding:
    """While a node is in service, every Elastic IP is associated with it; else with a member, or with nothing."""

    def look(each: ElasticIp, there: ElasticIpReading) -> Finding:
        return _led(facts, each.label, there.interface_id)

    if isinstance(facts.elastic_ips, Unread):
        return Finding(Verdict.UNKNOWN, facts.elastic_ips.why)
    known = [(each, facts.elastic_ips.get(each.allocation_id)) for each in facts.definition.elastic_ips]
    findings = [look(each, there) if there else _unknown(each.label) for each, there in known]
    return together(findings or [NO_ELASTIC_IP])


@check(
    "internet-gateway",
    means={
        FAIL: "EC2 refuses to associate an Elastic IP with that node.",
    },
    remedy="aws ec2 attach-internet-gateway --internet-gateway-id GATEWAY_ID --vpc-id VPC_ID",
    command="aws ec2 describe-internet-gateways --filters Name=attachment.vpc-id,Values=VPC_ID",
)
def internet_gateway(facts: Facts) -> Finding:
    """With an Elastic IP, the VPC of every node has an internet gateway: else EC2 refuses to associate it."""
    if not facts.definition.elastic_ips:
        return NO_ELASTIC_IP
    if isinstance(facts.instances, Unread):
        return Finding(Verdict.UNKNOWN, facts.instances.why)
    if isinstance(facts.internet_vpcs, Unread):
        return Finding(Verdict.UNKNOWN, facts.internet_vpcs.why)
    findings = []
    for node in facts.definition.serving:
        instance = facts.instances.get(node.instance_id)
        if instance is None:
            findings.append(Finding(Verdict.UNKNOWN, f"the VPC of {node.name} is not known"))
        elif instance.vpc_id in facts.internet_vpcs:
            findings.append(Finding(Verdict.PASS, f"{instance.vpc_id} has an internet gateway"))
        else:
            findings.append(Finding(Verdict.FAIL, f"{node.name} is in {instance.vpc_id} without an internet gateway"))
    return together(findings)


def _led(facts: Facts, what: str, target: str) -> Finding:
    """Whether it is well that an address leads to this interface (or nowhere, when empty)."""
    active = facts.definition.node(facts.state.active or "")
    members = {node.interface_id: node.name for node in facts.definition.nodes}
    found = f"{what} leads to {members.get(target) or target or 'nothing'}"
    if active is not None and target != active.interface_id:
        return Finding(Verdict.WARN, f"{found}; {active.name} is in service")
    if target and target not in members:
        return Finding(Verdict.WARN, f"{found}, which is no member's")
    return Finding(Verdict.PASS, found)


def _failures(what: str, faults: Iterable[str]) -> list[Finding]:
    return [Finding(Verdict.FAIL, f"{what} {fault}") for fault in faults]


def _unknown(what: str) -> Finding:
    """What EC2 does not know has a check of its own."""
    return Finding(Verdict.UNKNOWN, f"{what} is not known to EC2")


def _of_each_table(facts: Facts, look: Callable[[Route, str, RouteTable], list[Finding]]) -> Finding:
    if isinstance(facts.route_tables, Unread):
        return Finding(Verdict.UNKNOWN, facts.route_tables.why)
    findings = []
    for route in facts.definition.routes:
        for table_id in route.route_table_ids:
            table = facts.route_tables.get(table_id)
            findings += look(route, table_id, table) if table else [_unknown(table_id)]
    return together(findings or [NO_ROUTE])
