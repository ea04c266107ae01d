"""A small file of JSON that is rewritten in place: it needs no room that it does not have already.

Two slots are written in turn, each with a count and a checksum. A reader takes the newest that is whole, so it sees
the old content or the new. The file is kept open for writing: its file system cannot become read-only below it, and one
that is full does not matter.
"""

from __future__ import annotations

import json
import os
import weakref
import zlib
from collections.abc import Mapping
from pathlib import Path

SLOT_BYTES = 8192


class SlotFile:
    """One file of two slots. Whoever holds its lock writes; anybody may read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._close: weakref.finalize | None = None  # type: ignore[type-arg]
        self._count = 0

    def write(self, content: Mapping[str, object]) -> None:
        """Replace the content; a file that is missing, or was replaced, is created again. Raises OSError."""
        if self._handle is None or not self._is_ours(self._handle):
            self.close()
            if not self._adopt():
                self._create(_slot(content, 1))
                return
        os.pwrite(self._adopted(), _slot(content, self._count + 1), (self._count + 1) % 2 * SLOT_BYTES)
        self._count += 1

    def read(self) -> dict[str, object]:
        """The newest content. Raises OSError, or ValueError when it holds nonsense."""
        return newest(self._path.read_bytes())[1]

    def close(self) -> None:
        """Forget the file; the next write looks for it again."""
        if self._close is not None:
            self._close()
        self._handle = self._close = None

    def _adopted(self) -> int:
        if self._handle is None:
            raise OSError(f"{self._path} is not open")
        return self._handle

    def _is_ours(self, handle: int) -> bool:
        try:
            found, ours = self._path.lstat(), os.fstat(handle)
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def _adopt(self) -> bool:
        """Go on with a file that an agent before this one has left. False: there is none of this format."""
        try:
            data = self._path.read_bytes()
            count = newest(data)[0]
        except (FileNotFoundError, ValueError):
            return False
        if len(data) != 2 * SLOT_BYTES:
            return False
        self._open(count)
        return True

    def _create(self, slot: bytes) -> None:
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            part.write_bytes(_blank() + slot)
            part.replace(self._path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        self._open(1)

    def _open(self, count: int) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._handle, self._close, self._count = handle, weakref.finalize(self, os.close, handle), count


def newest(data: bytes) -> tuple[int, dict[str, object]]:
    """The count and the content of the newest whole slot. Raises ValueError.

    A file without slots is one that an earlier version wrote: nothing but JSON, and counted as 0.
    """
    halves = (data[:SLOT_BYTES], data[SLOT_BYTES:])
    whole = [found for found in map(_content, halves) if found is not None]
    return max(whole, key=lambda found: found[0]) if whole else (0, _mapping(json.loads(data.decode("utf-8"))))


def _slot(content: Mapping[str, object], count: int) -> bytes:
    body = json.dumps({"count": count, "content": content}).encode("ascii")
    slot = body.ljust(SLOT_BYTES - 10) + f" {zlib.crc32(body):08x}\n".encode("ascii")
    if len(slot) != SLOT_BYTES:
        raise OSError(f"{len(body)} bytes are more than a slot of {SLOT_BYTES} takes")
    return slot


def _blank() -> bytes:
    return b"\n".rjust(SLOT_BYTES)


def _content(slot: bytes) -> tuple[int, dict[str, object]] | None:
    """None: it is not whole."""
    body, _, checksum = slot.rstrip(b"\n").rpartition(b" ")
    body = body.rstrip(b" ")
    if len(slot) != SLOT_BYTES or checksum != f"{zlib.crc32(body):08x}".encode("ascii"):
        return None
    saved = json.loads(body)
    return int(saved["count"]), _mapping(saved["content"])


def _mapping(content: object) -> dict[str, object]:
    if not isinstance(content, dict):
        raise ValueError(f"{content!r:.100} is no JSON object")  # noqa: TRY004 - it is read, not passed
    return content
