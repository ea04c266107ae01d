"""Probes against real sockets on loopback, and their scheduling with threads that the test plays (S12)."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.agent.fakes import FakeCaller, FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent import prober
from understudy_agent.prober import Prober, accepts
from understudy_agent.view import TermsView
from understudy_agent.worker import Worker

TERMS = TermsView()


def told(hosts: tuple[str, ...], timeout_s: float) -> dict[str, Any]:
    """The part of a state item that names quorum hosts."""
    return {"quorum": {"hosts": list(hosts), "timeout_s": timeout_s}}


@pytest.fixture
def listener() -> Iterator[str]:
    """HOST:PORT of somebody who accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refuser() -> str:
    """HOST:PORT where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def hanger() -> Iterator[str]:
    """HOST:PORT that answers no connection: its queue of connections is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield f"127.0.0.1:{port}"
        for filler in fillers:
            filler.close()


def test_a_host_that_accepts_is_reached_and_one_that_refuses_is_not(listener, refuser):  # S12
    assert accepts(listener, 5)
    assert not accepts(refuser, 5)


def test_a_host_that_hangs_is_given_up_after_the_timeout(hanger):  # S12
    assert not accepts(hanger, 0.2)


def test_ipv6_is_probed_too():  # S12
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert accepts(f"[::1]:{server.getsockname()[1]}", 5)


