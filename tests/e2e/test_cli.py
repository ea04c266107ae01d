"""The command-line tool as a program of its own, on the deployed stack, with moves that nodes really make."""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cluster import Cluster, Workload
from local.local_aws import LocalAws
from local.roles import keys_of, make_person_role
from local.sam import ROOT, STACK
from local.waiting import wait_for
from tests.e2e.bus import Bus
from tests.e2e.conftest import POLICY, TUNING, MakeCluster, name_of
from tests.e2e.placing import place

LIMIT_S = 180.0


class Tool:
    """`understudy`, run as people run it: with what the stack's policy for their role allows, and nothing else."""

    def __init__(self, aws: LocalAws, role: str) -> None:
        name = make_person_role(aws.engine, f"{role}-of-the-tool-{secrets.token_hex(3)}", aws.stack.people_policy(role))
        stack = {"PYTHONPATH": str(ROOT / "cli"), "UNDERSTUDY_STACK": STACK}
        self._environment = aws.engine.environment("cli") | keys_of(aws.engine, name) | stack

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "understudy_cli", *arguments]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )

    def interrupted(self, *arguments: str, after: str) -> subprocess.CompletedProcess[str]:
        """Ctrl-C once it has printed a line with these words."""
        command = [sys.executable, "-u", "-m", "understudy_cli", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=self._environment, **pipes) as process:  # type: ignore[call-overload]
            lines: list[str] = []
            while not lines or after not in lines[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1], process.stderr.read()
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=LIMIT_S)
        return subprocess.CompletedProcess(command, process.returncode, "".join([*lines, rest]), errors)

    def completed(self, words: str) -> list[str]:
        """What a shell is offered for the last of these words."""
        asked = {
            "_UNDERSTUDY_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        program = "from understudy_cli.__main__ import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=self._environment | asked,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return [each.partition(",")[2] for each in done.stdout.splitlines()]

    def document(self, *arguments: str) -> dict[str, Any]:
        """What it prints with --json, its exit status among it."""
        result = self.run(*arguments, "--json")
        assert result.stdout, result.stderr
        told: dict[str, Any] = json.loads(result.stdout)
        assert told["exit"] == result.returncode
        return told


@pytest.fixture(scope="module")
def tools(aws: LocalAws) -> dict[str, Tool]:
    return {role: Tool(aws, role) for role in ("Viewer", "Operator", "Approver", "Retire")}


@pytest.fixture
def tool(tools: dict[str, Tool]) -> Tool:
    return tools["Operator"]


@contextlib.contextmanager
def watching(aws: LocalAws) -> Iterator[None]:
    """The minute watch, every second: the embedded AWS sends no event when a parameter is put."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1):
            aws.stack.watch()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def settle(cluster: Cluster) -> None:
    place(cluster)
    wait_for("in sync", lambda: cluster.state()["address"]["status"] == "IN_SYNC", 90, why=cluster.summary)


@pytest.fixture(scope="module")
def placed(aws: LocalAws, numbers: Iterator[int]) -> Iterator[Cluster]:
    """One cluster for the tests that leave it as they found it: in service on node-a."""
    cluster = Cluster(aws, name_of(next(numbers)), ("node-a", "node-b"), policy=POLICY, tuning=TUNING)
    try:
        settle(cluster)
        yield cluster
    finally:
        cluster.kill()


def test_an_operator_sees_asks_moves_holds_and_reads_what_was_done(tool: Tool, placed: Cluster):  # B23 S18
    cluster = placed
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
    ended = [(each["action"], each["target"], each["outcome"]) for each in (moves[0], moves[-1])]
    assert ended == [("switchover", "node-b", "IN_SERVICE"), ("place", "node-a", "IN_SERVICE")]
    assert "patching" in tool.run("history", cluster.name, str(moves[0]["epoch"])).stdout
    home = tool.document("failback", cluster.name, "--yes")
    assert (home["exit"], home["moves"][-1]["target"]) == (0, "node-a"), home
    told = tool.document("events", cluster.name)["events"]
    closed = [each["detail"]["action"] for each in told if each["detail_type"] == "Understudy Transition Closed"]
    assert (closed[0], closed[-2:]) == ("place", ["switchover", "failback"])
    assert tool.completed(f"understudy status {cluster.name}") == [cluster.name]
    assert "complete" in tool.run("completion", "bash").stdout


def test_a_drill_by_hand_goes_there_and_back(tool: Tool, placed: Cluster):  # B23
    cluster = placed
    assert tool.document("drill", cluster.name)["drill"] == {"timetable": None, "newest": None, "next_at": None}
    drilled = tool.document("drill", cluster.name, "--now", "--stay", "1s", "--yes")
    assert drilled["exit"] == 0, drilled
    assert [each["target"] for each in drilled["moves"]] == ["node-b", "node-a"]
    assert set(drilled["outages_s"]) == {"out", "back"}
    cluster.wait_settled("node-a", 60)


def test_what_cannot_be_is_refused_and_what_there_is_not_is_a_wrong_command(tool: Tool, placed: Cluster):  # B23
    cluster = placed
    before = cluster.state()["epoch"]
    refused = tool.run("switchover", cluster.name, "--to", "node-a", "--yes")
    assert refused.returncode == 3, refused.stdout
    assert refused.stdout.splitlines()[-1].startswith("Refused: ")
    unknown = tool.run("status", "cluster-of-nobody")
    assert unknown.returncode == 2
    assert "No cluster cluster-of-nobody is registered in this stack." in unknown.stderr
    elsewhere = tool.run("status", "--stack", "no-such-stack")
    assert (elsewhere.returncode, "no right to see a stack no-such-stack" in elsewhere.stderr) == (3, True)
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
    remembered = tool.document("status", cluster.name)
    assert remembered["exit"] == 4, remembered
    assert "did not start" in str(remembered["clusters"][0]["nodes"])
    cleared = tool.document("clear", cluster.name, "node-b", "--reason", "mended")
    assert (cleared["exit"], cleared["ending"]) == (0, "Cleared")
    assert "did not start" not in str(tool.document("status", cluster.name)["clusters"])


def test_who_only_looks_sees_all_and_moves_nothing(tools: dict[str, Tool], placed: Cluster):  # B23 B10
    cluster = placed
    viewer, before = tools["Viewer"], cluster.state()["epoch"]
    assert viewer.run("status", cluster.name).returncode == 0
    assert viewer.document("history", cluster.name)["moves"][-1]["action"] == "place"
    assert json.loads(viewer.document("get", cluster.name)["text"])["nodes"][0]["name"] == "node-a"
    assert viewer.document("log", cluster.name, "--since", "1h")["entries"]
    looked = {each["name"]: each["verdict"] for each in viewer.document("doctor")["checks"]}
    assert (looked["notices"], "alarms" in looked) == ("FAIL", True), "nobody is subscribed to the topic of these tests"
    assert viewer.run("tuning").returncode == 0
    shown = viewer.run("get", cluster.name, "--show-aws")
    assert "aws: ssm get_parameter" in shown.stderr
    assert "aws: " not in shown.stdout
    refused = viewer.run("switchover", cluster.name, "--yes")
    assert refused.returncode == 3
    assert "You have no right to stepfunctions:start_execution" in refused.stderr
    assert cluster.state()["epoch"] == before


def token_of(bus: Bus, cluster: Cluster, asked: dict[str, Any]) -> str:
    """The token of the question of an execution, from the notice about it."""

    def told() -> list[str]:
        notices = bus.told(cluster.name, "Understudy Approval Asked")
        return [each["approve"] for each in notices if each["execution"] == asked["execution"]]

    words = shlex.split(wait_for("the question is told", told, 90)[0])
    return words[words.index("--task-token") + 1]


def test_a_move_waits_for_another_person_who_approves_it(
    tools: dict[str, Tool], bus: Bus, make_cluster: MakeCluster
):  # B23 B4
    """With the token of the notice: the embedded AWS keeps no parameters of tasks in its histories."""
    cluster = make_cluster()
    cluster.policy = POLICY | {"approval": {"for": ["switchover"], "wait_s": 300, "on_timeout": "hold"}}
    settle(cluster)
    denied = tools["Operator"].document("switchover", cluster.name, "--yes")
    no = ["--by", "maria", "--reason", "not today", "--yes", "--token", token_of(bus, cluster, denied)]
    refused = tools["Approver"].document("deny", cluster.name, *no)
    assert (refused["exit"], refused["ending"]) == (0, "NotApproved"), refused
    assert tools["Viewer"].document("follow", denied["execution"])["exit"] == 1

    asked = tools["Operator"].document("switchover", cluster.name, "--yes")
    assert asked["exit"] == 5, asked
    token = token_of(bus, cluster, asked)
    assert tools["Operator"].document("status", cluster.name)["exit"] == 5
    over = tools["Approver"].run("approve", cluster.name, "--token", no[-1], "--yes")
    assert (over.returncode, "The question is over" in over.stderr) == (3, True), over.stdout + over.stderr
    approved = tools["Approver"].run("approve", cluster.name, "--token", token, "--by", "maria", "--yes")
    assert approved.returncode == 0, approved.stdout + approved.stderr
    cluster.wait_settled("node-b", 60)
    followed = tools["Viewer"].document("follow", asked["execution"])
    assert (followed["ending"], followed["exit"]) == ("InService", 0)
    left = tools["Operator"].interrupted("failover", cluster.name, "--to", "node-a", "--yes", after="asked:")
    assert left.returncode == 6, left
    assert "You have stopped looking; what was asked for goes on." in left.stdout
    cluster.wait_settled("node-a", 60)


def test_a_cluster_is_retired_once_its_agents_are_stopped(tools: dict[str, Tool], make_cluster: MakeCluster):  # B23
    cluster = make_cluster()
    settle(cluster)
    waits = tools["Retire"].document("retire", cluster.name, "--yes")
    assert waits["exit"] == 5, waits
    assert cluster.state()["epoch"]
    plan = tools["Retire"].run("retire", cluster.name, "--plan")
    assert (plan.returncode, "the state first" in plan.stdout) == (0, True), plan.stdout
    cluster.kill()
    seen = lambda: tools["Viewer"].document("status", cluster.name)["clusters"][0]["nodes"]  # noqa: E731
    wait_for("both are silent", lambda: {each["health"] for each in seen()} == {"SILENT"}, 90, interval_s=1)
    not_known = tools["Viewer"].document("status", cluster.name)
    assert (not_known["exit"], "not known" in not_known["clusters"][0]["sentence"]) == (6, True), not_known
    retired = tools["Retire"].document("retire", cluster.name, "--yes")
    assert retired["exit"] == 0, retired
    assert cluster.state() == {}
    cluster.aws.stack.watch()
    assert cluster.state() == {}
    assert tools["Viewer"].run("status", cluster.name).returncode == 2


def test_a_definition_is_submitted_and_in_force_or_every_fault_is_said(
    tool: Tool, make_cluster: MakeCluster, tmp_path: Path
):  # B23 S8
    cluster = make_cluster()
    cluster.register()
    file = tmp_path / f"{cluster.name}.json"
    aws = cluster.aws
    file.write_text(json.dumps(cluster.definition() | {"colour": "green"}))
    offline = tool.document("validate", str(file))
    assert (offline["exit"], "pipx install" in offline["error"]["do"]) == (2, True), "it runs without the extra here"
    tunables = tmp_path / "LifeKeeper"
    tunables.write_text("ROUTE53_TTL=10\n")
    with watching(aws):
        assert tool.document("tuning", "put", str(tunables), "--yes")["fate"] == "IN_FORCE"
        refused = tool.document("put", str(file), "--yes")
        assert (refused["exit"], refused["fate"]) == (3, "REFUSED")
        assert any("colour" in fault for fault in refused["faults"])
        changed = cluster.definition()
        changed["policy"] = changed["policy"] | {"silence_limit_s": 9}
        file.write_text(json.dumps(changed))
        accepted = tool.document("put", str(file), "--yes")
    assert (accepted["exit"], accepted["fate"]) == (0, "IN_FORCE"), accepted
    assert cluster.state()["terms"]["silence_limit_s"] == 9
