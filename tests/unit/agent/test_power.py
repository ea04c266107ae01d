"""A node whose service cannot be stopped."""

from __future__ import annotations

import errno
import subprocess
import threading
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent.power import SYSRQ_AFTER_S, TakeDown


class Stubborn:
    """A machine that is not down before it was asked as often as `asked_s` is long. Waiting takes no time."""

    def __init__(self, *, tries: int = 3) -> None:
        self.tries = tries
        self.commands: list[int] = []
        self.letters: list[str] = []
        self.waited_s: list[float] = []
        self._down = threading.Event()

    def reboot(self, command: int) -> None:
        self._asked(self.commands, command)

    def sysrq(self, letter: str) -> None:
        self._asked(self.letters, letter)

    def _asked(self, told: list[Any], what: object) -> None:
        if len(told) == self.tries:
            self._down.wait()
        told.append(what)
        raise OSError(errno.EPERM, "Operation not permitted")

    def wait_s(self, seconds: float) -> None:
        self.waited_s.append(seconds)


# S12 B18
@pytest.mark.parametrize(("policy", "command", "letter"), [("reboot", 0x01234567, "b"), ("poweroff", 0x4321FEDC, "o")])
def test_a_node_whose_service_cannot_be_stopped_is_taken_down_by_the_kernel_however_often_it_takes(
    policy: str, command: int, letter: str
) -> None:
    machine = Stubborn()
    TakeDown(policy, FakeLog(), machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.commands) == len(machine.letters) == 3)
    assert (machine.commands, machine.letters) == ([command] * 3, [letter] * 3)


def test_the_emergency_keys_are_for_a_kernel_that_waits_for_a_device() -> None:
    machine = Stubborn(tries=0)
    TakeDown("reboot", FakeLog(), machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.waited_s) == 2)
    assert sorted(machine.waited_s) == [0.0, SYSRQ_AFTER_S]


def test_no_program_is_started_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fork(*_args: object, **_more: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    machine = Stubborn()
    take_down = TakeDown("reboot", FakeLog(), machine, machine.wait_s)
    monkeypatch.setattr(subprocess.Popen, "__init__", no_fork)
    monkeypatch.setattr(threading.Thread, "start", no_fork)
    take_down("db")
    assert wait_for(lambda: len(machine.commands) == 3)


def test_a_node_that_is_only_to_report_is_left_up() -> None:
    machine, log = Stubborn(), FakeLog()
    TakeDown("report", log, machine, machine.wait_s)("db")
    assert log.events("service_cannot_be_stopped")
    assert (machine.commands, machine.waited_s) == ([], [])


def test_a_node_that_cannot_be_taken_down_is_told_once_for_each_reason() -> None:
    machine, log = Stubborn(), FakeLog()
    TakeDown("reboot", log, machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.commands) == len(machine.letters) == 3)
    assert len(set(log.events("node_cannot_be_taken_down"))) == len(log.events("node_cannot_be_taken_down"))
    assert "Operation not permitted" in log.events("node_cannot_be_taken_down")[0]
