"""FenceNode with STONITH: what EC2 can answer to a stop, and what becomes of the fencing each time (S12, B4)."""

from typing import Any

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    SPECS,
    a_beat,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_transition,
)
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.nodes import FakeNodes
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import health_of
from understudy.domain.observe.health import NodeHealth
from understudy.domain.transition.stopping import StopAnswer, StopWord
from understudy.usecases.transition.fence_node import fence_node

STEP = {"cluster": CLUSTER, "epoch": 2}
SILENT = a_report(heard_at=NOW - 15)
PROTECTED = StopAnswer(StopWord.REFUSED, "OperationNotPermitted: disableApiStop")
FORBIDDEN = StopAnswer(StopWord.REFUSED, "UnauthorizedOperation")
THROTTLED = StopAnswer(StopWord.NOT_TAKEN, "RequestLimitExceeded")


class Scene:
    """node-a is silent, a failover to node-b is open under epoch 2."""

    def __init__(self, *accept: Proof, stop_instance: bool = True, unproven: str = "hold", **state: Any) -> None:
        fencing = Fencing(stop_instance, accept or Fencing().accept, unproven=unproven)
        self.definition = a_definition(policy=Policy(fencing=fencing))
        usual = {"node_a": SILENT, "previous": a_previous(renewed_at=NOW - 15)}
        self.ledger = FakeLedger(a_moving_state(**{**usual, **state}), self.definition)
        self.nodes, self.clock = FakeNodes(), VirtualClock(NOW)
        for spec in SPECS:
            self.nodes.launch_as(spec)

    def fence(self, after_s: int = 0) -> dict[str, Any]:
        self.clock.advance(after_s)
        return fence_node(STEP, ledger=self.ledger, nodes=self.nodes, clock=self.clock)

    @property
    def story(self) -> Any:
        return self.ledger.history(CLUSTER, 2)

    @property
    def proof(self) -> Proof | None:
        previous = self.ledger.state().previous
        return previous.proof if previous else None


def test_the_stop_is_sent_at_once_and_a_proof_that_is_there_already_counts_without_waiting_for_it():  # S12 B4
    scene = Scene()
    outcome = scene.fence()
    assert scene.nodes.stops == [NODE_A]
    assert (outcome["outcome"], outcome["proof"], outcome["stop"]["word"]) == ("FENCED", "LEASE_EXPIRED", "ACCEPTED")
    assert scene.story["stop"]["node"] == "node-a"
    assert scene.story["proof"] == "LEASE_EXPIRED"


def test_where_only_stopped_counts_stopping_is_waited_through():  # S12 B4
    scene = Scene(Proof.STOPPED)
    assert scene.fence()["outcome"] == "NOT_YET"
    assert scene.nodes.powers[NODE_A] is PowerReading.STOPPING
    assert scene.fence(20)["outcome"] == "NOT_YET"
    scene.nodes.powers[NODE_A] = PowerReading.STOPPED
    assert scene.fence(1)["proof"] == "STOPPED"
    assert scene.nodes.stops == [NODE_A], "once for each epoch"


def test_without_the_stop_such_a_cluster_would_wait_for_a_person():  # S12
    scene = Scene(Proof.STOPPED, stop_instance=False)
    assert scene.fence()["outcome"] == "NOT_YET"
    assert scene.fence(60)["outcome"] == "GAVE_UP"
    assert (scene.nodes.stops, scene.proof) == ([], None)


@pytest.mark.parametrize("answer", [PROTECTED, FORBIDDEN], ids=["protected", "not permitted"])
def test_a_refused_stop_never_blocks_a_weaker_proof(answer):  # S12 B4
    scene = Scene()
    scene.nodes.answers[NODE_A] = answer
    outcome = scene.fence()
    assert (outcome["outcome"], outcome["proof"]) == ("FENCED", "LEASE_EXPIRED")
    assert (outcome["stop"]["word"], outcome["stop"]["said"]) == ("REFUSED", answer.said)
    assert scene.story["stop"]["said"] == answer.said


