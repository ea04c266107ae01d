"""A node whose service cannot be stopped."""

from __future__ import annotations

import errno
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent.power import SYSRQ_AFTER_S, TakeDown, ThisMachine


class Stubborn:
    """A machine that is not down before it was asked as often as `asked_s` is long. Waiting takes no time."""

    def __init__(self, *, tries: int = 3, is_powering_off: object = False) -> None:
        """`is_powering_off`: what systemd says of that; or what it raises, or waits for, instead."""
        self.tries = tries
        self.says = is_powering_off
        self.commands: list[int] = []
        self.letters: list[str] = []
        self.waited_s: list[float] = []
        self._down = threading.Event()

    def reboot(self, command: int) -> None:
        self._asked(self.commands, command)

    def sysrq(self, letter: str) -> None:
        self._asked(self.letters, letter)

    def is_powering_off(self) -> bool:
        if isinstance(self.says, Exception):
            raise self.says
        if isinstance(self.says, threading.Event):
            self.says.wait()
        return self.says is True

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


def test_a_power_off_that_somebody_has_asked_for_is_not_turned_into_a_reboot() -> None:
    machine, log = Stubborn(is_powering_off=True), FakeLog()
    TakeDown("reboot", log, machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.commands) == len(machine.letters) == 3)
    assert (set(machine.commands), set(machine.letters)) == ({0x4321FEDC}, {"o"})
    assert log.events("node_is_powered_off")


def test_a_reboot_that_somebody_has_asked_for_is_a_power_off_where_the_policy_says_so() -> None:
    machine = Stubborn()
    TakeDown("poweroff", FakeLog(), machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.commands) == 3)
    assert set(machine.commands) == {0x4321FEDC}


@pytest.mark.parametrize(
    "says", [threading.Event(), OSError(errno.EAGAIN, "no fork"), subprocess.TimeoutExpired("systemctl", 0.5)]
)
def test_a_systemd_that_does_not_say_so_at_once_holds_nothing_up(says: object) -> None:
    machine = Stubborn(is_powering_off=says)
    TakeDown("reboot", FakeLog(), machine, machine.wait_s)("db")
    assert wait_for(lambda: len(machine.commands) == 3)
    assert set(machine.commands) == {0x01234567}
    if isinstance(says, threading.Event):
        says.set()


@pytest.mark.parametrize(
    ("jobs", "is_so"),
    [("0\n\n0\n", False), ("4711\n\n0\n", True), ("\n\n", False)],
    ids=["neither", "power-off", "old"],
)
def test_systemd_is_asked_whether_it_has_a_job_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str, is_so: bool
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\nprintf '{jobs}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ThisMachine().is_powering_off() is is_so


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
