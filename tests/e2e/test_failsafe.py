"""AWS's APIs are all out of reach: what runs goes on, by promises, and nothing moves afterwards but what must."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.client import Client
from local.cluster import Cluster
from local.cut import Cut
from local.link import LinkState
from local.local_aws import LocalAws
from local.sam import STACK
from local.waiting import wait_for
from tests.e2e.placing import place

OUTAGE_S = 120.0
BACK_LIMIT_S = 120.0
MOVE_LIMIT_S = 90.0
# A lease with room for a machine that is busy with other things: agents first miss two beats before they ask.
LEASE = {"lease_s": 8, "silence_limit_s": 11}
KEY = "a key that the nodes of this test share"


@pytest.fixture
def cut(aws, make_cluster) -> Iterator[Cut]:
    cluster: Cluster = make_cluster()
    cluster.policy = cluster.policy | LEASE
    with Cut(aws, cluster) as cut:
        yield cut


def share_a_file(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.failsafe_key = KEY


def share_a_parameter(aws: LocalAws, cluster: Cluster) -> None:
    """A person's own key, which registration leaves alone. The nodes' role may read it by the role's tag."""
    name = f"/understudy-keys/{STACK}/{cluster.name}"
    aws.engine.client("ssm").put_parameter(Name=name, Type="SecureString", Value=KEY)
    for node in cluster.nodes:
        node.failsafe_key_parameter = name


def place_and_wait_for_both_to_know_each_other(cluster: Cluster) -> dict[str, Any]:
    """Until each node has read in the table that both ask each other for promises."""
    version = place(cluster)["definition_version"]
    wait_for("both ask", lambda: all(cluster.beats(n.name).get("knows") == version for n in cluster.nodes), 60)
    told = {node.name: cluster.beats(node.name)["beat"] for node in cluster.nodes}
    wait_for("both go on", lambda: all(cluster.beats(name)["beat"] > beat for name, beat in told.items()), 60)
    return cluster.state()


def let_pass(what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    wait_for(what, lambda: time.monotonic() >= end, seconds + 60)


def wait_until_heard(cluster: Cluster, name: str) -> None:
    before = cluster.beats(name)["beat"]
    wait_for(f"{name} is heard", lambda: cluster.beats(name)["beat"] > before, BACK_LIMIT_S, why=cluster.summary)


# B13 B11
def test_nodes_that_nobody_told_of_a_key_have_the_one_that_registration_made(aws, cut):
    cluster = cut.cluster
    before = place_and_wait_for_both_to_know_each_other(cluster)
    wait_for(
        "each node is answered by the other one",
        lambda: all(str(cluster.beats(node.name).get("key", "")).endswith("+") for node in cluster.nodes),
        60,
        why=cluster.summary,
    )
    assert len({cluster.beats(node.name)["key"] for node in cluster.nodes}) == 1
    name = f"/understudy-keys/{STACK}/{cluster.name}"
    assert aws.engine.client("ssm").get_parameter(Name=name)["Parameter"]["Type"] == "SecureString"
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        with cut.outage(LinkState.SHUT):
            client.attempts.clear()
            let_pass("more than the lease", 2 * cluster.policy["lease_s"])
            assert [attempt for attempt in client.attempts if attempt.node != "node-a"] == []
    cut.turn(LinkState.OPEN)
    for node in cluster.nodes:
        wait_until_heard(cluster, node.name)
    assert (cluster.active(), cluster.state()["epoch"]) == ("node-a", before["epoch"])


@pytest.mark.timeout(480)
# B11
def test_two_minutes_without_any_api_cost_no_request_and_move_nothing_then_or_after(aws, cut):
    cluster = cut.cluster
    share_a_file(cluster)
    before = place_and_wait_for_both_to_know_each_other(cluster)
    executions = len(aws.stack.executions(cluster.name))
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        with cut.outage(LinkState.SILENT):
            client.attempts.clear()
            let_pass("a minute in which calls hang", OUTAGE_S / 2)
            cut.turn(LinkState.SHUT)
            let_pass("a minute in which calls are refused", OUTAGE_S / 2)
        cut.turn(LinkState.OPEN)
        for node in cluster.nodes:
            wait_until_heard(cluster, node.name)
        let_pass("a silence's length", cluster.policy["silence_limit_s"])
        assert len(client.attempts) > OUTAGE_S
        assert [attempt for attempt in client.attempts if attempt.node != "node-a"] == []
    after = cluster.state()
    assert (after["epoch"], after["active"]) == (before["epoch"], before["active"])
    assert len(aws.stack.executions(cluster.name)) == executions
    assert "promises_asked" in cluster.node("node-a").tail(1000)


def test_nodes_cut_off_from_each_other_too_stop_within_the_lease_and_it_fails_over_when_aws_is_back(
    aws, cut
):  # B11 B4 B1
    cluster = cut.cluster
    share_a_parameter(aws, cluster)
    before = place_and_wait_for_both_to_know_each_other(cluster)
    a = cluster.node("node-a")
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        with cut.outage(LinkState.SHUT):
            cut.part()
            began = time.monotonic()
            lease_s = cluster.policy["lease_s"]
            wait_for("node-a has stopped", lambda: not a.pids_of("app"), lease_s + 1, why=a.tail)
            assert time.monotonic() - began < lease_s
            let_pass("the rest of the outage", cluster.policy["silence_limit_s"])
            assert [node.name for node in cluster.nodes if node.pids_of("app")] == []
        assert "promises_asked" in a.tail(1000)
        cut.turn(LinkState.OPEN, "node-b")
        state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=before["epoch"])
        wait_for("node-b answers", lambda: client.served_by("node-b"), 30)
    assert not a.pids_of("app")
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["source"], moved["target"]) == ("failover", "node-a", "node-b")
    assert (moved["proof"], moved["outcome"]) == ("LEASE_EXPIRED", "IN_SERVICE")
    cut.turn(LinkState.OPEN, "node-a")
    cluster.wait_standby("node-a", BACK_LIMIT_S)
    assert (cluster.active(), cluster.state()["epoch"]) == ("node-b", state["epoch"])
