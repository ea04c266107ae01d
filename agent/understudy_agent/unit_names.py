"""Which unit a name stands for, by the files that systemd reads. Nobody is asked: systemd may not answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

UNIT_PATHS = tuple(
    Path(folder)
    for folder in (
        "/etc/systemd/system.control",
        "/run/systemd/system.control",
        "/run/systemd/transient",
        "/run/systemd/generator.early",
        "/etc/systemd/system",
        "/run/systemd/system",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
    )
)
"""Where systemd looks for a unit, in its order."""


def real_name(name: str, folders: Sequence[Path] = ()) -> str:
    """The unit's own name, where `name` is an alias: a link to the file of a unit that is called otherwise.

    `name` itself when there is no such file, when it is masked, and when that cannot be read.
    """
    file = next((folder / name for folder in folders or UNIT_PATHS if os.path.lexists(folder / name)), None)
    if file is None or not file.is_symlink():
        return name
    target = Path(os.path.realpath(file))
    prefix, _, kind = name.rpartition(".")
    is_instance = target.name == f"{prefix.partition('@')[0]}@.{kind}"  # of a template
    return name if str(target) == os.devnull or is_instance else target.name
