"""Each function may do what it does, and nothing else."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.names import STACK_NAME_LIMIT
from bench.scale import NAMES_ONE_BY_ONE, ZONES_ONE_BY_ONE
from tests.support.aws_calls import actions_from, actions_in
from tests.support.iam_conditions import holds
from tests.template import cfn
from understudy.adapters.dynamodb.keys import SEAL
from understudy.adapters.dynamodb.readiness import REPORT
from understudy.adapters.ssm_keys import FOLDER
from understudy.domain.cluster.request import CLUSTER_NAME
from understudy_agent.keys import default_parameter

PARAMETERS = {
    "HostedZoneIds": ["Z1", "Z2"],
    "ProtectedNames": ["orders-db.corp.example.com", "files.corp.example.com"],
    "ZoneRoleArns": ["arn:aws:iam::210987654321:role/zones"],
    "AllowStopInstances": "true",
}
ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "controller" / "python" / "understudy"
FUNCTIONS = {
    "".join(word.capitalize() for word in folder.name.split("_")): folder / "app.py"
    for folder in sorted((ROOT / "functions").iterdir())
    if (folder / "app.py").is_file()
}
CALLED = {name: actions_from(entry, PACKAGE, clients="clients.py") for name, entry in FUNCTIONS.items()}
"""What the code of each function can call, read from the code: nobody keeps this list, so nobody can forget it."""
MANAGED = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}  # write logs, write traces
# No call of these takes a resource, so IAM cannot name one.
WITHOUT_RESOURCE = {
    "ec2:DescribeInstances",
    "ec2:DescribeRouteTables",
    "ec2:DescribeAddresses",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeVpcAttribute",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "ec2:DescribeSpotInstanceRequests",
    "ec2:DescribeVpcs",
    "route53:ListHostedZonesByVPC",
    "route53resolver:ListResolverEndpoints",
    "cloudwatch:DescribeAlarms",  # of composite alarms it tells nothing under a narrower scope
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
    policies = list(cfn.of_type("AWS::IAM::Role")[role]["Policies"])
    policies += [each for each in cfn.of_type("AWS::IAM::Policy").values() if {"Ref": role} in each["Roles"]]
    return [each for policy in policies for each in cfn.resolve(policy["PolicyDocument"]["Statement"], parameters)]


def granting(function: str, action: str) -> dict[str, Any]:
    (statement,) = [s for s in statements(f"{function}FunctionRole") if action in as_list(s["Action"])]
    return statement


DELIVERY = {"sqs:SendMessage"}
"""What Lambda itself does with a function's role: events that it could not handle go to the dead-letter queue."""


IN_ITS_CALLERS_NAME = {"route53:ListHostedZonesByVPC": "ec2:DescribeVpcs"}
"""What a service asks of another one by its caller's rights (Service Authorization Reference: dependent actions)."""


@pytest.mark.parametrize("function", CALLED)
def test_a_function_may_do_what_its_code_calls_and_nothing_else(function):  # B10
    actions = [a for s in statements(f"{function}FunctionRole") for a in as_list(s["Action"])]
    asked_for = {other for action, other in IN_ITS_CALLERS_NAME.items() if action in CALLED[function]}
    assert set(actions) - DELIVERY == CALLED[function] | asked_for
    invoked = cfn.of_type("AWS::Lambda::EventInvokeConfig").get(f"{function}FunctionEventInvokeConfig", {})
    keeps = "OnFailure" in invoked.get("DestinationConfig", {})
    assert set(actions) & DELIVERY == (DELIVERY if keeps else set())
    # Once for the address, once for where it goes; once for the mover's role, once for those of nodes.
    twice = {"ec2:AssociateAddress", "iam:SimulatePrincipalPolicy"}
    assert sorted({a for a in actions if actions.count(a) > 1}) == sorted(twice & CALLED[function])


def test_no_role_is_left_out_of_the_table():
    expected = {f"{function}FunctionRole" for function in CALLED} | {"TransitionStateMachineRole"}
    assert set(cfn.of_type("AWS::IAM::Role")) == expected


def test_only_moving_the_address_may_write_dns():  # B1
    writers = {f for f, actions in CALLED.items() if any(a.startswith("route53:Change") for a in actions)}
    assert writers == {"MoveAddress"}


