# S9 S12 B18: what follows from a look that has no answer, or finds something that runs and does not serve
from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.agent.fakes import FakeKind, FakeLog, FakeTask
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings, StateChange
from understudy_agent.services import Services
from understudy_agent.tasks import Outcome
from understudy_agent.tries import TriesFile


class Node:
    """A node with one service, time, and a file that outlives its agents. `directory`: without it there is no file."""

    def __init__(
        self, directory: Path | None = None, *, running: bool = False, restart_tries: int = 0, pause_s: float = 2
    ) -> None:
        self.kind = FakeKind(running=running)
        self.spec = ServiceSettings(
            "db", start_limit_s=10, stop_limit_s=5, restart_tries=restart_tries, restart_pause_s=pause_s
        )
        self.directory = directory
        self.log = FakeLog()
        self.unstoppable: list[str] = []
        self.changes: list[StateChange] = []
        self.now_ms = 1_000_000
        self.start_agent()

    def start_agent(self, boot: str = "boot-1") -> None:
        file = None
        if self.directory is not None:
            file = TriesFile(self.directory / "tries.json", boot, self.directory / "lease.json", self.log)
        self.services = Services({"db": self.kind}, [self.spec], self.unstoppable.append, file)

    def pass_time(self, order: Order, seconds: float, epoch: int = 1) -> None:
        for _ in range(round(seconds * 10)):
            self.now_ms += 100
            self.changes += self.services.tick(order, epoch, self.now_ms, 1.0)

    @property
    def says(self) -> str:
        return self.services.states()["db"]

    def told(self, of: str) -> list[str]:
        return [change.why for change in self.changes if change.new.value == of]


@pytest.fixture
def serving() -> Node:
    node = Node()
    node.pass_time(Order.SERVE, 2)
    assert node.says == "IN_SERVICE"
    return node


# --- looks without an answer ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["hangs", "fails"])
@pytest.mark.parametrize("order", [Order.SERVE, Order.KEEP, Order.LEAVE_ALONE, Order.WAIT])
def test_a_service_that_looks_tell_nothing_of_is_told_at_once_and_failed_after_some_time(serving, order, how):
    getattr(serving.kind, how).add("look")
    serving.pass_time(order, 10.5)
    (first,) = [change for change in serving.changes if "has no answer" in change.why]
    assert (first.new.value, serving.says) == ("IN_SERVICE", "IN_SERVICE")
    serving.pass_time(order, 10)
    assert serving.says == "FAILED"
    assert serving.told("FAILED")[0].startswith("3 looks in a row had no answer: it is not known whether it runs")
    serving.pass_time(order, 60)
    assert len(serving.told("FAILED")) == 1


def test_a_service_that_cannot_be_looked_at_is_left_as_it_is(serving):
    """To stop what serves because its status command is broken would be an outage of our own making."""
    serving.kind.fails.add("look")
    serving.pass_time(Order.SERVE, 100)
    assert serving.says == "FAILED"
    assert serving.kind.asked == ["start"]


@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_looks_that_are_answered_again_end_it(serving, how):
    getattr(serving.kind, how).add("look")
    serving.pass_time(Order.SERVE, 30)
    getattr(serving.kind, how).clear()
    serving.pass_time(Order.SERVE, 10)
    assert serving.says == "IN_SERVICE"
    assert "a look at it has an answer again" in serving.told("IN_SERVICE")


def test_a_service_that_died_while_nobody_could_look_is_found_out(serving):
    serving.kind.hangs.add("look")
    serving.kind.running = False
    serving.pass_time(Order.SERVE, 30)
    assert serving.says == "FAILED"
    serving.kind.hangs.clear()
    serving.pass_time(Order.SERVE, 10)
    assert serving.told("FAILED")[-1] == "it no longer runs"


def test_looks_that_come_often_fail_nothing_sooner():
    node = Node()
    node.spec = ServiceSettings("db", check_interval_s=0)
    node.start_agent()
    node.pass_time(Order.SERVE, 2)
    node.kind.fails.add("look")
    node.pass_time(Order.SERVE, 9)
    assert node.says == "IN_SERVICE"
    node.pass_time(Order.SERVE, 2)
    assert node.says == "FAILED"


