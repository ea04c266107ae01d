"""The runner must do as Step Functions does, or the workflow tests prove nothing."""

import json
from typing import Any

import pytest

from tests.support.asl_definition import Definition, UnsupportedError
from tests.support.asl_runner import Clock, Execution, LambdaFault, Status, TokenError, run_together

INVOKE = "arn:aws:states:::lambda:invoke"
DONE = {"Done": {"Type": "Succeed"}}


def machine(states: dict[str, Any], **changes: Any) -> Definition:
    whole = {
        "QueryLanguage": "JSONata",
        "StartAt": next(iter(states)),
        "TimeoutSeconds": 60,
        "States": states,
    }
    return Definition.parse(json.dumps({**whole, **changes}))


def task(**changes: Any) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "act", "Payload": "{% $states.input %}"},
        "TimeoutSeconds": 5,
        "Output": "{% $states.result.Payload %}",
        "Next": "Done",
    }
    return {**state, **changes}


def retrier(*errors: str, **changes: Any) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 3, **changes}


def run(definition: Definition, act: Any = None, given: Any = None) -> Execution:
    return Execution(definition, {"act": act or (lambda payload: payload)}, given or {}).run()


def failing(times: int, error: str, then: Any = None) -> Any:
    faults = [LambdaFault(error, "because")] * times

    def act(payload: Any) -> Any:
        if faults:
            raise faults.pop()
        return then

    return act


