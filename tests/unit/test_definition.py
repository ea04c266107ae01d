"""Definitions as people write them: every fault is named by path and value, and nothing else is ever raised."""

import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import NODE_A, NODE_B, NODE_C
from tests.support.fakes import FakeNodes
from tools.definition_schema import definition_schema
from understudy.definition import DefinitionError, define, parse_document, read_definition
from understudy.definition.document import (
    ClusterDocument,
    ElasticIpDocument,
    LoadBalancerDocument,
    QuorumDocument,
    RecordDocument,
    RouteDocument,
    ServiceDocument,
    TuningDocument,
)
from understudy.definition.policy_document import (
    ApprovalDocument,
    BudgetDocument,
    DrillDocument,
    FailbackDocument,
    FencingDocument,
    PolicyDocument,
)
from understudy.domain.cluster.definition import (
    LAST_PRIORITY,
    ClientVpc,
    Definition,
    ElasticIp,
    LoadBalancer,
    NodeSpec,
    Quorum,
    QuorumMode,
    Record,
    Role,
    Route,
    ServiceSpec,
)
from understudy.domain.cluster.policy import (
    ApprovalPolicy,
    DrillPolicy,
    FailbackPolicy,
    FailoverBudget,
    Fencing,
    Policy,
)
from understudy.domain.cluster.state import PowerReading, Proof, TransitionAction
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.lease.paces import PACES, TIMINGS
from understudy.ports.nodes import InstanceFacts
from understudy.ports.parameters import DefinitionReading, ParameterText

DRILL: dict[str, Any] = {"every_days": 30, "hours": "02:00-04:00"}
YAML = f"""
nodes:
  - {{name: node-a, instance_id: {NODE_A}, priority: 1}}
  - {{name: node-b, instance_id: {NODE_B}, priority: 2, alarms: [orders-db-disk]}}
addresses:
  - {{kind: route53_record, hosted_zone_id: Z0EXAMPLE, name: orders-db.corp.example.com, type: A}}
services:
  - {{name: data}}
  - {{name: postgresql, depends_on: [data]}}
policy: {{silence_limit_s: 20, max_failovers: {{count: 5}}}}
tuning: {{ROUTE53_TTL: 5}}
"""
INSTANCES = {NODE_A: InstanceFacts("10.0.1.10", "us-east-1a"), NODE_B: InstanceFacts("10.0.2.10", "us-east-1b")}


def a_document(**changes: Any) -> Any:
    return {**yaml.safe_load(YAML), **changes}


def faults_of(document: Any) -> list[str]:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(DefinitionError) as caught:
        parse_document(text)
    assert str(caught.value) == "; ".join(caught.value.faults)
    return caught.value.faults


def changed(path: str, value: Any) -> Any:
    document = a_document()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    part = document
    for parent in parents:
        part = part[parent]
    part[last] = value
    return document


def test_a_definition_is_normalised_with_every_default_and_the_addresses_of_ec2():  # S3
    assert define("orders-db", 3, parse_document(YAML), INSTANCES) == Definition(
        cluster="orders-db",
        version=3,
        nodes=(
            NodeSpec("node-a", NODE_A, 1, "10.0.1.10", "us-east-1a"),
            NodeSpec("node-b", NODE_B, 2, "10.0.2.10", "us-east-1b", ("orders-db-disk",)),
        ),
        records=(Record("Z0EXAMPLE", "orders-db.corp.example.com"),),
        services=(ServiceSpec("data"), ServiceSpec("postgresql", ("data",))),
        policy=Policy(silence_limit_s=20, max_failovers=FailoverBudget(count=5)),
        tuning_set={"ROUTE53_TTL": 5},
    )


def test_json_is_read_as_yaml_is():
    assert parse_document(json.dumps(a_document(), indent=2)) == parse_document(YAML)


@pytest.mark.parametrize(
    "name", ["Orders-DB.Corp.Example.COM", "orders-db.corp.example.com.", "ORDERS-DB.corp.example.com."]
)
def test_the_record_is_known_by_its_name_in_lower_case_without_the_last_dot(name):
    document = parse_document(json.dumps(changed("addresses.0.name", name)))
    assert define("orders-db", 1, document, INSTANCES).records[0].name == "orders-db.corp.example.com"


SIDES: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
    (PolicyDocument, Policy, {}),
    (FencingDocument, Fencing, {}),
    (FailbackDocument, FailbackPolicy, {"mode": "manual"}),
    (BudgetDocument, FailoverBudget, {}),
    (ApprovalDocument, ApprovalPolicy, {}),
    (DrillDocument, DrillPolicy, DRILL),
    (TuningDocument, Tuning, {}),
    (QuorumDocument, Quorum, {}),
)
"""What people write, what it becomes, and what of it has to be written."""
SPELLED_OUT = (PolicyDocument, "pace")
"""It becomes the timings that it stands for."""


@pytest.mark.parametrize(("document_class", "domain_class", "needed"), SIDES)
def test_a_setting_is_known_on_both_sides_with_the_same_default(document_class, domain_class, needed):  # S8
    known = [name for name in document_class.model_fields if (document_class, name) != SPELLED_OUT]
    assert known == [field.name for field in fields(domain_class)]
    written = document_class(**needed).model_dump()
    for field in fields(domain_class):
        default: Any = getattr(domain_class(**needed), field.name)
        usual = vars(default) if is_dataclass(default) else default
        assert {field.name: written[field.name]} == _as_written({field.name: usual})