def test_nothing_can_run_a_command_on_a_node_or_call_another_function():  # B10
    asking = {"iam:SimulatePrincipalPolicy", "iam:GetInstanceProfile"}  # what other roles may do; nothing is done
    pruning = {"lambda:ListVersionsByFunction", "lambda:ListAliases", "lambda:DeleteFunction"}
    for function, actions in CALLED.items():
        allowed = asking | (pruning if function == "PruneVersions" else set())
        assert not {a for a in actions if a.startswith(("ssm:Send", "ssm:Start", "lambda:", "iam:"))} - allowed


def test_pruning_may_delete_versions_of_this_stacks_functions_and_none_of_the_functions():  # B16 B10
    """Lambda asks for the right to `function:NAME:VERSION` when a version is named, else to `function:NAME`."""
    functions = set(cfn.of_type("AWS::Lambda::Function"))
    (policy,) = cfn.of_type("AWS::IAM::Policy").values()
    read, delete = policy["PolicyDocument"]["Statement"]
    assert delete["Action"] == "lambda:DeleteFunction"
    assert {each["Fn::Sub"] for each in delete["Resource"]} == {f"${{{name}.Arn}}:*" for name in functions}
    assert set(read["Action"]) == {"lambda:ListVersionsByFunction", "lambda:ListAliases"}
    assert {each["Fn::GetAtt"][0] for each in read["Resource"]} == functions
    assert policy["Roles"] == [{"Ref": "PruneVersionsFunctionRole"}]


POLICIES_LIMIT = 10_240
"""What all inline policies of a role may hold together, without spaces."""


def test_what_pruning_may_do_fits_into_a_role_with_the_longest_names():  # B16
    (policy,) = cfn.of_type("AWS::IAM::Policy").values()
    longest = f"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:{'x' * 64}"
    resources = [longest] * len(policy["PolicyDocument"]["Statement"][0]["Resource"])
    document = {"Statement": [{"Resource": resources}, {"Resource": [f"{each}:*" for each in resources]}]}
    assert len(json.dumps(document).replace(" ", "")) < POLICIES_LIMIT - 1000


def test_the_readiness_check_changes_nothing_but_its_own_report():
    statement = granting("CheckReadiness", "dynamodb:UpdateItem")
    assert statement["Action"] == "dynamodb:UpdateItem"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", REPORT]},
        "Null": {"dynamodb:Attributes": "false"},
    }
    reads = ("Get", "Describe", "List", "Query", "Simulate")
    writes = {a for a in CALLED["CheckReadiness"] if not a.partition(":")[2].startswith(reads)} - {"sts:AssumeRole"}
    assert writes == {"dynamodb:UpdateItem", "events:PutEvents"}


def test_the_board_only_reads():  # S18 B10
    assert CALLED["ClusterBoard"] == {
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "route53:ListResourceRecordSets",
        "sts:AssumeRole",
    }


def test_advice_can_write_nothing_but_what_it_tells_the_bus():  # B7
    """A rehearsal cannot move anything by mistake: its role has no right to."""
    reads = ("Get", "Describe", "List", "Simulate")
    writes = {a for a in CALLED["Advise"] if not a.partition(":")[2].startswith(reads)} - {"sts:AssumeRole"}
    assert writes == {"events:PutEvents"}


@pytest.mark.parametrize("function", ["ReceiveSignal", "WatchClusters"])
def test_only_groups_with_the_stacks_tag_are_told_to_go_on(function):  # B17
    statement = granting(function, "autoscaling:CompleteLifecycleAction")
    assert statement["Resource"].endswith(":autoScalingGroup:*:autoScalingGroupName/*")
    assert statement["Condition"] == {"StringEquals": {"autoscaling:ResourceTag/understudy:stack": "understudy"}}


@pytest.mark.parametrize("function", ["CheckReadiness", "Advise"])
def test_whoever_examines_asks_iam_for_the_mover_of_the_address_and_for_the_roles_of_nodes(function):
    asking = [s for s in statements(f"{function}FunctionRole") if "iam:SimulatePrincipalPolicy" in as_list(s["Action"])]
    mover, nodes = (as_list(each["Resource"]) for each in asking)
    assert mover == ["MoveAddressFunctionRole"]
    assert [each.rpartition(":")[2] for each in nodes] == ["instance-profile/*", "role/*"]
    variables = cfn.of_type("AWS::Lambda::Function")[f"{function}Function"]["Environment"]["Variables"]
    assert cfn.resolve(variables["MOVER_ROLE_ARN"], {}) == "MoveAddressFunctionRole"


