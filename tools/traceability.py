"""Maps the rows of the requirements to the tests that prove them, by the comments beside the tests."""

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill

ROW = re.compile(r"[SB][1-9]\d?(?!\d)")
ROW_COMMENT = re.compile(rf"#\s*({ROW.pattern}(?:[ ,]+{ROW.pattern})*)(?:[:. ].*)?")

RECORDED = " †"
WIDTH = 120

HEAD = """<!-- Printed from the comments beside the tests by `make docs`. Do not edit. -->

# Which test proves which behaviour

S-rows are behaviours of the system that Understudy replaces, B-rows go beyond it. A test that names a row proves a
part of it; a row that no test names is **not proved yet**. A file of tests is named with how many of its tests name
the row. This prints the comments that name one, each beside its test:

    grep -rnE -A3 '# .*\\b{example}\\b' tests

Tests under `e2e` run on a deployed stack on the embedded AWS. † marks tests against recorded shapes of the real API,
where the emulators answer otherwise or not at all: they prove what the adapter makes of such an answer.

{proved} of {all} rows are named by a test.{not_yet}
"""


def requirements(root: Path) -> dict[str, str]:
    """What each row of the requirements demands."""
    with (root / "tests/requirements.toml").open("rb") as file:
        return tomllib.load(file)


def traceability(root: Path) -> str:
    """The whole document, from the tests under `root`."""
    rows, found = requirements(root), rows_by_test(root)
    missing = [row for row in rows if row not in found]
    head = HEAD.format(
        example=next(iter(rows)),
        proved=len(rows) - len(missing),
        all=len(rows),
        not_yet=f" Not proved yet: {', '.join(missing)}." if missing else "",
    )
    return head + "".join(_section(row, behaviour, found.get(row, [])) for row, behaviour in rows.items())


def rows_by_test(root: Path) -> dict[str, list[str]]:
    """The tests, as file::name, that name each row."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name, rows in _named_rows(path.read_text(encoding="utf-8")):
            for row in rows:
                found[row].append(f"{path.relative_to(root / 'tests').as_posix()}::{name}")
    return dict(found)


def rows_named_in(comment: str) -> list[str]:
    """The rows that a comment names, when it begins with one."""
    match = ROW_COMMENT.fullmatch(comment)
    return ROW.findall(match[1]) if match else []


def _named_rows(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each test with the rows of the comments on its `def` lines and directly above it or its decorators."""
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        first = min([node.lineno, *[each.lineno for each in node.decorator_list]])
        lines = list(range(node.lineno, node.body[0].lineno))
        for start in {first, node.lineno}:
            line = start - 1
            while line in comments and not comments[line].line[: comments[line].start[1]].strip():
                lines.append(line)
                line -= 1
        texts = [comments[line].string for line in sorted(set(lines)) if line in comments]
        rows = [row for text in texts for row in rows_named_in(text)]
        if rows:
            yield node.name + (RECORDED if _is_recorded(node) else ""), list(dict.fromkeys(rows))


def _is_recorded(test: ast.AST) -> bool:
    """Whether a test is answered by botocore's stubber, and not by an emulator."""
    names = {each.arg for each in ast.walk(test) if isinstance(each, ast.arg)}
    names |= {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
    return bool(names & {"stubber", "Stubber"})


def _section(row: str, behaviour: str, tests: list[str]) -> str:
    """A row's heading, what it demands, and for each folder of tests the files that prove it."""
    by_folder: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for test in tests:
        path, name = test.split("::")
        folder, _, file = path.partition("/")
        by_folder[folder][file].append(name)
    lines = [_line(folder, files) for folder, files in sorted(by_folder.items())] or ["*Not proved yet.*"]
    return "\n".join(["", f"## {row}", "", behaviour, "", *lines, ""])


def _line(folder: str, files: Mapping[str, list[str]]) -> str:
    shown = [
        f"`{file}` {len(names)}{RECORDED * any(name.endswith(RECORDED) for name in names)}"
        for file, names in files.items()
    ]
    return fill(f"- {folder}: {', '.join(shown)}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
