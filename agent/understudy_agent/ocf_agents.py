"""OCF resource agents as their meta-data describes them: parameters, actions, time-outs, and why one cannot be used.

Meta-data is what a program of the node prints. It is asked once a boot, when the configuration is read, and never for
longer than a limit. An agent that gives none is no reason not to run: its service then cannot be started here.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from xml.etree import ElementTree

from .children import spawn
from .files import replace_text
from .tasks import signal_group

ROOT = Path("/usr/lib/ocf")
META_DATA_LIMIT_S = 20.0
"""As long as a machine may take that has just booted and is busy."""
HURRIED_LIMIT_S = 3.0
"""Of those that are asked when others have used that up: all are asked before the node agent is ready, and systemd
waits for that for 90 s."""
META_DATA_MOST = 1_000_000
POLL_S, PIECE = 0.05, 65536
ALIKE_MOST, ALIKE = 5, 0.5
API_VERSION = ("1", "1")
AGENT = re.compile(r"(?:ocf:)?([A-Za-z0-9][A-Za-z0-9._-]*):([A-Za-z0-9][A-Za-z0-9._-]*)")
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)")
UNITS_S = {"": 1, "s": 1, "sec": 1, "ms": 0.001, "msec": 0.001, "m": 60, "min": 60, "h": 3600, "hr": 3600}
UNPROMOTED = ("Started", "Unpromoted", "Slave")
SERVES_ALONE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "heartbeat:mysql": ("", ()),
    "heartbeat:pgsql": ("rep_mode", ("none",)),
    "heartbeat:redis": ("", ()),
}
"""Agents that know promotion and serve without: with which parameter, and which values of it; "" with any."""
INSTEAD = {"heartbeat:mariadb": "heartbeat:mysql runs MariaDB without", "heartbeat:galera": ""}


@dataclass(frozen=True)
class AgentName:
    """`heartbeat:pgsql`: who provides it, and its type."""

    provider: str
    type: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.type}"


@dataclass(frozen=True)
class ActionLimits:
    """Seconds that actions may take by the meta-data, and between two monitors. None: it does not say."""

    start_s: float | None = None
    stop_s: float | None = None
    monitor_s: float | None = None
    interval_s: float | None = None


@dataclass(frozen=True)
class MetaData:
    """What an agent says of itself. `parameters`: each name, and whether it is required."""

    parameters: Mapping[str, bool]
    actions: tuple[Mapping[str, str], ...]

    def has(self, action: str) -> bool:
        return any(each.get("name") == action for each in self.actions)

    def limits(self, level: int) -> ActionLimits:
        """For a monitor of that depth; when none is described, of the lightest."""
        monitors = self._monitors()
        of_level = [each for each in monitors if each.get("depth", "0") == str(level)] or monitors
        monitor = of_level[0] if of_level else {}
        return ActionLimits(
            self._timeout_s("start"),
            self._timeout_s("stop"),
            seconds(monitor.get("timeout", "")),
            seconds(monitor.get("interval", "")),
        )

    def _monitors(self) -> list[Mapping[str, str]]:
        """Of the service as it runs here: of no role; where all have one, of that which is not promoted, or of any."""
        every = [each for each in self.actions if each.get("name") == "monitor"]
        for roles in (("",), UNPROMOTED):
            found = [each for each in every if each.get("role", "") in roles]
            if found:
                return found
        return every

    def _timeout_s(self, action: str) -> float | None:
        found = next((each for each in self.actions if each.get("name") == action), {})
        return seconds(found.get("timeout", ""))


def seconds(text: str) -> float | None:
    """A duration as agents write it: 20, 20s, 100ms, 5min. None when it is none, or nothing."""
    found = DURATION.fullmatch(text.strip().lower())
    if found is None or found[2] not in UNITS_S:
        return None
    return float(found[1]) * UNITS_S[found[2]] or None


def parse(text: str) -> MetaData:
    """Raises ValueError when it is no meta-data of a resource agent.

    No entities: an agent declares none, and a few of them can make a short text a long one.
    """
    if "<!ENTITY" in text:
        raise ValueError("it declares entities")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - nothing is read from outside of it, see above
    except ElementTree.ParseError as fault:
        raise ValueError(f"it is no XML: {fault}") from fault
    actions = tuple(dict(each.attrib) for each in root.iterfind("actions/action"))
    if root.tag != "resource-agent" or not actions:
        raise ValueError(f"it is <{root.tag}>, and not <resource-agent> with actions")
    found = {
        each.get("name", ""): each.get("required") in ("1", "true") for each in root.iterfind("parameters/parameter")
    }
    return MetaData(found, actions)


def environment(root: Path, name: AgentName, action: str) -> dict[str, str]:
    """What the API demands for any action."""
    return {
        "OCF_ROOT": str(root),
        "OCF_RA_VERSION_MAJOR": API_VERSION[0],
        "OCF_RA_VERSION_MINOR": API_VERSION[1],
        "OCF_RESOURCE_PROVIDER": name.provider,
        "OCF_RESOURCE_TYPE": name.type,
        "OCF_RESOURCE_INSTANCE": name.type,
        "OCF_EXIT_REASON_PREFIX": EXIT_REASON,
        "OCF_RESKEY_CRM_meta_name": action,
        # An agent that becomes another user by PAM would otherwise move what it starts into that user's session, out
        # of the service's slice. A class that logind does not know, or knows as none, makes no session.
        "XDG_SESSION_CLASS": "none",
    }


EXIT_REASON = "ocf-exit-reason:"
LOGGED = re.compile(r"^[A-Z][a-z]{2} \d{1,2} \d\d:\d\d:\d\d (INFO|WARNING|ERROR|DEBUG): ")
"""What the agents' own log puts before a line; the journal has the time."""


