"""The disks of the machines, in memory: what the agent's files are kept on. The real ones have tests of their own.

Files are kept by their paths. Errors are the kernel's, and name no folder and no process of this run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from errno import EISDIR, ENOENT
from os import strerror
from typing import Any
from unittest.mock import patch

from understudy_agent import files

FOLDER = None
"""What stands in the place of a content where there is a folder, which cannot be opened."""


class Disk:
    """Files and folders that machines keep. `contents`: by path."""

    def __init__(self) -> None:
        self.contents: dict[str, str | None] = {}

    def path(self, name: str) -> MemoryPath:
        return MemoryPath(self, name)

    def clear(self, folder: str) -> None:
        """Nothing is left in a folder."""
        for name in [name for name in self.contents if name.startswith(f"{folder}/")]:
            del self.contents[name]


class MemoryPath:
    """As much of `pathlib.Path` as the agent's files ask for."""

    def __init__(self, disk: Disk, full: str) -> None:
        self._disk, self._full = disk, full
        self.name = full.rpartition("/")[2]

    def __str__(self) -> str:
        return self._full

    def __truediv__(self, name: str) -> MemoryPath:
        return MemoryPath(self._disk, f"{self._full}/{name}")

    @property
    def parent(self) -> MemoryPath:
        return MemoryPath(self._disk, self._full.rpartition("/")[0])

    def iterdir(self) -> Iterator[MemoryPath]:
        """What lies in this folder, by name."""
        found = [name for name in self._disk.contents if name.startswith(f"{self._full}/")]
        return (MemoryPath(self._disk, name) for name in sorted(found))

    def lstat(self) -> None:
        if self._full not in self._disk.contents:
            raise FileNotFoundError(ENOENT, strerror(ENOENT), self._full)

    def is_dir(self) -> bool:
        return self._disk.contents.get(self._full, "") is FOLDER

    def is_file(self) -> bool:
        return self._disk.contents.get(self._full) is not None

    def read_text(self, encoding: str = "utf-8") -> str:
        content = self._disk.contents.get(self._full)
        if content is None:
            self.lstat()
            raise IsADirectoryError(EISDIR, strerror(EISDIR), self._full)
        return content

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        if self.is_dir():
            raise IsADirectoryError(EISDIR, strerror(EISDIR), self._full)
        self._disk.contents[self._full] = text

    def replace_by(self, text: str) -> None:
        """As a part beside it that is renamed to it."""
        if self.is_dir():
            part = f"{self._full.rpartition('/')[0]}/.{self.name}.part"
            raise IsADirectoryError(EISDIR, strerror(EISDIR), part, None, self._full)
        self._disk.contents[self._full] = text

    def unlink(self, missing_ok: bool = False) -> None:
        if self._full in self._disk.contents:
            if self.is_dir():
                raise IsADirectoryError(EISDIR, strerror(EISDIR), self._full)
            del self._disk.contents[self._full]
        elif not missing_ok:
            self.lstat()

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """A folder in the place of a file. Those that files lie in are there wherever they are wanted."""
        if not parents:
            self._disk.contents[self._full] = FOLDER

    def rmdir(self) -> None:
        del self._disk.contents[self._full]


def write_in_memory(path: MemoryPath, content: Mapping[str, object], **_: Any) -> None:
    """Stands for `understudy_agent.files.write_atomically`."""
    path.replace_by(json.dumps(content))


def files_in_memory() -> Any:
    """Meanwhile the agent's files are kept where their paths say: in memory."""
    return patch.object(files, "write_atomically", write_in_memory)


class MemorySlots:
    """Stands for `understudy_agent.slots.SlotFile`."""

    def __init__(self, path: MemoryPath) -> None:
        self._path = path

    def write(self, content: Mapping[str, object]) -> None:
        self._path.write_text(json.dumps(content))

    def read(self) -> dict[str, object]:
        """Raises OSError, or ValueError when it holds nonsense."""
        content = json.loads(self._path.read_text())
        if not isinstance(content, dict):
            raise ValueError(f"{content!r:.100} is no JSON object")
        return content

    def close(self) -> None:
        """Nothing is open."""
