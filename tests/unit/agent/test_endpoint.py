# B21: the agent's HTTP, over real sockets, with clients that mean well and clients that do not
from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest

from tests.unit.agent.fakes import FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent import endpoint
from understudy_agent.endpoint import CONNECTIONS_LIMIT, HEAD_LIMIT, TIME_LIMIT_S, Endpoint, Rounds, listening
from understudy_agent.pages import TEXT, Page

GOOD = b"GET /serving HTTP/1.1\r\nHost: node\r\n\r\n"
WITHIN_S = 1.0
"""What a probe's answer may take, however busy others keep the thread."""


class Served:
    """An endpoint on loopback in a thread of its own."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[str] = []
        listener = listening(("127.0.0.1", 0))
        self.address = listener.getsockname()
        self._rounds = Rounds(listener, self._page)
        self._listener = listener
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _page(self, path: str) -> Page:
        self.asked.append(path)
        return Page(self.status, TEXT, b"this node serves\n")

    def _run(self) -> None:
        while not self._ends:
            time.sleep(self._rounds.turn())

    def end(self) -> None:
        self._ends = True
        self.connect().close()  # it may be waiting for somebody
        self._thread.join(5)
        self._listener.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=5)

    def talk(self, *parts: bytes) -> bytes:
        """All that comes back until the other side closes."""
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def probe_s(self) -> float:
        """How long a good request takes that must be answered with 200."""
        begun_s = time.monotonic()
        assert self.talk(GOOD).startswith(b"HTTP/1.1 200 OK\r\n")
        return time.monotonic() - begun_s

    @property
    def open_connections(self) -> int:
        return len(self._rounds._connections)


@pytest.fixture
def served():
    made = Served()
    yield made
    made.end()


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr(endpoint, "TIME_LIMIT_S", 0.5)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_request_of_either_version_is_answered_and_the_connection_closed(served, version):
    head, _, body = served.talk(b"GET /serving HTTP/" + version + b"\r\n\r\n").partition(b"\r\n\r\n")
    assert body == b"this node serves\n"
    assert b"Content-Length: 17\r\n" in head + b"\r\n"
    assert b"Connection: close" in head
    assert b"Cache-Control: no-store" in head


def test_a_head_request_gets_the_same_head_and_no_body(served):
    whole = served.talk(GOOD)
    head = served.talk(GOOD.replace(b"GET", b"HEAD"))
    assert head == whole.removesuffix(b"this node serves\n") != whole


def test_the_standard_librarys_client_understands_the_answer(served):
    served.status = 503
    client = http.client.HTTPConnection(*served.address, timeout=5)
    client.request("GET", "/serving?by=somebody")
    answer = client.getresponse()
    assert (answer.status, answer.reason, answer.read()) == (503, "Service Unavailable", b"this node serves\n")
    assert served.asked == ["/serving"]


def test_a_request_that_comes_byte_by_byte_is_answered_when_it_is_whole(served):
    assert served.talk(*(bytes([byte]) for byte in GOOD)).startswith(b"HTTP/1.1 200")
    assert served.asked == ["/serving"]


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT"])
def test_nothing_but_get_and_head_is_answered(served, method):
    answer = served.talk(method + b" /serving HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"Allow: GET, HEAD\r\n" in answer
    assert served.asked == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /serving\r\n\r\n",
        b"GET  /serving HTTP/1.1\r\n\r\n",
        b"get /serving HTTP/1.1\r\n\r\n",
        b"GET http://node/serving HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET /serving HTTP/3.14\r\n\r\n",
    ],
)
def test_garbage_is_refused_at_once_and_asks_nothing(served, garbage):
    begun_s = time.monotonic()
    assert served.talk(garbage).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - begun_s < TIME_LIMIT_S + 1
    assert served.asked == []
    assert served.probe_s() < WITHIN_S


def test_a_request_that_never_ends_is_refused_when_it_is_too_large(served):
    answer = served.talk(b"GET /serving HTTP/1.1\r\nCookie: " + b"x" * (4 * HEAD_LIMIT))
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert served.probe_s() < WITHIN_S


def test_of_requests_in_a_pipeline_only_the_first_is_answered(served):
    answer = served.talk(GOOD * 20)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert served.asked == ["/serving"]


def test_a_client_that_sends_on_without_end_after_its_answer_is_cut_off(monkeypatch, served):
    monkeypatch.setattr(endpoint, "TIME_LIMIT_S", 60)
    with served.connect() as client, pytest.raises(OSError):
        client.sendall(GOOD)
        for _ in range(10_000):
            client.sendall(b"x" * 65536)


def test_a_client_that_hangs_is_let_go_after_a_while_and_delays_nobody(short_limit, served):
    with served.connect() as client:
        client.sendall(b"GET /serving HTTP/1.1\r\n")
        begun_s = time.monotonic()
        assert served.probe_s() < WITHIN_S
        assert client.recv(1) == b""
        assert time.monotonic() - begun_s < TIME_LIMIT_S
    wait_for(lambda: served.open_connections == 0)


def test_a_client_that_drips_its_request_gets_no_more_time_than_others(short_limit, served):
    with served.connect() as client, pytest.raises(OSError):
        begun_s = time.monotonic()
        while True:
            client.sendall(b"x")
            time.sleep(0.05)  # as slowly as it likes
            assert time.monotonic() - begun_s < TIME_LIMIT_S


def test_a_flood_of_connections_that_say_nothing_takes_no_probe_its_place(served):
    clients = [served.connect() for _ in range(CONNECTIONS_LIMIT * 4)]
    try:
        assert served.probe_s() < WITHIN_S
        assert served.open_connections <= CONNECTIONS_LIMIT
    finally:
        for client in clients:
            client.close()


def test_many_who_ask_without_a_pause_leave_the_loop_its_ticks(served):
    """The thread rests for longer than it works: what shares the interpreter with it is hardly slowed down."""
    ends = threading.Event()

    def flood() -> None:
        while not ends.is_set():
            try:
                served.talk(GOOD)
            except OSError:
                continue

    flooding = [threading.Thread(target=flood, daemon=True) for _ in range(4)]
    for thread in flooding:
        thread.start()
    try:
        wait_for(lambda: len(served.asked) > 20)
        used_s, begun_s = time.process_time(), time.monotonic()
        late_s = []
        for _ in range(20):
            tick_s = time.monotonic()
            time.sleep(0.02)  # a tick of the loop
            late_s.append(time.monotonic() - tick_s - 0.02)
        assert sorted(late_s)[10] < 0.2
        assert time.process_time() - used_s < 3 * (time.monotonic() - begun_s)
        assert served.probe_s() < WITHIN_S
    finally:
        ends.set()
        for thread in flooding:
            thread.join(5)


def test_after_each_round_the_thread_rests_for_longer_than_it_has_worked():
    def slow(_: str) -> Page:
        time.sleep(0.01)
        return Page(200, TEXT, b"")

    with listening(("127.0.0.1", 0)) as listener:
        rounds = Rounds(listener, slow)
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(GOOD)
            assert rounds.turn() + (0 if client.recv(9) else 1) >= 0.03


def test_a_client_that_is_gone_before_its_answer_breaks_nothing(served):
    for _ in range(50):
        client = served.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.sendall(GOOD)
        client.close()
    assert served.probe_s() < WITHIN_S


def test_an_answer_that_does_not_go_out_at_once_is_not_sent_later():
    """Else it would be believed when it has long been true no more."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        connection = endpoint.Connection(ours, lambda _: Page(200, TEXT, b"x" * 10_000_000), end_s=0)
        theirs.sendall(GOOD + b"and more, for which it would stay open")
        assert connection.is_done()


