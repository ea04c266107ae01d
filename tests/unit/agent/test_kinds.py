# S9 S10 S12: with real child processes
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.unit.agent.waiting import wait_for
from understudy_agent import process as process_module
from understudy_agent import tasks
from understudy_agent.kinds import Script
from understudy_agent.model import ServiceSettings, State, StateChange
from understudy_agent.process import TETHER, Process, has_ended
from understudy_agent.service import LOOK_LIMIT_MS, Service
from understudy_agent.tasks import Outcome, Task, command_task, group_is_gone, signal_group

SLEEP = ("sleep", "600")
PYTHON = sys.executable


def outcome_of(task: Task) -> Outcome:
    return wait_for(task.poll)


def look(kind: Process | Script) -> Outcome:
    return outcome_of(kind.look())


@pytest.fixture
def processes():
    """Makes processes as services, and leaves none behind."""
    made: list[Process] = []

    def make(*command: str, ready: tuple[str, int] | None = None, clock=None) -> Process:
        made.append(Process(command, ready, clock or count(0, 1000).__next__))
        return made[-1]

    yield make
    for process in made:
        wait_for(process.kill().poll)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Times:
    """A clock that gives one time after the other."""

    def __init__(self, *times_ms: int) -> None:
        self.times_ms = list(times_ms)

    def __call__(self) -> int:
        return self.times_ms.pop(0) if len(self.times_ms) > 1 else self.times_ms[0]


def test_a_process_counts_as_started_when_it_has_lived_for_a_second(processes):
    process = processes(*SLEEP, clock=Times(0, 999, 1000))
    start = process.start()
    assert start.poll() is None
    assert start.poll() is Outcome.DONE
    assert look(process) is Outcome.SERVING


def test_a_process_is_down_before_it_was_ever_started():
    process = Process(SLEEP)
    assert look(process) is Outcome.DOWN
    assert outcome_of(process.stop()) is Outcome.DONE


def test_a_process_that_ends_by_itself_has_failed_to_start(processes):
    process = processes("false", clock=lambda: 0)
    assert outcome_of(process.start()) is Outcome.FAILED
    assert look(process) is Outcome.DOWN


def test_a_program_that_is_not_there_fails_to_start(processes):
    assert outcome_of(processes("/no/such/program", clock=lambda: 0).start()) is Outcome.FAILED


def test_a_process_with_a_ready_port_is_started_when_the_port_accepts(processes, port):
    script = (
        f"import socket,sys,time\nsys.stdin.close()\ns=socket.create_server(('127.0.0.1',{port}))\ntime.sleep(600)\n"
    )
    process = processes(PYTHON, "-c", script, ready=("127.0.0.1", port))
    assert outcome_of(process.start()) is Outcome.DONE
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_process_whose_ready_port_never_accepts_is_still_starting(processes, port):
    process = processes(*SLEEP, ready=("127.0.0.1", port))
    start = process.start()
    assert [start.poll() for _ in range(20)] == [None] * 20
    start.abort()
    assert look(process) is Outcome.SERVING


def test_a_process_that_stops_on_sigterm_is_gone_after_it(processes):
    process = processes(*SLEEP)
    wait_for(process.start().poll)
    assert outcome_of(process.stop()) is Outcome.DONE
    assert look(process) is Outcome.DOWN


def deaf(processes: Callable[..., Process], tmp_path: Path) -> Process:
    """A process that ignores SIGTERM."""
    there = tmp_path / "there"
    script = f"trap '' TERM; touch {there}; while :; do sleep 600; done"
    process = processes("/bin/sh", "-c", script)
    wait_for(process.start().poll)
    wait_for(there.exists)
    return process


def test_a_process_that_ignores_sigterm_is_killed(processes, tmp_path):
    process = deaf(processes, tmp_path)
    stop = process.stop()
    assert [stop.poll() for _ in range(20)] == [None] * 20
    assert look(process) is not Outcome.DOWN
    assert outcome_of(process.kill()) is Outcome.DONE
    assert look(process) is Outcome.DOWN


def test_a_process_is_not_gone_while_a_child_of_it_lives(processes, tmp_path):
    child_file = tmp_path / "child"
    script = f"sleep 600 & echo $! >{child_file}.part; mv {child_file}.part {child_file}; exit 0"
    process = processes("/bin/sh", "-c", script)
    wait_for(process.start().poll)
    wait_for(child_file.exists)
    assert wait_for(lambda: look(process) is Outcome.RUNNING)
    assert outcome_of(process.start()) is Outcome.FAILED
    assert outcome_of(process.kill()) is Outcome.DONE


