"""`make up`: a cluster to play with stays up, does what it is told, and leaves nothing when it ends in whatever way."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.client import query
from local.processes import MARK, marked
from local.sam import ROOT
from local.up.ports import PortBlock
from local.waiting import wait_for

UP_LIMIT_S = 280.0
MOVE_LIMIT_S = 150.0
"""Beats that were late, as on a busy machine, let a silence be doubted for a minute."""
SOON_S = 60.0
NAME = "orders-db.corp.example.com"
ASKS_AWS = """
import boto3
tables = boto3.client("dynamodb").list_tables()["TableNames"]
instances = boto3.client("ec2").describe_instances()["Reservations"]
zones = boto3.client("route53").list_hosted_zones()["HostedZones"]
print(len(tables), len(instances), zones[0]["Name"])
"""


def free_block() -> PortBlock:
    """Any block but the usual one, where a person may play meanwhile."""
    blocks = (PortBlock(20000 + 10 * secrets.randbelow(1000)) for _ in range(50))
    return next(block for block in blocks if not block.taken())


class Played:
    """The commands of one stack, as `make` runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ports = folder, free_block()
        self.command = [sys.executable, "-m", "local.up", "--directory", str(folder)]

    def run(self, *arguments: str, limit_s: float = SOON_S) -> tuple[int, str]:
        """Exit status, and all that was said."""
        ended = subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit_s,
            check=False,
            start_new_session=True,  # ends with the command, as when a terminal is closed
        )
        return ended.returncode, ended.stdout

    def up(self) -> tuple[int, str]:
        return self.run("up", "--port", str(self.ports.first), limit_s=UP_LIMIT_S)

    def do(self, *arguments: str) -> str:
        status, said = self.run(*arguments)
        assert status == 0, said
        return said

    def line(self, name: str) -> str:
        """One line of the state."""
        return next(line for line in self.do("state").splitlines() if line.split()[:1] == [name])

    def active(self) -> str:
        found = re.search(r"active ([\w-]+), no move", self.line("cluster"))
        return found.group(1) if found else ""

    def epoch(self) -> int:
        return int(re.findall(r"epoch (\d+)", self.line("cluster"))[0])

    def resident(self) -> int:
        return int(re.findall(r"process (\d+)", self.do("state"))[0])

    def left(self) -> list[int]:
        run = (self.folder / "aws" / "run").read_text()
        assert run
        return list(marked(f"{MARK}={run}"))

    def wait_moved(self, to_node: str) -> None:
        wait_for(f"{to_node} serves", lambda: self._serves(to_node), MOVE_LIMIT_S, 0.5, why=lambda: self.do("state"))

    def _serves(self, node: str) -> bool:
        led = f"({node})" in self.line("name") and self.line("service").endswith(f"by {node}")
        return led and self.active() == node

    def wait_standby(self, node: str) -> None:
        said = re.compile(r": on, said OUT_OF_SERVICE [0-4] s ago$")
        wait_for(f"{node} stands by", lambda: said.search(self.line(node)), SOON_S, 0.5, why=lambda: self.do("state"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    stack = Played(tmp_path_factory.mktemp("up"))
    try:
        status, said = stack.up()
        assert status == 0, said
        assert "node-b stands by, and DNS leads to node-a" in said
        yield stack
    finally:
        stack.run("down")


def other(node: str) -> str:
    return {"node-a": "node-b", "node-b": "node-a"}[node]


def test_it_stays_when_the_command_and_its_terminal_are_gone_and_says_so_when_started_again(played):  # B24
    before = played.resident()
    assert os.getsid(before) == before
    status, said = played.run("up")
    assert status == 0
    assert said.startswith("It is up already.\n")
    assert f"http://127.0.0.1:{played.ports.board}/" in said
    assert played.resident() == before
    status, said = played.run("up", "--port", str(played.ports.first + 100))
    assert status == 1
    assert said.startswith(f"It is up already, with the ports from {played.ports.first} on.")


def test_another_one_does_not_start_on_its_ports_and_says_who_has_them(played, tmp_path):
    another = Played(tmp_path)
    another.ports = played.ports
    status, said = another.up()
    assert status == 1
    assert f"port {played.ports.aws} is taken by process {played.resident()} (" in said
    assert "make up FIRST_PORT=" in said
    assert another.run("state") == (1, "Nothing is up. To start it: make up\n")


def test_a_shell_that_evaluates_the_environment_works_on_it(played, tmp_path):  # B24
    dig = tmp_path / "dig"
    dig.write_text('#!/bin/sh\necho "$@"\n')
    dig.chmod(0o755)
    (tmp_path / "ask.py").write_text(ASKS_AWS)
    command = " ".join(played.command)
    text = f'eval "$({command} env)"; {sys.executable} {tmp_path / "ask.py"}; dig +short {NAME}; echo "$MACHINE"'
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AWS_PROFILE": "production", "HOME": str(tmp_path)}
    shell = subprocess.run(["bash", "-c", text], cwd=ROOT, env=env, capture_output=True, timeout=SOON_S, check=False)
    asked, dug, machine = shell.stdout.decode().splitlines()
    assert asked == "1 2 corp.example.com."
    assert dug == f"@127.0.0.1 -p {played.ports.dns} +short {NAME}"
    assert machine.startswith("arn:aws:states:us-east-1:123456789012:stateMachine:")
    address, _ = query(played.ports.dns, NAME)
    assert address in played.line("name")
    with socket.create_connection((address, played.ports.service), timeout=SOON_S) as service:
        assert f'"{played.active()}"'.encode() in service.recv(200)


def test_a_node_that_is_killed_is_followed_by_the_other_one_and_stands_by_when_it_is_booted(played):  # B24
    dead = played.active()
    status, said = played.run("kill", "node-c")
    assert (status, said) == (1, "There is no node node-c. There are node-a and node-b: make kill NODE=node-a\n")
    assert f"make boot NODE={dead}" in played.do("kill", dead)
    assert ": off" in played.line(dead)
    played.wait_moved(other(dead))
    played.do("boot", dead)
    played.wait_standby(dead)


def test_a_node_that_is_cut_off_loses_its_service_to_the_other_one_until_it_is_reconnected(played):  # B24
    apart = played.active()
    assert f"make reconnect NODE={apart}" in played.do("cut", apart)
    assert ": on, cut off" in played.line(apart)
    address, _ = query(played.ports.dns, NAME)
    played.wait_moved(other(apart))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, played.ports.service), timeout=SOON_S)
    played.do("reconnect", apart)
    played.wait_standby(apart)


