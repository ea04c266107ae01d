"""Answers HTTP in one small thread: GET and HEAD, one request a connection, nothing but what `Pages` makes.

Whoever asks gets no more than this thread, and the loop never waits for it: what it is to say lies ready. Connections,
the size of a request and the time for it are bounded; when all places are taken, the oldest connection gives way, since
whoever means to ask has asked by then. After every round the thread rests for longer than it has worked.
"""

from __future__ import annotations

import http
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .fields import Section
from .known import HTTP_KEYS
from .log import Log
from .pages import TEXT, Page

CONNECTIONS_LIMIT = 32
ACCEPTS_AT_ONCE = 16
HEAD_LIMIT = 4096
"""Bytes of a request line and its headers."""
LEFTOVERS_LIMIT = 65536
"""What is read and thrown away after the answer, so that it is not lost: a socket closed over unread bytes resets."""
TIME_LIMIT_S = 2.0
"""From the connection to its end. An answer that is not taken in by then is not delivered later."""
BACKLOG = 64
REST_FACTOR, REST_LIMIT_S = 4, 0.05
BIND_AGAIN_S = 5.0
SEND_BUFFER = 65536
REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]{0,1000}) HTTP/1\.[01]\r?")


@dataclass(frozen=True)
class HttpSettings:
    """Where to listen, and for how many seconds an asker may go by one answer; None: for what the timings leave."""

    address: tuple[str, int]
    interval_s: float | None


def http_settings(section: Section | None) -> HttpSettings | None:
    """By the section [http]; None without one: the agent answers nobody."""
    if section is None:
        return None
    section.refuse_unknown(HTTP_KEYS)
    address, interval_s = section.address("listen"), section.seconds("interval_s", 0, 0.1, 300) or None
    if not section.text("listen", needed=False):
        return None
    return None if address is None else HttpSettings(address, interval_s)


class Endpoint:
    """Listens, and answers. An address that is not free, or not there yet, is tried again and again."""

    def __init__(self, address: tuple[str, int], page: Callable[[str], Page], log: Log) -> None:
        self._address, self._page, self._log = address, page, log
        self._logged = ""

    def start(self) -> None:
        """Begin to answer, in a thread of its own that ends with the process."""
        threading.Thread(target=self._run, name="http", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                with listening(self._address) as listener:
                    self._logged = ""
                    Rounds(listener, self._page).go_on()
            except Exception as fault:
                if str(fault) != self._logged:
                    self._logged = str(fault)
                    why = f"{self._address[0]} port {self._address[1]}: {fault!r}; every agent here needs its own port"
                    self._log.error("http_failed", why)
            time.sleep(BIND_AGAIN_S)


def listening(address: tuple[str, int]) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    made = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets have these from their listener: a whole answer fits in, and does not outlive its time.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(TIME_LIMIT_S * 1000))
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


class Connection:
    """One connection, and what has come over it."""

    def __init__(self, opened: socket.socket, page: Callable[[str], Page], end_s: float) -> None:
        """`end_s`: when it is closed, whatever is under way."""
        self.socket, self.end_s = opened, end_s
        self._page = page
        self._received = b""
        self._is_answered = False
        self._left_over = 0

    def is_done(self) -> bool:
        """Take in what has come, and answer once it is a request. Whether the connection is of no more use."""
        try:
            data = self.socket.recv(HEAD_LIMIT)
            if not data:
                return True
            if self._is_answered:
                self._left_over += len(data)
                return self._left_over > LEFTOVERS_LIMIT
            self._received += data
            return self._answer_if_whole()
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _answer_if_whole(self) -> bool:
        line, newline, _ = self._received.partition(b"\n")
        head_ends = max(self._received.find(b"\r\n\r\n") + 4, self._received.find(b"\n\n") + 2)
        asked = REQUEST_LINE.fullmatch(line)
        if newline and asked is None:
            self._send(Page(400, TEXT, b"this is no request of HTTP/1.0 or 1.1\n"))
        elif head_ends > 3 and asked is not None:
            self._answer(asked[1].decode(), asked[2].decode().partition("?")[0])
        elif len(self._received) >= HEAD_LIMIT:
            self._send(Page(431, TEXT, b"the request is too large\n"))
        else:
            return False
        self._is_answered = True
        if head_ends == len(self._received):
            return True
        self.socket.shutdown(socket.SHUT_WR)
        return False

    def _answer(self, method: str, path: str) -> None:
        if method in ("GET", "HEAD"):
            self._send(self._page(path), has_body=method == "GET")
        else:
            self._send(Page(405, TEXT, b"only GET and HEAD are answered\n"))

    def _send(self, page: Page, *, has_body: bool = True) -> None:
        """All at once: what does not fit into the socket's buffer would be sent later, and be true no more."""
        lines = [
            f"HTTP/1.1 {page.status} {http.HTTPStatus(page.status).phrase}",
            f"Content-Type: {page.kind}",
            f"Content-Length: {len(page.body)}",
            *(["Allow: GET, HEAD"] if page.status == http.HTTPStatus.METHOD_NOT_ALLOWED else []),
            "Cache-Control: no-store",
            "Connection: close",
        ]
        whole = "\r\n".join([*lines, "", ""]).encode("ascii") + (page.body if has_body else b"")
        if self.socket.send(whole) != len(whole):
            raise OSError("the answer does not fit into the socket's buffer")


class Rounds:
    """Waits for whatever comes, and works it off, round by round."""

    def __init__(self, listener: socket.socket, page: Callable[[str], Page]) -> None:
        self._listener, self._page = listener, page
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._connections: dict[int, Connection] = {}
        """By file descriptor, the oldest first."""

    def go_on(self) -> None:
        """Never returns. Raises OSError when the listening socket is of no more use."""
        try:
            while True:
                rest_s = self.turn()
                time.sleep(rest_s)
        finally:
            for connection in list(self._connections.values()):
                self._close(connection)
            self._selector.close()

    def turn(self) -> float:
        """One round: wait until something comes or a time is up. How long to rest after it, in seconds."""
        ready = self._selector.select(self._until_next_end_s())
        begun_s = time.monotonic()
        for key, _ in ready:
            if key.fileobj is self._listener:
                self._accept(begun_s)
            elif key.fd in self._connections:  # it may have given way in this very round
                self._see_to(self._connections[key.fd])
        for connection in [each for each in self._connections.values() if each.end_s <= begun_s]:
            self._close(connection)
        return min(REST_LIMIT_S, REST_FACTOR * (time.monotonic() - begun_s))

    def _until_next_end_s(self) -> float | None:
        oldest = next(iter(self._connections.values()), None)
        return None if oldest is None else max(0.0, oldest.end_s - time.monotonic())

    def _accept(self, now_s: float) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                opened, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            opened.setblocking(False)
            if len(self._connections) >= CONNECTIONS_LIMIT:
                self._close(next(iter(self._connections.values())))
            connection = Connection(opened, self._page, now_s + TIME_LIMIT_S)
            self._connections[opened.fileno()] = connection
            self._selector.register(opened, selectors.EVENT_READ)
            self._see_to(connection)  # who asks has mostly asked already

    def _see_to(self, connection: Connection) -> None:
        if connection.is_done():
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        self._selector.unregister(connection.socket)
        connection.socket.close()