@pytest.mark.parametrize("role", [*(f"{f}FunctionRole" for f in CALLED), "TransitionStateMachineRole"])
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
    names = [
        "orders-db.corp.example.com",
        "files.corp.example.com",
        "_understudy.orders-db.corp.example.com",
        "_understudy.files.corp.example.com",
    ]
    change = "route53:ChangeResourceRecordSets"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {
            f"{change}Actions": ["UPSERT", "CREATE", "DELETE"],
            f"{change}RecordTypes": ["A", "AAAA", "TXT"],
        },
        "ForAllValues:StringLike": {f"{change}NormalizedRecordNames": names},
        "Null": dict.fromkeys(
            (f"{change}{each}" for each in ("Actions", "RecordTypes", "NormalizedRecordNames")), "false"
        ),
    }


@pytest.mark.parametrize("role", [*(f"{f}FunctionRole" for f in CALLED), "TransitionStateMachineRole"])
def test_what_must_hold_for_all_values_needs_one(role):  # B10
    """IAM takes "for all values" for true where there is none."""
    for statement in statements(role):
        condition = statement.get("Condition", {})
        keys = {key for kind, about in condition.items() if kind.startswith("ForAllValues:") for key in about}
        assert keys <= {key for key, is_null in condition.get("Null", {}).items() if is_null == "false"}


def dns_condition(*names: str) -> dict[str, Any]:
    (statement,) = [
        each
        for each in statements("MoveAddressFunctionRole", {**PARAMETERS, "ProtectedNames": list(names)})
        if "route53:ChangeResourceRecordSets" in as_list(each["Action"])
    ]
    return dict(statement["Condition"])


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [
        ("orders-db.ha.corp.example.com", True),
        ("eu.orders-db.ha.corp.example.com", True),
        ("ha.corp.example.com", False),
        ("orders-db.corp.example.com", False),
        ("orders-db.haha.corp.example.com", False),
    ],
)
def test_a_suffix_protects_all_names_below_it_with_their_guards_and_no_other(name, is_allowed):  # B12
    change = "route53:ChangeResourceRecordSets"
    asked = {
        f"{change}Actions": ["UPSERT", "CREATE", "DELETE"],
        f"{change}RecordTypes": ["A", "TXT"],
        f"{change}NormalizedRecordNames": [name, f"_understudy.{name}"],
    }
    assert holds(dns_condition("*.ha.corp.example.com"), asked, {}) is is_allowed


INLINE_LIMIT, PARAMETER_LIMIT = 10_240, 4_096
"""What all inline policies of a role hold together, in characters without spaces; bytes of a parameter's value."""
MANAGED_LIMIT = 6_144
_PLACE = "ap-southeast-1:123456789012"
_TABLE = f"{'s' * STACK_NAME_LIMIT}-ClusterTable-1A2B3C4D5E6F7"
LONGEST = {
    "AWS::Region": "ap-southeast-1",
    "AWS::StackName": "s" * STACK_NAME_LIMIT,
    "ClusterTable.Arn": f"arn:aws:dynamodb:{_PLACE}:table/{_TABLE}",
    "Bus.Arn": f"arn:aws:events:{_PLACE}:event-bus/{'s' * STACK_NAME_LIMIT}",
    "TransitionStateMachine": f"arn:aws:states:{_PLACE}:stateMachine:{'s' * STACK_NAME_LIMIT}-transition",
}
"""What a stack with the longest name has in its policies, in a Region with a long one."""


def held(policies: Iterable[Mapping[str, Any]], parameters: Mapping[str, Any]) -> int:
    """How many characters these policies have together, as IAM counts."""
    documents = [cfn.resolve(each["PolicyDocument"], parameters) for each in policies]
    return sum(len("".join(json.dumps(each, separators=(",", ":")).split())) for each in documents)


def test_the_policies_of_a_stack_with_the_longest_name_fit_into_their_roles():
    given = {**PARAMETERS, **LONGEST}
    roles = cfn.of_type("AWS::IAM::Role").items()
    sizes = {name: held(role.get("Policies", ()), given) for name, role in roles}
    assert {name for name, size in sizes.items() if size >= INLINE_LIMIT} == set()
    assert all(held([policy], given) < MANAGED_LIMIT for policy in cfn.of_type("AWS::IAM::ManagedPolicy").values())


