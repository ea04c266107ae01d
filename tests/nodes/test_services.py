"""The kinds of service with the real things behind them, as Debian packages them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show, wait_unit
from tests.nodes.disks import loop_device
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import HTTP, POSTGRESQL, SPAN_GAP_S, Watcher, wait_passed

HEARD_S = 10.0
"""Within this a service that has died is noticed: it is looked at every half second."""


def serving(lab: Lab, leases: Leases, *sections: str, devices: tuple[str, ...] = (), **terms: object) -> Machine:
    """A node that holds the lease, booted; it has started its services."""
    node = lab.machine("node-a", devices=devices)
    set_up(node, leases.url, *sections)
    leases.register(CLUSTER, node, **terms)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, *(one.partition("]")[0].split()[-1] for one in sections))
    return node


# --- PostgreSQL, by the line of the shipped configuration

DATABASE = section("postgresql", "unit", unit="postgresql.service", stop_limit_s=20)
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


def servers(node: Machine) -> list[str]:
    return node.says("pgrep", "--exact", "postgres").split()


def test_the_shipped_example_starts_debians_database_and_clients_are_served(lab, leases):  # S9
    node = serving(lab, leases, DATABASE)
    with Watcher(lab.hub, node, 5432, POSTGRESQL) as watcher:
        watcher.wait_served()
        assert servers(node)
        epoch = leases.end(CLUSTER)
        leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        watcher.wait_silent()


def test_a_database_that_was_killed_is_noticed(lab, leases):  # S9
    node = serving(lab, leases, DATABASE)
    node.run("pkill", "-KILL", "--exact", "postgres")
    wait_for("it is dead", lambda: servers(node) == [], 10)
    leases.wait_beat(
        node, CLUSTER, "misses the database", lambda beat: beat.services["postgresql"] != "IN_SERVICE", HEARD_S
    )


def test_a_database_that_is_slow_to_stop_is_not_called_out_of_service_while_it_serves(lab, leases):  # S9 S12
    node = serving(lab, leases, DATABASE)
    unit = node.run("sh", "-c", "systemctl list-units --plain --no-legend 'postgresql@*' | cut -d' ' -f1")
    waits = "[Service]\nExecStop=\nExecStop=/usr/bin/pg_ctlcluster --skip-systemctl-redirect -m smart %i stop\n"
    node.write(f"/run/systemd/system/{unit}.d/smart.conf", waits)
    node.run("systemctl", "daemon-reload")
    session = node.start_program(*AS_POSTGRES, "psql", "-Atc", "select pg_sleep(3)")
    wait_for("a client is served", lambda: node.says("pgrep", "--full", "postgres: .* SELECT"), 10)
    epoch = leases.end(CLUSTER)
    leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    still_served = session.poll() is None or servers(node) != []
    session.wait(30)
    assert not still_served


def test_a_database_whose_node_is_cut_off_is_down_when_its_lease_has_ended(lab, leases):  # S12
    node = serving(lab, leases, DATABASE.replace("stop_limit_s = 20", "stop_limit_s = 1"), **SHORT_LEASE)
    unit = node.run("sh", "-c", "systemctl list-units --plain --no-legend 'postgresql@*' | cut -d' ' -f1")
    hangs = "[Service]\nExecStop=\nExecStop=/bin/sleep 20\n"
    node.write(f"/run/systemd/system/{unit}.d/hangs.conf", hangs)
    node.run("systemctl", "daemon-reload")
    end = leases.lease_end(node, CLUSTER)
    leases.reads = leases.records = False
    wait_passed(end + DRIFT_MARGIN_S + leases_lag_s())
    assert servers(node) == []


def leases_lag_s() -> float:
    """A beat may have been recorded between the look at its number and the cut."""
    return 1.0


# --- nginx

WEB = section("web", "unit", unit="nginx.service", stop_limit_s=10, restart_tries=1)


def test_a_web_server_that_was_killed_is_restarted_here_first(lab, leases):  # S9
    node = serving(lab, leases, WEB)
    with Watcher(lab.hub, node, 80, HTTP) as watcher:
        watcher.wait_served()
        node.run("pkill", "-KILL", "--exact", "nginx")
        leases.wait_state(node, CLUSTER, "web", "STARTING")
        leases.wait_state(node, CLUSTER, "web", "IN_SERVICE")
        watcher.wait_served()
        killed_at = boottime_s()
        node.run("pkill", "-KILL", "--exact", "nginx")
        leases.wait_state(node, CLUSTER, "web", "FAILED")
        assert watcher.last_before(boottime_s()) < killed_at + 1, "its one restart was used up"


def test_a_web_server_that_does_not_start_is_failed_at_once(lab, leases):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, WEB)
    node.write("/etc/nginx/nginx.conf", "this is no configuration\n")
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_state(node, CLUSTER, "web", "FAILED")


@pytest.mark.parametrize("unit", ["ngnix.service", "masked.service"])
def test_a_standby_whose_unit_cannot_be_started_says_so_before_it_is_chosen(lab, leases, unit):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, section("web", "unit", unit=unit))
    node.path("/etc/systemd/system/masked.service").symlink_to("/dev/null")
    leases.register(CLUSTER, node)
    node.boot()
    told = leases.wait_beat(node, CLUSTER, "says why", lambda beat: f"cannot start {unit}" in beat.unfit, HEARD_S)
    assert told.services == {"web": "OUT_OF_SERVICE"}


# --- a script that forks

FORKER = section(
    "forker",
    "script",
    start="/usr/local/sbin/forker start",
    stop="/usr/local/sbin/forker stop",
    status="/usr/local/sbin/forker status",
    kill="/usr/local/sbin/forker kill",
    stop_limit_s=5,
)


def test_a_daemon_of_a_script_is_started_noticed_when_it_dies_and_stopped(lab, leases):  # S9
    node = serving(lab, leases, FORKER)
    with Watcher(lab.hub, node, 7100) as watcher:
        watcher.wait_served()
        node.run("kill", "-KILL", node.read("/run/forker.pid"))
        leases.wait_state(node, CLUSTER, "forker", "STARTING")
        leases.wait_state(node, CLUSTER, "forker", "IN_SERVICE")
        watcher.wait_served()
        epoch = leases.end(CLUSTER)
        told = leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        assert watcher.wait_silent() < told.at


def test_an_upgrade_of_the_agent_leaves_the_daemon_of_a_script_alone(lab, leases):  # S9
    node = serving(lab, leases, FORKER)
    pid, agent = node.read("/run/forker.pid"), show(node, "MainPID")
    node.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_for("another agent runs", lambda: show(node, "MainPID") not in ("0", "", agent), 30, why=node.tail)
    wait_unit(node, AGENT, "active")
    leases.wait_state(node, CLUSTER, "forker", "IN_SERVICE")
    assert node.read("/run/forker.pid") == pid
    assert node.path(f"/proc/{pid}").exists()


# --- a file system on a loop device

POINT = "/srv/orders"


@pytest.fixture
def device() -> Iterator[str]:
    """A loop device with a file system. It is free again when nobody has it open or mounted any more."""
    with loop_device("orders") as name:
        yield name


def mount_section(device: str, **keys: object) -> str:
    return section("data", "mount", mount=POINT, device=device, fstype="ext4", **{"stop_limit_s": 3, **keys})


def is_mounted(node: Machine) -> bool:
    return f" {POINT} " in node.read("/proc/1/mounts")


@pytest.fixture
def mounted(lab: Lab, leases: Leases, device: str) -> Iterator[Machine]:
    node = lab.machine("node-a", devices=(device,))
    node.path(POINT).mkdir(parents=True)
    set_up(node, leases.url, mount_section(device))
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "data")
    yield node
    node.cut_power()


def test_a_file_system_is_mounted_with_the_lease_and_unmounted_when_it_ends(mounted, leases):  # S9
    mounted.write(f"{POINT}/order", "1")
    epoch = leases.end(CLUSTER)
    leases.wait_beat(mounted, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    assert not is_mounted(mounted)
    leases.grant(CLUSTER, mounted)
    leases.wait_state(mounted, CLUSTER, "data", "IN_SERVICE")
    assert mounted.read(f"{POINT}/order") == "1"


def test_a_file_system_in_use_is_taken_from_its_users_before_it_is_called_out_of_service(mounted, leases):  # S9 S12
    mounted.write("/run/use", f"#!/bin/sh\ncd {POINT}\nexec 3>held\nexec sleep 600\n", 0o755)
    mounted.run("systemd-run", "--quiet", "--unit=user", "/run/use")
    wait_for("it is in use", lambda: mounted.path(f"{POINT}/held").exists(), 10)
    epoch = leases.end(CLUSTER)
    asked = boottime_s()
    leases.wait_beat(mounted, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    assert boottime_s() - asked > 2.5, "its users had their time to leave"
    assert not is_mounted(mounted)
    assert show(mounted, "ActiveState", "user.service") in ("failed", "inactive")


def test_an_upgrade_of_the_agent_leaves_a_file_system_mounted(mounted, leases):  # S9
    agent = show(mounted, "MainPID")
    mounted.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_for("another agent runs", lambda: show(mounted, "MainPID") not in ("0", "", agent), 30, why=mounted.tail)
    leases.wait_state(mounted, CLUSTER, "data", "IN_SERVICE")
    times = mounted.run("journalctl", "-u", AGENT, "--output=cat").count('"why": "it was started"')
    assert times == 1


# --- a unit that a client's connection starts

ACTIVATED = section("gate", "unit", unit="activated.service", stop_limit_s=5)


def test_a_clients_connection_starts_nothing_on_a_standby(lab, leases):  # S9 S12
    node = lab.machine("node-a")
    set_up(node, leases.url, ACTIVATED)
    leases.register(CLUSTER, node)
    node.boot()
    leases.grant(CLUSTER, node)
    leases.end(CLUSTER)
    wait_for("systemd is told of the unit", lambda: show(node, "DropInPaths", "activated.service"), 30)
    node.run("systemctl", "start", "activated.socket")
    leases.wait_state(node, CLUSTER, "gate", "OUT_OF_SERVICE")
    with Watcher(lab.hub, node, 7200) as watcher:
        leases.wait_state(node, CLUSTER, "gate", "OUT_OF_SERVICE")
        leases.wait_state(node, CLUSTER, "gate", "OUT_OF_SERVICE")
    assert watcher.answers == []


# --- a file system with a helper process

HELPED = section("data", "mount", mount="/srv/data", device="none", fstype="labfs", stop_limit_s=3)


def helped(lab: Lab, leases: Leases) -> Machine:
    """A node that holds the lease and has it mounted."""
    node = lab.machine("node-a", devices=("/dev/fuse",))
    node.path("/usr/sbin").mkdir(parents=True, exist_ok=True)
    node.path("/usr/sbin/mount.labfs").symlink_to("/usr/local/sbin/mount.labfs")
    node.path("/srv/data").mkdir(parents=True)
    set_up(node, leases.url, HELPED)
    leases.register(CLUSTER, node, lease_s=7, silence_limit_s=10, kill_limit_s=2)  # unmounting takes its time
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "data")
    return node


def helpers(node: Machine) -> list[str]:
    return node.says("pgrep", "--full", "mount.labfs none").split()


def test_the_helper_of_a_file_system_outlives_the_agent_and_ends_with_the_mount(lab, leases):  # S9
    node = helped(lab, leases)
    before = helpers(node)
    node.run("systemctl", "kill", "--signal=KILL", AGENT)
    leases.wait_serving(node, CLUSTER, "data")
    assert helpers(node) == before != []
    epoch = leases.end(CLUSTER)
    leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
    assert (helpers(node), "labfs" in node.read("/proc/1/mounts")) == ([], False)


@pytest.mark.parametrize("has_agent", [True, False], ids=["agent-runs", "agent-is-killed"])
def test_a_file_system_that_never_answers_is_gone_when_its_lease_ends(lab, leases, has_agent):  # S12 B18
    node = helped(lab, leases)
    node.run("pkill", "-STOP", "--full", "mount.labfs none")
    reader = node.start_program("/usr/bin/ls", "/srv/data/x")
    leases.records = False
    end = leases.lease_end(node, CLUSTER)
    if not has_agent:
        node.run("systemctl", "kill", "--signal=KILL", AGENT)
    wait_passed(end + DRIFT_MARGIN_S)
    assert (helpers(node), "labfs" in node.read("/proc/1/mounts"), node.boots) == ([], False, 1)
    reader.wait(10)


# --- disks that hang

FREEZE, THAW = 0xC0045877, 0xC0045878
"""FIFREEZE and FITHAW of <linux/fs.h>."""
_HOLD = 'mount "$0" "$1" && echo && exec sleep infinity'


@dataclass(frozen=True)
class Disk:
    """A device, and the folder of the file system in which all that is written to it ends up."""

    device: str
    below: Path

    @contextlib.contextmanager
    def hangs(self) -> Iterator[None]:
        """Nothing that is written to it is done meanwhile, and who waits for that cannot be killed."""
        handle = os.open(self.below, os.O_RDONLY)
        fcntl.ioctl(handle, FREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(handle, THAW, 0)
            os.close(handle)


@pytest.fixture
def disk(device: str) -> Iterator[Disk]:
    """A loop device over a file on another one. That is mounted where nobody but a process of its own sees it."""
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, device, "/mnt"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        below = Path("/proc", str(holder.pid), "root", "mnt")
        with (below / "image").open("wb") as new:
            new.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", below / "image"], check=True)
        losetup = ["losetup", "--find", "--show", str(below / "image")]
        name = subprocess.run(losetup, check=True, capture_output=True, text=True).stdout.strip()
        yield Disk(name, below)
        subprocess.run(["losetup", "--detach", name], check=True)
        holder.kill()


def test_a_node_whose_disk_hangs_under_a_service_is_down_with_its_lease_and_waits_for_no_disk(lab, leases, disk):  # S12
    node = lab.machine("node-a", devices=(disk.device,))
    app = section("app", "unit", unit="writer.service", stop_limit_s=1)
    set_up(node, leases.url, app, on_stop_failure="reboot")
    leases.register(CLUSTER, node, **SHORT_LEASE)
    node.boot()
    node.run("mkdir", "-p", POINT)
    node.run("mount", disk.device, POINT)
    leases.grant(CLUSTER, node)
    leases.wait_serving(node, CLUSTER, "app")
    with Watcher(lab.hub, node, 7000) as watcher:
        watcher.wait_served()
        with disk.hangs():
            hung_at = boottime_s()
            watcher.wait_silent(2)
            waits = node.start_program("sync")
            leases.records = False
            end = leases.lease_end(node, CLUSTER)
            wait_for("the node is down", node.is_ended, end - boottime_s() + DRIFT_MARGIN_S, 0.02, why=node.tail)
            assert (waits.poll(), node.boots) == (None, 1), "who writes there, or waits for it, does so yet"
        node.wait_booted(boots=2)
        waits.wait(10)
        assert watcher.last_before(boottime_s()) < hung_at + SPAN_GAP_S
    node.cut_power()


def test_a_service_ends_with_its_lease_while_the_disk_of_the_nodes_memory_hangs(lab, leases, device):  # B18 S12
    """What is written there is never done: neither that a lease was ended, nor a line of the log."""
    node = serving(lab, leases, section("app", "unit", unit="quick.service", stop_limit_s=5), devices=(device,))
    with Watcher(lab.hub, node, 7000) as watcher:
        watcher.wait_served()
        node.run("mount", device, "/var/lib/understudy")
        node.run("mkdir", f"/var/lib/understudy/{CLUSTER}")
        node.run("fsfreeze", "--freeze", "/var/lib/understudy")
        try:
            epoch = leases.end(CLUSTER)
            watcher.wait_silent(5)
            leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        finally:
            node.run("fsfreeze", "--unfreeze", "/var/lib/understudy")
