"""Reads a state machine definition and refuses what `asl_runner` does not know, or AWS would not take."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INVOKE = "arn:aws:states:::lambda:invoke"
CALLBACK = f"{INVOKE}.waitForTaskToken"
FIELDS: Mapping[str, tuple[set[str], set[str]]] = {  # type: (required, optional)
    "Pass": (set(), {"Assign", "Output", "Next", "End"}),
    "Task": (
        {"Resource", "Arguments", "TimeoutSeconds"},
        {"Retry", "Catch", "Assign", "Output", "Next", "End"},
    ),
    "Choice": ({"Choices", "Default"}, set()),
    "Wait": ({"Seconds", "Next"}, {"Assign", "Output"}),
    "Fail": ({"Error", "Cause"}, set()),
    "Succeed": (set(), {"Output"}),
}
RULE = ({"Condition", "Next"}, {"Assign", "Output"})
RETRIER = (
    {"ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts"},
    {"MaxDelaySeconds", "JitterStrategy"},
)
CATCHER = ({"ErrorEquals", "Next"}, {"Assign", "Output"})
MACHINE = ({"QueryLanguage", "StartAt", "States", "TimeoutSeconds"}, {"Comment"})


class UnsupportedError(Exception):
    """The definition is wrong, or uses what this runner does not know."""


@dataclass(frozen=True)
class Definition:
    """A definition of which every field is known to the runner. Raises `UnsupportedError` otherwise."""

    start_at: str
    states: Mapping[str, Mapping[str, Any]]
    timeout_s: int

    @classmethod
    def parse(cls, text: str) -> "Definition":
        machine = json.loads(text)
        _check_fields("the machine", machine, MACHINE)
        if machine["QueryLanguage"] != "JSONata":
            raise UnsupportedError(f"QueryLanguage is {machine['QueryLanguage']}")
        states: dict[str, dict[str, Any]] = machine["States"]
        for name, state in states.items():
            _check_state(name, state)
        for name, targets in successors(states).items():
            if missing := targets - set(states):
                raise UnsupportedError(f"{name} leads to {sorted(missing)}, which is not there")
        if machine["StartAt"] not in states:
            raise UnsupportedError(f"StartAt is {machine['StartAt']}, which is not there")
        return cls(machine["StartAt"], states, machine["TimeoutSeconds"])

    @classmethod
    def load(cls, path: Path) -> "Definition":
        """Read a definition with the template's substitutions: a function's ARN becomes its folder's name."""
        text = path.read_text(encoding="utf-8").replace("${Partition}", "aws")
        return cls.parse(re.sub(r"\$\{(\w+)FunctionArn\}", lambda match: snake_case(match[1]), text))


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def successors(states: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """The states that each state can lead to, by Next, by a rule, by Default or by Catch."""
    found: dict[str, set[str]] = {}
    for name, state in states.items():
        branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
        found[name] = {b[key] for b in branches for key in ("Next", "Default") if key in b}
    return found


def _check_fields(what: str, found: Mapping[str, Any], fields: tuple[set[str], set[str]]) -> None:
    required, optional = fields
    if missing := required - set(found):
        raise UnsupportedError(f"{what} lacks {sorted(missing)}")
    if unknown := set(found) - required - optional:
        raise UnsupportedError(f"{what} has {sorted(unknown)}")


def _check_state(name: str, state: Mapping[str, Any]) -> None:
    kind = state.get("Type", "")
    if kind not in FIELDS:
        raise UnsupportedError(f"{name} is of type {kind!r}")
    required, optional = FIELDS[kind]
    _check_fields(name, state, (required | {"Type"}, optional | {"Comment"}))
    if kind in ("Pass", "Task") and ("Next" in state) == ("End" in state):
        raise UnsupportedError(f"{name} needs either Next or End")
    for rule in state.get("Choices", []):
        _check_fields(f"a rule of {name}", rule, RULE)
    for catcher in state.get("Catch", []):
        _check_fields(f"a catcher of {name}", catcher, CATCHER)
    for retrier in state.get("Retry", []):
        _check_fields(f"a retrier of {name}", retrier, RETRIER)
        whole = [retrier[key] for key in ("IntervalSeconds", "MaxAttempts", "MaxDelaySeconds") if key in retrier]
        if any(type(number) is not int for number in whole):
            raise UnsupportedError(f"a retrier of {name} has {whole}: Retry takes whole numbers only")
    if kind == "Task":
        _check_fields(f"Arguments of {name}", state["Arguments"], ({"FunctionName", "Payload"}, set()))
        if state["Resource"] not in (INVOKE, CALLBACK):
            raise UnsupportedError(f"{name} calls {state['Resource']}")
        if state["Resource"] == INVOKE and type(state["TimeoutSeconds"]) is not int:
            raise UnsupportedError(f"{name} has TimeoutSeconds {state['TimeoutSeconds']!r}")
