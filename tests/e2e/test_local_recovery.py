"""A service dies and its node lives: it is restarted there, and only one that keeps dying moves."""

from __future__ import annotations

import time

import pytest

from local.client import Client
from local.cluster import Cluster, Workload
from local.waiting import wait_for
from tests.e2e.placing import place

RESTART_LIMIT_S = 60.0
MOVE_LIMIT_S = 90.0
TRIES = 2  # what the agent allows itself by default


@pytest.fixture
def cluster(make_cluster) -> Cluster:
    """An application on a data service."""
    made: Cluster = make_cluster(workload=Workload((("data", ()), ("app", ("data",)))))
    return made


def kill_and_wait_for_the_restart(cluster: Cluster, service: str) -> None:
    """Until another process of the application is there and the table says that all is in service again."""
    node = cluster.node("node-a")
    before, wanted_beat = node.pids_of("app"), cluster.beats("node-a")["beat"]
    node.kill_service(service)

    def restarted() -> bool:
        beats, pids = cluster.beats("node-a"), node.pids_of("app")
        told_after = beats["beat"] > wanted_beat and beats["service"] == "IN_SERVICE"
        return bool(pids) and not set(pids) & set(before) and told_after

    wait_for(f"{service} is restarted on node-a", restarted, RESTART_LIMIT_S, why=node.tail)


def names_of_executions(aws, cluster: Cluster) -> list[str]:
    return [str(execution["name"]) for execution in aws.stack.executions(cluster.name)]


def test_a_service_that_dies_is_restarted_on_its_node_and_nothing_moves(aws, cluster):  # S16 S9
    before = place(cluster)
    executions = names_of_executions(aws, cluster)
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        kill_and_wait_for_the_restart(cluster, "app")
        kill_and_wait_for_the_restart(cluster, "data")  # and the application on it with it
        again = time.monotonic()
        wait_for("node-a answers", lambda: client.served_by("node-a", since=again), 10)
        assert {attempt.node for attempt in client.attempts} <= {"node-a", ""}
    state = cluster.state()
    assert (state["epoch"], state["active"]) == (before["epoch"], before["active"])
    assert "transition" not in state
    assert names_of_executions(aws, cluster) == executions


def test_a_service_that_dies_more_often_than_it_is_restarted_moves(aws, cluster):  # S16 S10 B4
    epoch = place(cluster)["epoch"]
    for _ in range(TRIES):
        kill_and_wait_for_the_restart(cluster, "app")
    assert cluster.state()["epoch"] == epoch
    cluster.node("node-a").kill_service("app")
    state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["source"], moved["target"]) == ("failover", "node-a", "node-b")
    assert (moved["proof"], moved["outcome"]) == ("RELEASED", "IN_SERVICE")
    cluster.wait_standby("node-a", 10)
