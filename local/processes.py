"""Processes of one run: started in groups of their own, found again by a mark, never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.waiting import NotInTime

MARK = "UNDERSTUDY_LOCAL_RUN"
_LOOKS = 3
_KILL_LIMIT_S = 30.0  # the kernel's own work; long on a busy machine only
_BOUND = Path(__file__).with_name("bound.py")


@dataclass(frozen=True)
class Child:
    """A process that leads its own session, so that it and what it starts can be signalled together."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def stop(self, limit_s: float = 3.0) -> None:
        """SIGTERM to the group, SIGKILL to what is left of it after `limit_s`. Safe to repeat."""
        if self.running():
            _signal_group(self.pid, signal.SIGTERM)
            try:
                self.popen.wait(limit_s)
            except subprocess.TimeoutExpired:
                _signal_group(self.pid, signal.SIGKILL)
                self.popen.wait(_KILL_LIMIT_S)
        _signal_group(self.pid, signal.SIGKILL)

    def tail(self, lines: int = 30) -> str:
        return tail_of(self.log, lines)


def tail_of(log: Path, lines: int = 30) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return "(no output)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def start(
    name: str,
    program: list[str],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start `program` with exactly `env`. Call it from a thread that outlives the process.

    (The kernel counts the *thread* that forked as the parent whose death is signalled.)
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    bound = [sys.executable, "-I", "-S", str(_BOUND), str(os.getpid()), str(int(death_signal))]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            bound + program,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, popen, log)


def clean_environment(run: str, home: Path) -> dict[str, str]:
    """The least that a program needs, and the mark of this run. Nothing of the caller's AWS settings."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        MARK: run,
    }


def marked(text: str) -> Iterator[int]:
    """Process ids whose environment holds `text` as one whole entry (`NAME=value`), this one left out."""
    wanted = text.encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            continue
        if wanted in environment.split(b"\0"):
            yield int(entry.name)


def command_of(pid: int) -> list[str]:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def kill_marked(text: str, limit_s: float = 5.0) -> None:
    """SIGKILL every process with this mark until there is none; NotInTime if one survives.

    A process that is just becoming another program has no environment for an instant, so one look that finds none
    proves nothing: several in a row do.
    """
    end = time.monotonic() + limit_s
    looks = 0
    while looks < _LOOKS:
        left = list(marked(text))
        looks = 0 if left else looks + 1
        for pid in left:
            _send(pid, signal.SIGKILL)
        if left and time.monotonic() > end:
            raise NotInTime(f"processes {left} did not die within {limit_s:g} s of SIGKILL")
        time.sleep(0.01)


def signal_marked(text: str, signal_number: signal.Signals) -> None:
    """Send a signal to every process with this mark, also to those that they start meanwhile."""
    sent: set[int] = set()
    while new := set(marked(text)) - sent:
        for pid in new:
            _send(pid, signal_number)
        sent |= new


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _signal_group(pid: int, signal_number: signal.Signals) -> None:
    try:
        os.killpg(pid, signal_number)
    except ProcessLookupError:
        return


def _send(pid: int, signal_number: signal.Signals) -> None:
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return
