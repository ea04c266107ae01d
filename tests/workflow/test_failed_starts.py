"""A start that failed is not forgotten: the real workflow definition and the real use cases, in a world in memory."""

from functools import partial
from typing import Any

import pytest

from tests.support.asl_runner import Execution, Handler, Status
from tests.support.builders import NODE_B, NOW
from tests.support.fakes.board import FakeBoardBook
from tests.support.fakes.inspection import FakeReportBook
from tests.support.readiness import GUARD_KEY, NAME_KEY, a_gatherer, found, readings
from tests.support.world import WORKFLOW, World
from understudy.board.views import Attention, ShownCluster
from understudy.domain.cluster.no_standby import LONE_LIMIT_S
from understudy.domain.cluster.policy import FailbackPolicy, Policy
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.alerts import ClusterDegraded
from understudy.domain.events.operators import FailedStartCleared
from understudy.domain.events.transitions import TransitionClosed
from understudy.usecases.answer.advise import advise
from understudy.usecases.answer.check_readiness import ReadinessChecker, check_readiness
from understudy.usecases.answer.rehearse import Rehearsals
from understudy.usecases.answer.show_clusters import look_at_all


class Scene:
    """A cluster in service on node-a, after a switchover to node-b, on which the service did not start."""

    def __init__(self, members: int = 2, **policy: Any) -> None:
        self.world = World(members, definition_changes={"policy": Policy(**policy)}).settle()
        self.world.machines["node-b"].starts = False
        execution = self.world.start(to="node-b")
        self.world.run_until(lambda w: execution.status is not Status.RUNNING, limit_s=90)
        assert (execution.error, self.world.in_service) == ("Degraded", ["node-a"])
        self.world.run(60)

    def ask(self, action: str, **request: Any) -> Execution:
        """An operator asks for something that moves nothing."""
        world, aws = self.world, readings(self.world.members)
        epoch = world.state.epoch
        aws.records = {NAME_KEY: found(0, epoch=epoch), GUARD_KEY: found(1, epoch=epoch)}
        gatherer = a_gatherer(world.ledger, aws, world.clock)
        inspector = ReadinessChecker(
            gatherer=gatherer, book=FakeReportBook(), announcer=world.announcer, count=lambda faults: None
        )
        rehearser = Rehearsals(
            ledger=world.ledger,
            gatherer=gatherer,
            records=world.zone,
            announcer=world.announcer,
            clock=world.clock,
        )
        handlers: dict[str, Handler] = {
            **world.handlers,
            "check_readiness": partial(check_readiness, inspector=inspector, index=world.ledger),
            "advise": partial(advise, ledger=world.ledger, rehearser=rehearser, clock=world.clock),
        }
        document = {"cluster": "orders-db", "action": action, **request}
        return Execution(WORKFLOW, handlers, document, clock=world.clock).run()

    @property
    def board(self) -> ShownCluster:
        book = FakeBoardBook(self.world.ledger, FakeReportBook())
        (view,) = look_at_all(book=book, listing=self.world.zone, clock=self.world.clock, stack="understudy").clusters
        return view

    @property
    def looks_well(self) -> bool:
        return (
            self.board.attention is Attention.WELL
            and self.ask("check").status is Status.SUCCEEDED
            and self.ask("rehearse").output["verdict"] == "READY"
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_failed_start_is_noted_in_the_write_that_takes_the_lease_away(scene):  # B5 B20
    failed = scene.world.state.failed_starts[NODE_B]
    assert (set(scene.world.state.failed_starts), failed.epoch) == ({NODE_B}, 2)
    assert failed.at == int(scene.world.history(3)["stages"]["opened_at"])


def test_the_board_names_the_node_since_when_and_what_to_do(scene):  # S18 B20
    board = scene.board
    assert board.attention is Attention.DEGRADED
    assert "no standby is known to work: the service did not start on any that is fit" in board.reasons
    (note,) = next(node.notes for node in board.nodes if node.name == "node-b")
    assert note.startswith("the service did not start on it, since 2027-01-15 08:")
    assert note.endswith("(epoch 2)")
    assert ["understudy clear orders-db node-b"] in [list(need.commands) for need in board.needs]
    assert not any(node.notes for node in board.nodes if node.name == "node-a")


def test_readiness_fails_by_a_check_of_its_own_and_a_rehearsal_says_not_ready(scene):  # S1 B7 B20
    check = scene.ask("check")
    assert (check.status, check.error) == (Status.FAILED, "NotReady")
    assert check.cause.startswith("starts-known: the service did not start on node-b ")
    rehearsal = scene.ask("rehearse", to="node-b").output
    assert rehearsal["verdict"] == "NOT_READY"
    assert any(each.startswith("starts-known: ") for each in rehearsal["reasons"])
    assert any("would be refused: the service did not start on node-b" in each for each in rehearsal["reasons"])


def test_without_the_memory_all_of_them_would_say_that_all_is_well(scene, monkeypatch):  # B20
    users = ("decide.situation", "transition.opening", "readiness.nodes")
    for place in (*(f"domain.{each}" for each in users), "board.parts"):
        monkeypatch.setattr(f"understudy.{place}.failed_starts", lambda state, definition: {})
    monkeypatch.setattr("understudy.domain.transition.opening.failed_words", lambda *_: "")
    assert scene.looks_well


def test_people_are_told_which_node_it_was_and_after_five_minutes_that_no_standby_is_known_to_work(scene):  # B8 B20
    assert scene.world.told(TransitionClosed)[-1]["start_failed"] == ["node-b"]
    scene.world.run(LONE_LIMIT_S + 120)
    (told,) = scene.world.told(ClusterDegraded)
    assert told["fault"] == "no standby is known to work: the service did not start on any that is fit"
    failed_at = {name: node["start_failed_at"] for name, node in told["facts"]["nodes"].items()}
    assert failed_at == {"node-a": None, "node-b": scene.world.state.failed_starts[NODE_B].at}


def test_a_node_that_boots_anew_is_a_standby_like_any_other(scene):  # B20
    assert not scene.looks_well
    scene.world.machines["node-b"].starts = True
    scene.world.reboot("node-b")
    scene.world.run(60)
    assert scene.world.state.failed_starts == {}
    assert scene.looks_well
    scene.world.start(to="node-b")
    scene.world.run_until(lambda w: w.in_service == ["node-b"], limit_s=60)


def test_a_person_clears_it_by_a_request_and_may_then_switch_over_again(scene):  # S10 B20
    refused = scene.world.start(to="node-b")
    scene.world.run(1)
    assert (refused.error, scene.world.in_service) == ("Refused", ["node-a"])
    assert '"action": "clear", "node": "node-b"' in refused.cause
    cleared = scene.ask("clear", node="node-b", reason="disk replaced")
    assert (cleared.status, cleared.trail[-1]) == (Status.SUCCEEDED, "Cleared")
    assert (cleared.output["outcome"], cleared.output["node"]) == ("CLEARED", "node-b")
    assert scene.world.told(FailedStartCleared)[0]["reason"] == "disk replaced"
    assert scene.looks_well
    scene.world.machines["node-b"].starts = True
    scene.world.start(to="node-b")
    scene.world.run_until(lambda w: w.in_service == ["node-b"], limit_s=60)


def test_to_clear_where_there_is_nothing_to_clear_is_answered_well(scene):  # S10 B20
    for _ in range(2):
        again = scene.ask("clear", node="node-b")
        assert (again.status, again.trail[-1]) == (Status.SUCCEEDED, "Cleared")
    assert again.output["start_failed_at"] is None


def test_when_nobody_else_is_left_a_failover_still_tries_it_and_a_service_that_starts_ends_it(scene):  # B4 B20
    scene.world.machines["node-b"].starts = True
    scene.world.kill("node-a")
    scene.world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None, limit_s=90)
    assert scene.world.state.failed_starts == {}
    assert "the service did not start on node-b" in scene.world.history(4)["why"]


