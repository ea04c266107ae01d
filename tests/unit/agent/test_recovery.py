# S16: a failed service is restarted on its own node first
from __future__ import annotations

import pytest

from tests.unit.agent.fakes import FakeKind
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings
from understudy_agent.services import Services


class Node:
    """A node that serves: a database on a data service, a web server on the database, a mailer on its own."""

    def __init__(self, *, restart_tries: int = 2, restart_window_s: float = 100.0, check_interval_s: float = 1) -> None:
        needs: dict[str, tuple[str, ...]] = {"data": (), "db": ("data",), "web": ("db",), "mail": ()}
        self.kinds = {name: FakeKind() for name in needs}
        self.said: list[str] = []
        self.reasons: list[str] = []
        self.unstoppable: list[str] = []
        self.acts: list[str] = []
        self.now_ms = 0
        specs = [
            ServiceSettings(name, depends_on, 10, 5, check_interval_s, restart_tries, restart_window_s)
            for name, depends_on in needs.items()
        ]
        self.services = Services(self.kinds, specs, self.unstoppable.append)
        self.pass_time(5)
        assert set(self.states()) == {"IN_SERVICE"}

    def pass_time(self, seconds: float, order: Order = Order.SERVE, epoch: int = 1) -> None:
        for _ in range(int(seconds * 10)):
            self.now_ms += 100
            for change in self.services.tick(order, epoch, self.now_ms, 1.0):
                self.acts.append(f"{change.service} {change.new.value}")
                self.reasons.append(f"{change.service}: {change.why}")
            said = " ".join(self.states())
            if self.said[-1:] != [said]:
                self.said.append(said)

    def states(self) -> list[str]:
        return list(self.services.states().values())

    def state(self, name: str) -> str:
        return self.services.states()[name]

    def break_down(self, *names: str, seconds: float = 5) -> None:
        for name in names:
            self.kinds[name].running = False
        self.acts.clear()
        self.said.clear()
        self.pass_time(seconds)

    def starts(self, name: str) -> int:
        return self.kinds[name].asked.count("start")


@pytest.fixture
def node() -> Node:
    return Node()


def test_a_service_that_dies_is_restarted_after_what_is_left_of_it_is_cleared_away(node):
    node.break_down("mail")
    assert node.kinds["mail"].asked == ["start", "stop", "start"]
    assert node.acts == ["mail FAILED", "mail STOPPING", "mail OUT_OF_SERVICE", "mail STARTING", "mail IN_SERVICE"]
    assert "mail: it is restarted on its node, 1 of 2 within 100 s" in node.reasons


def test_what_depends_on_a_restarted_service_goes_down_before_it_and_comes_back_after_it(node):  # S9
    node.break_down("data")
    moved = [act for act in node.acts if act.endswith((" OUT_OF_SERVICE", " IN_SERVICE"))]
    assert moved == [
        *("web OUT_OF_SERVICE", "db OUT_OF_SERVICE", "data OUT_OF_SERVICE"),
        *("data IN_SERVICE", "db IN_SERVICE", "web IN_SERVICE"),
    ]
    assert node.kinds["mail"].asked == ["start"]
    assert "web: data, which it depends on, is restarted" in node.reasons


def test_what_a_restarted_service_depends_on_is_left_alone(node):
    node.break_down("db")
    assert node.starts("data") == 1
    assert node.starts("db") == node.starts("web") == 2


def test_during_a_restart_the_node_is_bringing_its_services_in_service_and_nothing_else(node):
    node.kinds["web"].hangs.add("stop")
    node.kinds["data"].hangs.add("start")
    node.break_down("data", seconds=12)
    assert {state for said in node.said for state in said.split()} == {"IN_SERVICE", "STARTING"}
    assert node.states() == ["STARTING", "STARTING", "STARTING", "IN_SERVICE"]


def test_a_node_whose_services_are_all_down_during_a_restart_does_not_say_so(node):
    node.kinds["data"].hangs.add("start")
    node.break_down("data", "db", "web", "mail")
    assert all("OUT_OF_SERVICE" not in said and "FAILED" not in said for said in node.said)


def test_the_truth_is_told_as_soon_as_the_lease_does_not_run(node):  # B4
    node.kinds["data"].hangs.add("start")
    node.break_down("data")
    assert node.states() == ["STARTING", "STARTING", "STARTING", "IN_SERVICE"]
    node.kinds["mail"].hangs.add("stop")
    node.pass_time(0.1, Order.STOP)
    assert node.states() == ["STOPPING", "OUT_OF_SERVICE", "OUT_OF_SERVICE", "STOPPING"]


@pytest.mark.parametrize("order", [Order.STOP, Order.KILL, Order.LEAVE_ALONE])
def test_nothing_is_restarted_without_a_lease_that_runs(node, order):
    node.pass_time(0.1, order)
    node.kinds["mail"].running = False
    node.pass_time(20, order)
    assert node.starts("mail") == 1


def test_a_restart_that_is_under_way_is_given_up_with_the_lease(node):
    node.kinds["mail"].hangs.add("start")
    node.break_down("mail")
    assert node.starts("mail") == 2
    node.pass_time(20, Order.STOP)
    assert node.kinds["mail"].tasks[2].aborted
    assert node.starts("mail") == 2
    assert set(node.states()) == {"OUT_OF_SERVICE"}


