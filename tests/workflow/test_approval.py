"""A move that waits for a person: what is asked, what each answer does, and what stands still meanwhile."""

import json
import re
import shlex
from dataclasses import replace

import pytest

from tests.support.asl_runner import LambdaFault, Status, TokenError
from tests.support.builders import ADDRESS_A, ADDRESS_B
from tests.support.world import World
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import ApprovalPolicy, FailbackPolicy, Policy
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.events.approvals import ApprovalAsked, ApprovalEnded

FAILOVER, SWITCHOVER, FAILBACK = TransitionAction.FAILOVER, TransitionAction.SWITCHOVER, TransitionAction.FAILBACK
ASKED, ENDED = ApprovalAsked, ApprovalEnded
WAIT_S = 300


def a_world(*actions, on_timeout="hold", members=2, **policy):
    approval = ApprovalPolicy(actions, WAIT_S, on_timeout)
    return World(members=members, definition_changes={"policy": Policy(approval=approval, **policy)}).settle()


def put_policy(world, **changes):
    """The operator puts the definition again with another policy."""
    policy = replace(world.definition.policy, **changes)
    world.definition = replace(world.definition, version=world.definition.version + 1, policy=policy)
    world.ledger.put_definition(world.definition)
    world.ledger.put_state(replace(world.state, definition_version=world.definition.version))


def is_asked(world):
    return bool(world.told(ASKED))


def pending(world):
    """The execution that waits for an answer."""
    (execution,) = [each for each in world.executions if each.token]
    return execution


def a_silent_world(*actions, **changes):
    """The active node has died, and a person is asked whether to fail over."""
    world = a_world(*(actions or (FAILOVER,)), **changes)
    world.kill("node-a")
    return world.run_until(is_asked, limit_s=60)


def answer(world, **words):
    execution = pending(world)
    execution.send_task_success(execution.token, json.dumps(words))
    return execution


def closed_on(name):
    return lambda world: world.in_service == [name] and world.state.transition is None and world.active == name


def ended(execution):
    return lambda world: execution.status is not Status.RUNNING


# What is asked, and what stands still meanwhile.


# B4 B5
def test_people_get_the_cause_the_facts_and_two_commands_that_can_be_pasted():
    world = a_silent_world()
    (question,) = world.told(ASKED)
    assert (question["action"], question["source"], question["target"]) == ("failover", "node-a", "node-b")
    assert (question["rule"], question["wait_s"], question["on_timeout"]) == ("active-is-silent", WAIT_S, "hold")
    assert question["facts"]["nodes"]["node-a"]["health"] == "SILENT"
    for word, approved in (("approve", True), ("deny", False)):
        command = shlex.split(question[word])
        assert command[:3] == ["aws", "stepfunctions", "send-task-success"]
        options = dict(zip(command[3::2], command[4::2], strict=True))
        assert options["--task-token"] == pending(world).token
        assert options["--region"] == "us-east-1"
        assert json.loads(options["--task-output"])["approved"] is approved


# B4
def test_nothing_is_opened_while_a_person_thinks_and_nobody_is_asked_a_second_time():
    world = a_silent_world()
    before, executions = world.state, len(world.executions)
    world.run(WAIT_S - 60)
    assert (world.state.epoch, world.state.active, world.dns) == (before.epoch, before.active, ADDRESS_A)
    assert (len(world.told(ASKED)), len(world.executions)) == (1, executions)


# B4
def test_without_the_question_in_the_state_every_silence_limit_would_ask_again():
    """The safeguard of the test before: an execution that finds no question puts its own."""
    world = a_silent_world()
    world.ledger.put_state(replace(world.state, approval=None))
    world.run(30)
    assert len(world.told(ASKED)) == 2


# B4
def test_the_active_node_goes_on_serving_while_a_switchover_waits_for_a_second_person():
    world = a_world(SWITCHOVER)
    execution = world.start(reason="patching")
    world.run(60)
    assert (world.in_service, world.state.transition) == (["node-a"], None)
    answer(world, approved=True, by="second person")
    world.run_until(closed_on("node-b"), limit_s=30)
    assert execution.status is Status.SUCCEEDED
    assert world.history(2)["approval"] == {"outcome": "APPROVED", "by": "second person"}


