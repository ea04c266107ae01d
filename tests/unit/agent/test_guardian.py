"""What sees to it that the lease is kept when the agent cannot: the process beside it, and what it goes by."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent import cgroups, guardian, last_resort
from understudy_agent.guardian import Guardian, Handover
from understudy_agent.last_resort import Ender
from understudy_agent.plan import PlanFile
from understudy_agent.remains import Remains, RemainsFile
from understudy_agent.view import TermsView

DB = {"db": Remains(("/system.slice/db.service",), ("/srv/db",))}


class Child:
    """A process that has been started."""

    def poll(self) -> int | None:
        return None


class Beside:
    """A guardian that is there, or not, and what starts it."""

    def __init__(self, directory: Path) -> None:
        self.runs = self.followed = False
        self.goes_by: str | None = None
        """The mark of an older plan; None: it knows all."""
        self.started: list[int | None] = []
        self.fault: OSError | None = None
        self.log = FakeLog()
        self.plan = directory / "plan.ini"
        self.guardian: Any = Guardian(
            self,
            self.start,  # type: ignore[arg-type]
            Handover(
                written := PlanFile(self.plan, self.log),
                RemainsFile(directory / "remains.json", self.log),
                "[agent]\n",
            ),
            self.log,
        )
        self.written = written

    def is_held(self) -> bool:
        return self.runs

    def holder(self) -> int:
        return 42

    def mark(self) -> str:
        return self.written.mark if self.goes_by is None else self.goes_by

    def is_followed(self) -> bool:
        return self.followed

    @property
    def starts(self) -> int:
        return len(self.started)

    def start(self, beside: int | None) -> Child:
        if self.fault is not None:
            raise self.fault
        self.started.append(beside)
        return Child()

    def ticks(self, begin_ms: int, end_ms: int) -> None:
        for now_ms in range(begin_ms, end_ms, 200):
            self.guardian.tick(now_ms, DB, TermsView())


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    return Beside(tmp_path)


# B18
def test_a_guardian_that_is_not_there_is_started_and_given_time_to_come(beside: Beside) -> None:
    beside.ticks(0, 2_800)
    assert beside.starts == 1
    beside.ticks(2_800, 6_000)
    assert beside.starts == 2
    assert not beside.guardian.is_there


def test_one_that_is_there_is_left_alone(beside: Beside) -> None:
    beside.runs = True
    beside.ticks(0, 60_000)
    assert (beside.starts, beside.guardian.is_there, beside.guardian.why_unfit) == (0, True, "")


def test_beside_one_that_goes_by_an_older_plan_another_is_started_and_nothing_counts_as_kept_before_that_is_there(
    beside: Beside,
) -> None:
    beside.runs, beside.goes_by = True, "older"
    beside.ticks(0, 2_000)
    assert (beside.started, beside.guardian.is_there) == ([42], False)
    beside.followed = True
    beside.ticks(2_000, 20_000)
    assert beside.starts == 1, "one waits already"
    assert "with this configuration" in beside.guardian.why_unfit
    beside.followed, beside.goes_by = False, None
    beside.ticks(20_000, 20_400)
    assert (beside.starts, beside.guardian.is_there, beside.guardian.why_unfit) == (1, True, "")


def test_a_node_on_which_it_cannot_be_started_says_so(beside: Beside) -> None:
    beside.fault = OSError(errno.EAGAIN, "Resource temporarily unavailable")
    beside.ticks(0, 4_000)
    assert beside.guardian.why_unfit == ""
    beside.ticks(4_000, 30_000)
    assert "does not run" in beside.guardian.why_unfit
    assert len(beside.log.events("guardian_not_started")) == 1
    beside.fault, beside.runs = None, True
    beside.ticks(30_000, 30_400)
    assert beside.guardian.why_unfit == ""


def test_it_is_not_started_before_what_it_goes_by_is_written_down(beside: Beside) -> None:
    beside.plan.mkdir()
    beside.ticks(0, 6_000)
    assert beside.starts == 0
    assert beside.log.events("plan_not_written")
    beside.plan.rmdir()
    beside.ticks(6_000, 12_000)
    assert beside.starts > 0


def full(*_args: object, **_more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_node_whose_runtime_directory_is_full_says_so_until_there_is_room(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside.runs = True
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        beside.ticks(0, 400)
        assert beside.guardian.why_unfit == f"{beside.plan.parent} cannot be written: No space left on device"
    beside.ticks(5_000, 5_400)
    assert beside.guardian.why_unfit == ""
    assert sorted(entry.name for entry in beside.plan.parent.iterdir()) == ["plan.ini", "remains.json"]


# --- the plan -------------------------------------------------------------------------------------


def read_by_its_keeper(plan: PlanFile) -> PlanFile:
    """The plan as a process has it that has just begun to go by it."""
    return PlanFile(plan.path, FakeLog(), plan.path.read_text())


def test_a_plan_is_read_as_the_configuration_and_written_only_when_it_has_changed(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan.ini", FakeLog())
    assert plan.write("[agent]\ncluster = a\n")
    before, seen = plan.path.stat(), read_by_its_keeper(plan)
    assert plan.write("[agent]\ncluster = a\n")
    assert plan.path.stat().st_ino == before.st_ino
    assert not seen.has_changed()
    assert plan.write("[agent]\ncluster = b\n")
    assert seen.has_changed()
    assert plan.path.read_text().endswith("[agent]\ncluster = b\n")
    assert plan.write("[agent]\ncluster = a\n")
    assert not seen.has_changed(), "it is as it was"
    assert seen.mark == plan.mark


def test_a_plan_that_was_replaced_before_its_reader_could_look_at_it_has_changed(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan.ini", FakeLog())
    plan.write("[agent]\ncluster = a\n")
    read = plan.path.read_text()
    plan.write("[agent]\ncluster = b\n")
    assert PlanFile(plan.path, FakeLog(), read).has_changed()


def test_another_version_of_the_agent_is_another_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = PlanFile(tmp_path / "plan.ini", FakeLog())
    plan.write("[agent]\n")
    seen = read_by_its_keeper(plan)
    monkeypatch.setattr("understudy_agent.plan.__version__", "99")
    plan.write("[agent]\n")
    assert seen.has_changed()


def test_a_plan_that_was_lost_is_no_other_one(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan.ini", FakeLog())
    plan.write("[agent]\n")
    seen = read_by_its_keeper(plan)
    plan.path.unlink()
    assert not seen.has_changed()


# --- the remains ----------------------------------------------------------------------------------


def test_the_remains_of_services_are_known_to_who_must_end_them(tmp_path: Path) -> None:
    RemainsFile(tmp_path / "remains.json", FakeLog()).keep(DB)
    assert list(RemainsFile(tmp_path / "remains.json", FakeLog()).load()) == list(DB.values())


@pytest.mark.parametrize("content", ["", "[]", '{"db": 1}', '{"db": {"control_groups": "all", "mount_points": []}}'])
def test_remains_that_cannot_be_read_any_more_are_as_they_were(tmp_path: Path, content: str) -> None:
    RemainsFile(tmp_path / "remains.json", FakeLog()).keep(DB)
    file = RemainsFile(tmp_path / "remains.json", log := FakeLog())
    file.load()
    (tmp_path / "remains.json").write_text(content)
    assert list(file.load()) == list(DB.values())
    file.load()
    assert len(log.events("remains_file_not_read")) == 1
    (tmp_path / "remains.json").unlink()
    assert list(file.load()) == list(DB.values())


def test_remains_that_cannot_be_written_are_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RemainsFile(tmp_path / "remains.json", log := FakeLog())
    with monkeypatch.context() as patched:
        patched.setattr("understudy_agent.remains.write_atomically", full)
        file.keep(DB)
        file.keep(DB)
    assert len(log.events("remains_file_not_written")) == 1
    file.keep(DB)
    assert (tmp_path / "remains.json").exists()


def test_remains_that_stand_there_already_need_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RemainsFile(tmp_path / "remains.json", FakeLog()).keep(DB)
    monkeypatch.setattr("understudy_agent.remains.write_atomically", full)
    RemainsFile(tmp_path / "remains.json", log := FakeLog()).keep(DB)
    assert log.told == []


def test_nobody_but_its_owner_reads_a_plan(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path / "plan.ini", FakeLog())
    plan.write("[service x]\nkind = script\nstart = /opt/x --password secret\n")
    assert plan.path.stat().st_mode & 0o077 == 0


# --- how it is started ----------------------------------------------------------------------------


def test_under_systemd_it_has_a_unit_of_its_own_that_outlives_the_agents(tmp_path: Path) -> None:
    argv = guardian.command(Path("/run/x/plan.ini"), "orders-db", "understudy-agent.service", booted=tmp_path)
    assert argv[0] == "systemd-run"
    assert "--unit=understudy-expire-orders-db.service" in argv
    assert "Before=understudy-agent.service" in argv, "systemd stops the agent first when the machine shuts down"
    assert list(argv[-5:]) == ["-m", "understudy_agent", "expire", "--config", "/run/x/plan.ini"]


def test_beside_another_it_has_a_unit_of_another_name(tmp_path: Path) -> None:
    names = []
    for beside in ("", *guardian.units("orders-db")):
        argv = guardian.command(Path("/run/x/plan.ini"), "orders-db", "", beside=beside, booted=tmp_path)
        names += [word.removeprefix("--unit=") for word in argv if word.startswith("--unit=")]
    first, other = guardian.units("orders-db")
    assert names == [first, other, first]


def test_without_systemd_it_is_a_process(tmp_path: Path) -> None:
    argv = guardian.command(Path("/run/x/plan.ini"), "orders-db", "", booted=tmp_path / "none")
    assert list(argv) == [sys.executable, "-m", "understudy_agent", "expire", "--config", "/run/x/plan.ini"]


# --- the last resort ------------------------------------------------------------------------------


class Kernel:
    """A kernel that has done as it was asked at the second time."""

    def __init__(self) -> None:
        self.killed: list[str] = []
        self.unmounted: list[str] = []

    def kill(self, group: str) -> None:
        self.killed.append(group)
        if len(self.killed) == 1:
            raise OSError(errno.EPERM, "Operation not permitted")

    def umount(self, point: str) -> None:
        self.unmounted.append(point)
        if len(self.unmounted) == 1:
            raise OSError(errno.EBUSY, "Device or resource busy")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    made = Kernel()
    monkeypatch.setattr(cgroups, "kill", made.kill)
    monkeypatch.setattr(last_resort, "mount_points", lambda _file: ["/", "/srv", "/srv/db", "/srv/db/more", "/srv/dbx"])
    monkeypatch.setattr(last_resort, "users", lambda _proc, _point: [])
    yield made


def test_what_is_left_is_ended_by_system_calls_alone_until_it_is_to_cease(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ender = Ender(lambda: list(DB.values()), log := FakeLog(), unmount=kernel.umount)
    monkeypatch.setattr("subprocess.Popen.__init__", full)
    monkeypatch.setattr(threading.Thread, "start", full)
    assert (kernel.killed, kernel.unmounted) == ([], [])
    ender.begin()
    assert wait_for(lambda: len(kernel.killed) > 2 and len(kernel.unmounted) > 3)
    ender.cease()
    assert set(kernel.killed) == {"/system.slice/db.service"}
    assert kernel.unmounted[:3] == ["/srv/db/more", "/srv/db", "/srv/db/more"], "what is mounted below goes first"
    assert set(kernel.unmounted) == {"/srv/db", "/srv/db/more"}
    assert len(log.events("last_resort_failed")) == 2
