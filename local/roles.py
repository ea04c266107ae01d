"""Roles on the embedded AWS when it enforces IAM: a node's own one, and what has to be put right for all of them.

The embedded IAM refuses some calls that AWS allows by the same policy. `GAPS` names them; a role that has such a right
in the template is given it once more, in a form that is understood. Nothing else is added to any role.
tests/template/test_permissions.py holds what is lost by that: the conditions themselves.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.engine import ACCOUNT, Engine

GAPS = {
    "events:PutEvents": "it knows no events:source",
    "dynamodb:GetItem": "it knows no dynamodb:LeadingKeys",
    "dynamodb:BatchGetItem": "as GetItem",
    "dynamodb:Query": "as GetItem",
    "dynamodb:PutItem": "as GetItem",
    "dynamodb:DeleteItem": "as GetItem",
    "dynamodb:UpdateItem": "it knows no attributes of an update expression",
    "route53:GetChange": "it asks for the right to every change",
    "ssm:GetParametersByPath": "it asks for the right to every path",
    "ssm:GetParameter": "it puts no values for the variables of a policy",
}
EVERY_RESOURCE = ("route53:GetChange", "ssm:GetParametersByPath")
BRIDGE = "gaps-of-the-embedded-iam"
_TAG_VARIABLE = re.compile(r"\$\{aws:PrincipalTag/([^,}]+), '([^']*)'\}")

Statement = dict[str, Any]


def function_roles(engine: Engine) -> dict[str, str]:
    """The functions' roles by the names of the functions."""
    listed = engine.client("iam").list_roles()["Roles"]
    names = [role["RoleName"] for role in listed if "FunctionRole" in role["RoleName"]]
    return {name.split("-")[1].removesuffix("FunctionRole"): name for name in names}


def make_role(engine: Engine, name: str, tags: dict[str, str]) -> None:
    """A role without rights, which the account's own keys may assume."""
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com", "AWS": ACCOUNT},
    }
    engine.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document([trust]),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def make_node_role(engine: Engine, cluster: str, policy_arn: str) -> str:
    """As the manual says: the stack's policy for nodes, and the tag that names the cluster. Its name."""
    name = f"node-of-{cluster}"
    make_role(engine, name, {"understudy:cluster": cluster})
    engine.client("iam").attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    bridge_gaps(engine, name)
    return name


def make_person_role(engine: Engine, name: str, policy_arn: str) -> str:
    """A role with one of the stack's policies for people. Its name."""
    make_role(engine, name, {})
    engine.client("iam").attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    bridge_gaps(engine, name)
    return name


def keys_of(engine: Engine, role: str) -> dict[str, str]:
    """The environment entries by which a program has what the role has, for an hour."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    made = engine.client("sts").assume_role(RoleArn=arn, RoleSessionName="local")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


def statements_of(engine: Engine, role: str) -> list[Statement]:
    """What the role has by this account's policies, what bridges gaps left out."""
    iam = engine.client("iam")
    found: list[Statement] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        if name != BRIDGE:
            found += iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        if f":{ACCOUNT}:" in arn:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            read = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            found += read["PolicyVersion"]["Document"]["Statement"]
    return found


def bridge_gaps(engine: Engine, role: str) -> set[str]:
    """Give a role what the embedded IAM withholds of what it has. The actions of that."""
    listed = engine.client("iam").list_role_tags(RoleName=role)["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    more = [
        {"Effect": "Allow", "Action": action, "Resource": resources}
        for statement in statements_of(engine, role)
        for action in as_list(statement["Action"])
        if action in GAPS and (resources := _withheld(action, statement, tags))
    ]
    if more:
        put_policy(engine, role, BRIDGE, more)
    return {str(statement["Action"]) for statement in more}


def put_policy(engine: Engine, role: str, name: str, statements: list[Statement]) -> None:
    """Give the role what the statements say, in a policy of its own."""
    engine.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=_document(statements))


def _withheld(action: str, statement: Statement, tags: dict[str, str]) -> list[str]:
    """The resources on which the action is refused although the statement allows it; none: it is understood."""
    if action in EVERY_RESOURCE:
        return ["*"]
    named = as_list(statement["Resource"])
    meant = [_TAG_VARIABLE.sub(lambda found: tags.get(found[1], found[2]), resource) for resource in named]
    return meant if "Condition" in statement or meant != named else []


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
