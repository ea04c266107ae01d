# S9 S16 B18: the probe of a service confirms its start and notices that it hangs
from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.unit.agent.fakes import FakeKind, FakeTask
from tests.unit.agent.test_config import AGENT, faults
from tests.unit.agent.waiting import wait_for
from understudy_agent import config, probes
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings
from understudy_agent.probes import CommandProbe, PortProbe, Probed, UrlProbe
from understudy_agent.services import Services
from understudy_agent.tasks import Outcome, Task


def answer_of(task: Task) -> tuple[Outcome, str]:
    return wait_for(task.poll), task.why


# --- what each probe answers ------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


def test_a_port_that_accepts_answers_and_one_that_refuses_has_failed(listener):
    address = listener.getsockname()
    outcome, why = answer_of(PortProbe(address).ask())
    assert (outcome, why) == (Outcome.FAILED, f"127.0.0.1 port {address[1]}: Connection refused")
    listener.listen()
    assert answer_of(PortProbe(address).ask()) == (Outcome.DONE, "")


def test_a_port_whose_queue_is_full_has_no_answer(listener):
    """The program hangs: the kernel takes a few connections for it, then none."""
    listener.listen(0)
    address = listener.getsockname()
    waiting = [PortProbe(address).ask() for _ in range(4)]
    try:
        task = PortProbe(address).ask()
        assert [task.poll() for _ in range(20)] == [None] * 20
        assert task.why == f"no answer from 127.0.0.1 port {address[1]}"
        task.abort()
    finally:
        for each in waiting:
            each.abort()


class Web:
    """A web server that answers with a status, or hangs while there is none."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                web.may_answer.wait(20)
                self.send_response(web.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, Outcome.DONE), (302, Outcome.DONE), (404, Outcome.FAILED), (503, Outcome.FAILED)]
)
def test_a_url_answers_with_a_status_below_400(web, status, outcome):
    web.status = status
    url = f"http://127.0.0.1:{web.port}/health?deep=1"
    expected = "" if outcome is Outcome.DONE else f"{url}: status {status}"
    assert answer_of(UrlProbe(url).ask()) == (outcome, expected)
    assert web.asked == ["/health?deep=1"]


def test_a_url_that_hangs_is_not_asked_again_before_the_request_before_has_ended(web):
    web.may_answer.clear()
    probe = UrlProbe(f"http://127.0.0.1:{web.port}")
    first = probe.ask()
    wait_for(lambda: web.asked)
    assert first.poll() is None
    first.abort()
    outcome, why = answer_of(probe.ask())
    assert outcome is Outcome.UNKNOWN
    assert why.endswith("has not answered the request before yet")
    web.may_answer.set()
    wait_for(lambda: probe.ask().poll() is not Outcome.UNKNOWN)
    assert web.asked[0] == "/"


def test_a_url_without_an_answer_in_time_and_a_name_that_is_not_resolved_are_no_answer(web, monkeypatch):
    monkeypatch.setattr(probes, "HTTP_LIMIT_S", 0.05)
    web.may_answer.clear()
    assert answer_of(UrlProbe(f"http://127.0.0.1:{web.port}").ask())[0] is Outcome.UNKNOWN
    assert answer_of(UrlProbe("http://no-such-host.invalid/").ask())[0] is Outcome.UNKNOWN


def test_a_url_where_nobody_listens_or_something_else_answers_has_failed(listener):
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert answer_of(UrlProbe(url).ask())[0] is Outcome.FAILED
    listener.listen()

    def answer() -> None:
        connection = listener.accept()[0]
        connection.sendall(b"220 mail.example.com ESMTP\r\n")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()
    assert answer_of(UrlProbe(url).ask())[0] is Outcome.FAILED


def test_a_url_answers_whatever_its_certificate_says(web, tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    assert answer_of(UrlProbe(f"https://127.0.0.1:{web.port}/").ask()) == (Outcome.DONE, "")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, Outcome.DONE), (1, Outcome.FAILED), (126, Outcome.UNKNOWN), (127, Outcome.UNKNOWN)],
)
def test_a_command_answers_with_its_exit_status(status, outcome):
    assert answer_of(CommandProbe(["/bin/sh", "-c", f"exit {status}"]).ask())[0] is outcome


def test_a_command_that_is_not_there_is_no_answer():
    assert answer_of(CommandProbe(["/no/such/program"]).ask())[0] is Outcome.UNKNOWN


# --- what the agent makes of the answers ------------------------------------------------------------


class FakeProbe:
    """Answers as the test says."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = Outcome.DONE
        self.asked = 0

    def ask(self) -> FakeTask:
        self.asked += 1
        return FakeTask(self.outcome, "port 5432")


class Node:
    """A service with a probe, under a lease."""

    def __init__(self, *, running: bool = False, restart_tries: int = 0) -> None:
        self.kind, self.probe = FakeKind(running=running), FakeProbe()
        self.now_ms = 0
        self.reasons: list[str] = []
        self.unstoppable: list[str] = []
        spec = ServiceSettings("db", start_limit_s=20, stop_limit_s=5, check_interval_s=1, restart_tries=restart_tries)
        self.services = Services({"db": Probed(self.kind, self.probe, 3)}, [spec], self.unstoppable.append)

    def pass_time(self, seconds: float, order: Order = Order.SERVE) -> None:
        for _ in range(round(seconds * 10)):
            self.now_ms += 100
            self.reasons += [change.why for change in self.services.tick(order, 1, self.now_ms, 1.0)]

    @property
    def says(self) -> str:
        return self.services.states()["db"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN, None])
