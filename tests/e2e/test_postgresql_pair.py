"""The example's scripts on two real servers, without a cluster around them: what becomes of data when things go wrong.

The test plays both agents: it calls the verbs, and each node's follower takes its turns when the test says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import command_of, free_port
from local.waiting import wait_for
from tests.support.postgresql import PgNode, directory_for_servers
from understudy_postgresql import verbs
from understudy_postgresql.follower import Follower

LIMIT_S = 60.0
NAMES = ("node-a", "node-b")
ADDRESSES = ("127.91.1.10", "127.91.2.10")


class Machine:
    """A node that is on: its follower lives as long as its boot."""

    def __init__(self, node: PgNode) -> None:
        self.node, self.follower = node, Follower(node.server)

    def turn(self) -> None:
        self.follower.turn(time.monotonic())

    def status(self) -> int:
        return verbs.status(self.node.server)

    def until(self, what: str, is_so) -> None:
        """Let the follower take its turns until it is."""

        def look() -> bool:
            self.turn()
            return bool(is_so())

        wait_for(f"{self.node.name}: {what}", look, LIMIT_S, why=self.node.log)

    def until_replica(self) -> None:
        self.until("the replica accepts connections", lambda: self.node.sql("SELECT 1") == "1")

    def until_streams(self) -> None:
        asked = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
        self.until("the replica streams", lambda: self.node.sql(asked) == "1")
        self.turn()  # the one that takes over the leader's lineage

    def lead(self) -> None:
        """As the agent starts the service when it gets the lease."""
        self.until_replica()
        assert verbs.start(self.node.server) == verbs.DONE
        assert self.status() == verbs.RUNS

    def reboot(self) -> None:
        self.node.die()
        self.follower = Follower(self.node.server)

    def write(self, number: int, limit_s: float = 20.0) -> bool:
        """Whether the write was acknowledged. One that is not is ended without a word to the client."""
        return self.node.sql(f"INSERT INTO writes VALUES ({number}) RETURNING id", limit_s) == str(number)

    def numbers(self) -> list[int]:
        return [int(word) for word in self.node.sql("SELECT id FROM writes ORDER BY id").split()]


def make(base: Path) -> tuple[Machine, Machine]:
    """Two machines without data."""
    base.mkdir(exist_ok=True)
    port = free_port(ADDRESSES[0])

    def one(own: int, peer: int) -> Machine:
        run = base / f"run-{NAMES[own]}"
        return Machine(PgNode(base, run, (NAMES[own], NAMES[peer]), (ADDRESSES[own], ADDRESSES[peer]), port))

    return one(0, 1), one(1, 0)


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    with directory_for_servers() as directory:
        yield directory


@pytest.fixture(scope="module")
def made(base: Path) -> dict[str, Path]:
    """The data of a pair that was stopped in good order, the leader first; the replica's was made by its follower."""
    first, second = make(base / "made")
    first.node.init()
    first.lead()
    second.until_streams()
    for machine in (first, second):
        machine.node.server.stop()
    return {machine.node.name: machine.node.server.data for machine in (first, second)}


@pytest.fixture
def pair(base: Path, made: dict[str, Path]) -> Iterator[tuple[Machine, Machine]]:
    """Both on; the first one leads, the second one streams from it."""
    first, second = make(base / str(len(list(base.iterdir()))))
    try:
        for machine in (first, second):
            machine.node.put_data(made[machine.node.name])
        first.lead()
        second.until_streams()
        yield first, second
    finally:
        for machine in (first, second):
            machine.node.server.kill()


def test_a_pair_leads_by_turns_and_the_former_leader_is_rewound(pair, capsys):  # S9 S10
    first, second = pair
    assert (first.status(), second.status()) == (verbs.RUNS, verbs.STOPPED)
    assert first.write(1)
    # A write that the replica never gets: acknowledged to nobody, and it must not come back.
    second.node.server.kill()
    assert not first.write(2, limit_s=1)
    first.reboot()
    second.lead()
    first.until_streams()
    assert second.write(3)
    assert first.numbers() == second.numbers() == [1, 3]
    assert "rewinding" in capsys.readouterr().err
    assert first.node.server.lineage() == second.node.server.lineage()
    # And back again, in an orderly way.
    assert verbs.stop(second.node.server) == verbs.DONE
    assert second.status() == verbs.STOPPED
    first.lead()
    second.until_streams()
    assert first.write(4)
    assert first.numbers() == second.numbers() == [1, 3, 4]
    assert not second.node.server.data.with_name("data.before").exists()  # nothing had to be copied


def test_a_replica_that_was_just_rewound_leads_when_the_leader_dies_before_the_follower_looks_again(pair, capsys):
    first, second = pair
    second.node.server.kill()
    assert not first.write(1, limit_s=1)
    first.reboot()
    second.lead()
    first.until("its data is rewound", lambda: "rewinding" in capsys.readouterr().err)
    assert second.write(2)  # the first one has it: it streams again
    second.node.die()
    assert verbs.start(first.node.server) == verbs.DONE
    assert first.numbers() == [2]


