"""Sees to it that there is a process which keeps the lease when this one cannot: see `expire` (B18)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from .former import text_with
from .log import Log
from .plan import Plan
from .remains import Remains, RemainsFile
from .scopes import BOOTED
from .view import Terms
from .watchdog import Demand

START_EVERY_MS = 3000
"""Longer than a start takes, also on a busy machine."""
MISSED_AFTER_MS = 5000
WRITE_EVERY_MS = 5000
ROOM_BYTES = 8192
"""What the files beside a new lease take together."""


class HeldLock(Protocol):
    """What tells whether a guardian runs: see files.Lock."""

    def is_held(self) -> bool: ...

    def holder(self) -> int | None: ...


class Guardian:
    """Looks at each tick whether the guardian is there, and starts it when it is not. Never waits."""

    def __init__(
        self,
        lock: HeldLock,
        start: Callable[[], subprocess.Popen[bytes]],
        plan: Plan,
        text: str,
        remains: RemainsFile,
        log: Log,
        former: Mapping[str, str] | None = None,
        watchdog: Demand | None = None,
    ) -> None:
        """`text`: of the configuration as it is in force. `former`: sections of services that it does not name.

        `watchdog`: None when none is demanded.
        """
        self._lock, self._start, self._log = lock, start, log
        self._plan, self._text, self._remains = plan, text, remains
        self._former, self._watchdog = former or {}, watchdog
        self._why_not_fed = ""
        self._starting: list[subprocess.Popen[bytes]] = []
        self._started_ms: int | None = None
        self._missed_since_ms: int | None = None
        self._wrote_ms: int | None = None
        self._is_written = False
        self._fault = self._told = ""
        self.is_there = False
        self.why_unfit = ""

    def tick(self, now_ms: int, remains: Mapping[str, Remains], terms: Terms) -> None:
        """See that it is there, and knows what there is to stop."""
        self._remains.keep(remains)
        if self._wrote_ms is None or now_ms - self._wrote_ms >= WRITE_EVERY_MS:
            self._wrote_ms = now_ms
            self._is_written = self._plan.write(text_with(self._text, remains, self._former))
            self._fault = fault_in_writing(self._plan.path.parent)
        self._starting = [each for each in self._starting if each.poll() is None]
        self.is_there = is_held = self._lock.is_held()
        if self._watchdog is not None:
            self._why_not_fed = self._watchdog.why_not(terms, self._lock.holder())
            self.is_there = is_held and not self._why_not_fed
        if is_held:
            self._missed_since_ms = None
        else:
            self._missed_since_ms = now_ms if self._missed_since_ms is None else self._missed_since_ms
            self._start_if_due(now_ms)
        self.why_unfit = self._why_unfit(now_ms)

    def _why_unfit(self, now_ms: int) -> str:
        if self._fault:
            return self._fault
        is_missed = self._missed_since_ms is not None and now_ms - self._missed_since_ms >= MISSED_AFTER_MS
        if is_missed:
            return "the process that keeps the lease of a dead agent does not run"
        return self._why_not_fed

    def _start_if_due(self, now_ms: int) -> None:
        if not self._is_written or (self._started_ms is not None and now_ms - self._started_ms < START_EVERY_MS):
            return
        self._started_ms = now_ms
        try:
            self._starting.append(self._start())
        except OSError as fault:
            if str(fault) != self._told:
                self._told = str(fault)
                self._log.error("guardian_not_started", f"{fault}; nothing is started without it; it is tried again")


def fault_in_writing(directory: Path) -> str:
    """Why the files beside a new lease could not be written; "" when they can."""
    trial = directory / f".trial.{os.getpid()}"
    try:
        trial.write_bytes(b" " * ROOM_BYTES)
    except OSError as fault:
        return f"{directory} cannot be written: {fault.strerror}"
    finally:
        _remove(trial)
    return ""


def _remove(trial: Path) -> None:
    try:
        trial.unlink()
    except OSError:
        return  # it was not made


def command(plan: Path, cluster: str, agents_unit: str, *, booted: Path = BOOTED) -> Sequence[str]:
    """What starts the guardian. Under systemd it has a unit of its own: what ends the agent's does not end it."""
    expire = [sys.executable, "-m", "understudy_agent", "expire", "--config", str(plan)]
    if not booted.is_dir() or os.geteuid() != 0:
        return expire
    properties = [
        f"Description=Keeps the lease of the Understudy node agent of {cluster}",
        "KillMode=mixed",  # a look at a service that is under way when it is asked to end has an answer yet
        "Restart=on-failure",
        "RestartSec=1",
        "OOMScoreAdjust=-1000",
        "LimitMEMLOCK=infinity",
        "TasksMax=64",
        *((f"Before={agents_unit}",) if agents_unit else ()),
    ]
    options = [word for each in properties for word in ("-p", each)]
    unit = f"--unit=understudy-expire-{cluster}.service"
    return ["systemd-run", "--quiet", "--collect", "--no-ask-password", unit, *options, "--", *expire]


def start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start it in a session of its own. Raises OSError."""
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
