"""What keeps an answer away, as a sentence with what to do, and the exit status that fits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import exceptions

from understudy_cli.aws.calls import Calls
from understudy_cli.aws.faults import fault_of
from understudy_cli.aws.stack import AwsStack
from understudy_cli.core.faults import Fault
from understudy_cli.ports import Pending


def answered(code: str, message: str = "said AWS") -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "exit_status", "what", "do"),
    [
        (exceptions.NoCredentialsError(), 2, "There are no AWS credentials", "AWS_PROFILE"),
        (exceptions.ProfileNotFound(profile="prod"), 2, "prod", "--profile"),
        (exceptions.NoRegionError(), 2, "No Region is set", "--region"),
        (exceptions.UnauthorizedSSOTokenError(), 2, "Your sign-in is over", "aws sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), 6, "AWS does not answer in eu-west-1", "Region"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), 6, "AWS does not answer", "What runs goes on"),
        (answered("ExpiredTokenException"), 2, "Your AWS credentials have expired", "sign in again"),
        (answered("UnrecognizedClientException"), 2, "AWS does not accept these credentials", "AWS_PROFILE"),
        (answered("AccessDeniedException"), 3, "You have no right to dynamodb:get_item: said AWS", "OperatorPolicyArn"),
        (answered("ThrottlingException"), 6, "dynamodb:get_item is throttled", "ask again"),
        (answered("ResourceNotFoundException"), 2, "is not in eu-west-1: said AWS", "Is the Region right"),
        (answered("com.amazonaws#AccessDeniedException"), 3, "You have no right", "policy"),
        (answered("InternalServerError"), 6, "dynamodb:get_item failed: InternalServerError", "--show-aws"),
        (exceptions.BotoCoreError(), 6, "dynamodb:get_item failed", "--show-aws"),
    ],
)
def test_each_fault_is_a_sentence_with_what_to_do(error, exit_status, what, do):  # B23
    fault = fault_of(error, "dynamodb:get_item", "understudy", "eu-west-1")
    assert fault.exit == exit_status
    assert what in fault.what
    assert do in fault.do


class Client:
    """A client of whatever service, whose every call fails so, or answers so."""

    def __init__(self, does: Any) -> None:
        self._does = does

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            if isinstance(self._does, Exception):
                raise self._does
            return self._does

        return call


def calls_with(monkeypatch: pytest.MonkeyPatch, does: Any) -> Calls:
    calls = Calls("understudy", "eu-west-1", None, lambda words: None)
    monkeypatch.setattr(Calls, "_client", lambda self, service: Client(does))
    return calls


def test_what_is_over_is_refused_when_somebody_answers_it(monkeypatch):  # B4
    stack = AwsStack(calls_with(monkeypatch, answered("TaskTimedOut")))
    with pytest.raises(Fault, match="The question is over") as raised:
        stack.answer("token", {"approved": True})
    assert raised.value.exit == 3


def test_ages_are_counted_on_the_clock_of_aws_when_this_machine_is_wrong(monkeypatch):  # B23
    """A laptop that is two hours slow would otherwise show a healthy node as heard in two hours."""
    monkeypatch.setattr("understudy_cli.aws.calls.time.time", lambda: 1_800_000_000 - 7200)
    said = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 15 Jan 2027 08:00:00 GMT"}}, "Arn": "x"}
    calls = calls_with(monkeypatch, said)
    assert calls.now() == 1_800_000_000 - 7200
    AwsStack(calls).who()
    assert calls.now() == 1_800_000_000


def test_an_answer_without_a_date_changes_no_clock(monkeypatch):
    monkeypatch.setattr("understudy_cli.aws.calls.time.time", lambda: 1_800_000_000)
    calls = calls_with(monkeypatch, {"Arn": "x"})
    AwsStack(calls).who()
    assert calls.now() == 1_800_000_000


def test_a_stack_that_somebody_may_not_see_may_be_another_one(monkeypatch):  # B23
    """Whoever has the policy of one stack is refused for a name with a slip in it, as if it were there."""
    stack = AwsStack(calls_with(monkeypatch, answered("AccessDenied")))
    with pytest.raises(Fault, match="no right to see a stack understudy") as raised:
        stack.output("TableName")
    assert (raised.value.exit, "--stack" in raised.value.do) == (3, True)


def scheduled(parameters: str) -> dict[str, Any]:
    """An event of an execution's history as the API reference has it."""
    details = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken", "parameters": parameters}
    return {"type": "TaskScheduled", "taskScheduledEventDetails": {**details, "region": "eu-west-1"}}


def test_the_newest_question_of_an_execution_is_found_in_its_history(monkeypatch):  # B4
    """Newest first; a step that asks nobody, and parameters that are cut off, are passed over."""
    asking = {"FunctionName": "f", "Payload": {"token": "newest", "asked": {"target": "i-1"}, "execution": "x"}}
    older = {"FunctionName": "f", "Payload": {"token": "older"}}
    step = scheduled(json.dumps({"FunctionName": "f", "Payload": {"cluster": "orders-db"}}))
    events = [{"type": "TaskStarted"}, step, scheduled('{"Payl'), *map(scheduled, map(json.dumps, (asking, older)))]
    stack = AwsStack(calls_with(monkeypatch, {"events": events}))
    monkeypatch.setattr(stack, "output", lambda name: "arn:aws:states:eu-west-1:123456789012:stateMachine:transition")
    assert stack.question("x") == Pending("newest", {"target": "i-1"})
    monkeypatch.setattr(Calls, "_client", lambda self, service: Client({"events": [step]}))
    assert stack.question("x") is None
