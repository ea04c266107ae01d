"""Drills: what the tool says of the controller's, and one by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_state
from tests.support.fakes.cli_stack import FakeCliStack
from tests.unit.cli.running import a_stack, a_story, document, run
from tests.unit.cli.test_commands import BUSY, interrupted
from understudy.adapters.dynamodb.items import definition_item
from understudy.adapters.dynamodb.maps import to_map
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.policy import DrillPolicy, Policy
from understudy.domain.transition import drill as controller
from understudy_cli.core import drills
from understudy_cli.core.drills import Timetable, next_at

DAY_S = 86_400
SUNDAYS = DrillPolicy(30, "02:00-04:00", ("sun",))
READY = {"outcome": "ADVISED", "action": "rehearse", "verdict": "READY", "source": "node-a", "target": "node-b"}


def a_drilled_stack(newest: controller.Drill | None = None, drill: DrillPolicy | None = SUNDAYS, **policy: Any):
    stack = a_stack(a_state())
    stack.put(from_item(definition_item(a_definition(policy=Policy(drill=drill, **policy)))))
    if newest:
        stack.put({"pk": "orders-db", "sk": "drill", "drill": to_map(newest)})
    return stack


def ended(stack: FakeCliStack, outcome: str, **more: Any) -> None:
    """What the controller notes in the history of a drill's last move."""
    result = {"outcome": outcome, "why": "out and back", "outages_s": {"out": 4.5, "back": 7.0}, "measured_s": 7.0}
    stack.put(a_story(3, "x", drill={**result, "budget_s": None, "within": None, **more}))


DONE = controller.Drill(begun_at=NOW - 2 * DAY_S, home=NODE_A, away=NODE_B, epoch=3, out_epoch=2)


@pytest.mark.parametrize(
    "policy",
    [
        SUNDAYS,
        DrillPolicy(1, "22:00-02:00", ("mon", "thu"), back_after_s=1800),
        DrillPolicy(90, "12:30-13:30"),
        DrillPolicy(7, "23:00-23:50", ("sat",), back_after_s=600),
    ],
)
@pytest.mark.parametrize("begun_ago_s", [None, 3600, 6 * DAY_S, 100 * DAY_S])
def test_the_next_drill_is_the_first_moment_at_which_the_controller_would_begin_one(policy, begun_ago_s):  # B23
    begun_at = 0 if begun_ago_s is None else NOW - begun_ago_s
    drill = controller.Drill(begun_at=begun_at)
    table = Timetable(policy.every_days, policy.hours, policy.days, policy.back_after_s)
    minutes = range(NOW, NOW + 110 * DAY_S, 60)
    assert next_at(table, begun_at, NOW) == next(at for at in minutes if controller.is_due(drill, policy, at))


def test_a_window_that_never_opens_has_no_next_drill():
    assert next_at(Timetable(1, "02:00-02:10", (), 600), 0, NOW) is None


def test_a_drill_that_passed_is_shown_with_what_it_took_and_what_is_next():  # B23
    stack = a_drilled_stack(DONE)
    ended(stack, "PASSED")
    result = run(stack, "drill")
    assert result.output.splitlines() == [
        "planned  every 30 days, 02:00-04:00 UTC on sun; back after 300 s".replace("300 s", "5 min"),
        "newest   2027-01-13 08:00:00 (2 d ago), node-a -> node-b: PASSED; out 4.5 s, back 7 s",
        "next     from 2027-02-14 02:00:00 (in 29 d 18 h), when nothing at all speaks against it",
    ]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("outcome", "more", "words"),
    [
        ("PASSED", {"budget_s": 5.0, "within": False}, "over its budget"),
        ("STAYED_AWAY", {"why": "the window is over"}, "STAYED_AWAY; out 4.5 s, back 7 s; the window is over"),
    ],
)
def test_a_drill_that_was_not_as_it_should_be_exits_with_one(outcome, more, words):  # B23
    stack = a_drilled_stack(DONE)
    ended(stack, outcome, **more)
    result = run(stack, "drill")
    assert (result.exit_code, words in result.output) == (1, True), result.output


