"""The tool on a stack in memory, in this process."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from click.testing import CliRunner, Result

from tests.support.builders import NOW
from tests.support.fakes.cli_stack import FakeCliStack
from understudy.adapters.dynamodb.items import state_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.state import ClusterState
from understudy_cli.__main__ import PROGRAM, cli
from understudy_cli.app import Settings


def a_stack(*states: ClusterState) -> FakeCliStack:
    """A stack with these clusters, as the controller writes them."""
    stack = FakeCliStack(NOW)
    for state in states:
        stack.put(from_item(state_item(state, 1)))
    return stack


def run(stack: FakeCliStack, *arguments: str, typed: str = "", environment: dict[str, str] | None = None) -> Result:
    """What the program prints and how it ends. An error that it did not foresee is the test's."""
    settings = Settings(connect=lambda settings, screen: stack, sleep=stack.sleep, chance=lambda: "1a2b3c4d", zone=UTC)
    result = CliRunner().invoke(cli, list(arguments), obj=settings, input=typed, env=environment, prog_name=PROGRAM)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def document(stack: FakeCliStack, *arguments: str) -> dict[str, Any]:
    """What it prints for programs; its exit status is in it."""
    result = run(stack, *arguments, "--json")
    told: dict[str, Any] = json.loads(result.stdout)
    assert told["exit"] == result.exit_code
    return told


def a_story(epoch: int, execution: str, **more: Any) -> dict[str, Any]:
    """A history item of the usual cluster, as plain values."""
    usual = {
        "pk": "orders-db",
        "sk": f"history#{epoch:08d}",
        "action": "switchover",
        "source": "node-a",
        "target": "node-b",
        "rule": "operator-asked",
        "why": "an operator asked for it",
        "reason": "patching",
        "execution": execution,
        "stages.opened_at": NOW + 0.5,
    }
    return usual | more
