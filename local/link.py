"""Links that can be cut: from one node to AWS, and from other nodes to it."""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import socketserver
import threading
from collections.abc import Iterator

from local.helper import Helper, LoopbackServer

_CHUNK = 65536
_DATAGRAM = 65535


class LinkState(enum.Enum):
    OPEN = "OPEN"
    SILENT = "SILENT"  # connections are taken, and nothing that is asked ever arrives or is answered
    SHUT = "SHUT"  # connections are ended at once


class Link(LoopbackServer):
    """A link to the server on `port` of this machine. `url` is where it is entered, on `own_port`, from `with` on.

    What is asked while it is silent is lost. So nothing piles up behind it, as it does before a server that hangs.
    """

    def __init__(self, port: int, own_port: int = 0) -> None:
        self._target_port = port
        self._state = LinkState.OPEN
        self._changed = threading.Condition()
        self._ends: set[socket.socket] = set()
        link = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                # A side that goes away in the middle ends its connection, and nothing else.
                with contextlib.suppress(ConnectionError):
                    link._pass_through(self.request)

        super().__init__("link", _Server(("127.0.0.1", own_port), Handler))

    def turn(self, state: LinkState) -> None:
        """Set the state, also of connections that are open."""
        with self._changed:
            self._state = state
            self._changed.notify_all()
            if state is LinkState.SHUT:
                self._end_all()

    def _ended(self) -> None:
        self.turn(LinkState.SHUT)

    def _pass_through(self, asker: socket.socket) -> None:
        with socket.socket() as server, self._kept(asker, server):
            if self._state is LinkState.OPEN:
                server.connect(("127.0.0.1", self._target_port))
                self._carry(asker, server)
            with self._changed:  # what came while it was silent is not to be heard of later
                self._changed.wait_for(lambda: self._state is not LinkState.SILENT)

    def _carry(self, asker: socket.socket, server: socket.socket) -> None:
        """Both directions, until one side ends or the link is no longer open."""
        while True:
            readable, _, _ = select.select([asker, server], [], [])
            if self._state is not LinkState.OPEN:
                return
            for one in readable:
                data = one.recv(_CHUNK)
                if not data:
                    return
                (server if one is asker else asker).sendall(data)

    @contextlib.contextmanager
    def _kept(self, *ends: socket.socket) -> Iterator[None]:
        with self._changed:
            self._ends.update(ends)
        try:
            yield
        finally:
            with self._changed:
                self._ends.difference_update(ends)

    def _end_all(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):  # never connected, or ended by the other side
                end.shutdown(socket.SHUT_RDWR)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True  # connections that have ended do not keep a port that was asked for
    daemon_threads = True
    block_on_close = False  # `turn` ends the connections
    request_queue_size = 128


class Relay(Helper):
    """Takes the datagrams for an address, passes them on to its port `port`, and brings the answers back.

    `cut`: it drops both.
    """

    def __init__(self, address: str, listens: int, port: int) -> None:
        super().__init__("relay")
        self.cut = False
        self._front = _bound(address, listens)
        self._back = _bound(address, 0)
        self._target = (address, port)
        self._bell, self._hears = socket.socketpair()

    def _end(self) -> None:
        self._bell.close()

    def _ended(self) -> None:
        for each in (self._front, self._back, self._hears):
            each.close()

    def _run(self) -> None:
        asker = self._target
        while True:
            readable, _, _ = select.select([self._front, self._back, self._hears], [], [])
            if self._hears in readable:
                return
            for one in readable:
                data, sender = one.recvfrom(_DATAGRAM)
                if one is self._front:
                    asker = sender
                if not self.cut:
                    state, receiver = (self._back, self._target) if one is self._front else (self._front, asker)
                    state.sendto(data, receiver)


def _bound(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made
