"""Roles as the embedded AWS enforces them, here and under every other test of this folder, and what it gets wrong.

What it cannot judge is put right for the roles that have it in the template (local/roles.py);
tests/template/test_permissions.py holds the conditions themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cluster import Cluster
from local.engine import REGION, Engine
from local.local_aws import LocalAws
from local.roles import (
    BRIDGE,
    GAPS,
    bridge_gaps,
    function_roles,
    keys_of,
    make_node_role,
    make_person_role,
    make_role,
    put_policy,
    statements_of,
)
from local.sam import STACK
from local.waiting import wait_for
from tests.e2e.bus import Bus
from tests.e2e.conftest import POLICY
from tests.e2e.denials import denials
from tests.e2e.placing import place

NAME = "a-cluster-of-nobody"
LIMIT_S = 90.0


@pytest.fixture(scope="module")
def roles(aws: LocalAws) -> dict[str, str]:
    """By the names of the functions; and a node's."""
    return function_roles(aws.engine) | {"node": make_node_role(aws.engine, NAME, aws.stack.node_policy)}


def client_as(engine: Engine, role: str) -> Callable[[str], Any]:
    """Clients that have what the role has."""
    keys = {name.lower(): value for name, value in keys_of(engine, role).items()}

    def client(service: str) -> Any:
        return boto3.client(service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{engine.port}", **keys)

    return client


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as fault:
        return fault.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False


def key(sort: str) -> dict[str, Any]:
    return {"pk": {"S": NAME}, "sk": {"S": sort}}


def test_no_function_can_do_another_ones_work(aws, roles):  # B1 B10
    table = aws.stack.table
    functions = {name: role for name, role in roles.items() if name != "node"}
    for function, role in functions.items():
        client = client_as(aws.engine, role)
        batch = {"Changes": [_upsert()]}
        change = client("route53").change_resource_record_sets
        assert denied(change, HostedZoneId=aws.world.zone, ChangeBatch=batch) or function == "MoveAddress"
        assert denied(change, HostedZoneId="Z0OTHER", ChangeBatch=batch), function
        assert denied(client("ssm").put_parameter, Name=f"{aws.stack.prefix}tuning", Value="x", Type="String")
        assert denied(client("ssm").get_parameter, Name=f"/understudy-keys/{STACK}/{NAME}"), function
        assert denied(client("dynamodb").delete_table, TableName=table), function
        assert denied(client("dynamodb").scan, TableName=table), function
        assert denied(client("dynamodb").get_item, TableName="another", Key=key("state")), function
        assert denied(client("events").put_events, Entries=[_entry("default")]), function
    assert set(functions) >= {"RecordHeartbeat", "FenceNode", "MoveAddress", "GrantLease", "WatchClusters"}
    heartbeat = client_as(aws.engine, roles["RecordHeartbeat"])
    assert not denied(heartbeat("dynamodb").get_item, TableName=table, Key=key("state")), "nothing is allowed at all"
    assert denied(heartbeat("dynamodb").put_item, TableName=table, Item=key("state"))


def test_pruning_may_delete_a_version_of_a_function_and_not_the_function(aws, roles):  # B16 B10
    lambda_, pruning = aws.engine.client("lambda"), client_as(aws.engine, roles["PruneVersions"])("lambda")
    name = aws.stack.function("AdviseFunction")
    lambda_.update_function_configuration(FunctionName=name, Description="changed, so that there is one more")
    version = lambda_.publish_version(FunctionName=name)["Version"]
    assert denied(pruning.delete_function, FunctionName=name)
    assert not denied(pruning.delete_function, FunctionName=f"{name}:{version}")
    another = client_as(aws.engine, roles["WatchClusters"])("lambda")
    assert denied(another.delete_function, FunctionName=f"{name}:{version}")
    published = [each["Version"] for each in lambda_.list_versions_by_function(FunctionName=name)["Versions"]]
    assert published == ["$LATEST", "1"]


def test_a_node_can_neither_write_the_table_nor_speak_on_another_bus_nor_read_another_clusters_key(aws, roles):  # B10
    client, table = client_as(aws.engine, roles["node"]), aws.stack.table
    dynamodb = client("dynamodb")
    assert not denied(dynamodb.get_item, TableName=table, Key=key("state"))
    assert denied(dynamodb.put_item, TableName=table, Item=key("state"))
    assert denied(dynamodb.update_item, TableName=table, Key=key("state"))
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": NAME}}}
    assert denied(dynamodb.query, TableName=table, **asked)
    assert denied(client("events").put_events, Entries=[_entry("default")])
    assert denied(client("ssm").get_parameter, Name=f"/understudy-keys/{STACK}/another")
    assert denied(client("ssm").get_parameter, Name=f"{aws.stack.prefix}clusters/{NAME}")
    assert denied(client("stepfunctions").start_execution, stateMachineArn=aws.stack.machine, input="{}")


def test_every_gap_of_the_embedded_iam_is_one_and_no_other_is_bridged(aws, roles):
    """By roles that are copies but for the bridge. When this fails, a gap has been closed: take it off the list."""
    operator = make_person_role(aws.engine, "operator-with-gaps", aws.stack.people_policy("Operator"))
    bridged = {role: bridge_gaps(aws.engine, role) for role in (*roles.values(), operator)}
    assert set().union(*bridged.values()) == set(GAPS)
    calls = _calls(aws)
    for action in GAPS:
        role = next(role for role, actions in bridged.items() if action in actions)
        copy = f"unbridged-{action.partition(':')[2]}"
        make_role(aws.engine, copy, {"understudy:cluster": NAME})
        put_policy(aws.engine, copy, "copy", statements_of(aws.engine, role))
        assert not denied(calls[action], client=client_as(aws.engine, role)), action
        assert denied(calls[action], client=client_as(aws.engine, copy)), action


def test_a_call_of_a_function_that_its_role_does_not_allow_is_seen_at_the_end_of_these_tests(aws, roles, make_cluster):
    assert denials(aws.engine) == []
    cluster: Cluster = make_cluster()
    role = roles["RegisterCluster"]
    aws.engine.client("iam").delete_role_policy(RoleName=role, PolicyName=BRIDGE)
    try:
        aws.stack.put_definition(cluster.name, {"nodes": "none"})
        seen = denials(aws.engine)
    finally:
        bridge_gaps(aws.engine, role)
        _forget_log(aws.engine, "register_cluster")
    assert any("events:PutEvents" in line and role in line for line in seen), seen


def test_every_function_of_the_template_does_its_work_with_its_own_role(aws, bus, roles, make_cluster):  # B1
    """None is left out: a function that is new in the template fails this until it is asked for its work here."""
    cluster: Cluster = make_cluster()
    cluster.policy = POLICY | {"approval": {"for": ["switchover"]}}
    place(cluster)
    worked = {"RegisterCluster", "RecordHeartbeat"} | _asked_directly(aws, bus, cluster)
    for execution in aws.stack.executions(cluster.name):
        wait_for("it ends", lambda arn=execution["executionArn"]: _has_ended(aws, arn), LIMIT_S)
        worked |= _functions_called(aws, execution["executionArn"])
    assert worked == set(roles) - {"node"}
    assert denials(aws.engine) == []


def _asked_directly(aws: LocalAws, bus: Bus, cluster: Cluster) -> set[str]:
    """Questions, as operators and AWS put them, and what shows that they were worked on. The functions called."""
    for action in ("check", "explain"):
        aws.stack.start_transition(cluster.name, action=action)
    asking = aws.stack.start_transition(cluster.name)
    question = bus.wait(cluster.name, "Understudy Approval Asked", LIMIT_S)
    aws.engine.client("stepfunctions").stop_execution(executionArn=asking)
    event = {"detail-type": "Understudy Approval Asked", "time": "2026-01-01T00:00:00Z", "detail": question}
    assert aws.stack.call("NotifyOperatorFunction", event) == {"outcome": "SENT"}
    board = aws.stack.call("ClusterBoardFunction", {"cluster": cluster.name})  # of many, each has but a row
    assert cluster.nodes[0].instance.address in board
    aws.stack.watch()
    aws.stack.publish_instance_state(cluster.nodes[0].instance.instance_id, "running")
    assert aws.stack.call("PruneVersionsFunction", {}) == {"outcome": "PRUNED", "deleted": 0}
    return {"NotifyOperator", "ClusterBoard", "WatchClusters", "ReceiveSignal", "PruneVersions"}


def _has_ended(aws: LocalAws, execution: str) -> bool:
    return bool(aws.stack.execution(execution)["status"] != "RUNNING")


def _functions_called(aws: LocalAws, execution: str) -> set[str]:
    """States have the names of the functions that they call."""
    events = aws.engine.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return {e["stateEnteredEventDetails"]["name"] for e in events if e["type"] == "TaskStateEntered"}


def _forget_log(engine: Engine, function: str) -> None:
    logs, group = engine.client("logs"), f"/understudy/{STACK}/{function}"
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])


