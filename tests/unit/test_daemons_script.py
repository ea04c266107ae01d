"""The script for daemons that a product leaves: what it makes of the list of processes, its settings and its mark."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path("examples/file-transfer/understudy-daemons").resolve()
BOTH = ("sender", "receiver")
STUBS = {
    "ps": 'case "$*" in *cgroup*) cat {folder}/groups ;; *) cat {folder}/processes ;; esac',
    "runuser": 'shift 3; exec "$@"',
    "mountpoint": "exit {mounted}",
    "sync": "exit 0",
}


class Product:
    """Its START and STOP say that they ran, and change the list of processes as they are told to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.data.mkdir()
        self.settings = folder / "product.conf"
        self.settings.write_text(
            f"DAEMONS='sender receiver'\nSTART='echo start >>{folder}/ran; cp {folder}/all {folder}/processes'\n"
            f"START_AFTER_FAILURE='echo careful >>{folder}/ran; cp {folder}/all {folder}/processes'\n"
            f"STOP='echo stop >>{folder}/ran; cp {folder}/left {folder}/processes'\nDATA={folder}/data\n"
            f"RUNS_AS=$(id -un)\nPID_FILES='{folder}/old.pid'\n"
        )
        self.run_now()
        self.are_in("/understudy.slice/understudy-c.slice/understudy-c-transfer.slice/run-1.scope")
        self.write("all", *BOTH)
        self.write("left")
        self.stub(mounted=0)

    def stub(self, mounted: int) -> None:
        (self.folder / "bin").mkdir(exist_ok=True)
        for name, words in STUBS.items():
            path = self.folder / "bin" / name
            path.write_text(f"#!/bin/sh\n{words.format(folder=self.folder, mounted=mounted)}\n")
            path.chmod(0o755)

    def write(self, name: str, *daemons: str, state: str = "S") -> None:
        lines = [f"{100 + at} {state} {os.getuid()} {daemon}\n" for at, daemon in enumerate(daemons)]
        (self.folder / name).write_text(f"1 Ss 0 init\n{''.join(lines)}")

    def run_now(self, *daemons: str, state: str = "S") -> None:
        self.write("processes", *daemons, state=state)

    def are_in(self, *groups: str) -> None:
        (self.folder / "groups").write_text("".join(f"0::{group}\n" for group in groups))

    def ask(self, verb: str) -> int:
        return self.asked(verb).returncode

    def asked(self, verb: str, shell: tuple[str, ...] = ("/bin/sh",)) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        argv = [*shell, str(SCRIPT), str(self.settings), verb]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=20)

    def ran(self) -> list[str]:
        path = self.folder / "ran"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(tmp_path)


@pytest.mark.parametrize(
    ("daemons", "state", "status"), [(BOTH, "S", 0), ((), "S", 3), (("sender",), "S", 1), (BOTH, "Z", 3)]
)
def test_its_status_is_what_the_list_of_processes_shows(product, daemons, state, status):
    product.run_now(*daemons, state=state)
    assert product.ask("status") == status


@pytest.mark.parametrize("group", ["/user.slice/user-0.slice/session-1.scope", "/system.slice/cron.service", "/"])
def test_half_of_it_that_somebody_else_has_started_is_not_dead(product, group):
    """1 is dead to the agent, unless the service's own slice says otherwise; and there a stranger's half is not."""
    product.run_now("sender")
    product.are_in(group)
    asked = product.asked("status")
    assert asked.returncode == 4
    assert "without receiver" in asked.stderr
    product.are_in("/understudy.slice/understudy-c.slice/run-1.scope", group)
    assert product.ask("status") == 4
    product.are_in()
    assert product.ask("status") == 4


