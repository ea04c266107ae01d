"""PostgreSQL on three nodes behind HAProxy: the product's example, and Patroni with etcd."""

from __future__ import annotations

import contextlib
import json
import shutil
from abc import abstractmethod
from pathlib import Path

import yaml

from bench.peers.balancer import Balancer
from bench.peers.clients import LeaderWatcher, Writer
from bench.peers.contender import Contender
from bench.peers.ground import Ground
from bench.peers.understudy import BUDGET, BUDGET_WORDS, HTTP, LIMIT_S, Understudy
from local.balancer import HTTP_PORT
from local.waiting import wait_for
from local.world import ZONE_NAME
from tests.nodes.machine import Machine
from tests.nodes.networks import HUB_ADDRESS
from tests.nodes.postgresql import EXAMPLE, HOME, init, put_on, sql
from tests.support.postgresql import PASSWORD, ROLE, programs

PORT, REST_PORT = 5432, 8008
_NODES = "abc"
_DATA = "/var/lib/patroni/data"
_SECRET = "only-in-the-lab"
_UNITS = {
    "etcd": """[Unit]
Description=etcd
[Service]
Type=notify
ExecStart=/usr/bin/etcd --name {name} --data-dir /var/lib/etcd --initial-cluster {etcds} \\
  --initial-advertise-peer-urls http://{address}:2380 --listen-peer-urls http://{address}:2380 \\
  --advertise-client-urls http://{address}:2379 --listen-client-urls http://{address}:2379,http://127.0.0.1:2379
Restart=on-failure
[Install]
WantedBy=multi-user.target
""",
    "patroni": """[Unit]
Description=Patroni
After=etcd.service
[Service]
User=postgres
Group=postgres
Environment=PYTHONPATH=/opt/peers
ExecStart=/usr/bin/python3 -m patroni /etc/patroni.yml
ExecReload=/bin/kill -s HUP $MAINPID
KillMode=process
TimeoutSec=30
Restart=no
[Install]
WantedBy=multi-user.target
""",
}
"""Patroni's is the one that it ships, but for where Python finds it."""
_DCS = {
    "ttl": 30,
    "loop_wait": 10,
    "retry_timeout": 10,
    "maximum_lag_on_failover": 1048576,
    "synchronous_mode": True,
    "postgresql": {"use_pg_rewind": True, "parameters": {"fsync": "off", "shared_buffers": "16MB"}},
}
_FOLDERS = """d /var/lib/patroni 0700 postgres postgres
d /run/postgresql 0755 postgres postgres
d /var/lib/etcd 0700 root root
"""


_SETTINGS = {
    "Patroni": "ttl 30, loop_wait 10, retry_timeout 10 (defaults); synchronous_mode on; pg_rewind",
    "etcd": "three members, defaults",
}


class Database(Contender):
    """What both have in common. `asked_port` and `path`: where HAProxy asks who leads."""

    asked_port: int
    path: str
    balancer_port: int

    def _begin_clients(self, undo: contextlib.ExitStack) -> None:
        where = f"user={ROLE} password={PASSWORD} dbname=postgres"
        directory = self.ground.aws.engine.directory / self.name.partition(",")[0]
        ports = (self.balancer_port, PORT, self.asked_port)
        undo.enter_context(Balancer(self.ground.hub, self.machines, ports, self.path, directory))
        for machine in self.machines:
            watcher = undo.enter_context(LeaderWatcher(self.ground.hub, machine, where))
            self.served[machine.name] = lambda watcher=watcher: watcher.times  # type: ignore[misc]
        balanced = f"{where} host={HUB_ADDRESS} port={self.balancer_port}"
        self._writer = undo.enter_context(Writer("load balancer", self.ground.hub, balanced))
        self.clients = [self._writer]
        self._known: set[int] = set()

    @abstractmethod
    def _rows(self, leader: Machine) -> set[int]:
        """The numbers that its database holds."""

    def lost(self) -> int:
        acknowledged = set(self._writer.acknowledged) - self._known
        missing = acknowledged - self._rows(self.active())
        self._known |= acknowledged
        return len(missing)