def test_looks_that_come_seldom_come_sooner_while_they_have_no_answer():
    node = Node()
    node.spec = ServiceSettings("db", check_interval_s=60)
    node.start_agent()
    node.pass_time(Order.SERVE, 50)
    node.kind.fails.add("look")
    node.pass_time(Order.SERVE, 30)
    assert node.says == "FAILED"


def test_the_words_of_a_look_are_those_of_the_change(serving):
    serving.kind.look = lambda: FakeTask(Outcome.UNKNOWN, "status ended with 127")
    serving.pass_time(Order.SERVE, 30)
    assert serving.told("FAILED")[0].endswith("whether it runs: status ended with 127")
    serving.kind.look = lambda: FakeTask(Outcome.DOWN, "status ended with 3")
    serving.pass_time(Order.SERVE, 10)
    assert serving.told("FAILED")[1] == "it no longer runs: status ended with 3"


def test_what_is_not_known_to_be_down_any_more_is_not_called_out_of_service(tmp_path):  # B4
    node = Node(tmp_path)
    node.pass_time(Order.STOP, 2)
    assert (node.says, node.services.all_down) == ("OUT_OF_SERVICE", True)
    node.kind.fails.add("look")
    node.pass_time(Order.STOP, 30)
    assert (node.says, node.services.all_down) == ("FAILED", False)


# --- killing that takes longer than it may ----------------------------------------------------------


@pytest.mark.parametrize("how", ["look", "kill"])
def test_what_was_not_known_to_be_down_is_so_after_a_look_though_its_kill_command_takes_too_long(serving, how):
    """As where the stop command is asked again because there is no other one."""
    serving.kind.hangs |= {"kill"} | ({"look"} if how == "look" else set())
    serving.kind.running = False
    serving.pass_time(Order.KILL, 3)
    assert serving.unstoppable == ["db"]
    serving.kind.hangs -= {"look"}
    serving.pass_time(Order.KILL, 7)
    assert (serving.says, serving.services.all_down) == ("OUT_OF_SERVICE", True)


class SlowLook(FakeTask):
    """Has its answer 1.5 s after it began."""

    def __init__(self, node: Node) -> None:
        super().__init__(Outcome.DOWN)
        self._node, self._until_ms = node, node.now_ms + 1500

    def poll(self) -> Outcome | None:
        return super().poll() if self._node.now_ms >= self._until_ms else None


def test_a_look_that_takes_longer_than_killing_may_is_waited_for(serving):
    serving.kind.look = lambda: SlowLook(serving)
    serving.pass_time(Order.KILL, 3)
    assert (serving.unstoppable, serving.services.all_down) == (["db"], True)


def test_what_still_runs_is_killed_again_and_again(serving):
    serving.kind.survives.add("kill")
    serving.pass_time(Order.KILL, 5)
    assert serving.kind.asked.count("kill") == 5


# --- what was never seen running --------------------------------------------------------------------


def standby(directory: Path) -> Node:
    """Its commands lie on a file system that only the active node mounts: they all end with 127."""
    node = Node(directory)
    node.kind.fails |= {"look", "stop", "kill"}
    return node


@pytest.mark.parametrize("order", [Order.STOP, Order.KILL])
def test_a_node_is_not_taken_down_for_a_service_that_was_never_seen_running(tmp_path, order):
    node = standby(tmp_path)
    node.pass_time(order, 120)
    assert node.unstoppable == []
    assert node.says == "FAILED"
    node.start_agent()
    node.pass_time(order, 120)
    assert (node.unstoppable, node.says) == ([], "FAILED")


def test_such_a_service_is_not_even_stopped(tmp_path):
    node = standby(tmp_path)
    node.pass_time(Order.STOP, 120)
    assert node.kind.asked == []


def test_without_that_memory_it_is_stopped_killed_and_the_node_taken_down():
    """As `expire` has it, which is there because a lease of this boot is."""
    node = Node()
    node.kind.fails |= {"look", "stop", "kill"}
    node.pass_time(Order.STOP, 60)
    assert node.unstoppable == ["db"]


