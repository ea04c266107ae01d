"""The Redis kit on real nodes: what its page promises, when the leader is moved and when its power is cut."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER
from tests.nodes.kits import EXAMPLES, LIMIT_S, Kit, Pair, Writer
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, Leases
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub
from tests.nodes.watcher import wait_passed

KIT = Kit("redis", "redis-server.service")
PASSWORD = "A-LONG-PASSWORD"
SERVER = "/etc/redis/redis.conf"
OURS = "/etc/redis/understudy.conf"
NUMBERS = itertools.count(1)


def redis(machine: Machine, *words: str) -> str:
    """On the node; "" when the server does not answer."""
    return machine.says("redis-cli", "--no-auth-warning", "-a", PASSWORD, *words)


def said(machine: Machine, key: str) -> str:
    lines = redis(machine, "INFO", "replication").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:")), "")


def numbers(machine: Machine) -> set[int]:
    return {int(line) for line in redis(machine, "SMEMBERS", "writes").split()}


def writes(hub: Hub, machine: Machine, waits: bool = False) -> Callable[[], Iterator[int]]:
    """Each number that was acknowledged to a client at the hub. `waits`: that the replica has it, too, by WAIT."""

    def call(connection: socket.socket, stream: BinaryIO, *words: str) -> str:
        connection.sendall(f"{' '.join(words)}\r\n".encode())
        return stream.readline().decode().strip()

    def each() -> Iterator[int]:
        make: Callable[[], socket.socket] = lambda: socket.create_connection((machine.address, 6379), LIMIT_S)  # noqa: E731
        try:
            with hub.inside(make) as connection, connection.makefile("rb") as stream:
                call(connection, stream, "AUTH", PASSWORD)
                for number in NUMBERS:
                    if call(connection, stream, "SADD", "writes", str(number)) != ":1":
                        return
                    if waits and call(connection, stream, "WAIT", "1", "0") != ":1":
                        return
                    yield number
        except OSError:
            return

    return each


def wait_following(machine: Machine) -> None:
    wait_for(f"{machine.name} follows", lambda: said(machine, "master_link_status") == "up", LIMIT_S, why=machine.tail)


def fit(machine: Machine, pair: Pair) -> int | None:
    status, number = pair.verb(machine, "fit")
    return int(number) if status == 0 else None


@pytest.fixture(scope="module")
def unplaced(session_lab: Lab) -> Iterator[Pair]:
    """Set up as the page says; neither was ever promoted."""
    with Leases(session_lab.hub) as leases:
        pair = Pair(session_lab, leases, KIT)
        for machine, peer in itertools.permutations((pair.leader, pair.follower)):
            KIT.put_on(machine, leases.url)
            machine.write(OURS, (EXAMPLES / "redis" / "understudy.conf").read_text())
            machine.write("/etc/understudy/redis-password", f"{PASSWORD}\n", 0o600)
            machine.write("/etc/understudy/redis.ini", f"[redis]\npeer_address = {peer.address}\n")
            machine.switch_on()
        for machine in (pair.leader, pair.follower):
            machine.wait_booted()
            machine.run("sh", "-c", f"echo include {OURS} >> {SERVER}; systemctl restart redis-server")
        yield pair
        session_lab.remove_machines()


@pytest.fixture(scope="module")
def placed(unplaced: Pair) -> Pair:
    """node-a has led first."""
    assert unplaced.verb(unplaced.leader, "claim") == (0, "")
    unplaced.grant(unplaced.leader)
    return unplaced


@pytest.fixture
def pair(placed: Pair) -> Pair:
    """One leads, the other follows, whatever the test before has done."""
    for machine in (placed.leader, placed.follower):
        machine.network.restore()
        if not machine.is_on:
            machine.boot()
    wait_ready(placed)
    return placed


def wait_ready(pair: Pair) -> None:
    """Until the follower has all that was written."""
    wait_following(pair.follower)
    wait_for("the follower is fit", lambda: fit(pair.follower, pair) == 0, LIMIT_S, why=pair.follower.tail)


def test_a_server_that_never_had_the_data_is_not_fit_and_is_not_promoted(unplaced):  # B20
    stranger = unplaced.follower
    assert unplaced.verb(stranger, "fit") == (1, "")
    assert unplaced.verb(stranger, "start")[0] == 1
    assert said(stranger, "role") == "slave"


def test_a_stranger_that_somebody_made_a_master_wins_no_right_to_lead(unplaced):
    stranger, other = unplaced.follower, unplaced.leader

    def is_left_alone() -> bool:
        """It may have been made a replica again before the other node has looked."""
        redis(stranger, "REPLICAOF", "NO", "ONE")
        return "no agent has promoted" in other.says("journalctl", "--boot", "--unit=understudy-redis", "--output=cat")

    wait_for("the other node has looked at it", is_left_alone, LIMIT_S, why=other.tail)
    assert said(other, "master_host") == "127.0.0.1", "nothing is copied from it"
    assert unplaced.verb(unplaced.leader, "claim")[0] == 1, "nobody's data is claimed while the other node leads"
    assert unplaced.verb(stranger, "stop") == (0, "")
    assert said(stranger, "role") == "slave"
    assert (unplaced.verb(stranger, "fit")[0], unplaced.verb(stranger, "start")[0]) == (1, 1)


def test_a_replica_that_takes_writes_is_stopped(pair):
    replica = pair.follower
    assert pair.verb(replica, "status")[0] == 3
    call = f"redis-cli --no-auth-warning -a {PASSWORD}"
    told = replica.run("sh", "-c", f"{call} CONFIG SET replica-read-only no; {call} SADD writes -1")
    assert told.split() == ["OK", "1"], "it acknowledges a write that the master will never have"
    wait_for("the agent has set it", lambda: said(replica, "slave_read_only") == "1", LIMIT_S, why=replica.tail)
    assert redis(replica, "SADD", "writes", "0").startswith("READONLY")
    wait_ready(pair)
    wait_for("it has the leader's data", lambda: numbers(replica) == numbers(pair.leader), LIMIT_S, why=replica.tail)


def test_a_planned_move_loses_nothing_and_the_former_leader_follows(pair, session_lab):
    old, new = pair.leader, pair.follower
    with Writer(writes(session_lab.hub, old)) as client:
        client.wait_written(200)
        assert not pair.move_while_the_follower_hangs()
    assert set(client.acknowledged) <= numbers(new)
    assert (said(old, "role"), said(new, "role")) == ("slave", "master")
    wait_following(old)
    wait_for("it has all of it", lambda: numbers(old) == numbers(new), LIMIT_S, why=old.tail)


def test_a_power_cut_loses_no_write_whose_client_has_waited_for_the_replica(pair, session_lab):
    old, new = pair.leader, pair.follower
    with Writer(writes(session_lab.hub, old, waits=True)) as client:
        client.wait_written(200)
        pair.fail_over()
    assert set(client.acknowledged) <= numbers(new)
    assert "NOREPLICAS" in redis(new, "SADD", "writes", "0"), "without a replica nothing is written"
    old.boot()
    assert (said(old, "role"), pair.verb(old, "status")[0]) == ("slave", 3)
    wait_following(old)
    wait_for("it has the leader's data", lambda: numbers(old) == numbers(new), LIMIT_S, why=old.tail)


def test_what_a_former_leader_had_not_replicated_is_gone_when_it_comes_back(pair, session_lab):
    old, new = pair.leader, pair.follower
    old.network.cut_from(new.address)
    with Writer(writes(session_lab.hub, old)) as late:
        late.wait_written(1)
    pair.fail_over()
    old.network.restore()
    old.boot()
    wait_following(old)
    wait_for("it has the leader's data", lambda: numbers(old) == numbers(new), LIMIT_S, why=old.tail)
    assert late.acknowledged
    assert not set(late.acknowledged) & numbers(old)


def test_a_server_that_died_leaves_the_lead_to_the_replica_that_may_have_more(pair, session_lab):
    old, new = pair.leader, pair.follower
    with Writer(writes(session_lab.hub, old, waits=True)) as client:
        client.wait_written(200)
        old.run("pkill", "-KILL", "--exact", "redis-server")
        pair.leases.wait_state(old, CLUSTER, "redis", "FAILED")
    assert said(old, "role") == "slave"
    assert "which the other node has" in old.says("journalctl", "--boot", "--output=cat")
    pair.move()
    assert set(client.acknowledged) <= numbers(new)
    wait_following(old)


def test_a_reboot_of_the_leader_takes_it_out_of_service_in_order_and_it_may_lead_again(pair, session_lab):
    leader, boots = pair.leader, pair.leader.boots
    with Writer(writes(session_lab.hub, leader)) as client:
        client.wait_written(200)
        leader.run("systemctl", "reboot")
        pair.wait_standing_by(leader)
    leader.wait_booted(boots=boots + 1)
    pair.wait_serving(leader)
    assert set(client.acknowledged) <= numbers(leader)


def test_a_leader_that_dies_alone_leads_again(pair):
    pair.follower.cut_power()
    leader = pair.leader
    state = "/var/lib/understudy-redis/state"
    wait_for("it knows that it is alone", lambda: leader.read(state) == "alone\n", LIMIT_S, why=leader.tail)
    leader.run("pkill", "-KILL", "--exact", "redis-server")
    pair.leases.wait_state(leader, CLUSTER, "redis", "STARTING")
    pair.wait_serving(leader)
    assert said(leader, "role") == "master"


def test_a_leader_that_hangs_without_a_lease_is_killed_and_comes_back_as_a_replica(pair):
    leader = pair.leader
    before = leader.run("pgrep", "--exact", "redis-server")
    leader.run("kill", "-STOP", before)
    leader.network.cut(incoming=True, outgoing=True)
    end = pair.leases.lease_end(leader, CLUSTER)
    wait_passed(end + DRIFT_MARGIN_S)
    assert leader.says("pgrep", "--exact", "redis-server") != before
    wait_for("it is up again", lambda: said(leader, "role") == "slave", LIMIT_S, why=leader.tail)