# --- the listening socket ---------------------------------------------------------------------


def test_a_port_that_is_not_free_is_told_and_taken_as_soon_as_it_is(monkeypatch):
    monkeypatch.setattr(endpoint, "BIND_AGAIN_S", 0.01)
    log = FakeLog()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = other.getsockname()
        Endpoint(address, lambda _: Page(200, TEXT, b""), log).start()
        (told,) = wait_for(lambda: log.events("http_failed"))
        assert f"127.0.0.1 port {address[1]}" in told
        time.sleep(0.05)  # several more tries
        assert len(log.events("http_failed")) == 1

    def answered() -> bool:
        try:
            with socket.create_connection(address, timeout=1) as client:
                client.sendall(GOOD)
                return client.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False

    assert wait_for(answered)


def test_an_answer_that_fails_is_told_and_the_endpoint_comes_back(monkeypatch):
    monkeypatch.setattr(endpoint, "BIND_AGAIN_S", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    log, faults = FakeLog(), [ValueError("a fault of ours")]

    def page(_: str) -> Page:
        if faults:
            raise faults.pop()
        return Page(200, TEXT, b"")

    Endpoint(address, page, log).start()

    def answered() -> bool:
        try:
            with socket.create_connection(address, timeout=1) as client:
                client.sendall(GOOD)
                return client.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False

    assert wait_for(answered)
    assert "a fault of ours" in log.events("http_failed")[0]


def test_an_agent_listens_on_an_address_of_version_6_too():
    try:
        listener = listening(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert listener.getsockname()[0] == "::1"
