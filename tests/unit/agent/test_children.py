# S9 S12: what a program that the agent starts has of the agent
from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.unit.agent.waiting import wait_for
from understudy_agent.children import DEFAULTS, environment, spawn
from understudy_agent.kinds import Script
from understudy_agent.process import Process

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
