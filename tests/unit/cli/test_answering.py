"""A person answers whether a move may begin."""

import pytest

from tests.support.builders import NODE_A, NODE_B, NOW, a_state
from tests.unit.cli.running import a_stack, run
from tests.unit.cli.test_commands import moves
from understudy.domain.cluster.approval import No, Question, Yes, read_answer
from understudy_cli.core.endings import RUNNING, Execution
from understudy_cli.ports import Pending

ASKING = "orders-db-epoch2-x"
QUESTION = Question("failover", ASKING, NOW - 60, NOW + 540)
ASKED = {"source": NODE_A, "target": NODE_B, "rule": "active-is-silent", "why": "not heard", "on_timeout": "hold"}


@pytest.fixture
def stack():
    stack = a_stack(a_state(approval=QUESTION))
    request = {"cluster": "orders-db", "action": "failover"}
    stack.executions[ASKING] = Execution(ASKING, RUNNING, asked=request)
    stack.started.append((ASKING, request))
    stack.questions[ASKING] = Pending("token", ASKED)
    return stack


def test_an_approval_shows_the_question_and_then_the_move(stack):  # B4 B23
    stack.scenes = [moves]
    result = run(stack, "approve", "--by", "maria", "--yes")
    for words in (
        "orders-db  in service on node-a",
        "  asked              failover node-a -> node-b",
        "  rule               active-is-silent",
        "  until              08:09:00 (in 9 min)",
        "  without an answer  hold",
    ):
        assert words in result.output.splitlines()
    assert stack.answers == [("token", {"approved": True, "by": "maria"})]
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("Done: orders-db is in service on node-b")


def test_a_no_that_was_heard_is_what_was_asked_for(stack):  # B4 B23
    stack.scenes = [stack.ends("FAILED", error="NotApproved", cause="denied")]
    result = run(stack, "deny", "--reason", "not in the busy hour", "--yes")
    who = "arn:aws:sts::123456789012:assumed-role/Operators/maria"
    assert stack.answers == [("token", {"approved": False, "by": who, "reason": "not in the busy hour"})]
    assert (result.exit_code, result.output.splitlines()[-1].startswith("Denied: nothing was moved.")) == (0, True)


def test_a_no_that_came_too_late_says_what_came_instead(stack):  # B23
    stack.scenes = [moves]
    assert run(stack, "deny", "--yes").output.splitlines()[-1].startswith("Done: orders-db is in service on node-b")


@pytest.mark.parametrize(("answer", "meaning"), [(("approve",), Yes), (("deny", "--reason", "no"), No)])
def test_the_controller_understands_the_answer(stack, answer, meaning):  # B4
    stack.scenes = [stack.ends("FAILED", error="NotApproved", cause="denied")]
    run(stack, *answer, "--yes")
    assert isinstance(read_answer(stack.answers[0][1]), meaning)


def test_where_nobody_is_asked_nothing_is_answered(stack):  # B23
    stack.put({**stack.items[("orders-db", "state")], "approval": None})
    result = run(stack, "approve", "--yes")
    assert (result.exit_code, stack.answers) == (1, [])
    assert "Nobody is asked anything about orders-db." in result.stderr


def test_an_answer_is_asked_back_about(stack):  # B23
    assert (run(stack, "approve").exit_code, stack.answers) == (2, [])


def test_a_token_from_the_notice_answers_as_well(stack):  # B4
    stack.executions, stack.scenes = dict(stack.executions), [moves]
    shown = stack.questions.pop(ASKING)
    refused = run(stack, "approve", "--yes")
    assert (refused.exit_code, "--token TOKEN" in refused.stderr) == (1, True)
    stack.questions["elsewhere"] = shown
    assert run(stack, "approve", "--token", "token", "--yes").exit_code == 0
    assert stack.answers[0][0] == "token"