@pytest.mark.parametrize("count", [10, 1000, 10_000])
def test_the_rights_for_so_many_names_fit_into_a_role_and_into_a_parameter(count):  # B12
    """Ten names one by one; more by a suffix."""
    names = [f"orders-db-{each}.ha.corp.example.com" for each in range(count)]
    given = names if count == 10 else ["*.ha.corp.example.com"]
    policies = cfn.of_type("AWS::IAM::Role")["MoveAddressFunctionRole"]["Policies"]
    assert held(policies, {**PARAMETERS, **LONGEST, "ProtectedNames": given}) < INLINE_LIMIT
    assert len(",".join(given)) < PARAMETER_LIMIT


@pytest.mark.parametrize(
    ("parameter", "one", "advised", "words"),
    [
        ("ProtectedNames", "db-{:03d}.ha.corp.example.com", NAMES_ONE_BY_ONE, f"{NAMES_ONE_BY_ONE} names"),
        ("HostedZoneIds", "Z{:020d}", ZONES_ONE_BY_ONE, f"{ZONES_ONE_BY_ONE} hosted zones"),
    ],
)
def test_as_many_names_and_zones_as_the_documents_say_fit_one_by_one_and_not_many_more(  # B12
    parameter, one, advised, words
):
    def fits(count: int) -> bool:
        usual = {**PARAMETERS, **LONGEST, "ProtectedNames": ["*.ha.corp.example.com"]}
        policies = cfn.of_type("AWS::IAM::Role")["MoveAddressFunctionRole"]["Policies"]
        return held(policies, {**usual, parameter: [one.format(each) for each in range(count)]}) < INLINE_LIMIT

    assert fits(advised)
    assert not fits(advised + 10)
    assert words in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("function", "action"),
    [
        ("MoveAddress", "route53:ChangeResourceRecordSets"),
        ("MoveAddress", "route53:ListResourceRecordSets"),
        ("WatchClusters", "route53:ListResourceRecordSets"),
        ("RegisterCluster", "route53:ListResourceRecordSets"),
        ("CheckChange", "route53:ListResourceRecordSets"),
        ("ClusterBoard", "route53:ListResourceRecordSets"),
        ("CheckReadiness", "route53:ListResourceRecordSets"),
        ("CheckReadiness", "route53:GetHostedZone"),
        ("Advise", "route53:ListResourceRecordSets"),
        ("Advise", "route53:GetHostedZone"),
    ],
)
def test_route_53_is_reached_in_the_given_zones_only(function, action):
    assert granting(function, action)["Resource"] == [
        "arn:*:route53:::hostedzone/Z1",
        "arn:*:route53:::hostedzone/Z2",
    ]


ASSUMING = [function for function, actions in CALLED.items() if "sts:AssumeRole" in actions]


def test_roles_are_assumed_by_those_only_who_ask_route_53():
    asking = {f for f, actions in CALLED.items() if any(a.startswith("route53:") for a in actions)}
    assert asking == set(ASSUMING)


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
    assert [f for f, actions in CALLED.items() if "ec2:StopInstances" in actions] == ["FenceNode"]


def test_nothing_can_be_stopped_unless_the_stack_is_told_so():  # S12
    assert cfn.source()["Parameters"]["AllowStopInstances"]["Default"] == "false"
    without = statements("FenceNodeFunctionRole", {**PARAMETERS, "AllowStopInstances": "false"})
    assert not [s for s in without if "ec2:StopInstances" in as_list(s["Action"])]