class UnderstudyDatabase(Database, Understudy):
    """examples/postgresql as its page says, with the timings of its definition."""

    asked_port, path = HTTP_PORT, "/serving"

    def __init__(self, ground: Ground, endpoints: dict[str, str], balancer_port: int) -> None:
        Contender.__init__(self, ground)
        self.name, self.balancer_port = "Understudy, PostgreSQL", balancer_port
        self.settings = {"definition": "examples/postgresql/definition.yaml", "wait_for_peer": "yes, the default"}
        self.settings |= {"max_failovers": BUDGET_WORDS}
        self._cluster = "pg"
        made = [ground.machine("pg", letter) for letter in _NODES]
        self.machines = [machine for machine, _ in made]
        self._instances = [instance for _, instance in made]
        stack = ground.aws.stack
        for machine in self.machines:
            put_on(machine, self.machines, endpoints["aws"], cluster=self._cluster, table=stack.table, bus=stack.bus)
            path = f"/etc/understudy/{self._cluster}.ini"
            machine.write(path, machine.read(path) + HTTP)
        init(self.machines[0])
        with self.machines[0].path(f"{HOME}/data/postgresql.conf").open("a") as settings:
            settings.write("wal_keep_size = 1GB\n")  # the page has it, and more

    def prepare(self, undo: contextlib.ExitStack) -> None:
        world, record = self.ground.aws.world, f"{self._cluster}.{ZONE_NAME}"
        policy = yaml.safe_load((EXAMPLE / "definition.yaml").read_text(encoding="utf-8"))["policy"]
        policy |= {"max_failovers": BUDGET}
        definition = world.definition(self._instances, record, [{"name": "postgresql"}], policy)
        self.ground.aws.stack.put_definition(self._cluster, definition)
        first, *others = self.machines
        first.boot()
        wait_for(f"{first.name} is heard", lambda: self._node(first).get("heard_at"), LIMIT_S, why=first.tail)
        for machine in others:
            machine.switch_on()
        for machine in others:
            machine.wait_booted()
        self._begin_clients(undo)
        self.wait_ready()

    def is_ready(self) -> bool:
        """And both followers stream."""
        if not super().is_ready():
            return False
        told = sql(self.active(), "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
        return told == str(len(self.machines) - 1)

    def kill_service(self, active: Machine) -> None:
        _kill_server(active, f"{HOME}/data")

    def _rows(self, leader: Machine) -> set[int]:
        return {int(line) for line in sql(leader, "SELECT id FROM writes").split()}


class Patroni(Database):
    """Patroni and etcd on the same three nodes. Synchronous, as the product's example is: the same promise."""

    name = "Patroni"
    asked_port, path = REST_PORT, "/primary"

    def __init__(self, ground: Ground, libraries: Path, balancer_port: int) -> None:
        super().__init__(ground)
        self.settings = _SETTINGS
        self.balancer_port = balancer_port
        made = [ground.machine("patroni", letter) for letter in _NODES]
        self.machines = [machine for machine, _ in made]
        for machine in self.machines:
            shutil.copytree(libraries, machine.path("/opt/peers"))
            self._put_on(machine)

    def _put_on(self, machine: Machine) -> None:
        etcds = ",".join(f"{one.name}=http://{one.address}:2380" for one in self.machines)
        wants = machine.path("/etc/systemd/system/multi-user.target.wants")
        wants.mkdir(parents=True, exist_ok=True)
        for unit, text in _UNITS.items():
            name = f"/etc/systemd/system/{unit}.service"
            machine.write(name, text.format(name=machine.name, address=machine.address, etcds=etcds))
            (wants / f"{unit}.service").symlink_to(name)
        machine.write("/etc/tmpfiles.d/patroni.conf", _FOLDERS)
        machine.write("/etc/patroni.yml", json.dumps(self._configuration(machine), indent=1))  # JSON is YAML

    def _configuration(self, machine: Machine) -> dict[str, object]:
        users = {who: {"username": who, "password": _SECRET} for who in ("postgres", "replicator", "rewinder")}
        return {
            "scope": "orders",
            "name": machine.name,
            "restapi": {"listen": f"0.0.0.0:{REST_PORT}", "connect_address": f"{machine.address}:{REST_PORT}"},
            "etcd3": {"hosts": [f"{one.address}:2379" for one in self.machines]},
            "bootstrap": {"dcs": _DCS, "initdb": ["data-checksums", {"encoding": "UTF8"}]},
            "postgresql": {
                "listen": f"0.0.0.0:{PORT}",
                "connect_address": f"{machine.address}:{PORT}",
                "data_dir": _DATA,
                "bin_dir": str(programs()),
                "authentication": {
                    "superuser": users["postgres"],
                    "replication": users["replicator"],
                    "rewind": users["rewinder"],
                },
                "pg_hba": [
                    "local all all trust",
                    "host all all samenet scram-sha-256",
                    "host replication all samenet scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": "/run/postgresql"},
            },
        }

    def prepare(self, undo: contextlib.ExitStack) -> None:
        for machine in self.machines:
            machine.switch_on()
        for machine in self.machines:
            machine.wait_booted()
        wait_for("Patroni has a leader and two followers", self.is_ready, LIMIT_S, why=self.tail)
        schema = f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'; CREATE TABLE writes (id bigint PRIMARY KEY);"
        self._sql(self._leader(), f"{schema} GRANT INSERT ON writes TO {ROLE}")
        self._begin_clients(undo)
        self.wait_ready()

    def is_ready(self) -> bool:
        """One leads, and two stream without a lag, one of them synchronously."""
        members = self._members()
        roles = sorted(str(member.get("role")) for member in members)
        followers = [member for member in members if member.get("role") != "leader"]
        return roles == ["leader", "replica", "sync_standby"] and all(
            member.get("state") == "streaming" and member.get("lag") == 0 for member in followers
        )

    def _members(self) -> list[dict[str, object]]:
        for machine in (one for one in self.machines if one.is_on):
            told = machine.says("curl", "-s", "--max-time", "2", f"http://127.0.0.1:{REST_PORT}/cluster")
            if told.startswith("{"):
                return list(json.loads(told)["members"])
        return []

    def _leader(self) -> Machine:
        names = [member["name"] for member in self._members() if member.get("role") == "leader"]
        return next(machine for machine in self.machines if machine.name in names)

    def switch_over(self, active: Machine) -> None:
        names = [str(member["name"]) for member in self._members() if member.get("role") == "sync_standby"]
        order = ["switchover", "orders", "--leader", active.name, "--candidate", names[0], "--force"]
        active.run(
            "env", "PYTHONPATH=/opt/peers", "python3", "/opt/peers/bin/patronictl", "-c", "/etc/patroni.yml", *order
        )

    def kill_service(self, active: Machine) -> None:
        _kill_server(active, _DATA)

    def _rows(self, leader: Machine) -> set[int]:
        return {int(line) for line in self._sql(leader, "SELECT id FROM writes").split()}

    def _sql(self, machine: Machine, text: str) -> str:
        return machine.says("psql", "-XAtq", "-h", "/run/postgresql", "-U", "postgres", "-d", "postgres", "-c", text)


def _kill_server(machine: Machine, data: str) -> None:
    """SIGKILL for the first process of PostgreSQL."""
    machine.run("sh", "-ec", f"kill -KILL $(head -n 1 {data}/postmaster.pid)")