def test_assign_and_output_do_not_see_each_other():
    before = {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"}
    swap = {
        "Type": "Pass",
        "Assign": {"a": "{% $b %}", "b": "{% $a %}"},
        "Output": "{% [$a, $b] %}",
        "End": True,
    }
    execution = run(machine({"Before": before, "Swap": swap}))
    assert execution.variables == {"a": 2, "b": 1}
    assert execution.output == [1, 2]


def test_an_undefined_expression_fails_the_execution_and_null_does_not():
    missing = {"Type": "Pass", "Output": "{% $states.input.missing %}", "End": True}
    execution = run(machine({"Read": missing}))
    assert (execution.status, execution.error) == (Status.FAILED, "States.QueryEvaluationError")
    present = {"Type": "Pass", "Output": "{% $states.input.here %}", "End": True}
    assert run(machine({"Read": present}), given={"here": None}).status is Status.SUCCEEDED


def test_a_broken_answer_is_caught_by_the_task_that_read_it():
    reading = task(
        Output="{% $states.result.Payload.missing %}",
        Catch=[{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Done"}],
    )
    assert run(machine({"Act": reading, **DONE})).output == "States.QueryEvaluationError"


def test_a_wait_takes_its_time_and_passes_its_input_on():
    execution = run(machine({"Wait": {"Type": "Wait", "Seconds": "{% 2 + 3 %}", "Next": "Done"}, **DONE}), given=[1])
    assert execution.clock.now_s == 5
    assert execution.output == [1]


@pytest.mark.parametrize("seconds", [1.5, -1, "3", True])
def test_a_wait_that_is_no_whole_number_of_seconds_fails_as_on_aws(seconds):
    execution = run(machine({"Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Done"}, **DONE}))
    assert (execution.status, execution.error) == (Status.FAILED, "States.Runtime")


def test_the_first_rule_that_holds_is_followed_and_default_when_none_does():
    rules = [
        {"Condition": "{% $states.input.n > 1 %}", "Assign": {"way": "first"}, "Next": "Done"},
        {"Condition": "{% $states.input.n > 0 %}", "Output": "second", "Next": "Done"},
    ]
    definition = machine(
        {
            "Choose": {"Type": "Choice", "Choices": rules, "Default": "Lost"},
            **DONE,
            "Lost": {"Type": "Fail", "Error": "Lost", "Cause": "{% 'n is ' & $string($states.input.n) %}"},
        }
    )
    assert run(definition, given={"n": 2}).variables == {"way": "first"}
    assert run(definition, given={"n": 1}).output == "second"
    lost = run(definition, given={"n": 0})
    assert (lost.status, lost.error, lost.cause) == (Status.FAILED, "Lost", "n is 0")


def test_a_condition_must_be_true_or_false():
    rules = [{"Condition": "{% 1 %}", "Next": "Done"}]
    execution = run(machine({"Choose": {"Type": "Choice", "Choices": rules, "Default": "Done"}, **DONE}))
    assert execution.error == "States.QueryEvaluationError"


def test_retries_back_off_up_to_their_longest_delay():
    definition = machine({"Act": task(Retry=[retrier("Busy", MaxDelaySeconds=3)]), **DONE})
    execution = run(definition, failing(3, "Busy", then="late"))
    assert execution.output == "late"
    assert execution.clock.now_s == 1 + 2 + 3


def test_each_retrier_counts_for_itself_and_the_first_that_matches_decides():
    definition = machine({"Act": task(Retry=[retrier("Busy", MaxAttempts=1), retrier("States.TaskFailed")]), **DONE})
    assert run(definition, failing(2, "Busy")).error == "Busy"
    assert run(definition, failing(3, "Other")).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("names", "error", "caught"),
    [
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.TaskFailed"], "Lambda.Unknown", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["Busy"], "Other", False),
    ],
)
def test_errors_are_matched_as_on_aws(names, error, caught):
    catch = [{"ErrorEquals": names, "Assign": {"why": "{% $states.errorOutput.Cause %}"}, "Next": "Done"}]
    execution = run(machine({"Act": task(Catch=catch), **DONE}), failing(1, error))
    assert (execution.status is Status.SUCCEEDED) is caught
    assert execution.variables == ({"why": "because"} if caught else {})


def test_a_function_slower_than_its_state_allows_has_acted_but_counts_as_timed_out():
    clock, calls = Clock(), []

    def slow(payload):
        calls.append(payload)
        clock.advance_to(clock.now_s + 6)

    execution = Execution(machine({"Act": task(), **DONE}), {"act": slow}, {}, clock=clock).run()
    assert (execution.error, len(calls)) == ("States.Timeout", 1)


def test_the_timeout_of_the_machine_ends_an_endless_loop():
    loop = {
        "Wait": {"Type": "Wait", "Seconds": 7, "Next": "Again"},
        "Again": {"Type": "Pass", "Next": "Wait"},
    }
    execution = run(machine(loop))
    assert execution.status is Status.TIMED_OUT
    assert execution.clock.now_s == 60


def test_an_execution_can_be_cut_off_before_and_after_the_effect_of_a_task():
    calls: list[Any] = []
    execution = Execution(machine({"Act": task(), **DONE}), {"act": calls.append}, {})
    assert calls == []
    execution.step()
    assert (calls, execution.state, execution.status) == ([{}], "Act", Status.RUNNING)
    execution.step()
    assert execution.state == "Done"


def test_executions_that_share_a_clock_run_in_the_order_of_time():
    seen: list[tuple[str, float]] = []
    clock = Clock()

    def waiting(name: str, seconds: int) -> Execution:
        states = {"Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Act"}, "Act": task(), **DONE}
        return Execution(
            machine(states),
            {"act": lambda payload: seen.append((name, clock.now_s))},
            {},
            clock=clock,
            name=name,
        )

    run_together([waiting("late", 9), waiting("early", 3)])
    assert seen == [("early", 3), ("late", 9)]


def test_handlers_get_and_give_plain_json():
    definition = machine({"Act": task(Arguments={"FunctionName": "act", "Payload": {"a": [1]}}), **DONE})
    with pytest.raises(TypeError):
        run(definition, lambda payload: {1, 2})
    assert run(definition, lambda payload: (payload["a"], {1: 2})).output == [[1], {"1": 2}]


def test_the_context_names_the_execution_and_the_state():
    expression = "{% $states.context.Execution.Name & ' ' & $states.context.State.Name %}"
    assert run(machine({"Here": {"Type": "Pass", "Output": expression, "End": True}})).output == "test Here"


