"""The managed policies for people: each suffices for its commands of the command-line tool, and allows no more."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.aws_calls import IAM_PREFIX
from tests.support.fakes.cli_stack import FakeCliStack
from tests.support.iam_conditions import holds
from tests.template import cfn
from tests.template.test_permissions import as_list
from tests.unit.cli.every_command import ALONE, ROLES, a_waiting_stack, with_files
from tests.unit.cli.running import run
from understudy_cli.__main__ import cli
from understudy_cli.ports import Stack

SOURCE = Path(__file__).parents[2] / "cli" / "understudy_cli" / "aws" / "stack.py"
OF_THE_STACK = re.compile(r"understudy|ClusterTable|TransitionStateMachine|OperatorTopic")
WITHOUT_A_STACK = {
    "states:SendTaskSuccess",  # AWS knows no resource for it; its token limits it
    "cloudwatch:DescribeAlarms",  # it lists all of a Region or none
}
FREE = {"sts:GetCallerIdentity"}
"""What AWS allows everybody."""


class Recorded:
    """A stack in memory that notes which of its methods are called."""

    def __init__(self, stack: FakeCliStack) -> None:
        self._stack = stack
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if hasattr(Stack, name):
            self.called.add(name)
        return getattr(self._stack, name)


def called_by(commands: dict[tuple[str, ...], Any], folder: Path) -> set[str]:
    """The methods that these commands call."""
    called: set[str] = set()
    for arguments, ending in commands.items():
        stack = Recorded(a_waiting_stack())
        stack.scenes.extend([stack.ends(**ending)] if ending else [])
        result = run(cast(FakeCliStack, stack), *with_files(arguments, folder))
        assert result.exit_code != 2, (arguments, result.output, result.stderr)
        called |= stack.called
    return called


def actions_of(methods: set[str]) -> set[str]:
    """The IAM actions that methods of AwsStack lead to, read from its code."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    (cls,) = [each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "AwsStack"]
    bodies = {each.name: each for each in cls.body if isinstance(each, ast.FunctionDef)}
    left, seen, found = list(methods), set(), set()
    while left:
        name = left.pop()
        if name in seen or name not in bodies:
            continue
        seen.add(name)
        for node in ast.walk(bodies[name]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                left.append(node.attr)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("alls.call"):
                service, operation = (ast.literal_eval(each) for each in node.args[:2])
                found.add(f"{IAM_PREFIX.get(service, service)}:{''.join(map(str.title, operation.split('_')))}")
    return found


def statements(policy: str) -> list[dict[str, Any]]:
    document = cfn.of_type("AWS::IAM::ManagedPolicy")[policy]["PolicyDocument"]
    return list(cfn.resolve(document["Statement"], {}))


@pytest.mark.parametrize("policy", ROLES)
def test_a_policy_suffices_for_its_commands_and_allows_nothing_else(policy, tmp_path):  # B23 B10
    needed = actions_of(called_by(ROLES[policy], tmp_path)) - FREE
    allowed = {action for each in statements(policy) for action in as_list(each["Action"])}
    assert allowed == needed


def test_no_command_is_left_out():  # B23
    tried = {arguments[0] for commands in ROLES.values() for arguments in commands}
    assert tried | ALONE == set(cli.commands)


@pytest.mark.parametrize("policy", ROLES)
def test_no_right_of_people_goes_beyond_the_stack(policy):  # B10
    for statement in statements(policy):
        assert statement["Effect"] == "Allow"
        is_wide = [each for each in as_list(statement["Resource"]) if not OF_THE_STACK.search(each)]
        assert not is_wide or statement["Action"] in WITHOUT_A_STACK


def reads(policy: str, action: str, key: str, resource: str = "ClusterTable") -> bool:
    """Whether the policy lets somebody read items of this partition key."""
    return any(
        action in as_list(each["Action"])
        and resource in as_list(each["Resource"])
        and holds(each.get("Condition", {}), {"dynamodb:LeadingKeys": [key]}, {})
        for each in statements(policy)
    )


@pytest.mark.parametrize("policy", ROLES)
def test_people_read_clusters_and_never_the_secret_of_the_seals(policy):  # B10
    """Whoever knew it could ask in the controller's name."""
    actions = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
    assert [each for each in actions if reads(policy, each, "orders-db")]
    assert not [each for each in actions if reads(policy, each, "seal#") or reads(policy, each, "fleet#")]


def test_only_who_submits_tunables_reads_whether_they_are_in_force():
    assert [each for each in ROLES if reads(each, "dynamodb:GetItem", "stack#")] == ["OperatorPolicy"]


def test_who_looks_can_start_nothing_and_who_asks_cannot_answer():  # B4
    actions = {name: {a for each in statements(name) for a in as_list(each["Action"])} for name in ROLES}
    assert not [each for each in actions["ViewerPolicy"] if re.search(r":(Start|Put|Send|Delete|Update)", each)]
    assert not actions["OperatorPolicy"] & {"states:SendTaskSuccess", "states:GetExecutionHistory"}
    assert "states:StartExecution" not in actions["ApproverPolicy"]
