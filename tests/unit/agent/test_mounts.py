# S9 S12: mounts, with a table of mounts and programs that stand in for the kernel's
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.agent.waiting import wait_for
from understudy_agent import fields
from understudy_agent.config import BadConfigError, parse
from understudy_agent.mounts import UNMOUNT, Mount, System
from understudy_agent.tasks import Outcome, Task
from understudy_agent.unmount import is_within, mount_points, users

ROOT_LINE = "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw"
LINE = "36 22 259:3 / {} rw,noatime shared:7 master:1 - {} /dev/nvme1n1 rw,errors=continue"
SLEEP = ("sleep", "600")


class Machine:
    """A table of mounts, a `mount` and an `umount` that change it, and what they were asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.table = directory / "mountinfo"
        self.table.write_text(ROOT_LINE + "\n")
        self.point = directory / "orders"
        self.point.mkdir()
        self.proc = directory / "proc"
        self.proc.mkdir()
        line = LINE.format("$last", "ext4")
        mount = self.program("mount", f'for last; do :; done; echo "{line}" >>{self.table}')
        umount = self.program(
            "umount",
            f"for last; do :; done; test ! -e {directory}/busy || {{ echo busy >&2; exit 32; }}; "
            f'grep -v " $last " {self.table} >{directory}/new; mv {directory}/new {self.table}',
        )
        self.system = System(self.table, self.proc, mount, umount)

    def program(self, name: str, script: str) -> str:
        path = self.directory / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.directory}/asked\n{script}\n')
        path.chmod(0o755)
        return str(path)

    def asked(self) -> list[str]:
        return (self.directory / "asked").read_text().splitlines()

    def mount(self, **more: str) -> Mount:
        return Mount(str(self.point), system=self.system, **more)

    def make_busy(self) -> None:
        (self.directory / "busy").touch()

    def make_idle(self) -> None:
        (self.directory / "busy").unlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def outcome_of(task: Task) -> Outcome:
    return wait_for(task.poll)


def test_a_mount_is_mounted_seen_and_unmounted(machine):
    mount = machine.mount()
    assert outcome_of(mount.look()) is Outcome.DOWN
    assert outcome_of(mount.start()) is Outcome.DONE
    assert outcome_of(mount.look()) is Outcome.SERVING
    assert outcome_of(mount.stop()) is Outcome.DONE
    assert outcome_of(mount.look()) is Outcome.DOWN
    assert machine.asked() == [f"mount {machine.point}", f"umount {machine.point}"]


def test_with_a_device_a_mount_needs_no_fstab(machine):
    mount = machine.mount(device="/dev/nvme1n1", fstype="xfs", options="noatime,nofail")
    outcome_of(mount.start())
    assert machine.asked() == [f"mount -t xfs -o noatime,nofail /dev/nvme1n1 {machine.point}"]


def test_unmounting_what_is_not_mounted_is_done_at_once(machine):
    assert outcome_of(machine.mount().stop()) is Outcome.DONE
    assert outcome_of(machine.mount().kill()) is Outcome.DONE
    assert not (machine.directory / "asked").exists()


def test_a_mount_in_use_is_unmounted_as_soon_as_it_is_not(machine):
    mount = machine.mount()
    outcome_of(mount.start())
    machine.make_busy()
    stop = mount.stop()
    wait_for(lambda: len(machine.asked()) >= 3)
    assert stop.poll() is None
    machine.make_idle()
    assert outcome_of(stop) is Outcome.DONE


def test_a_stop_that_is_given_up_goes_on_no_longer(machine):
    mount = machine.mount()
    outcome_of(mount.start())
    machine.make_busy()
    stop = mount.stop()
    wait_for(lambda: len(machine.asked()) >= 2)
    stop.abort()
    machine.make_idle()
    assert outcome_of(mount.look()) is Outcome.SERVING


def test_a_kill_kills_who_uses_the_mount_and_unmounts_what_is_mounted_below(machine):
    below = machine.point / "archive"
    outcome_of(machine.mount().start())
    outcome_of(Mount(str(below), system=machine.system).start())
    user, neighbour = subprocess.Popen(SLEEP), subprocess.Popen(SLEEP)
    try:
        machine_has(machine, user.pid, cwd=below)
        machine_has(machine, neighbour.pid, cwd=machine.directory / "orders-2")
        assert outcome_of(machine.mount().kill()) is Outcome.DONE
        assert user.wait(10) == -9
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait(10)
        user.kill()
        user.wait(10)
    assert machine.asked()[2:] == [f"umount -f {below}", f"umount -f {machine.point}"]
    assert mount_points(machine.table) == ["/"]


def test_an_umount_that_cannot_be_run_is_told_once_and_tried_until_the_limit(machine, capfd):
    outcome_of(machine.mount().start())
    (machine.directory / "umount").unlink()
    argv = [sys.executable, "-IS", UNMOUNT, "stop", machine.system.umount, machine.table, machine.proc, machine.point]
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(argv, timeout=1, check=False)
    assert capfd.readouterr().err.count("No such file") == 1


def test_a_table_of_mounts_that_cannot_be_read_tells_nothing(machine):
    machine.table.unlink()
    assert outcome_of(machine.mount().look()) is Outcome.UNKNOWN
    assert outcome_of(machine.mount().kill()) is Outcome.FAILED


def test_the_kernel_writes_spaces_in_mount_points_as_octal_numbers(machine):
    machine.table.write_text(LINE.format("/srv/my\\040orders", "ext4") + "\nnot a line\n")
    assert mount_points(machine.table) == ["/srv/my orders"]


def test_a_mount_point_that_waits_for_the_automounter_is_not_mounted(machine):
    machine.table.write_text(LINE.format("/srv/orders", "autofs") + "\n")
    assert mount_points(machine.table) == []


def machine_has(machine: Machine, pid: int, *, cwd: Path | str = "/", fd: str = "/dev/null", maps: str = "") -> None:
    """A process in the machine's table of processes."""
    process = machine.proc / str(pid)
    (process / "fd").mkdir(parents=True)
    (process / "cwd").symlink_to(cwd)
    (process / "root").symlink_to("/")
    (process / "fd" / "3").symlink_to(fd)
    (process / "maps").write_text(f"7f00-7f01 r--p 00000000 103:01 17   {maps}\n7f02-7f03 rw-p 00000000 00:00 0\n")