def _calls(aws: LocalAws) -> dict[str, Callable[[Callable[[str], Any]], Any]]:
    """For each action, a call that the policies allow and that changes nothing."""
    table, parameter = aws.stack.table, f"/understudy-keys/{STACK}/{NAME}"
    queued = {"pk": {"S": "zone#"}, "sk": {"S": "nothing"}}
    never = {
        "UpdateExpression": "SET report = :r",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":r": {"S": ""}},
    }
    return {
        "events:PutEvents": lambda client: client("events").put_events(Entries=[_entry(aws.stack.bus)]),
        "dynamodb:GetItem": lambda client: client("dynamodb").get_item(TableName=table, Key=key("state")),
        "dynamodb:BatchGetItem": lambda client: client("dynamodb").batch_get_item(
            RequestItems={table: {"Keys": [key("state")]}}
        ),
        "dynamodb:Query": lambda client: client("dynamodb").query(
            TableName=table, KeyConditionExpression="pk = :zone", ExpressionAttributeValues={":zone": {"S": "zone#"}}
        ),
        "dynamodb:PutItem": lambda client: client("dynamodb").put_item(
            TableName=table, Item=queued, ConditionExpression="attribute_exists(pk)"
        ),
        "dynamodb:DeleteItem": lambda client: client("dynamodb").delete_item(
            TableName=table, Key=queued, ConditionExpression="attribute_exists(pk)"
        ),
        "dynamodb:UpdateItem": lambda client: client("dynamodb").update_item(
            TableName=table, Key=key("readiness"), **never
        ),
        "route53:GetChange": lambda client: client("route53").get_change(Id=f"C{time.time_ns()}"),
        "ssm:GetParametersByPath": lambda client: client("ssm").get_parameters_by_path(Path=aws.stack.prefix),
        "ssm:GetParameter": lambda client: client("ssm").get_parameter(Name=parameter),
    }


def _entry(bus: str) -> dict[str, str]:
    return {"EventBusName": bus, "Source": "understudy", "DetailType": "Nothing", "Detail": "{}"}


def _upsert() -> dict[str, Any]:
    record = {"Name": "x.corp.example.com", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "127.0.0.1"}]}
    return {"Action": "UPSERT", "ResourceRecordSet": record}
