# S9 S12 B18: what a script or a mount leaves running is found and ended in its slice, and outlives the agent
from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.test_config import AGENT
from tests.unit.agent.waiting import wait_for
from understudy_agent import cgroups, config
from understudy_agent.kinds import Script
from understudy_agent.lease import Order
from understudy_agent.model import ServiceSettings
from understudy_agent.mounts import Mount, System
from understudy_agent.remains import Remains
from understudy_agent.scopes import Scopes, SystemPaths, own_unit
from understudy_agent.services import Services
from understudy_agent.tasks import STILL_HANGS, Outcome, Task

GROUP = r"/understudy.slice/understudy-orders\x2ddb.slice/understudy-orders\x2ddb-db.slice"
ROOT_LINE = "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw"


def outcome_of(task: Task) -> Outcome:
    return wait_for(task.poll)


class Booted:
    """A machine with systemd: `systemd-run` puts what it runs into a file that stands for a control group.

    What has ended is taken out of the file, as the kernel does it, at every look.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.booted = directory / "booted"
        self.booted.mkdir()
        root = directory / "cgroup"
        self.group = root / GROUP.lstrip("/")
        self.group.mkdir(parents=True)
        (root / "cgroup.controllers").touch()
        for group in (root, *(path for path in root.rglob("*") if path.is_dir())):
            (group / "cgroup.procs").touch()
        program = directory / "systemd-run"
        procs = self.group / "cgroup.procs"
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{directory}/asked\nwhile [ "$1" != -- ]; do shift; done\nshift\n'
            f'export PROCS="{procs}"\nexec "$@"\n'
        )
        program.chmod(0o755)
        own = directory / "own"
        own.write_text("1:name=systemd:/system.slice/understudy-agent.service\n0::/\n")
        self.scopes = Scopes("orders-db", "db", SystemPaths(self.booted, str(program), root, own))

    def asked(self) -> str:
        return (self.directory / "asked").read_text()

    def members(self) -> list[int]:
        return [int(line) for line in (self.group / "cgroup.procs").read_text().split()]

    def reap(self) -> None:
        """Take out whoever has ended."""
        alive = [pid for pid in self.members() if is_alive(pid)]
        (self.group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in alive))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Booted]:
    machine = Booted(tmp_path)
    processes = cgroups.processes

    def kernel(control_group: str, root: Path) -> set[int]:
        machine.reap()
        return processes(control_group, root)

    monkeypatch.setattr(cgroups, "processes", kernel)
    yield machine
    for pid in machine.members():
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def daemon(booted: Booted, *, status: str = "3", kill: tuple[str, ...] = (), stop: str = "true") -> Script:
    """A script whose start forks a daemon into a session of its own, which ignores SIGTERM."""
    loop = 'trap "" TERM; echo $$ >>"$PROCS"; exec sleep 600'
    start = f"setsid sh -c '{loop}' >/dev/null 2>&1 & sleep 0.1"
    return Script(("sh", "-c", start), ("sh", "-c", stop), ("sh", "-c", f"exit {status}"), kill, booted.scopes)


def started(booted: Booted, script: Script) -> Script:
    assert outcome_of(script.start()) is Outcome.DONE
    wait_for(booted.members)
    return script


# --- where it runs ----------------------------------------------------------------------------------


def test_a_start_runs_in_a_slice_of_its_own_that_ends_after_the_agent_at_shutdown(booted):
    started(booted, daemon(booted))
    where, order = r"--slice=understudy-orders\x2ddb-db.slice", "-p Before=understudy-agent.service"
    assert booted.asked().startswith(f"--scope --quiet --collect {where} {order} -- sh -c")


def test_only_the_start_runs_there(booted):
    script = Script(("true",), ("true",), ("true",), ("true",), booted.scopes)
    for task in (script.start(), script.stop(), script.look(), script.kill()):
        outcome_of(task)
    assert booted.asked().count("\n") == 1


def test_an_exit_status_is_that_of_the_command(booted):
    assert outcome_of(Script(("sh", "-c", "exit 3"), (), (), (), booted.scopes).start()) is Outcome.FAILED


def test_without_systemd_a_start_runs_where_the_agent_does(tmp_path):
    scopes = Scopes("orders-db", "db", SystemPaths(booted=tmp_path / "none", systemd_run="/no/such/program"))
    script = Script(("true",), ("true",), ("sh", "-c", "exit 3"), (), scopes)
    assert outcome_of(script.start()) is Outcome.DONE
    assert outcome_of(script.look()) is Outcome.DOWN
    assert outcome_of(script.kill()) is Outcome.DONE
    assert script.remains() == Remains()


def test_the_slice_is_among_what_is_left_of_a_service(booted):
    assert daemon(booted).remains() == Remains(control_groups=(GROUP,))
    assert Mount("/srv/orders", scopes=booted.scopes).remains() == Remains((GROUP,), ("/srv/orders",))


def test_every_service_of_every_cluster_has_a_slice_of_its_own(booted):
    names = [("a-b", "c"), ("a", "b-c"), ("a", "b"), ("a.b", "c"), ("a_b", "c")]
    groups = {Scopes(*each, machine=SystemPaths(booted=booted.booted)).groups for each in names}
    assert len(groups) == len(names)


def test_scripts_and_mounts_of_a_configuration_have_their_slice():
    script = "[service db]\nkind = script\nstart = a\nstop = b\nstatus = c\n"
    settings = config.parse(f"{AGENT}{script}[service data]\nkind = mount\nmount = /srv/x\n")
    slices = {name: kind._scopes._slice for name, kind in settings.kinds.items()}
    assert slices == {name: f"understudy-orders\\x2ddb-{name}.slice" for name in ("db", "data")}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/understudy-agent.service\n", "understudy-agent.service"),
        ("3:pids:/x.service\n1:name=systemd:/system.slice/a.slice/b@c.service\n0::/\n", "b@c.service"),
        ("0::/user.slice/user-0.slice/session-1.scope\n", ""),
        ("", ""),
    ],
)
def test_the_agent_knows_its_own_unit(tmp_path, text, unit):
    (tmp_path / "cgroup").write_text(text)
    assert own_unit(tmp_path / "cgroup") == unit
    assert own_unit(tmp_path / "none") == ""


# --- down means that nothing is left ----------------------------------------------------------------


@pytest.mark.parametrize("status", ["1", "2", "3"])
def test_a_script_is_not_down_while_anything_is_left_in_its_slice(booted, status):
    script = started(booted, daemon(booted, status=status))
    look = script.look()
    assert outcome_of(look) is Outcome.RUNNING
    assert look.why.endswith(f"are left in understudy-orders\\x2ddb-db.slice: {booted.members()[0]}")


def test_without_the_slice_its_own_word_counts(booted):
    started(booted, daemon(booted))
    assert outcome_of(Script((), (), ("sh", "-c", "exit 3")).look()) is Outcome.DOWN


def test_a_slice_that_cannot_be_read_is_no_answer(booted):
    (booted.directory / "cgroup" / "cgroup.controllers").unlink()
    look = daemon(booted).look()
    assert outcome_of(look) is Outcome.UNKNOWN
    assert "it cannot be told who is left in understudy-orders" in look.why


@pytest.mark.parametrize("kill", [(), ("sh", "-c", "exit 1"), ("/no/such/program",)])
def test_a_kill_ends_who_is_left_whatever_its_command_says(booted, kill):
    script = started(booted, daemon(booted, kill=kill, stop="sleep 600"))
    (pid,) = booted.members()
    assert outcome_of(script.kill()) is Outcome.DONE
    assert not is_alive(pid)
    assert outcome_of(script.look()) is Outcome.DOWN


def test_a_kill_of_what_runs_elsewhere_is_that_of_its_command(booted):
    assert outcome_of(daemon(booted, kill=("sh", "-c", "exit 1")).kill()) is Outcome.FAILED
    assert outcome_of(daemon(booted).kill()) is Outcome.DONE  # the stop command is asked again


def test_a_daemon_that_its_stop_forgets_is_killed_and_then_out_of_service(booted):
    """Its commands say that all is well, and the node goes on serving."""
    script = started(booted, daemon(booted))
    services = Services({"db": script}, [ServiceSettings("db", stop_limit_s=5)], lambda _name: None)
    now_ms = 0

    def says(order: Order) -> str:
        nonlocal now_ms
        now_ms += 200
        services.tick(order, 1, now_ms, 1.0)
        return str(services.states()["db"])

    wait_for(lambda: says(Order.LEAVE_ALONE) == "STARTING")
    (pid,) = booted.members()
    said = [wait_for(lambda: says(Order.STOP))]
    wait_for(lambda: said.append(says(Order.STOP)) or said[-1] == "OUT_OF_SERVICE")
    assert not is_alive(pid)
    assert set(said) == {"STOPPING", "OUT_OF_SERVICE"}


# --- a mount and its helpers ------------------------------------------------------------------------


class Mounted:
    """A mount with a helper, a table of mounts, and a `stat` that answers as the test says."""

    def __init__(self, booted: Booted) -> None:
        directory = booted.directory
        self.table = directory / "mountinfo"
        self.point = directory / "orders"
        self.point.mkdir()
        self.table.write_text(ROOT_LINE + "\n")
        self.proc = directory / "proc"
        self.proc.mkdir()
        self.directory = directory
        line = f"36 22 259:3 / {self.point} rw - fuse x rw"
        loop = '( trap "exit 0" TERM; while :; do sleep 0.05; done )'
        helper = f"{loop} </dev/null >/dev/null 2>&1 & echo $! >>$PROCS"
        mount = self.program("mount", f"{helper}\necho '{line}' >>{self.table}")
        umount = self.program("umount", f"echo '{ROOT_LINE}' >{self.table}")
        self.answer("exit 0")
        system = System(self.table, self.proc, mount, umount, str(directory / "stat"))
        self.mount = Mount(str(self.point), system=system, scopes=booted.scopes)

    def program(self, name: str, script: str) -> str:
        (self.directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.directory / name).chmod(0o755)
        return str(self.directory / name)

    def answer(self, script: str) -> None:
        self.program("stat", f"echo x >>{self.directory}/stats\n{script}")

    def questions(self) -> int:
        return (self.directory / "stats").read_text().count("x")


@pytest.fixture
def mounted(booted: Booted) -> Mounted:
    made = Mounted(booted)
    assert outcome_of(made.mount.start()) is Outcome.DONE
    wait_for(booted.members)
    assert outcome_of(made.mount.look()) is Outcome.SERVING
    return made


def test_the_helper_of_a_mount_is_asked_to_end_when_it_is_unmounted(booted, mounted):
    assert outcome_of(mounted.mount.stop()) is Outcome.DONE
    assert wait_for(lambda: outcome_of(mounted.mount.look()) is Outcome.DOWN)
    assert booted.members() == []


def test_a_mount_whose_helper_is_left_is_not_down(booted, mounted):
    mounted.table.write_text(ROOT_LINE + "\n")
    look = mounted.mount.look()
    assert outcome_of(look) is Outcome.RUNNING
    assert look.why.startswith("it is unmounted, and of its processes are left in")
    assert outcome_of(mounted.mount.kill()) is Outcome.DONE
    assert wait_for(lambda: outcome_of(mounted.mount.look()) is Outcome.DOWN)


def test_a_file_system_that_answers_with_an_error_does_not_serve(mounted):
    mounted.answer("exit 1")
    look = mounted.mount.look()
    assert outcome_of(look) is Outcome.RUNNING
    assert look.why == "it is mounted, and asking its file system (statfs) ended with 1"


def test_a_file_system_that_cannot_be_asked_is_no_answer(mounted):
    (mounted.directory / "stat").unlink()
    assert outcome_of(mounted.mount.look()) is Outcome.UNKNOWN


def test_a_file_system_that_hangs_is_never_asked_by_a_second_child(mounted, monkeypatch):
    """The kernel keeps the first one in its call, whatever is sent to it."""
    mounted.answer("exec sleep 600")
    first = mounted.mount.look()
    asked = wait_for(lambda: mounted.questions() == 2 and mounted.questions())
    monkeypatch.setattr("understudy_agent.tasks.signal_group", lambda _group, _number: True)
    first.abort()
    for _ in range(3):
        look = mounted.mount.look()
        assert (look.poll(), look.why) == (Outcome.UNKNOWN, STILL_HANGS)
    assert mounted.questions() == asked
    monkeypatch.undo()
    first.abort()
    mounted.answer("exit 0")
    wait_for(lambda: mounted.mount.look().poll() is not Outcome.UNKNOWN)


def test_a_file_system_that_hangs_delays_no_unmounting(mounted):
    mounted.answer("exec sleep 600")
    stop = mounted.mount.stop()
    assert mounted.mount.look().poll() in (Outcome.SERVING, Outcome.RUNNING, Outcome.DOWN)
    assert outcome_of(stop) is Outcome.DONE
    assert mounted.questions() == 1


def test_a_real_file_system_is_asked_by_the_systems_own_program(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(f"36 22 259:3 / {tmp_path} rw - ext4 x rw\n")
    assert outcome_of(Mount(str(tmp_path), system=System(mountinfo=table)).look()) is Outcome.SERVING


def test_a_signal_reaches_all_of_a_control_group(booted):
    child = subprocess.Popen(["sleep", "600"])
    (booted.group / "cgroup.procs").write_text(f"{child.pid}\n{os.getpid()}\n")
    booted.scopes.end(signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM
    (booted.group / "cgroup.procs").write_text("")
