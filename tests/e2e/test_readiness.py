"""The readiness check on the deployed stack: the rule that calls it, the execution that asks for it, its report."""

from __future__ import annotations

import json

from local.waiting import wait_for

REPORT_LIMIT_S = 90.0
END_LIMIT_S = 90.0


def test_an_accepted_definition_is_checked_by_itself_and_an_operator_can_ask_again(aws, bus, make_cluster):  # S1 S2
    cluster = make_cluster()
    cluster.register()
    wait_for("the report of the accepted definition", lambda: report_of(aws, cluster.name), REPORT_LIMIT_S)
    before = cluster.state()
    described = check(aws, cluster.name)
    assert described["status"] == "SUCCEEDED", described.get("cause")
    output = json.loads(described["output"])
    verdicts = {each["name"]: each["verdict"] for each in output["checks"]}
    assert (output["outcome"], output["cluster"]) == ("CHECKED", cluster.name)
    read_from_aws = {
        "vpc-dns-on",
        "zone-associated",
        "name-not-shadowed",
        "instances-run",
        "zones-differ",
        "standbys-apart",
        "addresses-real",
        "zone-owns-name",
        "guard-ours",
    }
    assert {verdicts[name] for name in read_from_aws} == {"PASS"}, output
    assert verdicts["agents-alike"] == "UNKNOWN", "no node has beaten yet"
    assert cluster.state() == before
    assert cluster.history() == []


def test_a_broken_environment_fails_the_check_and_is_told_on_the_bus(aws, bus, make_cluster):  # S1 B5
    cluster = make_cluster()
    cluster.register()
    wait_for("the report of the accepted definition", lambda: report_of(aws, cluster.name), REPORT_LIMIT_S)
    standby = cluster.nodes[1].instance.instance_id
    aws.engine.client("ec2").stop_instances(InstanceIds=[standby])
    described = check(aws, cluster.name)
    assert (described["status"], described["error"]) == ("FAILED", "NotReady")
    assert described["cause"] == "instances-run: node-b is stopped"
    told = bus.wait(cluster.name, "Understudy Readiness Failed", 10)
    assert told["failed"] == ["instances-run"]


def check(aws, cluster):
    """What an operator does; the execution as it ended."""
    execution = aws.stack.start_transition(cluster, action="check")

    def ended():
        described = aws.stack.execution(execution)
        return described if described["status"] != "RUNNING" else None

    return wait_for("the check has ended", ended, END_LIMIT_S)


def report_of(aws, cluster):
    key = {"pk": {"S": cluster}, "sk": {"S": "readiness"}}
    answer = aws.engine.client("dynamodb").get_item(TableName=aws.stack.table, Key=key, ConsistentRead=True)
    return answer.get("Item", {}).get("report")
