#!/usr/bin/python3
"""A directory that two nodes have: one of them writes, under its lease, and the other one copies it every few seconds.

    understudy-copy [--config FILE] start|stop|kill|status|fit|follow|init|accept

`start`, `stop`, `kill` and `status` are called by the agent. `follow` runs all the time, on both nodes. Data is only
ever pulled: no node writes to the other one's disk, so an old copy overwrites nothing. Which copy is newer is told by
the epoch of the lease under which it was written, never by a clock. Each node serves its mark and its directory by its
rsync daemon.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from copies import CannotError, Mark, Settings, TooOldError, age_s, describe, epoch_of_lease, has_newer, load, read_mark

DONE, FAILED, NOT_FIT, STOPPED, UNKNOWN, BAD_CONFIG = 0, 1, 1, 3, 4, 78
CONNECT_LIMIT_S, SILENCE_LIMIT_S, PAUSE_S = 3, 10, 1
PROOF = ".understudy-copy"
"""A file in the directory: where it is missing, the file system is not mounted."""
VANISHED = 24
"""rsync: files went while they were read, as they do where somebody works."""
Run = Callable[[Sequence[str]], int]


@contextlib.contextmanager
def _held(tree: Path) -> Iterator[None]:
    """Nobody can unmount it meanwhile: what is copied would go into the directory below."""
    try:
        holder = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise CannotError(f"{tree} cannot be opened: {fault.strerror}: nothing is copied into it") from fault
    try:
        yield
    finally:
        os.close(holder)


class Copy:
    """This node's copy. `run` runs a program and returns its exit status; `now` is the wall clock in seconds."""

    def __init__(
        self,
        settings: Settings,
        boot: str,
        run: Run,
        now: Callable[[], float] = time.time,
        is_mounted: Callable[[Path], bool] = os.path.ismount,
    ) -> None:
        self._settings, self._boot, self._run, self._now = settings, boot, run, now
        self._is_mounted = is_mounted
        self._file = settings.state / "mark" / "mark.json"
        self._file.parent.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the mark or the directory meanwhile."""
        with (self._settings.state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def mark(self) -> Mark:
        """This node's. Raises CannotError when it cannot be read: then nobody knows what the directory holds."""
        try:
            return read_mark(self._file) if self._file.exists() else Mark()
        except (OSError, ValueError, TypeError) as fault:
            raise CannotError(
                f"{self._file} cannot be read: {fault}. Nothing is copied or served until it can"
            ) from fault

    def save(self, mark: Mark) -> None:
        """On disk when it returns, whole or as before."""
        new = self._file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as out:
            json.dump(asdict(mark), out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def leads(self, mark: Mark) -> bool:
        """Whether this node leads. A power cut ends that."""
        return mark.boot == self._boot

    def peer(self) -> Mark | None:
        """The other node's mark, now; None: it was not told."""
        with tempfile.TemporaryDirectory() as folder:
            if self._rsync(["--times", self._url("mark/mark.json"), f"{folder}/"]) != 0:
                return None
            try:
                return read_mark(Path(folder, "mark.json"))
            except (OSError, ValueError, TypeError):
                return None

    def pull(self, own: Mark, peer: Mark) -> Mark | None:
        """Copy the other node's directory: the mark of the whole copy; None: it is not whole.

        What this node has written and the other one never had is put aside, not merged.
        """
        with _held(self._settings.tree):
            self._demand_mounted(own)
            return self._copied(own, peer)

    def _copied(self, own: Mark, peer: Mark) -> Mark | None:
        begun = self._now()
        with tempfile.TemporaryDirectory() as folder:
            if self._rsync([self._url(f"tree/{PROOF}"), f"{folder}/"]) != 0:
                return None  # an empty directory, below what is not mounted there, is no copy
        if peer.epoch != own.epoch:
            own = replace(own, is_torn=True)
            self.save(own)
        keeps = ["--backup", f"--backup-dir={self._aside(own)}"] if own.origin == self._settings.node else []
        what = ["--archive", "--hard-links", "--acls", "--xattrs", "--numeric-ids", "--delete", "--delay-updates"]
        ended = self._rsync([*what, "--exclude=/lost+found", *keeps, self._url("tree/"), f"{self._settings.tree}/"])
        is_whole = ended == 0 or (ended == VANISHED and peer.boot != "")
        if not is_whole or self._run(["sync", "--file-system", str(self._settings.tree)]) != 0:
            return None
        whole = Mark(peer.epoch, peer.origin, begun)
        self.save(whole)
        return whole

    def _aside(self, own: Mark) -> Path:
        """A new directory for each try: one that is repeated finds the other node's files where the own ones were."""
        first = self._settings.state / "before" / str(own.epoch)
        others = (first.with_name(f"{own.epoch}.{number}") for number in itertools.count(2))
        return next(path for path in itertools.chain([first], others) if not path.exists())

    def _demand_mounted(self, own: Mark) -> None:
        tree = self._settings.tree
        if not self._is_mounted(tree):
            raise CannotError(f"nothing is mounted on {tree}: nothing is copied or served below it")
        if own.epoch and not (tree / PROOF).exists():
            raise CannotError(
                f"{tree / PROOF} is not there: is the right file system mounted? With the right data: create it"
            )

    def _url(self, path: str) -> str:
        return f"rsync://understudy@{self._settings.peer_address}:{self._settings.port}/{path}"

    def _rsync(self, words: list[str]) -> int:
        limits = [f"--contimeout={CONNECT_LIMIT_S}", f"--timeout={SILENCE_LIMIT_S}"]
        return self._run(["rsync", *limits, f"--password-file={self._settings.password_file}", *words])

    # --- what the agent asks

    def start(self) -> str:
        """Lead: what is told of it. Raises CannotError when this copy must not be served."""
        lease_epoch = self._lease_epoch()
        with self.locked():
            own = self.mark()
            if own.epoch > lease_epoch or (own.epoch == lease_epoch and own.origin != self._settings.node):
                raise CannotError(
                    f"this copy is of epoch {own.epoch} of {own.origin}, and the lease of epoch {lease_epoch}: this is "
                    "not the cluster that wrote it. See README.md, 'When the cluster is made anew'"
                )
            peer = self.peer()
            if peer is not None and has_newer(own, peer, self._settings.node):
                copied = self.pull(own, peer)
                if copied is None:
                    raise CannotError("the other node has newer data, and it could not be copied")
                own = copied
            self._demand_fit(own, peer)
            self.save(Mark(lease_epoch, self._settings.node, self._now(), self._boot))
        return "the other node was asked" if peer else f"the other node did not answer: {describe(own, self._now())}"

    def _demand_fit(self, own: Mark, peer: Mark | None) -> None:
        self._demand_mounted(own)
        if own.epoch == 0:
            raise CannotError("this node has no copy. On the node whose directory is to count: understudy-copy init")
        if own.is_torn:
            raise CannotError("this copy is half of another one. The node that has it whole must come back")
        age = age_s(own, self._now())
        if peer is None and (age is None or age > self._settings.limit_s):
            raise TooOldError(
                f"the other node does not answer, and {describe(own, self._now())}; "
                f"limit_s is {self._settings.limit_s:g}. To serve it all the same: understudy-copy accept"
            )

    def _lease_epoch(self) -> int:
        try:
            return epoch_of_lease(self._settings.lease.read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise CannotError(f"no lease in {self._settings.lease}: {fault!r}. Only the agent calls start") from fault

    def stop(self) -> None:
        """Lead no more. What serves the directory has stopped before."""
        with self.locked():
            self.kill()

    def kill(self) -> None:
        """As `stop`; it waits for nobody."""
        own = self.mark()
        if own.boot:
            ended = replace(own, boot="", as_of=self._now() if self.leads(own) else own.as_of)
            try:
                self.save(ended)
            except OSError:  # a full disk: a shorter text needs no more room than there is, in its place
                self._overwrite(ended)

    def _overwrite(self, mark: Mark) -> None:
        """As `save`, in the file's own place. Raises OSError when the text is longer than what is there."""
        text = json.dumps(asdict(mark)).encode("utf-8")
        with self._file.open("r+b") as there:
            length = os.fstat(there.fileno()).st_size
            if len(text) > length:
                raise OSError(f"{self._file} has no room for {len(text)} bytes")
            there.write(text.ljust(length))
            there.flush()
            os.fsync(there.fileno())

    def fit(self) -> str:
        """How fit this copy is, higher is better: minus its age in seconds. Raises CannotError when it is not."""
        own = self.mark()
        if self.leads(own):
            return "0"
        age = age_s(own, self._now())
        if age is None or age > self._settings.limit_s:
            raise CannotError(f"{describe(own, self._now())}; limit_s is {self._settings.limit_s:g}")
        return str(-int(age))

    # --- the follower

    def turn(self) -> str:
        """One look at the other node, and one copy if it has anything newer: what is told of it."""
        with self.locked():
            own = self.mark()
            if self.leads(own):
                self.save(replace(own, as_of=self._now()))
                return "this node leads"
            own = replace(own, boot="")
            self.save(own)  # also so that there is a mark to be asked for
            peer = self.peer()
            if peer is None:
                return "the other node does not answer"
            if has_newer(own, peer, self._settings.node):
                return f"copied from {peer.origin}" if self.pull(own, peer) else "a copy was not whole"
            if own.epoch and not own.is_torn and not peer.boot:
                self.save(replace(own, as_of=self._now()))
            return "the other node has nothing newer"

    # --- what a person says

    def init(self, *, without_peer: bool = False) -> None:
        """This node's directory is the one that counts. `without_peer`: the other node is gone for good."""
        with self.locked():
            peer = self.peer()
            if without_peer and peer is None:
                peer = Mark()
            if peer is None or peer.epoch or self.mark().epoch:
                there = "does not answer" if peer is None else f"has a copy of epoch {peer.epoch}"
                raise CannotError(
                    f"this node has a copy of epoch {self.mark().epoch}, and the other one {there}. Neither may have "
                    f"one: stop understudy-copy on both, remove {self._file} on both, and start it again. When the "
                    "other node is gone for good: understudy-copy --without-peer init"
                )
            self._demand_mounted(Mark())
            (self._settings.tree / PROOF).write_text(
                "understudy-copy knows by this file that the directory is mounted.\n"
            )
            self.save(Mark(1, self._settings.node, self._now()))

    def accept(self) -> None:
        """This node's copy is served next, whatever its age."""
        with self.locked():
            own = self.mark()
            if own.epoch == 0 or own.is_torn:
                raise CannotError(describe(own, self._now()))
            self.save(replace(own, as_of=self._now()))


def follow(copy: Copy, interval_s: float) -> None:
    """For ever. What changes is told once."""
    told = ""
    while True:
        try:
            now_told = copy.turn()
        except (CannotError, OSError) as fault:
            now_told = str(fault)
        if now_told != told:
            told = now_told
            sys.stderr.write(f"{told}\n")
        time.sleep(interval_s)


def start(copy: Copy, patience_s: float) -> str:
    """Lead. A copy that is too old waits so long for the other node to answer: both may have just been switched on."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return copy.start()
        except TooOldError:
            if time.monotonic() > end:
                raise
            time.sleep(PAUSE_S)


def run(argv: Sequence[str]) -> int:
    """The exit status of a program. What it says goes to the log."""
    return subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode


def obey(command: str, copy: Copy, settings: Settings, *, without_peer: bool) -> int:
    """Do what is asked; the exit status."""
    if command == "status":
        return DONE if copy.leads(copy.mark()) else STOPPED
    if command == "follow":
        follow(copy, settings.interval_s)
    if command == "start":
        sys.stdout.write(start(copy, settings.patience_s) + "\n")
    elif command == "fit":
        sys.stdout.write(copy.fit() + "\n")
    else:
        init = partial(copy.init, without_peer=without_peer)
        verbs: dict[str, Callable[[], None]] = {
            "stop": copy.stop,
            "kill": copy.kill,
            "init": init,
            "accept": copy.accept,
        }
        verbs[command]()
    return DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="understudy-copy", description="One of two nodes with the same directory.")
    parser.add_argument("--config", type=Path, default=Path("/etc/understudy/copy.ini"), metavar="FILE")
    commands = ("start", "stop", "kill", "status", "fit", "follow", "init", "accept")
    parser.add_argument("command", choices=commands)
    parser.add_argument("--without-peer", action="store_true", help="for init: the other node is gone for good")
    given = parser.parse_args(argv)
    try:
        settings = load(given.config)
    except CannotError as fault:
        sys.stderr.write(f"{fault}\n")
        return BAD_CONFIG
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    try:
        return obey(given.command, Copy(settings, boot, run), settings, without_peer=given.without_peer)
    except (CannotError, OSError) as fault:
        # The agent asks `fit` again and again, and logs what that prints only when its answer changes.
        (sys.stdout if given.command == "fit" else sys.stderr).write(f"{fault}\n")
        return _status_of(given.command, fault)


def _status_of(command: str, fault: Exception) -> int:
    """What could not be read proves nothing, neither that it is stopped nor that it is not fit."""
    is_unknown = command == "status" or (command == "fit" and isinstance(fault, OSError))
    return UNKNOWN if is_unknown else FAILED


if __name__ == "__main__":
    sys.exit(main())
