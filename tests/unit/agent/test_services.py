# S9 S10 S12
from __future__ import annotations

import pytest

from tests.unit.agent.fakes import FakeKind, FakeTask
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings, State
from understudy_agent.services import DependencyCycleError, Services, in_dependency_order
from understudy_agent.tasks import Outcome


class Node:
    """A node with a data service and a database on it, which are not restarted when they fail, and time."""

    def __init__(self, **running: bool) -> None:
        self.data = FakeKind(running=running.get("data", False))
        self.db = FakeKind(running=running.get("db", False))
        self.unstoppable: list[str] = []
        self.changes: list[str] = []
        self.reasons: list[str] = []
        self.now_ms = 0
        self.services = Services(
            {"db": self.db, "data": self.data},
            [
                ServiceSettings("db", depends_on=("data",), start_limit_s=10, stop_limit_s=5, restart_tries=0),
                ServiceSettings("data", start_limit_s=10, stop_limit_s=5, restart_tries=0),
            ],
            self.unstoppable.append,
        )

    def pass_time(self, order: Order, ms: int = 2000, epoch: int = 1) -> None:
        for _ in range(0, ms, 200):
            self.now_ms += 200
            for change in self.services.tick(order, epoch, self.now_ms, 1.0):
                self.changes.append(f"{change.service} {change.new.value}")
                self.reasons.append(change.why)

    def states(self) -> list[str]:
        states = self.services.states()
        return [states["data"], states["db"]]


def test_services_come_in_service_after_what_they_depend_on_and_go_out_before_it():
    node = Node()
    node.pass_time(Order.SERVE)
    node.pass_time(Order.STOP)
    assert [change for change in node.changes if "SERVICE" in change] == [
        "data OUT_OF_SERVICE",
        "db OUT_OF_SERVICE",
        "data IN_SERVICE",
        "db IN_SERVICE",
        "db OUT_OF_SERVICE",
        "data OUT_OF_SERVICE",
    ]


def test_a_service_does_not_start_before_what_it_depends_on_is_in_service():
    node = Node()
    node.data.hangs.add("start")
    node.pass_time(Order.SERVE, ms=5000)
    assert node.states() == ["STARTING", "OUT_OF_SERVICE"]
    assert node.db.asked == []


def test_a_running_service_is_left_running_when_the_lease_is_granted():
    node = Node(data=True, db=True)
    node.pass_time(Order.SERVE)
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]
    assert node.data.asked == node.db.asked == []


def test_a_service_that_came_up_since_the_last_look_is_left_running():
    node = Node()
    node.pass_time(Order.LEAVE_ALONE)
    node.data.running = True
    node.pass_time(Order.SERVE)
    assert node.data.asked == []
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]


def test_without_an_order_services_are_watched_and_left_as_they_are():
    node = Node(data=True)
    node.pass_time(Order.LEAVE_ALONE)
    assert node.states() == ["IN_SERVICE", "OUT_OF_SERVICE"]
    node.data.running = False
    node.db.running = True
    node.pass_time(Order.LEAVE_ALONE, ms=6000)
    assert node.states() == ["OUT_OF_SERVICE", "IN_SERVICE"]
    assert node.data.asked == node.db.asked == []


def test_a_service_found_running_without_a_lease_is_stopped():
    node = Node()
    node.pass_time(Order.STOP)
    node.data.running = True
    node.pass_time(Order.STOP, ms=6000)
    assert node.data.asked == ["stop"]
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]


def test_all_is_not_called_down_before_what_may_have_come_up_with_another_has_been_looked_at():  # B4
    node = Node()
    node.pass_time(Order.STOP)
    node.data.running = node.db.running = True
    node.data.hangs.add("look")
    node.pass_time(Order.STOP, ms=7000)
    assert node.db.asked == ["stop"]
    assert node.states() == ["STOPPING", "OUT_OF_SERVICE"]
    assert not node.services.all_down
    node.data.hangs.clear()
    node.pass_time(Order.STOP, ms=6000)
    assert node.data.asked == ["stop"]
    assert node.services.all_down


