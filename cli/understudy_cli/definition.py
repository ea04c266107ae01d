"""Definitions and tunables, read by the controller's own code, where that is installed beside the tool.

It is another package, for a newer Python, and the tool does without it: so it is imported when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from understudy_cli.core import exits
from understudy_cli.core.faults import Fault
from understudy_cli.core.places import with_line

OLDEST = (3, 11)
ELSE = "or submit it: understudy put says every fault as well, and a text with faults changes nothing"


def is_readable() -> bool:
    """Whether the controller's code is here."""
    try:
        controller("understudy.definition")
    except Fault:
        return False
    return True


def definition_faults(text: str) -> list[str]:
    """Every fault of a definition that can be seen without AWS, each with its line. Raises Fault without the code."""
    definition = controller("understudy.definition")
    try:
        definition.parse_document(text)
    except definition.DefinitionError as error:
        return placed(text, error.faults)
    return []


def placed(text: str, faults: Iterable[str]) -> list[str]:
    """Faults of a definition, each with its line; as they are where the code that reads a definition is not here."""
    places = dict(_places(text)) if is_readable() else {}
    return [with_line(each, places) for each in faults]


def tuning_faults(text: str) -> list[str]:
    """Every fault of a text of tunables. Raises Fault without the code."""
    tuning = controller("understudy.domain.cluster.tuning")
    try:
        tuning.parse_lines(text)
    except tuning.BadTuningError as error:
        return [str(each) for each in error.faults]
    return []


def controller(module: str) -> Any:
    """A module of the controller. Raises Fault where this Python cannot run it, or it is not installed."""
    if sys.version_info < OLDEST:
        here = ".".join(map(str, sys.version_info[:2]))
        do = f"pipx install --python python3.11 './cli[validate]'; {ELSE}"
        raise Fault(f"The controller's code needs Python 3.11 or newer, and this is {here}", do, exits.WRONG)
    try:
        return import_module(module)
    except ImportError as missing:
        what = f"The controller's code is not installed beside this tool ({missing.name} is missing)"
        raise Fault(what, f"pipx install './cli[validate]'; {ELSE}", exits.WRONG) from missing


def _places(text: str) -> Iterator[tuple[str, int]]:
    """In which line each part stands, by the paths of faults: `nodes[0].priority`. None of what is no YAML."""
    yaml = controller("yaml")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return
    left = [("", root)]
    while left:
        path, node = left.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = f"{path}.{key.value}" if path else str(key.value)
                yield inner, key.start_mark.line + 1
                left.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                yield f"{path}[{number}]", value.start_mark.line + 1
                left.append((f"{path}[{number}]", value))
