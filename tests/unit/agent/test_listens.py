# S9 B18: a service is down when nobody listens any more where it has declared that it does
from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeKind
from understudy_agent import config
from understudy_agent.config import BadConfigError
from understudy_agent.lease import Order
from understudy_agent.listens import Listening, listening
from understudy_agent.model import ServiceSettings
from understudy_agent.probes import Probed
from understudy_agent.services import Services
from understudy_agent.tasks import Outcome

AGENT = "[agent]\ncluster = orders\ntable = t\nbus = b\n\n[service db]\nkind = unit\nunit = db.service\n"


def look(service: Listening) -> tuple[Outcome | None, str]:
    task = service.look()
    return task.poll(), task.why


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_service_is_not_down_while_somebody_listens_on_a_port_of_it(family: int, host: str) -> None:
    kind = FakeKind()
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((host, 0))
        server.listen()
        port = server.getsockname()[1]
        assert look(Listening(kind, [port])) == (Outcome.RUNNING, f", and somebody listens on port {port}")
        assert look(Listening(FakeKind(running=True), [port])) == (Outcome.SERVING, "")
    assert look(Listening(kind, [port])) == (Outcome.DOWN, "")


def test_a_connection_that_only_lingers_is_nobody_who_listens(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    (tmp_path / "tcp").write_text(
        f"{head}   0: 0100007F:1538 0100007F:9C40 06 0:0\n   1: 00000000:1F90 00000000:0000 0A 0:0\n"
    )
    assert listening(tmp_path) == {8080}


@pytest.mark.parametrize("table", [None, "head\nnonsense\n", "head\n 0: x:zz y:0 0A\n"])
def test_where_it_cannot_be_told_who_listens_nothing_is_down(tmp_path: Path, table: str | None) -> None:
    if table is not None:
        (tmp_path / "tcp").write_text(table)
    assert look(Listening(FakeKind(), [5432], tmp_path))[0] is Outcome.UNKNOWN


def test_what_is_left_listening_is_killed_and_is_no_release(tmp_path: Path) -> None:
    head, left = "head\n", "   0: 00000000:1538 00000000:0000 0A 0:0\n"
    (tmp_path / "tcp").write_text(head + left)
    kind, unstoppable = FakeKind(running=True), list[str]()
    spec = ServiceSettings("db", stop_limit_s=2)
    services = Services({"db": Listening(kind, [5432], tmp_path)}, [spec], unstoppable.append)

    def pass_time(begin_ms: int, end_ms: int) -> None:
        for now_ms in range(begin_ms, end_ms, 100):
            services.tick(Order.STOP, 1, now_ms, 1.0)

    pass_time(0, 5_000)
    assert (services.all_down, kind.asked[:2], unstoppable) == (False, ["stop", "kill"], ["db"])
    (tmp_path / "tcp").write_text(head)
    pass_time(5_000, 6_000)
    assert services.all_down


def test_the_ports_are_named_in_the_file() -> None:
    kind = config.parse(AGENT + "listens = tcp 5432, 6432\n").kinds["db"]
    assert isinstance(kind, Listening)
    assert kind._ports == [5432, 6432]
    both = config.parse(AGENT + "listens = tcp 5432\nprobe = tcp 127.0.0.1:5432\n").kinds["db"]
    assert isinstance(both, Probed)
    assert isinstance(both.kind, Listening)


@pytest.mark.parametrize("value", ["5432", "tcp", "udp 53", "tcp 0", "tcp 70000", "tcp 5432,", "tcp 127.0.0.1:5432"])
def test_what_is_no_list_of_ports_is_refused(value: str) -> None:
    with pytest.raises(BadConfigError, match=r"\[service db\] listens = .*must be tcp and ports"):
        config.parse(f"{AGENT}listens = {value}\n")


def test_a_service_of_before_is_down_by_the_same_measure() -> None:
    plan = AGENT + "\n[former web]\nkind = unit\nunit = web.service\nlistens = tcp 80\n"
    assert isinstance(config.parse(plan, is_plan=True).former[0].kind, Listening)
