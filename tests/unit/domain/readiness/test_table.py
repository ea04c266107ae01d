"""The table of checks: that none is forgotten, and that each says what has to be known of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from tests.support.balancers import ARN, LOAD_BALANCER, NODES_GROUP, a_group, a_probe, a_rule, targets
from tests.support.builders import (
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    SPECS,
    TCP_REMOTE,
    a_definition,
    a_failed_start,
    a_report,
    a_state,
    with_keys,
)
from tests.support.readiness import (
    GUARD_KEY,
    NAME_KEY,
    UNREAD,
    VPC,
    ZONE_ID,
    a_table,
    a_zone,
    an_elastic_ip,
    facts,
    found,
    instances,
    of_all_kinds,
)
from understudy.domain import readiness
from understudy.domain.cluster.definition import Route
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.network import RouteTarget
from understudy.domain.cluster.policy import ApprovalPolicy, Fencing, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, TransitionAction
from understudy.domain.lease.paces import paced
from understudy.domain.readiness.check import Check
from understudy.domain.readiness.facts import (
    FoundRecord,
    MetadataService,
    PrivateZone,
    ScalingGroup,
    Verdict,
    VpcDns,
    needed_rights,
)
from understudy.domain.readiness.table import CHECKS

MODULES = [import_module(f"{readiness.__name__}.{each.name}") for each in iter_modules(readiness.__path__)]


def functions_like_a_check() -> Iterator[str]:
    """Public functions that take nothing but facts and give a finding, as `module.function`."""
    for module in MODULES:
        for node in ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                kinds = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
                if kinds == ["Facts"] and ast.unparse(node.returns or ast.Constant(None)) == "Finding":
                    yield f"{module.__name__}.{node.name}"


def place(check: Check) -> str:
    return f"{check.look.__module__}.{check.look.__name__}"


def test_no_check_is_forgotten():
    assert sorted(map(place, CHECKS)) == sorted(functions_like_a_check())


def test_no_check_is_made_twice():
    assert len(set(CHECKS)) == len(CHECKS)


def test_a_check_is_found_by_its_name_in_the_code():
    assert [each.name for each in CHECKS] == [each.look.__name__.replace("_", "-") for each in CHECKS]


def test_names_of_checks_are_unique_and_fit_a_metric_or_a_pattern():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) for name in names)


def test_every_check_has_a_test_of_its_own():
    """Besides the variants below, which all checks are held to."""
    named = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named |= {node.attr} if isinstance(node, ast.Attribute) else set()
            named |= {node.id} if isinstance(node, ast.Name) else set()
    assert [each.name for each in CHECKS if each.look.__name__ not in named] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_says_what_must_hold_what_a_verdict_means_what_to_do_and_how_to_look(check):
    assert check.promise.endswith(".")
    assert Verdict.PASS not in check.means
    assert all(words.endswith(".") for words in check.means.values())
    assert check.means
    assert check.remedy
    assert check.command.startswith(("aws ", "understudy "))


STOPPED = instances(node_b={"power": PowerReading.STOPPED})
ASKS = a_definition(policy=Policy(approval=ApprovalPolicy((TransitionAction.FAILOVER,))))
STOPS = a_definition(policy=Policy(fencing=Fencing(stop_instance=True)))
ONLY_STOPPED = a_definition(policy=Policy(fencing=Fencing(stop_instance=True, accept=(Proof.STOPPED,))))
FASTEST = a_definition(policy=paced(Policy(), "fastest"))
PROFILE = "arn:aws:iam::123456789012:instance-profile/nodes"
BY_TAG = a_definition(nodes=tuple(replace(each, tag=f"orders-db/{each.name}") for each in SPECS[:2]))
IN_GROUPS = instances(node_a={"scaling_group": "asg", "profile": PROFILE})
SHADOWED = {VPC: (PrivateZone("Z0CLOSER", RECORD.name),)}
BALANCED = a_definition(load_balancers=(LOAD_BALANCER,))
GROUPED = instances(node_a={"groups": {NODES_GROUP}}, node_b={"groups": {NODES_GROUP}})
SLOW = a_probe(interval_s=30, path="/", unhealthy=5)
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"instances": UNREAD, "rights": UNREAD, "endpoints": UNREAD},
    {"instances": UNREAD, "definition": of_all_kinds()},
    {"zones": {ZONE_ID: UNREAD}, "records": {}, "vpcs": {}, "stop_protected": {}},
    {"zones": {ZONE_ID: None}},
    *({"zones": {ZONE_ID: a_zone(is_private=private)}, "private_zones": SHADOWED} for private in (True, False)),
    {"zones": {ZONE_ID: a_zone(name="example.org", vpcs={})}, "endpoints": ()},
    {"instances": STOPPED, "vpcs": {VPC: VpcDns(True, False)}, "stop_protected": dict.fromkeys((NODE_A, NODE_B), True)},
    {"definition": BY_TAG, "tagged": UNREAD, "instances": instances(node_a={"scaling_group": "asg"}), "groups": UNREAD},
    {"definition": BY_TAG, "instances": IN_GROUPS, "groups": {"asg": ScalingGroup(frozenset())}},
    {
        "instances": IN_GROUPS,
        "definition": BY_TAG,
        "tagged": {"orders-db/node-a": (NODE_A, "i-0ddddddddddddddd9")},
        "name_members": {PROFILE: True},
    },
    {"instances": instances(node_a={"power": PowerReading.PENDING, "scaling_group": "asg", "address": None})},
    {"instances": instances(node_a={"zone": "us-east-1b"}), "definition": of_all_kinds()},
    {"route_tables": {}, "elastic_ips": {}, "internet_vpcs": (), "definition": of_all_kinds()},
    {
        "route_tables": {"rtb-1": a_table(routes={"10.9.1.0/24": RouteTarget("eni-other")})},
        "definition": of_all_kinds(routes=(Route("10.9.0.0/16", ("rtb-1",)),)),
    },
    {"route_tables": UNREAD, "elastic_ips": UNREAD, "internet_vpcs": UNREAD, "definition": of_all_kinds()},
    {
        "definition": of_all_kinds(),
        "route_tables": dict.fromkeys(("rtb-1", "rtb-2"), a_table(None, is_used=False, local_blocks=("192.0.2.0/24",))),
        "elastic_ips": {"eipalloc-1": an_elastic_ip(stack="", interface_id="eni-9")},
    },
    {"state": a_state(1), "now": NOW + 60},
    {"state": a_state(failed_starts=a_failed_start())},
    {"state": a_state(node_b=a_report(NODE_B, fitness=Fitness(None)))},
    {"state": a_state(node_a=a_report(NODE_A, fitness=Fitness(0)))},
    {"state": a_state(node_b=a_report(NODE_B, fault="its address is 10.0.2.99, not 10.0.2.10"))},
    {"records": {NAME_KEY: (FoundRecord("CNAME", None),), GUARD_KEY: found(1, stack="other")}},
    {"records": {NAME_KEY: (*found(0, ttl=300), FoundRecord("AAAA", None)), GUARD_KEY: ()}},
    {"rights": dict.fromkeys(needed_rights(of_all_kinds(), "understudy"), False)},
    {"state": a_state(node_b=a_report(NODE_B, agent="0.2.0", keeps_lease=False))},
    {"state": a_state(node_b=a_report(NODE_B, agent="1.0.0"))},
    {"state": a_state(node_b=a_report(NODE_B, heard_at=None))},
    *(
        {
            "definition": a_definition(quorum=TCP_REMOTE),
            "state": a_state(node_a=a_report(quorum=Reach(3, 3)), node_b=a_report(NODE_B, quorum=reach)),
        }
        for reach in (Reach(3, 3), Reach(2, 3), Reach(1, 3), None)
    ),
    {"instances": instances(node_a={"hibernates": True, "metadata": MetadataService(True, False, 64)})},
    {"state": a_state(node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE, keeps_lease=False))},
    {"state": a_state(node_b=a_report(NODE_B, named="ffffff"))},
    *(
        {"state": with_keys(a_state(), node_b=said)}
        for said in ({"key": "-"}, {"key": "d4e5f6"}, {"ip": ""}, {"key": "a1b2c3", "silent": (NODE_A,)}, {"key": ""})
    ),
    *({"definition": FASTEST, "state": with_keys(a_state(), node_b=said)} for said in ({}, {"key": "-"}, {"key": ""})),
    *(
        {"definition": BALANCED, "target_groups": {ARN: group}}
        for group in (
            a_group(),
            UNREAD,
            None,
            a_group(targets=targets(b="healthy")[:1], is_cross_zone=False, ends_connections=False, probe=SLOW),
            a_group(targets=(*targets(b="healthy"), replace(targets()[0], id="i-0ddddddddddddddd9", state="draining"))),
        )
    ),
    {"definition": BALANCED, "target_groups": {ARN: a_group()}, "instances": GROUPED, "ingress": UNREAD},
    {
        "definition": BALANCED,
        "target_groups": {ARN: a_group()},
        "instances": GROUPED,
        "ingress": {NODES_GROUP: (a_rule(7412, has_lists=True), a_rule(5432, has_lists=True))},
    },
    {"definition": ASKS},
    {"definition": STOPS, "may_stop": False},
    {"definition": ONLY_STOPPED, "stop_protected": dict.fromkeys((NODE_A, NODE_B), True)},
    {"definition": STOPS, "may_stop": True, "instances": UNREAD},
    {"definition": STOPS, "instances": instances(node_b={"is_one_time": True})},
    {"definition": ONLY_STOPPED, "instances": instances(node_b={"root_device": "instance-store"})},
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_gives_every_verdict_that_it_promises_and_no_other(check):  # S1 S2 S13 S17
    assert {check(facts(**changes)).verdict for changes in VARIANTS} == set(check.verdicts)
