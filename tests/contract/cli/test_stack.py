"""How the command-line tool reads a stack and asks it, on AWS and in memory (B23)."""

from __future__ import annotations

import boto3
import pytest

from tests.contract.cli.conftest import NAME
from tests.contract.conftest import REGION
from understudy.adapters.ssm_keys import FOLDER
from understudy_cli.aws.calls import Calls
from understudy_cli.aws.stack import AwsStack
from understudy_cli.core.endings import RUNNING
from understudy_cli.core.faults import Fault

REQUEST = {"cluster": "orders-db", "action": "switchover"}


def state(cluster, **more):
    return {"pk": cluster, "sk": "state", "kind": "cluster", "epoch": 1, **more}


def test_clusters_are_listed_in_order_and_their_states_read(either):
    stack, put = either
    for name in ("orders-db", "files"):
        put(state(name, nodes={"i-1": {"name": "node-a", "heard_at": 5, "quorum": [2, 3], "late": 0.5}}, hold=None))
    put({"pk": "orders-db", "sk": "history#00000001"})
    assert stack.clusters() == ["files", "orders-db"]
    found = stack.states(["files", "orders-db", "another"])
    assert set(found) == {"files", "orders-db"}
    node = found["files"]["nodes"]["i-1"]
    assert (node, found["files"]["hold"]) == ({"name": "node-a", "heard_at": 5, "quorum": [2, 3], "late": 0.5}, None)


def test_more_clusters_than_one_call_takes_are_read(either):
    stack, put = either
    names = [f"cluster-{number:03d}" for number in range(130)]
    for name in names:
        put(state(name))
    assert list(stack.clusters()) == names
    assert set(stack.states(names)) == set(names)


def test_the_history_is_read_newest_first_up_to_a_limit(either):
    stack, put = either
    for epoch in (1, 2, 10, 3):
        put({"pk": "orders-db", "sk": f"history#{epoch:08d}", "stages.opened_at": 5.25})
    put(state("orders-db"))
    found = stack.history("orders-db", 3)
    assert [each["sk"][-2:] for each in found] == ["10", "03", "02"]
    assert found[0]["stages.opened_at"] == 5.25
    assert stack.history("another", 3) == []


def test_an_item_that_is_not_there_is_none(either):
    stack, put = either
    put({"pk": "orders-db", "sk": "readiness", "report": {"checks": []}})
    assert stack.item("orders-db", "readiness") == {"pk": "orders-db", "sk": "readiness", "report": {"checks": []}}
    assert stack.item("orders-db", "drill") is None


def test_an_execution_is_started_once_under_its_name_and_described(either):
    stack, _ = either
    stack.start("by-hand-1", REQUEST)
    stack.start("by-hand-1", REQUEST)
    execution = stack.execution("by-hand-1")
    assert (execution.name, execution.status, execution.asked) == ("by-hand-1", RUNNING, REQUEST)
    assert execution.is_running


def test_an_execution_that_there_is_not_is_a_wrong_command(either):
    with pytest.raises(Fault, match="There is no execution by-hand-2") as raised:
        either[0].execution("by-hand-2")
    assert raised.value.exit == 2


def test_a_parameter_is_put_and_read_below_the_prefix_of_the_stack(either):
    stack, _ = either
    assert stack.parameter("clusters/orders-db") is None
    assert stack.put_parameter("clusters/orders-db", "nodes: []") == 1
    assert stack.parameter("clusters/orders-db") == "nodes: []"


def test_the_log_of_a_function_is_that_of_the_cluster_since_then(on_aws, calls):
    """On moto, which filters nothing: that the filter is asked for is all that can be seen."""
    logs = boto3.client("logs", REGION)
    group = f"/understudy/{NAME}/open_transition"
    logs.create_log_stream(logGroupName=group, logStreamName="1")
    now = int(on_aws[0].now() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName="1", logEvents=[{"timestamp": now, "message": '{"a": 1}'}])
    assert on_aws[0].log("open_transition", "orders-db", now / 1000 - 60) == ['{"a": 1}']
    assert '"filterPattern": "{ $.cluster = \\"orders-db\\" }"' in calls[-1]


