"""Where in a file a fault is."""

from __future__ import annotations

import re
from collections.abc import Mapping

PATH = re.compile(r"[A-Za-z_][\w-]*(?:\[\d+\]|\.[\w-]+)*(?=: )")
LAST = re.compile(r"(?:\.[\w-]+|\[\d+\]|^[\w-]+)$")


def with_line(fault: str, lines: Mapping[str, int]) -> str:
    """The fault after its line: that of the part that it names, else of the nearest around it; as it is without one."""
    found = PATH.match(fault)
    path = found[0] if found else ""
    while path and path not in lines:
        path = LAST.sub("", path)
    return f"line {lines[path]}: {fault}" if path else fault