def test_a_drill_that_was_refused_since_says_when():  # B23
    stack = a_drilled_stack(controller.Drill(refused_at=NOW - 60))
    told = document(stack, "drill")
    assert (told["exit"], told["drill"]["newest"]["refused_at"]) == (1, NOW - 60)
    assert "refused  07:59:00 (60 s ago)" in run(stack, "drill").output


def test_a_drill_under_way_is_not_judged_by_the_history_of_an_earlier_one():  # B23
    stack = a_drilled_stack(controller.Drill(**{**vars(DONE), "stage": controller.DrillStage.OUT}))
    ended(stack, "STAYED_AWAY")
    result = run(stack, "drill")
    assert (result.exit_code, "under way (OUT)" in result.output) == (0, True)


def test_without_a_plan_it_is_said_where_one_is_written():  # B23
    result = run(a_drilled_stack(drill=None), "drill")
    assert result.output.splitlines() == [
        "planned  none: policy.drill is not set (docs/policy.md#drills)",
        "newest   none was begun yet",
    ]


# --- one by hand ---------------------------------------------------------------------------------


def rehearsed(stack: FakeCliStack) -> None:
    stack.ends("SUCCEEDED", output=READY)(stack)


def moved(epoch: int, source: str, target: str, took_s: float, **state: Any):
    def move(stack: FakeCliStack) -> None:
        at = {"stages.opened_at": stack.time, "stages.in_service_at": stack.time + took_s}
        story = a_story(epoch, stack.started[-1][0], source=source, target=target, outcome="IN_SERVICE", **at)
        stack.put(story)
        stack.items[("orders-db", "state")].update(epoch=epoch, **state)
        stack.ends("SUCCEEDED", output={"outcome": "IN_SERVICE"})(stack)

    return move


OUT = moved(2, "node-a", "node-b", 4.0, active=NODE_B)
BACK = moved(3, "node-b", "node-a", 6.0, active=NODE_A)


def nothing(stack: FakeCliStack) -> None:
    """Time goes on, and nothing happens."""


def test_a_drill_by_hand_is_a_rehearsal_and_two_switchovers_and_says_what_they_took():  # B23
    stack = a_drilled_stack(outage_budget_s=10)
    stack.scenes = [rehearsed, OUT, nothing, BACK]
    result = run(stack, "drill", "--now", "--yes")
    assert [request for _, request in stack.started] == [
        {"cluster": "orders-db", "action": "rehearse"},
        {"cluster": "orders-db", "action": "switchover", "to": "node-b", "reason": "a drill, out"},
        {"cluster": "orders-db", "action": "switchover", "to": "node-a", "reason": "a drill, back"},
    ]
    assert stack.time >= NOW + SUNDAYS.back_after_s
    sentence = "Done: orders-db went there and back: out 4 s and back 6 s, and policy.outage_budget_s is 10 s."
    assert (result.output.splitlines()[-1], result.exit_code) == (sentence, 0)


def test_a_drill_by_hand_that_was_too_slow_exits_with_one():  # B23
    stack = a_drilled_stack(outage_budget_s=5)
    stack.scenes = [rehearsed, OUT, nothing, BACK]
    told = document(stack, "drill", "--now", "--stay", "10s", "--yes")
    assert (told["exit"], told["within"], told["outages_s"]) == (1, False, {"out": 4.0, "back": 6.0})
    assert [each["target"] for each in told["moves"]] == ["node-b", "node-a"]


def test_a_drill_that_a_rehearsal_speaks_against_moves_nothing():  # B23
    stack = a_drilled_stack()
    bad = {**READY, "verdict": "NOT_READY", "text": ["node-b is SILENT"]}
    stack.scenes = [stack.ends("SUCCEEDED", output=bad)]
    result = run(stack, "drill", "--now", "--yes")
    assert (result.exit_code, len(stack.started)) == (1, 1)
    assert "node-b is SILENT\n" in result.output
    assert result.output.splitlines()[-1] == "Not begun: the rehearsal says why. Nothing was moved."


