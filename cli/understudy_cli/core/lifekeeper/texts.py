"""The texts that are written: the definition, and each node's file for the agent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from understudy_cli.core.lifekeeper.imported import TABLE_UNSAID, Imported, Node

BEGINS = "# Made by understudy import from what LifeKeeper printed. findings.txt says what it could not take."


def definition_text(made: Imported) -> str:
    """The definition, for `understudy put`."""
    lines = [BEGINS, "nodes:"]
    lines += [f"  - {_flow(_node(made, each))}" for each in made.nodes]
    lines += ["addresses:", *(f"  - {_flow(each)}" for each in made.addresses)]
    if made.sections:
        lines.append("services:")
        lines += [
            f"  - {_flow({'name': each.name, **({'depends_on': list(each.needs)} if each.needs else {})})}"
            for each in made.sections
        ]
    settings = made.settings
    parts: list[tuple[str, Mapping[str, object]]] = [("policy", settings.policy), ("quorum", settings.quorum)]
    lines += [f"{name}: {_flow(part)}" for name, part in [*parts, ("tuning", settings.tuning)] if part]
    return "\n".join(lines) + "\n"


def _node(made: Imported, node: Node) -> dict[str, object]:
    instance = node.instance_id
    which = {"instance_id": instance} if instance else {"instance": {"tag": f"{made.given.cluster}/{node.name}"}}
    role = {"role": "witness"} if node.priority is None else {"priority": node.priority}
    return {"name": node.name, **which, **role}


def _flow(value: object) -> str:
    """The value as YAML on one line. A string is quoted as JSON does it, which YAML reads alike."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return json.dumps(value)


def agent_text(made: Imported, node: Node) -> str:
    """The agent's file of one node, /etc/understudy/agent.ini."""
    return "\n".join(_agent_lines(made, node)) + "\n"


def _agent_lines(made: Imported, node: Node) -> Iterator[str]:
    yield BEGINS
    yield f"# For {node.machine}: /etc/understudy/agent.ini. Look at it with: understudy-agent check"
    yield "[agent]"
    yield f"cluster = {made.given.cluster}"
    if node.priority is None:
        yield "role = witness"
    yield f"table = {made.given.table or TABLE_UNSAID}"
    yield f"bus = {made.given.bus}"
    if node.priority is None:
        return
    for each in made.sections:
        yield ""
        yield f"[service {each.name}]"
        yield from (f"{key} = {value}" for key, value in each.keys.items())
        if each.needs:
            yield f"depends_on = {', '.join(each.needs)}"
