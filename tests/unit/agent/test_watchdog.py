# B11 B18: a hardware watchdog is fed only as long as a kernel that hangs would be off before its lease has run out
from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeLog, KeptByNewest
from tests.unit.agent.test_expire import Node
from understudy_agent import config, watchdog
from understudy_agent.check import check
from understudy_agent.expire import Expiry
from understudy_agent.guardian import Guardian, Handover
from understudy_agent.lease import LeaseAnswer, LeaseView
from understudy_agent.plan import PlanFile
from understudy_agent.remains import RemainsFile
from understudy_agent.view import TermsView
from understudy_agent.watchdog import (
    Armed,
    Demand,
    Feeder,
    LinuxWatchdog,
    WatchdogError,
    WatchdogFiles,
    disarm_what_is_left,
    timeout_s,
)

AGENT = "[agent]\ncluster = orders\ntable = t\nbus = b\nrole = witness\n"


class Hardware:
    """A watchdog that resets its machine. `least_s`: no time-out is shorter."""

    def __init__(self, now_ms: Callable[[], int], *, least_s: int = 1) -> None:
        self._now_ms, self._least_s = now_ms, least_s
        self.fault: Exception | None = None
        self.is_open = False
        self.timeout_s = 60
        self.fed_ms: int | None = None
        """None: it does not run."""

    def open(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.is_open, self.fed_ms = True, self._now_ms()

    def set_timeout_s(self, seconds: int) -> int:
        self.timeout_s = max(seconds, self._least_s)
        return self.timeout_s

    def feed(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.fed_ms = self._now_ms()

    def disarm(self) -> None:
        self.is_open, self.fed_ms = False, None

    def resets_at_ms(self) -> int | None:
        return None if self.fed_ms is None else self.fed_ms + self.timeout_s * 1000


# --- the time-out --------------------------------------------------------------------------------


def test_the_time_out_leaves_each_renewal_of_the_lease_time_to_come():
    assert timeout_s(TermsView(lease_s=12)) == 5
    assert timeout_s(TermsView(lease_s=20)) == 13


def test_timings_that_leave_too_little_are_refused_with_what_they_need():
    with pytest.raises(WatchdogError, match="lease_s 10 leaves the watchdog 3 s, and it needs 4: lease_s must be 11"):
        timeout_s(TermsView(lease_s=10))


# --- feeding it ------------------------------------------------------------------------------------


class Fed:
    """A node with a lease until 112 s whose watchdog is fed by what keeps the lease. It is 100 s now."""

    def __init__(self, directory: Path) -> None:
        self.node = Node(directory)
        self.hardware = Hardware(lambda: self.node.clock.now_ms)
        self.files = WatchdogFiles(directory, self.node.log)
        self.files.want(5)
        self.feeder = Feeder(self.hardware, self.files, self.node.log, lambda: 42)
        self.keeper = self.made()

    def made(self) -> Expiry:
        keeper = self.node.keeper()
        return Expiry(keeper._left, self.node.resort, lambda: self.node.is_followed, self.node.log, self.feeder)

    def keep(self, until_ms: int) -> int | None:
        return self.node.keep(until_ms, self.keeper)

    def renew(self, end_ms: int) -> None:
        self.node.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, end_ms, TermsView(lease_s=12)))


@pytest.fixture
def fed(tmp_path: Path) -> Fed:
    return Fed(tmp_path)


@pytest.mark.parametrize("hangs_at_ms", range(100_100, 111_900, 700))
def test_a_kernel_that_hangs_at_any_moment_is_off_before_its_lease_has_run_out(fed: Fed, hangs_at_ms: int) -> None:
    fed.keep(hangs_at_ms)
    if fed.node.kind.running:
        resets_at_ms = fed.hardware.resets_at_ms()
        assert resets_at_ms is not None
        assert resets_at_ms <= 112_000
    else:
        assert hangs_at_ms > 111_000


def test_without_that_bound_it_would_be_off_after_it(fed: Fed) -> None:
    fed.node.clock.now_ms = 110_000
    fed.feeder.tick(110_000, None)
    assert (fed.hardware.resets_at_ms() or 0) > 112_000


def test_a_machine_whose_lease_is_renewed_is_never_reset_also_when_a_beat_is_lost(fed: Fed) -> None:
    for begun_ms in range(100_000, 160_000, 8_000):  # a lease of 12 s is renewed each 4 s, and each second beat is lost
        fed.renew(begun_ms + 12_000)
        for now_ms in range(begun_ms, begun_ms + 8_000, 1_000):
            fed.keep(now_ms + 1_000)
            assert (fed.hardware.resets_at_ms() or 0) > fed.node.clock.now_ms


def test_a_machine_whose_services_end_with_the_lease_is_not_reset(fed: Fed) -> None:
    fed.node.lock.is_held = lambda: True  # type: ignore[method-assign]  # an agent hangs, and its lease ends
    fed.keep(150_000)
    assert fed.node.kind.asked == ["kill"]
    assert (fed.hardware.resets_at_ms() or 0) > 150_000


