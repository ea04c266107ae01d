"""Readiness of load balancers: what each check says when all is well, when it is not, and when nobody knows (B21)."""

from dataclasses import replace

import pytest

from tests.support.balancers import (
    ARN,
    BALANCER_GROUP,
    HTTP_PORT,
    LOAD_BALANCER,
    NODES_GROUP,
    SERVICE_PORT,
    a_balancer,
    a_group,
    a_probe,
    a_rule,
    targets,
)
from tests.support.builders import ADDRESS_A, ADDRESS_B, NODE_A, WITNESS_C, a_definition, a_moving_state, a_state
from tests.support.readiness import UNREAD, facts, instances
from understudy.domain.cluster.balancer import Target
from understudy.domain.cluster.policy import Policy
from understudy.domain.readiness import balancers
from understudy.domain.readiness.check import checks_in
from understudy.domain.readiness.facts import Verdict

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
CHECKS = checks_in(balancers)
DEFINITION = a_definition(load_balancers=(LOAD_BALANCER,))
OPEN = {NODES_GROUP: (a_rule(HTTP_PORT, BALANCER_GROUP), a_rule(SERVICE_PORT, BALANCER_GROUP))}
BLOCKS = {"subnet-a": "10.0.1.0/24", "subnet-b": "10.0.2.0/24"}


def says(check, verdict, words, group=None, **changes):
    usual = {
        "definition": DEFINITION,
        "target_groups": {ARN: group or a_group()},
        "instances": instances(node_a={"groups": {NODES_GROUP}}, node_b={"groups": {NODES_GROUP}}),
        "ingress": OPEN,
        "blocks": BLOCKS,
    }
    finding = check(facts(**{**usual, **changes}))
    assert (finding.verdict, words in finding.found) == (verdict, True), finding


@pytest.mark.parametrize("check", CHECKS, ids=[each.name for each in CHECKS])
def test_a_load_balancer_that_is_set_up_as_it_should_be_passes_and_one_that_cannot_be_read_does_not(check):  # B3
    says(check, PASS, "")
    says(check, UNKNOWN, "AccessDenied", target_groups={ARN: UNREAD})
    gone = FAIL if check is balancers.targets_probed else UNKNOWN
    says(check, gone, f"target group orders-db does not exist: {ARN}", target_groups={ARN: None})
    assert check(facts()).found == "no address of kind load_balancer"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": "TCP", "path": ""}, "target group orders-db probes TCP ; needed: HTTP /serving"),
        ({"path": "/"}, "probes HTTP /; needed: HTTP /serving"),
        ({"path": "/standby"}, "probes HTTP /standby; needed: HTTP /serving"),
        ({"port": "traffic-port"}, "probes the service's own port"),
        ({"codes": "200-599"}, "takes 200-599 for well; needed: 200"),
    ],
)
def test_a_probe_that_asks_anything_else_than_who_serves_fails(changes, words):
    says(balancers.targets_probed, FAIL, words, a_group(probe=a_probe(**changes)))


def test_the_targets_are_the_nodes_by_id_or_address_and_nothing_else():
    look = balancers.targets_are_members
    by_address = tuple(Target(each, SERVICE_PORT, "healthy") for each in (ADDRESS_A, ADDRESS_B))
    says(look, PASS, "has the nodes as targets", a_group(kind="ip", targets=by_address))
    says(look, FAIL, "node-b is no target of target group orders-db", a_group(targets=targets()[:1]))
    stranger = Target("i-0ddddddddddddddd4", SERVICE_PORT, "healthy")
    says(look, FAIL, "has target i-0ddddddddddddddd4", a_group(targets=(*targets(), stranger)))
    leaving = replace(stranger, state="draining")
    says(look, WARN, "has target i-0ddddddddddddddd4", a_group(targets=(*targets(), leaving)))
    says(look, FAIL, "node-b is leaving", a_group(targets=targets(b="draining")))
    other_port = replace(targets()[1], port=5433)
    says(look, WARN, "has targets with ports 5432, 5433", a_group(targets=(targets()[0], other_port)))
    says(look, FAIL, "is for targets of kind lambda", a_group(kind="lambda"))


def test_a_witness_among_the_targets_would_get_connections_and_serve_none():
    witnessed = replace(DEFINITION, nodes=(*DEFINITION.nodes, WITNESS_C))
    with_witness = (*targets(), Target(WITNESS_C.instance_id, SERVICE_PORT, "unhealthy"))
    says(
        balancers.targets_are_members,
        FAIL,
        f"has target {WITNESS_C.instance_id}, which is no node that serves",
        a_group(targets=with_witness),
        definition=witnessed,
    )


def test_clients_in_every_zone_must_reach_a_node_in_any():
    look = balancers.targets_in_reach
    says(look, FAIL, "no load balancer uses target group orders-db", a_group(balancers=()))
    one_zone = a_balancer(zones=frozenset({"us-east-1a"}))
    says(look, FAIL, "orders is not in us-east-1b, where nodes are", a_group(balancers=(one_zone,)))
    says(look, FAIL, "what arrives in one zone stays there", a_group(is_cross_zone=False))


