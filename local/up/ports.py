"""The ports of the stack to play with: eight in a row, always the same ones unless others are asked for."""

from __future__ import annotations

import contextlib
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path

from local.processes import command_of

USUAL = 17400
COUNT = 8
_LISTENS = "0A"  # as the kernel numbers the states of TCP
_HIGHEST = 65535


@dataclass(frozen=True)
class PortBlock:
    """`first` and those above it. The first five are ports of 127.0.0.1; the others are on the nodes' own addresses.

    Raises ValueError when they are no ports that everybody may use.
    """

    first: int = USUAL

    def __post_init__(self) -> None:
        highest = _HIGHEST - COUNT + 1
        if not 1024 <= self.first <= highest:
            others = f"the {COUNT - 1} above it are used, too"
            raise ValueError(f"FIRST_PORT={self.first}: it must be from 1024 to {highest}; {others}")

    @property
    def aws(self) -> int:
        return self.first

    @property
    def ec2(self) -> int:
        return self.first + 1

    @property
    def route53(self) -> int:
        return self.first + 2

    @property
    def dns(self) -> int:
        return self.first + 3

    @property
    def board(self) -> int:
        return self.first + 4

    @property
    def service(self) -> int:
        return self.first + 5

    @property
    def promises(self) -> tuple[int, int]:
        """Where each node hears the other one."""
        return self.first + 6, self.first + 7

    def taken(self) -> list[str]:
        """A sentence for each port of 127.0.0.1 that somebody listens on: which, and by whom."""
        wanted = (self.aws, self.ec2, self.route53, self.dns, self.board)
        return [f"port {port} is taken by {_holder(port)}" for port in wanted if not _is_free(port)]


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:  # connections that have ended do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _holder(port: int) -> str:
    """Who has it, as far as the kernel tells this user."""
    found = _sockets(port)
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and _sockets_of(process) & found.keys():
            return f"process {process.name} ({' '.join(command_of(int(process.name)))[:80]})"
    owners = ", ".join(sorted(_user(uid) for uid in found.values()))
    return f"a process of {owners}" if owners else "a process that cannot be seen from here"


def _sockets(port: int) -> dict[str, int]:
    """What /proc calls each socket on the port, with the user that it belongs to."""
    found: dict[str, int] = {}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(FileNotFoundError):  # a machine without IPv6
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, _, _, _, uid, _, inode, *_ = line.split()
                if int(local.rpartition(":")[2], 16) == port and (state == _LISTENS or table.startswith("udp")):
                    found[f"socket:[{inode}]"] = int(uid)
    return found


def _sockets_of(process: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # gone meanwhile, or another user's
        for entry in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(entry.readlink()))
    return found


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