NOTHING_USUAL: dict[str, Any] = {
    "heartbeat_interval_s": 3,
    "lease_read_interval_s": 1,
    "lease_s": 14,
    "kill_limit_s": 1.5,
    "drift_margin_s": 3,
    "silence_limit_s": 20,
    "observer_lag_limit_s": 4,
    "service_start_limit_s": 100,
    "promise_s": 13,
    "on_isolation": "keep",
    "outage_budget_s": 60,
    "retry_failed_start": False,
    "fitness": {"required": True, "margin": 4096},
    "fencing": {"stop_instance": True, "accept": ["stopped"], "limit_s": 50, "unproven": "proceed"},
    "failback": {"mode": "automatic", "stable_for_s": 700, "hours": "22:00-06:00", "days": ["mon"]},
    "max_failovers": {"count": 2, "window_s": 1800},
    "approval": {"for": ["failover"], "wait_s": 300, "on_timeout": "proceed"},
    "drill": {**DRILL, "days": ["sun"], "back_after_s": 240},
}


def as_usual(found: Any, usual: Any) -> list[str]:
    """The fields that are as they are when nothing is said."""
    names = [field.name for field in fields(found)]
    parts = [name for name in names if is_dataclass(getattr(found, name))]
    defaults = {name: getattr(usual, name) or DrillPolicy(**DRILL) for name in parts}
    alike = [name for name in names if name not in parts and getattr(found, name) == getattr(usual, name)]
    return alike + [f"{name}.{each}" for name in parts for each in as_usual(getattr(found, name), defaults[name])]


def test_no_setting_of_the_policy_is_lost_on_its_way():
    text = json.dumps(a_document(policy=NOTHING_USUAL))
    policy = define("orders-db", 1, parse_document(text), INSTANCES).policy
    assert as_usual(policy, Policy()) == [f"drill.{name}" for name in DRILL]


def _as_written(values: dict[str, Any]) -> dict[str, Any]:
    """People write the proofs in small letters."""
    return {
        key: _as_written(value)
        if isinstance(value, dict)
        else tuple(map(str.lower, value))
        if key == "accept"
        else value
        for key, value in values.items()
    }


def test_a_definition_with_least_said_has_the_domains_defaults():
    least = {key: a_document()[key] for key in ("nodes", "addresses")}
    definition = define("orders-db", 1, parse_document(json.dumps(least)), INSTANCES)
    assert (definition.policy, definition.tuning, definition.services) == (Policy(), Tuning(), ())


def test_the_kinds_that_a_document_knows_are_the_domains():
    record = {field.name for field in fields(Record)}
    assert set(RecordDocument.model_fields) - {"kind"} == record
    assert set(ElasticIpDocument.model_fields) - {"kind"} == {field.name for field in fields(ElasticIp)}
    renamed = {"destination": "address"}
    assert set(RouteDocument.model_fields) - {"kind"} == {renamed.get(f.name, f.name) for f in fields(Route)}
    assert set(LoadBalancerDocument.model_fields) - {"kind"} == {field.name for field in fields(LoadBalancer)}
    assert set(ServiceDocument.model_fields) == {field.name for field in fields(ServiceSpec)}


TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders-db/73e2d6bc24d8a067"


def test_a_load_balancer_stands_alone_or_beside_a_record():  # B21
    balancer = {"kind": "load_balancer", "target_group_arn": TARGET_GROUP}
    for others in ([], a_document()["addresses"]):
        document = a_document() | {"addresses": [*others, balancer]}
        definition = define("orders-db", 1, parse_document(json.dumps(document)), INSTANCES)
        assert definition.load_balancers == (LoadBalancer(TARGET_GROUP),)
        assert definition.labels[-1] == "target group orders-db"
        assert definition.claims[TARGET_GROUP] == "target group orders-db"
        assert len(definition.records) == len(others)


@pytest.mark.parametrize(
    "arn",
    [
        "orders-db",
        TARGET_GROUP.replace("targetgroup", "loadbalancer/net"),
        TARGET_GROUP.replace(":123456789012:", ":12:"),
        TARGET_GROUP + "\n",
    ],
)
def test_what_is_no_target_group_is_refused_with_what_was_found(arn):  # B21
    document = a_document() | {"addresses": [{"kind": "load_balancer", "target_group_arn": arn}]}
    with pytest.raises(DefinitionError, match=r"addresses\[0\].target_group_arn: found"):
        parse_document(json.dumps(document))