@pytest.mark.parametrize(
    ("probe", "verdict", "words"),
    [
        ({}, PASS, "takes a node in after 5 s x 2"),
        ({"unhealthy": 3}, WARN, "when it leads to the new one, for up to 3 s: it takes one out after 5 s x 3"),
        ({"interval_s": 10, "healthy": 3, "unhealthy": 3}, WARN, "takes a node in after 10 s x 3 = 30 s"),
        ({"interval_s": 10}, WARN, "takes a node in after 10 s x 2 = 20 s; silence_limit_s is 15"),
    ],
    ids=["AWS's quickest", "slow to take out", "NLB's default", "slow to take in"],
)
def test_probing_is_held_against_the_timings_of_the_policy(probe, verdict, words):
    says(balancers.targets_probed_in_time, verdict, words, a_group(probe=a_probe(**probe)))


def test_a_shorter_lease_leaves_the_quickest_probing_behind():
    fast = Policy(heartbeat_interval_s=1, lease_read_interval_s=0.5, lease_s=4, kill_limit_s=0.5, silence_limit_s=5.25)
    says(
        balancers.targets_probed_in_time,
        WARN,
        "still leads to the old node when it leads to the new one, for up to 3 s",
        definition=replace(DEFINITION, policy=fast),
    )


def test_connections_that_outlive_a_node_are_warned_about():
    says(balancers.targets_let_go, WARN, "keeps connections", a_group(ends_connections=False))


@pytest.mark.parametrize(
    ("rules", "group", "verdict", "words"),
    [
        ((a_rule(SERVICE_PORT, BALANCER_GROUP),), {}, FAIL, "node-a does not let orders in on port 7412"),
        ((a_rule(HTTP_PORT, BALANCER_GROUP),), {}, FAIL, "node-b does not let orders in on port 5432"),
        ((a_rule(HTTP_PORT, BALANCER_GROUP, has_lists=True),), {}, FAIL, "port 5432"),
        ((a_rule(HTTP_PORT, BALANCER_GROUP), a_rule(SERVICE_PORT, has_lists=True)), {}, UNKNOWN, "lists of addresses"),
        ((a_rule(HTTP_PORT, blocks=("10.0.0.0/16",)), a_rule(SERVICE_PORT, blocks=("0.0.0.0/0",))), {}, PASS, ""),
        ((a_rule(HTTP_PORT, blocks=("10.0.1.0/24",)),), {"groups": frozenset()}, FAIL, "port 7412"),
        ((a_rule(HTTP_PORT, blocks=("10.0.1.0/24", "10.0.2.0/24")),), {"groups": frozenset()}, PASS, "port 7412"),
    ],
    ids=["no probe", "no service", "lists elsewhere", "lists", "blocks", "one of two subnets", "clients are let in"],
)
def test_what_keeps_probes_or_connections_from_a_node_fails(rules, group, verdict, words):
    """A balancer without groups whose nodes see the clients' own addresses: who they are is not known."""
    says(
        balancers.targets_open,
        verdict,
        words,
        a_group(balancers=(a_balancer(**group),)),
        ingress={NODES_GROUP: rules},
    )


def test_where_nodes_see_the_load_balancers_addresses_these_must_be_let_in_to_the_service():
    says(
        balancers.targets_open,
        FAIL,
        "does not let orders in on port 5432",
        a_group(shows_clients=False, balancers=(a_balancer(groups=frozenset()),)),
        ingress={NODES_GROUP: (a_rule(HTTP_PORT, blocks=("10.0.0.0/16",)),)},
    )


def test_probes_on_the_services_own_port_must_be_let_in_there():
    says(
        balancers.targets_open,
        FAIL,
        "does not let orders in on port 5432",
        a_group(probe=a_probe(port="traffic-port"), balancers=(a_balancer(groups=frozenset()),)),
        ingress={NODES_GROUP: (a_rule(HTTP_PORT, blocks=("10.0.0.0/16",)),)},
    )


def test_what_lets_an_instance_be_reached_that_ec2_does_not_know_is_unknown():  # B3
    says(balancers.targets_open, UNKNOWN, f"EC2 knows no instance {NODE_A} here", instances={})


@pytest.mark.parametrize("read", ["ingress", "blocks", "instances"])
def test_security_groups_that_cannot_be_read_open_and_close_nothing(read):  # B3
    says(balancers.targets_open, UNKNOWN, "AccessDenied", **{read: UNREAD})


def test_the_node_in_service_is_the_one_healthy_target():
    look = balancers.targets_lead
    says(
        look,
        WARN,
        "target group orders-db: node-a, which is in service, is unhealthy (Target.FailedHealthChecks)",
        a_group(targets=targets(a="unhealthy")),
    )
    says(look, WARN, "node-b is healthy, and does not hold the lease", a_group(targets=targets(b="healthy")))
    says(look, PASS, "nobody is in service now", a_group(targets=targets(b="healthy")), state=a_moving_state())
    starting = a_state()
    starting = replace(starting, nodes={**starting.nodes, NODE_A: replace(starting.nodes[NODE_A], service="STARTING")})
    says(look, PASS, "nobody is in service now", a_group(targets=targets(a="unhealthy")), state=starting)