def test_a_look_from_before_the_first_sight_of_another_is_not_believed():  # B4
    node = Node()
    look = FakeTask(None)
    node.db.look = lambda: look
    node.pass_time(Order.STOP, ms=2000)
    assert node.states() == ["OUT_OF_SERVICE", "STOPPING"]
    node.data.running = node.db.running = True
    look.outcome = Outcome.SERVING
    del node.db.look
    for _ in range(10):
        node.pass_time(Order.STOP, ms=200)
        assert not (node.services.all_down and node.data.running)
    assert node.data.asked == node.db.asked == ["stop"]


def test_what_came_up_while_another_was_stopped_is_found_before_all_is_called_down():  # B4
    node = Node()
    node.pass_time(Order.STOP)
    node.db.running = True
    while not node.db.asked:
        node.pass_time(Order.STOP, ms=200)
    node.data.running = True
    for _ in range(10):
        node.pass_time(Order.STOP, ms=200)
        assert not (node.services.all_down and node.data.running)
    assert node.data.asked == ["stop"]


def test_a_start_that_fails_stays_failed_while_the_lease_is_held():
    node = Node()
    node.data.fails.add("start")
    node.pass_time(Order.SERVE, ms=20_000)
    assert node.states() == ["FAILED", "OUT_OF_SERVICE"]
    assert node.data.asked == ["start"]


def test_a_failed_service_is_tried_again_under_a_new_lease():
    node = Node()
    node.data.fails.add("start")
    node.pass_time(Order.SERVE)
    node.data.fails.clear()
    node.pass_time(Order.SERVE, epoch=3)
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]


def test_a_start_that_hangs_fails_at_its_limit_and_is_killed():
    node = Node()
    node.data.hangs.add("start")
    node.pass_time(Order.SERVE, ms=9800)
    assert node.states()[0] == "STARTING"
    node.pass_time(Order.SERVE, ms=1000)
    assert node.states()[0] == "FAILED"
    assert node.data.tasks[0].aborted


def test_a_service_that_ends_right_after_its_start_has_failed():
    node = Node()
    node.data.survives.add("start")
    node.pass_time(Order.SERVE)
    assert node.states()[0] == "FAILED"


def test_a_script_may_take_until_the_limit_to_show_that_it_runs():
    node = Node()
    node.data.slow_to_show = True
    node.data.survives.add("start")
    node.pass_time(Order.SERVE)
    assert node.states()[0] == "STARTING"
    node.data.running = True
    node.pass_time(Order.SERVE)
    assert node.states()[0] == "IN_SERVICE"


def test_a_service_that_dies_has_failed_and_what_depends_on_it_is_left_running():
    node = Node()
    node.pass_time(Order.SERVE)
    node.data.running = False
    node.pass_time(Order.SERVE, ms=6000)
    assert node.states() == ["FAILED", "IN_SERVICE"]


def test_a_failed_service_is_tried_again_under_a_new_lease_when_what_it_depends_on_is_back():
    node = Node()
    node.pass_time(Order.SERVE)
    node.data.running = node.db.running = False
    node.pass_time(Order.SERVE, ms=6000)
    assert node.states() == ["FAILED", "FAILED"]
    node.pass_time(Order.SERVE, epoch=3)
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]


def test_a_script_that_is_dead_after_its_start_has_failed_at_once():
    node = Node()
    node.data.slow_to_show = node.data.dies = True
    node.data.survives.add("start")
    node.pass_time(Order.SERVE)
    assert node.states()[0] == "FAILED"


def test_a_dead_service_is_down_when_nobody_wants_it():
    node = Node(data=True)
    node.pass_time(Order.LEAVE_ALONE)
    node.data.dies, node.data.running = True, False
    node.pass_time(Order.STOP, ms=6000)
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]


def broken_status(**running: bool) -> Node:
    """Its status commands end with 1, whatever runs: a Python script that cannot import, for example."""
    node = Node(**running)
    for kind in (node.data, node.db):
        kind.look = lambda: FakeTask(Outcome.DEAD)  # type: ignore[method-assign]
    return node


def test_a_service_that_is_said_to_be_dead_at_the_agents_start_is_stopped_before_it_is_called_out_of_service():  # B4
    node = broken_status(data=True, db=True)
    node.pass_time(Order.LEAVE_ALONE)
    assert node.states() == ["STOPPING", "STOPPING"]
    assert node.data.running
    node.pass_time(Order.STOP, ms=4000)
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]
    assert not (node.data.running or node.db.running)