def test_a_target_group_that_is_named_twice_is_refused():  # B21
    document = a_document() | {"addresses": [{"kind": "load_balancer", "target_group_arn": TARGET_GROUP}] * 2}
    with pytest.raises(DefinitionError, match="which addresses\\[0\\] has already"):
        parse_document(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("nodes.0.name", "Node A", "nodes[0].name: found 'Node A'"),
        ("nodes.1.instance_id", "i-xyz", "nodes[1].instance_id: found 'i-xyz'"),
        ("nodes.1.priority", 0, "nodes[1].priority: found 0"),
        ("nodes.1.priority", True, "nodes[1].priority: found True; Value error, must be a number"),
        ("nodes.1.priority", 1.5, "nodes[1].priority: found 1.5"),
        ("nodes.1.alarms", [""], "nodes[1].alarms[0]: found ''"),
        ("nodes.1.alarms", "disk", "nodes[1].alarms: found 'disk'"),
        ("nodes.1.colour", "blue", "nodes[1].colour: is not a key of a definition"),
        ("nodes.1", 7, "nodes[1]: found 7"),
        ("nodes", None, "nodes: found None"),
        ("addresses.0.kind", "virtual_ip", "addresses[0].kind: found 'virtual_ip'"),
        ("addresses.0.hosted_zone_id", "/hostedzone/Z1", "addresses[0].hosted_zone_id: found '/hostedzone/Z1'"),
        ("addresses.0.name", "orders db.example.com", "addresses[0].name: found 'orders db.example.com'"),
        ("addresses.0.name", "orders", "addresses[0].name: found 'orders'"),
        ("addresses.0.name", "*.example.com", "addresses[0].name: found '*.example.com'"),
        ("addresses.0.name", f"{'a' * 64}.example.com", "addresses[0].name: found 'aaa"),
        ("addresses.0.name", "orders.example.com\n", r"addresses[0].name: found 'orders.example.com\n'"),
        ("addresses.0.name", 7, "addresses[0].name: found 7"),
        ("addresses.0.type", "CNAME", "addresses[0].type: found 'CNAME'"),
        ("services.0.name", "", "services[0].name: found ''"),
        ("services.1.depends_on", ["date"], "services[1].depends_on: found 'date'; allowed: data, postgresql"),
        ("services.1", {"name": "data"}, "services[1].name: found 'data' a second time"),
        ("policy.failback", "soon", "policy.failback.mode: found 'soon'; Input should be 'manual' or 'automatic'"),
        ("policy.lease_s", 0, "policy.lease_s: found 0"),
        ("policy.lease_s", 3601, "policy.lease_s: found 3601"),
        ("policy.lease_s", True, "policy.lease_s: found True; Value error, must be a number"),
        ("policy.lease_s", "twelve", "policy.lease_s: found 'twelve'"),
        ("policy.lease_s", [12], "policy.lease_s: found [12]"),
        ("policy.leases", 12, "policy.leases: is not a key of a definition"),
        ("policy.max_failovers", 3, "policy.max_failovers: found 3"),
        ("policy.max_failovers.window_s", 1, "policy.max_failovers.window_s: found 1"),
        ("tuning.ROUTE53_TTL", 0, "tuning.ROUTE53_TTL: found 0"),
        ("tuning.ROUTE53_TTL", True, "tuning.ROUTE53_TTL: found True; Value error, must be a number"),
        ("tuning.ROUTE53_RECORD_TRY_COUNT", 101, "tuning.ROUTE53_RECORD_TRY_COUNT: found 101"),
        ("tuning.route53_ttl", 10, "tuning.route53_ttl: is not a key of a definition"),
        ("notes", "", "notes: is not a key of a definition"),
    ],
)
def test_a_fault_is_named_by_path_and_value_found(path, value, words):
    faults = faults_of(changed(path, value))
    assert len(faults) == 1
    assert faults[0].startswith(words)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("lease_s", "; it belongs under policy"),
        ("nodes.0.stop_instance", "; it belongs under policy.fencing"),
        ("policy.limit_s", "; it belongs under policy.fencing"),
        ("policy.client_vpcs", "; it belongs at the top, beside nodes"),
        ("policy.days", "; it belongs under policy.failback or under policy.drill"),
        ("policy.leases", "; did you mean lease_s?"),
        ("nodes.0.instance-id", "; did you mean instance_id?"),
        ("nodes.0.Priority", "; did you mean priority?"),
        ("tuning.route53_ttl", "; did you mean ROUTE53_TTL?"),
        ("heartbeat_intervall_s", "; did you mean policy.heartbeat_interval_s?"),
        ("polcy", "; did you mean policy?"),
        ("notes", "; did you mean nodes?"),
        ("colour", ""),
        (f"policy.{'lease_s' * 20}", ""),
    ],
)
def test_an_unknown_key_says_where_it_belongs_or_what_it_may_be_a_slip_of(path, hint):
    (fault,) = faults_of(changed(path, 12))
    shown = path if len(path) < 60 else "policy." + f"{'lease_s' * 20}"[:57] + "..."
    assert fault == f"{shown.replace('nodes.0', 'nodes[0]')}: is not a key of a definition{hint}"


def test_an_unknown_key_of_a_part_within_the_policy_is_told_alike():
    (fault,) = faults_of(changed("policy.fencing", {"limits": 12}))
    assert fault == "policy.fencing.limits: is not a key of a definition; did you mean limit_s?"


def test_a_key_of_another_kind_of_address_has_no_hint():
    elastic_ip = {"kind": "elastic_ip", "allocation_id": "eipalloc-0123456789abcdef0", "hosted_zone_id": "Z1"}
    (fault,) = faults_of(changed("addresses.0", elastic_ip))
    assert fault == "addresses[0].hosted_zone_id: is not a key of a definition"


def test_what_is_missing_is_named():
    assert faults_of({}) == ["nodes: is missing", "addresses: is missing"]
    assert faults_of(changed("nodes.0", {})) == [
        "nodes[0].name: is missing",
        "nodes[0].instance_id: is missing",
        "nodes[0].priority: is missing",
    ]


def test_several_faults_are_named_at_once():
    document = changed("nodes.0.name", "Node A") | {"notes": 1, "policy": {"lease_s": -1}}
    assert [fault.split(":")[0] for fault in faults_of(document)] == ["nodes[0].name", "policy.lease_s", "notes"]


@pytest.mark.parametrize(("key", "count"), [("nodes", 1), ("nodes", 11), ("addresses", 0), ("addresses", 11)])
def test_a_cluster_has_two_to_ten_nodes_and_one_to_ten_addresses(key, count):
    one = a_document()[key][0]
    many = [one | ({"name": f"n{n}", "priority": n + 1} if key == "nodes" else {}) for n in range(count)]
    assert faults_of(a_document(**{key: many}))[0].startswith(f"{key}: found [")


@pytest.mark.parametrize(("key", "value"), [("name", "node-a"), ("instance_id", NODE_A), ("priority", 1)])
def test_nodes_are_told_apart_by_name_instance_and_priority(key, value):
    assert faults_of(changed(f"nodes.1.{key}", value)) == [
        f"nodes[1].{key}: found {value!r}, which nodes[0] has already"
    ]


@pytest.mark.parametrize(
    ("services", "circle"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"start": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
    ],
)
def test_a_circle_of_dependencies_is_named(services, circle):  # S9
    listed = [{"name": name, "depends_on": on} for name, on in services.items()]
    assert faults_of(a_document(services=listed)) == [f"services: depend on each other in a circle: {circle}"]


def test_services_may_share_what_they_depend_on():  # S9
    listed = [
        {"name": "web", "depends_on": ["app", "data"]},
        {"name": "app", "depends_on": ["data"]},
        {"name": "data"},
    ]
    assert len(parse_document(json.dumps(a_document(services=listed))).services) == 3


