"""What may be asked of the workflow, and that nothing that is sent breaks more than its own request."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.domain.cluster.request import BadRequestError, Request, parse_check, parse_request
from understudy.domain.cluster.seal import CONTROLLER_WORDS
from understudy.domain.cluster.state import TransitionAction

KEYS = ("cluster", "action", "to", "reason", *CONTROLLER_WORDS)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def refusal(document: Any) -> str:
    with pytest.raises(BadRequestError) as caught:
        parse_request(document)
    return str(caught.value)


def test_a_cluster_alone_is_a_request_for_a_switchover():  # S10
    assert parse_request({"cluster": "orders-db"}) == Request("orders-db", TransitionAction.SWITCHOVER)


@pytest.mark.parametrize("action", ["switchover", "failover", "failback"])
def test_an_operator_may_say_action_node_and_reason(action):  # S10
    request = parse_request({"cluster": "a", "action": action, "to": "node-b", "reason": "patching"})
    assert request == Request("a", TransitionAction(action), to="node-b", reason="patching")


def test_the_controller_says_its_rule_and_when_it_noticed():  # B5
    document = {"cluster": "a", "action": "repair", "rule": "address-is-owed", "why": "", "noticed_at": 1.5, "epoch": 7}
    request = parse_request(document, by_controller=True)
    assert request == Request("a", TransitionAction.REPAIR, rule="address-is-owed", noticed_at=1.5, epoch=7)


@pytest.mark.parametrize("word", CONTROLLER_WORDS)
def test_the_words_of_the_controller_are_refused_unless_it_is_known_that_it_asks(word):  # B5 S10
    document = {"cluster": "a", word: 7 if word in ("epoch", "noticed_at") else "x"}
    assert f"'{word}' is for the controller alone to say; allowed: cluster, action, to, reason, unproven" in refusal(
        document
    )
    parse_request(document, by_controller=True)


@pytest.mark.parametrize("epoch", [0, -1, True, 1.5, "2", None, 10**12])
def test_an_epoch_is_a_whole_number(epoch):
    with pytest.raises(BadRequestError, match=r"epoch is .*; allowed: a whole number from 1 on"):
        parse_request({"cluster": "a", "rule": "x", "epoch": epoch}, by_controller=True)


def test_every_fault_is_named_at_once_with_what_is_allowed_and_an_example():  # S10
    text = refusal({"cluster": "Orders", "action": "explode", "to": 7, "node": "b", "noticed_at": "now"})
    for words in (
        "'node' is not a key; allowed: cluster, action,",
        "to is 7; allowed: a text of 1 to 200 characters",
        "cluster is 'Orders'; allowed: 1 to 40 of a-z",
        "action is 'explode'; allowed: switchover, failover, failback",
        "noticed_at is 'now'; allowed: seconds",
        'for example {"cluster": "orders-db"',
    ):
        assert words in text


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "cluster is missing"),
        ({"cluster": None}, "cluster is None"),
        ({"cluster": ""}, "cluster is ''"),
        ({"cluster": "a" * 41}, "allowed: 1 to 40"),
        ({"cluster": "-a"}, "not - at either end"),
        ({"cluster": "a\n"}, r"cluster is 'a\n'"),
        ({"cluster": "a\x00\x1b[2J"}, r"cluster is 'a\x00\x1b[2J'"),
        ({"cluster": ["a"]}, "cluster is a list"),
        ({"cluster": {"a": 1}}, "cluster is an object"),
        (
            {"cluster": "a", "action": "place"},
            "failback, hold, resume, clear, check, explain, rehearse (which move nothing);",
        ),
        ({"cluster": "a", "action": "place", "rule": ""}, "rule is ''"),
        ({"cluster": "a", "action": "explode", "rule": "x"}, "allowed: failover, switchover, failback, place, repair"),
        ({"cluster": "a", "action": ["switchover"]}, "action is a list"),
        ({"cluster": "a", "action": None}, "action is None"),
        ({"cluster": "a", "to": ""}, "to is ''"),
        ({"cluster": "a", "reason": "x" * 201}, "allowed: a text of 0 to 200"),
        ({"cluster": "a", "noticed_at": True}, "noticed_at is True"),
        ({"cluster": "a", "noticed_at": None}, "noticed_at is None"),
        ({"cluster": "a", "noticed_at": float("nan")}, "noticed_at is nan"),
        ({"cluster": "a", "noticed_at": float("inf")}, "noticed_at is inf"),
        ({"cluster": "a", "noticed_at": -1}, "noticed_at is -1"),
        (["cluster"], "the input is a list, not an object"),
        ("x" * 10**6, "the input is 'xxx"),
        (None, "the input is None"),
    ],
)
def test_a_bad_request_is_refused_with_what_was_found(document, words):  # S10
    text = refusal(document)
    assert words in text
    assert len(text) < 1000


def test_a_number_without_end_is_refused():
    assert "noticed_at is a number of more than 60 digits" in refusal({"cluster": "a", "noticed_at": 10**5000})


@pytest.mark.parametrize("key", KEYS)
def test_values_nested_without_end_are_refused_like_any_other(key):
    assert refusal({"cluster": "a", key: nested(100_000)})
    assert refusal(nested(100_000))


def test_a_flood_of_unknown_keys_is_counted_and_not_recited():
    text = refusal({"cluster": "a", **{f"key-{n}": n for n in range(5000)}})
    assert "'key-9' is not a key" in text
    assert "4990 more keys are not allowed" in text
    assert len(text) < 3000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("by_controller", [False, True])
@settings(max_examples=100, deadline=None)
@given(document=st.one_of(JSON, st.dictionaries(st.sampled_from(KEYS), JSON | st.sampled_from(["a", "failover"]))))
def test_no_input_raises_anything_but_a_bad_request(by_controller, document):
    try:
        request = parse_request(document, by_controller=by_controller)
    except BadRequestError as fault:
        assert json.dumps(str(fault))
    else:
        assert request.rule != ""


def test_a_check_is_asked_for_by_cluster_and_action():  # S1 S10
    assert parse_check({"cluster": "orders-db", "action": "check", "reason": "before the drill"}) == "orders-db"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "the input is a list, not an object"),
        ({"action": "check"}, "cluster is missing"),
        ({"cluster": "a"}, "action is None; allowed: check"),
        ({"cluster": "a", "action": "switchover"}, "action is 'switchover'; allowed: check"),
        ({"cluster": "a", "action": "check", "to": "node-b"}, "'to' is not a key; allowed: cluster, action, reason"),
        ({"cluster": "A", "action": "check"}, "cluster is 'A'"),
        ({"cluster": "a", "action": "check", "reason": 5}, "reason is 5"),
    ],
)
def test_a_bad_check_is_refused_with_what_was_found(document, words):  # S10
    with pytest.raises(BadRequestError) as caught:
        parse_check(document)
    assert words in str(caught.value)
    assert 'for example {"cluster": "orders-db", "action": "check"}' in str(caught.value)


def test_a_check_is_no_transition():
    assert "action is 'check'; allowed: switchover" in refusal({"cluster": "a", "action": "check"})
