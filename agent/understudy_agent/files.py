"""The files a node agent keeps: the lease it is bound by, its lock, and what it shows to people."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from .lease import DEFAULT_TERMS, DOWN_AT_ONCE, UNBOUND, LeaseView
from .promise import Memory
from .slots import SlotFile
from .view import EPOCH_LIMIT, TIMING_LIMIT_S, TermsView, parse_terms

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a file raises that is not there, cannot be read, or holds nonsense."""


ACQUIRE_TRIES = 20
HOLDER_WIDTH = 40
"""Of the line that says who holds a lock: longer than any, so that nothing of the one before is left."""
TERMS_UNSAVED = asdict(DEFAULT_TERMS)
"""What stands for terms that were not written down."""


def is_there(path: Path) -> bool:
    """Whether there is something of that name; what cannot be looked for counts as there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


EXIT_ALREADY_RUNNING = 75  # EX_TEMPFAIL


class AlreadyRunningError(RuntimeError):
    """Another process holds the lock that makes this one the only one of its cluster on this machine."""


def write_atomically(path: Path, content: Mapping[str, object], *, durably: bool = False) -> None:
    """Replace a file by JSON: see `replace_text`. Raises OSError."""
    replace_text(path, json.dumps(content, indent=1) + "\n", durably=durably)


def replace_text(path: Path, text: str, *, durably: bool = False, privately: bool = False) -> None:
    """Replace a file in one step: a reader sees the old content or the new. Raises OSError, and leaves nothing behind.

    `durably`: when this returns, the new content is on the medium, whatever happens to the machine next. `privately`:
    nobody but the owner can read it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if privately:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)
        with part.open("wb") as file:
            file.write(text.encode("utf-8"))
            if durably:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if durably:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Slots(Protocol):
    """What is rewritten in place: see slots.SlotFile."""

    def write(self, content: Mapping[str, object]) -> None: ...

    def read(self) -> dict[str, object]: ...

    def close(self) -> None: ...


class LeaseFile:
    """The lease as the next agent of this boot finds it: binding even if it cannot read the table.

    Renewing it takes no room, so that a full file system of the directory ends no lease.
    """

    def __init__(self, path: Path, boot: str, slots: Slots | None = None) -> None:
        self._path = path
        self._slots = slots or SlotFile(path)
        self._boot = boot

    def save(self, lease_view: LeaseView) -> None:
        """Write the lease down; one that binds to nothing removes the file. Raises OSError."""
        if lease_view.lease_end_ms is None:
            self._path.unlink(missing_ok=True)
            self._slots.close()
            return
        self._slots.write(
            {
                "boot": self._boot,
                "epoch": lease_view.epoch,
                "lease_end_ms": lease_view.lease_end_ms,
                "promised_until_ms": lease_view.promised_until_ms,
                "renewed_by": lease_view.renewed_by,
                "services": lease_view.services,
                "terms": vars(lease_view.terms),
            }
        )

    def load(self, now_ms: int) -> LeaseView:
        """Where an agent stands that has read nothing yet: it leaves services alone until the old lease ends.

        A file of another boot binds nobody: what ran then is gone. One that cannot be read, or says what no agent of
        this boot can have written, may stand for a lease that has run out: what runs is to be down at once.
        """
        try:
            saved: Any = self._slots.read()
            if self._boot and str(saved["boot"]) != self._boot:
                return UNBOUND
            latest_ms = now_ms + TIMING_LIMIT_S * 1000
            found = LeaseView(
                lease_end_ms=local_time(saved["lease_end_ms"], latest_ms),
                terms=_terms(saved["terms"]),
                promised_until_ms=_time_or_none(saved.get("promised_until_ms"), latest_ms),
                renewed_by=_time_or_none(saved.get("renewed_by"), now_ms),
                services=_names(saved.get("services", [])),
            )
        except FileNotFoundError:
            return UNBOUND
        except UNREADABLE:
            return DOWN_AT_ONCE
        return found if self._boot else DOWN_AT_ONCE


class PromiseFile:
    """What a node has promised, as the next agent of this boot finds it. It is written before a promise is given."""

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot

    def save(self, memory: Memory) -> None:
        """Write it down so that it survives what happens next. Raises OSError."""
        write_atomically(self._path, {"boot": self._boot, **asdict(memory)}, durably=True)

    def load(self) -> Memory | None:
        """What was promised in this boot; None when that is not known."""
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
            since_ms = saved["since_ms"]
            found = Memory(
                bound_until_ms=int(saved["bound_until_ms"]),
                since_ms=None if since_ms is None else int(since_ms),
                known_joined=int(saved["known_joined"]),
            )
            return found if saved["boot"] == self._boot else None
        except UNREADABLE:
            return None

    def is_there(self) -> bool:
        """Whether an agent has written such a file."""
        return is_there(self._path)


