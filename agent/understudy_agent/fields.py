"""Reading single settings: every fault is kept with section, key, the value found and what is allowed."""

from __future__ import annotations

import math
import posixpath
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from .known import about_key
from .unmount import mount_points

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
BOOT = re.compile(r"[0-9A-Za-z-]{1,55}")
"""Sent behind eight characters of the kernel's boot id and a dash; the controller takes 64."""

DEVICE = re.compile(r"[^-\s]\S*")
IP_ADDRESS = re.compile(r"[0-9.]{7,15}|[0-9a-fA-F:]{2,39}")
PARAMETER = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
UNIT = re.compile(
    r"(?!.*@\.)[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*\.(service|socket|target|mount|automount|swap|timer|path)"
)
TABLE = re.compile(r"[A-Za-z0-9_.-]+|arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+")
BUS = re.compile(r"[A-Za-z0-9_./-]+|arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9_./-]+")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")

QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""")
COMMENT = re.compile(r"(^|\s)[#;]")
SHELL = re.compile(r"[|<>;`]|&&|(^|\s)&|&($|\s)|\$[A-Za-z_{(]")
"""What a shell would not take as it is, where it is not quoted."""


def kernels_mount_points() -> list[str]:
    """Where something is mounted now; nothing when that cannot be read."""
    try:
        return mount_points(Path("/proc/self/mountinfo"))
    except OSError:
        return []


def real_directory(text: str) -> tuple[str, str]:
    """An absolute path as the kernel names it: its table of mounts knows no symbolic links. With the fault, or ""."""
    if not text.startswith("/") or text.strip("/") == "":
        return text, "must be an absolute path other than /"
    wanted = posixpath.normpath("/" + text.strip("/"))
    real = wanted if wanted in kernels_mount_points() else str(Path(wanted).resolve())
    return wanted, "" if real == wanted else f"must name the real directory, {real}"


class Section:
    """One section of the configuration, with its faults gathered in a list that all sections share."""

    def __init__(self, title: str, values: Mapping[str, str], faults: list[str]) -> None:
        self.title = title
        self._values = dict(values)
        self._faults = faults
        self._commented: set[str] = set()
        self.commands: list[tuple[str, str, tuple[str, ...]]] = []
        """The commands that were read: title, key, words."""
        for key, value in values.items():
            if COMMENT.search(QUOTED.sub("x", value)):
                self.fault(key, "a comment needs a line of its own; here it would be part of the value")
                self._commented.add(key)

    def fault(self, key: str, allowed: str) -> None:
        """Note that the value of a key is not allowed. A value with a comment in it has been reported already."""
        if key in self._commented:
            return
        found = f"= {self._values[key]!r}" if key in self._values else "is missing"
        self._faults.append(f"[{self.title}] {key} {found}: {allowed}")

    def tell(self, fault: str) -> None:
        """Note a fault without the value that was found: it may be secret."""
        self._faults.append(f"[{self.title}] {fault}")

    def fill_in(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """Take these for the keys that are not there: which they were."""
        missing = {key: value for key, value in defaults.items() if key not in self._values}
        self._values |= missing
        return missing

    def refuse_unknown(self, known: Iterable[str]) -> None:
        allowed = frozenset(known)
        for key in self._values:
            if key not in allowed:
                self.fault(key, about_key(key, allowed))

    def text(self, key: str, *, pattern: re.Pattern[str] | None = None, needed: bool = True, allowed: str = "") -> str:
        """A text; "" when it is missing. `allowed`: what the pattern asks for, in words."""
        value = self._values.get(key, "").strip()
        if not value:
            if needed:
                self.fault(key, "must be set")
        elif pattern is not None and not pattern.fullmatch(value):
            self.fault(key, allowed or f"must match {pattern.pattern}")
        return value

    def seconds(self, key: str, default: float, low: float, high: float) -> float:
        text = self._values.get(key)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            self.fault(key, f"must be a number of seconds from {low:g} to {high:g}")
            return default
        return value

    def count(self, key: str, default: int, low: int, high: int) -> int:
        text = self._values.get(key)
        if text is None:
            return default
        value = int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else -1
        if not low <= value <= high:
            self.fault(key, f"must be a whole number from {low} to {high}")
            return default
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str = "") -> str:
        value = self._values.get(key, default).strip()
        if value not in allowed:
            self.fault(key, f"must be one of {', '.join(allowed)}")
        return value

    def command(self, key: str, *, needed: bool = True) -> tuple[str, ...]:
        """A command line split as a shell would; no shell runs it."""
        text = self._values.get(key, "").strip()
        try:
            words = tuple(shlex.split(text))
        except ValueError as fault:
            self.fault(key, f"cannot be split into words: {fault}")
            return ()
        if needed and not words:
            self.fault(key, "must be a command")
        if SHELL.search(QUOTED.sub("x", text)):
            self.fault(key, "no shell runs it, and only a shell understands it: quote it, or use /bin/sh -c '...'")
        if words:
            self.commands.append((self.title, key, words))
        return words

    def names(self, key: str) -> tuple[str, ...]:
        """Names separated by commas or spaces."""
        return tuple(name for name in re.split(r"[\s,]+", self._values.get(key, "")) if name)

    def path(self, key: str) -> Path | None:
        text = self._values.get(key, "").strip()
        if not text:
            return None
        if not text.startswith("/"):
            self.fault(key, "must be an absolute path")
        return Path(text)

    def mount_point(self, key: str) -> str:
        """See `real_directory`."""
        directory, fault = real_directory(self._values.get(key, "").strip())
        if fault:
            self.fault(key, fault)
        return directory

    def address(self, key: str) -> tuple[str, int] | None:
        """HOST:PORT with an IP address as host; None when it is not set."""
        text = self._values.get(key, "").strip()
        if not text:
            return None
        address = address_of(text)
        if address is None:
            self.fault(key, "must be IP-ADDRESS:PORT, such as 127.0.0.1:5432")
        return address


def address_of(text: str) -> tuple[str, int] | None:
    """The IP address and port of IP-ADDRESS:PORT; None when the text is not such a thing."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]+", host) or not port.isdigit() or not 0 < int(port) < 65536:
        return None
    return host, int(port)
