"""IAM's simulation, in recorded shapes of the real API: moto has none, and the embedded AWS's proves nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.builders import a_definition
from tests.support.readiness import of_all_kinds
from understudy.adapters.iam_rights import IamRights, ProfileRights
from understudy.domain.cluster.definition import Route
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.readiness.facts import HERE, TAG_OF_OURS, Right, needed_rights

ROLE = "arn:aws-cn:iam::123456789012:role/understudy-MoveAddressFunctionRole-1A2B"
READING, WRITING = needed_rights(a_definition(), "understudy")


@pytest.fixture(scope="module")
def iam() -> Any:
    return boto3.client("iam", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stubber(iam: Any) -> Iterator[Stubber]:
    with Stubber(iam) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def asked(right: Right) -> dict[str, Any]:
    return {
        "PolicySourceArn": ROLE,
        "ActionNames": [right.action],
        "ResourceArns": [f"arn:aws-cn:{right.resource}"],
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": "stringList"}
            for key, values in right.context
        ],
    }


def answered(right: Right, decision: str) -> dict[str, Any]:
    """As the API answers; in an organisation, its policies have had their say in the decision."""
    result = {
        "EvalActionName": right.action,
        "EvalResourceName": f"arn:aws-cn:{right.resource}",
        "EvalDecision": decision,
        "MatchedStatements": [],
        "MissingContextValues": [],
    }
    return {"EvaluationResults": [result], "IsTruncated": False}


def test_each_right_is_asked_for_with_the_context_of_a_real_change(iam, stubber):  # S1 B1
    for right in (READING, WRITING):  # their contexts differ
        stubber.add_response("simulate_principal_policy", answered(right, "allowed"), asked(right))
    rights = IamRights(lambda: iam, ROLE, "cn-north-1").granted([READING, WRITING])
    assert rights == {READING: True, WRITING: True}


@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny"])
def test_a_denied_right_is_not_granted(iam, stubber, decision):  # B1
    stubber.add_response("simulate_principal_policy", answered(WRITING, decision), asked(WRITING))
    assert IamRights(lambda: iam, ROLE, "cn-north-1").granted([WRITING]) == {WRITING: False}


def test_an_answer_without_a_decision_grants_nothing(iam, stubber):
    stubber.add_response("simulate_principal_policy", {"EvaluationResults": [], "IsTruncated": False})
    assert IamRights(lambda: iam, ROLE, "cn-north-1").granted([WRITING]) == {WRITING: False}


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "PolicyEvaluation"])
def test_a_simulation_that_is_forbidden_or_fails_says_nothing_of_the_rights(iam, stubber, code):  # B3
    stubber.add_client_error("simulate_principal_policy", code)
    with pytest.raises(UnreadableError, match=code):
        IamRights(lambda: iam, ROLE, "cn-north-1").granted([WRITING])


@pytest.mark.parametrize(
    ("right", "arn"),
    [
        (Right("ec2:DescribeAddresses", "*"), "*"),
        (Right("sts:AssumeRole", "iam::210987654321:role/zones"), "arn:aws-cn:iam::210987654321:role/zones"),
        (
            Right("ec2:ReplaceRoute", f"ec2:{HERE}:route-table/rtb-1", ((TAG_OF_OURS, ("understudy",)),)),
            "arn:aws-cn:ec2:cn-north-1:123456789012:route-table/rtb-1",
        ),
    ],
    ids=["no resource", "a role of another account", "a table here"],
)
def test_a_right_is_asked_for_on_the_resource_as_iam_names_it(iam, stubber, right, arn):  # S14 S15
    contexts = [
        {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": "string"}
        for key, values in right.context
    ]
    wanted = {**asked(right), "ResourceArns": [arn], "ContextEntries": contexts}
    stubber.add_response("simulate_principal_policy", answered(right, "allowed"), wanted)
    assert IamRights(lambda: iam, ROLE, "cn-north-1").granted([right]) == {right: True}


def of_route(action: str, table: str) -> Right:
    return Right(action, f"ec2:{HERE}:route-table/{table}", ((TAG_OF_OURS, ("understudy",)),))


def arn_of(table: str) -> str:
    return f"arn:aws-cn:ec2:cn-north-1:123456789012:route-table/{table}"


def test_rights_of_one_context_are_one_simulation_and_each_resource_has_its_own_answer():  # S1 B9
    """As the API answers: one result for each action with the worst decision of all, and those of each resource."""
    iam = boto3.client("iam", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    rights = [
        of_route(action, table) for table in ("rtb-1", "rtb-2") for action in ("ec2:ReplaceRoute", "ec2:CreateRoute")
    ]

    def result(action: str, first: str, second: str, whole: str) -> dict[str, Any]:
        parts = [
            {"EvalResourceName": arn_of(table), "EvalResourceDecision": decision}
            for table, decision in (("rtb-1", first), ("rtb-2", second))
        ]
        return {
            "EvalActionName": action,
            "EvalResourceName": "*",
            "EvalDecision": whole,
            "ResourceSpecificResults": parts,
        }

    results = [
        result("ec2:ReplaceRoute", "allowed", "implicitDeny", "implicitDeny"),
        result("EC2:CreateRoute", "allowed", "allowed", "allowed"),
    ]
    wanted = {
        "PolicySourceArn": ROLE,
        "ActionNames": ["ec2:ReplaceRoute", "ec2:CreateRoute"],
        "ResourceArns": [arn_of("rtb-1"), arn_of("rtb-2")],
        "ContextEntries": [
            {"ContextKeyName": TAG_OF_OURS, "ContextKeyValues": ["understudy"], "ContextKeyType": "string"}
        ],
    }
    with Stubber(iam) as stubber:
        stubber.add_response(
            "simulate_principal_policy", {"EvaluationResults": results[:1], "IsTruncated": True, "Marker": "m"}, wanted
        )
        stubber.add_response(
            "simulate_principal_policy",
            {"EvaluationResults": results[1:], "IsTruncated": False},
            {**wanted, "Marker": "m"},
        )
        granted = IamRights(lambda: iam, ROLE, "cn-north-1").granted(rights)
        stubber.assert_no_pending_responses()
    assert list(granted.values()) == [True, True, False, True]


def test_a_decision_for_several_resources_together_grants_none_of_them(iam, stubber):  # B3
    """An answer of an unknown shape: which of the two is meant, nobody knows."""
    rights = [of_route("ec2:CreateRoute", "rtb-1"), of_route("ec2:CreateRoute", "rtb-2")]
    told = {"EvalActionName": "ec2:CreateRoute", "EvalResourceName": arn_of("rtb-1"), "EvalDecision": "allowed"}
    stubber.add_response("simulate_principal_policy", {"EvaluationResults": [told], "IsTruncated": False})
    assert set(IamRights(lambda: iam, ROLE, "cn-north-1").granted(rights).values()) == {False}


def test_everything_that_a_cluster_of_all_kinds_needs_takes_six_simulations(iam, stubber):  # B9
    """Before: one for each of its 14 rights. Those without a context, by resource; the record; tables; addresses."""
    definition = of_all_kinds(routes=(Route("192.0.2.10/32", ("rtb-1", "rtb-2")), Route("192.0.2.11/32", ("rtb-3",))))
    rights = needed_rights(definition, "understudy")
    asked_for: list[dict[str, Any]] = []

    def answer(params: dict[str, Any], **_: Any) -> None:
        asked_for.append(params)

    iam.meta.events.register("provide-client-params.iam.SimulatePrincipalPolicy", answer)
    for _ in range(6):
        stubber.add_response("simulate_principal_policy", {"EvaluationResults": [], "IsTruncated": False})
    try:
        IamRights(lambda: iam, ROLE, "cn-north-1").granted(rights)
    finally:
        iam.meta.events.unregister("provide-client-params.iam.SimulatePrincipalPolicy", answer)
    pairs = [(a, r) for each in asked_for for a in each["ActionNames"] for r in each["ResourceArns"]]
    assert len(pairs) == len(set(pairs)) == len(rights)


PROFILE = "arn:aws-cn:iam::123456789012:instance-profile/teams/nodes"
NODE_ROLE = "arn:aws-cn:iam::123456789012:role/nodes"


def profile_answer(roles: list[str]) -> dict[str, Any]:
    some = {"Path": "/", "CreateDate": datetime(2026, 1, 1, tzinfo=UTC)}
    of_roles = [{**some, "RoleName": each.rpartition("/")[2], "RoleId": "A" * 20, "Arn": each} for each in roles]
    named = {"InstanceProfileName": "nodes", "InstanceProfileId": "B" * 20, "Arn": PROFILE}
    return {"InstanceProfile": {**some, **named, "Roles": of_roles}}


@pytest.mark.parametrize(("decision", "may"), [("allowed", True), ("implicitDeny", False), ("explicitDeny", False)])
def test_whether_a_node_may_name_members_is_asked_of_its_profiles_role_with_the_tag(iam, stubber, decision, may):  # B17
    stubber.add_response("get_instance_profile", profile_answer([NODE_ROLE]), {"InstanceProfileName": "nodes"})
    context = {
        "aws:TagKeys": (["understudy:member"], "stringList"),
        "aws:RequestTag/understudy:member": (["a-cluster/a-node"], "string"),
    }
    expected = {
        "PolicySourceArn": NODE_ROLE,
        "ActionNames": ["ec2:CreateTags"],
        "ResourceArns": [f"arn:aws-cn:ec2:{REGION}:123456789012:instance/*"],
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": values, "ContextKeyType": kind}
            for key, (values, kind) in context.items()
        ],
    }
    right = Right("ec2:CreateTags", f"ec2:{REGION}:123456789012:instance/*")
    stubber.add_response("simulate_principal_policy", answered(right, decision), expected)
    assert ProfileRights(lambda: iam, REGION).may_name_members(PROFILE) is may


def test_a_profile_without_a_role_names_nobody_and_one_that_cannot_be_read_is_not_known(iam, stubber):  # B3 B17
    stubber.add_response("get_instance_profile", profile_answer([]))
    assert not ProfileRights(lambda: iam, REGION).may_name_members(PROFILE)
    stubber.add_client_error("get_instance_profile", "AccessDenied")
    with pytest.raises(UnreadableError, match="instance profile nodes"):
        ProfileRights(lambda: iam, REGION).may_name_members(PROFILE)
