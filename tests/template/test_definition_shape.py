"""The shape of the transition workflow: what neither a linter nor the embedded engine looks at."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from tests.support.asl_definition import Definition, successors
from tests.template import cfn
from tests.template.outcomes import ASKING, ASKING_STEPS, OUTCOMES, STEPS, TRANSITION_STEPS
from understudy.domain.transition.ending import CloseOutcome
from understudy.domain.transition.outcomes import (
    AwaitOutcome,
    ChangeOutcome,
    FenceOutcome,
    GrantOutcome,
    MoveOutcome,
    OpenOutcome,
    Overtaken,
)
from understudy.usecases.answer.advise import AdviceOutcome
from understudy.usecases.answer.check_readiness import ReadinessOutcome

PATH = cfn.ROOT / "statemachine" / "transition.asl.json"
MACHINE: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
CALLS = {name: task for name, task in TASKS.items() if name != ASKING}
"""The tasks that end when their function does."""
ENUMS: dict[str, type[StrEnum]] = {
    "OpenTransition": OpenOutcome,
    "FenceNode": FenceOutcome,
    "MoveAddress": MoveOutcome,
    "GrantLease": GrantOutcome,
    "AwaitService": AwaitOutcome,
    "CheckChange": ChangeOutcome,
    "CloseTransition": CloseOutcome,
    "CheckReadiness": ReadinessOutcome,
    "Advise": AdviceOutcome,
}
"""What each step can answer. That an execution broke is written down by RecordBroken, which leads on by itself."""
LAMBDA_FAULTS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
}


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += graph.get(name, set())
    return seen


def test_the_runner_of_the_workflow_tests_knows_everything_in_it():
    Definition.load(Path(PATH))


def test_every_state_is_reached_and_leads_to_an_end():
    graph = successors(STATES)
    assert reachable(graph, MACHINE["StartAt"]) == set(STATES)
    ends = {name for name, state in STATES.items() if state["Type"] == "Fail" or state.get("End")}
    for name in STATES:
        assert reachable(graph, name) & ends, f"{name} never ends"


@pytest.mark.parametrize("name", STATES)
def test_every_state_says_what_it_is_for(name):
    assert STATES[name].get("Comment", "").endswith(".")


def test_the_tasks_are_the_steps_of_the_table_and_the_record_of_a_break():
    assert set(TASKS) == {*STEPS, "RecordBroken"}
    called = {name: task["Arguments"]["FunctionName"] for name, task in TASKS.items()}
    assert called == {
        **{name: f"${{{name}FunctionArn}}" for name in STEPS},
        "RecordBroken": "${CloseTransitionFunctionArn}",
    }


@pytest.mark.parametrize("name", CALLS)
def test_every_task_outlasts_its_function(name):
    usual_s = cfn.source()["Globals"]["Function"]["Timeout"]
    function = cfn.source()["Resources"].get(f"{name}Function", {"Properties": {}})["Properties"]
    assert TASKS[name]["TimeoutSeconds"] > function.get("Timeout", usual_s)


@pytest.mark.parametrize("name", CALLS)
def test_every_task_is_tried_again_after_the_faults_of_lambda(name):
    named = {error for retrier in TASKS[name]["Retry"] for error in retrier["ErrorEquals"]}
    assert named == LAMBDA_FAULTS | {"States.TaskFailed", "States.Timeout"}
    assert set(TASKS[name]["Retry"][0]["ErrorEquals"]) == LAMBDA_FAULTS, "the first that matches decides"
    assert all(retrier["MaxAttempts"] >= 1 for retrier in TASKS[name]["Retry"])


@pytest.mark.parametrize("name", CALLS)
def test_no_task_breaks_unheard(name):
    (catcher,) = TASKS[name]["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert catcher["Next"] == ("Broken" if name == "RecordBroken" else "RecordBroken")
    assert "broken" in catcher["Assign"]


# B4
def test_a_question_is_put_again_by_nobody_but_lambda_and_whatever_comes_back_is_judged_by_the_function():
    """A second question after an answer would ask twice; and one that could not be put is no answer."""
    asking = TASKS[ASKING]
    (retrier,) = asking["Retry"]
    assert set(retrier["ErrorEquals"]) == LAMBDA_FAULTS
    (catcher,) = asking["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    assert asking["Next"] == catcher["Next"] == "OpenTransition"
    assert {"reply", "step"} == set(asking["Assign"]) == set(catcher["Assign"])


# B4
def test_a_question_waits_as_long_as_its_function_says_and_nothing_else_waits_for_a_token():
    assert TASKS[ASKING]["TimeoutSeconds"] == "{% $wait_s %}"
    assert "wait_s" in TASKS["OpenTransition"]["Assign"]
    assert [name for name, task in TASKS.items() if task["Resource"].endswith(".waitForTaskToken")] == [ASKING]
    assert [name for name, targets in successors(STATES).items() if ASKING in targets] == ["AfterOpenTransition"]


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome_of_the_table_is_followed_and_any_other_is_reported(name):
    assert TASKS[name]["Next"] == f"After{name}"
    choice = STATES[f"After{name}"]
    pattern = re.compile(r"\{% \$states\.input\.outcome = '([A-Z_]+)' %\}")
    followed: dict[str, str] = {}
    for rule in choice["Choices"]:
        match = pattern.fullmatch(rule["Condition"])
        assert match, f"{rule['Condition']} is more than a comparison of an outcome"
        followed[match[1]] = rule["Next"]
    assert followed == OUTCOMES[name]
    assert choice["Default"] == "UnknownOutcome"


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_table_has_every_outcome_that_the_step_can_have_and_no_other(name):
    can_be_overtaken = name in TRANSITION_STEPS and name != "OpenTransition"
    words = {str(each) for each in ENUMS[name]} - ({str(CloseOutcome.BROKEN)} if name == "CloseTransition" else set())
    assert set(OUTCOMES[name]) == words | ({str(Overtaken.STALE)} if can_be_overtaken else set())


def test_choices_do_nothing_but_follow_outcomes_after_the_one_that_knows_a_question_from_a_transition():
    choices = {name for name, state in STATES.items() if state["Type"] == "Choice"}
    assert choices == {"WhatIsAsked", "LeaveToAnother", *(f"After{name}" for name in OUTCOMES)}
    assert STATES["Begin"]["Next"] == "WhatIsAsked"
    assert {(rule["Condition"].split("'")[1], rule["Next"]) for rule in STATES["WhatIsAsked"]["Choices"]} == {
        ("check", "CheckReadiness"),
        ("explain", "Advise"),
        ("rehearse", "Advise"),
    }
    assert STATES["WhatIsAsked"]["Default"] == "OpenTransition"


@pytest.mark.parametrize("step", ASKING_STEPS)
def test_nothing_but_its_question_leads_to_an_answer_and_no_answer_leads_to_a_transition(step):
    graph = successors(STATES)
    assert [name for name, targets in graph.items() if step in targets] == ["WhatIsAsked"]
    assert not reachable(graph, step) & set(TRANSITION_STEPS)


def test_every_loop_passes_a_wait_or_a_question_or_opens_or_fences_again():
    """MoveAddress has the node of a guard fenced once in an epoch: tests/workflow/test_lifting.py.

    Each node that is not fit when it is to get the lease is passed over once in a transition.
    """
    graph = successors(STATES)
    again = {name: {"OpenTransition"} for name in graph if name != "WhatIsAsked"}
    again["AfterMoveAddress"] = {"OpenTransition", "FenceNode"}
    without = {
        name: {n for n in targets if STATES[n]["Type"] != "Wait"} - again.get(name, set())
        for name, targets in graph.items()
    }
    for name in STATES:
        for target in without[name]:
            assert name not in reachable(without, target), f"{name} comes back to itself without waiting"
    assert {name for name, targets in graph.items() if "OpenTransition" in targets} == {
        "WhatIsAsked",
        "AfterAwaitService",
        "AfterGrantLease",
        "AfterMoveAddress",
        ASKING,
    }
    assert {name for name, targets in graph.items() if "FenceNode" in targets} == {
        "AfterOpenTransition",
        "AfterMoveAddress",
        "BeforeFenceNodeAgain",
    }


def test_every_wait_is_as_long_as_its_function_says():
    waits = {name: state for name, state in STATES.items() if state["Type"] == "Wait"}
    for name, wait in waits.items():
        step = wait["Next"]
        assert name == f"Before{step}Again"
        assert wait["Seconds"] == "{% $wait_s %}"
        assert "wait_s" in TASKS[step]["Assign"]


def test_assigned_values_do_not_depend_on_each_other():
    """AWS evaluates the entries side by side, the embedded engine one after another: they must not differ."""
    for name, state in STATES.items():
        for branch in (state, *state.get("Choices", []), *state.get("Catch", [])):
            assigned = branch.get("Assign", {})
            for variable, value in assigned.items():
                others = set(re.findall(r"\$(\w+)", json.dumps(value))) & set(assigned) - {variable}
                assert not others, f"{name}: {variable} reads {others}"


def test_the_machine_ends_before_its_history_is_full():
    """A loop costs nine events, and waits a second or more: 25,000 events are the limit of an execution."""
    assert MACHINE["QueryLanguage"] == "JSONata"
    assert MACHINE["TimeoutSeconds"] * 9 < 25_000


def test_an_execution_never_ends_in_succeed():
    """The embedded engine loses the Output of a Succeed, so the good ends are Pass states."""
    assert not [name for name, state in STATES.items() if state["Type"] == "Succeed"]
    for name in ("InService", "StoodDown", "Superseded"):
        assert STATES[name]["End"] is True
        assert "cluster" in STATES[name]["Output"] and "epoch" in STATES[name]["Output"]
