"""Readiness of routes and Elastic IPs: what each check says when all is well, when it is not, and when nobody knows."""

import pytest

from tests.support.builders import ENI_A, ENI_B, NODE_A, a_definition, a_moving_state, a_state
from tests.support.readiness import UNREAD, VPC, a_table, an_elastic_ip, facts, instances, of_all_kinds
from understudy.domain.cluster.definition import Route
from understudy.domain.cluster.network import RouteTarget
from understudy.domain.readiness import network
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
CHECKS = {
    network.tables_ours: "route_tables",
    network.address_outside: "route_tables",
    network.tables_used: "route_tables",
    network.routes_lead: "route_tables",
    network.routes_whole: "route_tables",
    network.elastic_ips_ours: "elastic_ips",
    network.elastic_ips_lead: "elastic_ips",
    network.internet_gateway: "internet_vpcs",
}


def says(look, verdict, words, **changes):
    finding = look(facts(**{"definition": of_all_kinds(), **changes}))
    assert (finding.verdict, words in finding.found) == (verdict, True), finding


def tables(**changes):
    return {"rtb-1": a_table(), "rtb-2": a_table(**changes)}


@pytest.mark.parametrize("look", CHECKS)
def test_an_ec2_that_cannot_be_read_speaks_neither_for_nor_against_an_address(look):  # S14 S15 B3
    says(look, UNKNOWN, "AccessDenied", **{CHECKS[look]: UNREAD})
    says(look, PASS, "")
    assert look(facts()).found.startswith("no address of kind ")


def test_a_table_that_could_not_be_changed_at_a_failover_fails_today():  # S14
    says(network.tables_ours, FAIL, "rtb-2 is no route table that EC2 knows", route_tables={"rtb-1": a_table()})
    untagged = tables(stack="")
    says(
        network.tables_ours, FAIL, "rtb-2 has the tag understudy:stack ''; allowed: 'understudy'", route_tables=untagged
    )
    elsewhere = tables(local_blocks=("10.0.1.0/24",))
    says(network.tables_ours, FAIL, "rtb-2 is in another VPC than node-b (10.0.2.10)", route_tables=elsewhere)
    says(network.tables_ours, PASS, "rtb-1 is the stack's; rtb-2 is the stack's")


def test_a_vpc_that_was_given_the_addresss_own_block_since_takes_the_packets_itself():  # S14
    grown = tables(local_blocks=("10.0.0.0/16", "192.0.2.0/24"))
    says(network.address_outside, FAIL, "192.0.2.10/32: rtb-2 is in a VPC of 192.0.2.0/24", route_tables=grown)
    says(network.address_outside, PASS, "192.0.2.10/32 is outside 10.0.0.0/16")
    says(network.address_outside, UNKNOWN, "rtb-2 is not known to EC2", route_tables={"rtb-1": a_table()})


def test_a_table_that_no_subnet_follows_is_only_warned_about():  # S14
    says(network.tables_used, WARN, "rtb-2 is associated with no subnet", route_tables=tables(is_used=False))
    says(network.tables_used, PASS, "rtb-2 is in use")


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, PASS, "192.0.2.10/32 in rtb-2 leads to node-a"),
        ({"target": ENI_B}, WARN, "rtb-2 leads to node-b; node-a is in service"),
        ({"target": "nat-1"}, WARN, "rtb-2 leads to nat-1; node-a is in service"),
        ({"target": None}, WARN, "rtb-2 leads to nothing; node-a is in service"),
        ({"is_live": False}, WARN, f"rtb-2 leads to {ENI_A}, which is gone"),
    ],
    ids=["well", "another node", "a stranger", "no route", "blackhole"],
)
def test_a_route_that_does_not_lead_to_the_node_in_service_is_warned_about(changes, verdict, words):  # S14
    says(network.routes_lead, verdict, words, route_tables=tables(**changes))


@pytest.mark.parametrize("state", [a_moving_state(), a_state(active=None)], ids=["in transition", "not placed"])
def test_while_nobody_is_in_service_a_route_may_lead_to_any_member_or_nowhere(state):  # S14
    for target in (ENI_B, None):
        says(network.routes_lead, PASS, "leads to", route_tables=tables(target=target), state=state)
    says(network.routes_lead, WARN, "nat-1, which is no member's", route_tables=tables(target="nat-1"), state=state)


def test_an_elastic_ip_that_is_gone_or_not_ours_cannot_be_moved():  # S15
    says(network.elastic_ips_ours, FAIL, "eipalloc-1 is no Elastic IP that EC2 knows here", elastic_ips={})
    says(network.elastic_ips_lead, UNKNOWN, "eipalloc-1 is not known to EC2", elastic_ips={})
    other = {"eipalloc-1": an_elastic_ip(stack="other")}
    says(network.elastic_ips_ours, FAIL, "eipalloc-1 has the tag understudy:stack 'other'", elastic_ips=other)


@pytest.mark.parametrize(
    ("interface", "words"),
    [("eni-9", "leads to eni-9; node-a"), (ENI_B, "leads to node-b; node-a"), ("", "leads to nothing; node-a")],
)
def test_an_elastic_ip_that_a_stranger_has_is_warned_about(interface, words):  # S15
    says(network.elastic_ips_lead, WARN, words, elastic_ips={"eipalloc-1": an_elastic_ip(interface_id=interface)})


def test_a_vpc_without_an_internet_gateway_takes_no_elastic_ip():  # S15
    says(network.internet_gateway, FAIL, f"node-a is in {VPC} without an internet gateway", internet_vpcs=())
    says(network.internet_gateway, UNKNOWN, "AccessDenied", instances=UNREAD)
    only_a = {NODE_A: instances()[NODE_A]}
    says(network.internet_gateway, UNKNOWN, "the VPC of node-b is not known", instances=only_a)


def test_a_narrower_route_to_somebody_else_is_warned_about_and_a_wider_one_is_not():  # S14
    """Another cluster may have a part of the block: EC2 follows the narrowest route, so nobody takes from anybody."""
    block = of_all_kinds(routes=(Route("10.9.0.0/16", ("rtb-1",)), Route("10.9.7.0/24", ("rtb-1",))))
    ours = {"10.9.0.0/16": RouteTarget(ENI_A), "10.9.7.0/24": RouteTarget(ENI_A)}

    def with_route(destination, target):
        return {"definition": block, "route_tables": {"rtb-1": a_table(routes={**ours, destination: target})}}

    taken = "10.9.1.0/24 in rtb-1 leads a part of 10.9.0.0/16 to eni-other"
    says(network.routes_whole, WARN, taken, **with_route("10.9.1.0/24", RouteTarget("eni-other")))
    says(network.routes_whole, PASS, "", **with_route("10.0.0.0/8", RouteTarget("eni-other")))
    says(network.routes_whole, PASS, "", **with_route("10.9.1.0/24", RouteTarget("eni-other", is_live=False)))
    says(network.routes_whole, PASS, "", **with_route("2001:db8::/32", RouteTarget("eni-other")))


def test_packets_for_the_moved_address_are_taken_only_without_the_source_and_destination_check():  # S14
    with_route = of_all_kinds()
    says(network.source_dest_check, PASS, "no address of kind route_table", definition=a_definition(), instances=UNREAD)
    says(network.source_dest_check, FAIL, "node-a has its source/destination check on", definition=with_route)
    says(network.source_dest_check, UNKNOWN, "AccessDenied", definition=with_route, instances=UNREAD)
    off = instances(node_a={"forwards": True}, node_b={"forwards": True})
    says(network.source_dest_check, PASS, "node-a takes packets", definition=with_route, instances=off)
