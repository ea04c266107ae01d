"""A task that waits for a person's answer, on the embedded Step Functions: what is wrong there, what is put right."""

import json
import uuid

import pytest

from local.engine import ACCOUNT
from local.sam import ROOT
from local.waiting import wait_for
from local.workflow import LONGEST_WAIT_S, bridge_timeouts
from understudy.definition.policy_document import ApprovalDocument

ENDED_LIMIT_S = 60


@pytest.fixture
def queue(engine):
    return engine.client("sqs").create_queue(QueueName=f"asked-{uuid.uuid4()}")["QueueUrl"]


@pytest.fixture
def machine(engine, queue):
    """It sends its token, as the workflow does, and waits for as long as its input says."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue, "MessageBody": {"token": "{% $states.context.Task.Token %}"}},
        "TimeoutSeconds": "{% $states.input.wait_s %}",
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": task}}
    return engine.client("stepfunctions").create_state_machine(
        name=f"asks-{uuid.uuid4()}",
        definition=json.dumps(definition),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody",
    )["stateMachineArn"]


def start(engine, machine):
    started = engine.client("stepfunctions").start_execution(stateMachineArn=machine, input='{"wait_s": 600}')
    return started["executionArn"]


def status(engine, execution):
    return engine.client("stepfunctions").describe_execution(executionArn=execution)["status"]


def token(engine, queue):
    messages = engine.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
    return json.loads(messages[0]["Body"])["token"] if messages else None


def definition(engine, machine):
    return json.loads(engine.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"])


def test_the_gap_is_one_a_timeout_that_is_an_expression_breaks_the_task_that_waits(engine, machine):
    """When this fails, the gap has been closed: delete local/workflow.py."""
    execution = start(engine, machine)
    wait_for("it breaks", lambda: status(engine, execution) == "FAILED", ENDED_LIMIT_S)


def test_with_the_gap_bridged_the_task_waits_for_the_answer_to_its_token(engine, machine, queue):
    assert bridge_timeouts(engine, machine) == ["Ask"]
    execution = start(engine, machine)
    asked = wait_for("it asks", lambda: token(engine, queue), ENDED_LIMIT_S)
    assert status(engine, execution) == "RUNNING"
    engine.client("stepfunctions").send_task_success(taskToken=asked, output='{"approved": true}')
    wait_for("it ends", lambda: status(engine, execution) == "SUCCEEDED", ENDED_LIMIT_S)


def test_nothing_of_the_definition_is_changed_but_timeouts_that_are_expressions(engine, machine):
    before = definition(engine, machine)
    bridge_timeouts(engine, machine)
    after = definition(engine, machine)
    assert after["States"]["Ask"].pop("TimeoutSeconds") == LONGEST_WAIT_S
    assert before["States"]["Ask"].pop("TimeoutSeconds")
    assert after == before
    assert bridge_timeouts(engine, machine) == []


def test_the_bridge_waits_as_long_as_a_policy_may_and_the_workflow_has_one_place_for_it():
    schema = ApprovalDocument.model_json_schema()["properties"]["wait_s"]
    assert schema["maximum"] == LONGEST_WAIT_S
    states = json.loads((ROOT / "statemachine" / "transition.asl.json").read_text())["States"]
    assert [n for n, s in states.items() if isinstance(s.get("TimeoutSeconds"), str)] == ["AskApproval"]
