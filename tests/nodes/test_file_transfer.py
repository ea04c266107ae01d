"""The example for file-transfer products, tried as its page says. A stand-in takes the place of the product."""

from __future__ import annotations

import socket
import socketserver
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.helper import LoopbackServer
from local.waiting import wait_for
from tests.nodes.agents import CLUSTER
from tests.nodes.disks import loop_device
from tests.nodes.kit_pairs import (
    OS_USER,
    RUN,
    fail_over,
    folders_of_product,
    install_product,
    pair,
    placed,
    switch_over,
)
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases
from tests.nodes.machine import Machine
from tests.nodes.metadata import Server
from tests.nodes.networks import HUB_ADDRESS, Hub
from tests.nodes.watcher import Watcher, both_served_s

PORT = 30000
PARTNER = 7400


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    """The file system that moves, with the product's folders."""
    folders_of_product(tmp_path / "disk", "inbox", "outbox")
    (tmp_path / "disk" / "partner").write_text(f"{HUB_ADDRESS} {PARTNER}\n")
    with loop_device("transfer", tmp_path / "disk", OS_USER) as name:
        yield name


@pytest.fixture
def nodes(lab: Lab, leases: Leases, disk: str) -> Iterator[tuple[Machine, Machine]]:
    """Set up as the page says; the first one serves."""
    made = pair(lab, (disk,))
    for node in made:
        install_product(node, "file-transfer", "labxfer", ("labxferd", "labsendd"), disk, "/srv/transfer")
    placed(leases, "file-transfer", *made)
    yield made
    for node in made:
        node.cut_power()


class Sending:
    """A partner sends a file to a node, and has sent half of it."""

    def __init__(self, hub: Hub, node: Machine, name: str) -> None:
        content = name.encode() * 1000
        self._rest = content[len(content) // 2 :]
        self._connection = hub.inside(lambda: socket.create_connection((node.address, PORT), 5))
        self._connection.sendall(f"{name} {len(content)}\n".encode() + content[: -len(self._rest)])

    def is_acknowledged(self) -> bool:
        """Send the rest: whether the node says that it has the file."""
        with self._connection:
            self._connection.sendall(self._rest)
            return self._connection.recv(3) == b"OK\n"

    def break_off(self) -> None:
        self._connection.close()


class Partner(LoopbackServer):
    """Takes what the nodes send, from `with` on: `taken` holds names and contents, in order."""

    def __init__(self, hub: Hub) -> None:
        self.taken: list[tuple[str, bytes]] = []
        partner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                name, length = self.rfile.readline().split()
                partner.taken.append((name.decode(), self.rfile.read(int(length))))
                self.wfile.write(b"OK\n")

        super().__init__("partner", hub.inside(lambda: Server((HUB_ADDRESS, PARTNER), Handler)))


def files_in(node: Machine, folder: str, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in node.path(f"/srv/transfer/{folder}").glob(pattern))


@pytest.fixture
def watchers(lab: Lab, nodes: tuple[Machine, Machine]) -> Iterator[tuple[Watcher, Watcher]]:
    """At the end, the two have never served at the same time."""
    one, other = (Watcher(lab.hub, node, PORT, b"PING\n") for node in nodes)
    with one, other:
        one.wait_served()
        yield one, other
    assert both_served_s(one, other) == 0


WAITING = [f"order-{number}" for number in range(5)]


def test_after_a_power_cut_no_acknowledged_file_is_lost_and_what_waited_is_sent_once(
    lab, nodes, leases, watchers
):  # S9 S12 B18
    one, other = nodes
    for name in WAITING:
        one.write(f"/srv/transfer/outbox/{name}", name, 0o666)
    assert Sending(lab.hub, one, "acknowledged").is_acknowledged()
    cut_off = Sending(lab.hub, one, "cut-off")
    wait_for("half of it is there", lambda: files_in(one, "inbox", ".cut-off.part"), 10)
    one.cut_power()
    cut_off.break_off()
    fail_over(leases, one, other)
    watchers[1].wait_served()
    assert files_in(other, "inbox", "[!.]*") == ["acknowledged"]
    with Partner(lab.hub) as partner:
        wait_for("all is sent", lambda: files_in(other, "outbox") == [], 10, why=other.tail)
    assert sorted(partner.taken) == [(name, name.encode()) for name in WAITING]
    assert Sending(lab.hub, other, "cut-off").is_acknowledged(), "its sender repeats it"
    assert files_in(other, "inbox", "[!.]*") == ["acknowledged", "cut-off"]


def test_what_a_power_cut_left_behind_neither_looks_like_a_service_nor_ends_a_stranger(
    nodes, leases, watchers
):  # S9 S12 B18
    one, other = nodes
    one.cut_power()
    fail_over(leases, one, other)
    watchers[1].wait_served()
    one.boot()
    leases.wait_state(one, CLUSTER, "transfer", "OUT_OF_SERVICE")
    assert one.run("/opt/labxfer/labxfer", "status") == "running", "as it says of the boot before"
    stranger = one.start_program("/usr/bin/sleep", "600")
    pid = one.run("pgrep", "--exact", "sleep")
    one.write(f"{RUN}/labxferd.pid", pid)
    one.write(f"{RUN}/labsendd.pid", pid)
    leases.wait_state(one, CLUSTER, "transfer", "OUT_OF_SERVICE")
    switch_over(leases, other, one)
    watchers[0].wait_served()
    leases.wait_serving(one, CLUSTER, "transfer")
    assert stranger.poll() is None
    assert one.read(f"{RUN}/labxferd.pid") != pid
    stranger.kill()
    stranger.wait(10)


def test_when_one_of_its_daemons_dies_all_are_restarted_here(nodes, leases, watchers):  # S9 S12 B18
    one, _ = nodes
    before = one.run("pgrep", "--exact", "labxferd")
    one.run("pkill", "-KILL", "--exact", "labsendd")
    leases.wait_state(one, CLUSTER, "transfer", "STARTING")
    leases.wait_state(one, CLUSTER, "transfer", "IN_SERVICE")
    watchers[0].wait_served()
    assert one.run("pgrep", "--exact", "labsendd")
    assert one.run("pgrep", "--exact", "labxferd") != before
