"""Which rights a configuration needs, and which of them this process lacks. Root has them all."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .config import Config
from .scopes import UNIT_DIR

CAP_KILL, CAP_SYS_ADMIN, CAP_SYS_BOOT = 5, 21, 22
"""Numbers of capabilities, as <linux/capability.h> has them."""


@dataclass(frozen=True)
class Rights:
    """What a process may do. `capabilities`: the effective ones, as a mask. `may`: as os.access."""

    capabilities: int
    may: Callable[[Path, int], bool] = os.access

    def has(self, capability: int) -> bool:
        return bool(self.capabilities >> capability & 1)


def own_rights(status: Path = Path("/proc/self/status")) -> Rights:
    """Those of this process. Raises OSError where the kernel does not tell them."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    return Rights(int(found[1], 16) if found else 0)


def kept_in(settings: Config) -> Iterator[tuple[str, Path]]:
    """The directories that are written to, by key; of one that is still to be made the nearest that is there."""
    for key, directory in (("runtime_dir", settings.runtime_dir), ("state_dir", settings.state_dir)):
        yield key, next(each for each in (directory, *directory.parents) if each.is_dir())


def missing_rights(settings: Config, rights: Rights) -> list[str]:
    """A line for each right that is missing, with what it is for."""
    return [*_missing_files(settings, rights), *_missing_capabilities(settings, rights)]


def _missing_files(settings: Config, rights: Rights) -> Iterator[str]:
    for key, there in kept_in(settings):
        if not rights.may(there, os.W_OK | os.X_OK):
            yield f"[agent] {key}: no right to write to {there}: the lease and what was promised are kept there"
    if settings.units and not rights.may(UNIT_DIR, os.W_OK | os.X_OK):
        name = next(iter(settings.units))
        yield f"[service {name}] unit: no right to write to {UNIT_DIR}: drop-ins are written there"
    key_file = settings.failsafe.key_file if settings.failsafe else None
    if key_file is not None and not rights.may(key_file, os.R_OK):
        yield f"[agent] failsafe_key_file: no right to read {key_file}: without a key there are no promises"
    if settings.watchdog is not None and not rights.may(settings.watchdog, os.W_OK):
        yield f"[agent] watchdog_device: no right to write to {settings.watchdog}: nobody feeds the watchdog"


def _missing_capabilities(settings: Config, rights: Rights) -> Iterator[str]:
    stopped = [*settings.units, *settings.mounts, *settings.ocf]
    if stopped and not rights.has(CAP_KILL):
        yield f"[service {stopped[0]}] no CAP_KILL: processes of other users are killed when the lease ends"
    if settings.mounts and not rights.has(CAP_SYS_ADMIN):
        yield f"[service {next(iter(settings.mounts))}] mount: no CAP_SYS_ADMIN: file systems are mounted and unmounted"
    if settings.on_stop_failure != "report" and not rights.has(CAP_SYS_BOOT):
        what = f"on_stop_failure = {settings.on_stop_failure!r}"
        yield f"[agent] {what}: no CAP_SYS_BOOT: a node whose service cannot be stopped is taken down"