def test_timings_that_contradict_each_other_are_refused_with_the_numbers():
    faults = faults_of(a_document(policy={"lease_s": 20, "heartbeat_interval_s": 10, "fencing": {"limit_s": 22}}))
    assert [fault.split(":")[0] for fault in faults] == ["policy"] * 4
    assert "lease_s 20 + 1 + drift_margin_s 2 is above silence_limit_s 15" in faults[0]
    assert "2 x heartbeat_interval_s 10 + lease_read_interval_s 2 + 1 is above lease_s 20 - kill_limit_s 1" in faults[1]
    assert "2 x heartbeat_interval_s 10 + observer_lag_limit_s 5 + 1 is above silence_limit_s 15" in faults[2]
    assert "fencing.limit_s 22 is below lease_s 20 + 1 + drift_margin_s 2" in faults[3]


def policy_of(**policy: Any) -> Policy:
    return define("orders-db", 1, parse_document(json.dumps(a_document(policy=policy))), INSTANCES).policy


def test_how_a_node_is_fenced_is_read_as_it_is_written():  # S12 B4
    written = {"stop_instance": True, "accept": ["stopped", "released"], "limit_s": 120, "unproven": "proceed"}
    assert policy_of(fencing=written).fencing == Fencing(True, (Proof.RELEASED, Proof.STOPPED), 120, "proceed")


@pytest.mark.parametrize("pace", PACES)
def test_a_pace_is_one_word_for_all_timings(pace):  # B22
    assert policy_of(pace=pace) == PACES[pace]
    assert policy_of(pace=pace, retry_failed_start=False) == replace(PACES[pace], retry_failed_start=False)


def test_a_timing_that_is_written_overrides_the_paces_also_where_it_is_the_normal_one():  # B22
    assert policy_of(pace="fast", silence_limit_s=12) == replace(PACES["fast"], silence_limit_s=12)
    assert policy_of(pace="calm", lease_s=32, silence_limit_s=37).lease_s == 32
    normal = policy_of(pace="fast", lease_s=12, silence_limit_s=15)
    assert (normal.lease_s, normal.silence_limit_s, normal.heartbeat_interval_s) == (12, 15, 2)


def test_what_contradicts_a_pace_is_refused_with_all_numbers_at_once():  # B22
    written = {"pace": "fast", "heartbeat_interval_s": 3, "lease_s": 8, "promise_s": 9, "drift_margin_s": 1.5}
    document = a_document(policy=written)
    document["quorum"] = {"mode": "tcp_remote", "hosts": HOSTS, "timeout_s": 4}
    assert faults_of(document) == [
        "policy: at pace fast, lease_s 8 + 1 + drift_margin_s 1.5 is above silence_limit_s 10: silence would be "
        "noticed before the lease has run out",
        "policy: at pace fast, 2 x heartbeat_interval_s 3 + lease_read_interval_s 1 + 1 is above lease_s 8 - "
        "kill_limit_s 1: one lost beat would stop the service",
        "policy: at pace fast, 2 x heartbeat_interval_s 3 + observer_lag_limit_s 5 + 1 is above silence_limit_s 10: "
        "one lost beat and a late observer would look like silence",
        "policy: at pace fast, drift_margin_s 1.5 is below 2: where an agent hangs, what takes its services down may "
        "be 2 s late on a busy node, so two nodes would serve",
        "policy: at pace fast, promise_s 9 is above lease_s 8: a node that waits a promise out would be taken for idle",
        "quorum.timeout_s: 4 is above policy.heartbeat_interval_s 3: a probe would take longer than the time between "
        "two beats",
        "quorum.timeout_s: 2 x policy.heartbeat_interval_s 3 + 4 is above policy.lease_s 8: one lost probe would stop "
        "the service",
    ]


def test_a_word_that_is_no_pace_is_refused_with_those_that_are():  # B22
    (fault,) = faults_of(a_document(policy={"pace": "brisk"}))
    assert fault == "policy.pace: found 'brisk'; Input should be 'calm', 'normal', 'fast' or 'fastest'"


def test_how_long_a_quorum_host_may_take_follows_the_beat_unless_it_is_written():  # B22 S12
    def timeout_s(**quorum: Any) -> float:
        written = {"mode": "tcp_remote", "hosts": HOSTS, **quorum}
        document = parse_document(json.dumps({**a_document(policy={"pace": "fastest"}), "quorum": written}))
        return define("orders-db", 1, document, INSTANCES).quorum.timeout_s

    assert timeout_s() == 1
    assert timeout_s(timeout_s=0.5) == 0.5


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("manual", FailbackPolicy()),
        ("automatic", FailbackPolicy("automatic")),
        ({"mode": "manual"}, FailbackPolicy()),
        (
            {"mode": "automatic", "stable_for_s": 3600, "hours": "22:00-06:00", "days": ["sat", "sun"]},
            FailbackPolicy("automatic", 3600, "22:00-06:00", ("sat", "sun")),
        ),
    ],
)
def test_a_failback_is_one_word_or_an_object(written, expected):  # B6
    assert policy_of(failback=written).failback == expected


