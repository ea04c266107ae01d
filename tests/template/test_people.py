"""The managed policies for people: each suffices for its commands of the command-line tool, and allows no more."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.aws_calls import IAM_PREFIX
from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_state
from tests.support.fakes.cli_stack import FakeCliStack
from tests.support.iam_conditions import holds
from tests.template import cfn
from tests.template.test_permissions import as_list
from tests.unit.cli.running import a_stack, a_story, run
from understudy.adapters.dynamodb.items import definition_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.approval import Question
from understudy_cli.__main__ import cli
from understudy_cli.core.endings import RUNNING, Execution
from understudy_cli.core.submitting import digest_of
from understudy_cli.ports import Pending, Stack

SOURCE = Path(__file__).parents[2] / "cli" / "understudy_cli" / "aws" / "stack.py"
FREE = {"sts:GetCallerIdentity"}
"""What AWS allows everybody."""
ASKING = "orders-db-epoch2-x"
ADVICE = {"status": "SUCCEEDED", "output": {"outcome": "ADVISED"}}
MODE = {"status": "SUCCEEDED", "output": {"outcome": "MODE_SET"}}
REFUSED = {"status": "FAILED", "error": "Refused"}
VIEWER: dict[tuple[str, ...], Any] = {
    ("status",): None,
    ("history",): None,
    ("history", "orders-db", "1"): None,
    ("follow", ASKING): {"status": "FAILED", "error": "NotApproved"},
    ("log",): None,
    ("get",): None,
    ("tuning",): None,
}
OPERATOR: dict[tuple[str, ...], Any] = {
    **VIEWER,
    ("why",): ADVICE,
    ("rehearse",): ADVICE,
    ("check",): {"status": "SUCCEEDED", "output": {"outcome": "CHECKED"}},
    ("switchover", "--yes"): REFUSED,
    ("failover", "--yes"): REFUSED,
    ("failback", "--yes"): REFUSED,
    ("hold",): MODE,
    ("resume",): MODE,
    ("clear", "orders-db", "node-b"): {"status": "SUCCEEDED", "output": {"outcome": "CLEARED"}},
    ("put", "FILE", "--cluster", "orders-db", "--yes"): None,
    ("tuning", "put", "FILE", "--yes"): None,
}
APPROVER: dict[tuple[str, ...], Any] = {
    ("status",): None,
    ("approve", "--yes"): {"status": "FAILED", "error": "Refused"},
    ("deny", "--yes"): {"status": "FAILED", "error": "NotApproved"},
}
ROLES = {"ViewerPolicy": VIEWER, "OperatorPolicy": OPERATOR, "ApproverPolicy": APPROVER}
ALONE = {"completion"}
"""Commands that ask nobody."""


class Recorded:
    """A stack in memory that notes which of its methods are called."""

    def __init__(self, stack: FakeCliStack) -> None:
        self._stack = stack
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if hasattr(Stack, name):
            self.called.add(name)
        return getattr(self._stack, name)


def a_waiting_stack() -> FakeCliStack:
    """A cluster with a move behind it, a question open, a definition and a log."""
    stack = a_stack(a_state(approval=Question("failover", ASKING, NOW, NOW + 600)))
    request = {"cluster": "orders-db", "action": "failover"}
    stack.executions[ASKING], stack.started = Execution(ASKING, RUNNING, asked=request), [(ASKING, request)]
    stack.questions[ASKING] = Pending("token", {"source": NODE_A, "target": NODE_B})
    stack.put(a_story(1, "another"))
    stack.parameters["clusters/orders-db"] = "nodes: []"
    stack.put(from_item(definition_item(a_definition(digest=digest_of("nodes: []")))))
    stack.put({"pk": "stack#", "sk": "tuning", "digest": digest_of("nodes: []")})
    return stack


def called_by(commands: dict[tuple[str, ...], Any], file: Path) -> set[str]:
    """The methods that these commands call."""
    file.write_text("nodes: []")
    called: set[str] = set()
    for arguments, ending in commands.items():
        stack = Recorded(a_waiting_stack())
        stack.scenes.extend([stack.ends(**ending)] if ending else [])
        given = [str(file) if each == "FILE" else each for each in arguments]
        result = run(cast(FakeCliStack, stack), *given)
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
    needed = actions_of(called_by(ROLES[policy], tmp_path / "file")) - FREE
    allowed = {action for each in statements(policy) for action in as_list(each["Action"])}
    assert allowed == needed


def test_no_command_is_left_out():  # B23
    tried = {arguments[0] for commands in ROLES.values() for arguments in commands}
    assert tried | ALONE == set(cli.commands)


@pytest.mark.parametrize("policy", ROLES)
def test_no_right_of_people_goes_beyond_the_stack(policy):  # B10
    for statement in statements(policy):
        assert statement["Effect"] == "Allow"
        for resource in as_list(statement["Resource"]):
            is_limited_by_its_token = statement["Action"] == "states:SendTaskSuccess"
            assert is_limited_by_its_token or re.search(r"understudy|ClusterTable|TransitionStateMachine", resource)


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
