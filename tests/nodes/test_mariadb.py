"""The MariaDB kit on real nodes: what its page promises, when the leader is moved and when its power is cut."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER
from tests.nodes.kits import EXAMPLES, LIMIT_S, Kit, Pair, Writer
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, Leases
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub
from tests.nodes.watcher import wait_passed

KIT = Kit("mariadb", "mariadb.service")
CNF = (EXAMPLES / "mariadb" / "understudy.cnf").read_text()
CONFIG = "/etc/understudy/mariadb.ini"
LOGIN = "[client]\nuser = understudy\npassword = A-LONG-PASSWORD\n"
NUMBERS = itertools.count(1)


def sql(machine: Machine, text: str) -> str:
    """As root on the node; "" when the server does not answer."""
    return machine.says("mariadb", "--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=2", "-e", text)


def rows(machine: Machine) -> set[int]:
    return {int(line) for line in sql(machine, "SELECT n FROM shop.writes").splitlines()}


def writes(hub: Hub, machine: Machine) -> Callable[[], Iterator[int]]:
    """Each number that was acknowledged to a client at the hub."""
    where = ["--no-defaults", f"--host={machine.address}", "--user=app", "--password=app", "shop"]
    client = ["nsenter", f"--net={hub.path}", "mariadb", *where, "--batch", "--skip-column-names", "--unbuffered"]

    def each() -> Iterator[int]:
        with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            assert session.stdin
            assert session.stdout
            for number in NUMBERS:
                session.stdin.write(f"INSERT INTO writes VALUES ({number}); SELECT {number};\n")
                session.stdin.flush()
                if session.stdout.readline() != f"{number}\n":
                    session.kill()
                    return
                yield number

    return each


def is_following(machine: Machine) -> bool:
    shown = machine.says("mariadb", "--no-defaults", "-e", "SHOW SLAVE STATUS\\G")
    return re.findall(r"Slave_(?:IO|SQL)_Running: (\w+)", shown) == ["Yes", "Yes"]


def wait_following(machine: Machine) -> None:
    wait_for(f"{machine.name} follows", lambda: is_following(machine), LIMIT_S, why=machine.tail)


SCHEMA = """
CREATE USER understudy@'10.77.0.0/255.255.255.0' IDENTIFIED BY 'A-LONG-PASSWORD';
GRANT REPLICATION SLAVE, SLAVE MONITOR, BINLOG MONITOR, RELOAD, PROCESS, SELECT, LOCK TABLES, SHOW VIEW, EVENT, TRIGGER
ON *.* TO understudy@'10.77.0.0/255.255.255.0';
CREATE DATABASE shop;
CREATE TABLE shop.writes (n BIGINT PRIMARY KEY);
CREATE USER app@'10.77.0.0/255.255.255.0' IDENTIFIED BY 'app';
GRANT SELECT, INSERT ON shop.* TO app@'10.77.0.0/255.255.255.0';
"""


@pytest.fixture(scope="module")
def first(session_lab: Lab) -> Iterator[Pair]:
    """Set up as the page says, but for the copy: node-a leads, node-b has never had its data."""
    with Leases(session_lab.hub) as leases:
        pair = Pair(session_lab, leases, KIT)
        for number, (machine, peer) in enumerate(itertools.permutations((pair.leader, pair.follower)), 1):
            KIT.put_on(machine, leases.url)
            cnf = CNF.replace("server_id = 1", f"server_id = {number}")
            machine.write("/etc/mysql/mariadb.conf.d/90-understudy.cnf", cnf)
            machine.write("/etc/understudy/mariadb-peer.cnf", LOGIN, 0o600)
            machine.write(CONFIG, f"[mariadb]\npeer_address = {peer.address}\n")
            machine.switch_on()
        for machine in (pair.leader, pair.follower):
            machine.wait_booted()
        sql(pair.leader, SCHEMA)
        assert pair.verb(pair.leader, "claim") == (0, "")
        pair.grant(pair.leader)
        yield pair
        session_lab.remove_machines()


@pytest.fixture
def pair(first: Pair) -> Pair:
    """One leads, the other follows, whatever the test before has done."""
    for machine in (first.leader, first.follower):
        machine.network.restore()
        if not machine.is_on:
            machine.boot()
    if first.verb(first.follower, "fit")[0] == 1:
        assert first.verb(first.follower, "rebuild") == (0, "")
    wait_following(first.follower)
    return first


def is_read_only(machine: Machine) -> bool:
    return sql(machine, "SELECT @@read_only") == "1"


def told(machine: Machine) -> str:
    return machine.says("journalctl", "--boot", "--unit=understudy-mariadb", "--output=cat")


def test_a_server_that_never_had_the_data_is_not_fit_and_is_not_promoted(first):  # B20
    stranger = first.follower
    assert first.verb(stranger, "fit") == (1, "")
    assert first.verb(stranger, "start")[0] == 1
    assert is_read_only(stranger)
    assert first.verb(stranger, "claim")[0] == 1, "the other node leads"


def test_the_leader_and_who_follows_it_are_fit(pair):  # B20
    assert first_fit(pair.leader, pair) == 0
    wait_for("the follower has it all", lambda: first_fit(pair.follower, pair) == 0, LIMIT_S, why=pair.follower.tail)


def first_fit(machine: Machine, pair: Pair) -> int | None:
    status, number = pair.verb(machine, "fit")
    return int(number) if status == 0 else None


def test_a_planned_move_loses_nothing_and_the_former_leader_follows(pair, session_lab):
    old, new = pair.leader, pair.follower
    with Writer(writes(session_lab.hub, old)) as client:
        client.wait_written(50)
        assert not pair.move_while_the_follower_hangs()
    assert set(client.acknowledged) <= rows(new)
    assert (is_read_only(old), is_read_only(new)) == (True, False)
    wait_following(old)
    wait_for("it has all of it", lambda: rows(old) == rows(new), LIMIT_S, why=old.tail)


def test_what_a_stopped_sql_thread_has_not_applied_is_applied_before_a_move_and_clients_that_come_back_do_not_keep_it(
    pair, session_lab
):
    old, new = pair.leader, pair.follower
    new.run("systemctl", "stop", "understudy-mariadb")
    sql(new, "STOP SLAVE SQL_THREAD")
    pool = f"mariadb --no-defaults --host={old.address} --user=app --password=app -e 'SELECT SLEEP(60)' shop"
    again = f"while :; do {pool}; sleep 0.02; done"
    with (
        Writer(writes(session_lab.hub, old)) as client,
        subprocess.Popen(
            ["nsenter", f"--net={session_lab.hub.path}", "sh", "-c", again],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as clients,
    ):
        try:
            client.wait_written(50)
            pair.move()
        finally:
            os.killpg(clients.pid, signal.SIGKILL)
    new.run("systemctl", "start", "understudy-mariadb")
    assert set(client.acknowledged) <= rows(new)


def test_without_waiting_a_power_cut_loses_what_the_follower_had_not_received(pair, session_lab):
    old, new = pair.leader, pair.follower
    with Writer(writes(session_lab.hub, old)) as client:
        client.wait_written(50)
    wait_for("the follower has it", lambda: set(client.acknowledged) <= rows(new), LIMIT_S, why=new.tail)
    old.network.cut_from(new.address)
    with Writer(writes(session_lab.hub, old)) as late:
        late.wait_written(1)
    pair.fail_over()
    assert set(client.acknowledged) <= rows(new)
    assert not set(late.acknowledged) & rows(new)
    old.network.restore()
    with Writer(writes(session_lab.hub, new)) as client:
        client.wait_written(1)
    old.boot()
    wait_for("it is refused", lambda: "the leader refuses this node's data" in told(old), LIMIT_S, why=old.tail)
    assert set(late.acknowledged) <= rows(old), "what was lost can still be looked at"
    assert is_read_only(old)
    assert (pair.verb(old, "start")[0], pair.verb(old, "fit")[0]) == (1, 1)
    assert pair.verb(old, "rebuild") == (0, "")
    wait_following(old)
    wait_for("it has the leader's data", lambda: rows(old) == rows(new), LIMIT_S, why=old.tail)


def test_waiting_for_the_peer_a_power_cut_loses_nothing_that_was_acknowledged(pair, session_lab):
    for machine in (pair.leader, pair.follower):
        machine.write(CONFIG, f"{machine.read(CONFIG)}wait_for_peer = yes\n")
    pair.move()
    old, new = pair.leader, pair.follower
    wait_following(new)
    with Writer(writes(session_lab.hub, old)) as client:
        client.wait_written(50)
        pair.fail_over()
    assert set(client.acknowledged) <= rows(new)
    with Writer(writes(session_lab.hub, new)) as waiting:
        wait_for("a write waits", lambda: "INSERT INTO writes" in sql(new, "SHOW FULL PROCESSLIST"), LIMIT_S)
        assert pair.verb(new, "stop") == (0, "")
    assert waiting.acknowledged == [], "nor does it take what waits for acknowledged when it stops"
    wait_for("it leads again", lambda: sql(new, "SELECT @@read_only") == "0", LIMIT_S, why=new.tail)
    with Writer(writes(session_lab.hub, new)) as waiting:
        old.boot()
        wait_for("it can be rebuilt, whatever it had", lambda: pair.verb(old, "rebuild")[0] == 0, LIMIT_S, why=old.tail)
        waiting.wait_written(1)
    wait_for("both have the same", lambda: rows(old) == rows(new), LIMIT_S, why=old.tail)


def test_a_server_that_died_comes_back_read_only_and_leads_again_under_its_lease(pair, session_lab):
    leader = pair.leader
    with Writer(writes(session_lab.hub, leader)) as client:
        client.wait_written(20)
        leader.run("pkill", "-KILL", "--exact", "mariadbd")
        pair.leases.wait_state(leader, CLUSTER, "mariadb", "STARTING")
        pair.wait_serving(leader)
    assert set(client.acknowledged) <= rows(leader)
    wait_following(pair.follower)


def test_a_leader_that_hangs_without_a_lease_is_killed_and_comes_back_read_only(pair):
    leader = pair.leader
    leader.run("pkill", "-STOP", "--exact", "mariadbd")
    before = leader.run("pgrep", "--exact", "mariadbd")
    leader.network.cut(incoming=True, outgoing=True)
    end = pair.leases.lease_end(leader, CLUSTER)
    wait_passed(end + DRIFT_MARGIN_S)
    assert leader.says("pgrep", "--exact", "mariadbd") != before
    wait_for("it is up again", lambda: is_read_only(leader), LIMIT_S, why=leader.tail)