def test_users_of_a_mount_work_there_have_files_open_there_or_run_code_from_there(machine):
    machine_has(machine, 11, cwd="/srv/orders")
    machine_has(machine, 12, fd="/srv/orders/table (deleted)")
    machine_has(machine, 13, maps="/srv/orders/lib/my code.so")
    machine_has(machine, 14, cwd="/srv/orders-2", fd="/srv", maps="/srv/ordersX")
    machine_has(machine, os.getppid(), cwd="/srv/orders")
    machine_has(machine, 1, cwd="/srv/orders")
    (machine.proc / "15").mkdir()
    (machine.proc / "self").mkdir()
    assert sorted(users(machine.proc, "/srv/orders")) == [11, 12, 13]


def test_a_path_is_within_a_mount_point_by_whole_names():
    assert is_within("/srv/a", "/srv/a")
    assert is_within("/srv/a/b", "/srv/a")
    assert not is_within("/srv/ab", "/srv/a")


# --- the configuration ------------------------------------------------------------------------

AGENT = "[agent]\ncluster = orders-db\ntable = t\nbus = b\n[service data]\nkind = mount\n"


def faults(text: str) -> list[str]:
    with pytest.raises(BadConfigError) as refused:
        parse(AGENT + text)
    return refused.value.faults


def test_a_mount_is_configured_by_its_mount_point(machine):
    assert isinstance(parse(AGENT + f"mount = {machine.point}/\n").kinds["data"], Mount)
    text = f"mount = {machine.point}\ndevice = fs-0a1b.efs.eu-west-1.amazonaws.com:/\nfstype = nfs4\noptions = hard\n"
    assert isinstance(parse(AGENT + text).kinds["data"], Mount)


def test_a_mount_point_behind_a_symbolic_link_is_refused_with_its_real_name(machine):
    """The kernel's table of mounts knows the real name only: the mount would never be seen."""
    link = machine.directory / "link"
    link.symlink_to(machine.point)
    assert faults(f"mount = {link}\n") == [
        f"[service data] mount = '{link}': must name the real directory, {machine.point}"
    ]


def test_a_mounted_file_system_is_never_touched_by_reading_the_configuration(machine, monkeypatch):
    """One whose server is dead would hang the agent."""
    monkeypatch.setattr(fields, "kernels_mount_points", lambda: [str(machine.point)])
    monkeypatch.setattr(Path, "resolve", lambda *_: pytest.fail("touched"))
    parse(AGENT + f"mount = {machine.point}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "mount is missing: must be an absolute path other than /"),
        ("mount = srv\n", "mount = 'srv': must be an absolute path other than /"),
        ("mount = //\n", "mount = '//': must be an absolute path other than /"),
        ("mount = /srv/x\nfstype = xfs\n", "fstype = 'xfs': goes with a device; without one, fstab says how to mount"),
        ("mount = /srv/x\ndevice = -a\n", "device = '-a': must match"),
        ("mount = /srv/x\ndevice = /dev/x\noptions = ro, x\n", "options = 'ro, x': must match"),
    ],
)
def test_a_bad_mount_is_refused_with_what_is_wrong(text, told):
    (fault,) = faults(text)
    assert fault.startswith(f"[service data] {told}")