# B4
def test_what_waits_for_a_person_is_read_as_it_is_written_and_is_nothing_by_default():
    assert policy_of().approval == ApprovalPolicy()
    assert policy_of(approval={"for": []}).approval == ApprovalPolicy()
    written = {"for": ["failover", "failback"], "wait_s": 900, "on_timeout": "proceed"}
    actions = (TransitionAction.FAILOVER, TransitionAction.FAILBACK)
    assert policy_of(approval=written).approval == ApprovalPolicy(actions, 900, "proceed")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            {"fence_limit_s": 60},
            "policy.fence_limit_s: is not a key of a definition; it is called policy.fencing.limit_s",
        ),
        ({"fencing": {"accept": []}}, "policy.fencing.accept: found []"),
        ({"fencing": {"accept": ["stopping"]}}, "policy.fencing.accept[0]: found 'stopping'"),
        ({"fencing": {"accept": ["stopped", "stopped"]}}, "policy.fencing.accept: found 'stopped' more than once"),
        ({"fencing": {"stop_instance": "yes"}}, "policy.fencing.stop_instance: found 'yes'"),
        ({"fencing": {"unproven": "guess"}}, "policy.fencing.unproven: found 'guess'"),
        ({"failback": {"mode": "manual", "hours": "22:00-06:00"}}, "policy.failback: found hours with mode manual"),
        ({"failback": {"mode": "automatic", "hours": "22-6"}}, "policy.failback.hours: found '22-6'"),
        ({"failback": {"mode": "automatic", "hours": "24:00-06:00"}}, "policy.failback.hours: found '24:00-06:00'"),
        ({"failback": {"mode": "automatic", "hours": "06:00-06:00"}}, "found '06:00-06:00', which is no time"),
        ({"failback": {"mode": "automatic", "days": ["someday"]}}, "policy.failback.days[0]: found 'someday'"),
        ({"failback": {"mode": "automatic", "days": ["sat", "sat"]}}, "found 'sat' more than once"),
        ({"failback": {"mode": "automatic", "stable_for_s": 59}}, "policy.failback.stable_for_s: found 59"),
        ({"fencing": {"accept": ["released"]}}, "policy: fencing.accept is released alone"),
        ({"approval": {"wait_s": 60}}, "policy.approval: found wait_s without a move in for"),
        ({"approval": {"for": [], "on_timeout": "proceed"}}, "policy.approval: found on_timeout without a move in for"),
        ({"approval": {"for": ["place"]}}, "policy.approval.for[0]: found 'place'"),
        ({"approval": {"for": ["failover", "failover"]}}, "policy.approval.for: found 'failover' more than once"),
        ({"approval": {"for": ["failover"], "wait_s": 29}}, "policy.approval.wait_s: found 29"),
        ({"approval": {"for": ["failover"], "wait_s": 1501}}, "policy.approval.wait_s: found 1501"),
        ({"approval": {"for": ["failover"], "on_timeout": "guess"}}, "policy.approval.on_timeout: found 'guess'"),
        ({"outage_budget_s": 0}, "policy.outage_budget_s: found 0"),
        ({"drill": {"every_days": 30}}, "policy.drill.hours: is missing"),
        ({"drill": {"hours": "02:00-04:00"}}, "policy.drill.every_days: is missing"),
        ({"drill": {**DRILL, "every_days": 0}}, "policy.drill.every_days: found 0"),
        ({"drill": {**DRILL, "back_after_s": 60}}, "policy.drill.back_after_s: found 60"),
        ({"drill": {**DRILL, "days": ["sun", "sun"]}}, "policy.drill.days: found 'sun' more than once"),
        ({"drill": {**DRILL, "hours": "02:00-02:09"}}, "540 s, and back_after_s 300; allowed: at least twice"),
        ({"drill": {**DRILL, "hours": "02:00-02:00"}}, "found '02:00-02:00', 0 s"),
        (
            {"drill": DRILL, "failback": {"mode": "automatic", "stable_for_s": 600}},
            "policy.drill.back_after_s: found 300, and failback.stable_for_s 600; allowed: less than half of it",
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_name(policy, words):  # S12 B6
    (fault,) = faults_of(a_document(policy=policy))
    assert words in fault


def test_there_are_no_drills_and_no_budget_unless_the_definition_asks_for_them():  # B7
    assert (policy_of().drill, policy_of().outage_budget_s) == (None, None)
    asked = policy_of(drill={**DRILL, "days": ["sun"]}, outage_budget_s=20)
    assert asked.drill == DrillPolicy(every_days=30, hours="02:00-04:00", days=("sun",), back_after_s=300)
    assert asked.outage_budget_s == 20


def test_a_window_over_midnight_is_as_long_as_it_is():  # B7
    drill = policy_of(drill={**DRILL, "hours": "23:30-00:30"}).drill
    assert drill is not None and drill.hours == "23:30-00:30"


def test_an_instance_that_ec2_does_not_know_is_refused():  # S1
    with pytest.raises(DefinitionError) as caught:
        define("orders-db", 1, parse_document(YAML), {NODE_A: INSTANCES[NODE_A]})
    assert caught.value.faults == [f"nodes[1].instance_id: found '{NODE_B}'; EC2 knows no such instance here"]


def test_nodes_that_are_all_in_one_zone_are_refused():  # S1
    instances = {each: InstanceFacts("10.0.0.1", "us-east-1a") for each in (NODE_A, NODE_B)}
    with pytest.raises(DefinitionError) as caught:
        define("orders-db", 1, parse_document(YAML), instances)
    assert caught.value.faults == [
        "nodes: all that serve are in us-east-1a; allowed: nodes in at least two Availability Zones"
    ]


def test_reading_a_parameter_answers_the_definition_or_its_faults():
    nodes = FakeNodes()
    for each, facts in INSTANCES.items():
        nodes.launch(each, facts.address, facts.zone)
    text = ParameterText("orders-db", 7, YAML)
    read = read_definition(text, 3, nodes)
    assert read.definition is not None
    assert (read.definition.version, read.definition.digest, read.faults) == (3, text.digest, ())
    assert read.records == read.definition.records
    assert read_definition(ParameterText("orders-db", 8, "nodes: 7"), 4, nodes) == DefinitionReading(
        None, ("nodes: found 7; Input should be a valid tuple", "addresses: is missing")
    )


def test_sound_parts_are_judged_in_the_same_round_as_faulty_ones():  # S1
    """Else somebody mends one fault after the other, each with a minute of waiting."""
    nodes = FakeNodes()
    nodes.launch(NODE_A, "10.0.1.10", "us-east-1a", PowerReading.TERMINATED)
    document = a_document(
        nodes=[
            {"name": "node-a", "instance_id": NODE_A, "priority": 1},
            {"name": "node-b", "instance_id": "db-2", "priority": 0},
            {"name": "node-c", "instance_id": NODE_C, "priority": 3},
        ],
        addresses=[*a_document()["addresses"], {"kind": "route53_record", "hosted_zone_id": "no", "name": "x"}],
        colour="red",
    )
    read = read_definition(ParameterText("orders-db", 7, json.dumps(document)), 3, nodes)
    assert {fault.partition(": ")[0] for fault in read.faults} == {
        "nodes[0].instance_id",
        "nodes[1].instance_id",
        "nodes[1].priority",
        "nodes[2].instance_id",
        "addresses[1].hosted_zone_id",
        "addresses[1].name",
        "colour",
    }
    assert f"nodes[0].instance_id: found '{NODE_A}'; EC2 says that it is terminated" in read.faults
    assert [record.name for record in read.records] == ["orders-db.corp.example.com"]


# B17
TAGGED = [
    {"name": f"node-{each}", "instance": {"tag": f"orders-db/node-{each}"}, "priority": n}
    for n, each in enumerate("ab", 1)
]


def tagged_nodes() -> FakeNodes:
    nodes = FakeNodes()
    for each, facts, tag in zip(
        (NODE_A, NODE_B), INSTANCES.values(), ("orders-db/node-a", "orders-db/node-b"), strict=True
    ):
        nodes.launch(each, facts.address, facts.zone)
        nodes.tags[each] = tag
    return nodes


def read_tagged(ec2: FakeNodes, **changes: Any) -> DefinitionReading:
    document = a_document(**{"nodes": TAGGED, **changes})
    return read_definition(ParameterText("orders-db", 7, json.dumps(document)), 3, ec2)


def test_a_member_may_be_named_by_its_tag():
    read = read_tagged(tagged_nodes())
    assert read.faults == ()
    assert read.definition is not None
    assert [(node.instance_id, node.tag) for node in read.definition.nodes] == [
        (NODE_A, "orders-db/node-a"),
        (NODE_B, "orders-db/node-b"),
    ]


def test_of_the_instances_with_a_tag_one_must_live():
    nodes = tagged_nodes()
    nodes.launch(NODE_C, "10.0.1.99", "us-east-1a")
    nodes.tags[NODE_C] = "orders-db/node-a"
    assert read_tagged(nodes).faults == (
        "nodes[0].instance.tag: found 'orders-db/node-a'; "
        f"2 living instances have it ({NODE_A}, {NODE_C}); allowed: one",
    )
    nodes.powers |= {NODE_A: PowerReading.TERMINATED, NODE_C: PowerReading.SHUTTING_DOWN}
    assert read_tagged(nodes).faults == (
        "nodes[0].instance.tag: found 'orders-db/node-a'; no living instance has it; allowed: one",
    )


@pytest.mark.parametrize("way", [{"instance_id": NODE_A}, {"instance": {"tag": "orders-db/node-a"}}])
def test_one_instance_is_one_member_however_it_is_named(way):
    """It would count twice in a majority."""
    nodes = tagged_nodes()
    nodes.launch(NODE_C, "10.0.3.10", "us-east-1c")
    nodes.tags |= {NODE_C: "orders-db/node-c"}
    nodes.tags[NODE_A] = "orders-db/node-a"
    twice = [{"name": "node-x", "priority": 3, **way}, *TAGGED]
    faults = read_tagged(nodes, nodes=twice).faults
    assert any("are the same instance" in fault or "has already" in fault for fault in faults)


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        ({"name": "node-a", "priority": 1}, "nodes[0].instance_id: is missing"),
        (
            {"name": "node-a", "priority": 1, "instance_id": NODE_A, "instance": {"tag": "a"}},
            f"nodes[0].instance_id: found '{NODE_A}'; Value error, a node is named by instance_id or by instance, "
            "not by both",
        ),
        ({"name": "node-a", "priority": 1, "instance": {}}, "nodes[0].instance.tag: is missing"),
        (
            {**TAGGED[1], "name": "node-a", "priority": 1},
            "nodes[1].instance: found 'orders-db/node-b', which nodes[0] has already",
        ),
    ],
)
def test_a_member_is_named_in_one_of_the_two_ways_and_once(node, fault):
    assert fault in read_tagged(tagged_nodes(), nodes=[node, TAGGED[1]]).faults


