"""The example for NFS, tried as its page says: NFS-Ganesha on a directory that the standby copies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER
from tests.nodes.disks import loop_device
from tests.nodes.kit_pairs import fail_over, install, placed, switch_over
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, both_served_s

PORT = 2049
NULL = bytes.fromhex(
    "80000028 00000001 00000000 00000002 000186a3 00000004 00000000 00000000 00000000 00000000 00000000"
)
"""NFS's procedure that does nothing, as ONC RPC has it: who answers is a server."""
UUID = "5f0e7b64-2f6d-4a35-9d3f-7c5a0b6f1e11"
"""Of the file systems of both nodes."""
MOUNTED = """[Unit]
Before=rsync.service understudy-copy.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/mount {device} /srv/share
"""
"""In place of a line of /etc/fstab: for a container, systemd ignores those with a device."""
KIT = "examples/nfs"
PROGRAM = "/usr/local/lib/understudy-copy"
TREE = "/srv/share"
CLIENT = 1000
"""The user that the client is."""


@pytest.fixture
def nodes(lab: Lab, leases: Leases, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Set up as the page says; the first one serves, and the other one has copied from it."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / ".understudy-copy").touch()
    with (
        loop_device("one", tmp_path / "disk", CLIENT, UUID) as first,
        loop_device("other", owner=CLIENT, uuid=UUID) as second,
    ):
        made = lab.machine("node-a", devices=(first,)), lab.machine("node-b", devices=(second,))
        set_up(made[0], made[1], first)
        set_up(made[1], made[0], second)
        first_copy = json.dumps({"epoch": 1, "origin": "node-a", "as_of": 1})
        made[0].write("/var/lib/understudy-copy/mark/mark.json", first_copy)
        placed(leases, "nfs", *made)
        wait_for("it was copied", lambda: fitness(made[1]) is not None, 30, why=made[1].tail)
        yield made
        for node in made:
            node.cut_power()


def set_up(node: Machine, peer: Machine, device: str) -> None:
    install(node, {f"{PROGRAM}/{name}": f"{KIT}/{name}" for name in ("understudy_copy.py", "copies.py")})
    node.path("/usr/local/sbin").mkdir(parents=True, exist_ok=True)
    node.path("/usr/local/sbin/understudy-copy").symlink_to(f"{PROGRAM}/understudy_copy.py")
    units = "/etc/systemd/system"
    install(node, {f"{units}/understudy-copy.service": f"{KIT}/understudy-copy.service"}, 0o644)
    install(node, {"/etc/ganesha/ganesha.conf": f"{KIT}/ganesha.conf"}, 0o644)
    kit = Path(__file__).parents[2] / KIT
    conf = (kit / "rsyncd.conf").read_text().replace("10.0.1.10 10.0.2.10", f"{node.address} {peer.address}")
    node.write("/etc/rsyncd.conf", conf)
    ini = (kit / "copy.ini").read_text().replace("node-a", node.name).replace("10.0.2.10", peer.address)
    ini = ini.replace("cluster = nfs", f"cluster = {CLUSTER}").replace("# interval_s = 5", "interval_s = 1")
    node.write("/etc/understudy/copy.ini", ini.replace("# limit_s = 120", "limit_s = 60"))
    node.write("/etc/understudy/copy.password", "a-long-password\n", 0o600)
    node.write("/etc/understudy/rsyncd.secrets", "understudy:a-long-password\n", 0o600)
    node.write(f"{units}/mounted.service", MOUNTED.format(device=device))
    for folder in (TREE, "/var/lib/nfs/ganesha", "/var/log/ganesha"):
        node.path(folder).mkdir(parents=True)
    at_boot = {"mounted.service": units, "understudy-copy.service": units, "rsync.service": "/lib/systemd/system"}
    for unit, place in at_boot.items():
        wants = node.path(f"{units}/multi-user.target.wants/{unit}")
        wants.parent.mkdir(parents=True, exist_ok=True)
        wants.symlink_to(f"{place}/{unit}")


@pytest.fixture
def watchers(lab: Lab, nodes: tuple[Machine, Machine]) -> Iterator[tuple[Watcher, Watcher]]:
    """At the end, the two have never served at the same time."""
    one, other = (Watcher(lab.hub, node, PORT, NULL) for node in nodes)
    with one, other:
        one.wait_served()
        yield one, other
    assert both_served_s(one, other) == 0


class Client:
    """Reads and writes by NFS version 4, from outside of the nodes."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._hub, self._file = lab.hub, folder / "content"

    def write(self, node: Machine, name: str, content: str) -> None:
        self._file.write_text(content)
        self._run("nfs-cp", str(self._file), self._url(node, name))

    def read(self, node: Machine, name: str) -> str:
        return self._run("nfs-cat", self._url(node, name))

    def names(self, node: Machine) -> list[str]:
        listed = self._run("nfs-ls", self._url(node, "")).splitlines()
        return sorted(name for line in listed if not (name := line.split()[-1]).startswith("."))

    def _url(self, node: Machine, name: str) -> str:
        return f"nfs://{node.address}/share/{name}?version=4&uid={CLIENT}&gid={CLIENT}"

    def _run(self, *argv: str) -> str:
        done = self._hub.inside(lambda: subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30))
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout


@pytest.fixture
def client(lab: Lab, tmp_path: Path) -> Client:
    return Client(lab, tmp_path)


def fitness(node: Machine) -> int | None:
    """What the node says its copy is worth; None: it says why it is not fit, or nothing."""
    said = node.says("/usr/local/sbin/understudy-copy", "fit")
    return int(said) if said.removeprefix("-").isdigit() else None


def has_copied(node: Machine, name: str) -> bool:
    return node.path(f"{TREE}/{name}").exists()


def test_a_planned_move_takes_the_last_write_along(nodes, leases, watchers, client):  # S9 S12 B18
    one, other = nodes
    client.write(one, "order", "1")
    client.write(one, "order-to-go", "x")
    other.run("systemctl", "stop", "understudy-copy")
    client.write(one, "last", "2")
    switch_over(leases, one, other)
    watchers[1].wait_served()
    assert client.names(other) == ["last", "lost+found", "order", "order-to-go"]
    assert (client.read(other, "order"), client.read(other, "last")) == ("1", "2")


def test_a_power_cut_loses_what_was_not_copied_and_what_comes_back_overwrites_nothing(
    nodes, leases, watchers, client
):  # S9 S12 B18
    one, other = nodes
    client.write(one, "order", "of node-a")
    wait_for("it was copied", lambda: has_copied(other, "order"), 20, why=other.tail)
    other.run("systemctl", "stop", "understudy-copy")
    client.write(one, "too-late", "was acknowledged")
    one.write(f"{TREE}/order", "was acknowledged, too")
    one.cut_power()
    fail_over(leases, one, other)
    watchers[1].wait_served()
    assert client.names(other) == ["lost+found", "order"], "the last interval is lost"
    assert client.read(other, "order") == "of node-a"
    other.write(f"{TREE}/order", "of node-b")
    client.write(other, "newer", "of node-b")
    one.boot()
    leases.wait_beat(one, CLUSTER, "stands by", lambda beat: beat.says_down(0))
    wait_for("it has copied", lambda: one.read(f"{TREE}/order") == "of node-b", 20, why=one.tail)
    wait_for("that copy is whole", lambda: fitness(one) is not None, 20, why=one.tail)
    aside = one.path("/var/lib/understudy-copy/before")
    kept = {path.name: path.read_text() for path in aside.rglob("*") if path.is_file()}
    assert kept == {"order": "was acknowledged, too", "too-late": "was acknowledged"}, "it is put aside for a person"
    assert one.read(f"{TREE}/newer") == "of node-b"
    assert not has_copied(one, "too-late")
    assert client.names(other) == ["lost+found", "newer", "order"]
    assert client.read(other, "order") == "of node-b"


def test_nothing_is_copied_into_a_directory_whose_file_system_is_not_mounted(nodes, watchers, client):  # S9 S12
    one, other = nodes
    other.run("sh", "-c", f"until umount {TREE}; do sleep 0.1; done")
    client.write(one, "order", "1")
    told = "nothing is mounted on"
    wait_for("it says why", lambda: told in other.run("journalctl", "--output=cat"), 20, why=other.tail)
    assert other.says("ls", "-A", TREE) == ""
    other.run("systemctl", "restart", "mounted")
    wait_for("it was copied", lambda: has_copied(other, "order"), 20, why=other.tail)


def test_a_copy_that_is_too_old_is_not_served_until_a_person_accepts_it(nodes, leases, watchers, client):  # S9 S12 B18
    one, other = nodes
    other.run("systemctl", "stop", "understudy-copy")
    other.run(
        "sed", "-i", "s/^limit_s = 60/limit_s = 5/; s/^# patience_s = 60/patience_s = 1/", "/etc/understudy/copy.ini"
    )
    client.write(one, "order", "1")
    one.cut_power()
    fail_over(leases, one, other)
    leases.wait_state(other, CLUSTER, "copy", "FAILED")
    assert fitness(other) is None
    assert watchers[1].answers == []
    refused_at = boottime_s()
    assert "the other node does not answer" in other.run("journalctl", "--output=cat")
    other.run("/usr/local/sbin/understudy-copy", "accept")
    leases.end(CLUSTER)
    leases.wait_beat(other, CLUSTER, "gives it back", lambda beat: beat.says_down(0))
    leases.grant(CLUSTER, other)
    assert watchers[1].wait_served() > refused_at
