"""statemachine/README.md says what the definition says."""

import json
from collections.abc import Iterator
from typing import Any

from tests.template import cfn

FOLDER = cfn.ROOT / "statemachine"
STATES: dict[str, dict[str, Any]] = json.loads((FOLDER / "transition.asl.json").read_text(encoding="utf-8"))["States"]
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def points() -> list[str]:
    return [f"- **{name}** ({state['Type']}): {state['Comment']}" for name, state in STATES.items()]


def outcome(rule: dict[str, Any]) -> str:
    said = str(rule["Condition"]).split("'")
    return said[1] if len(said) > 1 else "the controller asked"


def edges() -> Iterator[str]:
    """Choices are drawn as the arrows out of their task. What breaks is left out: every task could."""
    for name, state in STATES.items():
        if state["Type"] == "Choice":
            by_target: dict[str, list[str]] = {}
            for rule in state["Choices"]:
                by_target.setdefault(rule["Next"], []).append(outcome(rule))
            for target, outcomes in by_target.items():
                yield f"    {name.removeprefix('After')} --> {target}: {', '.join(outcomes)}"
            if state["Default"] != "UnknownOutcome":
                yield f"    {name} --> {state['Default']}: anything else"
        elif "Next" in state and not state["Next"].startswith("After"):
            yield f"    {name} --> {state['Next']}"


def between(start: str, end: str) -> list[str]:
    return README.split(start, 1)[1].split(end, 1)[0].strip("\n").splitlines()


def test_the_readme_says_what_every_state_is_for():
    listed = "\n".join(between("What each state is for:\n", "\n\n")).replace("\n  ", " ")
    assert listed.splitlines() == points()


def test_the_diagram_draws_every_arrow():
    drawn = [line for line in between("```mermaid", "```") if "-->" in line and "[*]" not in line]
    assert drawn == list(edges())
