"""The stack that the command-line tool asks: on moto in this process, and the one in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from tests.contract.conftest import REGION
from tests.support.fakes.cli_stack import FakeCliStack
from understudy.adapters.dynamodb.values import to_item
from understudy_cli.aws.calls import Calls
from understudy_cli.aws.stack import AwsStack
from understudy_cli.ports import Stack

NOW = 1_800_000_000
NAME = "understudy"
MACHINE = {
    "StartAt": "Wait",
    "QueryLanguage": "JSONata",
    "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
}
KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
INDEX = {
    "IndexName": "clusters",
    "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "pk", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
Put = Callable[[dict[str, Any]], None]


def _template(machine: str) -> str:
    """A stack that has nothing but the outputs."""
    outputs = {"TableName": "clusters", "StateMachineArn": machine, "ParameterPrefix": f"/understudy/{NAME}/"}
    return json.dumps(
        {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
    )


@pytest.fixture
def calls() -> list[str]:
    """What --show-aws would have printed."""
    return []


@pytest.fixture
def on_aws(moto_aws: None, calls: list[str]) -> Iterator[tuple[Stack, Put]]:
    dynamodb = boto3.client("dynamodb", REGION)
    dynamodb.create_table(
        TableName="clusters",
        KeySchema=KEYS,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk", "kind")],
        GlobalSecondaryIndexes=[INDEX],
        BillingMode="PAY_PER_REQUEST",
    )
    role = "arn:aws:iam::123456789012:role/x"
    machine = boto3.client("stepfunctions", REGION).create_state_machine(
        name="transition", definition=json.dumps(MACHINE), roleArn=role
    )["stateMachineArn"]
    cloudformation = boto3.client("cloudformation", REGION)
    cloudformation.create_stack(StackName=NAME, TemplateBody=_template(machine))
    boto3.client("logs", REGION).create_log_group(logGroupName=f"/understudy/{NAME}/open_transition")

    def put(item: dict[str, Any]) -> None:
        dynamodb.put_item(TableName="clusters", Item=to_item(item))

    yield AwsStack(Calls(NAME, REGION, None, calls.append)), put
    dynamodb.delete_table(TableName="clusters")
    cloudformation.delete_stack(StackName=NAME)
    boto3.client("stepfunctions", REGION).delete_state_machine(stateMachineArn=machine)
    boto3.client("logs", REGION).delete_log_group(logGroupName=f"/understudy/{NAME}/open_transition")


@pytest.fixture
def in_memory() -> tuple[Stack, Put]:
    stack = FakeCliStack(NOW)
    return stack, stack.put


@pytest.fixture(params=["on_aws", "in_memory"])
def either(request: pytest.FixtureRequest) -> tuple[Stack, Put]:
    """The same tests for both."""
    made: tuple[Stack, Put] = request.getfixturevalue(request.param)
    return made
