# S9 S10 B10 B11: the agent as a process, against an AWS on loopback
from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import understudy_agent
from tests.unit.agent.items import ME, OTHER, terms
from tests.unit.agent.waiting import wait_for
from understudy_agent.succession import Succession

ARN = f"arn:aws:ec2:eu-west-1:123456789012:instance/{ME}"
TERMS = terms(heartbeat_interval_s=0.5, lease_read_interval_s=0.5, lease_s=4, kill_limit_s=0.5)


class LoopbackAws:
    """Records beats and shows the state item. `silent`: takes connections and answers nothing useful."""

    def __init__(self) -> None:
        self.active = OTHER
        self.epoch = 1
        self.silent = False
        self.hosts: list[str] = []
        self.beats: list[dict[str, Any]] = []
        aws = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                put = "PutEvents" in self.headers["x-amz-target"]
                answer = json.dumps(aws.record(body) if put else aws.item()).encode()
                self.send_response(500 if aws.silent else 200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def record(self, body: dict[str, Any]) -> dict[str, Any]:
        entry = body["Entries"][0]
        assert entry["Source"] == ARN
        if not self.silent:
            self.beats.append(json.loads(entry["Detail"]))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def item(self) -> dict[str, Any]:
        mine: dict[str, Any] = {"boot": {"S": ""}}
        if self.beats:
            newest = self.beats[-1]
            mine = {
                "boot": {"S": newest["boot"]},
                "beat": {"N": str(newest["beat"])},
                "heard_at": {"N": str(int(time.time()))},
            }
        hosts = {"L": [{"S": host} for host in self.hosts]}
        return {
            "Item": {
                **({"quorum": {"M": {"hosts": hosts, "timeout_s": {"N": "0.4"}}}} if self.hosts else {}),
                "epoch": {"N": str(self.epoch)},
                "active": {"S": self.active},
                "terms": {"M": {key: {"N": str(value)} for key, value in TERMS.items()}},
                "nodes": {"M": {ME: {"M": mine}}},
            }
        }

    def grant(self, to: str) -> None:
        self.active, self.epoch = to, self.epoch + 1

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Node:
    """A node with an agent process and a real TCP service."""

    def __init__(self, directory: Path, aws: LoopbackAws) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.directory = directory
        self.config, self.keeper = directory / "agent.ini", Succession(directory / "run")
        serve = f"import socket,time; s=socket.create_server(('127.0.0.1',{self.port})); time.sleep(600)"
        self.config.write_text(
            f"[agent]\ncluster = orders-db\ntable = t\nbus = b\ninstance_arn = {ARN}\nboot = boot-a\n"
            f"runtime_dir = {directory}/run\nstate_dir = {directory}/state\nstatus_file = {directory}/status.json\n"
            "on_stop_failure = report\n"
            f'[service db]\nkind = process\ncommand = {sys.executable} -c "{serve}"\n'
            f"ready = 127.0.0.1:{self.port}\ncheck_interval_s = 0\n"
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(understudy_agent.__file__).parent.parent),
            "AWS_ENDPOINT_URL": aws.address,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
        self.agents: list[subprocess.Popen[bytes]] = []

    def agent(self, command: str = "run") -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "understudy_agent", command, "--config", str(self.config)]
        self.agents.append(subprocess.Popen(argv, env=self.environment, stderr=subprocess.PIPE))
        return self.agents[-1]

    def serves(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def order(self) -> str:
        try:
            return str(json.loads((self.directory / "status.json").read_text())["order"])
        except FileNotFoundError:
            return ""

    def guardian(self) -> int | None:
        """The process that keeps the lease when the agent cannot; None: there is none."""
        return self.keeper.holder() if self.keeper.is_held() else None

    def close(self) -> None:
        for agent in self.agents:
            agent.kill()
            agent.wait(10)
        guardian = self.guardian()
        if guardian is not None:
            os.kill(guardian, signal.SIGKILL)
        for agent in self.agents:
            _, log = agent.communicate(timeout=10)
            print(log.decode())  # noqa: T201 - shown when the test fails


@pytest.fixture
def aws():
    aws = LoopbackAws()
    yield aws
    aws.close()


@pytest.fixture
def node(tmp_path, aws):
    node = Node(tmp_path, aws)
    yield node
    node.close()


def test_a_node_serves_while_it_holds_the_lease_and_ends_in_order_on_sigterm(node, aws):
    agent = node.agent()
    wait_for(lambda: node.order() == "STOP")
    aws.grant(ME)
    wait_for(lambda: aws.beats and aws.beats[-1]["services"] == {"db": "IN_SERVICE"})
    assert node.serves()
    aws.grant(OTHER)
    wait_for(lambda: aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"})
    assert not node.serves()
    aws.grant(ME)
    wait_for(node.serves)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(15) == 0
    assert not node.serves()
    assert aws.beats[-1]["services"] == {"db": "OUT_OF_SERVICE"}


def test_a_node_cut_off_from_aws_stops_serving(node, aws):
    node.agent()
    aws.grant(ME)
    wait_for(node.serves)
    aws.silent = True
    wait_for(lambda: node.order() == "KILL")
    wait_for(lambda: not node.serves())


def test_a_killed_agent_takes_its_processes_along_and_its_lease_is_kept_for_it(node, aws):
    agent = node.agent()
    aws.grant(ME)
    wait_for(node.serves)
    agent.kill()
    agent.wait(10)
    wait_for(lambda: not node.serves())
    assert (node.directory / "run" / "lease.json").exists()
    wait_for(lambda: not (node.directory / "run" / "lease.json").exists())
    wait_for(lambda: node.guardian() is None)


# B18: a process that keeps the lease is there before it is needed, once, and ends
def test_beside_an_agent_there_is_one_process_that_keeps_its_lease_until_it_has_ended(node, aws):
    agent = node.agent()
    wait_for(node.guardian)
    guardian = node.guardian()
    assert guardian not in (None, agent.pid)
    shutil.copy(node.directory / "run" / "plan.ini", node.config)
    assert node.agent("expire").wait(15) == 75
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(15) == 0
    wait_for(lambda: node.guardian() is None)


def test_when_the_configuration_changes_somebody_keeps_the_lease_at_every_moment(node, aws):
    agent = node.agent()
    aws.grant(ME)
    wait_for(node.serves)
    first = node.guardian()
    agent.send_signal(signal.SIGKILL)
    agent.wait(10)
    node.config.write_text(node.config.read_text().replace("check_interval_s = 0", "check_interval_s = 1"))
    node.agent()
    unkept = []

    def has_made_way():
        if not (node.keeper.is_held() or node.keeper.is_followed() or node.keeper.is_held()):
            unkept.append(time.monotonic())
        return node.keeper.holder() != first

    wait_for(has_made_way)
    assert unkept == []


def test_a_guardian_that_is_killed_is_started_again(node, aws):
    node.agent()
    wait_for(node.guardian)
    killed = node.guardian()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: node.guardian() not in (None, killed))


def test_what_an_agent_that_hangs_runs_is_down_soon_after_the_end_of_its_lease(node, aws):
    agent = node.agent()
    aws.grant(ME)
    wait_for(node.serves)
    agent.send_signal(signal.SIGSTOP)
    wait_for(lambda: not node.serves())
    assert agent.wait(15) == -signal.SIGKILL


def test_when_the_configuration_and_the_package_are_gone_the_services_of_a_dead_agent_end_with_its_lease(node, aws):
    package = node.directory / "package"
    shutil.copytree(Path(understudy_agent.__file__).parent, package / "understudy_agent")
    node.environment["PYTHONPATH"] = str(package)
    running = node.directory / "running"
    text = node.config.read_text().partition("[service db]")[0]
    act = f"{sys.executable} -c \"import pathlib; pathlib.Path('{running}')"
    node.config.write_text(
        f'{text}[service db]\nkind = script\nstart = {act}.touch()"\nstop = /bin/rm -f {running}\n'
        f"status = {sys.executable} -c \"import os,sys; sys.exit(0 if os.path.exists('{running}') else 3)\"\n"
    )
    agent = node.agent()
    wait_for(node.guardian)
    aws.grant(ME)
    wait_for(running.exists)
    node.config.write_text("[agnet]\n")
    shutil.rmtree(package)
    agent.kill()
    agent.wait(10)
    assert running.exists()
    wait_for(lambda: not running.exists())


def test_a_second_agent_of_the_same_cluster_is_refused(node, aws):
    node.agent()
    wait_for(lambda: aws.beats)
    assert node.agent().wait(10) == 75


def test_without_a_lease_left_there_is_nothing_to_expire(node):
    assert node.agent("expire").wait(10) == 0
    (node.directory / "run").mkdir()
    assert node.agent("expire").wait(10) == 0


def test_quorum_hosts_that_hang_or_do_not_resolve_do_not_slow_the_beats(node, aws):  # S12
    with socket.create_server(("127.0.0.1", 0)) as there, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        ports = [there.getsockname()[1], full.getsockname()[1]]
        aws.hosts = [f"127.0.0.1:{port}" for port in ports] + ["understudy.invalid:1"]
        aws.grant(ME)
        node.agent()
        wait_for(lambda: aws.beats and aws.beats[-1].get("quorum") == {"reached": 1, "total": 3})
        first = len(aws.beats)
        wait_for(lambda: len(aws.beats) >= first + 8)
        numbers = [beat["beat"] for beat in aws.beats[first:]]
        assert max(later - earlier for earlier, later in pairwise(numbers)) < 1500
        assert not node.serves()
        for filler in fillers:
            filler.close()
