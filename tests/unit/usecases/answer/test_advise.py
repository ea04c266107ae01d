"""What an operator asks is answered from the table as it is, and nothing is changed by it."""

import json
from typing import Any

import pytest

from tests.support.builders import CLUSTER, NODE_A, NOW, a_definition, a_report, a_state
from tests.support.fakes import FakeLedger, VirtualClock
from understudy.usecases.answer.advise import advise

NOBODY: Any = None
"""Nobody is asked to rehearse."""
EXPLAIN = {"cluster": CLUSTER, "action": "explain"}


def explained(state=None, request=EXPLAIN):
    ledger = FakeLedger(state or a_state(), a_definition())
    before = dict(ledger.items)
    answer = advise({"request": request}, ledger=ledger, rehearser=NOBODY, clock=VirtualClock())
    assert ledger.items == before
    assert set(ledger.calls) <= {"read", "definition", "stack_wide"}
    return answer


def test_an_operator_is_told_the_rule_the_situation_and_the_facts():  # B5
    answer = explained(a_state(node_a=a_report(NODE_A, heard_at=NOW - 20)))
    assert (answer["outcome"], answer["cluster"], answer["action"]) == ("ADVISED", CLUSTER, "explain")
    assert (answer["decision"], answer["rule"], answer["target"]) == ("FAIL_OVER", "active-is-silent", "node-b")
    assert answer["situation"]["holder"] == "SILENT"
    (beat,) = [fact for fact in answer["facts"] if fact["about"] == "node-a newest beat"]
    assert beat == {
        "about": "node-a newest beat",
        "found": "recorded",
        "age_s": 20,
        "threshold": 15,
        "setting": "silence_limit_s",
    }
    assert {"column": "mode", "value": "HELD", "condition": "the cluster is held"}.items() <= next(
        each for each in answer["otherwise"] if each["column"] == "mode"
    ).items()
    assert answer["text"][0].startswith("FAIL_OVER by active-is-silent")
    json.dumps(answer)


def test_nobody_heard_makes_the_observer_the_suspect():  # B3 B5
    silent = a_state(
        node_a=a_report(NODE_A, heard_at=NOW - 20), node_b=a_report("i-0bbbbbbbbbbbbbbb2", heard_at=NOW - 20)
    )
    assert explained(silent)["rule"] == "observer-is-suspect"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({**EXPLAIN, "cluster": "gone"}, "cluster is 'gone', which is not registered"),
        ({**EXPLAIN, "to": "node-b"}, "'to' is not a key; allowed: cluster, action, reason"),
        ({"cluster": CLUSTER, "action": ["explain"]}, "action is a list; allowed: explain, rehearse"),
        ({"action": "explain"}, "cluster is missing"),
        ({"cluster": CLUSTER, "action": "rehearse", "to": ""}, "to is ''; allowed: a text of 1 to 200 characters"),
        ("orders-db", "the input is 'orders-db', not an object"),
    ],
)
def test_a_bad_question_is_refused_with_what_would_be_right(request_, why):  # S10
    answer = explained(request=request_)
    assert answer["outcome"] == "REFUSED"
    assert why in answer["why"]