def test_a_process_can_be_started_again(processes):
    process = processes(*SLEEP)
    for _ in range(2):
        assert outcome_of(process.start()) is Outcome.DONE
        assert outcome_of(process.kill()) is Outcome.DONE


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_process_that_has_ended_long_ago_never_has_its_signals_sent_to_who_got_its_id(processes, monkeypatch, how):
    process = processes("true")
    process.start()
    child = process._child
    wait_for(lambda: look(process) is Outcome.DOWN)
    signalled: list[int] = []
    monkeypatch.setattr(process_module, "group_is_gone", lambda _group: False)  # a stranger has it
    monkeypatch.setattr(process_module, "signal_group", lambda group, _number: signalled.append(group))
    assert child.returncode == 0  # collected: its id is anybody's
    assert outcome_of(getattr(process, how)()) is Outcome.DONE
    assert signalled == []


def test_the_id_of_a_process_is_nobody_elses_while_a_child_of_it_lives(processes, tmp_path):
    """It has ended and is not collected: the kernel gives its id, and that of its group, to nobody."""
    process = processes("/bin/sh", "-c", "sleep 600 & exit 0")
    process.start()
    child = process._child
    assert wait_for(lambda: look(process) is Outcome.RUNNING)
    assert child.returncode is None
    os.kill(child.pid, 0)
    assert outcome_of(process.kill()) is Outcome.DONE
    assert child.returncode == 0


def test_a_child_that_somebody_else_has_collected_has_ended():
    child = subprocess.Popen(["true"])
    child.wait(10)
    assert has_ended(child.pid)


def test_a_process_dies_with_the_agent(tmp_path):
    child_file = tmp_path / "child"
    agent = subprocess.Popen(
        [
            PYTHON,
            "-c",
            "import time\n"
            "from understudy_agent.process import Process\n"
            f"script = 'echo $$ >{child_file}.new; mv {child_file}.new {child_file}; exec sleep 600'\n"
            "process = Process(('/bin/sh', '-c', script))\n"
            "process.start()\n"
            "time.sleep(600)\n",
        ],
        env={**os.environ, "PYTHONPATH": str(Path(TETHER).parent.parent)},
    )
    try:
        wait_for(child_file.exists)
    finally:
        agent.kill()
        agent.wait(10)
    child = int(child_file.read_text())
    assert wait_for(lambda: group_is_gone(child))


def test_a_tether_of_an_agent_that_is_dead_already_runs_nothing():
    assert subprocess.run([PYTHON, "-IS", TETHER, "1", "true"], check=False).returncode == 127


def test_a_tether_tells_of_a_program_that_is_not_there():
    ran = subprocess.run(
        [PYTHON, "-IS", TETHER, str(os.getpid()), "/no/such/program"], capture_output=True, check=False
    )
    assert ran.returncode == 127
    assert b"/no/such/program" in ran.stderr


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


def test_a_script_starts_stops_and_tells_its_status(tmp_path):
    flag = tmp_path / "running"
    script = Script(shell(f"touch {flag}"), shell(f"rm {flag}"), shell(f"test -e {flag} || exit 3"))
    assert look(script) is Outcome.DOWN
    assert outcome_of(script.start()) is Outcome.DONE
    assert look(script) is Outcome.SERVING
    assert outcome_of(script.kill()) is Outcome.DONE
    assert look(script) is Outcome.DOWN
    assert outcome_of(script.stop()) is Outcome.FAILED


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (0, Outcome.SERVING),
        (1, Outcome.DEAD),
        (2, Outcome.DEAD),
        (3, Outcome.DOWN),
        (4, Outcome.UNKNOWN),
        (127, Outcome.UNKNOWN),
    ],
)
def test_exit_statuses_mean_what_they_mean_for_init_scripts(status, meaning):
    assert look(Script((), (), shell(f"exit {status}"))) is meaning


def test_a_status_command_that_cannot_be_run_is_no_answer():
    assert look(Script((), (), ("/no/such/program",))) is Outcome.UNKNOWN


