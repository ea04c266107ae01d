"""The words of the controller that the tool knows, and what it makes of them."""

import json
from pathlib import Path

import pytest

from tests.support.builders import NOW
from tests.unit.cli.running import a_story
from understudy.domain.cluster.hold import MODE_ACTIONS
from understudy.domain.cluster.request import CHECK, CLEAR, MANUAL_ACTIONS, QUESTIONS, parse_request
from understudy.domain.transition.ending import Reason
from understudy_cli.core import requests
from understudy_cli.core.endings import BY_OUTCOME, ELSEWHERE, EXITS, Execution, ending_of
from understudy_cli.core.moves import of_execution

ROOT = Path(__file__).parents[3]
STATES = json.loads((ROOT / "statemachine" / "transition.asl.json").read_text(encoding="utf-8"))["States"]
MOVE = {"cluster": "orders-db", "action": "switchover"}


def ended(status, *stories, error="", cause="", output=None, asked=MOVE):
    execution = Execution("by-hand", status, error, cause, output or {}, asked)
    return ending_of(execution, of_execution(stories, "by-hand"))


def test_every_way_in_which_the_workflow_can_end_has_an_exit_status():  # B23
    fails = {state["Error"] for state in STATES.values() if state["Type"] == "Fail" and "%" not in state["Error"]}
    ends = {name for name, state in STATES.items() if state.get("End")}
    assert fails | ends | {"Broken", "UnknownOutcome", "TIMED_OUT", "ABORTED"} == set(EXITS)
    assert set(BY_OUTCOME.values()) == ends
    assert ELSEWHERE == Reason.NOT_ON_THE_REQUESTED_NODE


def test_the_outcome_of_each_green_ending_is_the_one_that_leads_there():  # B23
    leading = {
        choice["Next"]: choice["Condition"].rpartition("= '")[2].partition("'")[0]
        for state in STATES.values()
        if state["Type"] == "Choice"
        for choice in state["Choices"]
        if "outcome" in choice["Condition"]
    }
    assert {ending: leading.get(ending, "STALE") for ending in BY_OUTCOME.values()} == {
        ending: outcome for outcome, ending in BY_OUTCOME.items()
    }


def test_the_tool_asks_for_what_the_controller_knows():  # B23
    assert set(requests.ACTIONS) == {*map(str, MANUAL_ACTIONS), *MODE_ACTIONS, CHECK, CLEAR, *QUESTIONS}
    asked = requests.request("orders-db", requests.FAILOVER, to=None, reason="it is dead", unproven="proceed")
    assert parse_request(asked).may_go_unproven


def test_a_name_by_hand_is_none_of_the_controllers_and_fits_step_functions():
    name = requests.execution_name("c" * 40, "switchover", NOW + 0.7, "1a2b3c4d")
    assert len(name) <= 80
    assert "-epoch" not in name


def test_a_move_that_is_done_says_where_and_how_long_it_took():  # B23
    story = a_story(8, "by-hand", **{"outcome": "IN_SERVICE", "stages.in_service_at": NOW + 6.7})
    ending = ended("SUCCEEDED", story, output={"outcome": "IN_SERVICE"})
    assert (ending.word, ending.exit) == ("InService", 0)
    where = "orders-db is in service on node-b, 6.2 s after the move was opened (epoch 8)"
    assert ending.sentence == f"Done: {where}. Clients follow with the TTL."


def test_a_service_that_is_back_where_it_was_is_not_done_and_not_degraded():  # B23
    there = a_story(8, "by-hand", target="node-b")
    back = a_story(9, "by-hand", source="node-b", target="node-a", outcome="DEGRADED", reasons=[ELSEWHERE])
    ending = ended("FAILED", there, back, error="Degraded", cause=ELSEWHERE)
    assert ending.exit == 1
    assert "did not start on node-b, and orders-db is in service on node-a again" in ending.sentence


@pytest.mark.parametrize(
    ("target", "reasons"),
    [("node-c", [ELSEWHERE]), ("node-a", [ELSEWHERE, "SERVICE_NOT_IN_SERVICE"]), ("node-a", ["ADDRESS_OWED"])],
)
def test_a_service_that_is_elsewhere_or_lacks_something_is_degraded(target, reasons):  # B23
    there = a_story(8, "by-hand", target="node-b")
    on = a_story(9, "by-hand", source="node-b", target=target, outcome="DEGRADED", reasons=reasons)
    assert ended("FAILED", there, on, error="Degraded", cause="; ".join(reasons)).exit == 4


@pytest.mark.parametrize(
    ("status", "error", "exit_status", "begins"),
    [
        ("FAILED", "Refused", 3, "Refused: because"),
        ("FAILED", "NotApproved", 1, "Not done: because. Nothing was moved."),
        ("FAILED", "NotReady", 1, "Not ready: because. Nothing was moved."),
        ("FAILED", "Degraded", 4, "Degraded: because."),
        ("FAILED", "Held", 5, "Held: because. Nobody holds the lease"),
        ("FAILED", "Superseded", 6, "Not known: because."),
        ("FAILED", "Broken", 6, "Not known: the execution ended Broken (because)"),
        ("FAILED", "SomethingNew", 6, "Not known: the execution ended SomethingNew (because)"),
        ("TIMED_OUT", "", 6, "Not known: the execution ended TIMED_OUT"),
        ("ABORTED", "", 6, "Not known: the execution ended ABORTED"),
    ],
)
def test_each_ending_has_its_exit_status_and_its_sentence(status, error, exit_status, begins):  # B23
    ending = ended(status, error=error, cause="because")
    assert ending.exit == exit_status
    assert ending.sentence.startswith(begins)


def test_an_outcome_that_the_tool_does_not_know_is_not_taken_for_done():  # B23
    assert ended("SUCCEEDED", output={"outcome": "SOMETHING_NEW"}).exit == 6


@pytest.mark.parametrize(("verdict", "exit_status"), [("READY", 0), ("READY_WITH_WARNINGS", 0), ("NOT_READY", 1)])
def test_a_rehearsal_that_would_not_succeed_is_not_done_though_its_execution_is_green(verdict, exit_status):  # B7
    output = {"outcome": "ADVISED", "action": "rehearse", "verdict": verdict}
    assert ended("SUCCEEDED", output=output).exit == exit_status