def test_one_zone_and_one_name_are_enough():
    one = {"HostedZoneIds": ["Z1"], "ProtectedNames": ["a.example.com"]}
    (statement,) = [s for s in statements("MoveAddressFunctionRole", one) if s.get("Sid") == "WriteRecords"]
    assert statement["Resource"] == ["arn:*:route53:::hostedzone/Z1"]
    names = statement["Condition"]["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
    assert names == ["a.example.com", "_understudy.a.example.com"]


NOWHERE: dict[str, list[str]] = {"HostedZoneIds": [], "ProtectedNames": [], "ZoneRoleArns": []}


@pytest.mark.parametrize("function", CALLED)
def test_a_stack_of_routes_and_elastic_ips_only_may_do_nothing_in_route_53(function):  # S14 S15
    """With no zone and no role among the parameters, as it is when nothing is said of them."""
    defaults = {name: cfn.source()["Parameters"][name]["Default"] for name in NOWHERE}
    assert set(defaults.values()) == {""}
    actions = {
        a for s in statements(f"{function}FunctionRole", {**PARAMETERS, **NOWHERE}) for a in as_list(s["Action"])
    }
    assert not {a for a in actions if a.startswith(("route53:", "sts:"))}
    assert actions - DELIVERY == {a for a in CALLED[function] if not a.startswith(("route53:", "sts:"))}


def test_zones_of_other_accounts_need_no_zone_here():  # S4
    elsewhere = {**NOWHERE, "ZoneRoleArns": PARAMETERS["ZoneRoleArns"]}
    actions = {a for s in statements("MoveAddressFunctionRole", elsewhere) for a in as_list(s["Action"])}
    assert {a for a in actions if a.startswith(("route53:", "sts:"))} == {"sts:AssumeRole"}
    actions = {a for s in statements("CheckReadinessFunctionRole", elsewhere) for a in as_list(s["Action"])}
    looked_at = {"sts:AssumeRole", "route53:ListHostedZonesByVPC"}  # the VPCs are here
    assert {a for a in actions if a.startswith(("route53:", "sts:"))} == looked_at


def test_without_a_name_nothing_is_written_in_any_zone():  # B1
    """IAM's ForAllValues holds for a change of no name that is listed."""
    nameless = {**PARAMETERS, "ProtectedNames": []}
    actions = {a for s in statements("MoveAddressFunctionRole", nameless) for a in as_list(s["Action"])}
    assert "route53:ChangeResourceRecordSets" not in actions
    assert "route53:ListResourceRecordSets" in actions


@pytest.mark.parametrize("function", [f for f, actions in CALLED.items() if "events:PutEvents" in actions])
def test_the_controller_speaks_only_in_its_own_name(function):
    statement = granting(function, "events:PutEvents")
    assert statement["Resource"] == "Bus"
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {"events:source": "understudy"},
        "Null": {"events:source": "false"},
    }


CLUSTER_TAGS = ["understudy:cluster", *(f"understudy:cluster-{number}" for number in range(2, 6))]
"""The tags of a node's role that name its clusters."""


def test_a_node_beats_in_its_own_name_only_and_reads_the_clusters_that_its_role_is_tagged_with():  # B10
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
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
        {
            "Sid": "ReadState",
            "Effect": "Allow",
            "Action": "dynamodb:GetItem",
            "Resource": "ClusterTable",
            "Condition": {
                "ForAllValues:StringEquals": {
                    "dynamodb:LeadingKeys": [f"${{aws:PrincipalTag/{tag}, '-'}}" for tag in CLUSTER_TAGS]
                },
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        },
        {
            "Sid": "ReadKeys",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": [
                "arn:aws:ssm:eu-west-1:123456789012:parameter/understudy-keys/understudy/"
                f"${{aws:PrincipalTag/{tag}, '-'}}"
                for tag in CLUSTER_TAGS
            ],
        },
    ]


@pytest.mark.parametrize("function", CALLED)
def test_no_function_can_read_the_keys_that_nodes_share(function):  # B10 B11
    """With a key, whoever holds it can promise in the name of a node."""
    reads = [s for s in statements(f"{function}FunctionRole") if "ssm:GetParameter" in as_list(s["Action"])]
    assert all("parameter/understudy/understudy" in arn for s in reads for arn in as_list(s["Resource"]))


@pytest.mark.parametrize("function", ["RegisterCluster", "WatchClusters"])
def test_keys_can_be_made_and_never_replaced(function):  # B13 B10
    """A key that is replaced at once on no node is no promise on any: only a person changes one."""
    statement = granting(function, "ssm:PutParameter")
    assert statement["Resource"] == "arn:aws:ssm:eu-west-1:123456789012:parameter/understudy-keys/understudy/*"
    assert statement["Condition"] == {"StringNotEquals": {"ssm:Overwrite": "true"}}
    assert [f for f, actions in CALLED.items() if "ssm:PutParameter" in actions] == ["RegisterCluster", "WatchClusters"]


def test_the_nodes_read_their_keys_where_the_functions_make_them():  # B13
    """The bus has the stack's name, from which an agent knows the path."""
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
    (read,) = [s for s in cfn.resolve(policy["PolicyDocument"]["Statement"], {}) if s["Sid"] == "ReadKeys"]
    (bus,) = cfn.of_type("AWS::Events::EventBus").values()
    for arn in (*read["Resource"], granting("RegisterCluster", "ssm:PutParameter")["Resource"]):
        _, path = arn.split(":parameter")
        assert path.startswith(default_parameter(cfn.resolve(bus["Name"], {}), ""))
        assert path.startswith(f"{FOLDER}understudy/")


