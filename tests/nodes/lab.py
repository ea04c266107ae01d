"""All nodes of a test session, the network between them, and the proof that nothing of them is left."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.processes import MARK
from tests.nodes.base import BUILD, Base
from tests.nodes.cgroups import PREFIX, hierarchies, remove_abandoned
from tests.nodes.machine import Machine
from tests.nodes.metadata import Instance
from tests.nodes.networks import Hub


class Lab:
    """Makes nodes; `close` removes them all."""

    def __init__(self, base: Base) -> None:
        remove_abandoned()
        _remove_abandoned_disks()
        self._base = base
        self.hub = Hub()
        self._numbers = itertools.count(11)
        self.machines: list[Machine] = []

    def machine(self, name: str, instance: Instance | None = None, devices: tuple[str, ...] = ()) -> Machine:
        """A node with a fresh disk, switched off."""
        number = next(self._numbers)
        given = instance or Instance(f"i-{number:017x}", f"10.77.0.{number % 240 + 11}", KEYS)
        made = Machine(self._base, self.hub, name, given, devices)
        self.machines.append(made)
        return made

    def remove_machines(self) -> None:
        while self.machines:
            self.machines.pop().remove()

    def close(self) -> None:
        self.remove_machines()
        self.hub.close()


KEYS = {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local"}


def _remove_abandoned_disks() -> None:
    """Of a run that was killed. (What it had mounted has gone with its processes.)"""
    for path in (BUILD / "disks").glob("*"):
        if not Path("/proc", path.name.partition("-")[0]).exists():
            shutil.rmtree(path, ignore_errors=True)  # another run may be at it, too


def left_behind() -> list[str]:
    """Everything of this run's nodes that there is: disks, control groups, mounts, processes, loop devices."""
    run = f"{os.getpid()}-"
    groups = [path for hierarchy in hierarchies() for path in hierarchy.glob(f"{PREFIX}{run}*")]
    disks = [*(BUILD / "disks").glob(f"{run}*"), *(BUILD / "devices").glob(f"{run}*")]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(BUILD) in line]
    loops = subprocess.run(["losetup", "--list", "--noheadings"], capture_output=True, text=True, check=True).stdout
    devices = [line for line in loops.splitlines() if f"{BUILD}/devices/{run}" in line]
    processes = [f"process {pid}: {words}" for pid, words in _marked(f"{MARK}={run}")]
    return [*map(str, groups), *map(str, disks), *mounts, *devices, *processes]


def _marked(beginning: str) -> Iterator[tuple[str, str]]:
    """Processes whose environment has an entry that begins so."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:  # gone meanwhile
            continue
        if any(one.startswith(beginning.encode()) for one in environment.split(b"\0")):
            yield entry.name, words