@pytest.mark.parametrize("content", ["", "[]", '{"boot": "boot-1", "epoch": 0, "restarts": {}, "failed": {}}'])
def test_a_memory_that_cannot_be_read_counts_as_seen(tmp_path, content):
    (tmp_path / "tries.json").write_text(content)
    node = standby(tmp_path)
    node.pass_time(Order.STOP, 60)
    assert node.unstoppable == ["db"]


def test_a_lost_memory_counts_as_seen_where_a_lease_tells_that_an_agent_has_run(tmp_path):
    (tmp_path / "lease.json").touch()
    node = standby(tmp_path)
    node.pass_time(Order.STOP, 60)
    assert node.unstoppable == ["db"]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("how", ["started", "seen serving", "seen running"])
def test_a_node_is_taken_down_for_what_was_started_or_seen_running_also_by_a_restarted_agent(tmp_path, how, again):
    node = Node(tmp_path, running=how == "seen serving")
    if how == "seen running":
        node.kind.look_answers = Outcome.RUNNING
    node.pass_time(Order.SERVE if how == "started" else Order.LEAVE_ALONE, 2)
    if again:
        node.start_agent()
    node.kind.fails |= {"look", "stop", "kill"}
    node.pass_time(Order.STOP, 60)
    assert node.unstoppable == ["db"]


