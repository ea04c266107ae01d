"""Every command with what a role runs it with, and how the execution that it starts ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_state
from tests.support.fakes.cli_stack import FakeCliStack
from tests.unit.cli.running import a_stack, a_story
from understudy.adapters.dynamodb.items import definition_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.approval import Question
from understudy_cli.core.endings import RUNNING, Execution
from understudy_cli.core.events import LogLine
from understudy_cli.core.logs import PUBLISHED
from understudy_cli.core.submitting import digest_of
from understudy_cli.ports import Pending

GOOD = """\
nodes:
  - {name: node-a, instance_id: i-0a1b2c3d4e5f60718, priority: 1}
  - {name: node-b, instance_id: i-0c2d3e4f5a6b70819, priority: 2}
addresses:
  - {kind: route53_record, hosted_zone_id: Z0123EXAMPLE, name: orders-db.corp.example.com, type: A}
services:
  - {name: data}
"""
"""A definition without a fault that can be seen without AWS."""
GOOD_TUNING = "ROUTE53_TTL=5\n"
DISPLAY = (Path(__file__).parent / "lifekeeper" / "recorded" / "lk1.txt").read_text()
"""What LifeKeeper prints of a node."""
ASKING = "orders-db-epoch2-x"
ADVICE = {"status": "SUCCEEDED", "output": {"outcome": "ADVISED"}}
MODE = {"status": "SUCCEEDED", "output": {"outcome": "MODE_SET"}}
REFUSED = {"status": "FAILED", "error": "Refused"}
VIEWER: dict[tuple[str, ...], Any] = {
    ("status",): None,
    ("status", "orders-db", "--raw"): None,
    ("history",): None,
    ("history", "orders-db", "1"): None,
    ("history", "orders-db", "1", "--raw"): None,
    ("follow", ASKING): {"status": "FAILED", "error": "NotApproved"},
    ("log",): None,
    ("get",): None,
    ("tuning",): None,
    ("doctor",): None,
    ("drill",): None,
    ("events",): None,
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
    ("drill", "--now", "--yes"): ADVICE,
    ("put", "FILE", "--cluster", "orders-db", "--yes"): None,
    ("tuning", "put", "TUNING", "--yes"): None,
}
APPROVER: dict[tuple[str, ...], Any] = {
    ("status",): None,
    ("approve", "--yes"): {"status": "FAILED", "error": "Refused"},
    ("deny", "--yes"): {"status": "FAILED", "error": "NotApproved"},
}
RETIRE: dict[tuple[str, ...], Any] = {("retire", "orders-db", "--plan"): None, ("retire", "silent", "--yes"): None}
ROLES = {"ViewerPolicy": VIEWER, "OperatorPolicy": OPERATOR, "ApproverPolicy": APPROVER, "RetirePolicy": RETIRE}
ALONE = {"completion", "import", "validate"}
"""Commands that ask nobody."""


def a_waiting_stack() -> FakeCliStack:
    """A cluster with a move behind it, a question open, a definition and a log."""
    stack = a_stack(a_state(approval=Question("failover", ASKING, NOW, NOW + 600)))
    request = {"cluster": "orders-db", "action": "failover"}
    stack.executions[ASKING], stack.started = Execution(ASKING, RUNNING, asked=request), [(ASKING, request)]
    stack.questions[ASKING] = Pending("token", {"source": NODE_A, "target": NODE_B})
    stack.put(a_story(1, "another"))
    stack.events["watch_clusters"] = [LogLine(NOW - 9, published("Understudy Cluster Held", cluster="orders-db"))]
    stack.parameters["clusters/silent"] = GOOD
    stack.put({"pk": "silent", "sk": "readiness"})
    stack.parameters["clusters/orders-db"] = GOOD
    stack.put(from_item(definition_item(a_definition(digest=digest_of(GOOD)))))
    stack.put({"pk": "stack#", "sk": "tuning", "digest": digest_of(GOOD_TUNING)})
    return stack


def published(detail_type: str, **detail: Any) -> str:
    """What a function logs of an event that it has published."""
    values = {"level": "INFO", "message": PUBLISHED, "detail_type": detail_type, "detail": detail}
    return json.dumps(values)


def with_files(arguments: Sequence[str], folder: Path) -> list[str]:
    """The arguments with the files that they mean."""
    files = {"FILE": ("orders-db.yaml", GOOD), "TUNING": ("LifeKeeper", GOOD_TUNING), "DISPLAY": ("lk1.txt", DISPLAY)}
    for name, text in files.values():
        (folder / name).write_text(text)
    places = {each: str(folder / name) for each, (name, _) in files.items()} | {"FOLDER": str(folder / "made")}
    return [places.get(each, each) for each in arguments]
