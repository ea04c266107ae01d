"""No process outlives the run that started it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from local.processes import MARK, clean_environment, kill_marked, marked, start
from local.waiting import wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT_AND_CHILD = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'],"
    " start_new_session=True)",
]


def test_a_child_gets_only_the_clean_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    log = tmp_path / "log"
    child = start("env", ["env"], env=clean_environment("run-env", tmp_path), log=log)
    child.popen.wait(10)
    names = {line.partition("=")[0] for line in log.read_text().splitlines()}
    assert "AWS_PROFILE" not in names
    assert MARK in names


def test_what_is_just_becoming_another_program_and_shows_no_environment_is_killed_all_the_same(tmp_path, monkeypatch):
    mark = f"{MARK}=run-{os.getpid()}-exec"
    child = start("exec", SLEEP, env=clean_environment("run-exec", tmp_path), log=tmp_path / "log")
    looks = iter([[], [child.pid]])
    monkeypatch.setattr("local.processes.marked", lambda _: next(looks, []))
    kill_marked(mark)
    assert child.popen.wait(10) == -signal.SIGKILL


def test_what_left_its_group_is_still_found_by_the_mark_and_killed(tmp_path):
    run = f"run-{os.getpid()}-tree"
    start("tree", PARENT_AND_CHILD, env=clean_environment(run, tmp_path), log=tmp_path / "log")
    mark = f"{MARK}={run}"
    wait_for("both run", lambda: len(list(marked(mark))) >= 2, 10)
    kill_marked(mark)
    assert list(marked(mark)) == []


def test_stopping_twice_is_safe(tmp_path):
    child = start("sleep", SLEEP, env=clean_environment("run-twice", tmp_path), log=tmp_path / "log")
    child.stop()
    child.stop()
    assert not child.running()


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path):
    run = f"run-{os.getpid()}-orphan"
    script = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from local.processes import clean_environment, start
        here = Path({str(tmp_path)!r})
        start("child", {SLEEP!r}, env=clean_environment({run!r}, here), log=here / "log")
        print("started", flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    mark = f"{MARK}={run}"
    wait_for("the child runs", lambda: list(marked(mark)), 10)
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    wait_for("the child is gone", lambda: not list(marked(mark)), 10)
