"""The lines of `/etc/default/LifeKeeper`."""

from __future__ import annotations

import re
from dataclasses import dataclass

ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)")
BARE_EXPORT = re.compile(r"export(\s+[A-Za-z_]\w*)+")
QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Defaults:
    """`values`: of each key, the last line counts. `unread`: lines that set nothing, each after its place."""

    values: dict[str, str]
    unread: list[tuple[str, str]]


def read_defaults(text: str, of: str = "") -> Defaults:
    """Understand `KEY=value` with comments, quotes and `export`, as a shell would. `of`: the name of the file."""
    values: dict[str, str] = {}
    unread = []
    for number, line in enumerate(text[1:].splitlines() if text[:1] == BYTE_ORDER_MARK else text.splitlines(), 1):
        line = line.strip()
        found = ASSIGNMENT.fullmatch(line)
        if found:
            values[found[1]] = _bare(found[2])
        elif line and not line.startswith("#") and not BARE_EXPORT.fullmatch(line):
            unread.append((f"{of}, line {number}", line))
    return Defaults(values, unread)


def _bare(value: str) -> str:
    """Without its quotes, or without the comment after it."""
    found = QUOTED.fullmatch(value)
    return found[2] if found else re.sub(r"\s+#.*", "", value).strip()


def merged_defaults(files: list[Defaults]) -> tuple[Defaults, list[str]]:
    """The parameters of all nodes as one, the first file's word first, and the keys that differ."""
    values: dict[str, str] = {}
    for each in files:
        values = {**each.values, **values}
    differing = [key for key in values if any(each.values.get(key) != values[key] for each in files)]
    return Defaults(values, [line for each in files for line in each.unread]), differing
