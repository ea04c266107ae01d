# S9 S12: what a program that the agent starts has of the agent
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.unit.agent.waiting import wait_for
from understudy_agent.children import BEGIN, DEFAULTS, environment, spawn
from understudy_agent.kinds import Script
from understudy_agent.process import Process
from understudy_agent.tasks import OUTPUT_LIMIT, Outcome, command_task

AGENTS_OWN = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "WATCHDOG_USEC": "5000000",
    "WATCHDOG_PID": "1",
    "INVOCATION_ID": "0a1b",
    "JOURNAL_STREAM": "8:1234",
    "SYSTEMD_EXEC_PID": "12",
    "LISTEN_FDS": "1",
    "RUNTIME_DIRECTORY": "/run/understudy",
    "PYTHONPATH": "/opt/agent",
    "PYTHONUNBUFFERED": "1",
    "VIRTUAL_ENV": "/opt/agent",
    "HTTP_PROXY": "http://proxy:3128",
    "https_proxy": "http://proxy:3128",
    "NO_PROXY": "169.254.169.254",
}


def test_a_child_gets_nothing_that_is_the_agents_own_and_what_the_owner_has_set_for_it():
    owners = {"PATH": "/opt/db/bin:/usr/bin", "LANG": "de_DE.UTF-8", "HOME": "/root", "PGDATA": "/srv/orders"}
    assert environment({**AGENTS_OWN, **owners}) == owners


def test_a_child_has_a_path_a_language_and_a_home_also_when_the_agent_has_none():
    assert environment({}) == DEFAULTS
    assert "/usr/sbin" in DEFAULTS["PATH"].split(":")


@pytest.mark.parametrize("how", ["script", "process"])
def test_the_environment_of_a_service_is_the_clean_one(monkeypatch, tmp_path, how):
    for name, text in AGENTS_OWN.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("PGDATA", "/srv/orders")
    seen = tmp_path / "seen"
    script = ("/bin/sh", "-c", f"env >{seen}.new; mv {seen}.new {seen}; exec sleep 600")
    kind = Script(script, ("true",), ("true",)) if how == "script" else Process(script)
    task = kind.start()
    wait_for(seen.exists)
    task.abort()
    wait_for(kind.kill().poll)
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names >= {"PATH", "LANG", "HOME", "PGDATA"}
    assert not names & set(AGENTS_OWN)


THE_C_LIBRARYS = 1 << 31 | 1 << 32
"""Signals 32 and 33, which no program is shown by the C library."""


def masks(status: str) -> dict[str, int]:
    lines = (line.split() for line in status.splitlines())
    found = {words[0].rstrip(":"): int(words[1], 16) for words in lines if words[0] in ("SigBlk:", "SigIgn:")}
    return {name: mask & ~THE_C_LIBRARYS for name, mask in found.items()}


def test_a_child_ignores_and_blocks_no_signal_whatever_the_agent_was_started_with():
    """One that was started by `nohup`, say, with SIGTERM blocked: its services could not be stopped."""
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        child = spawn(["cat", "/proc/self/status"], subprocess.PIPE)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= {signal.SIGTERM}
        os.kill(os.getpid(), signal.SIGHUP)  # the agent still ignores it
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGHUP, hangup)
    assert masks(child.communicate(timeout=10)[0].decode()) == {"SigBlk": 0, "SigIgn": 0}


def test_without_that_a_child_inherits_what_is_blocked():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, check=True).stdout
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert masks(status.decode())["SigBlk"] == 1 << signal.SIGTERM - 1


def test_a_child_that_writes_more_than_anybody_reads_blocks_only_itself():
    """Its output is a pipe of the agent's log that nobody empties."""
    reader, writer = os.pipe()
    try:
        child = spawn([sys.executable, "-IS", "-c", "print('x' * 1_000_000)"], os.fdopen(writer, "wb"))
        assert child.poll() is None
        child.kill()
        assert child.wait(10) == -signal.SIGKILL
    finally:
        os.close(reader)


@pytest.fixture
def unopened(tmp_path):
    """A program that nobody can open until `release` is called, as on a disk that hangs: the kernel lets them wait."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    holder = os.open(program, os.O_RDONLY)
    try:
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield str(program), lambda: fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as fault:
        pytest.skip(f"no lease on a file of {tmp_path}: {fault}")
    finally:
        os.close(holder)
        signal.signal(signal.SIGIO, before)


def test_a_program_that_cannot_be_opened_keeps_nobody_but_itself(unopened):
    """It kept the loop, and with it every service of the node, for as long as its file hung."""
    program, release = unopened
    began = time.monotonic()
    task = command_task([program], lambda status, _: Outcome.DOWN if status == 3 else Outcome.UNKNOWN)
    assert task.poll() is None
    other = command_task(["/bin/true"])
    assert wait_for(other.poll) is Outcome.DONE
    assert time.monotonic() - began < LOOK_MOST_S
    release()
    assert wait_for(task.poll) is Outcome.DOWN


def test_one_that_is_given_up_while_it_cannot_be_opened_is_gone(unopened):
    program, _release = unopened
    began = time.monotonic()
    task = command_task([program])
    task.abort()
    wait_for(lambda: task.has_ended)
    assert time.monotonic() - began < LOOK_MOST_S


def test_without_that_whoever_starts_it_waits_for_its_file(unopened):
    program, release = unopened
    starter = threading.Thread(target=subprocess.run, args=([sys.executable, "-c", WAITS, program],), daemon=True)
    starter.start()
    starter.join(0.5)
    assert starter.is_alive()
    release()
    starter.join(10)


WAITS = "import subprocess, sys; subprocess.Popen([sys.argv[1]]).wait()"


NO_PROGRAM = "is not there or is no program"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NO_PROGRAM),
        (" \n", NO_PROGRAM),
        ("exit 3\n", NO_PROGRAM),
        ("(", NO_PROGRAM),
        (None, NO_PROGRAM),
        ("directory", NO_PROGRAM),
        ("#!/no/such/shell\n", NO_PROGRAM),
    ],
)
def test_what_is_no_program_gives_no_answer(tmp_path, text, reason):
    """A full disk leaves empty files. A shell would run them itself: one ends with 0, another with 2, which is dead."""
    program = tmp_path / "status"
    if text == "directory":
        program.mkdir()
    elif text is not None:
        program.write_text(text)
        program.chmod(0o755)
    task = command_task([str(program)])
    assert wait_for(task.poll) is Outcome.FAILED
    assert reason in task.why
    assert wait_for(Script(("true",), ("true",), (str(program),)).look().poll) is Outcome.UNKNOWN


@pytest.mark.parametrize("text", ["", " \n", "exit 3\n", "(", None])
def test_nor_does_one_that_is_found_by_its_name_alone(tmp_path, monkeypatch, text):
    """The shell would search for it, and run it itself."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'none'}:{tmp_path}:/usr/bin:/bin")
    if text is not None:
        (tmp_path / "how-it-is").write_text(text)
        (tmp_path / "how-it-is").chmod(0o755)
    task = command_task(["how-it-is"])
    assert wait_for(task.poll) is Outcome.FAILED
    assert NO_PROGRAM in task.why
    assert wait_for(Script(("true",), ("true",), ("how-it-is",)).look().poll) is Outcome.UNKNOWN


def test_a_program_is_found_by_its_name_as_a_shell_finds_it(tmp_path, monkeypatch):
    """The first on the path that may be executed; it hears the name by which it was called."""
    first, second = tmp_path / "first", tmp_path / "sec ond"
    for directory, text, mode in ((first, "", 0o644), (second, "#!/bin/sh\nexit 3\n", 0o755)):
        directory.mkdir()
        (directory / "how-it-is").write_text(text)
        (directory / "how-it-is").chmod(mode)
    (first / "as-told").mkdir()
    (second / "as-told").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", f"{first}:{second}:/usr/bin:/bin")
    assert spawn(["how-it-is"]).wait(10) == 3
    told = spawn(["as-told", "-c", "echo $0"], subprocess.PIPE)
    assert told.communicate()[0] == b"as-told\n"


@pytest.fixture
def open_directory():
    """One that every user may look into; pytest's own are its user's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_binary_that_may_be_executed_and_not_read_is_executed(open_directory):
    """As sudo may be, for whoever is not root. What is no program, the shell itself cannot read either."""
    for name, text, status in (("binary", None, 0), ("empty", "", 126), ("garbage", "exit 0\n", 126)):
        program = open_directory / name
        if text is None:
            shutil.copy("/bin/true", program)
        else:
            program.write_text(text)
        program.chmod(0o111)
        user = {"user": 65534} if os.geteuid() == 0 else {}
        ended = subprocess.run([*BEGIN, str(program)], stderr=subprocess.DEVNULL, check=False, **user)
        assert (name, ended.returncode) == (name, status)


@pytest.mark.parametrize("name", ["head", "file", "dir"])
def test_a_program_has_the_variables_of_its_owner_as_they_are(monkeypatch, name):
    monkeypatch.setenv(name, "#!mine")
    told = spawn(["/bin/sh", "-c", f"echo ${name}"], subprocess.PIPE)
    assert told.communicate()[0] == b"#!mine\n"


def test_nor_does_a_script_whose_interpreter_is_no_program(tmp_path):
    """The kernel refuses it, and a shell would run the script itself in the interpreter's stead."""
    interpreter, program = tmp_path / "python", tmp_path / "status"
    interpreter.write_text("")
    program.write_text(f"#! {interpreter} -u\nexit 0\n")
    interpreter.chmod(0o755)
    program.chmod(0o755)
    assert wait_for(Script(("true",), ("true",), (str(program),)).look().poll) is Outcome.UNKNOWN
    program.write_text(f"#!{program}\nexit 0\n")
    assert wait_for(Script(("true",), ("true",), (str(program),)).look().poll) is Outcome.UNKNOWN


@pytest.mark.parametrize("line", ["#!/bin/sh", "#! /bin/sh", "#!\t/bin/sh -e", "#!/usr/bin/env sh"])
def test_a_script_is_run_by_its_interpreter_however_the_line_is_written(tmp_path, line):
    program = tmp_path / "status"
    program.write_text(f"{line}\nexit 3\n")
    program.chmod(0o755)
    assert wait_for(Script(("true",), ("true",), (str(program),)).look().poll) is Outcome.DOWN


def test_nor_does_a_program_that_may_not_be_executed(tmp_path):
    program = tmp_path / "status"
    program.write_text("#!/bin/sh\nexit 0\n")
    task = command_task([str(program)])
    assert wait_for(task.poll) is Outcome.FAILED
    assert "may not be executed" in task.why
    assert wait_for(Script(("true",), ("true",), (str(program),)).look().poll) is Outcome.UNKNOWN


def test_words_reach_a_program_as_they_are(tmp_path):
    words = ["a b", "", "$HOME", "*", "'", '"', "-n", "x=y", "\\"]
    seen = tmp_path / "seen"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done > {seen}\n")
    program.chmod(0o755)
    assert wait_for(command_task([str(program), *words]).poll) is Outcome.DONE
    assert seen.read_text() == "".join(f"{word}\n" for word in words)


def test_output_without_end_neither_fills_the_memory_nor_keeps_the_loop():
    task = command_task(["/bin/sh", "-c", "exec cat /dev/zero"], capture=True)
    for _ in range(50):
        began = time.monotonic()
        assert task.poll() is None
        assert time.monotonic() - began < LOOK_MOST_S
    assert len(task._said) <= OUTPUT_LIMIT
    task.abort()


LOOK_MOST_S = 2.0
"""A look takes a few milliseconds; the rest is for a busy machine. Without a limit it never ends."""


def test_a_child_that_holds_the_output_keeps_nobody(tmp_path):
    script = "echo 7; sleep 600 & exit 0"
    told = []
    task = command_task(
        ["/bin/sh", "-c", script], lambda status, output: (Outcome.DONE, told.append(output) or ""), capture=True
    )
    assert wait_for(task.poll) is Outcome.DONE
    assert told == ["7\n"]
    task.abort()
