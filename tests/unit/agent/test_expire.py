# B11 S12: an agent has died and left a lease behind
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeClock, FakeKind, FakeLog
from understudy_agent.expire import keep_the_lease
from understudy_agent.files import LeaseFile, Lock
from understudy_agent.lease import Standing, Word
from understudy_agent.model import ServiceSpec
from understudy_agent.services import Services
from understudy_agent.view import Terms


class Left:
    """What a dead agent has left: a service that runs, and a lease until 112 s. It is 100 s now."""

    def __init__(self, directory: Path) -> None:
        self.kind = FakeKind(running=True)
        self.lease_file = LeaseFile(directory / "lease.json", "boot-1")
        self.lease_file.save(Standing(Word.MINE, 7, 112_000, Terms(lease_s=20)))
        self.lock = Lock(directory / "lock")
        self.clock = FakeClock(100_000)
        self.log = FakeLog()
        self.ended_ms: int | None = None

    def sleep(self, seconds: float) -> None:
        self.clock.now_ms += int(seconds * 1000)
        if not self.kind.running and self.ended_ms is None:
            self.ended_ms = self.clock.now_ms

    def expire(self, orderly_stop_s: float = 0) -> int:
        services = Services({"db": self.kind}, [ServiceSpec("db")], lambda _name: None)
        return keep_the_lease(self.lease_file, self.lock, services, orderly_stop_s, self.log, self.clock, self.sleep)


@pytest.fixture
def left(tmp_path):
    return Left(tmp_path)


def test_services_run_on_until_the_lease_ends_and_are_down_by_then(left):
    assert left.expire() == 0
    assert left.kind.asked == ["kill"]
    assert left.ended_ms is not None
    assert 111_000 <= left.ended_ms <= 112_000


def test_services_are_stopped_in_order_when_the_timings_leave_time_for_it(left):
    assert left.expire(orderly_stop_s=5) == 0
    assert left.kind.asked == ["stop"]
    assert left.ended_ms is not None
    assert 106_000 <= left.ended_ms <= 107_000


def test_a_lease_that_was_kept_is_gone(left):
    left.expire()
    left.kind.asked.clear()
    assert left.expire() == 0
    assert left.kind.asked == []


def test_an_agent_that_has_taken_over_keeps_the_lease_itself(left, tmp_path):
    other = Lock(tmp_path / "lock")
    other.acquire()
    assert left.expire() == 0
    other.release()
    assert left.kind.running


def test_a_lease_that_was_renewed_meanwhile_is_waited_for(left):
    renewed = False

    def sleep(seconds: float) -> None:
        nonlocal renewed
        if not renewed and left.clock.now_ms > 105_000:
            renewed = True
            left.lease_file.save(Standing(Word.MINE, 7, 120_000, Terms(lease_s=20)))
        Left.sleep(left, seconds)

    left.sleep = sleep
    left.expire()
    assert left.ended_ms >= 119_000


def test_services_that_cannot_be_stopped_are_told(left):
    left.kind.survives.update(("stop", "kill"))
    assert left.expire() == 1
    assert left.log.events("stopped_badly")
    Lock(left.lock._path).acquire()


def test_under_a_lease_file_that_cannot_be_understood_the_services_are_stopped(left, tmp_path):
    (tmp_path / "lease.json").write_text("{")
    assert left.expire() == 0
    assert left.kind.asked == ["stop"]


def test_the_services_of_a_holder_that_may_keep_on_are_left_running(left):
    left.lease_file.save(Standing(Word.MINE, 7, 112_000, Terms(lease_s=20, on_isolation="keep")))
    left.clock.now_ms = 10**9
    assert left.expire() == 0
    assert left.kind.asked == []


def test_promises_count_as_the_lease_does(left):
    left.lease_file.save(Standing(Word.MINE, 7, 112_000, Terms(lease_s=20), promised_until_ms=120_000))
    assert left.expire() == 0
    assert left.ended_ms is not None
    assert 119_000 <= left.ended_ms <= 120_000
