"""The adapter of EC2 Auto Scaling, held to the shapes of AWS's own model of its API: moto has no such call."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from tests.support.fakes.scaling import FakeScalingGroups
from understudy.adapters.ec2.scaling_groups import Ec2ScalingGroups
from understudy.domain.cluster.errors import NotLetGoError

INSTANCE, GROUP, HOOK = "i-0aaaaaaaaaaaaaaa1", "orders-db-a", "understudy-ha"
ASKED = {
    "AutoScalingGroupName": GROUP,
    "LifecycleHookName": HOOK,
    "InstanceId": INSTANCE,
    "LifecycleActionResult": "CONTINUE",
}


@pytest.fixture
def client() -> Any:
    return boto3.client("autoscaling", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def let_go(client: Any, code: str = "", status: int = 400) -> None:
    with Stubber(client) as stubber:
        if code:
            stubber.add_client_error("complete_lifecycle_action", code, "what AWS says", status, expected_params=ASKED)
        else:
            stubber.add_response("complete_lifecycle_action", {}, ASKED)
        Ec2ScalingGroups(lambda: client).let_go(INSTANCE, GROUP, HOOK)
        stubber.assert_no_pending_responses()


def test_the_group_is_told_to_go_on_with_this_instance(client):  # B17
    let_go(client)


def test_an_instance_that_nobody_waits_for_is_gone_already(client):  # B17
    let_go(client, "ValidationError")


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("ResourceContention", 500), ("ThrottlingException", 400)]
)
def test_whatever_else_auto_scaling_says_the_group_waits_on(client, code, status):  # B17
    with pytest.raises(NotLetGoError, match=f"group {GROUP} waits on for {INSTANCE} .*{code}"):
        let_go(client, code, status)


def test_without_an_answer_it_is_not_known_whether_it_waits():  # B17
    class Unreachable:
        def complete_lifecycle_action(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://autoscaling.us-east-1.amazonaws.com")

    with pytest.raises(NotLetGoError, match="is not known"):
        Ec2ScalingGroups(Unreachable).let_go(INSTANCE, GROUP, HOOK)


def test_the_fake_says_the_same_when_it_is_forbidden():
    fake = FakeScalingGroups()
    fake.forbids = True
    with pytest.raises(NotLetGoError, match=f"group {GROUP} waits on for {INSTANCE}"):
        fake.let_go(INSTANCE, GROUP, HOOK)
    assert fake.released == []
