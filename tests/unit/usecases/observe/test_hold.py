"""Hold and resume, written down and told of; and what whoever judges keeps up by itself (B6)."""

from typing import Any

import pytest

from tests.support.builders import CLUSTER, EXECUTION, NODE_B, NOW, a_definition, a_report, a_state
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import FailbackPolicy, Policy
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.decide.situation import Observer
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.operators import ClusterHeld, ClusterResumed
from understudy.usecases.observe.judge import Judge
from understudy.usecases.transition.open_transition import open_transition

AUTOMATIC = a_definition(policy=Policy(failback=FailbackPolicy("automatic")))
SILENT = a_report(heard_at=NOW - 15)


class Scene:
    def __init__(self, state: Any = None, definition: Any = None) -> None:
        self.ledger = FakeLedger(state or a_state(), definition or a_definition())
        self.announcer, self.launcher, self.clock = FakeAnnouncer(), FakeLauncher(), VirtualClock(NOW)
        self.judge_ = Judge(self.ledger, self.launcher, self.announcer, self.clock)

    def ask(self, **request: Any) -> Any:
        payload = {"request": {"cluster": CLUSTER, **request}, "execution": EXECUTION}
        return open_transition(payload, ledger=self.ledger, announcer=self.announcer, clock=self.clock)

    def judge(self) -> str:
        return self.judge_.judge(self.ledger.state(), self.clock.now_s, Observer.TRUSTED).rule

    @property
    def hold(self) -> Hold | None:
        return self.ledger.state().hold


def test_a_hold_is_written_down_with_its_reason_and_told_of_and_opens_nothing():  # B5 B6
    scene = Scene()
    assert scene.ask(action="hold", for_s=600, reason="patching") == {
        "outcome": "MODE_SET",
        "cluster": CLUSTER,
        "mode": "HELD",
        "until": NOW + 600,
    }
    assert scene.hold == Hold(NOW, NOW + 600, "patching")
    assert (scene.ledger.state().epoch, scene.ledger.state().transition) == (1, None)
    assert scene.ledger.history(CLUSTER, 1)[f"hold.{NOW}"]["reason"] == "patching"
    assert scene.announcer.details(ClusterHeld)[0]["until"] == NOW + 600


def test_a_resume_lets_it_move_again_and_is_told_of():  # B6
    scene = Scene(a_state(hold=Hold(NOW - 60), node_a=SILENT))
    assert scene.judge() == "held-and-not-served"
    assert scene.ask(action="resume", reason="done")["mode"] == "NORMAL"
    assert scene.ledger.history(CLUSTER, 1)[f"resume.{NOW}"]["reason"] == "done"
    assert scene.announcer.details(ClusterResumed)[0]["reason"] == "done"
    assert scene.judge() == "active-is-silent"


@pytest.mark.parametrize("request_", [{"action": "hold", "reason": "x"}, {"action": "resume"}])
def test_asked_twice_it_changes_nothing_the_second_time(request_):
    scene = Scene()
    scene.ask(**request_)
    before, told = scene.ledger.state(), list(scene.announcer.events)
    assert scene.ask(**request_)["outcome"] == "MODE_SET"
    assert (scene.ledger.state(), scene.announcer.events) == (before, told)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"action": "hold", "until": NOW}, "until is 0 s ago; allowed: a time to come"),
        ({"action": "hold", "cluster": "no-such"}, "cluster is 'no-such', which is not registered"),
        ({"action": "hold", "for_s": 1}, "for_s is 1"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_and_changes_nothing(request_, words):
    scene = Scene()
    answer = scene.ask(**request_)
    assert (answer["outcome"], words in answer["why"]) == ("REFUSED", True)
    assert (scene.hold, scene.announcer.events) == (None, [])


def test_a_race_for_the_state_is_run_again():
    scene = Scene()
    scene.ledger.fail_next("commit", LedgerConflictError("a beat came between"))
    assert scene.ask(action="hold")["outcome"] == "MODE_SET"
    assert scene.hold is not None


def test_a_held_cluster_that_fails_moves_nothing_and_calls_an_operator_once():  # B6
    scene = Scene(a_state(hold=Hold(NOW - 60), node_a=SILENT))
    assert [scene.judge() for _ in range(3)] == ["held-and-not-served"] * 3
    assert scene.launcher.starts == {}
    assert [detail["rule"] for detail in scene.announcer.details(OperatorCalled)] == ["held-and-not-served"]


def test_a_hold_that_is_over_holds_nothing_before_anybody_has_taken_it_away():  # B6
    scene = Scene(a_state(hold=Hold(NOW - 60, NOW), node_a=SILENT))
    assert scene.judge() == "active-is-silent"
    assert [request["action"] for request in scene.launcher.requests] == ["failover"]
    assert scene.announcer.details(ClusterResumed) == []
    assert scene.launcher.requests


def a_state_on_b(**node_a: Any) -> Any:
    down = {"service": ServiceStatus.OUT_OF_SERVICE, **node_a}
    return a_state(active=NODE_B, node_a=a_report(**down), node_b=a_report(NODE_B, service=ServiceStatus.IN_SERVICE))


def test_the_time_of_the_preferred_node_is_kept_with_one_write_when_it_begins():  # B6 B9
    scene = Scene(a_state_on_b(), AUTOMATIC)
    for _ in range(5):
        scene.judge()
    assert scene.ledger.state().preferred_since == NOW
    assert scene.ledger.calls.count("commit") == 1


def test_it_is_taken_away_with_one_write_when_it_breaks():
    failed = a_state_on_b(service=ServiceStatus.FAILED)
    scene = Scene(failed, AUTOMATIC)
    scene.judge()
    assert scene.ledger.calls.count("commit") == 0
    scene.ledger.put_state(a_state_on_b())
    scene.judge()
    assert scene.ledger.state().preferred_since == NOW


def test_without_automatic_failback_nothing_is_written():  # B9
    scene = Scene(a_state_on_b())
    scene.judge()
    assert scene.ledger.calls.count("commit") == 0
