"""What can be found out about a service of kind `mount` before it is mounted: its mount point, its line in fstab, its
device, and the program that mounts it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .fields import kernels_mount_points
from .findings import Findings
from .mounts import Mount

FSTAB = Path("/etc/fstab")
PROGRAMS = ("mount", "umount", "stat")
HELPED = frozenset({"nfs", "nfs4", "cifs", "smb3", "efs", "glusterfs", "lustre"})
"""File systems that nothing mounts without a program `mount.TYPE`."""
HELPERS = "/sbin:/usr/sbin"
"""Where `mount` looks for these programs, whatever the PATH."""
NAMED = re.compile(r"(UUID|LABEL|PARTUUID|PARTLABEL|ID)=\"?([^\"]+)\"?")
OCTAL = re.compile(r"\\([0-7]{3})")
MAKES_ITS_POINT = frozenset({"x-mount.mkdir", "X-mount.mkdir"})


@dataclass(frozen=True)
class FstabLine:
    """What fstab says of one mount point."""

    device: str
    mount_point: str
    fstype: str
    options: tuple[str, ...]


def parse_fstab(text: str) -> list[FstabLine]:
    """Its lines; those that are no lines of an fstab are left out, as `mount` does."""
    rows = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [
        FstabLine(_plain(row[0]), _plain(row[1]).rstrip("/") or "/", row[2], tuple(row[3].split(",")))
        for row in rows
        if len(row) >= 4
    ]


def _plain(field: str) -> str:
    """fstab writes a blank in a name as \\040."""
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), field)


def check_mount(where: str, kind: Mount, all_points: Collection[str], findings: Findings) -> None:
    """Mounts and changes nothing. `all_points`: of all services, since one may be mounted below another."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            findings.faults.append(f"{where}: the program {program} is not there: install util-linux and coreutils")
    line = _line(where, kind, findings)
    mounted = kernels_mount_points()
    is_mounted = kind.mount_point in mounted
    if is_mounted:
        findings.notes.append(f"{where}: mounted now")
    elif not MAKES_ITS_POINT.intersection(line.options if line else ()):
        _check_point(where, kind.mount_point, set(all_points).difference(mounted), findings)
    if line is not None:
        _check_device(where, line, findings, is_mounted=is_mounted)


def _line(where: str, kind: Mount, findings: Findings) -> FstabLine | None:
    """How it is mounted. None: nobody says so, or it cannot be read."""
    own = FstabLine(kind.device, kind.mount_point, kind.fstype, tuple(kind.options.split(",")))
    try:
        lines = parse_fstab(FSTAB.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        lines = []
    except OSError as fault:
        findings.unknown.append(f"{where}: {FSTAB} cannot be read: {fault.strerror}")
        return own if kind.device else None
    found = next((line for line in lines if line.mount_point == kind.mount_point), None)
    if found is not None and "noauto" not in found.options:
        boot = f"{FSTAB} mounts it at boot, whoever holds the lease: add noauto to its options, then"
        findings.faults.append(f"{where}: {boot} systemctl daemon-reload")
    if kind.device:
        return own
    if found is None:
        say = f"{FSTAB} has no line for it: add one with noauto, or name `device` and `fstype`"
        findings.faults.append(f"{where}: {say}")
    return found


def _check_point(where: str, point: str, unmounted: Collection[str], findings: Findings) -> None:
    above = [each for each in unmounted if Path(each) in Path(point).parents]
    try:
        Path(point).stat()
    except (FileNotFoundError, NotADirectoryError):
        if above:
            findings.unknown.append(f"{where}: whether it is there: {above[0]} is not mounted here now")
        else:
            findings.faults.append(f"{where}: it is not there: mkdir -p {point}")
    except OSError as fault:
        findings.unknown.append(f"{where}: whether it is there: {fault.strerror}")


def _check_device(where: str, line: FstabLine, findings: Findings, *, is_mounted: bool) -> None:
    fstype = line.fstype or ("nfs" if ":/" in line.device else "")
    is_remote = fstype in HELPED
    if fstype in HELPED and shutil.which(f"mount.{fstype}", path=f"{os.environ.get('PATH', '')}:{HELPERS}") is None:
        package = "nfs-common or nfs-utils" if fstype.startswith("nfs") else f"its package for {fstype}"
        findings.faults.append(f"{where}: the program mount.{fstype} is not there: install {package}")
    if is_mounted:
        return
    named = NAMED.fullmatch(line.device)
    path = f"/dev/disk/by-{named[1].lower()}/{named[2]}" if named else line.device
    if path.startswith("/dev/"):
        if not Path(path).exists():
            why = "all right only if it is attached when this node is to serve"
            findings.warnings.append(f"{where}: the device {line.device} is not there now: {why}")
    elif is_remote:
        findings.unknown.append(f"{where}: whether {line.device} can be mounted: another machine has it")