@pytest.mark.parametrize(
    ("states", "complaint"),
    [
        ({"A": {"Type": "Map", "End": True}}, "'Map'"),
        ({"A": {"Type": "Pass", "Parameters": {}, "End": True}}, "Parameters"),
        ({"A": {"Type": "Pass", "Next": "B"}}, "not there"),
        ({"A": {"Type": "Pass"}}, "either Next or End"),
        ({"A": task(HeartbeatSeconds=3), **DONE}, "HeartbeatSeconds"),
        ({"A": task(Resource="arn:aws:states:::sqs:sendMessage"), **DONE}, "sqs"),
        ({"A": task(Retry=[retrier("X", IntervalSeconds=0.5)]), **DONE}, "whole numbers"),
        ({"A": task(Retry=[retrier("X", IntervalSeconds="{% 1 %}")]), **DONE}, "whole numbers"),
        (
            {"A": task(Catch=[{"ErrorEquals": ["X"], "ResultPath": "$", "Next": "Done"}]), **DONE},
            "ResultPath",
        ),
        ({"A": {"Type": "Choice", "Choices": []}}, "Default"),
        ({"A": {"Type": "Wait", "SecondsPath": "$.x", "Next": "A"}}, "Seconds"),
    ],
)
def test_what_the_runner_does_not_know_is_refused_when_read(states, complaint):
    with pytest.raises(UnsupportedError, match=complaint):
        machine(states)


@pytest.mark.parametrize("changes", [{"QueryLanguage": "JSONPath"}, {"StartAt": "Nowhere"}, {"Version": "1.0"}])
def test_a_machine_the_runner_does_not_know_is_refused(changes):
    with pytest.raises(UnsupportedError):
        machine(dict(DONE), **changes)


def test_an_expression_that_does_not_end_is_refused():
    with pytest.raises(UnsupportedError):
        run(machine({"A": {"Type": "Pass", "Output": "{% 1", "End": True}}))


def token_task(**changes: Any) -> dict[str, Any]:
    return task(
        Resource=f"{INVOKE}.waitForTaskToken",
        Arguments={"FunctionName": "act", "Payload": {"token": "{% $states.context.Task.Token %}"}},
        **{"TimeoutSeconds": "{% $states.input.limit_s %}", "Output": "{% $states.result %}", **changes},
    )


def waiting(state: dict[str, Any], **given: Any) -> tuple[Execution, list[Any]]:
    calls: list[Any] = []
    execution = Execution(machine({"Act": state, **DONE}), {"act": calls.append}, {"limit_s": 20, **given})
    while execution.token is None and execution.status is Status.RUNNING:
        execution.step()
    return execution, calls


def test_a_token_task_ends_with_what_its_token_was_answered_and_not_with_what_its_function_said():
    execution, calls = waiting(token_task())
    assert calls == [{"token": execution.token}]
    execution.send_task_success(execution.token or "", '{"yes": 1}')
    assert execution.run().output == {"yes": 1}
    assert execution.clock.now_s == 0


def test_a_token_task_times_out_by_the_number_that_its_expression_gives():
    execution, _ = waiting(token_task())
    assert (execution.run().error, execution.clock.now_s) == ("States.Timeout", 20)


@pytest.mark.parametrize("limit_s", [0, -1, 2.5, "soon", None])
def test_a_time_limit_that_is_no_positive_integer_breaks_the_task(limit_s):
    execution, calls = waiting(token_task(), limit_s=limit_s)
    assert (execution.error, calls) == ("States.Runtime", [])


def test_a_token_is_known_inside_its_task_only_and_each_try_has_its_own():
    execution, calls = waiting(token_task(Retry=[retrier("Mine", MaxAttempts=1)]))
    first = execution.token or ""
    execution.send_task_failure(first, "Mine", "again")
    execution.run()
    assert [call["token"] for call in calls] == [first, calls[1]["token"]]
    assert first != calls[1]["token"]
    with pytest.raises(TokenError, match="TaskTimedOut"):
        execution.send_task_success(first, "{}")
    outside = task(Arguments={"FunctionName": "act", "Payload": "{% $states.context.Task.Token %}"})
    assert run(machine({"Act": outside, **DONE})).error == "States.QueryEvaluationError"


def test_a_token_can_be_answered_before_its_function_has_ended():
    made: list[Execution] = []
    machine_ = machine({"Act": token_task(), **DONE})
    answer = {"act": lambda payload: made[0].send_task_success(payload["token"], '"early"')}
    made.append(Execution(machine_, answer, {"limit_s": 20}))
    assert made[0].run().output == "early"


def test_an_expression_as_time_limit_is_for_token_tasks_only():
    with pytest.raises(UnsupportedError, match="TimeoutSeconds"):
        machine({"Act": task(TimeoutSeconds="{% 5 %}"), **DONE})
