"""Moves that wait for a person: nothing happens until somebody pastes one of the two commands of the question."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from local.cluster import Cluster
from local.local_aws import LocalAws
from local.waiting import wait_for
from tests.e2e.bus import Bus
from tests.e2e.conftest import POLICY, MakeCluster
from tests.e2e.placing import place

ASKED, ENDED = "Understudy Approval Asked", "Understudy Approval Ended"
LIMIT_S = 90.0
BEATS_WITHOUT_AN_ANSWER = 5


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Its failovers and switchovers wait for a person; the wait is far longer than the test."""
    made = make_cluster()
    made.policy = POLICY | {"approval": {"for": ["failover", "switchover"], "wait_s": 300, "on_timeout": "hold"}}
    return made


def paste(aws: LocalAws, command: str) -> None:
    """What the AWS CLI makes of the command of an event, by the same API call."""
    program, service, call, *rest = shlex.split(command)
    assert (program, service, call) == ("aws", "stepfunctions", "send-task-success")
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    workflows = aws.engine.client("stepfunctions")
    assert options.pop("--region") == workflows.meta.region_name
    workflows.send_task_success(taskToken=options.pop("--task-token"), output=options.pop("--task-output"))
    assert options == {}


def stands(aws: LocalAws, cluster: Cluster) -> dict[str, Any]:
    """All that a move would change."""
    state = cluster.state()
    return {
        "epoch": state["epoch"],
        "active": state["active"],
        "transition": state.get("transition"),
        "failovers": state.get("failover_times"),
        "served": wait_for("DNS answers", cluster.served_address, LIMIT_S),
        "moves": len(aws.stack.history(cluster.name)),
    }


def settle(aws: LocalAws, cluster: Cluster) -> dict[str, Any]:
    """How it stands once nothing is left to be put right: an owed address would be repaired under another epoch."""
    place(cluster)
    wait_for("in sync", lambda: cluster.state()["address"]["status"] == "IN_SYNC", LIMIT_S, why=cluster.summary)
    return stands(aws, cluster)


def has_ended(aws: LocalAws, execution: str, status: str) -> dict[str, Any]:
    wait_for(f"it ends {status}", lambda: aws.stack.execution(execution)["status"] == status, LIMIT_S)
    return aws.stack.execution(execution)


def wait_beats(cluster: Cluster, name: str, number: int) -> None:
    """Until so many more beats of the node were recorded, each of which judged the whole cluster."""
    wanted = cluster.beats(name)["beat"] + number
    wait_for(f"{name} has beaten", lambda: cluster.beats(name)["beat"] >= wanted, LIMIT_S, why=cluster.summary)


def test_a_dead_node_is_failed_over_when_a_person_pastes_the_command_and_not_before(
    aws: LocalAws, bus: Bus, cluster: Cluster
):  # B4 B5
    before = settle(aws, cluster)
    cluster.node("node-a").kill()
    question = bus.wait(cluster.name, ASKED, LIMIT_S)
    assert (question["action"], question["source"], question["target"]) == ("failover", "node-a", "node-b")
    wait_beats(cluster, "node-b", BEATS_WITHOUT_AN_ANSWER)
    assert stands(aws, cluster) == before
    assert cluster.node("node-a").instance.address == before["served"]
    assert cluster.beats("node-b")["service"] == "OUT_OF_SERVICE"
    assert len(bus.told(cluster.name, ASKED)) == 1

    paste(aws, question["approve"])
    state = cluster.wait_settled("node-b", LIMIT_S, above_epoch=before["epoch"])
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["proof"], moved["outcome"]) == ("failover", "LEASE_EXPIRED", "IN_SERVICE")
    assert moved["approval"]["outcome"] == "APPROVED"
    assert moved["stages"]["asked_at"] <= moved["stages"]["opened_at"]
    assert cluster.served_address() == cluster.node("node-b").instance.address
    assert bus.wait(cluster.name, ENDED, LIMIT_S)["outcome"] == "APPROVED"


def test_a_denied_move_stays_where_it_is_and_the_execution_says_who_denied_it(
    aws: LocalAws, bus: Bus, cluster: Cluster
):  # B4 B5
    before = settle(aws, cluster)
    execution = aws.stack.start_transition(cluster.name, reason="patching")
    question = bus.wait(cluster.name, ASKED, LIMIT_S)
    wait_beats(cluster, "node-a", 1)
    assert stands(aws, cluster) == before

    paste(aws, question["deny"].replace("NAME", "second person").replace("REASON", "not in the busy hour"))
    ended = has_ended(aws, execution, "FAILED")
    assert ended["error"] == "NotApproved"
    assert "second person" in ended["cause"]
    assert "not in the busy hour" in ended["cause"]
    assert bus.wait(cluster.name, ENDED, LIMIT_S)["outcome"] == "DENIED"
    assert stands(aws, cluster) == before
    assert cluster.beats("node-a")["service"] == "IN_SERVICE"