def test_a_refused_stop_without_another_proof_gives_up_and_says_why():  # S12
    scene = Scene(Proof.STOPPED)
    scene.nodes.answers[NODE_A] = PROTECTED
    assert scene.fence()["outcome"] == "NOT_YET"
    outcome = scene.fence(60)
    assert outcome["outcome"] == "GAVE_UP"
    assert "StopInstances: REFUSED OperationNotPermitted" in outcome["why"]
    assert "EC2 does not say that it is off (STOPPED)" in outcome["why"]
    assert "RELEASED" not in outcome["why"], "what the policy does not accept was not waited for"
    assert scene.nodes.stops == [NODE_A]


@pytest.mark.parametrize("accept", [(), (Proof.STOPPED,)])
def test_an_instance_that_ec2_does_not_know_is_no_proof(accept):  # S12 B3
    """A wrong region or account would answer the same."""
    scene = Scene(*accept)
    del scene.nodes.powers[NODE_A]
    outcome = scene.fence()
    assert outcome["stop"]["word"] == "NO_SUCH_INSTANCE"
    assert outcome.get("proof") == (None if accept else "LEASE_EXPIRED")
    if accept:
        assert scene.fence(60)["outcome"] == "GAVE_UP"


def test_an_instance_that_is_terminated_already_is_proved_off_at_once():  # S12
    scene = Scene(Proof.STOPPED)
    scene.nodes.powers[NODE_A] = PowerReading.TERMINATED
    scene.nodes.answers[NODE_A] = StopAnswer(StopWord.NOT_TAKEN, "IncorrectInstanceState")
    assert scene.fence()["proof"] == "STOPPED"


def test_a_throttled_stop_is_tried_again_each_time_after_twice_as_long():  # S12
    scene = Scene(Proof.STOPPED)
    scene.nodes.answers[NODE_A] = THROTTLED
    for _ in range(15):
        assert scene.fence()["outcome"] == "NOT_YET"
        scene.clock.advance(1)
    assert len(scene.nodes.stops) == 4  # at 0, 2, 6 and 14 s
    del scene.nodes.answers[NODE_A]
    scene.fence(30)
    assert (scene.story["stop"]["word"], scene.story["stop"]["tries"]) == ("ACCEPTED", 5)


def test_an_ec2_that_is_down_does_not_keep_a_lease_from_running_out():  # S12 B4
    scene = Scene(previous=a_previous(renewed_at=NOW - 10))
    scene.nodes.is_down = True
    assert scene.fence()["outcome"] == "NOT_YET"
    assert scene.fence(5)["proof"] == "LEASE_EXPIRED"


def test_a_step_that_dies_after_the_stop_asks_once_more_and_ec2_does_not_mind():
    scene = Scene(Proof.STOPPED)
    scene.ledger.fail_next("note", RuntimeError("the function was killed"))
    with pytest.raises(RuntimeError):
        scene.fence()
    assert scene.fence(1)["stop"]["word"] == "ACCEPTED"
    assert scene.nodes.stops == [NODE_A, NODE_A]


def test_a_conflict_after_the_stop_does_not_send_it_again():
    scene = Scene()
    scene.ledger.fail_next("commit", LedgerConflictError("somebody else wrote"))
    assert scene.fence()["outcome"] == "FENCED"
    assert scene.nodes.stops == [NODE_A]


def test_the_instance_that_held_the_lease_is_stopped_and_no_other():  # S12
    """A node can be given another instance under its old name: what is stopped has the id that held the lease."""
    scene = Scene(Proof.STOPPED, previous=a_previous(node="i-0ddddddddddddddd4", renewed_at=NOW - 15))
    assert scene.fence()["outcome"] == "NOT_YET"
    assert scene.nodes.stops == []
    scene.nodes.powers["i-0ddddddddddddddd4"] = PowerReading.TERMINATED
    assert scene.fence(1)["proof"] == "STOPPED"


