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
LINKS_MOST = 8
"""Of links that lead to each other: more than anybody makes, and an end to a circle of them."""


def real_name(name: str, folders: Sequence[Path] = ()) -> str:
    """The unit's own name, where `name` is an alias: a link to the file of a unit that is called otherwise.

    An alias of a template is one of each of its instances. As systemd does it: a link to a file that is no unit's, in
    none of the folders, gives it no other name. `name` itself when there is no such file, and when it is masked. Raises
    OSError when a link cannot be read.
    """
    folders = folders or UNIT_PATHS
    places = [os.path.realpath(folder) for folder in folders]
    for _ in range(LINKS_MOST):
        found = _linked_name(name, folders, places)
        if found in ("", name):
            break
        name = found
    return name


def _linked_name(name: str, folders: Sequence[Path], places: Sequence[str]) -> str:
    """What the link of that name names next; "" when there is none, or it leaves the folders of units."""
    stem, _, kind = name.rpartition(".")
    prefix, is_instance, instance = stem.partition("@")
    template = f"{prefix}@.{kind}"
    wanted = [name, template] if is_instance else [name]
    files = (folder / each for each in wanted for folder in folders)
    file = next((each for each in files if os.path.lexists(each)), None)
    if file is None or not file.is_symlink():
        return ""
    target = file.parent / file.readlink()
    if os.path.realpath(target.parent) not in places:
        return ""
    head, sign, tail = target.name.partition("@.")
    return f"{head}@{instance}.{tail}" if sign and is_instance else target.name
