"""Archives that depend on the files alone, and the first difference between two folders.

Not in an archive: times, owners, the order in which a file system lists, the umask, folders without files.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

EPOCH_S = 1767225600
"""The time of every file in an archive, and of the wheels in them: 2026-01-01, UTC. zip knows no time before 1980."""


class NotAFile(Exception):  # noqa: N818  (it reads as the sentence that the maintainer gets)
    """The folder holds what an archive of ours does not carry: a link, a socket, a device."""


def pack(folder: Path, archive: Path, root: str = "") -> None:
    """Write the files of `folder` into a .tar.gz, below `root` if there is one. Raises NotAFile."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=EPOCH_S) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for name, path in _files(folder).items():
            entry = tarfile.TarInfo(f"{root}/{name}" if root else name)
            entry.size, entry.mtime, entry.mode = path.stat().st_size, EPOCH_S, _mode(path)
            with path.open("rb") as content:
                tar.addfile(entry, content)


def sha256(path: Path) -> str:
    """The hash of a file, as `sha256sum` prints it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def first_difference(one: Path, other: Path) -> str | None:
    """In words, the first file that the archives of two folders would not have in common; None if there is none."""
    mine, yours = _files(one), _files(other)
    for name in sorted({*mine, *yours}):
        if name not in mine or name not in yours:
            return f"{name} is only in {one if name in mine else other}"
        if mine[name].read_bytes() != yours[name].read_bytes():
            return f"{name} differs"
        if _mode(mine[name]) != _mode(yours[name]):
            return f"{name} may be executed in {one if _mode(mine[name]) == 0o755 else other} only"
    return None


def first_with(folder: Path, words: list[str]) -> str | None:
    """In words, the first file that holds one of these words or is bytecode; None if none.

    The words are the paths of the building machine. Bytecode carries such a path, and the time of its source.
    """
    for path in _files(folder).values():
        for name, content in _contents(path, folder):
            if name.endswith(".pyc"):
                return f"{name} is bytecode"
            for word in words:
                if word.encode() in content:
                    return f"{name} names {word}"
    return None


def _contents(path: Path, folder: Path) -> Iterator[tuple[str, bytes]]:
    """A file by its name, or what is in it when it is a wheel: a compressed path would not be found."""
    name = path.relative_to(folder).as_posix()
    if path.suffix != ".whl":
        yield name, path.read_bytes()
        return
    with zipfile.ZipFile(path) as wheel:
        for member in wheel.namelist():
            yield f"{name}/{member}", wheel.read(member)


def _files(folder: Path) -> dict[str, Path]:
    """The files by their names below the folder, sorted by these."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    odd = [name for name, path in found.items() if path.is_symlink() or not (path.is_file() or path.is_dir())]
    if odd:
        raise NotAFile(f"{folder}: {min(odd)} is neither a file nor a folder, and an archive carries nothing else")
    return {name: found[name] for name in sorted(found) if found[name].is_file()}


def _mode(path: Path) -> int:
    """The owner's right to execute is the file's own; all the rest is the umask's."""
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
