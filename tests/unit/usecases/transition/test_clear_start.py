"""A person says that the service will start on a node: the failed start is forgotten, and nothing else (B20)."""

from typing import Any

import pytest

from tests.support.builders import (
    CLUSTER,
    EXECUTION,
    NODE_B,
    NODE_C,
    NOW,
    a_definition,
    a_failed_start,
    a_report,
    a_state,
)
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.definition import ServiceSpec
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.policy import Policy
from understudy.domain.decide.situation import Observer
from understudy.domain.events.operators import FailedStartCleared
from understudy.usecases.observe.judge import Judge
from understudy.usecases.register.state import next_state
from understudy.usecases.transition.open_transition import open_transition

TWO = {**a_failed_start(), **a_failed_start(NODE_C)}


class Scene:
    def __init__(self, **changes: Any) -> None:
        self.ledger = FakeLedger(a_state(3, **{"failed_starts": TWO, **changes}), a_definition(3))
        self.announcer, self.clock = FakeAnnouncer(), VirtualClock(NOW)

    def ask(self, **request: Any) -> Any:
        payload = {"request": {"cluster": CLUSTER, "action": "clear", **request}, "execution": EXECUTION}
        return open_transition(payload, ledger=self.ledger, announcer=self.announcer, clock=self.clock)

    @property
    def left(self) -> set[str]:
        return set(self.ledger.state().failed_starts)


def test_it_is_forgotten_with_its_reason_in_the_history_and_opens_nothing():  # S10 B5 B20
    scene = Scene()
    facts = {"node": "node-b", "start_failed_at": NOW - 3600}
    assert scene.ask(node="node-b", reason="disk\nreplaced") == {"outcome": "CLEARED", "cluster": CLUSTER, **facts}
    assert scene.left == {NODE_C}
    assert (scene.ledger.state().epoch, scene.ledger.state().transition) == (1, None)
    assert scene.ledger.history(CLUSTER, 1)[f"clear.{NOW}"] == {**facts, "reason": "disk\\nreplaced"}
    (told,) = scene.announcer.details(FailedStartCleared)
    assert told == {"cluster": CLUSTER, "epoch": 1, **facts, "reason": "disk\\nreplaced"}


def test_asked_twice_it_changes_nothing_the_second_time():  # S10 B20
    scene = Scene()
    scene.ask(node="node-b")
    before, told = scene.ledger.state(), list(scene.announcer.events)
    assert scene.ask(node="node-b") == {
        "outcome": "CLEARED",
        "cluster": CLUSTER,
        "node": "node-b",
        "start_failed_at": None,
    }
    assert (scene.ledger.state(), scene.announcer.events) == (before, told)


# S10 B20
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "node is missing; for example"),
        ({"node": ""}, "node is ''; allowed"),
        ({"node": 7}, "node is 7"),
        ({"node": "n" * 201}, "a text of 1 to 200 characters"),
        ({"node": "node-x"}, "node is 'node-x', which is no node of orders-db; allowed: node-a, node-b, node-c"),
        ({"node": NODE_B}, "which is no node of orders-db"),
        ({"node": "node-b", "to": "node-a"}, "'to' is not a key; allowed: cluster, action, node, reason"),
        ({"node": "node-b", "rule": "x"}, "'rule' is for the controller alone to say"),
        ({"node": "node-b", "cluster": "no-such"}, "cluster is 'no-such', which is not registered"),
        ({"node": "node-b", "cluster": 7}, "cluster is 7"),
        ({"node": "node-b", "reason": 7}, "reason is 7"),
    ],
)
def test_a_bad_request_is_refused_by_name_and_changes_nothing(request_, words):
    scene = Scene()
    before = dict(scene.ledger.items)
    answer = scene.ask(**request_)
    assert answer["outcome"] == "REFUSED"
    assert words in answer["why"]
    assert (scene.ledger.items, scene.announcer.events) == (before, [])


def test_a_node_belongs_to_no_other_request():  # S10
    answer = Scene().ask(action="switchover", node="node-b")
    assert "'node' is not a key" in answer["why"]


def test_a_race_for_the_state_is_run_again():
    scene = Scene()
    scene.ledger.fail_next("commit", LedgerConflictError("somebody came between"))
    assert scene.ask(node="node-b")["start_failed_at"] == NOW - 3600
    assert scene.left == {NODE_C}


def test_what_is_over_is_taken_out_of_the_state_by_whoever_judges_it_next():  # B20
    booted = a_report(NODE_B, boot="another-boot")
    scene = Scene(node_b=booted)
    judge = Judge(scene.ledger, FakeLauncher(), scene.announcer, scene.clock)
    judge.judge(scene.ledger.state(), NOW, Observer.TRUSTED)
    assert scene.left == {NODE_C}
    revision = scene.ledger.state().revision
    judge.judge(scene.ledger.state(), NOW, Observer.TRUSTED)
    assert scene.ledger.state().revision == revision, "a write for nothing"


# B20
@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, TWO),
        ({"policy": Policy(retry_failed_start=False)}, TWO),
        ({"policy": Policy(service_start_limit_s=300)}, {}),
        ({"services": (ServiceSpec("data"), ServiceSpec("postgresql", ("data",)))}, {}),
        ({"members": 2}, {}),
    ],
    ids=["a-comment", "what-is-to-follow", "a-limit", "a-service", "a-member"],
)
def test_a_definition_that_means_something_else_forgets_them_and_another_text_alone_does_not(changes, kept):
    state = a_state(3, failed_starts=TWO)
    new = a_definition(**{"members": 3, "version": 2, "digest": "another", **changes})
    assert next_state(new, state, a_definition(3), NOW).failed_starts == kept
