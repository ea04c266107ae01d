"""The keys that the nodes of a cluster share: read from a file or a parameter, again and again."""

from __future__ import annotations

import hashlib
import hmac
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .exchange import Exchange

FOLDER = "/understudy-keys/"
"""Where the controller makes the keys, and NodePolicy lets nodes read them."""
LEAST_LENGTH = 32
NO_KEY = "-"
"""What a beat says of a node that knows no key."""
NAMED_LIMIT = 3
"""How many keys a beat names: the old and the new one of a change, and one that was left over."""


class BadKeysError(ValueError):
    """No usable keys. The message names where, and never a key."""


def default_parameter(bus: str, cluster: str) -> str:
    """The parameter with the key that registration made. `bus`: name or ARN of the bus, which has the stack's name."""
    return f"{FOLDER}{bus.rpartition('/')[2]}/{cluster}"


def fingerprint(key: bytes) -> str:
    """Tells keys apart, six hex digits. It gives nothing away of a key that was drawn at random."""
    return hmac.new(key, b"understudy key fingerprint", hashlib.sha256).hexdigest()[:6]


def parse_keys(text: str, where: str) -> tuple[bytes, ...]:
    """One key a line; empty lines and those that begin with # are ignored. Raises BadKeysError.

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


@dataclass(frozen=True)
class RefreshPace:
    """How long after a reading the next one begins, in ms; after a failed one, `retry_ms`, twice as long each time.

    `needs_registration`: whether nothing is read before the cluster is registered. `spread`: 0 to 1, which part of each
    pause is added to it, so that nodes that were started together do not read together.
    """

    every_ms: int
    retry_ms: int
    retry_limit_ms: int
    needs_registration: bool = False
    spread: float = 0

    def pause_ms(self, failures: int) -> int:
        doubled_ms = self.retry_ms * 2 ** min(failures - 1, 16) if failures else self.every_ms
        least_ms = min(doubled_ms, self.retry_limit_ms) if failures else doubled_ms
        return int(least_ms * (1 + self.spread))


FILE_PACE = RefreshPace(60_000, 5_000, 5_000)


def parameter_pace(spread: float) -> RefreshPace:
    """Of a parameter: all nodes of an account share 40 calls a second, so each makes one in 15 to 30 minutes."""
    return RefreshPace(900_000, 30_000, 900_000, needs_registration=True, spread=spread)


class KeyRing:
    """The keys as they were read last. An outage keeps them; nothing is known before the first reading."""

    def __init__(
        self, read: Callable[[], tuple[bytes, ...]], exchange: Exchange, pace: RefreshPace = FILE_PACE
    ) -> None:
        self.keys: tuple[bytes, ...] = ()
        self._names: tuple[tuple[bytes, ...], str] = ((), "")
        """The keys that were named last, and their names: digests are made when keys change, not on every tick."""
        self._read = read
        self._exchange = exchange
        self._pace = pace

    @property
    def named(self) -> str:
        """What a beat says of the keys: fingerprints, of the one that signs first; "" before any reading."""
        if not self.keys:
            return NO_KEY if self._exchange.calls.failures else ""
        if self.keys is not self._names[0]:
            self._names = (self.keys, " ".join(fingerprint(key) for key in self.keys[:NAMED_LIMIT]))
        return self._names[1]

    def tick(self, now_ms: int, *, is_registered: bool) -> None:
        """Take up what was read, and read again when it is time. Never waits."""
        done = self._exchange.settle(now_ms)
        if done is not None and isinstance(done.value, tuple):
            self.keys = done.value
        if self._pace.needs_registration and not is_registered:
            return
        calls = self._exchange.calls
        if not self._exchange.idle:
            return
        if calls.begun_ms is None or now_ms - calls.begun_ms >= self._pace.pause_ms(calls.failures):
            self._exchange.begin(self._read, now_ms)