# B4
def test_a_move_that_the_policy_does_not_name_asks_nobody():
    world = a_world(FAILBACK)
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    assert world.told(ASKED) == []
    assert "approval" not in world.history(2)


# B4
def test_an_execution_started_all_the_same_while_a_question_is_open_fails_and_says_who_asks():
    world = a_silent_world()
    second = world.start(action="failover")
    world.run(2)
    assert (second.status, second.error) == (Status.FAILED, "Refused")
    assert pending(world).name in second.cause
    assert len(world.told(ASKED)) == 1


# B4
def test_a_failover_does_not_wait_for_the_question_whether_to_go_back():
    world = a_world(FAILBACK, failback=FailbackPolicy("automatic", stable_for_s=60))
    world.start()
    world.run_until(is_asked, limit_s=200)
    back = pending(world)
    assert world.active == "node-b"
    world.kill("node-b")
    world.run_until(closed_on("node-a"), limit_s=60)
    back.send_task_success(back.token, '{"approved": true, "by": "late"}')
    world.run(5)
    assert back.output["outcome"] == "STOOD_DOWN"
    assert world.active == "node-a"


# B4
def test_a_question_about_a_failover_takes_the_place_of_one_about_a_switchover():
    world = a_world(FAILOVER, SWITCHOVER)
    by_hand = world.start()
    world.run_until(is_asked, limit_s=5)
    token = by_hand.token
    world.kill("node-a")
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=60)
    by_hand.send_task_success(token, '{"approved": true, "by": "late"}')
    world.run(3)
    assert (by_hand.status, by_hand.error) == (Status.FAILED, "Refused")
    assert "another one took its place" in by_hand.cause
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)


# Approved.


# B4 B5
def test_an_approved_failover_is_done_and_the_history_says_by_whom_and_how_long_it_waited():
    world = a_silent_world()
    world.run(100)
    execution = answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)
    story = world.history(2)
    assert story["approval"] == {"outcome": "APPROVED", "by": "sam"}
    assert story["why"].endswith("; approved by sam")
    assert story["stages"]["opened_at"] - story["stages"]["asked_at"] >= 100
    assert story["proof"] == "LEASE_EXPIRED"
    assert (execution.status, world.dns, world.state.approval) == (Status.SUCCEEDED, ADDRESS_B, None)
    assert [(each["outcome"], each["by"]) for each in world.told(ENDED)] == [("APPROVED", "sam")]


# B4
def test_an_approval_of_a_cause_that_is_over_moves_nothing():
    world = a_silent_world()
    world.reboot("node-a")
    world.run_until(lambda w: w.in_service == ["node-a"], limit_s=60)
    execution = answer(world, approved=True, by="sam")
    world.run(5)
    assert execution.output["outcome"] == "STOOD_DOWN"
    assert (world.in_service, world.state.epoch, world.state.approval) == (["node-a"], 1, None)
    (told,) = world.told(ENDED)
    assert (told["outcome"], told["by"]) == ("WITHDRAWN", "sam")
    assert world.history(1)["not_approved"]["outcome"] == "WITHDRAWN"


# B4
def test_a_yes_to_one_node_is_no_yes_to_another():
    world = a_silent_world(members=3)
    assert world.told(ASKED)[0]["target"] == "node-b"
    world.kill("node-b")
    world.run(30)
    execution = answer(world, approved=True, by="sam")
    world.run_until(ended(execution), limit_s=5)
    assert execution.output["outcome"] == "STOOD_DOWN"
    assert re.search("approved a failover to node-b, but now it would go to node-c", execution.output["why"])
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=30)
    assert world.told(ASKED)[1]["target"] == "node-c"
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-c"), limit_s=60)


# B4 S10
def test_an_approved_failover_tries_the_next_node_without_asking_again():
    world = a_world(FAILOVER, members=3)
    world.machines["node-b"].starts = False
    world.kill("node-a")
    world.run_until(is_asked, limit_s=60)
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-c"), limit_s=200)
    assert len(world.told(ASKED)) == 1