def test_a_node_that_is_frozen_says_nothing_until_it_is_thawed(played):  # B24
    still = other(played.active())
    assert f"make thaw NODE={still}" in played.do("freeze", still)
    wait_for("it is silent", lambda: re.search(r": frozen, said \w+ ([6-9]|\d\d) s ago$", played.line(still)), SOON_S)
    played.do("thaw", still)
    played.wait_standby(still)


def test_in_an_outage_nobody_reaches_aws_and_the_service_goes_on(played):  # B24
    active, epoch = played.active(), played.epoch()
    assert "make end-outage" in played.do("outage")
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", played.ports.aws), timeout=SOON_S) as asking:
        assert asking.recv(100) == b""
    wait_for("the lease would be over", lambda: time.monotonic() - began > 15, SOON_S)
    assert played.line("service").endswith(f"by {active}")
    assert "not known while AWS is gone" in played.line("cluster")
    played.do("end-outage")
    played.wait_moved(active)
    assert played.epoch() == epoch


def test_killed_in_its_worst_moment_it_leaves_nothing_and_what_is_started_next_ends_clean(played):  # B24
    played.do("freeze", "node-a")
    played.do("outage")
    assert played.left()
    os.kill(played.resident(), signal.SIGKILL)
    wait_for("nothing is left", lambda: not played.left(), SOON_S)
    wait_for("nothing is up", lambda: played.run("state")[1].startswith("Nothing is up."), SOON_S)
    status, said = played.up()
    assert status == 0, said
    assert played.left()
    assert played.do("down") == "Down. Nothing is left running.\n"
    assert played.left() == []
    assert played.ports.taken() == []
    assert played.do("down") == "Nothing is up.\n"


def test_a_start_that_is_interrupted_leaves_nothing(tmp_path):
    starting = Played(tmp_path)
    command = [*starting.command, "up", "--port", str(starting.ports.first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        assert any("the embedded AWS answers" in line for line in lines)
        assert starting.left()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 128 + signal.SIGINT
    assert rest.endswith("It was not up yet when it was ended (SIGINT). Nothing is left running.\n")
    assert starting.left() == []
