"""Clients at the hub: each asks again and again for the service, and keeps who has answered when."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from local.client import Resolver
from local.helper import Helper
from local.repeated import Repeated
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub
from tests.support.postgresql import programs

EVERY_S = 0.05
ATTEMPT_LIMIT_S = 0.5
STATEMENT_LIMIT_S = 2.0


@dataclass(frozen=True)
class Answered:
    """When (seconds of CLOCK_BOOTTIME), and by whom."""

    at: float
    node: str


class Resolved(Repeated):
    """What a caching resolver answers for a name: it keeps an answer for its TTL."""

    def __init__(self, dns_port: int, name: str) -> None:
        super().__init__(f"resolver of {name}", 2.0)
        self.address = ""
        self._resolve = Resolver(dns_port, name).resolve

    def _turn(self) -> float:
        with contextlib.suppress(OSError, LookupError):  # no record yet: the address before stays
            self.address = self._resolve()
        return EVERY_S


class Client(Helper):
    """Asks in the hub's network from `with` on. `answers`: what was answered, oldest first."""

    def __init__(self, name: str, hub: Hub) -> None:
        super().__init__(name)
        self.name = name
        self.answers: list[Answered] = []
        self._hub = hub
        self._is_to_end = threading.Event()

    def _run(self) -> None:
        self._hub.enter()
        while not self._is_to_end.wait(EVERY_S):
            node = self._asked()
            if node:
                self.answers.append(Answered(boottime_s(), node))

    def _end(self) -> None:
        self._is_to_end.set()

    def _asked(self) -> str:
        """Who answered now; "": nobody."""
        raise NotImplementedError

    def longest_gap_s(self, since: float) -> float:
        """Between two answers, the second of which came after `since`."""
        pairs = itertools.pairwise(list(self.answers))
        return max((later.at - earlier.at for earlier, later in pairs if later.at > since), default=0.0)

    def is_steady(self, seconds: float) -> bool:
        """Whether it has been answered for so long without a gap, up to now."""
        now = boottime_s()
        recent = [now - seconds, *(one.at for one in self.answers if one.at > now - seconds), now]
        return all(later - earlier < 2 * ATTEMPT_LIMIT_S for earlier, later in itertools.pairwise(recent))


class Asker(Client):
    """Connects each time anew; the service tells the name of its node."""

    def __init__(self, name: str, hub: Hub, port: int, address: Callable[[], str]) -> None:
        super().__init__(name, hub)
        self._port, self._address = port, address

    def _asked(self) -> str:
        try:
            with socket.create_connection((self._address(), self._port), ATTEMPT_LIMIT_S) as connection:
                connection.settimeout(ATTEMPT_LIMIT_S)
                return connection.recv(64).decode(errors="replace").strip()
        except OSError:
            return ""


class Session:
    """psql at the hub: one session for as long as it lives, begun anew when it does not answer in time."""

    def __init__(self, where: str) -> None:
        self._program = [str(programs() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", f"{where} connect_timeout=2"]
        self._running: subprocess.Popen[str] | None = None

    def asked(self, sql: str) -> str:
        """The line that the statement answers; "": none. What it has done is then not known."""
        session = self._running or self._begun()
        assert session.stdin
        assert session.stdout
        try:
            session.stdin.write(f"{sql};\n")
            session.stdin.flush()
        except BrokenPipeError:
            self.end()
            return ""
        ready, _, _ = select.select([session.stdout], [], [], STATEMENT_LIMIT_S)
        line = session.stdout.readline().strip() if ready else ""
        if not line:
            self.end()
        return line

    def _begun(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        self._running = subprocess.Popen(self._program, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        return self._running

    def end(self) -> None:
        if self._running:
            self._running.kill()
            self._running.communicate()
        self._running = None


class Writer(Client):
    """Inserts the next number each time. `acknowledged`: what was committed, by the server's word."""

    def __init__(self, name: str, hub: Hub, where: str) -> None:
        super().__init__(name, hub)
        self.acknowledged: set[int] = set()
        self._session = Session(where)
        self._numbers = itertools.count(1)

    def _asked(self) -> str:
        number = next(self._numbers)
        told = self._session.asked(f"INSERT INTO writes VALUES ({number}) RETURNING {number}, host(inet_server_addr())")
        if not told.startswith(f"{number}|"):
            return ""
        self.acknowledged.add(number)
        return told.partition("|")[2]

    def _ended(self) -> None:
        self._session.end()


class LeaderWatcher(Client):
    """Asks one node whether it takes writes, which no standby does. `times` as a Watcher's `answers`."""

    def __init__(self, hub: Hub, machine: Machine, where: str) -> None:
        super().__init__(f"watcher of {machine.name}", hub)
        self._session, self._node = Session(f"{where} host={machine.address}"), machine.name

    def _asked(self) -> str:
        return self._node if self._session.asked("SELECT pg_is_in_recovery()") == "f" else ""

    @property
    def times(self) -> list[float]:
        return [one.at for one in list(self.answers)]

    def _ended(self) -> None:
        self._session.end()