# B6
def test_an_approval_does_not_overrule_a_hold_that_came_meanwhile():
    world = a_silent_world()
    world.ledger.put_state(replace(world.state, hold=Hold(int(world.clock()))))
    execution = answer(world, approved=True, by="sam")
    world.run(5)
    assert execution.output["outcome"] == "STOOD_DOWN"
    assert world.state.epoch == 1


# B6
def test_a_wish_that_cannot_be_carried_out_any_more_is_refused_though_it_was_approved():
    world = a_world(SWITCHOVER)
    execution = world.start(to="node-b")
    world.run_until(is_asked, limit_s=5)
    world.kill("node-b")
    world.run(30)
    answer(world, approved=True, by="sam")
    world.run(3)
    assert (execution.error, world.in_service, world.state.approval) == ("Refused", ["node-a"], None)


# Denied.


# B4 B5
def test_a_denied_failover_moves_nothing_is_kept_in_the_history_and_asked_again_after_the_wait():
    world = a_silent_world()
    execution = answer(world, approved=False, by="sam", reason="storage is being repaired")
    world.run_until(ended(execution), limit_s=5)
    denied_at = world.clock()
    assert (execution.error, execution.cause) == ("NotApproved", "denied by sam: storage is being repaired")
    story = world.history(1)["not_approved"]
    assert (story["outcome"], story["by"], story["reason"]) == ("DENIED", "sam", "storage is being repaired")
    executions = len(world.executions)
    world.run(WAIT_S - 20)
    assert (len(world.told(ASKED)), len(world.executions), world.state.epoch) == (1, executions, 1)
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=60)
    assert world.clock() - denied_at >= WAIT_S - 5
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)


# B4
def test_after_a_no_an_operator_may_ask_at_once():
    world = a_silent_world()
    world.run_until(ended(answer(world, approved=False)), limit_s=5)
    world.start(action="failover", reason="storage is repaired")
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=5)
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)


# B4
def test_a_policy_that_asks_no_more_is_not_held_up_by_what_was_said_before():
    world = a_silent_world()
    world.run_until(ended(answer(world, approved=False)), limit_s=5)
    put_policy(world, approval=ApprovalPolicy())
    world.run_until(closed_on("node-b"), limit_s=60)
    assert world.state.approval is None


# Nobody answers.


# B4 B5
def test_when_nobody_answers_and_the_policy_holds_nothing_moves_people_hear_and_it_is_asked_again():
    world = a_silent_world()
    execution = pending(world)
    world.run_until(ended(execution), limit_s=WAIT_S + 5)
    assert execution.error == "NotApproved"
    (told,) = world.told(ENDED)
    assert told["outcome"] == "UNANSWERED"
    assert "nobody answered within 300 s, and policy.approval.on_timeout is hold" in told["why"]
    assert told["asked_again_at"] >= int(world.clock()) + WAIT_S - 5
    world.run(WAIT_S - 20)
    assert (len(world.told(ASKED)), world.state.epoch) == (1, 1)
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=60)


# B4 B5
def test_when_nobody_answers_and_the_policy_proceeds_the_move_is_done_and_says_so():
    world = a_silent_world(on_timeout="proceed")
    execution = pending(world)
    world.run_until(closed_on("node-b"), limit_s=WAIT_S + 60)
    assert execution.status is Status.SUCCEEDED
    story = world.history(2)
    assert story["approval"] == {"outcome": "UNANSWERED", "by": ""}
    assert "nobody answered within 300 s, and policy.approval.on_timeout is proceed" in story["why"]


# B4
def test_a_cause_that_goes_away_while_nobody_answers_ends_quietly_even_when_the_policy_proceeds():
    world = a_silent_world(on_timeout="proceed")
    execution = pending(world)
    world.reboot("node-a")
    world.run_until(ended(execution), limit_s=WAIT_S + 5)
    assert execution.output["outcome"] == "STOOD_DOWN"
    assert (world.in_service, world.state.epoch) == (["node-a"], 1)


# B4
def test_a_question_that_ends_before_its_time_is_not_one_that_nobody_answered():
    """Who may fail a token could else play the end of the wait, and a policy that proceeds would proceed."""
    world = a_silent_world(on_timeout="proceed")
    execution = pending(world)
    execution.send_task_failure(execution.token, "States.Timeout")
    world.run_until(ended(execution), limit_s=5)
    assert (execution.error, world.state.epoch) == ("NotApproved", 1)
    assert "s early" in execution.cause


