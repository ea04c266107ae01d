"""Three nodes with the PostgreSQL example, set up as its page says. Who takes over, the controller itself chooses."""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, set_up
from tests.nodes.choice import chosen, view_after_death
from tests.nodes.kits import EXAMPLES
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases
from tests.nodes.machine import Machine
from tests.nodes.networks import Hub
from tests.support.postgresql import PASSWORD, ROLE, SCHEMA, programs
from understudy.definition import parse_document
from understudy.definition.policy import policy_of
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Decision, decide
from understudy.domain.decide.situation import Observer, survey

LIMIT_S = 60.0
EXAMPLE = EXAMPLES / "postgresql"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
POLICY = policy_of(parse_document((EXAMPLE / "definition.yaml").read_text(encoding="utf-8")))
HOME = "/var/lib/understudy-postgresql"
CONFIG = "/etc/understudy/postgresql.ini"
FOLLOWER = "understudy-postgresql.service"
SERVICE = "postgresql"
TERMS = {"kill_limit_s": 2}
NUMBERS = itertools.count(1)
AS_OWNER = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
SETTINGS = "fsync = off\nshared_buffers = 16MB\nmin_wal_size = 2MB\n"
"""A power cut of the lab loses no page cache."""
ACCESS = "local all all trust\nhost all all samenet scram-sha-256\nhost replication all samenet scram-sha-256\n"


def sql(machine: Machine, text: str) -> str:
    """As a superuser on the node; "" when the server does not answer."""
    return machine.says("psql", "-XAtq", "-U", "postgres", "-d", "postgres", "-c", text)


def start_anew(machine: Machine) -> None:
    """Stop the server of a follower, which starts it again: so soon that pg_ctl may not see that it was down."""

    def process() -> str:
        return next(iter(machine.read(f"{HOME}/data/postmaster.pid").splitlines()), "")

    before = process()
    stop = [f"{programs()}/pg_ctl", "stop", "--mode=fast", "--no-wait", "--silent", f"--pgdata={HOME}/data"]
    machine.run(*AS_OWNER, *stop)
    wait_for(
        f"{machine.name}'s server was started anew", lambda: process() not in ("", before), LIMIT_S, why=machine.tail
    )


def rows(machine: Machine) -> set[int]:
    return {int(line) for line in sql(machine, "SELECT id FROM writes").split()}