def test_a_policy_that_contradicts_itself_and_an_unknown_instance_are_told_together():  # S1
    nodes = FakeNodes()
    nodes.launch(NODE_A, "10.0.1.10", "us-east-1a")
    document = a_document(policy={"lease_s": 12, "silence_limit_s": 5})
    faults = read_definition(ParameterText("orders-db", 7, json.dumps(document)), 3, nodes).faults
    assert any(fault.startswith("policy") for fault in faults)
    assert f"nodes[1].instance_id: found '{NODE_B}'; EC2 knows no such instance here" in faults


def test_a_node_for_ipv6_only_is_refused_with_the_reason_as_it_is():  # S3
    instances = {**INSTANCES, NODE_B: InstanceFacts("", "us-east-1b", address_v6="2001:db8::1")}
    with pytest.raises(DefinitionError) as caught:
        define("orders-db", 1, parse_document(YAML), instances)
    (fault,) = caught.value.faults
    assert f"found '{NODE_B}'; it has no private IPv4 address" in fault


def test_a_definition_is_not_judged_while_ec2_cannot_be_read():  # B3
    nodes = FakeNodes()
    nodes.is_down = True
    read = read_definition(ParameterText("orders-db", 7, YAML), 3, nodes)
    assert (read.definition, read.faults, read.unread) == (None, (), "EC2 is down")