def reason(output: str) -> str:
    """Why an agent says that it ended as it did: its own last reason, or its last line; "" when it said nothing."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reasons = [line.removeprefix(EXIT_REASON) for line in lines if line.startswith(EXIT_REASON)]
    return LOGGED.sub("", " ".join((reasons or lines or [""])[-1].split()))


def ran(argv: list[str], more: Mapping[str, str], limit_s: float) -> tuple[int, bytes]:
    """Run an action and wait for it: exit status and output. Raises OSError, or TimeoutError beyond the limit.

    Its end is what is waited for, and not that of what it has started: that may hold its output open for ever. Of the
    output one byte more is kept than meta-data may have.
    """
    child = spawn(argv, subprocess.PIPE, more)
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    end_s, output, is_open = time.monotonic() + limit_s, b"", True
    with child.stdout as stream:
        os.set_blocking(stream.fileno(), False)
        while child.poll() is None:
            if time.monotonic() >= end_s:
                signal_group(child.pid, signal.SIGKILL)
                raise TimeoutError(f"no answer within {limit_s:g} s")
            select.select([stream] if is_open else [], [], [], POLL_S)
            more_output = stream.read(PIECE) if is_open else None
            is_open = more_output != b""
            output = (output + (more_output or b""))[: META_DATA_MOST + 1]
        while len(output) <= META_DATA_MOST and (rest := stream.read(PIECE)):
            output += rest
    return child.returncode, output


@dataclass
class Installed:
    """The agents of this node. `asks`: whether they are asked; a plan holds what they have answered before."""

    root: Path = ROOT
    asks: bool = True
    memory: Path | None = None
    """A folder where what agents have said is kept for the next start of this boot; None: it is asked each time."""
    limit_s: float = META_DATA_LIMIT_S
    clock_s: Callable[[], float] = time.monotonic
    _spent_s: float = 0.0
    _answers: dict[AgentName, MetaData | str] = field(default_factory=dict)

    def program(self, name: AgentName) -> Path:
        return self.root / "resource.d" / name.provider / name.type

    def meta_data(self, name: AgentName) -> MetaData | str:
        """What it says of itself, or why that is not known, with what to do. Asked once."""
        if name not in self._answers:
            self._answers[name] = self._asked(name)
        return self._answers[name]

    def _asked(self, name: AgentName) -> MetaData | str:
        program = self.program(name)
        if not program.is_file():
            others = [each.name for each in program.parent.glob("[!.]*")]
            alike = get_close_matches(name.type, others, ALIKE_MOST, ALIKE) or sorted(others)[:ALIKE_MOST]
            listed = f"{len(others)} of {name.provider} are there" + (f", such as {', '.join(alike)}" if alike else "")
            return (
                f"{program} is not there: install its package (resource-agents, for example), or name another; {listed}"
            )
        if not os.access(program, os.X_OK):
            return f"{program} cannot be executed: chmod 755 {program}"
        known = self._remembered(name, program)
        if known is not None:
            return known
        begun_s = self.clock_s()
        limit_s = max(self.limit_s - self._spent_s, min(HURRIED_LIMIT_S, self.limit_s))
        try:
            status, output = ran([str(program), "meta-data"], environment(self.root, name, "meta-data"), limit_s)
            if len(output) > META_DATA_MOST:
                return f"the meta-data of {program} is longer than {META_DATA_MOST} bytes"
            text = output.decode("utf-8", "replace")
            found = parse(text)
        except TimeoutError as fault:
            return f"{program} meta-data: {fault}: run it by hand, then restart the agent"
        except (OSError, ValueError) as fault:
            shown = f", and ended with {status}" if not isinstance(fault, OSError) and status else ""
            return f"{program} meta-data: {fault}{shown}: it must print the XML of a resource agent"
        finally:
            self._spent_s += self.clock_s() - begun_s
        self._remember(name, program, text)
        return found

    def _remembered(self, name: AgentName, program: Path) -> MetaData | None:
        """What the same program has said before. An agent that restarts on an active node has no time to ask anew."""
        if self.memory is None:
            return None
        try:
            mark, _, text = (self.memory / str(name)).read_text(encoding="utf-8").partition("\n")
            return parse(text) if mark == _mark(program) else None
        except (OSError, ValueError):
            return None

    def _remember(self, name: AgentName, program: Path, text: str) -> None:
        if self.memory is None or not self.memory.parent.is_dir():
            return
        try:
            self.memory.mkdir(mode=0o700, exist_ok=True)
            replace_text(self.memory / str(name), f"{_mark(program)}\n{text}")
        except OSError:
            return  # then it is asked again


def _mark(program: Path) -> str:
    """A mark of a program's file that changes with it. Raises OSError."""
    found = program.stat()
    return f"{program} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def faults(name: AgentName, found: MetaData | str, params: Mapping[str, str], *, unpromoted: bool) -> list[str]:
    """Why an agent cannot be used with these parameters, each with what is allowed. Each begins with its key."""
    if isinstance(found, str):
        return [f"agent = {str(name)!r}: {found}"]
    told = _promotion_faults(name, found, params, unpromoted=unpromoted)
    allowed = ", ".join(sorted(found.parameters)) or "none"
    told += [f"params {key}: unknown to {name}; it has: {allowed}" for key in params if key not in found.parameters]
    required = [key for key, is_required in found.parameters.items() if is_required and not params.get(key)]
    return [*told, *(f"params {key} is missing: {name} requires it" for key in required)]


def _promotion_faults(name: AgentName, found: MetaData, params: Mapping[str, str], *, unpromoted: bool) -> list[str]:
    """Nothing here promotes: an agent whose service serves only when promoted would be called in service too early."""
    if unpromoted or not found.has("promote"):
        return []
    if str(name) not in SERVES_ALONE:
        other = INSTEAD.get(str(name))
        remedy = "unpromoted = yes, if what it starts serves without being promoted"
        remedy = f"{other}; or {remedy}" if other else remedy
        return [f"agent = {str(name)!r}: its service is to be promoted, and nothing here does that: {remedy}"]
    key, values = SERVES_ALONE[str(name)]
    if not key or params.get(key, values[0]) in values:
        return []
    return [f"params {key}={params[key]}: it needs promotion, and nothing here does that; {', '.join(values)} does not"]