def reaped() -> bool:
    tasks.reap()
    return not tasks._unreaped


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    child_file = tmp_path / "child"
    task = command_task(shell(f"sleep 600 & echo $$ >{child_file}.new; mv {child_file}.new {child_file}; wait"))
    wait_for(child_file.exists)
    assert task.poll() is None
    task.abort()
    group = int(child_file.read_text())
    assert wait_for(lambda: reaped() and group_is_gone(group))


def group_of_a_start_that_hangs(directory: Path) -> tuple[Script, Path]:
    """A script whose start forks a child that ignores SIGTERM, writes its process group down, and hangs."""
    there = directory / "group"
    child = "trap '' TERM; while :; do sleep 600; done"
    start = f"( {child} ) & trap '' TERM; echo $$ >{there}.new; mv {there}.new {there}; wait"
    return Script(shell(start), shell("exit 1"), shell("exit 3")), there


def test_a_script_that_hangs_is_killed_at_its_limit_with_all_that_it_has_forked(tmp_path: Path):
    script, there = group_of_a_start_that_hangs(tmp_path)
    told: list[StateChange] = []
    service = Service(ServiceSettings("reports", start_limit_s=60), script, told.append)
    service.start("a test", now_ms=0)

    def started() -> bool:
        service.advance(59_999, 1000)
        return there.exists()

    wait_for(started)
    group = int(there.read_text())
    assert not group_is_gone(group)
    assert [change.new for change in told] == [State.STARTING]
    service.advance(60_000, 1000)
    assert [change.new for change in told] == [State.STARTING, State.FAILED]
    assert wait_for(lambda: reaped() and group_is_gone(group))


def test_a_status_that_hangs_is_killed_and_is_no_answer(tmp_path):
    there = tmp_path / "group"
    script = Script((), (), shell(f"sleep 600 & echo $$ >{there}.new; mv {there}.new {there}; wait"))
    service = Service(ServiceSettings("reports"), script, lambda _change: None)
    service.watch(0, wanted=True)
    wait_for(there.exists)
    service.advance(LOOK_LIMIT_MS, 1000)
    assert (service.state, service.unknown_looks) == (None, 1)
    assert wait_for(lambda: reaped() and group_is_gone(int(there.read_text())))


def test_a_start_that_ends_with_an_error_has_failed():
    service = Service(ServiceSettings("reports"), Script(shell("exit 6"), (), shell("exit 3")), lambda _change: None)
    service.start("a test", now_ms=0)

    def failed() -> bool:
        service.advance(1, 1000)
        return service.state is State.FAILED

    wait_for(failed)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (("sh", "-c", "exit 6"), "its start failed: its command ended with 6"),
        (
            ("/no/such/program",),
            "its start failed: its command ended with 127: it, or one that it calls, is not there or is no program",
        ),
    ],
)
def test_a_start_that_fails_says_how(start, why):
    told: list[StateChange] = []
    service = Service(ServiceSettings("reports"), Script(start, (), shell("exit 3")), told.append)
    service.start("a test", now_ms=0)

    def failed() -> bool:
        service.advance(1, 1000)
        return service.state is State.FAILED

    wait_for(failed)
    assert told[-1].why == why


def test_a_command_that_has_ended_can_be_given_up():
    task = command_task(shell("echo said"), capture=True)
    wait_for(lambda: task.poll() is not None)
    task.abort()
    assert wait_for(lambda: reaped())


def test_a_captured_command_that_is_given_up_leaves_no_pipe_open():
    task = command_task(("sleep", "600"), capture=True)
    task.abort()
    assert wait_for(lambda: reaped())


def test_a_group_that_is_not_there_cannot_be_signalled():
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait(10)
    assert not signal_group(child.pid, signal.SIGTERM)


def test_a_process_that_only_waits_to_be_reaped_is_gone():
    child = subprocess.Popen(["true"], start_new_session=True)
    try:
        assert wait_for(lambda: group_is_gone(child.pid))
    finally:
        child.wait(10)


def test_a_group_that_may_not_be_signalled_is_not_gone(monkeypatch):
    def refuse(_group: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)
    assert not group_is_gone(1)
    assert not signal_group(1, 0)


def test_a_command_that_says_more_than_a_pipe_holds_is_heard_to_its_end():
    said: list[int] = []

    def judge(_status: int, output: str) -> Outcome:
        said.append(len(output))
        return Outcome.DONE

    task = command_task((PYTHON, "-c", "print('x' * 300_000)"), judge, capture=True)
    assert outcome_of(task) is Outcome.DONE
    assert said == [300_001]