def test_a_node_that_is_stopped_is_no_candidate_until_it_beats_from_another_boot():  # S12
    """Its network may come back before the stop takes effect: the same boot is about to be cut off."""
    scene = Scene()
    scene.fence()

    def health(**beat: Any) -> NodeHealth:
        scene.clock.advance(4)
        scene.ledger.record_beat(a_beat(NODE_A, heard_at=scene.clock.now_s, read_epoch=2, **beat))
        return health_of(ClusterView(scene.ledger.state(), scene.definition, scene.clock.now_s), NODE_A)

    down = {"service": ServiceStatus.OUT_OF_SERVICE}
    assert health(beat=90_000_000, **down) is NodeHealth.GONE
    assert health(beat=90_004_000, **down) is NodeHealth.GONE
    assert health(beat=5_000, boot="another", **down) is NodeHealth.READY


def test_a_stop_that_was_refused_marks_nobody():
    scene = Scene()
    scene.nodes.answers[NODE_A] = PROTECTED
    scene.fence()
    assert scene.ledger.state().nodes[NODE_A].power is PowerReading.UNKNOWN


def test_a_planned_move_stops_nobody():  # S12
    scene = Scene(transition=a_transition(action=TransitionAction.SWITCHOVER), node_a=a_report(), previous=a_previous())
    for _ in range(59):
        assert scene.fence()["outcome"] == "NOT_YET"
        scene.clock.advance(1)
        scene.ledger.record_beat(a_beat(NODE_A, beat=86_400_000 + scene.clock.now_s, heard_at=scene.clock.now_s))
    assert scene.nodes.stops == []


def test_ec2_is_not_asked_where_its_word_is_no_proof():
    scene = Scene(Proof.RELEASED, Proof.LEASE_EXPIRED, stop_instance=False, previous=a_previous())
    scene.fence()
    assert scene.nodes.calls == []


# Going on without a proof.


def test_at_the_limit_a_policy_that_says_so_goes_on_and_says_that_it_did():  # B4
    scene = Scene(Proof.STOPPED, stop_instance=False, unproven="proceed")
    assert scene.fence(59)["outcome"] == "NOT_YET"
    outcome = scene.fence(1)
    assert (outcome["outcome"], outcome["proof"]) == ("FENCED", "UNPROVEN")
    state = scene.ledger.state()
    assert state.transition and (state.transition.stage, state.transition.without_proof) == (Stage.MOVING, True)
    assert (scene.proof, scene.story["proof"]) == (Proof.UNPROVEN, "UNPROVEN")


def test_an_operator_who_answers_for_it_is_obeyed_at_the_limit():  # B4
    scene = Scene(Proof.STOPPED, transition=a_transition(may_go_unproven=True), stop_instance=False)
    assert scene.fence(60)["proof"] == "UNPROVEN"


def test_a_proof_that_comes_before_the_limit_is_taken_all_the_same():
    scene = Scene(Proof.STOPPED, stop_instance=False, unproven="proceed")
    scene.nodes.powers[NODE_A] = PowerReading.STOPPED
    assert scene.fence(60)["proof"] == "STOPPED"


def test_a_node_that_says_that_it_serves_is_not_passed_over_even_at_the_limit():  # B4
    scene = Scene(Proof.STOPPED, unproven="proceed", node_a=a_report(heard_at=NOW + 58), previous=a_previous())
    assert scene.fence(60)["outcome"] == "GAVE_UP"


def test_by_default_nothing_goes_on_without_a_proof():  # B4
    scene = Scene(Proof.STOPPED, stop_instance=False)
    assert scene.fence(3600)["outcome"] == "GAVE_UP"
    assert scene.proof is None


def test_the_other_nodes_are_left_alone():
    scene = Scene()
    scene.fence()
    assert NODE_B not in scene.nodes.stops
