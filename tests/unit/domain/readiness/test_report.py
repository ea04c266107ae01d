"""The table of checks, and the report that they make."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    CLUSTER,
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
from understudy.domain.cluster.definition import Route
from understudy.domain.cluster.network import RouteTarget
from understudy.domain.cluster.policy import ApprovalPolicy, Fencing, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, TransitionAction
from understudy.domain.readiness.facts import (
    Finding,
    FoundRecord,
    MetadataService,
    PrivateZone,
    ScalingGroup,
    Verdict,
    VpcDns,
    needed_rights,
    together,
    worst,
)
from understudy.domain.readiness.report import CheckResult, Report, examine, is_news, make_report
from understudy.domain.readiness.table import CHECKS

STOPPED = instances(node_b={"power": PowerReading.STOPPED})


def report(last=None, **changes) -> Report:
    seen = facts(**changes)
    return make_report(seen, examine(seen), NOW, last)


def test_a_cluster_without_a_fault_passes_every_check():  # S1 S2 S13 S17
    results = examine(facts())
    assert [each.name for each in results] == [check.name for check in CHECKS]
    assert {each.verdict for each in results} == {Verdict.PASS}
    assert {each.advice for each in results} == {""}


def test_a_cluster_of_all_kinds_of_addresses_without_a_fault_passes_every_check():  # S14 S15
    forwarding = {"forwards": True}
    found = facts(definition=of_all_kinds(), instances=instances(node_a=forwarding, node_b=forwarding))
    assert {each.name: each.verdict for each in examine(found) if each.verdict is not Verdict.PASS} == {}


def test_a_cluster_of_routes_only_is_asked_nothing_of_names():  # S14
    found = facts(definition=of_all_kinds(records=()), zones={}, records={}, endpoints=UNREAD)
    of_names = {each.name: each for each in examine(found)}
    for name in ("route53-answers", "zone-owns-name", "record-movable", "guard-ours", "premises-resolve"):
        assert (of_names[name].verdict, of_names[name].found) == (Verdict.PASS, "no address of kind route53_record")


def test_every_check_that_does_not_pass_says_what_to_do():  # S1
    results = {each.name: each for each in examine(facts(instances=STOPPED, endpoints=(), zones={}))}
    assert results["instances-run"].advice.startswith("Start the instance.")
    assert results["premises-resolve"].verdict is Verdict.UNKNOWN
    assert "aws route53resolver list-resolver-endpoints" in results["premises-resolve"].advice


def test_a_report_says_the_worst_and_names_what_would_break_a_failover():
    made = report(instances=STOPPED, endpoints=())
    assert (made.cluster, made.checked_at, made.definition_version) == (CLUSTER, NOW, 1)
    assert (made.verdict, made.failed) == (Verdict.FAIL, ("instances-run",))
    assert [each.name for each in made.named(Verdict.WARN)] == ["premises-resolve"]


def test_a_rule_that_leaves_a_failover_possible_fails_without_alarm():
    same = instances(3, node_c={"zone": "us-east-1a"})
    made = report(members=3, instances=same)
    assert [each.name for each in made.named(Verdict.FAIL)] == ["standbys-apart"]
    assert made.failed == ()


def test_what_failed_is_news_until_it_was_told_and_again_when_it_changes():
    first = report(instances=STOPPED)
    assert is_news(first)
    told = replace(first, told=first.failed)
    assert not is_news(report(last=told, instances=STOPPED))
    assert is_news(report(last=told, instances=STOPPED, zones={"Z0EXAMPLE": a_zone(name="example.org")}))


def test_a_read_that_fails_in_between_does_not_make_the_same_failure_news():  # B3
    told = replace(report(instances=STOPPED), told=("instances-run",))
    gap = report(last=told, instances=UNREAD)
    assert gap.failed == ("instances-run",)
    assert not is_news(gap)
    assert not is_news(report(last=gap, instances=STOPPED))


def test_a_failure_that_was_put_right_is_news_when_it_comes_back():
    told = replace(report(instances=STOPPED), told=("instances-run",))
    well = report(last=told)
    assert (well.failed, well.told, is_news(well)) == ((), (), False)
    assert is_news(report(last=well, instances=STOPPED))


def test_what_was_never_readable_is_no_failure():  # B3
    made = report(instances=UNREAD, rights=UNREAD, endpoints=UNREAD)
    assert (made.verdict, made.failed) == (Verdict.UNKNOWN, ())


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [((), "PASS"), (("PASS", "WARN"), "WARN"), (("WARN", "UNKNOWN"), "UNKNOWN"), (("UNKNOWN", "FAIL", "PASS"), "FAIL")],
)
def test_a_failure_outweighs_what_is_not_known_and_that_a_warning(verdicts, expected):
    assert worst(map(Verdict, verdicts)) is Verdict(expected)


def test_the_same_words_are_not_said_twice():
    assert together([Finding(Verdict.WARN, "a"), Finding(Verdict.WARN, "a"), Finding(Verdict.PASS, "b")]).found == "a"


def test_names_of_checks_are_unique_and_fit_a_metric_or_a_pattern():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) for name in names)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_says_which_rows_it_serves_what_it_looks_at_what_to_do_and_how_to_look(check):
    assert re.fullmatch(r"[SB]\d+( [SB]\d+)*", check.rows)
    assert check.look.__doc__
    assert all(f"{verdict}: " in check.meaning for verdict in set(check.verdicts) - {Verdict.PASS, Verdict.UNKNOWN})
    assert check.remedy
    assert check.command.startswith("aws ")
    assert check.verdicts[0] is Verdict.PASS
    # All but the one that looks at the definition alone read something, and a read can fail.
    assert (check.verdicts[-1] is Verdict.UNKNOWN) == (
        check.name not in ("failover-unattended", "one-serves", "starts-known")
    )


ASKS = a_definition(policy=Policy(approval=ApprovalPolicy((TransitionAction.FAILOVER,))))
STOPS = a_definition(policy=Policy(fencing=Fencing(stop_instance=True)))
ONLY_STOPPED = a_definition(policy=Policy(fencing=Fencing(stop_instance=True, accept=(Proof.STOPPED,))))
PROFILE = "arn:aws:iam::123456789012:instance-profile/nodes"
BY_TAG = a_definition(nodes=tuple(replace(each, tag=f"orders-db/{each.name}") for each in SPECS[:2]))
IN_GROUPS = instances(node_a={"scaling_group": "asg", "profile": PROFILE})
SHADOWED = {VPC: (PrivateZone("Z0CLOSER", RECORD.name),)}
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
    {"definition": ASKS},
    {"definition": STOPS, "may_stop": False},
    {"definition": ONLY_STOPPED, "stop_protected": dict.fromkeys((NODE_A, NODE_B), True)},
    {"definition": STOPS, "may_stop": True, "instances": UNREAD},
    {"definition": STOPS, "instances": instances(node_b={"is_one_time": True})},
    {"definition": ONLY_STOPPED, "instances": instances(node_b={"root_device": "instance-store"})},
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_gives_every_verdict_that_the_table_promises_and_no_other(check):  # S1 S2 S13 S17
    assert {check.look(facts(**changes)).verdict for changes in VARIANTS} == set(check.verdicts)


def test_a_result_that_passed_needs_no_advice():
    assert CheckResult("zones-differ", Verdict.PASS, "all is well").advice == ""
