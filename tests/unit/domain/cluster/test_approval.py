"""A question to a person: how long it stands, what an answer says, and the commands that give one."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NODE_B, NOW
from understudy.domain.cluster.approval import (
    BACK_IN_S,
    BY_LIMIT,
    NAMELESS,
    REASON_LIMIT,
    TIMER_MARGIN_S,
    No,
    Question,
    Unanswered,
    Unreadable,
    Yes,
    commands,
    parse_reply,
    read_answer,
)

QUESTION = Question("failover", "orders-db-epoch2-1", NOW, NOW + 300)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("approved"), inner),
    max_leaves=20,
)


# B4
def test_an_open_question_stands_until_its_execution_must_have_come_back_and_not_for_ever():
    assert QUESTION.stands(NOW + 300 + BACK_IN_S - 1)
    assert not QUESTION.stands(NOW + 300 + BACK_IN_S)


# B4
def test_a_no_stands_for_as_long_as_an_answer_was_waited_for_counted_from_the_no():
    denied = QUESTION.denied(NOW + 100)
    assert denied.stands(NOW + 399)
    assert not denied.stands(NOW + 400)
    assert denied.wait_s == QUESTION.wait_s


# B4
def test_a_wait_is_over_at_its_end_give_or_take_what_two_clocks_may_differ():
    assert QUESTION.was_waited_out(NOW + 300 - TIMER_MARGIN_S)
    assert not QUESTION.was_waited_out(NOW + 300 - TIMER_MARGIN_S - 1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"approved": True}, Yes(NAMELESS)),
        ({"approved": True, "by": "sam"}, Yes("sam")),
        ({"approved": True, "by": "sam", "reason": "looked at the data"}, Yes("sam")),
        ({"approved": True, "by": "NAME"}, Yes(NAMELESS)),
        ({"approved": True, "by": "  "}, Yes(NAMELESS)),
        ({"approved": False}, No(NAMELESS, "")),
        ({"approved": False, "by": "NAME", "reason": "REASON"}, No(NAMELESS, "")),
        ({"approved": False, "by": "sam", "reason": "not now"}, No("sam", "not now")),
        ({"approved": False, "by": 7, "reason": ["x"], "colour": "red"}, No(NAMELESS, "")),
    ],
)
def test_a_yes_and_a_no_are_read_with_who_said_it(answer, expected):  # B4 B5
    assert read_answer(answer) == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "the answer is None"),
        (True, "the answer is True"),
        ("yes", "the answer is 'yes'"),
        ([{"approved": True}], "the answer is a list"),
        ({}, "approved is None"),
        ({"approved": "true"}, "approved is 'true'"),
        ({"approved": 1}, "approved is 1"),
        ({"approved": True, "unless": "Friday"}, "'unless' is not a key"),
        ({"approved": True, "by": 7}, "by is 7"),
        ({"approved": True, "reason": None}, "reason is None"),
    ],
)
def test_what_is_not_beyond_doubt_is_neither_and_says_what_is_allowed(answer, words):  # B4
    read = read_answer(answer)
    assert isinstance(read, Unreadable)
    assert words in read.why
    assert '{"approved": true, "by": "name"}' in read.why


@pytest.mark.no_cover
@given(ANYTHING)
def test_whatever_somebody_sends_only_true_approves_and_what_is_kept_is_short_and_on_one_line(answer):  # B4
    read = read_answer(answer)
    if isinstance(read, Yes):
        assert answer["approved"] is True
    texts = [text for name in ("by", "reason", "why") if (text := getattr(read, name, ""))]
    assert all(text.isprintable() and len(text) <= REASON_LIMIT + 200 for text in texts)


def test_long_and_hostile_texts_are_cut_and_spelled_out():  # B5
    read = read_answer({"approved": False, "by": "s\u202e" * 5000, "reason": "\x1b[2Jall is well\n" * 5000})
    assert isinstance(read, No)
    assert len(read.by) <= BY_LIMIT
    assert len(read.reason) <= REASON_LIMIT
    assert read.by.isprintable()
    assert read.reason.isprintable()


def test_a_token_task_that_ran_out_of_time_was_not_answered_and_one_that_failed_is_unreadable():  # B4
    assert parse_reply({"target": NODE_B, "error": "States.Timeout"}).answer == Unanswered()
    failed = parse_reply({"target": NODE_B, "error": "E" * 9000, "cause": "c\n" * 9000}).answer
    assert isinstance(failed, Unreadable)
    assert len(failed.why) < 400
    assert parse_reply({"target": NODE_B, "answer": {"approved": True}}).answer == Yes(NAMELESS)
    assert isinstance(parse_reply({"target": NODE_B}).answer, Unreadable)


def test_each_command_is_one_line_that_a_shell_takes_apart_again():  # B4
    token = "AQCk+/=" * 140 + "';$(reboot)"
    for word, line in commands(token, "eu-west-1").items():
        assert "\n" not in line
        parts = shlex.split(line)
        assert parts[parts.index("--task-token") + 1] == token
        answer = read_answer(json.loads(parts[parts.index("--task-output") + 1]))
        assert answer == (Yes(NAMELESS) if word == "approve" else No(NAMELESS, ""))
