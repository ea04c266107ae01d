"""Links that can be cut, and what is on them when they are."""

import socket
import socketserver
import threading
from contextlib import closing

import pytest

from local.link import Link, LinkState, Relay
from local.waiting import wait_for

LIMIT_S = 5


class Echo(socketserver.ThreadingTCPServer):
    """Says what it is told, and keeps what it was told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        echo = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while data := self.request.recv(100):
                    echo.heard.append(data)
                    self.request.sendall(data)

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def echo():
    with Echo() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def link(echo):
    with Link(echo.server_address[1]) as made:
        yield made


def enter(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(link.url.rpartition(":")[2])), timeout=LIMIT_S)


def says(connection: socket.socket, data: bytes) -> bytes:
    """What comes back; nothing when the connection is ended."""
    try:
        connection.sendall(data)
        return connection.recv(100)
    except ConnectionError:
        return b""


def test_an_open_door_is_not_noticed(link, echo):
    with enter(link) as connection:
        assert says(connection, b"one") == b"one"
        assert says(connection, b"two") == b"two"
    assert echo.heard == [b"one", b"two"]


def test_a_shut_door_ends_what_is_there_and_what_comes(link):
    with enter(link) as before:
        assert says(before, b"one") == b"one"
        link.turn(LinkState.SHUT)
        assert says(before, b"two") == b""
    with enter(link) as after:
        assert says(after, b"three") == b""
    link.turn(LinkState.OPEN)
    with enter(link) as again:
        assert says(again, b"four") == b"four"


def test_what_is_said_to_a_silent_door_is_neither_answered_nor_heard_of_later(link, echo):
    with enter(link) as before:
        assert says(before, b"one") == b"one"
        link.turn(LinkState.SILENT)
        with enter(link) as after:
            for connection in (before, after):
                connection.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    says(connection, b"lost")
            link.turn(LinkState.OPEN)
            for connection in (before, after):
                connection.settimeout(LIMIT_S)
                assert says(connection, b"lost, too") == b""
    with enter(link) as again:
        assert says(again, b"two") == b"two"
    assert echo.heard == [b"one", b"two"]


def udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_relay_brings_a_datagram_there_and_its_answer_back_until_it_is_cut():
    asker, giver = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with closing(asker), closing(giver):
        giver.bind(("127.0.0.1", 0))
        for each in (asker, giver):
            each.settimeout(LIMIT_S)
        port = udp_port()
        with Relay("127.0.0.1", port, giver.getsockname()[1]) as relay:
            asker.sendto(b"ask", ("127.0.0.1", port))
            data, came_by = giver.recvfrom(100)
            giver.sendto(b"promise", came_by)
            assert (data, asker.recv(100)) == (b"ask", b"promise")

            relay.cut = True
            asker.sendto(b"ask again", ("127.0.0.1", port))
            giver.sendto(b"promise again", came_by)
            for each in (asker, giver):
                each.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    each.recv(100)


def test_nothing_of_a_door_is_left(echo):
    with Link(echo.server_address[1]) as link, enter(link) as connection:
        assert says(connection, b"one") == b"one"
    wait_for("its threads end", lambda: "link" not in {t.name for t in threading.enumerate()}, LIMIT_S)
