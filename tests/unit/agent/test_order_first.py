# S9 S12 S16 B4: the order of a tick comes first, and what is only being looked at before a start is dropped
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeKind, FakeTask
from tests.unit.agent.waiting import wait_for
from understudy_agent.kinds import Script
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings, State
from understudy_agent.services import Services
from understudy_agent.tasks import Command, Outcome

NOT_TO_START = [order for order in Order if order is not Order.SERVE]


class Checked:
    """A service whose start is ordered, and whose look before it ends when the test says so."""

    def __init__(self, *, before: State = State.OUT_OF_SERVICE, restart_tries: int = 0) -> None:
        self.kind, self.needed = FakeKind(), FakeKind()
        self.unstoppable: list[str] = []
        specs = [
            ServiceSettings("needed", check_interval_s=0, restart_tries=0),
            ServiceSettings("db", ("needed",), start_limit_s=10, check_interval_s=0, restart_tries=restart_tries),
        ]
        self.services = Services({"db": self.kind, "needed": self.needed}, specs, self.unstoppable.append)
        self.now_ms = 0
        self.needed.running = True
        if before is State.FAILED:
            self.kind.fails.add("start")
            self.tick(Order.SERVE, times=6)
            self.kind.fails.clear()
            self.kind.asked.clear()
        self.tick(Order.LEAVE_ALONE, times=3)
        self.look = FakeTask(None)
        self.kind.look = lambda: self.look  # type: ignore[method-assign]
        self.tick(Order.SERVE, times=2, epoch=2)
        assert self.services.states()["db"] == "STARTING"
        assert self.kind.asked == []

    def tick(self, order: Order, times: int = 1, epoch: int = 1) -> None:
        for _ in range(times):
            self.now_ms += 200
            self.services.tick(order, epoch, self.now_ms, 1.0)

    def end_look(self, outcome: Outcome) -> None:
        """The look before the start ends; each one after it ends at once."""
        self.look.outcome = outcome


@pytest.mark.parametrize("outcome", [Outcome.DOWN, Outcome.DEAD, Outcome.UNKNOWN, Outcome.RUNNING])
@pytest.mark.parametrize("order", NOT_TO_START)
def test_nothing_starts_in_the_tick_that_ends_the_right_to_start(order, outcome):
    node = Checked()
    node.end_look(outcome)
    node.tick(order, times=5)
    assert "start" not in node.kind.asked


@pytest.mark.parametrize("order", NOT_TO_START)
def test_nothing_starts_when_a_look_before_a_start_hangs_until_the_order_changes(order):
    node = Checked()
    node.tick(Order.SERVE, times=22, epoch=2)
    assert node.kind.asked == []
    node.tick(order, times=5)
    assert "start" not in node.kind.asked


def test_a_start_that_is_given_up_leaves_the_service_as_it_was_found_and_the_next_order_begins_it_anew():
    node = Checked()
    node.end_look(Outcome.DOWN)
    node.tick(Order.WAIT)
    assert node.services.states()["db"] == "OUT_OF_SERVICE"
    node.tick(Order.SERVE, times=3, epoch=2)
    assert node.kind.asked == ["start"]


def test_a_service_that_came_up_meanwhile_is_found_at_once_when_its_start_is_given_up():
    node = Checked()
    node.end_look(Outcome.SERVING)
    node.tick(Order.WAIT, times=2)
    assert node.services.states()["db"] == "IN_SERVICE"


def test_a_failed_service_whose_new_start_was_given_up_is_still_owed_that_start():
    node = Checked(before=State.FAILED)
    node.end_look(Outcome.DOWN)
    node.tick(Order.WAIT)
    assert node.services.states()["db"] == "OUT_OF_SERVICE"  # it was looked at again, and nothing of it runs
    node.tick(Order.SERVE, times=3, epoch=2)
    assert node.kind.asked == ["start"]


@pytest.mark.parametrize("order", [Order.STOP, Order.KILL])
def test_a_start_that_is_overtaken_is_called_out_of_service_only_after_a_stop_and_a_look(order):
    node = Checked()
    node.tick(order)
    assert node.services.states()["db"] == "STOPPING"
    node.end_look(Outcome.DOWN)
    node.tick(order, times=2)
    assert node.kind.asked == [order.value.lower()]
    assert node.services.states()["db"] == "OUT_OF_SERVICE"


def test_a_service_does_not_start_in_the_tick_in_which_what_it_depends_on_is_found_to_have_failed():  # S16
    """A database would start on the empty directory below a mount point."""
    node = Checked()
    node.needed.running = False
    node.tick(Order.SERVE, epoch=2)
    node.end_look(Outcome.DOWN)
    node.tick(Order.SERVE, times=10, epoch=2)
    assert node.services.states()["needed"] == "FAILED"
    assert node.kind.asked == []


def test_a_look_that_ends_after_the_limit_of_the_start_starts_nothing():
    """A machine that was suspended meanwhile, for example."""
    node = Checked()
    node.end_look(Outcome.DOWN)
    node.now_ms += 60_000
    node.tick(Order.SERVE, epoch=2)
    assert node.kind.asked == []
    assert node.services.states()["db"] == "FAILED"


@pytest.mark.parametrize("order", [Order.LEAVE_ALONE, Order.WAIT])
def test_a_node_is_taken_down_for_an_unstoppable_service_only_under_an_order_to_be_down(order):  # S12
    """Under a lease it is reported as FAILED, and a moment without an order is no reason to reboot a node."""
    node = Checked(restart_tries=1)
    node.end_look(Outcome.SERVING)
    node.tick(Order.SERVE, times=2, epoch=2)
    node.end_look(Outcome.RUNNING)
    node.tick(Order.SERVE, times=200, epoch=2)
    assert node.kind.asked.count("kill") > 2
    assert node.services.states()["db"] == "FAILED"
    node.tick(order, times=20)
    assert node.unstoppable == []
    node.tick(Order.KILL, times=20)
    assert node.unstoppable == ["db"]


@pytest.mark.parametrize("order", NOT_TO_START)
def test_no_line_of_a_real_start_command_runs_under_another_order(tmp_path: Path, order):
    """A tick that found the look ended went on to the start, and only then looked at its order."""
    started = tmp_path / "started"
    script = Script(
        start=("/bin/sh", "-c", f"echo line >> {started}; sleep 30"),
        stop=("true",),
        status=("/bin/sh", "-c", "exit 3"),
        kill=("true",),
    )
    for turn in range(8):
        services = Services({"db": script}, [ServiceSettings("db")], lambda _name: None)
        now_ms = turn * 100_000

        def known(services: Services = services, at_ms: int = now_ms) -> bool:
            services.tick(Order.LEAVE_ALONE, 1, at_ms, 1.0)
            return services.all_down

        wait_for(known)
        services.tick(Order.SERVE, 1, now_ms, 1.0)
        check = services._services[0]._task
        assert isinstance(check, Command)
        check._child.wait(10)
        for later_ms in range(0, 2000, 200):
            services.tick(order, 1, now_ms + later_ms, 1.0)
    assert not started.exists()