# What else comes back, or never does.


# B4
@pytest.mark.parametrize(
    "output",
    [
        "null",
        '"yes"',
        "true",
        "[true]",
        "{}",
        '{"approve": true}',
        '{"approved": "true"}',
        '{"approved": 1}',
        '{"approved": true, "unless": "it is Friday"}',
        '{"approved": true, "by": ["sam"]}',
        json.dumps({"approved": "x" * 100_000}),
        json.dumps({"approved": None, "by": "\u202e\n\x00"}),
    ],
)
def test_an_answer_that_is_not_beyond_doubt_approves_nothing_and_denies_nothing(output):
    world = a_silent_world()
    execution = pending(world)
    execution.send_task_success(execution.token, output)
    world.run_until(ended(execution), limit_s=5)
    assert (execution.error, world.state.epoch) == ("NotApproved", 1)
    assert "neither a yes nor a no" in execution.cause
    assert len(execution.cause) < 500
    assert execution.cause.isprintable()
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=30)


# B4
def test_a_question_that_the_bus_did_not_take_is_put_again_soon():
    world = a_world(FAILOVER)
    world.handlers["ask_approval"] = failing_once(world.handlers["ask_approval"])
    world.kill("node-a")
    world.run_until(is_asked, limit_s=90)
    broken = next(each for each in world.executions if each.error == "NotApproved")
    assert "AnnouncementError" in broken.cause
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)


# B4
def test_an_answer_to_an_execution_that_was_stopped_is_refused_and_its_question_ends_by_time():
    world = a_silent_world()
    execution = pending(world)
    token = execution.token
    world.crash()
    with pytest.raises(TokenError, match="TaskTimedOut"):
        execution.send_task_success(token, '{"approved": true}')
    world.run(WAIT_S - 20)
    assert len(world.told(ASKED)) == 1
    world.run_until(lambda w: len(w.told(ASKED)) == 2, limit_s=90)
    answer(world, approved=True, by="sam")
    world.run_until(closed_on("node-b"), limit_s=60)


# B4
def test_a_second_answer_is_refused_and_changes_nothing():
    world = a_silent_world()
    token = pending(world).token
    execution = answer(world, approved=False, by="sam")
    with pytest.raises(TokenError):
        execution.send_task_success(token, '{"approved": true}')
    world.run(10)
    assert world.state.epoch == 1


# B1 B4
@pytest.mark.parametrize("outcome", ["approved", "denied"])
def test_an_answer_that_was_taken_in_but_whose_function_died_is_taken_in_again(outcome):
    world = a_silent_world()
    execution = pending(world)
    handler, calls = world.handlers["open_transition"], []
    world.handlers["open_transition"] = dying_once(handler, calls)
    answer(world, approved=outcome == "approved", by="sam")
    if outcome == "approved":
        world.run_until(closed_on("node-b"), limit_s=60)
        assert world.state.epoch == 2
    else:
        world.run_until(ended(execution), limit_s=10)
        assert (execution.error, execution.cause) == ("NotApproved", "denied by sam")
    assert len(calls) >= 2


# B4
def test_an_execution_that_was_cut_off_before_it_could_ask_asks_under_its_own_question():
    world = a_world(FAILOVER)
    calls = []
    world.handlers["open_transition"] = dying_once(world.handlers["open_transition"], calls)
    world.kill("node-a")
    world.run_until(is_asked, limit_s=60)
    assert len(calls) == 2
    assert WAIT_S - 5 <= world.told(ASKED)[0]["wait_s"] < WAIT_S


def failing_once(handler):
    """The function's fault, as Step Functions hears of it."""
    faults = [LambdaFault("AnnouncementError", "the bus is down")]

    def handle(payload):
        if faults:
            raise faults.pop()
        return handler(payload)

    return handle


def dying_once(handler, calls):
    """The first call does its work, and its answer is lost."""

    def handle(payload):
        calls.append(payload)
        answered = handler(payload)
        if len(calls) == 1:
            raise LambdaFault("Lambda.SdkClientException", "connection reset")
        return answered

    return handle
