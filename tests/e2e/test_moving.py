"""A service moves from node to node: by force, by plan, and past nodes on which it does not start."""

from __future__ import annotations

import json
import time

from local.client import Client
from local.cluster import Workload
from local.sam import STACK
from local.waiting import wait_for
from tests.e2e.placing import place

MOVE_LIMIT_S = 90.0


def test_when_the_active_node_dies_the_name_follows_to_the_standby(aws, bus, make_cluster):  # S4 S9 S10 S11 B1 B4 B5
    cluster = make_cluster(workload=Workload((("data", ()), ("app", ("data",)))))
    epoch = place(cluster)["epoch"]
    with Client(aws.dns.port, cluster.record, cluster.port) as client:
        wait_for("node-a answers", lambda: client.served_by("node-a"), 10)
        cluster.node("node-a").kill()
        state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
        wait_for("node-b answers", lambda: client.served_by("node-b"), 30)
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["source"], moved["target"]) == ("failover", "node-a", "node-b")
    assert (moved["proof"], moved["outcome"]) == ("LEASE_EXPIRED", "IN_SERVICE")
    assert moved["rule"]
    assert moved["why"]
    stages = moved["stages"]
    in_order = ["noticed_at", "opened_at", "fenced_at", "accepted_at", "granted_at", "in_service_at", "closed_at"]
    assert [stages[name] for name in in_order] == sorted(stages[name] for name in in_order)
    assert state["address"]["status"] == "IN_SYNC"
    assert guard_of(aws, cluster.record).startswith(
        f'"understudy stack={STACK} cluster={cluster.name} epoch={state["epoch"]} node=node-b'
    )
    assert bus.wait(cluster.name, "Understudy Transition Opened", 5)["epoch"] == state["epoch"]
    assert bus.wait(cluster.name, "Understudy Transition Closed", 5)["outcome"] == "IN_SERVICE"
    cluster.node("node-a").boot()
    cluster.wait_standby("node-a", MOVE_LIMIT_S)
    assert cluster.active() == "node-b"


def test_an_operator_switches_over_with_nothing_but_the_name(aws, make_cluster):  # S10 B4 B10
    cluster = make_cluster()
    epoch = place(cluster)["epoch"]
    execution = aws.stack.start_transition(cluster.name)
    state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
    wait_for("it ends", lambda: aws.stack.execution(execution)["status"] == "SUCCEEDED", 30)
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["proof"], moved["outcome"]) == ("switchover", "RELEASED", "IN_SERVICE")
    assert cluster.served_address() == cluster.node("node-b").instance.address
    cluster.wait_standby("node-a", 10)


def test_a_bad_request_is_refused_with_what_would_be_right(aws, make_cluster):  # S10
    cluster = make_cluster()
    cluster.register()
    refused = aws.stack.start_transition(cluster.name, action="switchofer")
    wait_for("it ends", lambda: aws.stack.execution(refused)["status"] == "FAILED", 30)
    ended = aws.stack.execution(refused)
    assert ended["error"] == "Refused"
    assert "switchofer" in ended["cause"]
    assert "switchover" in ended["cause"]
    assert cluster.state()["epoch"] == 0


def test_a_service_that_does_not_start_goes_to_the_next_candidate(aws, make_cluster):  # S10 B5
    cluster = make_cluster("node-a", "node-b", "node-c", workload=Workload(broken=("node-b",)))
    epoch = place(cluster)["epoch"]
    cluster.node("node-a").kill()
    state = cluster.wait_settled("node-c", MOVE_LIMIT_S, above_epoch=epoch)
    assert state["epoch"] >= epoch + 2
    targets = [item["target"] for item in cluster.history()]
    assert targets[-2:] == ["node-b", "node-c"]
    assert cluster.served_address() == cluster.node("node-c").instance.address


def test_a_switchover_to_a_node_where_it_does_not_start_goes_back(aws, make_cluster):  # S10 B2
    cluster = make_cluster(workload=Workload(broken=("node-b",)))
    epoch = place(cluster)["epoch"]
    execution = aws.stack.start_transition(cluster.name, to="node-b", reason="to see it fail")
    wait_for("it ends", lambda: aws.stack.execution(execution)["status"] != "RUNNING", MOVE_LIMIT_S)
    ended = aws.stack.execution(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "Degraded")
    assert "NOT_ON_THE_REQUESTED_NODE" in ended["cause"]
    cluster.wait_settled("node-a", 10, above_epoch=epoch)
    assert cluster.served_address() == cluster.node("node-a").instance.address
    assert cluster.state()["failed_starts"].keys() == {cluster.node("node-b").instance.instance_id}  # B20
    for request, status in ({"to": "node-b"}, "FAILED"), ({"action": "clear", "node": "node-b"}, "SUCCEEDED"):
        asked = aws.stack.start_transition(cluster.name, **request)
        wait_for("it ends", lambda asked=asked: aws.stack.execution(asked)["status"] != "RUNNING", MOVE_LIMIT_S)
        assert aws.stack.execution(asked)["status"] == status
    assert "failed_starts" not in cluster.state()


def test_a_node_that_its_auto_scaling_group_ends_is_left_first_and_then_let_go(aws, make_cluster):  # B17
    cluster = make_cluster()
    epoch = place(cluster)["epoch"]
    active, standby = (cluster.node(name).instance.instance_id for name in ("node-a", "node-b"))

    def waits(instance_id: str) -> bool:
        return bool(cluster.state()["nodes"][instance_id]["departure"]["hook"])

    aws.stack.publish_terminating(active, "orders-db-a")
    assert waits(active)
    state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert (moved["action"], moved["rule"], moved["proof"]) == ("switchover", "active-is-to-go", "RELEASED")
    assert cluster.served_address() == cluster.node("node-b").instance.address
    aws.stack.watch()
    wait_for("it is let go", lambda: not waits(active), 30)
    aws.stack.publish_terminating(standby, "orders-db-b")
    assert waits(standby), "nobody else stays"


def test_when_ec2_stops_the_active_node_nobody_waits_for_silence(aws, make_cluster):  # S11 B4
    cluster = make_cluster()
    cluster.policy = cluster.policy | {"lease_s": 20, "silence_limit_s": 30}  # neither runs out before EC2 has told
    epoch = place(cluster)["epoch"]
    active = cluster.node("node-a")
    began = time.time()
    active.kill()
    aws.world.stop(active.instance)
    aws.stack.publish_instance_state(active.instance.instance_id, "stopping")
    state = cluster.wait_settled("node-b", MOVE_LIMIT_S, above_epoch=epoch)
    moved = aws.stack.transition(cluster.name, state["epoch"])
    assert moved["proof"] == "STOPPED"
    assert moved["stages"]["opened_at"] - began < cluster.policy["silence_limit_s"]


def guard_of(aws, record: str) -> str:
    listed = aws.engine.client("route53").list_resource_record_sets(HostedZoneId=aws.world.zone)
    texts = {r["Name"]: r["ResourceRecords"] for r in listed["ResourceRecordSets"] if r["Type"] == "TXT"}
    values = texts[f"_understudy.{record}."]
    assert len(values) == 1, json.dumps(values)
    return str(values[0]["Value"])
