"""The folder of the stack to play with: its lock, its log, where it is asked, and how what it left is found."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.processes import MARK, kill_marked

_SWEEP_LIMIT_S = 20.0
_ASIDE = "aside-"


@dataclass(frozen=True)
class Place:
    """One stack at a time is up in a folder."""

    folder: Path

    @property
    def aws(self) -> Path:
        """Where the embedded AWS and the nodes write."""
        return self.folder / "aws"

    @property
    def programs(self) -> Path:
        """What `make env` puts in front of PATH."""
        return self.folder / "bin"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @contextlib.contextmanager
    def control(self) -> Iterator[str]:
        """The path of the socket where the stack is asked, good as long as the block is not left.

        It is short however deep the folder is: the kernel takes no more than 107 characters.
        """
        folder = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{folder}/{self._control.name}"
        finally:
            os.close(folder)

    @property
    def _control(self) -> Path:
        return self.folder / "control"

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    def hold(self) -> int | None:
        """Take the lock; None when it is taken. Who inherits the descriptor holds it, too, until all have closed it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def is_held(self) -> bool:
        """Whether a stack is up, starts or ends."""
        if not self._lock.exists():
            return False
        lock = self.hold()
        if lock is not None:
            os.close(lock)
        return lock is None

    def sign(self, lock: int) -> None:
        """Write into the lock that this process is the one to signal."""
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)

    def signed_by(self) -> int | None:
        """The process that has signed the lock last."""
        text = self._lock.read_text().strip() if self._lock.exists() else ""
        return int(text) if text else None

    def forget_control(self) -> None:
        """Nobody is asked by the socket any more."""
        self._control.unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Put out of the way what takes long to delete: the unpacked functions. Only for who holds the lock."""
        unpacked = self.aws / "ministack"
        if unpacked.exists():
            unpacked.rename(self.folder / f"{_ASIDE}{os.getpid()}")

    def empty(self) -> None:
        """Delete what was set aside."""
        for aside in self.folder.glob(f"{_ASIDE}*"):
            shutil.rmtree(aside, ignore_errors=True)

    def sweep(self) -> None:
        """Kill what the last stack here has left, whatever it was doing. Only for who holds the lock."""
        self.forget_control()
        run = self.aws / "run"
        if run.exists() and run.read_text():
            kill_marked(f"{MARK}={run.read_text()}", _SWEEP_LIMIT_S)
