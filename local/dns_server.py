"""A DNS server on a loopback port that answers from a hosted zone, as Route 53's servers would.

While a change is on its way (the proxy knows, see `propagation`), the old records are served. Otherwise the
answer is what the zone's API shows, read again when it is older than READ_AGAIN_S.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from dnslib import QTYPE, RCODE, RR, A
from dnslib.server import BaseResolver, DNSServer

from local.aws_proxy import AwsProxy
from local.waiting import NotInTime
from local.zone_records import Records

READ_AGAIN_S = 0.1
ANY_PORTS = (0,) * 20


class ZoneServer:
    """Serves one hosted zone on UDP and TCP, same port number for both, from `with` on.

    `ports` are tried in turn until one is free for both; 0 is any port that is free for TCP. Raises NotInTime when
    none was.
    """

    def __init__(self, proxy: AwsProxy, zone: str, zone_name: str, ports: Sequence[int] = ANY_PORTS) -> None:
        self._resolver = _ZoneResolver(proxy, zone, zone_name)
        self._tcp, self._udp = _pair(self._resolver, ports)
        self.port = int(self._tcp.server.server_address[1])

    @contextlib.contextmanager
    def without_apis(self) -> Iterator[None]:
        """Route 53's own servers answer on while its APIs do not: with the records as they are now."""
        self._resolver.keep()
        try:
            yield
        finally:
            self._resolver.keep(kept=False)

    def __enter__(self) -> Self:
        self._udp.start_thread()
        self._tcp.start_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._udp, self._tcp):
            server.stop()
            server.server.server_close()


def _pair(resolver: BaseResolver, ports: Sequence[int]) -> tuple[DNSServer, DNSServer]:
    """A TCP and a UDP server on the same port.

    TCP comes first: a port that listens is nobody else's. UDP servers that allow the reuse of addresses, as dnslib's
    do, may be given one free port twice by the kernel, and then take each other's questions.
    """
    taken = []
    for port in ports:
        try:
            tcp = DNSServer(resolver, address="127.0.0.1", port=port, tcp=True, logger=_Quiet())
        except OSError as error:
            taken.append(f"TCP port {port}: {error.strerror}")
            continue
        same = int(tcp.server.server_address[1])
        try:
            return tcp, DNSServer(resolver, address="127.0.0.1", port=same, logger=_Quiet(), server=_OwnUDPServer)
        except OSError as error:
            tcp.server.server_close()
            taken.append(f"UDP port {same}: {error.strerror}")
    raise NotInTime(f"no port of 127.0.0.1 is free for a DNS server after {len(ports)} tries ({taken[-1]})")


class _OwnUDPServer(socketserver.ThreadingUDPServer):
    """Shares its port with nobody."""

    daemon_threads = True


class _ZoneResolver(BaseResolver):  # type: ignore[misc]
    def __init__(self, proxy: AwsProxy, zone: str, zone_name: str) -> None:
        self._proxy, self._zone = proxy, zone
        self._suffix = zone_name.rstrip(".").lower() + "."
        self._lock = threading.Lock()
        self._records: Records = {}
        self._read_at = float("-inf")
        self._is_kept = False

    def keep(self, *, kept: bool = True) -> None:
        """Read the records once now, or again whenever they are asked for."""
        with self._lock:
            if kept:
                self._records = self._proxy.served_records(self._zone)
            self._is_kept = kept

    def resolve(self, request: Any, handler: object) -> Any:
        reply = request.reply()
        name = str(request.q.qname).lower()
        if name != self._suffix and not name.endswith("." + self._suffix):
            reply.header.rcode = RCODE.REFUSED
            return reply
        try:
            records = self._current()
        except OSError:
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        found = records.get((name, "A")) if request.q.qtype in (QTYPE.A, QTYPE.ANY) else None
        if found:
            for value in found.values:
                reply.add_answer(RR(name, QTYPE.A, rdata=A(value), ttl=found.ttl_s))
        elif not any(owner == name for owner, _ in records):
            reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def _current(self) -> Records:
        with self._lock:
            if not self._is_kept and time.monotonic() - self._read_at > READ_AGAIN_S:
                self._records = self._proxy.served_records(self._zone)
                self._read_at = time.monotonic()
            return self._records


class _Quiet:
    """dnslib calls a method per event; none of them is wanted."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None