BILLION_LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the text is None, not an object"),
        ("orders", "the text is 'orders', not an object"),
        ("[1, 2]", "the text is a list, not an object"),
        ("42", "the text is 42, not an object"),
        (BILLION_LAUGHS, "aliases are not allowed"),
        ("nodes: &n [1]\naddresses: *n", "aliases are not allowed"),
        ("nodes: !!python/object/apply:os.system [ls]", "tags are not allowed"),
        ("!!python/object:os.system {}", "tags are not allowed"),
        ("nodes: !!int abc", "tags are not allowed"),
        ("nodes: !!timestamp abc", "tags are not allowed"),
        ("nodes: !mine 1", "tags are not allowed"),
        ("<<: {nodes: 1}", "could not determine a constructor"),
        ("nodes: 1\nnodes: 2", "key 'nodes' is said twice"),
        ('{"nodes": 1, "nodes": 2}', "key 'nodes' is said twice"),
        ("policy: {lease_s: 1, lease_s: 2}", "key 'lease_s' is said twice"),
        ("? [a]\n: b", "is no text"),
        ("1: 2", "key 1 is said twice or is no text"),
        ("---\na: 1\n---\nb: 2", "expected a single document"),
        ("nodes: [", "the text is neither YAML nor JSON"),
        ("\x00", "special characters are not allowed"),
        ("nodes: 0x_", "invalid literal"),
        ("nodes: " + "1" * 8000, "the text is neither YAML nor JSON"),
        ("a: " * 2700, "the text is neither YAML nor JSON"),
        ("}{][" * 2000, "the text is neither YAML nor JSON"),
        ("\t%@`" * 2000, "the text is neither YAML nor JSON"),
        ("[" * 10_000, "nested deeper than 16"),
        ("{a: " * 10_000, "nested deeper than 16"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 16"),
        ("- " * 4000, "the text is"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_text_that_is_no_definition_is_refused_quickly(text, words):
    assert words in faults_of(text)[0]


def test_a_date_is_a_text_like_any_other():
    assert parse_document(YAML.replace("node-a", "2026-02-31")).nodes[0].name == "2026-02-31"


def test_editors_are_told_every_bound_that_the_parser_keeps():
    parts = ClusterDocument.model_json_schema()["$defs"].values()
    properties = [each for part in parts for each in part["properties"].items()]
    unbounded = [
        name for name, what in properties if what.get("type") in ("integer", "number") and "maximum" not in what
    ]
    assert unbounded == []
    assert "pattern" in dict(properties)["hosted_zone_id"]
    assert "pattern" in ClusterDocument.model_json_schema()["$defs"]["RecordDocument"]["properties"]["name"]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def nearly(schema: type[ClusterDocument]) -> st.SearchStrategy[Any]:
    """Documents that are right but for what chance puts in the place of a part."""
    usual = a_document()
    return st.fixed_dictionaries({key: st.just(usual.get(key, {})) | PLAIN for key in schema.model_fields})


@settings(max_examples=100, deadline=None)
@given(nearly(ClusterDocument) | PLAIN)
def test_no_json_raises_anything_but_a_definition_error(document):
    try:
        parse_document(json.dumps(document))
    except DefinitionError as error:
        assert all(error.faults)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>%@'\"\n ab01x_.~=<", max_size=80))
def test_no_text_raises_anything_but_a_definition_error(text):
    with pytest.raises(DefinitionError):
        parse_document(text)


def test_client_vpcs_and_a_forwarder_are_stated_for_the_readiness_check():  # S2
    vpcs = [
        {"vpc_id": "vpc-0123456789abcdef0", "region": "eu-west-1"},
        {"vpc_id": "vpc-01234567", "region": "us-gov-west-1"},
    ]
    document = parse_document(json.dumps(a_document(client_vpcs=vpcs, dns_forwarder=True)))
    definition = define("orders-db", 1, document, INSTANCES)
    assert definition.client_vpcs == tuple(ClientVpc(**each) for each in vpcs)
    assert definition.dns_forwarder is True
    usual = define("orders-db", 1, parse_document(YAML), INSTANCES)
    assert (usual.client_vpcs, usual.dns_forwarder) == ((), False)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"client_vpcs": [{"vpc_id": "vpc-1", "region": "eu-west-1"}]}, "client_vpcs[0].vpc_id: found 'vpc-1'"),
        ({"client_vpcs": [{"vpc_id": "vpc-01234567"}]}, "client_vpcs[0].region: is missing"),
        (
            {"client_vpcs": [{"vpc_id": "vpc-01234567", "region": "eu-west-1a"}]},
            "client_vpcs[0].region: found 'eu-west-1a'",
        ),
        ({"client_vpcs": "vpc-01234567"}, "client_vpcs: found 'vpc-01234567'"),
        ({"dns_forwarder": "yes"}, "dns_forwarder: found 'yes'"),
        ({"dns_forwarder": 1}, "dns_forwarder: found 1"),
    ],
)
def test_a_bad_statement_about_clients_is_refused_by_path_and_value(change, fault):  # S2
    assert any(each.startswith(fault) for each in faults_of(a_document(**change)))


HOSTS = ["quorum-1.corp.example.com:443", "192.0.2.53:53", "[2001:db8::53]:53"]
WITNESS = {"name": "node-c", "instance_id": NODE_C, "role": "witness"}


def with_witness(**changes: Any) -> Any:
    return a_document(nodes=[*a_document()["nodes"], WITNESS], **changes)


def test_quorum_hosts_are_read_and_normalised():  # S12
    quorum = {"mode": "tcp_remote", "hosts": ["Quorum-1.Corp.example.com:443", *HOSTS[1:]], "timeout_s": 1.5}
    definition = define("orders-db", 1, parse_document(json.dumps(a_document(quorum=quorum))), INSTANCES)
    assert definition.quorum == Quorum(QuorumMode.TCP_REMOTE, tuple(HOSTS), 1.5)
    assert define("orders-db", 1, parse_document(YAML), INSTANCES).quorum == Quorum()


