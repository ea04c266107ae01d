"""AWS's APIs are all out of reach, for ten leases: what runs goes on, by promises, and nothing moves afterwards."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local.client import Client
from local.cluster import Cluster
from local.waiting import wait_for
from tests.e2e.conftest import POLICY
from tests.e2e.placing import place

OUTAGE_S = 10 * POLICY["lease_s"]
BACK_LIMIT_S = 120.0  # the embedded AWS first works off what piled up meanwhile


@pytest.fixture
def cluster(make_cluster) -> Cluster:
    """Its clients keep the address for long: Route 53's own servers answer on in an outage of the APIs."""
    made: Cluster = make_cluster()
    made.tuning = made.tuning | {"ROUTE53_TTL": 300}
    for node in made.nodes:
        node.failsafe_key = "a key that the nodes of this test share"
    return made


def wait_for_both_to_know_each_other(cluster: Cluster) -> dict[str, Any]:
    """Until the table has it that the nodes ask each other for promises, as it had to be read by them."""
    state = place(cluster)
    version = state["definition_version"]
    wait_for("both ask", lambda: all(cluster.beats(n.name).get("knows") == version for n in cluster.nodes), 60)
    return cluster.state()


def test_an_outage_of_all_apis_costs_no_request_and_moves_nothing_while_it_lasts_or_after(aws, cluster):  # B11
    before = wait_for_both_to_know_each_other(cluster)
    executions = len(aws.stack.executions(cluster.name))
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        with aws.engine.outage():
            client.attempts.clear()
            end = time.monotonic() + OUTAGE_S
            wait_for("the outage is over", lambda: time.monotonic() >= end, OUTAGE_S + 5)
        back = cluster.beats("node-a")["beat"]
        wait_for("node-a is heard", lambda: cluster.beats("node-a")["beat"] > back, BACK_LIMIT_S, why=cluster.summary)
        settled = time.monotonic() + cluster.policy["silence_limit_s"]
        wait_for("a silence's length passes", lambda: time.monotonic() >= settled, 20)
        failed = [attempt for attempt in client.attempts if attempt.node != "node-a"]
        assert len(client.attempts) > OUTAGE_S
        assert failed == []
    after = cluster.state()
    assert (after["epoch"], after["active"]) == (before["epoch"], before["active"])
    assert len(aws.stack.executions(cluster.name)) == executions
    assert "promises_asked" in cluster.node("node-a").tail(1000)


def test_nodes_that_get_no_promises_stop_within_the_lease_and_one_serves_when_aws_is_back(aws, cluster):  # B11 B4
    cluster.node("node-b").failsafe_key = "another key: these two do not understand each other"
    wait_for_both_to_know_each_other(cluster)
    node = cluster.node("node-a")
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        with aws.engine.outage():
            began = time.monotonic()
            wait_for(
                "node-a has stopped", lambda: not node.pids_of("app"), cluster.policy["lease_s"] + 1, why=node.tail
            )
            assert time.monotonic() - began < cluster.policy["lease_s"]

    def one_serves() -> bool:
        serving = [each.name for each in cluster.nodes if each.pids_of("app")]
        assert len(serving) <= 1
        return serving == [cluster.active()] and "transition" not in cluster.state()

    wait_for("one node serves", one_serves, BACK_LIMIT_S, why=cluster.summary)