def test_a_status_of_dead_is_not_believed_when_the_stop_failed_too():  # B4
    """Both commands are broken, and the service runs: to call it out of service would be a false proof."""
    node = broken_status(data=True, db=True)
    node.db.fails |= {"stop", "kill"}
    node.pass_time(Order.STOP, ms=20000)
    assert node.db.running
    assert node.states()[1] == "STOPPING"
    assert node.unstoppable == ["db"]


def test_a_service_that_was_stopped_and_leaves_a_file_behind_stays_out_of_service():
    node = broken_status(data=True, db=True)
    node.pass_time(Order.STOP, ms=4000)
    node.changes.clear()
    node.pass_time(Order.STOP, ms=60000)
    assert node.changes == []


def test_a_service_that_is_killed_after_all_is_told_with_why():
    node = Node()
    node.pass_time(Order.SERVE)
    node.db.fails.add("stop")
    node.db.survives.add("stop")
    node.pass_time(Order.STOP, ms=7000)
    assert "its stop failed, and it did not stop within 5 s" in node.reasons


def test_a_failed_service_is_stopped_before_it_is_called_out_of_service():
    node = Node()
    node.pass_time(Order.SERVE)
    node.data.running = False
    node.pass_time(Order.SERVE, ms=6000)
    node.pass_time(Order.STOP)
    assert node.data.asked == ["start", "stop"]
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]


def test_a_look_without_an_answer_changes_nothing():
    node = Node()
    node.pass_time(Order.SERVE)
    node.data.fails.add("look")
    node.db.hangs.add("look")
    node.pass_time(Order.SERVE, ms=9_000)
    node.data.fails.clear()
    node.db.hangs.clear()
    node.pass_time(Order.SERVE, ms=30_000)
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]
    assert "FAILED" not in " ".join(node.changes)


def test_a_service_that_cannot_be_looked_at_is_never_called_out_of_service():
    node = Node()
    node.data.fails.add("look")
    node.pass_time(Order.LEAVE_ALONE)
    assert node.services.all_looked_at
    assert node.states() == ["STOPPING", "OUT_OF_SERVICE"]
    node.pass_time(Order.STOP)
    assert node.data.asked == ["stop"]
    assert node.states()[0] == "STOPPING"


def test_a_service_that_cannot_be_looked_at_is_started_under_a_lease_all_the_same():
    node = Node()
    node.data.hangs.add("look")
    node.pass_time(Order.SERVE, ms=4000)
    assert not node.services.all_looked_at
    node.pass_time(Order.SERVE, ms=2000)
    assert node.states()[0] == "STARTING"
    node.pass_time(Order.SERVE, ms=5000)
    assert node.data.asked == ["start"]


def test_a_stop_interrupts_a_start():
    node = Node()
    node.data.hangs.add("start")
    node.pass_time(Order.SERVE)
    node.pass_time(Order.STOP)
    assert node.data.tasks[0].aborted
    assert node.states()[0] == "OUT_OF_SERVICE"


def test_a_stop_that_has_begun_is_finished_also_when_the_lease_comes_back():
    node = Node()
    node.pass_time(Order.SERVE)
    node.db.hangs.add("stop")
    node.pass_time(Order.STOP)
    node.pass_time(Order.SERVE)
    assert node.states()[1] == "STOPPING"
    node.pass_time(Order.SERVE, ms=5000)
    assert node.db.asked == ["start", "stop", "kill", "start"]
    assert node.states() == ["IN_SERVICE", "IN_SERVICE"]


@pytest.mark.parametrize("how", ["hangs", "fails", "survives"])
def test_what_does_not_stop_within_its_limit_is_killed(how):
    node = Node()
    node.pass_time(Order.SERVE)
    getattr(node.db, how).add("stop")
    node.pass_time(Order.STOP, ms=4800)
    assert node.states() == ["IN_SERVICE", "STOPPING"]
    node.pass_time(Order.STOP, ms=2000)
    assert node.db.asked == ["start", "stop", "kill"]
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]


def test_a_lease_that_has_run_out_kills_everything_at_once():
    node = Node(data=True, db=True)
    node.pass_time(Order.SERVE)
    node.pass_time(Order.KILL, ms=400)
    assert node.data.asked == node.db.asked == ["kill"]
    assert node.services.all_down