def test_an_even_number_of_hosts_is_allowed():  # S12
    quorum = {"mode": "tcp_remote", "hosts": [*HOSTS, "192.0.2.54:53"]}
    assert len(parse_document(json.dumps(a_document(quorum=quorum))).quorum.hosts) == 4


@pytest.mark.parametrize(
    "host",
    [
        "quorum-1",
        "quorum-1:",
        ":443",
        "quorum-1:0",
        "quorum-1:65536",
        "quorum-1:4 43",
        "2001:db8::53:53",
        "tcp://quorum-1:443",
        "quorum-1:443\n",
        "-q:443",
        "q" * 93 + ":443",
        "q;id:443",
        443,
    ],
)
def test_what_is_no_host_and_port_is_refused_by_path(host):  # S12 B10
    faults = faults_of(a_document(quorum={"mode": "tcp_remote", "hosts": [*HOSTS, host]}))
    assert len(faults) == 1
    assert faults[0].startswith("quorum.hosts[3]: found ")


@pytest.mark.parametrize(
    ("quorum", "faults"),
    [
        (
            {"mode": "tcp_remote"},
            [
                "quorum.hosts: found 0 with mode tcp_remote; allowed: 3 or more, so that the service goes on when one "
                "of them is down"
            ],
        ),
        (
            {"mode": "tcp_remote", "hosts": [HOSTS[0], HOSTS[1], HOSTS[0]]},
            ["quorum.hosts: found 'quorum-1.corp.example.com:443' 2 times; each counts once"],
        ),
        ({"mode": "none", "hosts": HOSTS}, ["quorum.hosts: is for mode tcp_remote, found with mode none"]),
        ({"hosts": HOSTS}, ["quorum.hosts: is for mode tcp_remote, found with mode none"]),
        (
            {"mode": "tcp_remote", "hosts": HOSTS, "timeout_s": 5},
            [
                "quorum.timeout_s: 5 is above policy.heartbeat_interval_s 4: a probe would take longer than the "
                "time between two beats",
                "quorum.timeout_s: 2 x policy.heartbeat_interval_s 4 + 5 is above policy.lease_s 12: one lost probe "
                "would stop the service",
            ],
        ),
        (
            {"mode": "majority"},
            [
                "quorum.mode: found majority with 2 nodes; when one is lost, 1 of 2 is no majority, and nothing could "
                "ever fail over; allowed: with three nodes or more, for example a third one with role: witness"
            ],
        ),
        (
            {"mode": "tcp_remote", "hosts": ["10.0.2.10:22", *HOSTS]},
            ["quorum.hosts[0]: found '10.0.2.10:22', which is node-b; allowed: hosts outside the cluster"],
        ),
    ],
)
def test_a_quorum_that_contradicts_itself_is_refused_with_the_numbers(quorum, faults):  # S12
    with pytest.raises(DefinitionError) as caught:
        define("orders-db", 1, parse_document(json.dumps(a_document(quorum=quorum))), INSTANCES)
    assert caught.value.faults == faults


def test_hosts_and_timeout_are_refused_with_a_majority_of_nodes():  # S12
    document = with_witness(quorum={"mode": "majority", "hosts": HOSTS, "timeout_s": 1})
    assert faults_of(document) == [
        "quorum.hosts: is for mode tcp_remote, found with mode majority",
        "quorum.timeout_s: is for mode tcp_remote, found with mode majority",
    ]


def test_a_witness_has_no_priority_and_may_be_in_any_zone():  # S12
    document = parse_document(json.dumps(with_witness(quorum={"mode": "majority"})))
    instances = {**INSTANCES, NODE_C: InstanceFacts("10.0.1.99", "us-east-1a")}
    definition = define("orders-db", 1, document, instances)
    assert definition.nodes[2] == NodeSpec(
        "node-c", NODE_C, LAST_PRIORITY, "10.0.1.99", "us-east-1a", role=Role.WITNESS
    )
    assert [node.name for node in definition.serving] == ["node-a", "node-b"]


def test_a_witness_makes_no_second_zone_for_the_service():  # S12 S1
    zones = {NODE_A: "us-east-1a", NODE_B: "us-east-1a", NODE_C: "us-east-1b"}
    instances = {each: InstanceFacts(f"10.0.0.{n}", zone) for n, (each, zone) in enumerate(zones.items())}
    with pytest.raises(DefinitionError, match="all that serve are in us-east-1a"):
        define("orders-db", 1, parse_document(json.dumps(with_witness())), instances)


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        ([{**WITNESS, "priority": 3}], "nodes[2].priority: found 3; Value error, a witness never serves and has no"),
        ([{**WITNESS, "role": "observer"}], "nodes[2].role: found 'observer'; Input should be 'serving' or 'witness'"),
        ([{**WITNESS, "role": "serving"}], "nodes[2].priority: is missing"),
    ],
)
def test_a_bad_role_is_refused_by_path(nodes, fault):  # S12
    assert faults_of(a_document(nodes=[*a_document()["nodes"], *nodes]))[0].startswith(fault)


def test_two_nodes_that_serve_are_demanded_beside_witnesses():  # S12 S1
    one = a_document()["nodes"][0]
    witness = {**WITNESS, "name": "node-d", "instance_id": NODE_B}
    assert faults_of(a_document(nodes=[one, WITNESS, witness])) == [
        "nodes: 1 of 3 can serve; allowed: at least 2 beside witnesses"
    ]


def test_the_schema_for_editors_says_what_each_pace_chooses_and_promises_no_default_that_another_pace_changes():  # B22
    timings = json.loads(definition_schema())["$defs"]["PolicyDocument"]["properties"]
    assert timings["pace"]["enum"] == list(PACES)
    assert timings["silence_limit_s"]["description"] == "By the pace: calm 35, normal 15, fast 10, fastest 7."
    assert [name for name in TIMINGS if "default" in timings[name]] == []
    assert [name for name in TIMINGS if "By the pace: " not in timings[name]["description"]] == []
