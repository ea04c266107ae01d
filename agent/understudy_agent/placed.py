"""Whether this cluster has ever been placed, as far as this node has read: it outlives boots and runtime files.

A service that runs without a lease of this boot is either one that ran before its cluster was registered, which is left
alone, or one that nothing bounds: a lost lease file, a unit that comes up by itself. Only this memory tells which.
"""

from __future__ import annotations

from pathlib import Path

from .exchange import Exchange
from .files import PlacedFile
from .lease import LeaseAnswer, LeaseView

RETRY_EVERY_MS = 5_000


class Placed:
    """The newest epoch that this node has read, kept on disk. Written by a thread of its own: a disk may hang."""

    def __init__(self, file: PlacedFile, exchange: Exchange) -> None:
        self._file, self._exchange = file, exchange
        self._kept: int | None = None
        self._wanted: int | None = None
        self._tried_ms: int | None = None

    def wake_up(self) -> int | None:
        """What the file says: see PlacedFile.load."""
        self._kept = self._wanted = self._file.load()
        return self._kept

    @property
    def is_kept(self) -> bool:
        """Whether the disk is known to say that the cluster was placed."""
        return self._kept is not None

    @property
    def why_unfit(self) -> str:
        """Why nothing could be started here; "" when nothing is known to hinder it."""
        fails = self._exchange.calls.failures and not self.is_kept
        return f"{self._file.path} cannot be written" if fails else ""

    @property
    def path(self) -> Path:
        return self._file.path

    def note(self, after: LeaseView, *, all_down: bool) -> None:
        """Have written down what a read has shown.

        Not yet while a service runs that is to be adopted: the next agent would take it for one that nothing bounds.
        """
        if after.seen_epoch and (after.answer is not LeaseAnswer.NOTHING or all_down):
            self._wanted = max(after.seen_epoch, self._wanted or 0)

    def forget(self) -> None:
        """The cluster no longer exists, or is not placed."""
        self._wanted = None

    def tick(self, lease_view: LeaseView, now_ms: int, *, all_down: bool) -> None:
        """Write what has changed. Never waits."""
        self.note(lease_view, all_down=all_down)
        done = self._exchange.settle(now_ms)
        if done is not None and done.error is None:
            self._kept = done.value if isinstance(done.value, int) else None
        waits = self._exchange.calls.failures and now_ms - (self._tried_ms or 0) < RETRY_EVERY_MS
        if self._wanted != self._kept and self._exchange.idle and not waits:
            wanted, self._tried_ms = self._wanted, now_ms
            self._exchange.begin(lambda: self._file.save(wanted), now_ms)