def test_a_kill_overtakes_an_orderly_stop():
    node = Node(data=True, db=True)
    node.pass_time(Order.SERVE)
    node.db.hangs.add("stop")
    node.pass_time(Order.STOP, ms=600)
    node.pass_time(Order.KILL, ms=400)
    assert node.data.asked == ["kill"]
    assert node.db.asked == ["stop", "kill"]
    assert node.services.all_down


def test_what_runs_after_the_lease_is_found_and_killed():
    node = Node()
    node.pass_time(Order.KILL)
    node.data.asked.clear()
    node.data.running = True
    node.pass_time(Order.KILL, ms=6000)
    assert node.data.asked == ["kill"]


def test_a_service_that_killing_does_not_end_is_told_once_and_killed_again():
    node = Node(data=True)
    node.pass_time(Order.SERVE)
    node.data.survives.add("kill")
    node.pass_time(Order.KILL, ms=800)
    assert node.unstoppable == []
    node.pass_time(Order.KILL, ms=4000)
    assert node.unstoppable == ["data"]
    assert node.data.asked.count("kill") > 2
    assert node.states()[0] == "STOPPING"


def test_a_service_that_dies_late_is_out_of_service_all_the_same():
    node = Node(data=True)
    node.pass_time(Order.SERVE)
    node.data.survives.add("kill")
    node.pass_time(Order.KILL)
    node.data.running = False
    node.pass_time(Order.KILL)
    assert node.services.all_down


def test_the_order_of_services_follows_their_dependencies_not_their_place_in_the_file():
    specs = [
        ServiceSettings("c", ("b", "a")),
        ServiceSettings("b", ("a",)),
        ServiceSettings("a"),
        ServiceSettings("d", ("x",)),
    ]
    assert [spec.name for spec in in_dependency_order(specs)] == ["a", "b", "c", "d"]


def test_services_that_depend_on_each_other_in_a_circle_are_refused():
    with pytest.raises(DependencyCycleError, match="a -> b -> a"):
        in_dependency_order([ServiceSettings("a", ("b",)), ServiceSettings("b", ("a",))])


def test_the_agent_knows_how_long_an_orderly_stop_may_take():
    assert Node().services.orderly_stop_s() == 10


def test_the_states_are_those_that_a_beat_may_carry():
    assert {state.value for state in State} == {
        "OUT_OF_SERVICE",
        "STARTING",
        "IN_SERVICE",
        "STOPPING",
        "FAILED",
    }


@pytest.mark.parametrize(
    ("looks", "becomes"),
    [
        (Outcome.DOWN, "OUT_OF_SERVICE"),
        (Outcome.SERVING, "IN_SERVICE"),
        (Outcome.RUNNING, "FAILED"),
        (Outcome.DEAD, "FAILED"),
    ],
)
def test_a_failed_service_that_nobody_wants_here_is_looked_at_again(looks, becomes):
    """Somebody stops by hand what failed, or starts it, before this cluster has been placed."""
    node = Node(data=True, db=True)
    node.pass_time(Order.LEAVE_ALONE)
    node.db.look_answers = Outcome.RUNNING
    node.pass_time(Order.LEAVE_ALONE, ms=6000)
    assert node.states() == ["IN_SERVICE", "FAILED"]
    node.db.look_answers = looks
    node.pass_time(Order.LEAVE_ALONE, ms=6000)
    assert node.states() == ["IN_SERVICE", becomes]


# B4 S12
def test_what_is_to_be_down_and_cannot_be_looked_at_takes_the_node_down_when_the_rest_is_killed():
    node = Node(data=True, db=True)
    node.services.bind(["data", "db", "front"])
    node.pass_time(Order.STOP, ms=6000)
    assert node.states() == ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]
    assert not node.services.all_down
    assert node.unstoppable == []
    node.pass_time(Order.KILL)
    assert node.unstoppable == ["front"]


# B4
def test_what_the_lease_no_longer_binds_takes_nothing_down():
    node = Node()
    node.services.bind(["data", "db", "front"])
    node.services.bind(["data", "db"])
    node.pass_time(Order.KILL)
    assert node.services.all_down
    assert node.unstoppable == []