def may_read(cluster: str, tags: Mapping[str, str]) -> bool:
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
    (read,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == "ReadState"]
    context = {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
    return holds(read["Condition"], {"dynamodb:LeadingKeys": [cluster]}, context)


def test_a_node_reads_its_own_cluster_and_no_other():  # B10
    assert may_read("orders-db", {"understudy:cluster": "orders-db"})
    assert not may_read("files", {"understudy:cluster": "orders-db"})
    assert not may_read("orders-db-2", {"understudy:cluster": "orders-db"})
    assert not may_read("orders-db", {"cluster": "orders-db"})


def test_a_role_without_the_tag_reads_nothing():  # B10
    assert not may_read("orders-db", {})
    assert not may_read("orders-db", {"understudy:cluster": ""})
    assert not may_read("orders-db", {"understudy:cluster": "*"})


def test_no_node_reads_what_the_controller_seals_with():  # B10 S10
    """No tag of a role may have a # in it, and a star is no wildcard here."""
    assert not re.fullmatch(r"[\w\s.:/=+@-]*", SEAL), "what IAM allows as the value of a tag"
    for value in ("*", "seal", "-", ""):
        assert not may_read(SEAL, {"understudy:cluster": value})
    assert not CLUSTER_NAME.fullmatch(SEAL)


@pytest.mark.parametrize("function", ["RecordHeartbeat", "ReceiveSignal", "WatchClusters", "OpenTransition"])
def test_whoever_asks_the_workflow_or_looks_at_a_seal_may_read_and_make_the_secret(function):  # S10
    allowed = {a for s in statements(f"{function}FunctionRole") for a in as_list(s["Action"])}
    assert {"dynamodb:GetItem", "dynamodb:UpdateItem"} <= allowed


@pytest.mark.parametrize("tag", CLUSTER_TAGS)
def test_a_node_in_several_clusters_reads_each_of_them(tag):  # B10
    tags = {"understudy:cluster": "orders-db", tag: "files"}
    assert may_read("files", tags)
    assert may_read("orders-db", tags) is (tag != "understudy:cluster")
    assert not may_read("mail", tags)


def test_without_a_default_one_missing_tag_would_take_every_right_to_read():
    names = {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/one}", "${aws:PrincipalTag/two}"]}
    keys, tags = {"dynamodb:LeadingKeys": ["orders-db"]}, {"aws:PrincipalTag/one": "orders-db"}
    assert not holds({"ForAllValues:StringEquals": names}, keys, tags)


def test_no_cluster_can_have_the_name_that_stands_for_a_missing_tag():
    assert not CLUSTER_NAME.fullmatch("-")


def test_the_agents_manual_shows_the_policy_as_it_is():  # B10
    (shown,) = re.findall(r"```json\n(.*?)```", (ROOT / "agent" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
    document = cfn.resolve(policy["PolicyDocument"], PARAMETERS)
    for statement in document["Statement"]:
        del statement["Sid"]
    for written, meant in {
        "arn:aws:events:REGION:ACCOUNT:event-bus/BUS": "Bus",
        "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE": "ClusterTable",
        "REGION:ACCOUNT:parameter/understudy-keys/STACK": "eu-west-1:123456789012:parameter/understudy-keys/understudy",
    }.items():
        shown = shown.replace(written, meant)
    assert json.loads(shown) == document


def test_a_node_may_do_what_its_agent_calls_and_nothing_else():  # B10
    policy = cfn.of_type("AWS::IAM::ManagedPolicy")["NodePolicy"]
    allowed = {a for s in policy["PolicyDocument"]["Statement"] for a in as_list(s["Action"])}
    sources = sorted((ROOT / "agent" / "understudy_agent").glob("*.py"))
    assert allowed == actions_in(sources, ["events", "dynamodb", "ssm", "ec2", "route53", "sts"])


def test_the_machine_may_call_its_steps_and_write_its_log():
    call, call_of_old, log = statements("TransitionStateMachineRole")
    steps = ("Open", "Ask", "Fence", "Move", "Grant", "Await", "CheckChange", "Close", "CheckReadiness", "Advise")
    for each in (call, call_of_old):
        assert each["Action"] == "lambda:InvokeFunction"
        assert all(arn.startswith(step) for arn, step in zip(each["Resource"], steps, strict=True))
    assert all(action.startswith("logs:") for action in log["Action"])


def test_only_event_rules_of_this_account_may_fill_the_dead_letter_queue():
    (policy,) = cfn.of_type("AWS::SQS::QueuePolicy").values()
    (statement,) = cfn.resolve(policy["PolicyDocument"]["Statement"], PARAMETERS)
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/*"}}