def test_when_its_tries_within_the_window_are_spent_a_service_has_failed(node):
    node.break_down("db")
    node.break_down("db")
    assert node.state("db") == "IN_SERVICE"
    node.break_down("db")
    assert node.states() == ["IN_SERVICE", "FAILED", "IN_SERVICE", "IN_SERVICE"]
    assert node.starts("db") == 3
    assert node.reasons[-1] == "db: it was restarted 2 times within 100 s, and is not restarted again"
    assert node.reasons.count(node.reasons[-1]) == 1


def test_restarts_that_fail_count_and_what_depends_on_them_stays_down(node):
    node.kinds["db"].fails.add("start")
    node.break_down("db", seconds=20)
    assert node.states() == ["IN_SERVICE", "FAILED", "OUT_OF_SERVICE", "IN_SERVICE"]
    assert node.starts("db") == 3


def test_restarts_that_fail_run_out_however_short_the_window_is():
    node = Node(restart_window_s=15)
    node.kinds["db"].hangs.add("start")
    node.break_down("db", seconds=25)
    assert node.state("db") == "FAILED"
    assert node.starts("db") == 3


def test_restarts_older_than_the_window_do_not_count_while_the_service_runs(node):
    for _ in range(5):
        node.break_down("mail", seconds=60)
    assert node.state("mail") == "IN_SERVICE"
    assert node.starts("mail") == 6


def test_each_service_has_tries_of_its_own(node):
    for name in ("db", "mail", "db", "mail"):
        node.break_down(name)
    assert set(node.states()) == {"IN_SERVICE"}


def test_no_tries_mean_no_restart():
    node = Node(restart_tries=0)
    node.break_down("mail", seconds=300)
    assert node.state("mail") == "FAILED"
    assert node.kinds["mail"].asked == ["start"]


def test_a_service_that_never_came_in_service_under_a_lease_is_not_restarted(node):
    """Another node may do better, and the controller is waiting to hear of it."""
    node.pass_time(20, Order.STOP)
    node.kinds["mail"].fails.add("start")
    node.pass_time(20, epoch=2)
    assert node.state("mail") == "FAILED"
    assert node.starts("mail") == 2


def test_a_service_that_nobody_else_can_take_over_is_tried_again_when_the_window_has_passed(node):
    node.kinds["mail"].fails.add("start")
    node.break_down("mail", seconds=50)
    assert node.state("mail") == "FAILED"
    node.kinds["mail"].fails.clear()
    node.pass_time(100)
    assert node.state("mail") == "IN_SERVICE"


def test_a_new_lease_brings_new_tries(node):
    for _ in range(3):
        node.break_down("mail")
    assert node.state("mail") == "FAILED"
    node.pass_time(20, Order.STOP)
    node.pass_time(5, epoch=3)
    node.kinds["mail"].running = False
    node.pass_time(5, epoch=3)
    assert node.state("mail") == "IN_SERVICE"


def test_the_same_lease_come_back_brings_no_new_tries(node):
    node.break_down("mail")
    node.break_down("mail")
    node.pass_time(20, Order.STOP)
    node.pass_time(5)
    node.break_down("mail")
    assert node.state("mail") == "FAILED"


def test_a_service_that_fails_with_what_it_depends_on_is_restarted_with_it_and_spends_no_try():
    """The database is looked at often, the data below it seldom: the failure shows in the wrong order."""
    node = Node(check_interval_s=60)
    for _ in range(4):
        node.kinds["data"].running = False
        node.services._by_name["db"].look_soon()
        node.kinds["db"].running = False
        node.pass_time(55)
    assert set(node.states()) == {"IN_SERVICE"}
    spent = [reason for reason in node.reasons if reason.startswith("db: it is restarted on its node")]
    assert spent == []


def test_a_look_without_an_answer_does_not_hold_up_the_restart_of_what_depends_on_it(node):
    node.kinds["data"].hangs.add("look")
    node.break_down("db", seconds=15)
    assert node.states() == ["IN_SERVICE"] * 4
    assert node.starts("db") == 2


def test_what_depends_on_a_service_that_has_failed_for_good_has_failed_with_it(node):
    for _ in range(2):
        node.break_down("data")
    node.break_down("data", "db")
    assert node.states() == ["FAILED", "FAILED", "IN_SERVICE", "IN_SERVICE"]
    assert node.starts("db") == 3


def test_two_services_that_fail_at_once_are_both_restarted(node):
    node.break_down("mail", "web")
    assert set(node.states()) == {"IN_SERVICE"}
    assert node.starts("mail") == node.starts("web") == 2


def test_a_dependent_that_cannot_be_stopped_fails_the_node_and_does_not_take_it_down(node):
    """The lease runs, so nobody else serves: a failover that is told of is quicker than a reboot."""
    node.kinds["web"].survives.update(("stop", "kill"))
    node.break_down("db", seconds=10)
    assert node.state("web") == "FAILED"
    assert node.unstoppable == []
    node.pass_time(3, Order.STOP)
    assert node.unstoppable == ["web"]
    assert node.state("web") == "STOPPING"
