"""What is pruned is read from CloudFormation and Lambda, and versions are deleted there, never a function."""

import io
import json
import zipfile
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from understudy.adapters.stack_versions import StackVersions
from understudy.domain.cluster.versions import AT_REST

STACK = "pruned"
TEMPLATE = {
    "Resources": {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": "arn:aws:iam::123456789012:role/any",
                "Code": {"ZipFile": "def handler(event, context): return 1"},
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
    }
}


@pytest.fixture
def clients(ministack_url) -> Any:
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x", "region_name": REGION}
    return lambda service: boto3.client(service, endpoint_url=ministack_url, **keys)


@pytest.fixture
def stack(clients) -> Any:
    cloudformation = clients("cloudformation")
    made = cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    yield StackVersions(cloudformation, clients("lambda"), made)
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=made, WaiterConfig={"Delay": 1})


@pytest.fixture
def function(stack) -> str:
    (name,) = stack.functions()
    return str(name)


def publish(lambda_: Any, function: str, text: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", text)
    lambda_.update_function_code(FunctionName=function, ZipFile=packed.getvalue())
    lambda_.publish_version(FunctionName=function)


def test_the_stack_knows_its_functions_and_its_state(stack):  # B16
    assert len(stack.functions()) == 1
    assert stack.status() in AT_REST


def test_what_is_published_and_what_the_aliases_name_is_read(clients, stack, function):  # B16
    lambda_ = clients("lambda")
    assert list(stack.versions(function).published) == []
    for number in range(4):
        publish(lambda_, function, f"# {number}")
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="4")
    lambda_.create_alias(
        FunctionName=function,
        Name="half",
        FunctionVersion="3",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    versions = stack.versions(function)
    assert [each.number for each in versions.published] == [1, 2, 3, 4]
    assert versions.published[0].at <= versions.published[3].at
    assert set(versions.named) == {2, 3, 4}


def test_one_version_is_deleted_and_the_function_stays(clients, stack, function):  # B16
    lambda_ = clients("lambda")
    publish(lambda_, function, "# first")
    publish(lambda_, function, "# second")
    assert stack.delete(function, 1)
    assert [each.number for each in stack.versions(function).published] == [2]
    assert lambda_.get_function(FunctionName=function)["Configuration"]["FunctionName"] == function


def test_a_version_that_an_alias_names_is_not_deleted(clients, stack, function):  # B16
    lambda_ = clients("lambda")
    publish(lambda_, function, "# first")
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    assert not stack.delete(function, 1)
    assert [each.number for each in stack.versions(function).published] == [1]


def test_a_stack_that_there_is_not_is_no_stack_at_rest(clients):
    with pytest.raises(ClientError):
        StackVersions(clients("cloudformation"), clients("lambda"), "nobody").status()