def test_a_machine_whose_services_do_not_end_is_reset_with_the_lease(fed: Fed) -> None:
    fed.node.kind.survives.add("kill")
    fed.keep(150_000)
    assert 111_000 < (fed.hardware.resets_at_ms() or 0) <= 112_000


def test_when_nothing_is_left_to_keep_the_machine_is_not_reset_any_more(fed: Fed) -> None:
    assert fed.keep(150_000) == 0
    assert not fed.node.kind.running
    assert (fed.hardware.fed_ms, fed.files.armed()) == (None, None)


def test_a_process_that_makes_way_for_another_leaves_it_running(fed: Fed) -> None:
    fed.keep(101_000)
    fed.node.lock.is_held = lambda: True  # type: ignore[method-assign]
    fed.node.is_followed = True
    assert fed.keep(102_000) == 0
    assert fed.hardware.resets_at_ms() is not None


def test_asked_to_end_under_a_lease_it_is_fed_until_that_ends_as_before(fed: Fed) -> None:
    fed.node.kind.survives.add("kill")
    fed.keeper.ask_to_end()
    fed.keep(150_000)
    assert 111_000 < (fed.hardware.resets_at_ms() or 0) <= 112_000


def test_a_holder_that_may_keep_on_is_not_reset_when_its_lease_has_run_out(fed: Fed) -> None:
    fed.node.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=12, on_isolation="keep")))
    fed.node.lock.is_held = lambda: True  # type: ignore[method-assign]
    fed.keep(150_000)
    assert (fed.hardware.resets_at_ms() or 0) > 150_000


# --- a device that does not do it -------------------------------------------------------------------


def test_before_the_agent_has_said_for_how_long_it_is_not_started(fed: Fed, tmp_path: Path) -> None:
    (tmp_path / "watchdog.json").unlink()
    fed.keep(105_000)
    assert not fed.hardware.is_open


def test_a_device_that_cannot_be_opened_is_told_once_and_tried_again(fed: Fed) -> None:
    fed.hardware.fault = WatchdogError("held by somebody else")
    fed.keep(105_000)
    assert fed.files.armed() == Armed(42, 5, "held by somebody else")
    assert len(fed.node.log.events("watchdog_not_fed")) == 1
    fed.hardware.fault = None
    fed.keep(107_500)
    assert (fed.files.armed(), fed.hardware.is_open) == (Armed(42, 5), True)


def test_a_device_that_only_waits_longer_is_stopped_again_and_not_used(fed: Fed) -> None:
    fed.hardware = Hardware(lambda: fed.node.clock.now_ms, least_s=10)
    fed.feeder = Feeder(fed.hardware, fed.files, fed.node.log, lambda: 42)
    fed.feeder.tick(100_000, None)
    assert (fed.hardware.fed_ms, fed.files.armed()) == (
        None,
        Armed(42, 5, "the device waits 10 s at least, and the lease leaves 5 s"),
    )


def test_other_timings_bring_another_time_out(fed: Fed) -> None:
    fed.keep(100_500)
    fed.files.want(4)
    fed.keep(101_500)
    assert (fed.hardware.timeout_s, fed.files.armed()) == (4, Armed(42, 4))


def test_a_device_that_cannot_be_stopped_is_told_of(fed: Fed) -> None:
    def fails() -> None:
        raise OSError(errno.EIO, "Input/output error")

    fed.keep(101_000)
    fed.hardware.disarm = fails  # type: ignore[method-assign]
    fed.feeder.end()
    assert fed.node.log.events("watchdog_not_disarmed")


def test_what_was_left_running_is_stopped_when_it_is_not_demanded_any_more(fed: Fed) -> None:
    disarm_what_is_left(fed.hardware, fed.files, fed.node.log)
    assert fed.hardware.fed_ms is None
    fed.keep(101_000)
    fed.hardware.fault = OSError(errno.EBUSY, "busy")
    disarm_what_is_left(fed.hardware, fed.files, fed.node.log)
    assert fed.node.log.events("watchdog_not_disarmed")
    fed.hardware.fault = None
    disarm_what_is_left(fed.hardware, fed.files, fed.node.log)
    assert (fed.hardware.fed_ms, fed.files.armed()) == (None, None)


def test_files_that_cannot_be_written_are_told_of_once(tmp_path: Path) -> None:
    log = FakeLog()
    files = WatchdogFiles(tmp_path / "no-such-directory", log)
    files.want(5)
    files.want(5)
    files.forget()
    assert len(log.events("watchdog_file_not_written")) == 1
    (tmp_path / "watchdog-armed.json" / "x").mkdir(parents=True)
    WatchdogFiles(tmp_path, log).forget()
    assert len(log.events("watchdog_file_not_written")) == 2


# --- what the agent makes of it ------------------------------------------------------------------------


