# B11 S12: an agent has died and left a lease behind
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeClock, FakeKind, FakeLog
from understudy_agent.expire import keep_the_lease
from understudy_agent.files import LeaseFile, Lock, PlacedFile
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
        self.placed_file = PlacedFile(directory / "state" / "placed.json")
        self.lock = Lock(directory / "lock")
        self.clock = FakeClock(100_000)
        self.log = FakeLog()
        self.ended_ms: int | None = None
        self.taken_down: list[tuple[str, int]] = []

    def take_down(self, service: str) -> None:
        self.taken_down.append((service, self.clock.now_ms))

    def sleep(self, seconds: float) -> None:
        self.clock.now_ms += int(seconds * 1000)
        if not self.kind.running and self.ended_ms is None:
            self.ended_ms = self.clock.now_ms

    def expire(self, orderly_stop_s: float = 0) -> int:
        services = Services({"db": self.kind}, [ServiceSpec("db")], self.take_down)
        return keep_the_lease(
            self.lease_file, self.placed_file, self.lock, services, orderly_stop_s, self.log, self.clock, self.sleep
        )


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


def is_nonsense(path: Path) -> None:
    path.write_text("{")


def is_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def ends_in_ages(path: Path) -> None:
    path.write_text('{"boot": "boot-1", "lease_end_ms": 1000000000000, "terms": {}}')


@pytest.mark.parametrize("goes_wrong", [is_nonsense, is_a_directory, ends_in_ages])
def test_under_a_lease_file_that_cannot_be_read_the_services_are_killed_at_once(left, tmp_path, goes_wrong):  # B4
    goes_wrong(tmp_path / "lease.json")
    assert left.expire() == 0
    assert left.kind.asked == ["kill"]
    assert left.ended_ms is not None
    assert left.ended_ms < 101_000


def lost(path: Path) -> None:
    path.unlink()


def of_another_boot(path: Path) -> None:
    LeaseFile(path, "boot-0").save(Standing(Word.MINE, 7, 112_000))


@pytest.mark.parametrize("goes_wrong", [lost, of_another_boot])
def test_services_that_run_under_no_lease_of_a_cluster_that_was_placed_are_stopped(left, tmp_path, goes_wrong):  # B4
    left.placed_file.save(7)
    goes_wrong(tmp_path / "lease.json")
    assert left.expire() == 0
    assert left.kind.asked == ["stop"]
    assert left.ended_ms < 101_000


def test_what_does_not_stop_by_itself_under_no_lease_is_killed(left, tmp_path):
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    left.kind.hangs.add("stop")
    assert left.expire() == 0
    assert left.kind.asked == ["stop", "kill"]
    assert left.ended_ms < 107_000


def test_services_that_ran_before_their_cluster_was_placed_are_left_alone(left, tmp_path):
    lost(tmp_path / "lease.json")
    assert left.expire() == 0
    assert left.kind.asked == []


def test_a_standby_on_which_nothing_runs_is_left_alone_and_its_lock_to_the_next_agent(left, tmp_path):
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    left.kind.running = False
    left.lock.acquire = lambda: pytest.fail("the lock is the next agent's")
    assert left.expire() == 0
    assert left.kind.asked == []


def test_services_that_cannot_be_looked_at_count_as_running_where_no_lease_bounds_them(left, tmp_path):
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    left.kind.hangs.add("look")
    left.kind.fails.add("look")
    left.expire()
    assert "kill" in left.kind.asked


def test_a_lock_that_cannot_be_opened_keeps_nobody_from_ending_the_lease(left, tmp_path):
    left.lock = Lock(tmp_path / "no-such-directory" / "lock")
    assert left.expire() == 0
    assert left.kind.asked == ["kill"]
    assert left.log.events("lock_not_taken")


def test_a_command_that_raises_is_tried_again(left):
    kill, raised = left.kind.kill, []

    def raises_first() -> object:
        if len(raised) < 3:
            raised.append(1)
            raise RuntimeError("no more processes")
        return kill()

    left.kind.kill = raises_first
    assert left.expire() == 0
    assert not left.kind.running
    assert left.log.events("service_fault")


def test_a_lease_file_that_cannot_be_removed_is_told_of(left, tmp_path):
    is_a_directory(tmp_path / "lease.json")
    assert left.expire() == 0
    assert left.log.events("lease_file_not_written")


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


# B4
def test_a_node_whose_file_no_longer_names_what_the_lease_binds_is_taken_down_at_its_end(left):
    left.lease_file.save(Standing(Word.MINE, 7, 112_000, Terms(lease_s=20), services=("db", "front")))
    assert left.expire() == 1
    assert left.taken_down == [("front", 111_000)]
    assert left.kind.asked == ["kill"]
    assert left.log.events("service_unknown")
