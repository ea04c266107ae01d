"""Every line of docs/threat-model.md is held by a test that there is."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
TEST = re.compile(r"`((?:\w+/)+test_\w+\.py)::(test_\w+)`")
SECTIONS = {head: body for head, _, body in (part.partition("\n") for part in TEXT.split("\n## ")[1:])}
ENTRY = re.compile(r"\*\*(\w+):\*\* (.+?)((?:\n  - .+)*)", re.DOTALL)
LINES = [
    (section, entry)
    for section, body in SECTIONS.items()
    for part in re.split(r"^- ", body, flags=re.MULTILINE)[1:]
    if (match := ENTRY.fullmatch(part.partition("\n\n")[0].rstrip())) and (entry := match.groups())
]
"""(section, (can/cannot/told, what, tests)) for each entry of a list."""


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(TEXT))))
def test_a_test_that_the_threat_model_names_exists(path, name):
    assert name in names_in(path)


@pytest.mark.parametrize(("section", "entry"), LINES, ids=lambda each: each if isinstance(each, str) else each[1][:60])
def test_whatever_somebody_is_said_not_to_be_able_to_do_is_held_by_a_test(section, entry):
    kind, _, tests = entry
    assert kind in ("can", "cannot", "told")
    assert kind != "cannot" or TEST.search(tests)
    assert not re.sub(r"\n  - ", "", re.sub(TEST, "", tests)), "below an entry are tests and nothing else"


def test_every_entry_of_every_list_was_looked_at():
    assert len(LINES) == len(re.findall(r"^- ", TEXT, flags=re.MULTILINE)) > 50


def test_everybody_with_one_right_is_looked_at():
    assert list(SECTIONS) == [
        "A node's role",
        "A local user on a node",
        "Who may start executions",
        "Who may put parameters",
        "Who may read the keys",
        "Who may write the zone",
        "Who sends UDP on the subnet",
        "Who reaches the agent's HTTP",
        "Who may write the table",
        "Who may put events on the bus",
    ]
    for section in SECTIONS:
        kinds = {entry[0] for each, entry in LINES if each == section}
        assert "cannot" in kinds, section