def test_nothing_starts_and_the_node_is_unfit_before_the_device_is_fed_for_these_timings(tmp_path: Path) -> None:
    log, files = FakeLog(), WatchdogFiles(tmp_path, FakeLog())
    plan, remains = PlanFile(tmp_path / "plan.ini", log), RemainsFile(tmp_path / "remains.json", log)
    guardian = Guardian(
        KeptByNewest(plan), lambda _: pytest.fail("it is there"), Handover(plan, remains, ""), log, Demand(files)
    )

    def seen(terms: TermsView) -> tuple[bool, str]:
        guardian.tick(0, {}, terms)
        return guardian.is_there, guardian.why_unfit

    not_known = (False, "watchdog: it is not known to be fed")
    assert seen(TermsView()) == not_known
    assert files.wanted() == 5
    files.say(Armed(41, 5))  # a process that is gone
    assert seen(TermsView()) == not_known
    files.say(Armed(42, 5))
    assert seen(TermsView()) == (True, "")
    assert seen(TermsView(lease_s=20)) == not_known
    files.say(Armed(42, 13, "held by somebody else"))
    assert seen(TermsView(lease_s=20)) == (False, "watchdog: held by somebody else")
    assert seen(TermsView(lease_s=10))[1].startswith("watchdog: lease_s 10 leaves the watchdog 3 s")


# --- the kernel's device, as far as its interface goes ---------------------------------------------------


class Kernel:
    """Answers ioctl as <linux/watchdog.h> says a driver does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, options: int = 0x8180) -> None:
        self.options, self.timeout_s = options, 60
        self.refuses_below_s = 0
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)

    def ioctl(self, _handle: int, request: int, argument: memoryview, _mutate: bool) -> int:
        view = memoryview(argument)
        if request == watchdog.GETSUPPORT:
            view.cast("B")[:] = struct.pack("=II32s", self.options, 1, b"Software Watchdog")
        elif request == watchdog.SETTIMEOUT:
            if view[0] < self.refuses_below_s:
                raise OSError(errno.EINVAL, "Invalid argument")
            self.timeout_s = view[0]
        elif request == watchdog.GETTIMEOUT:
            view[0] = self.timeout_s
        return 0


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "watchdog"
    path.touch()
    return path


def test_the_device_is_set_fed_and_stopped_by_its_last_letter(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, made = Kernel(monkeypatch), LinuxWatchdog(device)
    made.open()
    assert made.set_timeout_s(7) == kernel.timeout_s == 7
    made.feed()
    assert device.read_bytes() == b"\0"
    made.disarm()
    assert device.read_bytes() == b"\0V"
    with pytest.raises(OSError, match="is not open"):
        made.feed()


def test_a_device_without_a_time_out_of_its_own_choice_says_what_it_has(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, options=0x8100)
    made = LinuxWatchdog(device)
    made.open()
    assert made.set_timeout_s(7) == 60


def test_a_time_out_that_the_device_refuses_is_told(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch).refuses_below_s = 10
    made = LinuxWatchdog(device)
    made.open()
    with pytest.raises(WatchdogError, match="takes no time-out of 7 s: Invalid argument"):
        made.set_timeout_s(7)


def test_a_device_that_stops_when_its_process_dies_is_refused_and_stopped(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, options=0x8080)
    with pytest.raises(WatchdogError, match="WDIOF_MAGICCLOSE"):
        LinuxWatchdog(device).open()
    assert device.read_bytes() == b"V"


def test_what_is_no_watchdog_or_is_held_or_is_not_there_is_told(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WatchdogError, match="is no watchdog"):
        LinuxWatchdog(device).open()

    def busy(*_arguments: object) -> int:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", busy)
        with pytest.raises(WatchdogError, match="held by somebody else"):
            LinuxWatchdog(device).open()
    with pytest.raises(FileNotFoundError):
        LinuxWatchdog(device.with_name("none")).open()


# --- the file, and check -------------------------------------------------------------------------------


def test_none_is_demanded_unless_the_file_says_so():
    assert config.parse(AGENT).watchdog is None
    assert config.parse(AGENT + "watchdog = required\n").watchdog == Path("/dev/watchdog")
    named = AGENT + "watchdog = required\nwatchdog_device = /dev/watchdog1\n"
    assert config.parse(named).watchdog == Path("/dev/watchdog1")


@pytest.mark.parametrize(
    ("device", "runtime", "fault"),
    [
        ("/dev/null", "0", ""),
        ("/dev/null", "10s", "is held by systemd: RuntimeWatchdogSec=10s"),
        ("/no/such/device", "0", "is no device"),
    ],
)
def test_check_says_what_keeps_a_demanded_watchdog_from_being_fed(
    tmp_path: Path, device: str, runtime: str, fault: str
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\necho {runtime}\n")
    systemctl.chmod(0o755)
    settings = config.parse(f"{AGENT}watchdog = required\nwatchdog_device = {device}\n")
    found = check(settings, str(systemctl))
    assert [fault in each for each in found.faults] == [True] * bool(fault)
    assert found.warnings == []


def test_check_says_when_systemd_cannot_be_asked_about_it(tmp_path: Path) -> None:
    settings = config.parse(f"{AGENT}watchdog = required\nwatchdog_device = /dev/null\n")
    assert "cannot be asked" in check(settings, str(tmp_path / "none")).unknown[0]
