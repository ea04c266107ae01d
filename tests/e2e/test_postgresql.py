"""The PostgreSQL example as a cluster's service: the leader of two dies again and again, and clients write by the name.

What only this shows is the whole way: the deployed stack notices each death, by silence or by EC2's word, demands that
the other node says how fit it is, moves the record, and clients find the new leader by it. Ten deaths of three nodes by
power cuts are in tests/nodes/test_postgresql.py; so four are enough here.
"""

from __future__ import annotations

import itertools
import shlex
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from local.client import Resolver
from local.cluster import Cluster, Workload
from local.local_aws import LocalAws, local_aws
from local.node import Node, Program
from local.processes import Child, start
from local.sam import ROOT
from local.waiting import wait_for
from local.world import AZS, ZONE_NAME
from tests.e2e.conftest import TUNING
from tests.e2e.placing import place
from tests.support.postgresql import PASSWORD, ROLE, PgNode, directory_for_servers, programs

NAME = "orders-db"
LIMIT_S = 120.0
DEATHS = 4
BY_SILENCE = 2
"""So many deaths are noticed by silence; of the others EC2 tells, which is quicker."""
POLICY = {
    "heartbeat_interval_s": 2,
    "lease_read_interval_s": 1,
    "kill_limit_s": 1,
    "lease_s": 9,
    "drift_margin_s": 2,
    "silence_limit_s": 12,
    "observer_lag_limit_s": 6,
    "max_failovers": {"count": DEATHS + 10, "window_s": 3600},
    "fitness": {"required": True, "margin": 1 << 24},
}
WRITERS = 4


class PgMachine(Node):
    """A node whose unit keeps the follower running, and whose death takes the database server with it."""

    pg: PgNode
    _follower: Child

    def boot(self) -> None:
        super().boot()
        env = self._engine.environment(f"nodes/{self.instance.instance_id}") | dict([self.mark.split("=")])
        log = self._engine.directory / "nodes" / self.instance.instance_id / "follower.log"
        self._follower = start(f"follower of {self.name}", self.pg.command("follow"), env=env, log=log)

    def kill(self) -> None:
        super().kill()
        self.pg.server.kill()

    def tail(self, lines: int = 30) -> str:
        return f"{super().tail(lines)}\n{self._follower.tail(lines)}"


class PgCluster(Cluster):
    """Two nodes, each with a server of the pair in `base`; the first one has the data."""

    def __init__(self, aws: LocalAws, base: Path) -> None:
        self._base = base
        self._instances = [aws.world.launch(f"node-{letter}", az) for letter, az in zip("ab", AZS, strict=True)]
        super().__init__(aws, NAME, policy=POLICY, tuning=TUNING, workload=Workload([("postgresql", ())]))
        self.machine("node-a").pg.init()

    def _node(self, name: str, az: str) -> Node:
        own = next(instance for instance in self._instances if instance.name == name)
        peer = next(instance for instance in self._instances if instance.name != name)
        run = self.aws.engine.directory / "nodes" / own.instance_id / "run" / "postgresql"
        run.parent.mkdir(parents=True)
        port = self.aws.world.port
        pg = PgNode(self._base, run, (own.name, peer.name), (own.address, peer.address), port)
        program = Program("postgresql", port, section=tuple(section(pg)))
        machine = PgMachine(self.aws.engine, self.aws.stack, self.name, own, [program], self._keys)
        machine.pg = pg
        return machine

    def machine(self, name: str) -> PgMachine:
        node = self.node(name)
        assert isinstance(node, PgMachine)
        return node


def section(pg: PgNode) -> list[str]:
    """As the example's README has it."""
    asked = f"{shlex.join(pg.command('status'))}; s=$?; [ $s = 0 ] || [ $s = 3 ] || s=4; exit $s"
    return [
        "kind = script",
        *(f"{verb} = {shlex.join(pg.command(verb))}" for verb in ("start", "stop", "kill", "fit")),
        f"status = {shlex.join(['/bin/sh', '-c', asked])}",
        "start_limit_s = 30",
        "fit_interval_s = 2",
        "check_interval_s = 1",
    ]


