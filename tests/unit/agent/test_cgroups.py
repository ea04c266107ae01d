"""Who runs in a control group, by the kernel's word."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from understudy_agent import cgroups


def group(root: Path, *pids: int) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    return root


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    (group(tmp_path) / "cgroup.controllers").write_text("")
    return tmp_path


# B18
def test_a_process_below_a_control_group_is_one_of_it(version_2: Path) -> None:
    group(version_2 / "system.slice/db.service", 11)
    group(version_2 / "system.slice/db.service/worker", 12, 13)
    group(version_2 / "system.slice/other.service", 14)
    assert cgroups.processes("/system.slice/db.service", version_2) == {11, 12, 13}


def test_a_control_group_that_is_not_there_has_no_processes(version_2: Path) -> None:
    assert cgroups.processes("/system.slice/gone.service", version_2) == set()


def test_in_a_hybrid_both_hierarchies_are_asked(tmp_path: Path) -> None:
    group(tmp_path / "unified")
    group(tmp_path / "systemd")
    group(tmp_path / "unified/system.slice/db.service")
    group(tmp_path / "systemd/system.slice/db.service", 21)
    assert cgroups.processes("/system.slice/db.service", tmp_path) == {21}


def test_without_control_groups_nothing_is_said_of_who_runs(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no control groups"):
        cgroups.processes("/system.slice/db.service", tmp_path)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_all_that_run_in_a_control_group_are_killed(version_2: Path, child: subprocess.Popen[bytes]) -> None:
    group(version_2 / "system.slice/db.service")
    group(version_2 / "system.slice/db.service/worker", child.pid)
    cgroups.kill("/system.slice/db.service", version_2)
    assert child.wait(timeout=10) == -signal.SIGKILL


# One that cannot be seen from here is listed as 0, which would mean the whole process group of the agent.
def test_a_kill_spares_the_agent_and_the_first_process_of_the_machine(version_2: Path) -> None:
    group(version_2 / "system.slice/db.service", 0, 1, os.getpid())
    cgroups.kill("/system.slice/db.service", version_2)
    assert cgroups.processes("/system.slice/db.service", version_2) == {0, 1, os.getpid()}
