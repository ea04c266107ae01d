"""A disk that more than one node sees: a loop device of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.nodes.base import BUILD


@contextlib.contextmanager
def loop_device(label: str, content: Path | None = None, owner: int = 0, uuid: str = "") -> Iterator[str]:
    """A loop device with a file system, which begins with what a folder holds. It is free again when nobody has it
    open or mounted any more. `owner`: whose its root is."""
    image = BUILD / "devices" / f"{os.getpid()}-{label}.img"
    image.parent.mkdir(parents=True, exist_ok=True)
    with image.open("wb") as new:
        new.truncate(16 << 20)
    options = [
        "-E",
        f"root_owner={owner}:{owner}",
        *(["-d", str(content)] if content else []),
        *(["-U", uuid] if uuid else []),
    ]
    subprocess.run(["mkfs.ext4", "-q", "-L", label, *options, image], check=True)
    made = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    name = made.stdout.strip()
    try:
        yield name
    finally:
        subprocess.run(["losetup", "--detach", name], check=True)
        image.unlink()