@pytest.mark.parametrize("waits", [True, False])
def test_a_write_that_is_acknowledged_without_the_peer_is_lost(pair, waits):
    """The safeguard and what happens without it: the same stuck sender, the same death."""
    first, second = pair
    if not waits:
        first.node.configure(wait_for_peer="no")
        assert verbs.stop(first.node.server) == verbs.DONE
        first = Machine(first.node)
        first.lead()
        second.until_streams()
    assert first.write(1)
    wait_for("the peer has the first write", lambda: second.numbers() == [1], LIMIT_S)
    senders = [pid for pid in first.node.server.processes() if "walsender" in command_of(pid)[0]]
    for pid in senders:
        os.kill(pid, signal.SIGSTOP)
    assert senders
    acknowledged = first.write(2, limit_s=2)
    first.node.die()
    second.lead()
    assert acknowledged is not waits
    assert second.numbers() == [1]


def test_two_promotions_apart_end_in_a_copy_and_the_other_data_is_kept(pair):
    """Both call their timeline the same, so PostgreSQL itself would stream the one into the other."""
    first, second = pair
    assert first.write(1)
    first.node.die()
    second.lead()
    second.node.die()
    first = Machine(first.node)
    first.lead()
    second = Machine(second.node)
    second.until_streams()
    assert first.write(2)
    assert second.numbers() == [1, 2]
    before = second.node.server.data.with_name("data.before")
    assert (before / "PG_VERSION").exists()


def test_a_leader_from_before_is_not_followed(pair):
    first, second = pair
    first.node.die()
    second.lead()
    second.node.die()
    lines = second.node.server.lineage()
    Machine(first.node).lead()  # what it knows is older: here it leads all the same, as a machine that was thawed
    first.node.server.keep_lineage(lines[:-1])
    second = Machine(second.node)
    second.until_replica()
    for _ in range(3):
        second.turn()
    assert second.node.server.lineage() == lines
    assert not second.node.server.data.with_name("data.before").exists()
    assert second.node.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0"


def test_what_is_half_rewound_is_never_promoted_and_is_copied_instead(pair):
    first, second = pair
    assert first.write(1)
    second.node.server.rebuilding.touch()
    assert verbs.start(second.node.server) == verbs.FAILED
    assert second.status() == verbs.STOPPED
    second.reboot()
    second.turn()
    assert not second.node.server.rebuilding.exists()
    second.until_streams()
    assert second.numbers() == [1]


def test_a_promotion_that_was_cut_off_is_not_called_stopped(pair):
    _, second = pair
    server = second.node.server
    server.leading.touch()  # the agent killed `start` between this and the promotion
    assert second.status() == verbs.UNKNOWN
    second.turn()
    assert server.leading.exists()
    assert verbs.stop(server) == verbs.DONE
    assert (server.processes(), server.leading.exists(), second.status()) == ([], False, verbs.STOPPED)
    second.until_streams()


def test_what_is_left_of_a_server_without_its_head_is_killed(pair):
    first, _ = pair
    head = next(pid for pid in first.node.server.processes() if "-D" in command_of(pid))
    frozen = [pid for pid in first.node.server.processes() if pid != head]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    os.kill(head, signal.SIGKILL)
    wait_for("its head is dead", lambda: head not in first.node.server.processes(), LIMIT_S)
    assert first.status() == verbs.UNKNOWN
    first.turn()
    assert not set(first.node.server.processes()) & set(frozen)
    assert verbs.stop(first.node.server) == verbs.DONE
    first.lead()


def test_another_database_is_never_copied_over(pair):
    first, second = pair
    second.node.server.kill()
    data = second.node.server.data
    data.rename(data.with_name("once"))
    second.node.init()
    wanted = second.node.server.system_id()
    second.until_replica()
    for _ in range(3):
        second.turn()
    assert second.node.server.system_id() == wanted != first.node.server.system_id()
    assert not data.with_name("data.before").exists()


def test_a_start_waits_for_the_replica(pair):
    """The agent may call it before the follower has the server up again."""
    first, _ = pair
    first.reboot()
    start = subprocess.Popen(first.node.command("start"))
    try:
        first.until("it leads", lambda: start.poll() is not None)
    finally:
        start.kill()
        start.wait()
    assert start.returncode == verbs.DONE


def test_a_killed_leader_leaves_nothing(pair):
    first, _ = pair
    assert verbs.kill(first.node.server) == verbs.DONE
    assert first.node.server.processes() == []
    assert first.status() == verbs.STOPPED
    assert verbs.kill(pair[1].node.server) == verbs.DONE
    assert pair[1].node.server.processes()  # a replica is none of its business