def test_a_stack_that_there_is_not_is_told_from_a_stack_of_somebody_else(on_aws):
    with pytest.raises(Fault, match=f"There is no stack elsewhere in {REGION}") as raised:
        AwsStack(Calls("elsewhere", REGION, None, list)).output("TableName")
    assert (raised.value.exit, "--stack" in raised.value.do, "--region" in raised.value.do) == (2, True, True)
    with pytest.raises(Fault, match=f"The stack {NAME} in {REGION} has no output Colour"):
        on_aws[0].output("Colour")


def test_each_call_is_shown_before_it_is_made_and_no_token_is(on_aws, calls):
    on_aws[0].clusters()
    assert [each.split()[:2] for each in calls] == [["cloudformation", "describe_stacks"], ["dynamodb", "query"]]
    on_aws[0].answer("a-token-that-answers", {"approved": True})
    assert calls[-1].startswith("stepfunctions send_task_success")
    assert "a-token-that-answers" not in "".join(calls)


def test_the_keys_under_a_clusters_name_are_listed_in_order_and_deleted_one_by_one(either):
    stack, put = either
    for sort in ("state", "history#00000001", "definition#00000002"):
        put({"pk": "orders-db", "sk": sort})
    put({"pk": "files", "sk": "state"})
    assert stack.sort_keys("orders-db") == ["definition#00000002", "history#00000001", "state"]
    stack.delete_item("orders-db", "state")
    stack.delete_item("orders-db", "state")
    assert stack.sort_keys("orders-db") == ["definition#00000002", "history#00000001"]
    assert stack.sort_keys("files") == ["state"]


def test_a_claim_is_deleted_only_while_it_is_the_clusters(either):
    stack, put = either
    put({"pk": "address#eipalloc-1", "sk": "claim", "cluster": "files"})
    stack.delete_item("address#eipalloc-1", "claim", "orders-db")
    assert stack.item("address#eipalloc-1", "claim") is not None
    stack.delete_item("address#eipalloc-1", "claim", "files")
    assert stack.item("address#eipalloc-1", "claim") is None
    stack.delete_item("address#eipalloc-1", "claim", "files")


def test_a_parameter_and_a_key_are_deleted_and_twice_does_no_harm(either):
    stack, _ = either
    stack.put_parameter("clusters/retired", "nodes: []")
    for _ in range(2):
        stack.delete_parameter("clusters/retired")
        stack.delete_key("retired")
    assert stack.parameter("clusters/retired") is None


def test_the_key_is_deleted_where_the_controller_makes_it(on_aws):
    ssm = boto3.client("ssm", REGION)
    name = f"{FOLDER}{NAME}/orders-db"
    ssm.put_parameter(Name=name, Value="key", Type="SecureString")
    on_aws[0].delete_key("orders-db")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name)


def test_texts_that_are_not_in_force_are_listed_apart_from_clusters(either):
    stack, put = either
    put(state("orders-db"))
    put({"pk": "files", "sk": "refusal", "kind": "unaccepted"})
    assert (stack.unaccepted(), stack.clusters()) == (["files"], ["orders-db"])


def test_who_gets_notices_and_which_alarms_are_on_is_read(on_aws, monkeypatch):
    sns, cloudwatch = boto3.client("sns", REGION), boto3.client("cloudwatch", REGION)
    topic = sns.create_topic(Name="operators")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:pager")
    monkeypatch.setattr(on_aws[0], "_outputs", {"OperatorTopicArn": topic})
    assert on_aws[0].subscriptions() == [("arn:aws:sqs:us-east-1:123456789012:pager", True)]
    how = {
        "MetricName": "m",
        "Namespace": "n",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Statistic": "Sum",
    }
    for name in (f"{NAME}-OverdueAlarm-1", "elsewhere-Alarm"):
        cloudwatch.put_metric_alarm(AlarmName=name, ComparisonOperator="GreaterThanThreshold", **how)
    assert set(on_aws[0].alarms()) == {f"{NAME}-OverdueAlarm-1"}
