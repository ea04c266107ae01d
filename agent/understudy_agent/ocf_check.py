"""What can be found out about a service of kind `ocf` before it is started: its agent is asked to validate all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .ocf import SUCCESS, WITH_REASONS, Ocf, meaning
from .ocf_agents import SERVES_ALONE, ran

ACTION = "validate-all"
VALIDATE_LIMIT_S = 30.0
UNIMPLEMENTED = 3
READ_MOST = 500_000
PACEMAKER = ("crm_attribute", "crm_master", "crm_resource", "crm_node", "crm_mon", "crm_failcount", "cibadmin")
CALLS = re.compile(rf"\b({'|'.join((*PACEMAKER, 'attrd_updater', 'ocf_promotion_score'))})\b")


@dataclass(frozen=True)
class Told:
    """Lines of what is wrong, of what a person should know, and of what is well."""

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_agent(kind: Ocf, mount_points: Collection[str]) -> Told:
    """Starts and changes nothing. `mount_points`: of the node's services; where one is unmounted, less can be known."""
    if kind.faults:
        return Told(faults=kind.faults)
    warnings = _pacemaker(kind)
    call = kind.call
    where = f"{call.name} {ACTION}"
    if not call.validates:
        return Told(warnings=warnings, notes=(f"{where}: the agent has no such action",))
    try:
        status, output = ran(
            [*WITH_REASONS, *call.argv(ACTION)], call.environment(ACTION, VALIDATE_LIMIT_S), VALIDATE_LIMIT_S
        )
    except OSError as fault:
        return Told((f"{where}: {fault}",), warnings)
    if status == SUCCESS:
        return Told(warnings=warnings, notes=(f"{where}: good",))
    said = f"{call.name} {meaning(ACTION, status, output.decode('utf-8', 'replace'))}"
    unmounted = [point for point in mount_points if not Path(point).is_mount() and _names(kind, point)]
    if status == UNIMPLEMENTED or unmounted:
        because = f"; {', '.join(unmounted)} is not mounted here now" if unmounted else ""
        return Told(warnings=(*warnings, said + because))
    return Told((said,), warnings)


def _names(kind: Ocf, mount_point: str) -> bool:
    """Whether a parameter is a path at or below a mount point."""
    paths = (Path(value) for value in kind.call.params.values() if value.startswith("/"))
    return any(Path(mount_point) in (path, *path.parents) for path in paths)


def _pacemaker(kind: Ocf) -> tuple[str, ...]:
    """Tools of Pacemaker that its text names and that are not there. Some agents need them for replication alone."""
    if str(kind.call.name) in SERVES_ALONE:
        return ()
    program, _ = kind.call.argv(ACTION)
    try:
        with Path(program).open(encoding="utf-8", errors="replace") as file:
            text = file.read(READ_MOST)
    except OSError as fault:
        return (f"{program} cannot be read: {fault}",)
    named = {"crm_master" if found == "ocf_promotion_score" else found for found in CALLS.findall(text)}
    lacking = sorted(tool for tool in named if shutil.which(tool) is None)
    if not lacking:
        return ()
    return (
        f"{kind.call.name} may call {', '.join(lacking)} of Pacemaker, and without Pacemaker that fails: try it first",
    )
