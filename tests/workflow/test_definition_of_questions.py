"""The part of the workflow that asks people, with functions that answer by a script.

Here only, not end to end: the embedded engine takes no expression as TimeoutSeconds of a task that waits for a token.
"""

import pytest

from tests.support.asl_runner import Clock, Execution, LambdaFault, Status, TokenError
from tests.workflow.script import DEFINITION, GOOD, REQUEST, Script

NEEDED = {"outcome": "APPROVAL_NEEDED", "wait_s": 299.2, "target": "i-0b", "rule": "active-is-silent"}


def asking(*then, **answers):
    """An execution that has put its question; `then`: what OpenTransition answers afterwards."""
    script = Script(open_transition=[NEEDED, *then], **answers)
    execution = Execution(DEFINITION, script.handlers(), REQUEST, clock=Clock())
    while execution.token is None and execution.status is Status.RUNNING:
        execution.step()
    return execution, script


# B4
def test_the_function_that_asks_gets_the_token_the_request_and_what_there_is_to_say():
    execution, script = asking()
    (payload,) = script.payloads("ask_approval")
    assert payload == {
        "request": REQUEST,
        "execution": "arn:aws:states:us-east-1:000000000000:execution:transition:test",
        "token": execution.token,
        "asked": NEEDED,
    }


# B4
@pytest.mark.parametrize("output", ['{"approved": true, "by": "sam"}', "null", '"yes"', "[]", "17", "{}"])
def test_whatever_the_token_is_answered_with_goes_to_open_transition_as_it_is(output):
    execution, script = asking()
    execution.send_task_success(execution.token, output)
    assert execution.run().output["outcome"] == "IN_SERVICE"
    first, second = script.payloads("open_transition")
    answer = {"null": None, '"yes"': "yes", "[]": [], "17": 17, "{}": {}}.get(output, {"approved": True, "by": "sam"})
    assert second == {**first, "approval": {"target": "i-0b", "answer": answer}}
    assert execution.clock.now_s == 0


# B4
def test_a_question_that_nobody_answers_ends_when_the_function_said():
    execution, script = asking()
    execution.run()
    assert execution.clock.now_s == 300  # whole seconds, and never shorter than asked
    assert script.payloads("open_transition")[1]["approval"] == {
        "target": "i-0b",
        "error": "States.Timeout",
        "cause": "",
    }


# B4
@pytest.mark.parametrize("way", ["the token failed", "the function failed"])
def test_a_question_that_fails_is_no_answer_and_is_not_put_a_second_time(way):
    if way == "the function failed":
        execution, script = asking(ask_approval=[LambdaFault("AnnouncementError", "the bus is down")])
    else:
        execution, script = asking()
        execution.send_task_failure(execution.token, "AnnouncementError", "the bus is down")
    execution.run()
    assert len(script.payloads("ask_approval")) == 1
    assert script.payloads("open_transition")[1]["approval"] == {
        "target": "i-0b",
        "error": "AnnouncementError",
        "cause": "the bus is down",
    }


# B4
def test_lambdas_own_faults_are_waited_out_before_anybody_is_asked():
    execution, script = asking(ask_approval=[LambdaFault("Lambda.TooManyRequestsException")] * 6)
    tokens = [payload["token"] for payload in script.payloads("ask_approval")]
    while execution.status is Status.RUNNING and len(tokens) < 7:
        execution.step()
        tokens = [payload["token"] for payload in script.payloads("ask_approval")]
    assert len(set(tokens)) == 7  # each try has a token of its own
    with pytest.raises(TokenError):
        execution.send_task_success(tokens[0], '{"approved": true}')
    execution.send_task_success(tokens[-1], '{"approved": true}')
    assert execution.run().output["outcome"] == "IN_SERVICE"


# B4
def test_a_move_that_was_not_approved_fails_and_says_why():
    execution, _ = asking({"outcome": "NOT_APPROVED", "why": "denied by sam: not now"})
    execution.send_task_success(execution.token, '{"approved": false}')
    execution.run()
    assert (execution.status, execution.error, execution.cause) == (
        Status.FAILED,
        "NotApproved",
        "denied by sam: not now",
    )


# B4
def test_the_next_try_of_an_approved_move_names_the_epoch_that_failed_and_asks_nobody():
    execution, script = asking(
        GOOD["open_transition"],
        {"outcome": "OPENED", "epoch": 8},
        await_service=[{"outcome": "FAILED", "why": "exit status 1"}],
    )
    execution.send_task_success(execution.token, '{"approved": true}')
    assert execution.run().output["epoch"] == 8
    assert script.payloads("open_transition")[2]["failed_epoch"] == 7
    assert len(script.payloads("ask_approval")) == 1


def test_a_token_is_good_for_one_answer_and_for_none_after_the_execution_has_ended():
    execution, _ = asking()
    token = execution.token
    with pytest.raises(TokenError, match="InvalidOutput"):
        execution.send_task_success(token, "approved")
    execution.send_task_success(token, '{"approved": true}')
    with pytest.raises(TokenError, match="TaskTimedOut"):
        execution.send_task_success(token, '{"approved": false}')
    execution.run()
    with pytest.raises(TokenError, match="TaskTimedOut"):
        execution.send_task_success(token, '{"approved": false}')