def test_where_the_policy_does_not_want_that_a_person_is_called_and_it_goes_on_once_it_is_cleared():  # B20
    scene = Scene(retry_failed_start=False)
    scene.world.machines["node-b"].starts = True
    scene.world.kill("node-a")
    scene.world.run(60)
    assert (scene.world.state.alert, scene.world.in_service) == ("only-failed-starts-left", [])
    scene.ask("clear", node="node-b")
    scene.world.run_until(lambda w: w.in_service == ["node-b"], limit_s=60)


def test_with_a_third_node_the_failover_goes_there_although_its_priority_is_lower():  # B20
    scene = Scene(3)
    scene.world.machines["node-b"].starts = True
    assert scene.board.attention is Attention.WELL
    scene.world.kill("node-a")
    scene.world.run_until(lambda w: w.in_service == ["node-c"] and w.state.transition is None, limit_s=90)
    assert scene.world.state.epoch == 4


def test_a_service_that_gives_up_under_its_lease_is_remembered_and_no_failback_goes_there_by_itself():  # B6 B20
    automatic = Policy(failback=FailbackPolicy("automatic", stable_for_s=60))
    world = World(definition_changes={"policy": automatic}).settle()
    world.run(20)
    world.machines["node-a"].starts = False
    world.machines["node-a"].crash_service()
    world.run_until(lambda w: w.in_service == ["node-b"] and w.state.transition is None, limit_s=60)
    world.machines["node-a"].starts = True
    world.run(300)
    assert world.in_service == ["node-b"]
    assert [world.state.nodes[each].name for each in world.state.failed_starts] == ["node-a"]
    world.start(action="clear", node="node-a")
    world.run_until(lambda w: w.in_service == ["node-a"], limit_s=150)
    assert world.history(world.state.epoch)["action"] == "failback"


def test_a_start_that_fails_everywhere_is_remembered_by_the_write_that_closes_it():  # B2 B20
    world = World().settle()
    for machine in world.machines.values():
        machine.starts = False
    world.start()
    world.run_until(lambda w: w.history(3).get("outcome") == "DEGRADED", limit_s=90)
    assert [world.state.nodes[each].name for each in world.state.failed_starts] == ["node-b", "node-a"]


def test_a_holder_that_starts_after_all_is_not_remembered_as_one_that_does_not():  # B20
    world = World().settle()
    for machine in world.machines.values():
        machine.starts = False
    world.start()
    world.run_until(lambda w: w.history(3).get("outcome") == "DEGRADED", limit_s=90)
    node = world.machines["node-a"]
    node.daemon.run_by_hand()
    node.start_agent()  # somebody has repaired the service, and restarted the agent
    world.run(10)
    assert [world.state.nodes[each].name for each in world.state.failed_starts] == ["node-b"]


def test_a_target_that_was_lost_and_booted_anew_is_a_standby_again():  # B20
    world = World(3).settle()
    world.machines["node-b"].start_s = 50
    world.kill("node-a")
    world.run_until(lambda w: w.machines["node-b"].status == "STARTING", limit_s=40)
    world.kill("node-b")
    world.ec2_says("node-b", PowerReading.STOPPED)
    world.run_until(lambda w: w.in_service == ["node-c"] and w.state.transition is None, limit_s=60)
    assert NODE_B in world.state.failed_starts
    world.ec2_says("node-b", PowerReading.RUNNING)
    world.reboot("node-b")
    world.run(10)
    assert world.state.failed_starts == {}
    assert world.clock() > NOW