class Writer:
    """A client: resolves the name, connects, writes numbers until that fails, and begins again; from `with` on.

    `acknowledged` holds what the database said it has. A number that was not is never written again.
    """

    def __init__(self, cluster: PgCluster, numbers: Iterator[int]) -> None:
        self.acknowledged: list[int] = []
        self._resolver = Resolver(cluster.aws.dns.port, cluster.record)
        self._port, self._psql = cluster.aws.world.port, str(programs() / "psql")
        self._numbers = numbers
        self._stop = threading.Event()
        self._session: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._session is not None:
            self._session.kill()
        self._thread.join(LIMIT_S)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            try:
                address = self._resolver.resolve()
            except (OSError, LookupError):
                continue
            self._write_to(address)

    def _write_to(self, address: str) -> None:
        where = f"host={address} port={self._port} user={ROLE} password={PASSWORD} dbname=postgres connect_timeout=2"
        with subprocess.Popen(
            [self._psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # nothing is left to be written when the session is closed
        ) as self._session:
            try:
                while not self._stop.wait(0.02) and self._write(self._session):
                    pass
            except BrokenPipeError:
                return
            finally:
                self._session.kill()

    def _write(self, session: subprocess.Popen[bytes]) -> bool:
        assert session.stdin is not None
        assert session.stdout is not None
        number = next(self._numbers)
        session.stdin.write(f"INSERT INTO writes VALUES ({number}); SELECT {number};\n".encode())
        if session.stdout.readline() != f"{number}\n".encode():
            return False
        self.acknowledged.append(number)
        return True


@pytest.fixture
def cluster() -> Iterator[PgCluster]:
    programs()
    with (
        directory_for_servers() as base,
        local_aws(ROOT / "build" / "e2e" / "postgresql", [f"{NAME}.{ZONE_NAME}"]) as aws,
        PgCluster(aws, base) as made,
    ):
        yield made


def die(cluster: PgCluster, machine: PgMachine, *, ec2_tells: bool) -> None:
    machine.kill()
    if ec2_tells:
        cluster.aws.world.stop(machine.instance)
        cluster.aws.stack.publish_instance_state(machine.instance.instance_id, "stopped")


def come_back(cluster: PgCluster, machine: PgMachine) -> None:
    cluster.aws.world.start(machine.instance)
    machine.boot()


@pytest.mark.timeout(900)
def test_deaths_of_the_leader_in_turn_lose_no_acknowledged_write(cluster):  # S9 S10 B4
    epoch = place(cluster)["epoch"]
    numbers = itertools.count(1)
    writers = [Writer(cluster, numbers) for _ in range(WRITERS)]

    def acknowledged() -> set[int]:
        return {number for writer in writers for number in writer.acknowledged}

    def wait_written(more: int) -> None:
        before = len(acknowledged())

        def why() -> str:
            return "\n".join(f"{node.name}: {node.tail(10)}" for node in cluster.nodes)

        wait_for("writes are acknowledged", lambda: len(acknowledged()) >= before + more, LIMIT_S, why=why)

    with writers[0], writers[1], writers[2], writers[3]:
        for death in range(DEATHS):
            leader, other = (cluster.machine(name) for name in ("node-a", "node-b")[:: -1 if death % 2 else 1])
            wait_written(40)
            die(cluster, leader, ec2_tells=death >= BY_SILENCE)
            epoch = cluster.wait_settled(other.name, LIMIT_S, above_epoch=epoch)["epoch"]
            come_back(cluster, leader)
            cluster.wait_standby(leader.name, LIMIT_S)
        wait_written(40)
    written = acknowledged()
    for machine in (cluster.machine("node-a"), cluster.machine("node-b")):
        there = {int(word) for word in machine.pg.sql("SELECT id FROM writes").split()}
        assert sorted(written - there) == [], f"lost on {machine.name}"
    assert len(written) > 40 * DEATHS
