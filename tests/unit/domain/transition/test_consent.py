"""Which moves wait for a person, and what becomes of them with each answer."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import CLUSTER, EXECUTION, NODE_A, NODE_B, NODE_C, NOW, a_definition, a_previous, a_state
from understudy.domain.cluster.approval import No, Question, Reply, Unanswered, Unreadable, Yes
from understudy.domain.cluster.policy import ApprovalPolicy, Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.transition.consent import (
    Approved,
    AskPerson,
    Ended,
    NotApproved,
    after_reply,
    before_asking,
    is_in_question,
    withdrawn,
)
from understudy.domain.transition.opening import AlreadyOpen, Opening, Refused, StoodDown
from understudy.domain.transition.steps import opened

FAILOVER, SWITCHOVER, FAILBACK, PLACE = (
    TransitionAction.FAILOVER,
    TransitionAction.SWITCHOVER,
    TransitionAction.FAILBACK,
    TransitionAction.PLACE,
)
WAIT_S = 300
OPENING = Opening(FAILOVER, NODE_B, "active-is-silent", "the active node is silent")
CAUSE = Request(CLUSTER, FAILOVER, rule="active-is-silent")
WISH = Request(CLUSTER, FAILOVER)
ASKED = Question("failover", EXECUTION, NOW, NOW + WAIT_S)


def under(*actions: TransitionAction, on_timeout: str = "hold") -> Any:
    return a_definition(3, policy=Policy(approval=ApprovalPolicy(actions, WAIT_S, on_timeout)))


def asking(request: Request = CAUSE, question: Question | None = None, **changes: Any) -> Any:
    state = changes.pop("state", a_state(3, approval=question))
    ruling = changes.pop("ruling", OPENING)
    return before_asking(
        ruling, request, EXECUTION, ClusterView(state, changes.pop("definition", under(FAILOVER)), NOW + 10)
    )


def replied(answer: Any, question: Question | None = ASKED, **changes: Any) -> Any:
    definition = changes.pop("definition", under(FAILOVER))
    now = changes.pop("now", NOW + WAIT_S)
    state = a_state(3, approval=question)
    return after_reply(
        changes.pop("ruling", OPENING), Reply(NODE_B, answer), EXECUTION, ClusterView(state, definition, now)
    )


# B4
@pytest.mark.parametrize(("request_", "why"), [(CAUSE, ""), (WISH, OPENING.why)])
def test_a_move_that_the_policy_names_is_asked_about_and_any_other_is_not(request_, why):
    """What a person wants is kept with the reason that they gave; the controller's own cause is looked up anew."""
    question = Question("failover", EXECUTION, NOW + 10, NOW + 10 + WAIT_S, target=NODE_B, why=why)
    assert asking(request_) == AskPerson(question, OPENING)
    assert asking(request_, definition=under(SWITCHOVER, FAILBACK)) == OPENING
    assert asking(request_, definition=under()) == OPENING


# B4
def test_what_is_not_opened_is_not_asked_about():
    for ruling in (StoodDown("over"), Refused("no"), AlreadyOpen()):
        assert asking(ruling=ruling) == ruling


# B4
def test_a_failover_that_took_the_lease_already_is_finished_without_a_second_question():
    state = a_state(3, active=None, previous=a_previous())
    assert asking(state=state) == OPENING
    assert isinstance(asking(WISH, state=state), AskPerson)  # what a person asks for, another one approves


# B4
def test_one_question_for_an_action_at_a_time():
    others = replace(ASKED, execution="another")
    ruling = asking(question=others)
    assert isinstance(ruling, StoodDown)
    assert "asked for already, by another" in ruling.why
    assert isinstance(asking(WISH, others), StoodDown)
    assert isinstance(asking(question=replace(others, action="failback")), AskPerson)
    assert isinstance(asking(question=replace(others, until=NOW - 30)), AskPerson)  # who asked is dead


# B4
def test_the_execution_that_was_cut_off_before_it_asked_goes_on_with_its_own_question():
    assert asking(question=ASKED) == AskPerson(ASKED, OPENING)


# B4
def test_a_no_keeps_the_controller_from_asking_and_an_operator_not():
    no = ASKED.denied(NOW)
    ruling = asking(question=no)
    assert isinstance(ruling, StoodDown)
    assert f"asked again in {WAIT_S - 10} s" in ruling.why
    assert isinstance(asking(WISH, no), AskPerson)


# B4
@pytest.mark.parametrize(
    ("question", "action", "actions", "expected"),
    [
        (ASKED, FAILOVER, (FAILOVER,), True),
        (ASKED.denied(NOW), FAILOVER, (FAILOVER,), True),
        (ASKED, FAILOVER, (FAILBACK,), False),  # the policy asks no more
        (ASKED, PLACE, (FAILOVER,), False),
        (replace(ASKED, action="failback"), FAILOVER, (FAILOVER, FAILBACK), False),
        (replace(ASKED, until=NOW - 30), FAILOVER, (FAILOVER,), False),
        (None, FAILOVER, (FAILOVER,), False),
    ],
)
def test_the_controller_starts_nothing_that_is_in_question(question, action, actions, expected):
    policy = under(*actions).policy
    assert is_in_question(action, policy, a_state(3, approval=question), NOW) is expected


# B4
def test_an_overdue_failover_is_finished_though_its_question_still_stands():
    state = a_state(3, active=None, previous=a_previous(), approval=ASKED)
    assert not is_in_question(FAILOVER, under(FAILOVER).policy, state, NOW)


