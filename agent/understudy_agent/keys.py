"""The keys that the nodes of a cluster share: read from a file or a parameter, and read again now and then (B11)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from .exchange import Exchange

LEAST_LENGTH = 32
READ_EVERY_MS = 60_000
RETRY_EVERY_MS = 5_000


class BadKeysError(ValueError):
    """No usable keys. The message names where, and never a key."""


def parse_keys(text: str, where: str) -> tuple[bytes, ...]:
    """One key a line; empty lines and those that begin with # are left aside. Raises BadKeysError.

    The first one signs, each of them verifies: so a new key is put below the old one on all nodes first.
    """
    lines = [line.strip() for line in text.splitlines()]
    keys = tuple(line.encode("utf-8") for line in lines if line and not line.startswith("#"))
    short = [str(number) for number, key in enumerate(keys, 1) if len(key) < LEAST_LENGTH]
    if not keys or short:
        found = f"key {', '.join(short)} is too short" if short else "there is none"
        raise BadKeysError(f"{where}: {found}; allowed: a key of at least {LEAST_LENGTH} characters on each line")
    return keys


def read_key_file(path: Path) -> tuple[bytes, ...]:
    """The keys of a file that others cannot read. Raises BadKeysError or OSError."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IRWXO:
        raise BadKeysError(f"{path} has mode {mode:04o}, open to everybody; allowed: nothing for others, such as 0600")
    return parse_keys(path.read_text(encoding="utf-8"), str(path))


class KeyRing:
    """The keys as they were read last. An outage keeps them; nothing is known before the first reading."""

    def __init__(self, read: Callable[[], tuple[bytes, ...]], exchange: Exchange) -> None:
        self.keys: tuple[bytes, ...] = ()
        self._read = read
        self._exchange = exchange

    def tick(self, now_ms: int) -> None:
        """Take up what was read, and read again when it is time. Never waits."""
        done = self._exchange.settle(now_ms)
        if done is not None and isinstance(done.value, tuple):
            self.keys = done.value
        calls = self._exchange.calls
        every_ms = RETRY_EVERY_MS if calls.failures or not self.keys else READ_EVERY_MS
        if self._exchange.idle and (calls.begun_ms is None or now_ms - calls.begun_ms >= every_ms):
            self._exchange.begin(self._read, now_ms)
