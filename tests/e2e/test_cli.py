"""The command-line tool as a program of its own, on the deployed stack, with moves that nodes really make."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from local.cluster import Cluster, Workload
from local.local_aws import LocalAws
from local.sam import ROOT, STACK
from local.waiting import wait_for
from tests.e2e.conftest import MakeCluster
from tests.e2e.placing import place

LIMIT_S = 180.0


class Tool:
    """`understudy`, run as people run it."""

    def __init__(self, aws: LocalAws) -> None:
        self._environment = aws.engine.environment("cli") | {"PYTHONPATH": str(ROOT / "cli"), "UNDERSTUDY_STACK": STACK}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "understudy_cli", *arguments]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        """What it prints with --json, its exit status among it."""
        result = self.run(*arguments, "--json")
        assert result.stdout, result.stderr
        told: dict[str, Any] = json.loads(result.stdout)
        assert told["exit"] == result.returncode
        return told


@pytest.fixture
def tool(aws: LocalAws) -> Tool:
    return Tool(aws)


def settle(cluster: Cluster) -> None:
    place(cluster)
    wait_for("in sync", lambda: cluster.state()["address"]["status"] == "IN_SYNC", 90, why=cluster.summary)


def test_an_operator_sees_asks_moves_holds_and_reads_what_was_done(tool: Tool, make_cluster: MakeCluster):  # B23 S18
    cluster = make_cluster()
    settle(cluster)
    status = tool.run("status", cluster.name)
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout.splitlines()[0] == f"{cluster.name}  in service on node-a"

    why = tool.document("why", cluster.name)
    assert (why["ending"], why["exit"], why["answer"]["target"]) == ("Advised", 0, "node-a")
    check = tool.run("check", cluster.name)
    assert (check.returncode, "PASS" in check.stdout) == (0, True), check.stdout
    rehearsal = tool.document("rehearse", cluster.name)
    assert (rehearsal["exit"], rehearsal["answer"]["target"]) == (0, "node-b"), rehearsal

    moved = tool.run("switchover", cluster.name, "--to", "node-b", "--reason", "patching", "--yes")
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert f"Done: {cluster.name} is in service on node-b" in moved.stdout.splitlines()[-1]
    assert "the lease is granted to node-b" in moved.stdout
    cluster.wait_settled("node-b", 60)

    held = tool.document("hold", cluster.name, "--for", "1h", "--reason", "patching")
    assert (held["ending"], held["exit"]) == ("ModeSet", 0)
    assert tool.document("status", cluster.name)["clusters"][0]["hold"]["reason"] == "patching"
    assert tool.run("resume", cluster.name).returncode == 0
    assert tool.document("status", cluster.name)["clusters"][0]["hold"] is None

    moves = tool.document("history", cluster.name)["moves"]
    assert [(each["action"], each["target"], each["outcome"]) for each in moves[:2]] == [
        ("switchover", "node-b", "IN_SERVICE"),
        ("place", "node-a", "IN_SERVICE"),
    ]
    assert "patching" in tool.run("history", cluster.name, str(moves[0]["epoch"])).stdout


def test_what_cannot_be_is_refused_and_what_there_is_not_is_a_wrong_command(
    tool: Tool, make_cluster: MakeCluster
):  # B23
    cluster = make_cluster()
    settle(cluster)
    before = cluster.state()["epoch"]
    refused = tool.run("switchover", cluster.name, "--to", "node-a", "--yes")
    assert refused.returncode == 3, refused.stdout
    assert refused.stdout.splitlines()[-1].startswith("Refused: ")
    unknown = tool.run("status", "cluster-of-nobody")
    assert unknown.returncode == 2
    assert "No cluster cluster-of-nobody is registered in this stack." in unknown.stderr
    elsewhere = tool.run("status", "--stack", "no-such-stack")
    assert (elsewhere.returncode, "There is no stack no-such-stack" in elsewhere.stderr) == (2, True), elsewhere.stderr
    assert cluster.state()["epoch"] == before


def test_a_switchover_that_goes_back_is_not_done_and_the_service_is_where_it_was(
    tool: Tool, make_cluster: MakeCluster
):  # B23
    cluster = make_cluster(workload=Workload(broken=("node-b",)))
    settle(cluster)
    moved = tool.document("switchover", cluster.name, "--to", "node-b", "--yes")
    assert (moved["exit"], moved["ending"]) == (1, "Degraded"), moved
    assert "is in service on node-a again" in moved["sentence"]
    cluster.wait_settled("node-a", 60)