def test_the_timeout_is_shared_among_the_addresses_of_a_name(listener, hanger, monkeypatch):  # S12
    """The first address hangs, the second accepts: both get their share."""
    ports = [int(each.rpartition(":")[2]) for each in (hanger, listener)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(prober.socket, "getaddrinfo", lambda *_, **__: found)
    assert accepts("two.example.com:1", 1)


class Probed:
    """A prober whose threads answer on the next tick, unless a host hangs; hosts answer as the test says."""

    def __init__(self, *hosts: str) -> None:
        self.answers: dict[str, Any] = dict.fromkeys(hosts, True)
        self.callers: list[FakeCaller] = []
        self.asked: list[tuple[str, float, int]] = []
        self.log = FakeLog()
        self.now_ms = 1_000_000
        self.prober = Prober(self._new_caller, self.log, self._accepts)
        self.prober.take_item(told(hosts, 2.0), self.now_ms)

    def _new_caller(self, name: str) -> FakeCaller:
        self.callers.append(FakeCaller())
        return self.callers[-1]

    def _accepts(self, host: str, timeout_s: float) -> bool:
        self.asked.append((host, timeout_s, self.now_ms))
        if isinstance(self.answers[host], Exception):
            raise self.answers[host]
        return bool(self.answers[host])

    def pass_time(self, seconds: float) -> None:
        end_ms = self.now_ms + int(seconds * 1000)
        while self.now_ms < end_ms:
            self.prober.tick(self.now_ms, TERMS)
            self.now_ms += 200

    def words(self) -> Any:
        return self.prober.words(self.now_ms)


def test_each_host_is_probed_once_in_every_heartbeat_interval():  # S12
    world = Probed("a:1", "b:1", "c:1")
    world.pass_time(40)
    of_a = [at_ms for host, timeout_s, at_ms in world.asked if host == "a:1" and timeout_s == 2.0]
    assert len(of_a) == 10
    assert {later - earlier for earlier, later in pairwise(of_a)} == {4000}
    assert world.words() == {"quorum": {"reached": 3, "total": 3}}


# S12
@pytest.mark.parametrize(
    "fault", [False, ConnectionResetError("reset"), socket.gaierror(-2, "unknown name"), UnicodeError("label too long")]
)
def test_a_host_that_cannot_be_reached_for_whatever_reason_is_counted_as_not_reached(fault):
    world = Probed("a:1", "b:1", "c:1")
    world.answers["b:1"] = fault
    world.pass_time(1)
    assert world.words() == {"quorum": {"reached": 2, "total": 3}}


def test_a_host_that_hangs_holds_up_neither_the_others_nor_the_tick_and_ages():  # S12
    world = Probed("a:1", "b:1", "c:1")
    world.pass_time(2)
    world.callers[1].hangs = True
    world.pass_time(30)
    assert world.words() == {"quorum": {"reached": 2, "total": 3}}
    assert len([host for host, _, _ in world.asked if host == "c:1"]) == 8


def test_what_changed_is_told_once():  # S12
    world = Probed("a:1", "b:1", "c:1")
    world.pass_time(20)
    world.answers["b:1"] = world.answers["c:1"] = False
    world.pass_time(20)
    heard = [(level, why, facts) for level, what, why, facts in world.log.told if what == "quorum_changed"]
    assert heard[0] == ("INFO", "3 of 3 quorum hosts are reached", {"is_majority": True, "missing": []})
    assert heard[-1][:2] == ("WARNING", "1 of 3 quorum hosts are reached")
    assert heard[-1][2] == {"is_majority": False, "missing": ["b:1", "c:1"]}
    assert len(heard) <= 3


def test_other_hosts_are_probed_at_once_by_the_threads_that_are_there():  # S12
    world = Probed("a:1", "b:1", "c:1")
    world.pass_time(1)
    world.answers |= {"d:1": True, "e:1": False}
    world.prober.take_item(told(("a:1", "d:1", "e:1"), 1.0), world.now_ms)
    assert world.words() == {}
    world.pass_time(1)
    assert world.words() == {"quorum": {"reached": 2, "total": 3}}
    assert len(world.callers) == 3
    world.prober.take_item({}, world.now_ms)
    asked = len(world.asked)
    world.pass_time(10)
    assert (world.words(), len(world.asked)) == ({}, asked)


def test_an_answer_of_a_thread_that_was_busy_with_an_old_host_is_not_taken_for_the_new_one():  # S12
    world = Probed("a:1", "b:1", "c:1")
    world.prober.tick(world.now_ms, TERMS)
    world.answers |= {"x:1": False, "y:1": False, "z:1": False}
    world.prober.take_item(told(("x:1", "y:1", "z:1"), 2.0), world.now_ms)
    world.pass_time(2)
    assert world.words() == {"quorum": {"reached": 0, "total": 3}}


def test_real_threads_keep_hosts_apart_and_a_tick_never_waits(listener, refuser, hanger):  # S12 B3
    """One accepts, one refuses, one hangs, and the resolver hangs on the fourth until the test lets it go."""
    release, done = threading.Event(), queue.Queue[None]()

    def probe(host: str, timeout_s: float) -> bool:
        if host == "slow.example.com:1":
            release.wait(60)
            raise socket.gaierror(-3, "no answer")
        return accepts(host, timeout_s)

    log = FakeLog()
    watched = Prober(lambda name: Worker(name, lambda: done.put(None)), log, probe)
    hosts = (listener, refuser, hanger, "slow.example.com:1")
    watched.take_item(told(hosts, 0.3), 0)
    watched.tick(0, TERMS)
    for _ in range(3):
        done.get(timeout=10)
    watched.tick(200, TERMS)
    assert watched.words(200) == {}  # the slow one may still tell
    assert watched.words(300) == {"quorum": {"reached": 1, "total": 4}}
    release.set()
    done.get(timeout=10)
    watched.tick(400, TERMS)
    assert watched.words(400) == {"quorum": {"reached": 1, "total": 4}}


def test_a_name_that_does_not_resolve_is_not_reached():  # S12
    done = threading.Event()
    watched = Prober(lambda name: Worker(name, done.set), FakeLog())
    watched.take_item(told(("understudy.invalid:1",), 30), 0)
    watched.tick(0, TERMS)
    wait_for(done.is_set, 60)
    watched.tick(1, TERMS)
    assert watched.words(1) == {"quorum": {"reached": 0, "total": 1}}
