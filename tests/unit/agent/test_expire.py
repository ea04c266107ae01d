# B11 S12: an agent has died and left a lease behind
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeClock, FakeKind, FakeLog, FakeTask
from understudy_agent.expire import Expiry, Left, keep_the_lease
from understudy_agent.files import LeaseFile, Lock, PlacedFile
from understudy_agent.lease import LeaseAnswer, LeaseView
from understudy_agent.model import ServiceSettings
from understudy_agent.services import Services
from understudy_agent.tasks import Outcome
from understudy_agent.tries import Tries
from understudy_agent.view import TermsView


class Resort:
    """What kills without any program: it is only told here."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self) -> None:
        if self.told[-1:] != ["begin"]:
            self.told.append("begin")

    def cease(self) -> None:
        if self.told[-1:] != ["cease"]:
            self.told.append("cease")


class Node:
    """What a dead agent has left: a service that runs, and a lease until 112 s. It is 100 s now."""

    def __init__(self, directory: Path) -> None:
        self.kind = FakeKind(running=True)
        self.lease_file = LeaseFile(directory / "lease.json", "boot-1")
        self.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=20)))
        self.placed_file = PlacedFile(directory / "state" / "placed.json")
        self.lock = Lock(directory / "lock")
        self.clock = FakeClock(100_000)
        self.log = FakeLog()
        self.resort = Resort()
        self.is_followed = False
        self.ended_ms: int | None = None
        self.killed: list[int] = []
        """When an agent that hangs was killed."""
        self.taken_down: list[tuple[str, int]] = []
        self.tries: Tries | None = None

    def take_down(self, service: str) -> None:
        self.taken_down.append((service, self.clock.now_ms))

    def sleep(self, seconds: float) -> None:
        self.clock.now_ms += int(seconds * 1000)
        if not self.kind.running and self.ended_ms is None:
            self.ended_ms = self.clock.now_ms

    def supervise(self) -> Services:
        return Services({"db": self.kind}, [ServiceSettings("db")], lambda name: self.made.cannot_be_stopped(name))

    def keeper(self, orderly_stop_s: float = 0) -> Expiry:
        self.lock.kill_holder = lambda: self.killed.append(self.clock.now_ms)  # type: ignore[method-assign]
        files = (self.lease_file, self.placed_file, self.lock)
        left = Left(*files, self.supervise, orderly_stop_s, lambda _now_ms: self.tries, self.take_down)
        self.made = Expiry(left, self.resort, lambda: self.is_followed, self.log)
        return self.made

    def expire(self, orderly_stop_s: float = 0) -> int:
        return keep_the_lease(self.keeper(orderly_stop_s), self.clock, self.sleep)

    def keep(self, until_ms: int, keeper: Expiry | None = None) -> int | None:
        """Go on until then. The exit status, if it has ended."""
        keeper = keeper or self.keeper()
        status = None
        while status is None and self.clock.now_ms < until_ms:
            status = keeper.tick(self.clock())
            self.sleep(0.1)
        return status


@pytest.fixture
def left(tmp_path):
    return Node(tmp_path)


@pytest.fixture
def agent(tmp_path):
    """An agent that runs."""
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    yield lock
    lock.release()


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


# B18: it obeys the lease file, whoever holds a lock
def test_services_are_down_at_the_end_of_a_lease_that_an_agent_does_not_renew(left, agent):
    assert left.keep(113_000) is None
    assert left.kind.asked == ["kill"]
    assert 111_000 <= left.ended_ms <= 112_000
    assert left.resort.told == ["begin"]


def test_an_orderly_stop_is_left_to_an_agent_that_runs(left, agent):
    assert left.keep(110_500, left.keeper(orderly_stop_s=5)) is None
    assert left.kind.asked == []


def test_it_stays_as_long_as_an_agent_runs_and_touches_nothing_while_the_lease_does(left, agent):
    for end_ms in range(115_000, 400_000, 3_000):
        left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, end_ms, TermsView(lease_s=20)))
        assert left.keep(end_ms - 12_000) is None
    assert (left.kind.asked, left.resort.told) == ([], [])


def test_an_agent_that_is_slow_and_renews_the_lease_after_all_has_its_services_left_alone_again(left, agent):
    left.kind.survives.add("kill")
    keeper = left.keeper()
    left.keep(111_500, keeper)
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 130_000, TermsView(lease_s=20)))
    asked = len(left.kind.asked)
    assert left.keep(120_000, keeper) is None
    assert left.resort.told == ["begin", "cease"]
    assert left.kind.asked[asked:] == []


@pytest.mark.parametrize("orderly_stop_s", [0, 5])
def test_what_was_down_at_the_end_of_one_lease_is_looked_at_anew_at_the_end_of_the_next(  # B4 B11
    left, agent, orderly_stop_s
):
    keeper = left.keeper(orderly_stop_s)
    left.keep(113_000, keeper)
    assert not left.kind.running
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 140_000, TermsView(lease_s=20)))
    left.kind.running, left.ended_ms = True, None
    assert left.keep(120_000, keeper) is None
    agent.release()
    assert left.keep(150_000, keeper) == 0
    assert left.ended_ms is not None
    assert left.ended_ms <= 140_000


def test_what_was_down_when_no_agent_ran_is_looked_at_anew_when_one_has_been_there(left, agent, tmp_path):  # B4
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    left.kind.running = False
    keeper = left.keeper()
    agent.release()
    assert keeper.tick(left.clock()) is None
    agent.acquire()
    assert left.keep(101_000, keeper) is None
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 8, 140_000, TermsView(lease_s=20)))
    left.kind.running, left.ended_ms = True, None
    assert left.keep(102_000, keeper) is None
    agent.release()
    assert left.keep(150_000, keeper) == 0
    assert left.ended_ms is not None
    assert left.ended_ms <= 140_000


def test_an_agent_that_hangs_beyond_its_lease_is_killed_once(left, agent):
    left.kind.survives.add("kill")
    left.keep(130_000)
    (killed_ms,) = left.killed
    assert 112_000 <= killed_ms <= 114_000


def test_an_agent_that_ends_its_services_in_time_is_not_killed(left, agent):
    keeper = left.keeper()
    left.keep(111_500, keeper)
    left.lease_file.save(LeaseView())
    left.keep(130_000, keeper)
    assert left.killed == []


def test_what_runs_under_no_lease_is_left_to_an_agent_that_runs(left, agent, tmp_path):
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    assert left.keep(130_000) is None
    assert left.kind.asked == []


def test_it_makes_way_for_one_that_is_ready_and_knows_the_plan_of_an_agent_that_runs(left, agent):
    left.is_followed = True
    assert left.keep(101_000) == 0
    assert left.kind.running


def test_without_an_agent_it_keeps_the_lease_by_the_plan_that_it_knows(left):
    left.is_followed = True
    assert left.expire() == 0
    assert left.kind.asked == ["kill"]


def test_asked_to_end_it_leaves_the_lease_to_an_agent_that_runs(left, agent):
    keeper = left.keeper()
    keeper.ask_to_end()
    assert left.keep(101_000, keeper) == 0
    assert left.kind.running


def test_asked_to_end_without_an_agent_it_ends_the_services_first(left):
    keeper = left.keeper()
    keeper.ask_to_end()
    assert left.keep(101_000, keeper) == 0
    assert left.kind.asked == ["kill"]


@pytest.mark.parametrize(
    ("found", "asked"), [(Outcome.DOWN, []), (Outcome.SERVING, ["kill"])], ids=["nothing-runs", "something-runs"]
)
def test_asked_to_end_under_no_lease_it_looks_before_it_ends_anything(left, tmp_path, found, asked):  # B18
    """On a machine that shuts down, the agent has just ended, and its services before it."""
    left.placed_file.save(7)
    lost(tmp_path / "lease.json")
    look = FakeTask(None)
    left.kind.look = lambda: look
    keeper = left.keeper()
    keeper.ask_to_end()
    assert left.keep(100_500, keeper) is None
    assert left.kind.asked == []
    look.outcome = found
    left.keep(101_000, keeper)
    assert (left.kind.asked, left.taken_down) == (asked, [])


def test_a_lease_that_was_renewed_meanwhile_is_waited_for(left):
    renewed = False

    def sleep(seconds: float) -> None:
        nonlocal renewed
        if not renewed and left.clock.now_ms > 105_000:
            renewed = True
            left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 120_000, TermsView(lease_s=20)))
        Node.sleep(left, seconds)

    left.sleep = sleep
    left.expire()
    assert left.ended_ms >= 119_000


def test_services_that_cannot_be_stopped_are_told_once_and_tried_until_they_are_down(left):
    left.kind.survives.update(("stop", "kill"))
    keeper = left.keeper()
    assert left.keep(400_000, keeper) is None
    assert len(left.log.events("stopped_badly")) == 1
    assert left.kind.asked.count("kill") > 10
    left.kind.survives.clear()
    assert left.keep(410_000, keeper) == 0


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
    LeaseFile(path, "boot-0").save(LeaseView(LeaseAnswer.MINE, 7, 112_000))


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


# B4 B18: the file goes before its lease has run out
@pytest.mark.parametrize("is_placed_known", [True, False])
def test_a_lease_whose_file_is_lost_binds_by_what_was_last_read_of_it(left, tmp_path, is_placed_known):
    """Found by the simulation: an orderly stop of five seconds would take the services beyond their lease."""
    if is_placed_known:
        left.placed_file.save(7)
    left.kind.hangs.add("stop")
    keeper = left.keeper()
    assert left.keep(109_000, keeper) is None
    lost(tmp_path / "lease.json")
    left.keep(113_000, keeper)
    assert left.kind.asked == ["stop", "kill"]
    assert left.ended_ms <= 112_000


def test_nothing_runs_beyond_such_a_lease_either_when_an_agent_is_back(left, agent, tmp_path):
    """It cannot know when the old lease ends, and takes its time to stop."""
    keeper = left.keeper()
    assert left.keep(109_000, keeper) is None
    lost(tmp_path / "lease.json")
    assert left.keep(120_000, keeper) is None
    assert left.kind.asked == ["kill"]
    assert left.ended_ms <= 112_000
    assert left.killed == []


def test_a_lease_that_its_agent_has_ended_costs_one_look_and_nothing_else(left, agent):
    keeper = left.keeper()
    assert left.keep(103_000, keeper) is None
    left.kind.running = False
    left.lease_file.save(LeaseView())
    assert left.keep(120_000, keeper) is None
    left.kind.running = True  # by hand
    assert left.keep(140_000, keeper) is None
    assert (left.kind.asked, left.resort.told) == ([], [])


@pytest.mark.parametrize("how", ["fails", "hangs"])
def test_a_standby_of_which_no_look_tells_anything_is_left_to_its_agent(left, agent, how):
    """Its status command may lie on a file system that only the active node mounts."""
    keeper = left.keeper()
    assert left.keep(103_000, keeper) is None
    left.kind.running = False
    getattr(left.kind, how).add("look")
    left.lease_file.save(LeaseView())
    assert left.keep(140_000, keeper) is None
    assert (left.kind.asked, left.resort.told, left.killed, left.taken_down) == ([], [], [], [])


def test_a_standby_that_is_said_to_be_dead_is_left_to_its_agent(left, agent):
    keeper = left.keeper()
    assert left.keep(103_000, keeper) is None
    left.kind.running, left.kind.dies = False, True
    left.lease_file.save(LeaseView())
    assert left.keep(140_000, keeper) is None
    assert left.kind.asked == []


def test_a_lease_that_is_written_down_anew_counts_and_not_the_one_before(left, agent, tmp_path):
    keeper = left.keeper()
    assert left.keep(109_000, keeper) is None
    lost(tmp_path / "lease.json")
    left.keep(110_000, keeper)
    for end_ms in range(122_000, 180_000, 3_000):
        left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, end_ms, TermsView(lease_s=20)))
        assert left.keep(end_ms - 9_000, keeper) is None
    assert left.kind.asked == []


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
    left.keep(130_000)
    assert "kill" in left.kind.asked


def test_a_lock_that_cannot_be_opened_keeps_nobody_from_ending_the_lease(left, tmp_path):
    left.lock = Lock(tmp_path / "no-such-directory" / "lock")
    assert left.expire() == 0
    assert left.kind.asked == ["kill"]


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
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=20, on_isolation="keep")))
    left.clock.now_ms = 10**9
    assert left.expire() == 0
    assert left.kind.asked == []


def test_promises_count_as_the_lease_does(left):
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=20), promised_until_ms=120_000))
    assert left.expire() == 0
    assert left.ended_ms is not None
    assert 119_000 <= left.ended_ms <= 120_000


# B4
def test_a_node_whose_file_no_longer_names_what_the_lease_binds_is_taken_down_at_its_end(left):
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 112_000, TermsView(lease_s=20), services=("db", "front")))
    assert left.keep(180_000) is None
    assert left.taken_down == [("front", 111_000)]
    assert left.kind.asked == ["kill"]
    assert len(left.log.events("service_unknown")) == 1


# B18 S12
@pytest.mark.parametrize(
    ("tries", "is_taken_down"),
    [
        (None, True),
        (Tries(may_run=None), True),
        (Tries(may_run=frozenset({"db"})), True),
        (Tries(may_run=frozenset()), False),
    ],
)
def test_a_node_is_not_taken_down_for_what_was_never_seen_running_on_it(left, tries, is_taken_down):
    left.tries = tries
    left.kind.survives.add("kill")
    left.keep(120_000)
    assert [name for name, _at_ms in left.taken_down] == ["db"] * is_taken_down
    assert bool(left.log.events("service_not_known_to_be_down")) is not is_taken_down


def test_a_node_that_shuts_down_is_given_until_the_end_of_its_lease_to_do_so(left):
    """What systemd does may help, and is what somebody has asked for. It may also hang for ever."""
    left.kind.survives.add("kill")
    keeper = left.keeper()
    keeper.ask_to_end()
    assert left.keep(120_000, keeper) is None
    assert left.kind.asked[0] == "kill"
    ((name, at_ms),) = left.taken_down
    assert (name, 112_000 <= at_ms < 112_200) == ("db", True)


def test_a_node_that_shuts_down_and_whose_services_end_in_time_is_left_to_systemd(left):
    left.kind.survives.add("kill")
    keeper = left.keeper()
    keeper.ask_to_end()
    left.keep(110_000, keeper)
    left.kind.survives.clear()
    assert left.keep(120_000, keeper) == 0
    assert left.taken_down == []


def test_a_lease_that_is_renewed_after_all_takes_no_node_down(left, agent):
    left.kind.survives.add("kill")
    keeper = left.keeper()
    left.keep(111_500, keeper)
    left.lease_file.save(LeaseView(LeaseAnswer.MINE, 7, 130_000, TermsView(lease_s=20)))
    left.keep(128_000, keeper)
    assert left.taken_down == []


def test_a_lease_that_its_agent_ends_while_killing_is_under_way_takes_no_node_down(left, agent):
    """Both act at the end of the lease, and the agent is done first: its file goes between two looks at it."""
    keeper = left.keeper()
    assert left.keep(110_900, keeper) is None
    left.kind.hangs = {"kill", "look"}  # each takes longer than a tick
    while "kill" not in left.kind.asked:
        left.keep(left.clock.now_ms + 100, keeper)
    left.kind.running = False
    left.lease_file.save(LeaseView())
    left.keep(left.clock.now_ms + 200, keeper)
    left.kind.hangs = set()
    left.kind.tasks[-1].outcome = Outcome.DONE
    assert left.keep(130_000, keeper) is None
    assert left.taken_down == []
