"""The workflow on the embedded AWS, and what has to be put right there for it to wait for people.

The embedded Step Functions hands a `TimeoutSeconds` to its timer as it is written. An expression is no number, so a
task that waits for an answer breaks instead of waiting. tests/contract/local/test_workflow.py shows that this is so.
"""

from __future__ import annotations

import json
from typing import Any

from local.engine import Engine

LONGEST_WAIT_S = 1500
"""The highest `wait_s` that a policy may have. When a question is over, the functions judge by their own clock."""
ANSWERED_BY_TOKEN = ".waitForTaskToken"


def bridge_timeouts(engine: Engine, machine: str) -> list[str]:
    """Give the tasks that wait for an answer a number for their timeout. Their names; nothing else is changed."""
    workflows = engine.client("stepfunctions")
    definition = json.loads(workflows.describe_state_machine(stateMachineArn=machine)["definition"])
    bridged = [name for name, state in definition["States"].items() if _is_withheld(state)]
    if bridged:
        for name in bridged:
            definition["States"][name]["TimeoutSeconds"] = LONGEST_WAIT_S
        workflows.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
    return bridged


def _is_withheld(state: dict[str, Any]) -> bool:
    return state.get("Resource", "").endswith(ANSWERED_BY_TOKEN) and isinstance(state.get("TimeoutSeconds"), str)
