"""What the agent has systemd know of the units that it manages: drop-ins in /etc, and gates in /run.

A drop-in leaves restarts to the agent, has systemd stop the agent first when the machine shuts down, and lets nobody
but the agent start the unit, also at a boot. It is written once the cluster has been placed, as far as this node knows:
before that, a service that runs is its operator's. Why: docs/adr/0063-what-the-agent-writes-into-systemd.md
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from .exchange import Exchange
from .log import Log
from .scopes import SystemPaths
from .shown import Shown, boot_faults
from .units import Unit

RETRY_EVERY_MS = 60_000
RELOAD_LIMIT_S = 90
FOLLOWS_THE_AGENT = (
    "multi-user.target",
    "graphical.target",
    "default.target",
    "cloud-final.service",  # these two of cloud-init are ordered after multi-user.target
    "cloud-init.target",
)
"""What is ordered after one of these cannot be ordered before the agent: that would be a circle."""

TEXT = """\
# Written by understudy-agent, which writes it again. {mark}
# To start the unit by hand while no agent runs: touch {gate}
[Unit]
{order}AssertPathExists={gate_setting}
"""
ORDER = """\
# When the machine shuts down, the agent is stopped first, and stops its services in their order.
Before={agent_unit}
"""
NO_RESTART = """
[Service]
# The agent counts failures, and decides about restarts.
Restart=no
"""


def file_name(cluster: str) -> str:
    """Of a drop-in. Of several with the same setting the last one counts."""
    return f"zz-understudy-{cluster}.conf"


def takes_drop_in(shown: Shown) -> bool:
    """Not one that is made for each connection, or that systemd does not know."""
    made_by = [name for name in shown.names("TriggeredBy") if name.startswith(shown.name.partition("@")[0] + ".")]
    return shown["LoadState"] not in ("not-found", "masked") and not ("@" in shown.name and made_by)


class DropIns:
    """Keeps the drop-ins of one cluster as they should be. Written by a thread of its own: a disk may hang."""

    def __init__(
        self,
        units: Mapping[str, Unit],
        cluster: str,
        agent_unit: str,
        exchange: Exchange,
        log: Log,
        system: SystemPaths | None = None,
    ) -> None:
        """`units` by the names of their services. `agent_unit`: the agent's own; "" when systemd has not started it."""
        self._units, self._cluster, self._agent_unit = units, cluster, agent_unit
        self._exchange, self._log = exchange, log
        self._file_name = file_name(cluster)
        system = system or SystemPaths()
        self._directory, self._systemctl = system.units, system.systemctl
        self._wanted: dict[Path, str] | None = None
        """As they were written last; None: not yet, or not known."""
        self._tried_ms = 0
        self._needs_reload = False
        self._logged: set[str] = set()

    def tick(self, now_ms: int, *, is_placed: bool) -> None:
        """Bring the drop-ins up to date. Never waits. `is_placed`: the cluster was placed, as far as is known."""
        done = self._exchange.settle(now_ms)
        if done is not None and done.error is not None:
            self._wanted = None
        elif done is not None and isinstance(done.value, list) and done.value:
            self._log.info("drop_ins", "the agent's drop-ins of its units were updated", files=done.value)
        waits = self._exchange.calls.failures and now_ms - self._tried_ms < RETRY_EVERY_MS
        self._log_boot_faults()
        if waits or not self._exchange.idle or any(unit.group is None for unit in self._units.values()):
            return
        wanted = self._texts() if is_placed else {}
        if wanted != self._wanted:
            self._wanted, self._tried_ms = wanted, now_ms
            marks = {self._mark(name) for name in self._units} if is_placed else set()
            in_effect = self._in_effect()
            self._exchange.begin(lambda: self._bring_up_to_date(wanted, marks, in_effect), now_ms)

    def _log_boot_faults(self) -> None:
        """Log what `check` refuses, for an agent that runs all the same."""
        groups = [unit.group for unit in self._units.values() if unit.group is not None]
        faults = {fault for group in groups for fault in boot_faults(group)}
        for fault in sorted(faults - self._logged):
            self._log.warning("starts_at_boot", fault)
        self._logged = faults

    def _mark(self, service: str) -> str:
        return f"Cluster: {self._cluster}; service: {service}; unit: {self._units[service].unit}"

    def _shown(self) -> Iterable[tuple[str, Shown]]:
        for service, unit in self._units.items():
            for shown in unit.group.all if unit.group is not None else ():
                if takes_drop_in(shown):
                    yield service, shown

    def _texts(self) -> dict[Path, str]:
        return {
            self._directory / f"{shown.name}.d" / self._file_name: self._text(service, shown)
            for service, shown in self._shown()
        }

    def _text(self, service: str, shown: Shown) -> str:
        gate = self._units[service].gate
        is_last = {self._agent_unit, *FOLLOWS_THE_AGENT}.intersection(shown.names("After"))
        order = ORDER.format(agent_unit=self._agent_unit) if self._agent_unit and not is_last else ""
        setting = str(gate).replace("%", "%%")
        text = TEXT.format(mark=self._mark(service), gate=gate, order=order, gate_setting=setting)
        return text + (NO_RESTART if shown.name.endswith(".service") else "")

    def _in_effect(self) -> set[str]:
        """The drop-ins that systemd had read when it was looked at."""
        return {path for _service, shown in self._shown() for path in shown.names("DropInPaths")}

    # --- in a thread of its own ---------------------------------------------------------------

    def _bring_up_to_date(self, wanted: Mapping[Path, str], marks: set[str], in_effect: set[str]) -> list[str]:
        """The files that were written or removed. Raises OSError and SubprocessError."""
        changed = [path for path, text in wanted.items() if _replace(path, text)]
        changed += [path for path in self._foreign(wanted, marks) if _remove(path)]
        if changed or any(str(path) not in in_effect for path in wanted):
            self._needs_reload = True
        if self._needs_reload:
            subprocess.run([self._systemctl, "daemon-reload"], check=True, timeout=RELOAD_LIMIT_S, stdout=2)
            self._needs_reload = False
        return [str(path) for path in changed]

    def _foreign(self, wanted: Mapping[Path, str], marks: set[str]) -> list[Path]:
        """Drop-ins for what this cluster no longer names, and those of other clusters on units that are this one's."""
        gone = [p for p in self._directory.glob(f"*.d/{self._file_name}") if p not in wanted and not _bears(p, marks)]
        others = [p for path in wanted for p in path.parent.glob(file_name("*")) if p.name != self._file_name]
        return gone + others


def _bears(path: Path, marks: set[str]) -> bool:
    """A member that is not there at the moment keeps its drop-in: it may come back while nobody looks."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(line.endswith(mark) for line in text.splitlines()[:1] for mark in marks)


def _replace(path: Path, text: str) -> bool:
    """Whether a file had to be written."""
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
        return False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return True


def _remove(path: Path) -> bool:
    path.unlink(missing_ok=True)
    if not any(path.parent.iterdir()):
        path.parent.rmdir()
    return True