@pytest.mark.parametrize("shell", [("/bin/sh",), ("/bin/bash", "--posix")], ids=["sh", "bash"])
@pytest.mark.parametrize("verb", ["status", "start", "stop", "kill"])
@pytest.mark.parametrize(
    "line",
    [
        "RUNS_AS=$NOBODY_HAS_SET_IT",
        "exit 3",
        "exit 0",
        ": ${X:?is missing}",
        "set -e; false",
        ". /not/there",
        "eval 'if'",
        "unset DAEMONS",
        "unset PID_FILES",
    ],
)
def test_settings_that_end_the_shell_say_nothing_of_the_service(product, line, verb, shell):
    """2 is how a shell ends by itself, and dead to the agent; 0 would be served, 3 down."""
    product.settings.write_text(f"{product.settings.read_text()}{line}\n")
    asked = product.asked(verb, shell)
    assert asked.returncode == 78
    assert "ended the shell" in asked.stderr
    assert product.ran() == []


def test_a_shell_that_cannot_go_on_says_nothing_of_the_service(product):
    """What it ends with is 2, which is dead."""
    (product.folder / "bin" / "awk").write_text("#!/bin/sh\nexit 2\n")
    (product.folder / "bin" / "awk").chmod(0o755)
    assert product.ask("status") == 4


def test_options_that_the_settings_set_do_not_stay(product):
    product.settings.write_text(f"{product.settings.read_text()}set -ef +u\n")
    assert [product.ask(verb) for verb in ("status", "start", "stop")] == [3, 0, 0]


def test_a_list_that_cannot_be_read_tells_nothing(product):
    (product.folder / "bin" / "ps").write_text("#!/bin/sh\nexit 1\n")
    assert [product.ask(verb) for verb in ("status", "start", "stop", "kill")] == [4, 4, 4, 4]
    assert product.ran() == []


def test_after_a_stop_in_order_it_is_started_as_ever(product):
    assert [product.ask(verb) for verb in ("start", "stop", "start")] == [0, 0, 0]
    assert product.ran() == ["start", "stop", "start"]


def test_after_anything_else_it_is_started_with_care(product):
    product.ask("start")
    product.run_now()
    assert product.ask("start") == 0, "as after a power cut"
    product.run_now("receiver")
    product.ask("stop")
    assert product.ask("start") == 0, "one of its daemons had died"
    fails = f"STOP='cp {product.folder}/left {product.folder}/processes; false'"
    product.settings.write_text(f"{product.settings.read_text()}{fails}\n")
    product.ask("stop")
    assert product.ask("start") == 0, "its stop had failed"
    assert product.ran() == ["start", "careful", "stop", "careful", "careful"]


def test_what_runs_is_not_started_again_and_what_does_not_run_is_not_stopped(product):
    product.run_now(*BOTH)
    assert product.ask("start") == 0
    product.run_now()
    assert product.ask("stop") == 0
    assert product.ran() == []


def test_a_start_removes_pid_files_of_the_boot_before(product):
    (product.folder / "old.pid").write_text("1")
    product.ask("start")
    assert not (product.folder / "old.pid").exists()


def test_nothing_starts_without_its_file_system(product):
    product.stub(mounted=1)
    asked = product.asked("start")
    assert (asked.returncode, product.ran()) == (1, [])
    assert "nothing is mounted on" in asked.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("DAEMONS=", "DAEMONS is missing"),
        ("START=", "START is missing"),
        ("STOP=", "STOP is missing"),
        ("DAEMONS=a-name-that-is-long", "keeps 15"),
        ("RUNS_AS=nobody-has-this-name", "no user"),
        ("STOP='unfinished", "no file that a shell can read"),
    ],
)
def test_bad_settings_say_nothing_of_the_service(product, line, told):
    product.settings.write_text(f"{product.settings.read_text()}{line}\n")
    asked = product.asked("status")
    assert asked.returncode == 78
    assert told in asked.stderr


@pytest.mark.parametrize(
    "settings", ["examples/file-transfer/file-transfer.conf", "examples/job-scheduler/job-scheduler.conf"]
)
def test_the_shipped_settings_are_good(product, settings):
    product.settings = Path(settings)
    assert product.ask("status") == 3