def test_a_drill_is_asked_about_before_it_begins():  # B23
    stack = a_drilled_stack()
    stack.scenes = [rehearsed]
    result = run(stack, "drill", "--now")
    assert (result.exit_code, len(stack.started)) == (2, 1)


def test_a_drill_whose_first_move_went_back_does_not_go_on():  # B23
    def back(stack):
        name = stack.started[-1][0]
        stack.put(a_story(2, name, source="node-a", target="node-b", outcome="SUPERSEDED"))
        home = {"source": None, "target": "node-a", "reasons": ["NOT_ON_THE_REQUESTED_NODE"], "outcome": "DEGRADED"}
        stack.put(a_story(3, name, **home))
        stack.ends("FAILED", error="Degraded", cause="NOT_ON_THE_REQUESTED_NODE")(stack)

    stack = a_drilled_stack()
    stack.scenes = [rehearsed, back]
    result = run(stack, "drill", "--now", "--yes")
    assert (result.exit_code, len(stack.started)) == (1, 2), result.output


def test_a_drill_that_cannot_come_home_says_how_the_service_does():  # B23
    def refused(stack):
        stack.ends("FAILED", error="Refused", cause="node-a is not READY")(stack)

    hint = "The drill has not come home. Look: understudy status orders-db; then: understudy switchover orders-db --to"
    stack = a_drilled_stack()
    stack.scenes = [rehearsed, OUT, nothing, refused]
    result = run(stack, "drill", "--now", "--yes")
    assert (result.exit_code, f"{hint} node-a" in result.stderr) == (3, True), result.output
    busy = a_drilled_stack()
    busy.scenes = [rehearsed, OUT, lambda stack: stack.fails_to_start(BUSY)]
    result = run(busy, "drill", "--now", "--yes")
    assert (result.exit_code, f"{hint} node-a" in result.stderr) == (6, True), result.output


def test_a_drill_between_whose_moves_another_came_ends_where_it_stands():  # B23
    stack = a_drilled_stack()
    stack.scenes = [rehearsed, OUT, lambda stack: stack.items[("orders-db", "state")].update(active=NODE_A)]
    result = run(stack, "drill", "--now", "--yes")
    assert (result.exit_code, len(stack.started)) == (1, 2)
    assert "Interrupted: another move came between" in result.output


@pytest.mark.parametrize(
    ("scenes", "words"),
    [
        ([interrupted], "Nothing was moved."),
        ([rehearsed, interrupted], "bring it home: understudy switchover orders-db --to node-a"),
        (
            [rehearsed, OUT, interrupted],
            "orders-db stays on node-b. Bring it home: understudy switchover orders-db --to",
        ),
    ],
)
def test_who_stops_a_drill_is_told_where_the_service_is_left(scenes, words):  # B23
    stack = a_drilled_stack()
    stack.scenes = scenes
    result = run(stack, "drill", "--now", "--yes")
    assert (result.exit_code, words in result.output) == (6, True), result.output


def test_a_drill_that_a_person_must_approve_waits_for_the_answer():  # B23 B4
    def asked(stack):
        stack.items[("orders-db", "state")]["approval"] = to_map(
            Question("switchover", stack.started[-1][0], NOW, NOW + 600)
        )

    def approved(stack):
        del stack.items[("orders-db", "state")]["approval"]
        OUT(stack)

    stack = a_drilled_stack()
    stack.scenes = [rehearsed, asked, approved, nothing, BACK]
    result = run(stack, "drill", "--now", "--yes")
    assert "It waits for a person until" in result.output
    assert result.exit_code == 0


def test_the_tool_knows_the_words_of_drills():  # B23
    assert (drills.DONE, drills.PASSED) == (controller.DrillStage.DONE, controller.DrillOutcome.PASSED)
