"""Sees to it that there is a process which keeps the lease when this one cannot: see `expire`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .files import EXIT_ALREADY_RUNNING
from .former import text_with
from .log import Log
from .plan import PlanFile
from .remains import Remains, RemainsFile
from .scopes import BOOTED
from .view import TermsView
from .watchdog import Demand

START_EVERY_MS = 3000
"""Longer than a start takes, also on a busy machine."""
MISSED_AFTER_MS = 5000
WRITE_EVERY_MS = 5000
ROOM_BYTES = 8192
"""What the files beside a new lease take together."""


class HeldLock(Protocol):
    """What tells whether a guardian runs, by which plan, and whether another one follows it: see Succession."""

    def is_held(self) -> bool: ...

    def holder(self) -> int | None: ...

    def mark(self) -> str: ...

    def is_followed(self) -> bool: ...


@dataclass(frozen=True)
class Handover:
    """What an agent writes down for its guardian: what there is to stop, and where what is left of it can be found.

    `text`: of the configuration as it is in force. `former`: sections of services that it no longer names.
    """

    plan: PlanFile
    remains: RemainsFile
    text: str
    former: Mapping[str, str] = field(default_factory=dict)

    def write(self, remains: Mapping[str, Remains]) -> bool:
        """Write the plan down unless it stands there already. Whether it does."""
        return self.plan.write(text_with(self.text, remains, self.former))


class Guardian:
    """Looks at each tick whether the guardian is there, and starts it when it is not. Never waits.

    One that goes by another plan is there for what it knows of, and not for what this agent starts: another is started,
    which follows it.
    """

    def __init__(
        self,
        lock: HeldLock,
        start: Callable[[int | None], subprocess.Popen[bytes]],
        handover: Handover,
        log: Log,
        watchdog: Demand | None = None,
    ) -> None:
        """`start`: beside the process of that id, or alone. `watchdog`: None when none is demanded."""
        self._lock, self._start, self._log = lock, start, log
        self._handover, self._watchdog = handover, watchdog
        self._why_not_fed = ""
        self._starting: list[subprocess.Popen[bytes]] = []
        self._started_ms: int | None = None
        self._missed_since_ms: int | None = None
        self._wrote_ms: int | None = None
        self._is_written = False
        self._fault = self._logged = ""
        self.is_there = False
        self.why_unfit = ""

    def tick(self, now_ms: int, remains: Mapping[str, Remains], terms: TermsView) -> None:
        """See that it is there, and knows what there is to stop."""
        plan = self._handover.plan
        self._handover.remains.keep(remains)
        if self._wrote_ms is None or now_ms - self._wrote_ms >= WRITE_EVERY_MS:
            self._wrote_ms = now_ms
            self._is_written = self._handover.write(remains)
            self._fault = fault_in_writing(plan.path.parent)
        self._starting = [each for each in self._starting if each.poll() is None]
        is_held = self._lock.is_held()
        self.is_there = knows_all = is_held and self._lock.mark() == plan.mark
        if self._watchdog is not None:
            self._why_not_fed = self._watchdog.why_not(terms, self._lock.holder())
            self.is_there = knows_all and not self._why_not_fed
        if knows_all:
            self._missed_since_ms = None
        else:
            self._missed_since_ms = now_ms if self._missed_since_ms is None else self._missed_since_ms
            self._start_if_due(now_ms, self._lock.holder() if is_held else None)
        self.why_unfit = self._why_unfit(now_ms)

    def _why_unfit(self, now_ms: int) -> str:
        if self._fault:
            return self._fault
        is_missed = self._missed_since_ms is not None and now_ms - self._missed_since_ms >= MISSED_AFTER_MS
        if is_missed:
            return "the process that keeps the lease of a dead agent does not run with this configuration"
        return self._why_not_fed

    def _start_if_due(self, now_ms: int, beside: int | None) -> None:
        is_early = self._started_ms is not None and now_ms - self._started_ms < START_EVERY_MS
        if not self._is_written or is_early or self._lock.is_followed():
            return
        self._started_ms = now_ms
        try:
            self._starting.append(self._start(beside))
        except OSError as fault:
            if str(fault) != self._logged:
                self._logged = str(fault)
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


def command(plan: Path, cluster: str, agents_unit: str, *, beside: str = "", booted: Path = BOOTED) -> Sequence[str]:
    """What starts the guardian. Under systemd it has a unit of its own: what ends the agent's does not end it.

    `beside`: the unit of the one that it follows.
    """
    expire = [sys.executable, "-m", "understudy_agent", "expire", "--config", str(plan)]
    if not booted.is_dir() or os.geteuid() != 0:
        return expire
    properties = [
        f"Description=Keeps the lease of the Understudy node agent of {cluster}",
        "KillMode=mixed",  # a look at a service that is under way when it is asked to end has an answer yet
        "Restart=on-failure",
        "RestartSec=1",
        f"RestartPreventExitStatus={EXIT_ALREADY_RUNNING}",  # the agent starts another one if one is needed
        "OOMScoreAdjust=-1000",
        "LimitMEMLOCK=infinity",
        "TasksMax=64",
        *((f"Before={agents_unit}",) if agents_unit else ()),
    ]
    options = [word for each in properties for word in ("-p", each)]
    unit = next(each for each in units(cluster) if each != beside)
    return ["systemd-run", "--quiet", "--collect", "--no-ask-password", f"--unit={unit}", *options, "--", *expire]


def units(cluster: str) -> tuple[str, str]:
    """Its units: the one that follows needs another name than the one that it follows."""
    return f"understudy-expire-{cluster}.service", f"understudy-expire-{cluster}@next.service"


def start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start it in a session of its own. Raises OSError."""
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
