"""The stack with its own roles and nothing more: the embedded AWS refuses every call that a role does not allow.

A smoke test. What the embedded IAM cannot judge is given to the roles that have it in the template anyway (`GAPS`);
tests/template/test_permissions.py holds the conditions themselves.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cluster import Cluster
from local.engine import ACCOUNT, REGION, Engine
from local.local_aws import LocalAws, local_aws
from local.sam import ROOT
from local.waiting import wait_for
from tests.e2e.bus import Bus
from tests.e2e.conftest import POLICY, TUNING

NAME = "enforced-00"
LIMIT_S = 60.0
GAPS = {
    "events:PutEvents": "it knows no events:source",
    "route53:GetChange": "it asks for the right to every change",
    "ssm:GetParametersByPath": "it asks for the right to every path",
    "dynamodb:UpdateItem": "it knows no attributes of an update expression",
}
WHOLE_RESOURCE = ("route53:GetChange", "ssm:GetParametersByPath")


@pytest.fixture(scope="module")
def enforced() -> Iterator[LocalAws]:
    with local_aws(ROOT / "build" / "e2e" / "enforced", [f"{NAME}.corp.example.com"], enforces_iam=True) as aws:
        yield aws


@pytest.fixture(scope="module")
def roles(enforced: LocalAws) -> dict[str, str]:
    """The functions' roles by the names of the functions."""
    listed = enforced.engine.client("iam").list_roles()["Roles"]
    names = [role["RoleName"] for role in listed if "FunctionRole" in role["RoleName"]]
    return {name.split("-")[1].removesuffix("FunctionRole"): name for name in names}


def statements_of(engine: Engine, role: str) -> list[dict[str, Any]]:
    iam = engine.client("iam")
    found: list[dict[str, Any]] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found += iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    return found


def bridge_gaps(engine: Engine, role: str) -> set[str]:
    """Give a role what the embedded IAM withholds of what it has. The actions of that."""
    more = []
    for statement in statements_of(engine, role):
        for action in statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]:
            if action in WHOLE_RESOURCE:
                more.append({"Effect": "Allow", "Action": action, "Resource": "*"})
            elif action in GAPS and "Condition" in statement:
                more.append({"Effect": "Allow", "Action": action, "Resource": statement["Resource"]})
    if more:
        document = json.dumps({"Version": "2012-10-17", "Statement": more})
        engine.client("iam").put_role_policy(RoleName=role, PolicyName="gaps", PolicyDocument=document)
    return {statement["Action"] for statement in more}


def client_as(engine: Engine, role: str) -> Callable[[str], Any]:
    """Clients that have what the role has."""
    made = engine.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="test")
    keys = made["Credentials"]

    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{engine.port}",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return client


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as fault:
        return fault.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False


def denials(engine: Engine) -> list[str]:
    """Every log record of a function that tells of a call which its role does not allow."""
    logs = engine.client("logs")
    return [
        f"{group['logGroupName']}: {event['message']}"
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        if "AccessDenied" in event["message"]
    ]


def key(sort: str) -> dict[str, Any]:
    return {"pk": {"S": NAME}, "sk": {"S": sort}}


def test_no_function_can_do_another_ones_work(enforced, roles):  # B1 B10
    table = enforced.stack.table
    for function, role in roles.items():
        client = client_as(enforced.engine, role)
        batch = {"Changes": [_upsert()]}
        change = client("route53").change_resource_record_sets
        assert denied(change, HostedZoneId=enforced.world.zone, ChangeBatch=batch) or function == "MoveAddress"
        assert denied(change, HostedZoneId="Z0OTHER", ChangeBatch=batch), function
        assert denied(client("ssm").put_parameter, Name=f"{enforced.stack.prefix}tuning", Value="x", Type="String")
        assert denied(client("dynamodb").delete_table, TableName=table), function
        assert denied(client("dynamodb").scan, TableName=table), function
        assert denied(client("dynamodb").get_item, TableName="another", Key=key("state")), function
        entry = {"EventBusName": "default", "Source": "understudy", "DetailType": "x", "Detail": "{}"}
        assert denied(client("events").put_events, Entries=[entry]), function
    assert set(roles) >= {"RecordHeartbeat", "FenceNode", "MoveAddress", "GrantLease", "WatchClusters"}
    heartbeat = client_as(enforced.engine, roles["RecordHeartbeat"])
    assert not denied(heartbeat("dynamodb").get_item, TableName=table, Key=key("state")), "nothing is allowed at all"
    assert denied(heartbeat("dynamodb").put_item, TableName=table, Item=key("state"))


def test_a_node_can_neither_write_the_table_nor_speak_on_another_bus(enforced):  # B10
    iam = enforced.engine.client("iam")
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com", "AWS": ACCOUNT},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=document)
    (policy,) = [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"] if "NodePolicy" in p["PolicyName"]]
    iam.attach_role_policy(RoleName="node", PolicyArn=policy)
    client, table = client_as(enforced.engine, "node"), enforced.stack.table
    assert denied(client("dynamodb").put_item, TableName=table, Item=key("state"))
    assert denied(client("dynamodb").update_item, TableName=table, Key=key("state"))
    assert denied(
        client("dynamodb").query,
        TableName=table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": NAME}},
    )
    assert denied(client("dynamodb").get_item, TableName=table, Key=key("state")), "its role has no tag"
    entry = {"EventBusName": "default", "Source": "arn:aws:ec2:x", "DetailType": "x", "Detail": "{}"}
    assert denied(client("events").put_events, Entries=[entry])
    assert denied(client("stepfunctions").start_execution, stateMachineArn=enforced.stack.machine, input="{}")


def test_with_its_own_roles_and_nothing_more_a_cluster_is_registered_placed_and_moved(enforced, roles):  # S4 S10 B10
    bridged = [bridge_gaps(enforced.engine, role) for role in roles.values()]
    assert set().union(*bridged) == set(GAPS)
    bus = Bus(enforced)
    with contextlib.ExitStack() as undo:
        cluster = undo.enter_context(Cluster(enforced, NAME, policy=POLICY, tuning=TUNING))
        cluster.register()
        cluster.boot()
        epoch = cluster.wait_settled("node-a", LIMIT_S)["epoch"]
        cluster.wait_standby("node-b", LIMIT_S)
        execution = enforced.stack.start_transition(NAME, to="node-b")
        cluster.wait_settled("node-b", LIMIT_S, above_epoch=epoch)
        assert cluster.node("node-b").instance.address in _addresses(enforced)
        ended = wait_for("the execution ends", lambda: _ended(enforced, execution), LIMIT_S)
        assert ended["status"] == "SUCCEEDED"
        assert bus.wait(NAME, "Understudy Transition Closed", 10)["outcome"] == "IN_SERVICE"
        enforced.stack.watch()
    assert denials(enforced.engine) == []


def _ended(aws: LocalAws, execution: str) -> dict[str, Any] | None:
    described = aws.stack.execution(execution)
    return described if described["status"] != "RUNNING" else None


def _addresses(aws: LocalAws) -> list[str]:
    """As Route 53 has them. (The local DNS server asks it without keys, and hears nothing here.)"""
    found = aws.engine.client("route53").list_resource_record_sets(HostedZoneId=aws.world.zone)["ResourceRecordSets"]
    return [value["Value"] for each in found if each["Type"] == "A" for value in each["ResourceRecords"]]


def _upsert() -> dict[str, Any]:
    record = {"Name": "x.corp.example.com", "Type": "A", "TTL": 1, "ResourceRecords": [{"Value": "127.0.0.1"}]}
    return {"Action": "UPSERT", "ResourceRecordSet": record}