def test_what_is_being_started_is_written_down_before_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The agent may die between the two."""
    node = Node(tmp_path)
    node.pass_time(Order.LEAVE_ALONE, 1)
    file = tmp_path / "tries.json"
    written: list[bool] = []
    start = node.kind.start

    def look_and_start() -> FakeTask:
        written.append('"db"' in file.read_text())
        return start()

    monkeypatch.setattr(node.kind, "start", look_and_start)
    node.pass_time(Order.SERVE, 2)
    assert written == [True]


@pytest.mark.parametrize("limit_s", [2, 60])
def test_a_start_that_was_given_up_before_anything_of_it_ran_is_no_reason(tmp_path, limit_s):
    """The look before it hung until the lease was gone, or until the start had run out of time."""
    node = Node(tmp_path)
    node.spec = ServiceSettings("db", start_limit_s=limit_s, stop_limit_s=5, restart_tries=0)
    node.start_agent()
    node.pass_time(Order.LEAVE_ALONE, 2)
    node.kind.hangs.add("look")
    node.kind.fails |= {"stop", "kill"}
    node.pass_time(Order.SERVE, 4)
    assert node.kind.asked == []
    node.pass_time(Order.STOP, 60)
    assert (node.unstoppable, node.says) == ([], "FAILED")


def test_what_was_seen_in_another_boot_is_gone(tmp_path):
    node = Node(tmp_path)
    node.pass_time(Order.SERVE, 2)
    node.kind.fails |= {"look", "stop", "kill"}
    node.start_agent("boot-2")
    node.pass_time(Order.STOP, 60)
    assert node.unstoppable == []


def test_what_was_stopped_and_seen_down_is_no_reason_any_more(tmp_path):
    """After a switchover the file system that its commands lie on is unmounted."""
    node = Node(tmp_path)
    node.pass_time(Order.SERVE, 2)
    node.pass_time(Order.STOP, 2)
    node.kind.fails |= {"look", "stop", "kill"}
    node.pass_time(Order.STOP, 60)
    assert (node.unstoppable, node.says) == ([], "FAILED")


def test_a_service_that_is_seen_after_all_is_stopped(tmp_path):
    node = standby(tmp_path)
    node.pass_time(Order.KILL, 30)
    assert node.says == "FAILED"
    node.kind.fails.clear()
    node.kind.running = True
    node.pass_time(Order.STOP, 10)
    assert (node.says, node.kind.running) == ("OUT_OF_SERVICE", False)


def test_a_broken_status_that_calls_it_dead_takes_no_node_down_either(tmp_path):
    node = standby(tmp_path)
    node.kind.look = lambda: FakeTask(Outcome.DEAD)
    node.pass_time(Order.STOP, 60)
    assert (node.unstoppable, node.says) == ([], "FAILED")
    asked = list(node.kind.asked)
    node.pass_time(Order.STOP, 60)
    assert node.kind.asked == asked


def test_a_service_that_was_never_seen_is_started_under_a_lease_all_the_same(tmp_path):
    node = standby(tmp_path)
    node.pass_time(Order.STOP, 30)
    node.kind.fails.clear()
    node.pass_time(Order.SERVE, 10)
    assert node.says == "IN_SERVICE"


# --- what runs and does not serve -------------------------------------------------------------------


def test_what_is_found_running_and_does_not_serve_has_as_long_as_a_start():
    node = Node()
    node.kind.look_answers = Outcome.RUNNING
    node.pass_time(Order.SERVE, 9)
    assert (node.says, node.kind.asked) == ("STARTING", [])
    node.kind.look_answers = Outcome.SERVING
    node.pass_time(Order.SERVE, 2)
    assert node.says == "IN_SERVICE"


@pytest.mark.parametrize("order", [Order.SERVE, Order.LEAVE_ALONE])
def test_what_does_not_come_to_serve_within_that_time_has_failed(order):
    node = Node()
    node.kind.look_answers = Outcome.RUNNING
    node.pass_time(order, 12)
    assert node.says == "FAILED"


def test_what_was_on_its_way_down_when_it_was_found_is_started():
    node = Node()
    node.kind.look_answers = Outcome.RUNNING
    node.pass_time(Order.SERVE, 2)
    node.kind.look_answers = None
    node.pass_time(Order.SERVE, 4)
    assert (node.says, node.kind.asked) == ("IN_SERVICE", ["start"])


def test_what_is_found_running_is_stopped_where_it_is_not_to_run():
    node = Node(running=True)
    node.kind.look_answers = Outcome.RUNNING
    node.pass_time(Order.LEAVE_ALONE, 2)
    node.kind.look_answers = None
    node.pass_time(Order.STOP, 4)
    assert (node.says, node.kind.asked) == ("OUT_OF_SERVICE", ["stop"])


def test_a_service_that_stops_doing_its_work_has_failed(serving):
    serving.kind.look = lambda: FakeTask(Outcome.RUNNING, "activating: auto-restart")
    serving.pass_time(Order.SERVE, 6)
    assert serving.says == "FAILED"
    assert serving.told("FAILED") == ["it no longer does its work: activating: auto-restart"]


# --- what somebody else has stopped or started ------------------------------------------------------


def test_a_restart_by_hand_that_is_seen_half_way_is_waited_for_and_told_and_is_no_failure(serving):  # S16
    serving.kind.look = lambda: FakeTask(Outcome.CHANGING, "db.service is deactivating (stop)")
    serving.pass_time(Order.SERVE, 8)
    assert serving.says == "STARTING"
    assert serving.told("STARTING")[-1] == (
        "somebody else has it stopped or started, and that is waited for: db.service is deactivating (stop)"
    )
    del serving.kind.look
    serving.pass_time(Order.SERVE, 2)
    assert (serving.says, serving.kind.asked, serving.told("FAILED")) == ("IN_SERVICE", ["start"], [])


def test_a_restart_by_hand_is_not_waited_for_longer_than_a_start_may_take(serving):
    serving.kind.look = lambda: FakeTask(Outcome.CHANGING)
    serving.pass_time(Order.SERVE, 4)
    assert serving.says == "STARTING"
    serving.pass_time(Order.SERVE, 12)
    assert (serving.says, serving.told("FAILED")) == ("FAILED", ["it did not come in service within 10 s"])


@pytest.mark.parametrize("ends", [Outcome.DOWN, Outcome.DEAD, Outcome.RUNNING])
def test_a_stop_or_restart_by_hand_that_does_not_end_in_service_is_a_failure_like_any_other(serving, ends):  # S16
    """Else one that ends well every few seconds would be started for ever, and counted never."""
    serving.kind.look_answers = Outcome.CHANGING
    serving.pass_time(Order.SERVE, 6)
    serving.kind.look_answers = ends
    serving.pass_time(Order.SERVE, 2)
    assert (serving.says, serving.kind.asked) == ("FAILED", ["start"])


def test_a_stop_by_hand_where_nobody_is_told_to_serve_is_left_alone():
    node = Node(running=True)
    node.pass_time(Order.LEAVE_ALONE, 2)
    node.kind.look_answers = Outcome.CHANGING
    node.pass_time(Order.LEAVE_ALONE, 6)
    node.kind.look_answers, node.kind.running = None, False
    node.pass_time(Order.LEAVE_ALONE, 2)
    assert (node.says, node.told("FAILED"), node.kind.asked) == ("OUT_OF_SERVICE", [], [])


def test_what_somebody_else_has_started_is_stopped_where_it_is_not_to_run():
    node = Node()
    node.kind.look_answers = Outcome.CHANGING
    node.pass_time(Order.STOP, 2)
    assert (node.says, node.kind.asked) == ("STOPPING", ["stop"])
    node.kind.look_answers = None
    node.pass_time(Order.STOP, 2)
    assert node.says == "OUT_OF_SERVICE"


# --- the moment after a start -----------------------------------------------------------------------


def dying(after_s: float, *, slow_to_show: bool = False, confirms_start: bool = False) -> Node:
    """Its service dies so long after its start, which nothing confirms."""
    node = Node()
    node.kind.confirms_start, node.kind.slow_to_show = confirms_start, slow_to_show
    node.pass_time(Order.LEAVE_ALONE, 1)
    for _ in range(100):
        if "start" in node.kind.asked:
            break
        node.pass_time(Order.SERVE, 0.1)
    node.pass_time(Order.SERVE, after_s)
    node.kind.running = False
    return node


@pytest.mark.parametrize("slow_to_show", [False, True])
def test_a_service_that_dies_right_after_its_start_was_never_in_service(slow_to_show):
    node = dying(0.3, slow_to_show=slow_to_show)
    node.pass_time(Order.SERVE, 3)
    assert node.says == "FAILED"
    assert node.told("FAILED") == ["it ended right after its start"]
    assert node.told("IN_SERVICE") == []


def test_without_that_moment_it_would_be_called_in_service():
    node = dying(0.3, confirms_start=True)
    assert node.says == "IN_SERVICE"


def test_a_service_that_goes_on_serving_is_in_service_after_a_second():
    node = dying(0.9)
    assert node.says == "STARTING"
    node.kind.running = True
    node.pass_time(Order.SERVE, 0.5)
    assert node.says == "IN_SERVICE"


def test_a_service_that_falters_meanwhile_begins_that_second_anew():
    node = dying(0.5)
    node.kind.running = True
    node.kind.look_answers = Outcome.RUNNING
    node.pass_time(Order.SERVE, 1)
    node.kind.look_answers = None
    node.pass_time(Order.SERVE, 0.9)
    assert node.says == "STARTING"
    node.pass_time(Order.SERVE, 0.5)
    assert node.says == "IN_SERVICE"


# --- the pause between tries ------------------------------------------------------------------------


def starts_at(pause_s: float) -> list[float]:
    """When a service that fails at each start but the first is started, in seconds from when it died."""
    node = Node(restart_tries=3, pause_s=pause_s)
    node.pass_time(Order.SERVE, 2)
    node.kind.fails.add("start")
    node.kind.running = False
    times: list[float] = []
    died_ms = node.now_ms
    for _ in range(300):
        before = node.kind.asked.count("start")
        node.pass_time(Order.SERVE, 0.1)
        times += [(node.now_ms - died_ms) / 1000] * (node.kind.asked.count("start") - before)
        if node.says == "FAILED":
            break
        assert node.says in ("IN_SERVICE", "STARTING")
    return times


def test_tries_are_not_all_used_up_at_once():
    first, second, third = starts_at(2)
    assert first < 6  # found out at the next look, and restarted at once
    assert 2 <= second - first < 3
    assert 4 <= third - second < 5


def test_without_a_pause_they_are():
    first, _, third = starts_at(0)
    assert third - first < 1
