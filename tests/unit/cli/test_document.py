"""docs/command-line.md, held to the commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from understudy_cli.__main__ import cli
from understudy_cli.core import exits

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]
COMMAND = re.compile(r"`understudy ([^`]+)`|^(?: {4,}|    \$ )understudy ([^|#\n]+)", re.MULTILINE)


def examples() -> list[str]:
    """Every command that a page tells people to type."""
    texts = [re.sub(r"\\\n *", "", each.read_text(encoding="utf-8")) for each in PAGES]
    found = {" ".join((one or other).split()) for text in texts for one, other in COMMAND.findall(text)}
    return sorted(each for each in found if " " in each and "=" not in each.partition(" ")[0])


def test_every_command_has_a_row_and_an_example():  # B23
    commands = TEXT.partition("## Commands")[2].partition("\n## ")[0]
    rows = [each for each in commands.splitlines() if each.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]+)`", row.split("|")[1])}
    assert named == set(cli.commands)
    assert all("`understudy " in each for each in rows)


@pytest.mark.parametrize("example", examples())
def test_every_example_is_understood(example, tmp_path, monkeypatch):  # B23
    """Parsed as the program parses it, in a folder that has a file of each name in it."""
    name, *arguments = shlex.split(example.partition(" > ")[0])
    command = cli.commands[name]
    stands_in = {"EPOCH": "7", **{each: __file__ for each in arguments if "." in each or "/" in each or each == "FILE"}}
    monkeypatch.chdir(tmp_path)
    for before, each in zip(["", *arguments], arguments, strict=False):
        if before != "--into":
            (tmp_path / Path(each).name).touch()
    command.make_context(name, [stands_in.get(each, each) for each in arguments])


def test_every_exit_status_is_said():  # B23
    table = TEXT.partition("## Exit statuses")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (\d) \|", table, re.MULTILINE) == [str(each) for each in exits.MEANINGS]


def test_the_policies_are_said_to_suffice_for_what_they_are_tested_with():  # B23
    from tests.unit.cli.every_command import APPROVER, VIEWER

    rows = dict(re.findall(r"^\| (\w+)PolicyArn \| (.*) \|$", TEXT, re.MULTILINE))
    assert set(re.findall(r"`([a-z]+)`", rows["Viewer"])) == {each[0] for each in VIEWER}
    assert set(re.findall(r"`([a-z]+)`", rows["Approver"])) == {each[0] for each in APPROVER}
