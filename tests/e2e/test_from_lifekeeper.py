"""The migration of docs/from-lifekeeper.md, step by step, with a stand-in for LifeKeeper that does what its kits do.

The stand-in starts and stops the service by the same script, looks at it, moves it when it is down, and writes the
record without a look at any guard. What it cannot show is LifeKeeper itself.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local.client import Client
from local.cluster import Cluster, Workload
from local.local_aws import LocalAws
from local.node import Node, Program
from local.sam import ROOT
from local.waiting import wait_for
from tests.e2e.bus import Bus
from tests.e2e.conftest import POLICY, TUNING
from tests.e2e.test_cli import LIMIT_S, Tool, watching

LK_TTL_S = 1
LOOK_S = 0.5
SCRIPT = """#!/bin/sh
pid=$(cat {folder}/pid 2>/dev/null)
alive() {{ [ -n "$pid" ] && grep -q '^State:.[^Z]' /proc/$pid/status 2>/dev/null; }}
case $1 in
start)
  alive && exit 0
  env {mark} PYTHONPATH={root} setsid {serve} >/dev/null 2>&1 </dev/null &
  echo $! >{folder}/pid ;;
stop)
  alive && kill "$pid"
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do alive || exit 0; sleep 0.1; done
  exit 1 ;;
kill) alive && kill -9 "$pid"; exit 0 ;;
status) alive && exit 0; exit 3 ;;
esac
"""
DISPLAY = """Resource hierarchies for machine "node-a":
ROOT of RESOURCE HIERARCHY
app: id=app app=gen type=app state=ISP
        depends on resources: route53-app
        Local priority = 1
        SHARED equivalency with "app" on "node-b", priority = 10
        FAILOVER ALLOWED
route53-app: id=route53-app app=comm type=route53 state=ISP
        info={zone} {record}
        these resources are dependent: app
"""


class LkMachine(Node):
    """A node whose service is a script that both the agent and the stand-in call."""

    script: Path

    def call(self, verb: str) -> int:
        return subprocess.run([str(self.script), verb], check=False, timeout=20).returncode

    def serves(self) -> bool:
        return self.call("status") == 0

    def stop_agent(self) -> None:
        """As `systemctl disable --now understudy-agent` does it: the agent stops its services in order."""
        assert self._agent is not None
        self._agent.popen.terminate()
        self._agent.popen.wait(20)


class LkCluster(Cluster):
    """Two machines with a script each."""

    def _node(self, name: str, az: str) -> Node:
        instance = self.aws.world.launch(name, az)
        port = self.aws.world.port
        folder = self.aws.engine.directory / "lifekeeper" / instance.instance_id
        folder.mkdir(parents=True)
        script = folder / "app"
        section = ["kind = script", *(f"{verb} = {script} {verb}" for verb in ("start", "stop", "kill", "status"))]
        program = Program("app", port, section=(*section, "check_interval_s = 0.5", "stop_limit_s = 3"))
        machine = LkMachine(self.aws.engine, self.aws.stack, self.name, instance, [program], self._keys)
        serve = shlex.join([sys.executable, "-m", "local.service", name, instance.address, str(port)])
        script.write_text(SCRIPT.format(folder=folder, mark=machine.mark, root=ROOT, serve=serve))
        script.chmod(0o755)
        machine.script = script
        return machine

    def machine(self, name: str) -> LkMachine:
        node = self.node(name)
        assert isinstance(node, LkMachine)
        return node

    def serving(self) -> list[str]:
        return [node.name for node in self.nodes if self.machine(node.name).serves()]


class LifeKeeper:
    """The stand-in: daemons on both machines, of which one has the hierarchy in service."""

    def __init__(self, cluster: LkCluster, on: str) -> None:
        self._cluster, self.on = cluster, on
        self._over, self._acts = threading.Event(), threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """`lkstart`: brings in service what was, which disturbs nothing that runs, and looks after it."""
        self._over.clear()
        self.restore(self.on)
        self._thread = threading.Thread(target=self._look_after)
        self._thread.start()

    def stop_and_leave_running(self) -> None:
        """`lkstop -f` on both machines: the daemons end, and what is in service goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def restore(self, name: str) -> None:
        """Bring the hierarchy in service there: the service, and the record without a look at a guard."""
        self.on = name
        machine = self._cluster.machine(name)
        machine.call("start")
        self._cluster.aws.world.set_record(self._cluster.record, machine.instance.address, LK_TTL_S)

    def move(self) -> None:
        with self._acts:
            self._cluster.machine(self.on).call("stop")
            self.restore(next(node.name for node in self._cluster.nodes if node.name != self.on))

    def _look_after(self) -> None:
        while not self._over.wait(LOOK_S):
            with self._acts:
                if not self._cluster.machine(self.on).serves():
                    self.move()


@pytest.fixture
def cluster(aws: LocalAws, bus: Bus, numbers: Iterator[int]) -> Iterator[LkCluster]:
    name = f"cluster-{next(numbers):02d}"
    with LkCluster(aws, name, policy=POLICY, tuning=TUNING, workload=Workload()) as made:
        yield made


@pytest.fixture
def lifekeeper(cluster: LkCluster) -> Iterator[LifeKeeper]:
    made = LifeKeeper(cluster, "node-a")
    yield made
    made.stop_and_leave_running()