class MajorityFile:
    """When this node reached a majority of the quorum hosts last, as the next agent of this boot finds it."""

    def __init__(self, path: Path, boot: str) -> None:
        self._path = path
        self._boot = boot

    def save(self, held_ms: int) -> None:
        """Write it down (local ms). Raises OSError."""
        write_atomically(self._path, {"boot": self._boot, "held_ms": held_ms})

    def load(self, now_ms: int) -> int | None:
        """None when it is not known."""
        try:
            saved = json.loads(self._path.read_text(encoding="utf-8"))
            return local_time(saved["held_ms"], now_ms) if saved["boot"] == self._boot else None
        except UNREADABLE:
            return None


class PlacedFile:
    """The newest epoch that this node has read of its cluster. It outlives boots."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, epoch: int | None) -> int | None:
        """Write it down so that it survives what happens next; None removes it. Raises OSError."""
        if epoch is None:
            self.path.unlink(missing_ok=True)
            return None
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, {"epoch": epoch}, durably=True)
        return epoch

    def load(self) -> int | None:
        """None when the cluster was never placed, as far as is known; 0 when it was, and the epoch cannot be read."""
        try:
            epoch = json.loads(self.path.read_text(encoding="utf-8"))["epoch"]
        except FileNotFoundError:
            return None
        except UNREADABLE:
            return 0
        return epoch if type(epoch) is int and 0 < epoch < EPOCH_LIMIT else 0


def _terms(saved: Mapping[str, object]) -> TermsView:
    """The terms as they were written down; what another version wrote beside them is ignored."""
    return parse_terms({**TERMS_UNSAVED, **saved})


def _names(saved: object) -> tuple[str, ...]:
    if not isinstance(saved, list) or not all(isinstance(each, str) for each in saved):
        raise TypeError(f"{saved!r:.100} is no list of names")
    return tuple(saved)


def local_time(value: object, latest_ms: int) -> int:
    """A local time (ms) that an agent of this boot can have written. Raises ValueError."""
    if type(value) is not int or not 0 <= value <= latest_ms:
        raise ValueError(f"{value!r:.100} is no time from 0 to {latest_ms}")
    return value


def _time_or_none(value: object, latest_ms: int) -> int | None:
    return None if value is None else local_time(value, latest_ms)


class Lock:
    """Held while an agent acts for this cluster on this machine; the kernel drops it with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def is_held(self) -> bool:
        """Whether a process holds it, this one included. A file that cannot be opened counts as held by nobody."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def acquire(self, mark: str = "") -> None:
        """Raises AlreadyRunningError when another process holds it, and OSError. `mark`: a word for others to read.

        Somebody may just be asking: see `acquire_soon`.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(handle)
            raise AlreadyRunningError(f"another process holds {self._path}") from fault
        os.pwrite(handle, f"{f'{os.getpid()} {mark}':<{HOLDER_WIDTH}}\n".encode("ascii"), 0)
        self._file = handle

    def holder(self) -> int | None:
        """The id of the process that has taken it last, if that can be read."""
        try:
            return int(self._said()[0])
        except (OSError, ValueError, IndexError):
            return None

    def mark(self) -> str:
        """The word of that process, if that can be read; "" when not."""
        try:
            return self._said()[1]
        except (OSError, ValueError, IndexError):
            return ""

    def _said(self) -> list[str]:
        return self._path.read_text(encoding="ascii").split()

    def kill_holder(self) -> None:
        """SIGKILL to the process that holds it, if it is known for sure. Raises nothing."""
        try:
            pid, lock = int(self._said()[0]), self._path.stat()
            if any(os.path.samestat(each.stat(), lock) for each in Path(f"/proc/{pid}/fd").iterdir()):
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            return  # it has ended, or has not said who it is

    def acquire_soon(self, sleep_s: Callable[[float], None] = time.sleep, mark: str = "") -> None:
        """As `acquire`, and again for a second: `is_held` holds it for an instant."""
        for _ in range(ACQUIRE_TRIES):
            try:
                self.acquire(mark)
            except AlreadyRunningError:
                sleep_s(1 / ACQUIRE_TRIES)
            else:
                return
        self.acquire(mark)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class StatusFile:
    """What the agent does, for people; written only when it changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._shown: dict[str, object] | None = None

    def show(self, status: dict[str, object]) -> None:
        """Raises OSError."""
        if self._path is not None and status != self._shown:
            write_atomically(self._path, status)
            self._shown = status
