"""What the embedded AWS ignores and only the template can promise: backups, encryption, limits, alarms."""

import re

import pytest

from tests.template import cfn
from tests.template.test_events import KEPT_WARM
from understudy import clients

FUNCTIONS = cfn.of_type("AWS::Lambda::Function")
CALLED_ALL_DAY = {"RecordHeartbeatFunction", "WatchClustersFunction"} | {f"{step}Function" for step in KEPT_WARM}


def test_the_table_can_be_restored_and_forgets_old_history():
    (table,) = cfn.of_type("AWS::DynamoDB::Table").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_table_has_the_keys_and_the_index_of_the_ledger():
    (table,) = cfn.of_type("AWS::DynamoDB::Table").values()
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "clusters"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["kind", "pk"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize(("given", "protected"), [("true", True), ("false", False)])
def test_the_table_is_protected_from_deletion_when_told(given, protected):
    (table,) = cfn.of_type("AWS::DynamoDB::Table").values()
    assert cfn.resolve(table["DeletionProtectionEnabled"], {"DeletionProtection": given}) is protected
    assert cfn.source()["Parameters"]["DeletionProtection"]["Default"] == "false"


def test_the_table_outlives_its_stack_but_not_a_first_deployment_that_fails():
    """A protected one could not be deleted then: the stack would stay in ROLLBACK_FAILED."""
    (table,) = [r for r in cfn.expanded().values() if r["Type"] == "AWS::DynamoDB::Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_no_beat_asks_kms_for_its_leave_unless_a_key_is_named():
    (table,) = cfn.of_type("AWS::DynamoDB::Table").values()
    key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
    assert cfn.resolve(table["SSESpecification"], {"TableKeyArn": ""}) == {"SSEEnabled": False}
    assert cfn.resolve(table["SSESpecification"], {"TableKeyArn": key}) == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": key,
    }


def test_the_log_of_the_workflow_holds_no_token_of_an_approval():  # B4
    (machine,) = cfn.of_type("AWS::StepFunctions::StateMachine").values()
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


@pytest.mark.parametrize("name", cfn.of_type("AWS::Logs::LogGroup"))
def test_no_log_is_kept_for_ever(name):
    assert cfn.of_type("AWS::Logs::LogGroup")[name]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_nothing_is_reserved_unless_asked_for():
    """An account whose quota is 10 refuses every reservation."""
    reserved = {
        n: f["ReservedConcurrentExecutions"] for n, f in FUNCTIONS.items() if "ReservedConcurrentExecutions" in f
    }
    assert set(reserved) == {"WatchClustersFunction", "RecordHeartbeatFunction"}
    assert cfn.resolve(reserved["WatchClustersFunction"], {"ReserveWatch": "true"}) == 1
    assert cfn.resolve(reserved["WatchClustersFunction"], {"ReserveWatch": "false"}) == "AWS::NoValue"
    assert cfn.source()["Parameters"]["ReserveWatch"]["Default"] == "false"
    assert cfn.resolve(reserved["RecordHeartbeatFunction"], {"HeartbeatConcurrency": "0"}) == "AWS::NoValue"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_clock_calls_all_day_is_traced_in_moves_only_and_each_function_ends_in_time(name):  # B9
    assert FUNCTIONS[name]["TracingConfig"] == {"Mode": "PassThrough" if name in CALLED_ALL_DAY else "Active"}
    limits_s = {"RecordHeartbeat": 20, "WatchClusters": 55, "CheckReadiness": 900, "Advise": 120}
    assert FUNCTIONS[name]["Timeout"] == limits_s.get(name.removesuffix("Function"), 30)


def test_the_machine_logs_everything_and_is_traced():
    (machine,) = cfn.of_type("AWS::StepFunctions::StateMachine").values()
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    (destination,) = machine["LoggingConfiguration"]["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["TransitionLogs", "Arn"]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_more_time_than_one_call_of_its_slowest_client_may_take(name):  # B8
    """botocore's standard mode waits for up to 1, 2, 4... seconds between its tries."""
    worst_s = [
        tries * (config.connect_timeout + config.read_timeout) + sum(2**each for each in range(tries - 1))
        for config in (clients._QUICK, clients._ONCE, clients._BRIEF)
        for tries in [config.retries["total_max_attempts"]]
    ]
    assert FUNCTIONS[name].get("Timeout", 3) > max(worst_s)


def test_dead_letters_are_encrypted_and_kept_for_two_weeks():
    (queue,) = cfn.of_type("AWS::SQS::Queue").values()
    assert queue == {"MessageRetentionPeriod": 14 * 24 * 3600, "SqsManagedSseEnabled": True}


def test_what_the_embedded_aws_refuses_sits_behind_a_condition():
    metric_math = {n for n, r in cfn.expanded().items() if "Metrics" in r["Properties"]}
    assert metric_math
    for name in metric_math:
        assert cfn.expanded()[name]["Condition"] == "WithAlarms"


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("orders-db.corp.example.com", True),
        ("_sip.corp.example.com", True),
        ("Orders-db.corp.example.com", False),
        ("orders-db.corp.example.com.", False),
        ("*.corp.example.com", True),
        ("*.com", False),
        ("*", False),
        ("a.*.example.com", False),
        ("*orders-db.corp.example.com", False),
        ("localhost", False),
        ("", True),
    ],
)
def test_a_protected_name_is_spelled_as_iam_compares_it(name, accepted):
    pattern = cfn.source()["Parameters"]["ProtectedNames"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, name)) is accepted


def test_the_outputs_name_what_nodes_and_operators_need():
    assert set(cfn.source()["Outputs"]) == {
        "Version",
        "TableName",
        "BusName",
        "StateMachineArn",
        "NodePolicyArn",
        "ViewerPolicyArn",
        "OperatorPolicyArn",
        "ApproverPolicyArn",
        "RetirePolicyArn",
        "OperatorTopicArn",
        "ParameterPrefix",
        "BoardFunctionArn",
        "DeadLetterQueueUrl",
    }
