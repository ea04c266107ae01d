"""A transition is started once under its name (S10)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from tests.support.fakes import FakeLauncher
from understudy.adapters.sfn_launcher import SfnLauncher

REQUEST = {"cluster": "orders-db", "action": "failover", "rule": "active-is-silent", "why": "not heard"}
MACHINE = {
    "StartAt": "Wait",
    "QueryLanguage": "JSONata",
    "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
}


class StartedOn:
    """A launcher on a state machine whose executions last, and what was started there."""

    def __init__(self, client: Any) -> None:
        answer = client.create_state_machine(
            name=f"transition-{uuid4()}", definition=json.dumps(MACHINE), roleArn="arn:aws:iam::123456789012:role/x"
        )
        self._client = client
        self._arn = answer["stateMachineArn"]
        self.launcher = SfnLauncher(lambda: client, self._arn)

    def starts(self) -> dict[str, Any]:
        executions = self._client.list_executions(stateMachineArn=self._arn)["executions"]
        found = {}
        for execution in executions:
            described = self._client.describe_execution(executionArn=execution["executionArn"])
            found[execution["name"]] = json.loads(described["input"])
        return found


class StartedInMemory:
    def __init__(self) -> None:
        self.launcher = FakeLauncher()

    def starts(self) -> dict[str, Any]:
        return dict(self.launcher.starts)


@pytest.fixture(scope="module")
def stepfunctions(ministack_url: str) -> Any:
    import boto3

    return boto3.client(
        "stepfunctions",
        region_name=REGION,
        endpoint_url=ministack_url,
        aws_access_key_id="123456789012",
        aws_secret_access_key="local",
    )


@pytest.fixture(params=["fake", "stepfunctions"])
def started(request: pytest.FixtureRequest) -> Any:
    return StartedInMemory() if request.param == "fake" else StartedOn(request.getfixturevalue("stepfunctions"))


def test_what_is_started_gets_the_request_as_its_input(started):
    assert started.launcher.start("orders-db-2", REQUEST) is True
    assert started.starts() == {"orders-db-2": REQUEST}


def test_a_second_start_of_a_name_starts_nothing(started):
    started.launcher.start("orders-db-2", REQUEST)
    assert started.launcher.start("orders-db-2", {**REQUEST, "rule": "active-has-failed"}) is False
    assert started.starts() == {"orders-db-2": REQUEST}


def test_asking_twice_with_the_same_request_leaves_one_execution(started):
    started.launcher.start("orders-db-2", REQUEST)
    started.launcher.start("orders-db-2", dict(reversed(REQUEST.items())))
    assert started.starts() == {"orders-db-2": REQUEST}


def test_other_names_start_other_executions(started):
    assert started.launcher.start("orders-db-2", REQUEST)
    assert started.launcher.start("orders-db-3", REQUEST)
    assert set(started.starts()) == {"orders-db-2", "orders-db-3"}


def test_a_machine_that_does_not_exist_is_a_fault_and_no_second_start(stepfunctions):
    launcher = SfnLauncher(lambda: stepfunctions, "arn:aws:states:us-east-1:123456789012:stateMachine:nothing")
    with pytest.raises(ClientError):
        launcher.start("orders-db-2", REQUEST)