def test_a_service_is_in_service_only_when_its_probe_has_answered_once(outcome):
    node = Node()
    node.probe.outcome = outcome
    node.pass_time(15)
    assert (node.says, node.kind.asked) == ("STARTING", ["start"])
    node.probe.outcome = Outcome.DONE
    node.pass_time(6)
    assert node.says == "IN_SERVICE"


def test_a_service_whose_probe_never_answers_has_failed_its_start():
    node = Node()
    node.probe.outcome = Outcome.FAILED
    node.pass_time(25)
    assert node.says == "FAILED"
    assert node.reasons[-1].startswith("it did not come in service within 20 s: its probe has failed")


def test_a_service_that_hangs_has_failed_after_so_many_failures_in_a_row():
    node = Node()
    node.pass_time(2)
    node.probe.outcome = Outcome.FAILED
    node.pass_time(2)
    assert node.says == "IN_SERVICE"
    node.pass_time(2)
    assert node.says == "FAILED"
    assert node.reasons[-1] == "it no longer does its work: its probe has failed 3 times in a row: port 5432"


def test_a_failure_now_and_then_fails_nothing():
    node = Node()
    node.pass_time(2)
    for _ in range(5):
        node.probe.outcome = Outcome.FAILED
        node.pass_time(2)
        node.probe.outcome = Outcome.DONE
        node.pass_time(2)
    assert node.says == "IN_SERVICE"


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, None])
def test_a_probe_without_an_answer_is_unknown_with_a_ceiling(outcome):
    node = Node()
    node.pass_time(2)
    node.probe.outcome = outcome
    node.pass_time(8)
    assert node.says == "IN_SERVICE"
    node.pass_time(12)
    assert node.says == "FAILED"
    assert node.reasons[-1].endswith("it is not known whether it runs: its probe has no answer: port 5432")


def test_a_service_that_hangs_is_restarted_and_its_probe_must_answer_anew():
    node = Node(restart_tries=1)
    node.pass_time(2)
    node.probe.outcome = Outcome.FAILED
    node.pass_time(8)
    assert (node.says, node.kind.asked) == ("STARTING", ["start", "stop", "start"])
    node.probe.outcome = Outcome.DONE
    node.pass_time(2)
    assert node.says == "IN_SERVICE"


@pytest.mark.parametrize("order", [Order.STOP, Order.KILL])
def test_a_probe_that_hangs_delays_no_end(order):
    node = Node()
    node.pass_time(2)
    node.kind.survives |= {"stop", "kill"}
    node.probe.outcome, node.probe.asked = None, 0
    node.pass_time(0.5, order)
    node.kind.running = False
    node.pass_time(0.3, order)
    assert (node.says, node.probe.asked) == ("OUT_OF_SERVICE", 0)


def test_a_service_that_is_down_is_not_probed():
    node = Node()
    node.pass_time(5, Order.LEAVE_ALONE)
    assert (node.says, node.probe.asked) == ("OUT_OF_SERVICE", 0)


def test_a_service_that_runs_when_the_agent_comes_is_adopted_when_its_probe_answers():
    node = Node(running=True)
    node.probe.outcome = Outcome.FAILED
    node.pass_time(3, Order.LEAVE_ALONE)
    assert node.says == "STARTING"
    node.probe.outcome = Outcome.DONE
    node.pass_time(3, Order.LEAVE_ALONE)
    assert node.says == "IN_SERVICE"


# --- the configuration ------------------------------------------------------------------------------

SECTION = f"[service p]\nkind = process\ncommand = {sys.executable}\n"


@pytest.mark.parametrize(
    ("probe", "kind"),
    [
        ("tcp 127.0.0.1:5432", PortProbe),
        ("tcp [::1]:5432", PortProbe),
        ("http http://127.0.0.1:8080/health", UrlProbe),
        ("http https://db.example.com/", UrlProbe),
        ("command pg_isready -h 127.0.0.1 -t 2", CommandProbe),
    ],
)
def test_a_probe_is_named_by_how_it_asks(probe, kind):
    made = config.parse(f"{AGENT}{SECTION}probe = {probe}\nprobe_tries = 5\n").kinds["p"]
    assert isinstance(made, Probed)
    assert isinstance(made._probe, kind)
    assert made._tries == 5


@pytest.mark.parametrize(
    "probe",
    [
        *("tcp", "tcp localhost:5432", "tcp 127.0.0.1", "udp 127.0.0.1:53", "127.0.0.1:5432"),
        *("http", "http 127.0.0.1:80", "http http://", "http http://x:99999/", "http ftp://x/", "command", "exit 0"),
    ],
)
def test_a_probe_that_is_none_is_refused(probe):
    (told,) = faults(f"{AGENT}{SECTION}probe = {probe}\n")
    assert told.startswith(f"[service p] probe = {probe!r}: must be tcp IP-ADDRESS:PORT, http URL or command")