@pytest.fixture(scope="module")
def tools(aws: LocalAws) -> dict[str, Tool]:
    return {role: Tool(aws, role) for role in ("Viewer", "Operator", "Retire")}


def import_from(cluster: LkCluster, tool: Tool, folder: Path) -> dict[str, object]:
    """The definition that the import makes of what LifeKeeper prints, with the quick timings of these tests."""
    display = folder / "node-a.txt"
    display.write_text(DISPLAY.format(zone=cluster.aws.world.zone, record=cluster.record))
    nodes = [word for node in cluster.nodes for word in ("--node", f"{node.name}={node.instance.instance_id}")]
    made = folder / "made"
    told = tool.document("import", "lifekeeper", str(display), "--into", str(made), "--cluster", cluster.name, *nodes)
    assert told["exit"] == 5, told
    definition: dict[str, object] = yaml.safe_load((made / f"{cluster.name}.yaml").read_text())
    return definition | {"policy": POLICY, "tuning": TUNING}


def stays(cluster: LkCluster, name: str, for_s: float) -> None:
    """For so long, whenever it is looked, the node serves and no other does."""
    end = time.monotonic() + for_s

    def still() -> bool:
        assert cluster.serving() == [name]
        return time.monotonic() > end

    wait_for(f"{name} has served for {for_s} s", still, LIMIT_S)


def boot_agents(cluster: LkCluster) -> None:
    for node in cluster.nodes:
        node.boot()
    for node in cluster.nodes:
        wait_for(f"the agent of {node.name} looks", lambda node=node: node.logged(), LIMIT_S)  # type: ignore[misc]


def test_the_migration_moves_the_decision_and_not_the_service_and_can_be_taken_back(
    cluster: LkCluster, lifekeeper: LifeKeeper, tools: dict[str, Tool], tmp_path: Path
):  # B25 B4
    lifekeeper.start()
    definition = import_from(cluster, tools["Operator"], tmp_path)

    # Agents are installed while LifeKeeper decides: it moves the service as ever, and they let it.
    boot_agents(cluster)
    cluster.machine("node-a").call("stop")
    wait_for("LifeKeeper has moved it", lambda: cluster.serving() == ["node-b"], LIMIT_S)
    stays(cluster, "node-b", POLICY["lease_s"])
    lifekeeper.move()
    assert (cluster.serving(), cluster.state()) == (["node-a"], {})

    # The handover: LifeKeeper ends and leaves the service running, then the definition is submitted.
    pids = cluster.node("node-a").pids_of("app")
    with Client(cluster.aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("clients are served", lambda: client.served_by("node-a"), LIMIT_S)
        lifekeeper.stop_and_leave_running()
        lifekeeper.start()  # taken back before the definition is submitted: what runs is not disturbed
        lifekeeper.stop_and_leave_running()
        cluster.register(definition)
        cluster.wait_settled("node-a", LIMIT_S)
        cluster.wait_standby("node-b", LIMIT_S)
        assert {attempt.node for attempt in client.attempts if attempt.node} == {"node-a"}
    assert cluster.node("node-a").pids_of("app") == pids, "the service was restarted"

    # It is tried, there and back.
    for to, tool in (("node-b", tools["Operator"]), ("node-a", tools["Operator"])):
        moved = tool.document("switchover", cluster.name, "--to", to, "--yes")
        assert moved["exit"] == 0, moved
        assert cluster.serving() == [to]
        other = next(node.name for node in cluster.nodes if node.name != to)
        cluster.wait_standby(other, LIMIT_S)

    # It is taken back: the controller forgets the cluster before LifeKeeper decides again.
    with watching(cluster.aws):
        assert tools["Retire"].document("retire", cluster.name, "--yes")["exit"] == 5
        cluster.machine("node-b").stop_agent()
        cluster.machine("node-a").stop_agent()
        assert cluster.serving() == []
        retired = lambda: tools["Retire"].document("retire", cluster.name, "--yes")["exit"] == 0  # noqa: E731
        wait_for("it is retired", retired, LIMIT_S, interval_s=2)
        lifekeeper.on = "node-a"
        lifekeeper.start()
        wait_for("LifeKeeper has it again", lambda: cluster.serving() == ["node-a"], LIMIT_S)
        lifekeeper.move()
        stays(cluster, "node-b", POLICY["lease_s"])
    assert (cluster.serving(), cluster.served_address()) == (["node-b"], cluster.node("node-b").instance.address)


def test_a_lifekeeper_that_is_started_by_mistake_is_undone_within_seconds(
    cluster: LkCluster, lifekeeper: LifeKeeper, tools: dict[str, Tool], tmp_path: Path
):  # B25 B1
    """Why it is masked after the handover: for seconds two serve, and clients are led astray until the repair."""
    definition = import_from(cluster, tools["Operator"], tmp_path)
    lifekeeper.restore("node-a")
    boot_agents(cluster)
    cluster.register(definition)
    cluster.wait_settled("node-a", LIMIT_S)
    cluster.wait_standby("node-b", LIMIT_S)
    lifekeeper.restore("node-b")
    wait_for("the agent has stopped what it started", lambda: cluster.serving() == ["node-a"], LIMIT_S)
    right = cluster.node("node-a").instance.address
    with watching(cluster.aws):
        wait_for("the record is repaired", lambda: cluster.served_address() == right, LIMIT_S, why=cluster.summary)
    cluster.wait_settled("node-a", LIMIT_S)
