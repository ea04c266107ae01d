"""A client of the protected service: resolves as a caching resolver does, and connects in a loop."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Self

from dnslib import QTYPE, RCODE, DNSRecord

from local.repeated import Repeated

ATTEMPT_LIMIT_S = 0.5
ATTEMPT_EVERY_S = 0.12


@dataclass(frozen=True)
class Attempt:
    """One connection. `node` is who answered, empty when nobody did; then `error` says why not.

    `at` and `ended` are seconds of the monotonic clock, `wall` is epoch seconds at the beginning.
    """

    at: float
    ended: float
    wall: float
    address: str
    node: str
    error: str


@dataclass(frozen=True)
class Outage:
    """From the end of the last answered attempt to the end of the first one answered again."""

    began: float
    ended: float
    from_node: str
    to_node: str
    failed_attempts: int

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Resolver:
    """Asks one DNS server, and keeps an answer for its TTL as any resolver may."""

    def __init__(self, dns_port: int, name: str) -> None:
        self._dns_port, self._name = dns_port, name
        self._address, self._good_until = "", float("-inf")

    def resolve(self) -> str:
        """The address of the name; raises OSError or LookupError when there is none."""
        if time.monotonic() >= self._good_until:
            self._address, ttl_s = query(self._dns_port, self._name)
            self._good_until = time.monotonic() + ttl_s
        return self._address


def query(dns_port: int, name: str) -> tuple[str, int]:
    """One question past every cache: (address, TTL)."""
    question = DNSRecord.question(name, "A")
    reply = DNSRecord.parse(question.send("127.0.0.1", dns_port, timeout=ATTEMPT_LIMIT_S))
    for answer in reply.rr:
        if answer.rtype == QTYPE.A:
            return str(answer.rdata), int(answer.ttl)
    raise LookupError(f"{name}: {RCODE[reply.header.rcode]}")


class Client(Repeated):
    """Connects again and again from `with` on; every attempt is kept."""

    def __init__(self, dns_port: int, name: str, port: int) -> None:
        super().__init__("client", 2 * ATTEMPT_LIMIT_S + 1)
        self.attempts: list[Attempt] = []
        self._resolve, self._port = Resolver(dns_port, name).resolve, port

    @classmethod
    def at_address(cls, address: str, port: int) -> Self:
        """One that asks no DNS."""
        made = cls(0, "", port)
        made._resolve = lambda: address
        return made

    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    def served_by(self, node: str, since: float = 0.0) -> bool:
        """Whether the newest attempt, begun after `since`, was answered by `node`."""
        last = self.last()
        return last is not None and last.node == node and last.at >= since

    def _turn(self) -> float:
        attempt = self.attempt()
        self.attempts.append(attempt)
        return max(0.0, ATTEMPT_EVERY_S - (attempt.ended - attempt.at))

    def attempt(self) -> Attempt:
        """One connection now."""
        at, wall, address, node, error = time.monotonic(), time.time(), "", "", ""
        try:
            address = self._resolve()
            node = _ask(address, self._port)
        except (OSError, LookupError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"
        return Attempt(at, time.monotonic(), wall, address, node, error)


def _ask(address: str, port: int) -> str:
    with (
        socket.create_connection((address, port), timeout=ATTEMPT_LIMIT_S) as connection,
        connection.makefile("rb") as lines,
    ):
        return str(json.loads(lines.readline())["node"])


def outages(attempts: list[Attempt]) -> list[Outage]:
    """Every stretch without an answer between two answers, and every change of the answering node."""
    found: list[Outage] = []
    last: Attempt | None = None
    failed = 0
    for attempt in attempts:
        if not attempt.node:
            failed += 1
            continue
        if last is not None and (failed or attempt.node != last.node):
            found.append(Outage(last.ended, attempt.ended, last.node, attempt.node, failed))
        last, failed = attempt, 0
    return found