def writes(hub: Hub, machine: Machine) -> Callable[[], Iterator[int]]:
    """Each number that was acknowledged to a client at the hub."""
    where = f"host={machine.address} user={ROLE} password={PASSWORD} dbname=postgres connect_timeout=2"
    client = ["nsenter", f"--net={hub.path}", str(programs() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", where]

    def each() -> Iterator[int]:
        with subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            assert session.stdin
            assert session.stdout
            for number in NUMBERS:
                try:
                    session.stdin.write(f"INSERT INTO writes VALUES ({number}); SELECT {number};\n")
                    session.stdin.flush()
                except BrokenPipeError:
                    return
                if session.stdout.readline() != f"{number}\n":
                    session.kill()
                    return
                yield number

    return each


def write_log(machine: Machine, megabytes: int) -> None:
    """So much more in the leader's log."""
    message = "pg_logical_emit_message(false, 'lab', repeat('x', 1000000))"
    sql(machine, f"SELECT count({message}) FROM generate_series(1, {megabytes})")


class Three:
    """node-a leads at first. `machines`: best priority first. The test is the controller, but for its choice."""

    def __init__(self, lab: Lab, leases: Leases) -> None:
        self.hub, self.leases = lab.hub, leases
        self.machines = tuple(lab.machine(f"node-{letter}") for letter in "abc")
        self.leader = self.machines[0]
        leases.register(CLUSTER, *self.machines, **TERMS)
        for machine in self.machines:
            self._put_on(machine)
        init(self.leader)
        for machine in self.machines:
            machine.switch_on()
        for machine in self.machines:
            machine.wait_booted()
        leases.grant(CLUSTER, self.leader)
        self.wait_serving()

    @property
    def followers(self) -> list[Machine]:
        return [machine for machine in self.machines if machine is not self.leader]

    # --- set up

    def _put_on(self, machine: Machine) -> None:
        put_on(machine, self.machines, self.leases.url)

    def configure(self, machine: Machine, **changes: str) -> None:
        """The file of the page, with this lab's names and addresses."""
        configure(machine, self.machines, **changes)

    def have_wait(self, word: str) -> None:
        """`yes` or `no`; every server is started anew where that is another word: the leader's by its agent."""
        if f"\nwait_for_peer = {word}\n" in self.leader.read(CONFIG):
            return
        for machine in self.machines:
            self.configure(machine, wait_for_peer=word)
            machine.run("systemctl", "restart", FOLLOWER)
        for machine in self.followers:
            start_anew(machine)
        assert self.verb(self.leader, "stop") == (0, "")
        self.leases.wait_state(self.leader, CLUSTER, SERVICE, "STARTING", LIMIT_S)
        self.wait_serving()
        self.wait_streaming()

    # --- what becomes of it

    def verb(self, machine: Machine, verb: str) -> tuple[int, str]:
        """Exit status and output of a command of the example."""
        told = machine.run("sh", "-c", f"understudy-postgresql {verb}; echo $?")
        *output, status = told.splitlines()
        return int(status), "\n".join(output)

    def wait_streaming(self, *followers: Machine) -> None:
        """Until these, or all, stream from the leader."""
        names = {machine.name for machine in followers or self.followers}
        asked = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"
        wait_for(
            f"{', '.join(sorted(names))} stream from {self.leader.name}",
            lambda: names <= set(sql(self.leader, asked).split()),
            LIMIT_S,
            why=lambda: "\n".join(machine.tail() for machine in self.machines if machine.is_on),
        )

    def wait_said_to_have_all(self) -> None:
        """Until every follower says by its fitness that it has what the leader has now. A word is some seconds old."""
        position = int(sql(self.leader, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))
        for machine in self.followers:
            wait_for(
                f"{machine.name} says that it has it all",
                lambda machine=machine: self.said(machine) >= position,  # type: ignore[misc]
                LIMIT_S,
                why=self.words,
            )

    def wait_fit(self, machine: Machine, what: str, is_so: Callable[[object], bool]) -> None:
        """Until a beat from now on says so of how fit its node is."""
        self.leases.wait_beat(machine, CLUSTER, what, lambda beat: is_so(beat.said.get("fit")), LIMIT_S)

    def choice(self) -> Machine | None:
        """Whom the controller fails over to now that the leader is dead; None: nobody."""
        return chosen(self._view(), self.machines)

    def decision(self) -> Decision:
        """What the controller does about the leader's death."""
        return decide(survey(self._view(), Observer.TRUSTED))

    def _view(self) -> ClusterView:
        return view_after_death(self.leases, self.machines, self.leader, SERVICE, POLICY)

    def said(self, machine: Machine) -> int:
        """How fit the node is by its newest beat; 0: it does not say, or is not."""
        *_, newest = self.leases.beats_of(machine, CLUSTER)
        return int(newest.said.get("fit", 0))

    def fail_over(self) -> None:
        """To the controller's choice, which it makes anew with each beat. EC2 says that the old leader is off."""
        self._give(wait_for("somebody is chosen", self.choice, LIMIT_S, why=self.words))

    def _give(self, target: Machine) -> None:
        self.leases.end(CLUSTER)
        self.leases.grant(CLUSTER, target)
        self.leader = target

    def restore(self) -> None:
        """All are on, reach each other, and follow the leader."""
        off = [machine for machine in self.machines if not machine.is_on]
        for machine in self.machines:
            machine.network.restore()
        for machine in off:
            machine.switch_on()
        for machine in off:
            machine.wait_booted()
        self.wait_serving()
        self.wait_streaming()
        for machine in self.followers:
            self.wait_fit(machine, "says how fit it is", lambda fit: type(fit) is int)

    def words(self) -> str:
        """What each node has said last of how fit it is."""
        newest = {machine.name: list(self.leases.beats_of(machine, CLUSTER))[-1] for machine in self.machines}
        return "; ".join(f"{name}: fit {beat.said.get('fit')} {beat.unfit}" for name, beat in newest.items())

    def wait_serving(self) -> None:
        self.leases.wait_state(self.leader, CLUSTER, SERVICE, "IN_SERVICE", LIMIT_S)


def put_on(machine: Machine, machines: Sequence[Machine], url: str, **agent: str) -> None:
    """The example and the agent on a node that is off. `agent`: more keys of the agent's file."""
    shutil.copytree(EXAMPLE / "understudy_postgresql", machine.path("/opt/kits/understudy_postgresql"))
    call = 'exec env PYTHONPATH=/opt/kits /usr/bin/python3 -m understudy_postgresql "$@"'
    machine.write("/usr/bin/understudy-postgresql", f"#!/bin/sh\n{call}\n", 0o755)
    machine.write(f"/etc/systemd/system/{FOLLOWER}", (EXAMPLE / FOLLOWER).read_text())
    (section,) = re.findall(r"^```ini\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    set_up(machine, url, f"{section}check_interval_s = 1\n", **agent)
    wants = machine.path("/etc/systemd/system/multi-user.target.wants")
    (wants / FOLLOWER).symlink_to(f"/etc/systemd/system/{FOLLOWER}")
    machine.write(f"{HOME}/pgpass", f"*:*:*:{ROLE}:{PASSWORD}\n", 0o600)
    _own(machine, HOME, f"{HOME}/pgpass")
    configure(machine, machines)


def configure(machine: Machine, machines: Sequence[Machine], **changes: str) -> None:
    """The file of the page, with this lab's names and addresses."""
    peers = [each for each in machines if each is not machine]
    given = {
        "node": machine.name,
        "peer": ", ".join(each.name for each in peers),
        "address": machine.address,
        "peer_address": ", ".join(each.address for each in peers),
        "bin": str(programs()),
        "patience_s": "1",
        "wait_for_peer": "yes",
        **changes,
    }
    text = (EXAMPLE / "postgresql.ini").read_text(encoding="utf-8")
    for key, value in given.items():
        text, found = re.subn(rf"^(# )?{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert found == 1, key
    machine.write(CONFIG, text)


def _own(machine: Machine, *paths: str) -> None:
    owner = pwd.getpwnam("postgres")
    for path in paths:
        os.chown(machine.path(path), owner.pw_uid, owner.pw_gid)


def init(machine: Machine) -> None:
    """The database, as the page makes it, on a node that is off. PostgreSQL refuses to run as root."""
    data = str(machine.path(f"{HOME}/data"))
    machine.path(HOME).chmod(0o755)
    initdb = [
        *AS_OWNER,
        str(programs() / "initdb"),
        "-D",
        data,
        "-U",
        "postgres",
        "--data-checksums",
        "-A",
        "trust",
        "--no-sync",
    ]
    subprocess.run([*initdb, "--wal-segsize=1"], check=True, capture_output=True, cwd="/")
    machine.write(f"{HOME}/data/pg_hba.conf", ACCESS)
    with machine.path(f"{HOME}/data/postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)
    single = [*AS_OWNER, str(programs() / "postgres"), "--single", "-j", "-D", data, "postgres"]
    text = SCHEMA.replace(";\n", ";\n\n")
    made = subprocess.run(single, input=text, text=True, capture_output=True, check=True, cwd="/")
    assert "ERROR" not in made.stdout + made.stderr
