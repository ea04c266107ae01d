"""Each function may do what it does, and nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.template import cfn
from understudy.adapters.dynamodb_readiness import REPORT

PARAMETERS = {
    "HostedZoneIds": ["Z1", "Z2"],
    "ProtectedNames": ["orders-db.corp.example.com", "files.corp.example.com"],
    "ZoneRoleArns": ["arn:aws:iam::210987654321:role/zones"],
    "AllowStopInstances": "true",
}
ALLOWED: dict[str, set[str]] = {
    "RecordHeartbeat": {
        "dynamodb:UpdateItem",
        "dynamodb:GetItem",
        "states:StartExecution",
        "events:PutEvents",
        "sqs:SendMessage",
    },
    "WatchClusters": {
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "ssm:GetParametersByPath",
        "ssm:GetParameter",
        "route53:ListResourceRecordSets",
        "route53:GetChange",
        "sts:AssumeRole",
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables",
        "ec2:DescribeAddresses",
        "states:StartExecution",
        "events:PutEvents",
        "sqs:SendMessage",
    },
    "ReceiveSignal": {
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "states:StartExecution",
        "events:PutEvents",
        "sqs:SendMessage",
    },
    "RegisterCluster": {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
        "ssm:GetParameter",
        "route53:ListResourceRecordSets",
        "sts:AssumeRole",
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables",
        "ec2:DescribeAddresses",
        "events:PutEvents",
        "sqs:SendMessage",
    },
    "OpenTransition": {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "events:PutEvents",
    },
    "FenceNode": {"dynamodb:GetItem", "dynamodb:UpdateItem", "ec2:DescribeInstances", "ec2:StopInstances"},
    "MoveAddress": {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "route53:ListResourceRecordSets",
        "route53:ChangeResourceRecordSets",
        "sts:AssumeRole",
        "ec2:DescribeRouteTables",
        "ec2:DescribeAddresses",
        "ec2:ReplaceRoute",
        "ec2:CreateRoute",
        "ec2:AssociateAddress",
    },
    "GrantLease": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "AwaitService": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "CheckChange": {"dynamodb:GetItem", "dynamodb:UpdateItem", "route53:GetChange", "sts:AssumeRole"},
    "CloseTransition": {"dynamodb:GetItem", "dynamodb:UpdateItem", "events:PutEvents"},
    "CheckReadiness": {
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceAttribute",
        "ec2:DescribeVpcAttribute",
        "route53resolver:ListResolverEndpoints",
        "iam:SimulatePrincipalPolicy",
        "events:PutEvents",
        "sqs:SendMessage",
    },
}
MANAGED = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}  # write logs, write traces
# No call of these takes a resource, so IAM cannot name one.
WITHOUT_RESOURCE = {
    "ec2:DescribeInstances",
    "ec2:DescribeRouteTables",
    "ec2:DescribeAddresses",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeVpcAttribute",
    "route53resolver:ListResolverEndpoints",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: str, parameters: Mapping[str, Any] = PARAMETERS) -> list[dict[str, Any]]:
    policies = cfn.of_type("AWS::IAM::Role")[role]["Policies"]
    return [each for policy in policies for each in cfn.resolve(policy["PolicyDocument"]["Statement"], parameters)]


def granting(function: str, action: str) -> dict[str, Any]:
    (statement,) = [s for s in statements(f"{function}FunctionRole") if action in as_list(s["Action"])]
    return statement


@pytest.mark.parametrize("function", ALLOWED)
def test_a_function_may_do_what_it_does_and_nothing_else(function):
    actions = [a for s in statements(f"{function}FunctionRole") for a in as_list(s["Action"])]
    assert set(actions) == ALLOWED[function]
    twice = {"ec2:AssociateAddress"}  # once for the address, once for where it goes
    assert sorted({a for a in actions if actions.count(a) > 1}) == sorted(twice & ALLOWED[function])


def test_no_role_is_left_out_of_the_table():
    expected = {f"{function}FunctionRole" for function in ALLOWED} | {"TransitionStateMachineRole"}
    assert set(cfn.of_type("AWS::IAM::Role")) == expected


def test_only_moving_the_address_may_write_dns():  # B1
    writers = {f for f, actions in ALLOWED.items() if any(a.startswith("route53:Change") for a in actions)}
    assert writers == {"MoveAddress"}


def test_nothing_can_run_a_command_on_a_node_or_call_another_function():  # B10
    asking = {"iam:SimulatePrincipalPolicy"}  # it asks what another role may do, and does nothing
    for actions in ALLOWED.values():
        assert not {a for a in actions if a.startswith(("ssm:Send", "ssm:Start", "lambda:", "iam:"))} - asking


def test_the_readiness_check_changes_nothing_but_its_own_report():
    statement = granting("CheckReadiness", "dynamodb:UpdateItem")
    assert statement["Action"] == "dynamodb:UpdateItem"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", REPORT]},
        "Null": {"dynamodb:Attributes": "false"},
    }
    reads = ("Get", "Describe", "List", "Query", "Simulate")
    writes = {a for a in ALLOWED["CheckReadiness"] if not a.partition(":")[2].startswith(reads)}
    assert writes == {"dynamodb:UpdateItem", "events:PutEvents", "sqs:SendMessage"}


def test_the_readiness_check_asks_iam_for_the_mover_of_the_address_only():
    statement = granting("CheckReadiness", "iam:SimulatePrincipalPolicy")
    assert statement["Resource"] == "MoveAddressFunctionRole"
    variables = cfn.of_type("AWS::Lambda::Function")["CheckReadinessFunction"]["Environment"]["Variables"]
    assert cfn.resolve(variables["MOVER_ROLE_ARN"], {}) == "MoveAddressFunctionRole"


@pytest.mark.parametrize("role", [*(f"{f}FunctionRole" for f in ALLOWED), "TransitionStateMachineRole"])
def test_no_permission_is_wider_than_it_can_be(role):
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert not [a for a in as_list(statement["Action"]) if "*" in a]
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCE
    arns = cfn.of_type("AWS::IAM::Role")[role].get("ManagedPolicyArns", [])
    assert {arn.rsplit("/", 1)[1] for arn in arns} <= MANAGED


def test_dns_writes_are_bound_to_protected_names_and_their_guards():  # B1
    statement = granting("MoveAddress", "route53:ChangeResourceRecordSets")
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsActions": ["UPSERT", "CREATE", "DELETE"],
            "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA", "TXT"],
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                "orders-db.corp.example.com",
                "files.corp.example.com",
                "_understudy.orders-db.corp.example.com",
                "_understudy.files.corp.example.com",
            ],
        }
    }


@pytest.mark.parametrize(
    ("function", "action"),
    [
        ("MoveAddress", "route53:ChangeResourceRecordSets"),
        ("MoveAddress", "route53:ListResourceRecordSets"),
        ("WatchClusters", "route53:ListResourceRecordSets"),
        ("RegisterCluster", "route53:ListResourceRecordSets"),
        ("CheckReadiness", "route53:ListResourceRecordSets"),
        ("CheckReadiness", "route53:GetHostedZone"),
    ],
)
def test_route_53_is_reached_in_the_given_zones_only(function, action):
    assert granting(function, action)["Resource"] == [
        "arn:*:route53:::hostedzone/Z1",
        "arn:*:route53:::hostedzone/Z2",
    ]


ASSUMING = [function for function, actions in ALLOWED.items() if "sts:AssumeRole" in actions]


def test_roles_are_assumed_by_those_only_who_ask_route_53():
    """The readiness check looks at zones of its own account only."""
    asking = {f for f, actions in ALLOWED.items() if any(a.startswith("route53:") for a in actions)}
    assert asking - {"CheckReadiness"} == set(ASSUMING)


@pytest.mark.parametrize("function", ASSUMING)
def test_only_the_given_roles_are_assumed_and_without_any_none(function):  # S4
    assert granting(function, "sts:AssumeRole")["Resource"] == PARAMETERS["ZoneRoleArns"]
    without = statements(f"{function}FunctionRole", {**PARAMETERS, "ZoneRoleArns": []})
    assert not [s for s in without if "sts:AssumeRole" in as_list(s["Action"])]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:ReplaceRoute", "route-table"),
        ("ec2:CreateRoute", "route-table"),
        ("ec2:AssociateAddress", "elastic-ip"),
    ],
)
def test_only_tables_and_elastic_ips_with_the_stacks_tag_can_be_moved(action, resource):  # S14 S15
    found = [s for s in statements("MoveAddressFunctionRole") if action in as_list(s["Action"])]
    (tagged,) = [s for s in found if f":{resource}/" in str(s["Resource"])]
    assert tagged["Condition"] == {"StringEquals": {"aws:ResourceTag/understudy:stack": "understudy"}}
    assert all(
        ":network-interface/" in arn or ":instance/" in arn for s in found if s is not tagged for arn in s["Resource"]
    )


def test_only_instances_with_the_stacks_tag_can_be_stopped_and_by_fencing_only():  # S12
    statement = granting("FenceNode", "ec2:StopInstances")
    assert statement["Resource"] == "arn:aws:ec2:eu-west-1:123456789012:instance/*"
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/understudy:stack": "understudy"}}
    assert [f for f, actions in ALLOWED.items() if "ec2:StopInstances" in actions] == ["FenceNode"]


def test_nothing_can_be_stopped_unless_the_stack_is_told_so():  # S12
    assert cfn.source()["Parameters"]["AllowStopInstances"]["Default"] == "false"
    without = statements("FenceNodeFunctionRole", {**PARAMETERS, "AllowStopInstances": "false"})
    assert not [s for s in without if "ec2:StopInstances" in as_list(s["Action"])]


def test_one_zone_and_one_name_are_enough():
    one = {"HostedZoneIds": ["Z1"], "ProtectedNames": ["a.example.com"]}
    policies = cfn.of_type("AWS::IAM::Role")["MoveAddressFunctionRole"]["Policies"]
    (statement,) = [s for s in policies[0]["PolicyDocument"]["Statement"] if s.get("Sid") == "WriteRecords"]
    resolved = cfn.resolve(statement, one)
    assert resolved["Resource"] == ["arn:*:route53:::hostedzone/Z1"]
    names = resolved["Condition"]["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
    assert names == ["a.example.com", "_understudy.a.example.com"]


@pytest.mark.parametrize("function", [f for f, actions in ALLOWED.items() if "events:PutEvents" in actions])
def test_the_controller_speaks_only_in_its_own_name(function):
    statement = granting(function, "events:PutEvents")
    assert statement["Resource"] == "Bus"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": "understudy"},
        "Null": {"events:source": "false"},
    }


def test_a_node_beats_in_its_own_name_only_and_reads_the_table():  # B10
    (policy,) = cfn.of_type("AWS::IAM::ManagedPolicy").values()
    assert policy["PolicyDocument"]["Version"] == "2012-10-17", "older versions know no policy variables"
    assert cfn.resolve(policy["PolicyDocument"]["Statement"], PARAMETERS) == [
        {
            "Sid": "Beat",
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": "Bus",
            "Condition": {
                "ForAllValues:StringEquals": {"events:source": "${ec2:SourceInstanceARN}"},
                "Null": {"events:source": "false"},
            },
        },
        {"Sid": "ReadState", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "ClusterTable"},
    ]


def test_the_machine_may_call_its_steps_and_write_its_log():
    call, log = statements("TransitionStateMachineRole")
    steps = ("Open", "Fence", "Move", "Grant", "Await", "CheckChange", "Close", "CheckReadiness")
    assert call["Action"] == "lambda:InvokeFunction"
    assert len(call["Resource"]) == len(steps)
    assert all(arn.startswith(step) for arn, step in zip(call["Resource"], steps, strict=True))
    assert all(action.startswith("logs:") for action in log["Action"])


def test_only_event_rules_of_this_account_may_fill_the_dead_letter_queue():
    (policy,) = cfn.of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = cfn.resolve(policy["PolicyDocument"]["Statement"], PARAMETERS)
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/*"}}