# B4 B5
def test_a_yes_opens_what_was_asked_about_and_says_who_said_it():
    ruling = replied(Yes("sam"), now=NOW + 20)
    assert isinstance(ruling, Approved)
    assert ruling.opening == replace(OPENING, why="the active node is silent; approved by sam")
    assert (ruling.ending.outcome, ruling.ending.by, ruling.asked_at) == (Ended.APPROVED, "sam", NOW)


# B4
@pytest.mark.parametrize("answer", [Yes("sam"), No("sam", ""), Unanswered(), Unreadable("what")])
@pytest.mark.parametrize("question", [None, replace(ASKED, execution="another")])
def test_an_answer_to_a_question_that_stands_no_more_opens_nothing(answer, question):
    assert isinstance(replied(answer, question, definition=under(FAILOVER, on_timeout="proceed")), StoodDown)


# B4
@pytest.mark.parametrize("answer", [Yes("sam"), Unanswered()])
@pytest.mark.parametrize("ruling", [StoodDown("over"), Refused("not READY")])
def test_consent_opens_nothing_that_is_not_to_be_opened_any_more(answer, ruling):
    assert replied(answer, ruling=ruling, definition=under(FAILOVER, on_timeout="proceed")) == ruling


# B4
def test_what_was_opened_already_by_this_execution_stays_open_whatever_was_answered():
    for answer in (Yes("sam"), No("sam", ""), Unanswered(), Unreadable("what")):
        assert replied(answer, None, ruling=AlreadyOpen()) == AlreadyOpen()


# B4
def test_a_yes_to_one_target_is_none_to_another_and_silence_names_no_target():
    elsewhere = replace(OPENING, target=NODE_C)
    ruling = replied(Yes("sam"), ruling=elsewhere)
    assert ruling == StoodDown("sam approved a failover to node-b, but now it would go to node-c")
    proceeding = replied(Unanswered(), ruling=elsewhere, definition=under(FAILOVER, on_timeout="proceed"))
    assert isinstance(proceeding, Approved)
    assert proceeding.opening.target == NODE_C


# B4 B5
def test_a_no_is_remembered_also_when_the_cause_is_over():
    for ruling in (OPENING, StoodDown("over")):
        found = replied(No("sam", "not now"), ruling=ruling, now=NOW + 50)
        assert isinstance(found, NotApproved)
        assert (found.ending.outcome, found.ending.why) == (Ended.DENIED, "denied by sam: not now")
        assert found.ending.remembered == ASKED.denied(NOW + 50)
    assert replied(No("sam", "")).ending.why == "denied by sam"


# B4
def test_what_cannot_be_read_is_not_remembered_as_a_no():
    found = replied(Unreadable("the answer is 'yes'"))
    assert isinstance(found, NotApproved)
    assert (found.ending.outcome, found.ending.remembered) == (Ended.UNREADABLE, None)


# B4
def test_nobody_has_answered_only_when_the_whole_wait_is_over():
    proceeds = under(FAILOVER, on_timeout="proceed")
    early = replied(Unanswered(), definition=proceeds, now=NOW + WAIT_S - 6)
    assert isinstance(early, NotApproved)
    assert early.ending.outcome is Ended.UNREADABLE
    assert isinstance(replied(Unanswered(), definition=proceeds, now=NOW + WAIT_S - 5), Approved)


# B4 B5
def test_without_an_answer_the_policy_of_this_moment_decides_and_the_reason_says_so():
    held = replied(Unanswered())
    assert isinstance(held, NotApproved)
    assert held.ending.outcome is Ended.UNANSWERED
    assert held.ending.remembered == ASKED.denied(NOW + WAIT_S)
    proceeds = replied(Unanswered(), definition=under(FAILOVER, on_timeout="proceed"))
    assert proceeds.opening.why.endswith("nobody answered within 300 s, and policy.approval.on_timeout is proceed")
    assert (proceeds.ending.outcome, proceeds.ending.by) == (Ended.UNANSWERED, "")
    named_no_more = replied(Unanswered(), definition=under(FAILBACK))
    assert named_no_more.opening.why.endswith("policy.approval.for does not name failover now")


# B5
def test_who_said_yes_to_what_was_not_to_be_any_more_stays_named():
    assert withdrawn("over", Reply(NODE_B, Yes("sam"))).by == "sam"
    assert withdrawn("over", Reply(NODE_B, Unanswered())).by == ""


# B4
def test_a_lease_that_moves_takes_its_question_with_it_and_a_repair_does_not():
    state = a_state(3, approval=ASKED)
    view = ClusterView(state, under(FAILOVER), NOW)
    assert opened(view, Opening(FAILOVER, NODE_B, "r", why=""), "e").approval is None
    repaired = opened(view, Opening(TransitionAction.REPAIR, NODE_A, "r", why=""), "e")
    assert repaired.approval == ASKED


# B4 S6 S7
def test_the_time_of_an_execution_counts_from_its_question_also_for_the_next_node_that_it_tries():
    state = opened(
        ClusterView(a_state(3), under(FAILOVER), NOW),
        Opening(FAILOVER, NODE_B, "r", why=""),
        "e",
        asked_at=NOW - 900,
    )
    assert state.transition.execution_begun_at == NOW - 900
    next_one = opened(
        ClusterView(state, under(FAILOVER), NOW + 60),
        Opening(FAILOVER, NODE_C, "r", why="", tried=(NODE_B,)),
        "e",
    )
    assert next_one.transition.execution_begun_at == NOW - 900
