"""What `understudy-agent check` finds beyond the file, on this machine: units, mount points, directories, programs of
commands, and OCF resource agents. What AWS answers: `aws_check`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from .config import Config
from .dropins import FOLLOWS_THE_AGENT, file_name, takes_drop_in
from .fields import kernels_mount_points
from .findings import Findings
from .keys import read_key_file
from .mount_check import check_mount
from .ocf_check import check_agent
from .rights import kept_in
from .scopes import UNIT_DIR
from .shown import Shown, UnitGroup, boot_faults
from .tasks import Outcome
from .units import Unit

LOOK_LIMIT_S = 10.0
POLL_S = 0.02
REMEDIES = {
    "not-found": "install it, or name another; after an installation: systemctl daemon-reload",
    "masked": "systemctl unmask {name}",
}
OTHER_REMEDY = "systemd-analyze verify {name}"


def load_faults(group: UnitGroup) -> list[str]:
    """Units that systemd cannot start, with what to do."""
    required = group.top.names("Requires", "BindsTo")
    own = [group.top, *(member for member in group.members if member.name in required)]
    return [f"systemd cannot start {each.name}: it is {_with_remedy(each)}" for each in own if _is_not_loaded(each)]


def _is_not_loaded(shown: Shown) -> bool:
    return shown["LoadState"] != "loaded"


def _with_remedy(shown: Shown) -> str:
    state = shown["LoadState"]
    return f"{state}: {REMEDIES.get(state, OTHER_REMEDY).format(name=shown.name)}"


def check(settings: Config, systemctl: str = "systemctl", directory: Path = UNIT_DIR) -> Findings:
    """All that can be found out about a configuration on the machine that it is for. Starts and changes nothing."""
    findings = Findings()
    _check_key_file(settings, findings)
    _check_watchdog(settings, findings, systemctl)
    _check_directories(settings, findings)
    for title, key, words in settings.commands:
        program = words[1] if key == "probe" else words[0]  # there the first word says what kind of probe it is
        _check_program(settings, f"[{title}] {key}", program, findings)
    mount_points = [point for kind in settings.kinds.values() for point in kind.remains().mount_points]
    for name, mount in settings.mounts.items():
        check_mount(f"[service {name}] mount = {mount.mount_point!r}", mount, mount_points, findings)
    for name, kind in settings.ocf.items():
        told = check_agent(kind, mount_points)
        for lines, said in (
            (findings.faults, told.faults),
            (findings.warnings, told.warnings),
            (findings.notes, told.notes),
        ):
            lines += [f"[service {name}] {line}" for line in said]
    for name, unit in settings.units.items():
        _look_at_unit(settings, name, Unit(unit.unit, systemctl, has_probe=unit.has_probe), findings, directory)
    return findings


def _look_at_unit(settings: Config, name: str, unit: Unit, findings: Findings, directory: Path) -> None:
    """`unit`: without its gate, which an agent that runs opens and closes."""
    where = f"[service {name}] unit = {unit.unit!r}"
    outcome, why = _look(unit)
    if unit.group is None:
        findings.unknown.append(f"{where}: systemd cannot be asked about it here: {why}")
        return
    if unit.group.top.name != unit.unit:
        findings.faults.append(f"{where}: is another name of {unit.group.top.name}, as systemd shows it: name that one")
    _check_unit(unit.group, outcome, why, where, findings, has_probe=unit.has_probe)
    is_placed = (settings.state_dir / "placed.json").exists()
    _check_drop_ins(unit.group, settings.cluster, where, findings, directory, is_placed=is_placed)


def _check_directories(settings: Config, findings: Findings) -> None:
    """Where a file cannot be written, nothing is started. They are made when the agent runs."""
    for key, there in kept_in(settings):
        if os.access(there, os.W_OK | os.X_OK):
            continue
        if os.geteuid() != 0:
            findings.unknown.append(f"[agent] {key}: whether root can write to {there}: only root can tell")
        else:
            findings.faults.append(f"[agent] {key}: {there} cannot be written: mount it read-write, or name another")


def _check_watchdog(settings: Config, findings: Findings, systemctl: str) -> None:
    """It is not opened: that would start it, and some cannot be stopped again."""
    if settings.watchdog is None:
        return
    where = f"[agent] watchdog = required: {settings.watchdog}"
    if not settings.watchdog.is_char_device():
        findings.faults.append(f"{where} is no device: load the driver of the hardware, or `modprobe softdog`")
    try:
        asked = [systemctl, "show", "--value", "-p", "RuntimeWatchdogUSec"]
        shown = subprocess.run(asked, capture_output=True, text=True, timeout=LOOK_LIMIT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as fault:
        findings.unknown.append(f"{where}: systemd cannot be asked whether it holds it: {fault}")
        return
    if shown not in ("", "0", "infinity"):
        findings.faults.append(f"{where} is held by systemd: RuntimeWatchdogSec={shown} in /etc/systemd/system.conf")


def _check_key_file(settings: Config, findings: Findings) -> None:
    """An agent runs without, but gets no promises."""
    if settings.failsafe is None or settings.failsafe.key_file is None:
        return
    try:
        read_key_file(settings.failsafe.key_file)
    except (OSError, ValueError) as fault:
        findings.faults.append(f"[agent] failsafe_key_file: {fault}")


def _check_program(settings: Config, where: str, program: str, findings: Findings) -> None:
    if shutil.which(program) is not None:
        return
    mounts = [point for kind in settings.kinds.values() for point in kind.remains().mount_points]
    if any(Path(point) in Path(program).parents for point in set(mounts).difference(kernels_mount_points())):
        findings.unknown.append(f"{where}: {program} is on a file system that is not mounted here now")
    else:
        findings.faults.append(f"{where}: {program} is not there, or cannot be executed")


def _look(unit: Unit) -> tuple[Outcome, str]:
    task = unit.look()
    end_s = time.monotonic() + LOOK_LIMIT_S
    while time.monotonic() < end_s:
        outcome = task.poll()
        if outcome is not None:
            return outcome, task.why
        time.sleep(POLL_S)
    task.abort()
    return Outcome.UNKNOWN, f"no answer within {LOOK_LIMIT_S:g} s"


def _check_unit(
    group: UnitGroup, outcome: Outcome, why: str, where: str, findings: Findings, *, has_probe: bool
) -> None:
    faults = [f"{where}: {fault}" for fault in (*load_faults(group), *boot_faults(group))]
    findings.faults += faults
    if not faults:
        findings.notes.append(f"{where}: {', '.join(_state(each) for each in group.all)}")
    is_empty = group.top.can_be_empty and not group.members and not has_probe
    if outcome is Outcome.UNKNOWN:
        findings.faults.append(f"{where}: {why}: give the service a `probe`")
    elif is_empty and group.top.name.endswith(".target"):
        findings.faults.append(f"{where}: it has no process and stands for no other unit: give the service a `probe`")
    elif is_empty and outcome is not Outcome.SERVING:
        findings.warnings.append(f"{where}: if it is in service without a process of its own, it needs a `probe`")
    findings.warnings += [
        f"{where}: {each.name} has changed on disk: systemctl daemon-reload"
        for each in group.all
        if each["NeedDaemonReload"] == "yes"
    ]


def _state(shown: Shown) -> str:
    """A unit as systemd shows it."""
    enabled = f"{shown['UnitFileState']} and " if shown["UnitFileState"] else ""
    return f"{shown.name} is {enabled}{shown['ActiveState']}"


def _check_drop_ins(
    group: UnitGroup, cluster: str, where: str, findings: Findings, directory: Path, *, is_placed: bool
) -> None:
    def warn(text: str) -> None:
        findings.warnings.append(f"{where}: {text}")

    for shown in group.all:
        if not takes_drop_in(shown):
            continue
        ours = directory / f"{shown.name}.d" / file_name(cluster)
        if is_placed and str(ours) not in shown.names("DropInPaths"):
            warn(f"{ours} is not in effect: the agent writes it when it runs")
        for other in _others(ours):
            warn(f"{other} is another cluster's, and keeps {shown.name} from starting")
        late = set(FOLLOWS_THE_AGENT).intersection(shown.names("After"))
        if late:
            warn(
                f"{shown.name} is ordered after {min(late)}: when the machine shuts down, systemd may stop it too early"
            )


def _others(ours: Path) -> Iterable[Path]:
    return (path for path in ours.parent.glob(file_name("*")) if path != ours)
