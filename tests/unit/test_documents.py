"""What all documents have in common: links lead on, tables are tables, commands exist."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from markdown_it import MarkdownIt

from tests.unit.test_house_rules import MACHINE_PATH

ROOT = Path(__file__).resolve().parents[2]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
NAMED_IN_CODE = re.compile(r"\bdocs/([\w/-]+\.md)(?:#([\w-]+))?")
COMMAND = re.compile(r"\baws ([a-z0-9]+) ([a-z0-9-]+)((?:\\\n|[^|`\n;)])*)")
OPTION = re.compile(r"(?<=\s)--([a-z][a-z0-9-]*)")
OF_THE_CLI = {"query", "output", "region", "profile", "max-items", "no-paginate"}
MADE_BY_THE_CLI = {("s3", "cp"), ("cloudformation", "deploy")}
"""Commands that are no operation of a service."""
RENAMED_BY_THE_CLI = {("send-task-success", "task-output")}
"""--output is the CLI's own, so an operation's member of that name is called otherwise there."""
SCREEN = 160
"""How many characters of source a row of a table may have: what fits on a screen."""


def of_the_project(*patterns: str) -> list[Path]:
    """The files of the project that fit one of git's patterns."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def documents() -> list[Path]:
    """Every Markdown file that belongs to the project."""
    return of_the_project("*.md")


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- the commands in the guides ----------------------------------------------------------------


@cache
def session() -> Any:
    return botocore.session.get_session()


@cache
def operations_of(service: str) -> Mapping[str, Any]:
    model = session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def commands() -> list[tuple[Path, str, str, tuple[str, ...]]]:
    """(document, service, operation, options) of every AWS command in all documents."""
    return [
        (path, service, operation, tuple(OPTION.findall(rest)))
        for path in documents()
        for service, operation, rest in COMMAND.findall(path.read_text(encoding="utf-8"))
        if (service, operation) not in MADE_BY_THE_CLI
    ]


def test_every_aws_command_exists_with_its_options():
    found, faults = commands(), []
    assert len(found) > 30
    for path, service, operation, options in found:
        known = operations_of(service).get(operation)
        if known is None:
            faults.append(f"{path.name}: aws {service} has no {operation}")
            continue
        allowed = {xform_name(name, "-") for name in known.input_shape.members} | OF_THE_CLI
        faults += [
            f"{path.name}: aws {service} {operation} has no --{option}"
            for option in options
            if option not in allowed
            and option.removeprefix("no-") not in allowed
            and (operation, option) not in RENAMED_BY_THE_CLI
        ]
    assert faults == []


# --- all documents -----------------------------------------------------------------------------


def links() -> list[tuple[Path, str]]:
    found = [
        (path, link) for path in documents() for link in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8")))
    ]
    return [(path, link) for path, link in found if not re.match(r"[a-z]+:", link)]


def test_every_relative_link_leads_to_a_file_and_a_heading():
    assert links()
    faults = []
    for path, link in links():
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            faults.append(f"{path.relative_to(ROOT)}: {link} leads nowhere")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            faults.append(f"{path.relative_to(ROOT)}: {link} names no heading")
    assert faults == []


def named_by_code() -> list[tuple[str, str, str]]:
    """(file, document below docs/, anchor or nothing) wherever code, template or settings name a document."""
    return [
        (path.name, document, anchor)
        for path in of_the_project("*.py", "*.yaml", "*.json", "*.toml", "*.ini", "*.service", "*.sh", "Makefile")
        for document, anchor in NAMED_IN_CODE.findall(path.read_text(encoding="utf-8"))
    ]


def test_every_document_that_code_names_is_there_with_its_heading():
    found = named_by_code()
    assert ("template.yaml", "on-call.md", "") in found
    faults = [
        (name, document, anchor)
        for name, document, anchor in found
        if not (ROOT / "docs" / document).is_file() or (anchor and anchor not in anchors(ROOT / "docs" / document))
    ]
    assert faults == []


# --- tables ------------------------------------------------------------------------------------


def cells(row: str) -> int:
    """How many cells a row of a table has. A bar within code splits it, too, unless a backslash stands before it."""
    return len(re.findall(r"(?<!\\)\|", row.strip().removeprefix("|").removesuffix("|"))) + 1


def broken_rows(text: str) -> Iterator[str]:
    """Each line of a document that is to be a row of a table, and is not shown as one, or lacks or has too many cells.

    A table ends at a blank line; what follows without a header of its own is shown as text.
    """
    lines = text.splitlines()
    shown: set[int] = set()
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.map and token.type in ("table_open", "fence", "code_block"):
            first, end = token.map
            shown.update(range(first, end))
            if token.type == "table_open":
                yield from (each for each in lines[first:end] if cells(each) != cells(lines[first]))
    yield from (line for number, line in enumerate(lines) if line.lstrip().startswith("|") and number not in shown)


TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (TABLE, []),
        (f"1. first\n\n   {TABLE.replace(chr(10), chr(10) + '   ')}", []),
        (f"```\n{TABLE}\n| 3 |\n```\n", []),
        (TABLE + "| a\\|b | 2 |\n", []),
        (TABLE + "\n| 3 | 4 |\n", ["| 3 | 4 |"]),
        (TABLE + "| 3 |\n", ["| 3 |"]),
        (TABLE + "| `a|b` | 2 |\n", ["| `a|b` | 2 |"]),
        ("| a | b |\n| 1 | 2 |\n", ["| a | b |", "| 1 | 2 |"]),
        ("| a | b |\n|---|\n", ["| a | b |", "|---|"]),
    ],
    ids=["whole", "in list", "in code", "escaped", "blank line", "cell lost", "bar in code", "no rule", "short rule"],
)
def test_a_broken_table_is_found(text, broken):
    assert list(broken_rows(text)) == broken


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_table_is_shown_as_a_table(path):
    assert list(broken_rows(path.read_text(encoding="utf-8"))) == []


def wide_rows(path: Path) -> list[str]:
    rows = FENCED.sub("", path.read_text(encoding="utf-8")).splitlines()
    return [row for row in rows if row.lstrip().startswith("|") and len(row) > SCREEN]


def test_no_row_is_wider_than_a_screen():
    by_name = {str(path.relative_to(ROOT)): wide_rows(path) for path in documents()}
    assert {name: rows for name, rows in by_name.items() if rows} == {}


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_path_of_a_machine(path):
    assert MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []
