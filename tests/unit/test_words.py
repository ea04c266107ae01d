"""One word for one thing: a name is one class, words that were replaced stay away, requirements are named by tests."""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.unit.test_house_rules import EVERYWHERE, ROOT, modules

PACKAGES = (ROOT / "layers/controller/python/understudy", ROOT / "agent/understudy_agent")
CODE = (*EVERYWHERE, ROOT / "bench")

REPLACED = {
    "Allowance": "a deadline",
    "Beside": "a helper",
    "DrillMaster": "a drill scheduler",
    "Ears": "the observer's confidence",
    "Inspector": "a readiness check",
    "Lone": "no standby",
    "Polite": "a client that tries again",
    "Post": "a worker, or the UDP transport",
    "Purse": "a rate budget",
    "Rehearser": "a rehearsal",
    "Serving": "a server",
    "ShareBook": "the store of rate budgets",
    "Standing": "a record's status, or the view of a lease",
    "Wish": "a desired record",
    "Word": "an answer about a lease",
    "_own_up": "mark unmoved",
    "ailments": "health gauges",
    "crew": "shards",
    "door": "a link, or a proxy",
    "few_and_short": "truncated",
    "guilty": "rejected members",
    "hand_in": "submit",
    "holding_still": "if_no_newer_beat_of",
    "listens": "the observer's confidence",
    "lone": "no standby",
    "mend": "fix, repair or restore",
    "moved_not": "not moved",
    "outlasting": "exceeds the execution's limit",
    "polite_route53": "the retries of Route 53",
    "post": "the UDP transport",
    "put_left": "save",
    "putting": "submission, or revision",
    "swept_parameters": "the listing of parameters",
    "taken_in": "ingested",
    "telling": "publish, report or notify",
}
"""Identifiers that are not to come back, with what is said instead."""

REPLACED_STILL_THERE = {
    "Beside",  # the fixture of a test that runs beside an agent
    "listens",  # a module of the agent, about sockets that listen
    "lone",  # an attribute of the state item: older releases read it
}
"""Those that the code still has, with the reason. One that has gone must leave this list."""

ROW = r"(?:S(?:1[0-8]|[1-9])|B(?:1\d|2[0-5]|[1-9]))"
NAMES_A_ROW = re.compile(rf"\((?:rows? )?{ROW}\b|\brows? {ROW}\b|\b(?!S3\b){ROW}\b")
"""S3 by itself is a service of AWS."""
ROWS_BELONG_IN = ("tests/", "docs/traceability.md")


def classes() -> dict[str, list[str]]:
    """Where each class of controller and agent is defined."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return dict(found)


def identifiers(path: Path) -> Iterator[str]:
    """Every name that a module defines or uses, and its own."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for field in ("name", "id", "attr", "arg", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value.rpartition(".")[2]


def replaced_words() -> dict[str, list[str]]:
    """Where each word is still an identifier that was to be replaced."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in modules(*CODE):
        for word in REPLACED.keys() & {*identifiers(path)}:
            found[word].append(str(path.relative_to(ROOT)))
    return dict(found)


def rows_by_file() -> dict[str, list[str]]:
    """The lines that name a row of the requirements, by file, where none belongs."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found = {}
    for name in listed:
        path = ROOT / name
        if name.startswith(ROWS_BELONG_IN) or path.suffix not in {".py", ".md", ".yaml", ".toml"} or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found[name] = [f"{name}:{number}" for number, line in enumerate(lines, 1) if NAMES_A_ROW.search(line)]
    return {name: lines for name, lines in found.items() if lines}


def test_no_two_classes_of_controller_and_agent_have_one_name():
    twice = {name: places for name, places in classes().items() if len(places) > 1}
    assert twice == {}


def test_a_word_that_was_replaced_does_not_come_back():
    found = replaced_words()
    back = {f"{word}: say {REPLACED[word]}": found[word] for word in found if word not in REPLACED_STILL_THERE}
    assert back == {}
    assert sorted(REPLACED_STILL_THERE - found.keys()) == [], "gone: take it out of REPLACED_STILL_THERE"


def test_rows_of_the_requirements_are_named_beside_tests_and_nowhere_else():
    found = rows_by_file()
    assert [line for lines in found.values() for line in lines] == []


def test_a_row_is_told_from_a_service_of_aws_and_from_a_longer_name():
    assert [
        text for text in ("(B4)", "(S3, B1)", "row S3", "(rows S1", "B12 is", "S18.") if not NAMES_A_ROW.search(text)
    ] == []
    assert [text for text in ("to S3 and", "B26", "S19", "S100", "SHA1", "us-east-1") if NAMES_A_ROW.search(text)] == []
