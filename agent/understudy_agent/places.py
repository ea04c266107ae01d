"""In which line of a configuration file a fault is."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADER = re.compile(r"\[(?P<title>.+)\]")
KEY = re.compile(r"(?P<key>[^\s=:#;][^=:]*?)\s*([=:]|$)")
OF_A_FAULT = re.compile(r"(?:warning: )?\[(?P<title>[^\]]+)\](?: (?P<key>\w+))?")
OF_THE_PARSER = re.compile(r"\bline[: ]+(\d+)")
"""As configparser says it of a text that it cannot read."""


def lines_of(text: str) -> dict[tuple[str, str], int]:
    """The line of each key by section and key; of each section by its title and ""."""
    found: dict[tuple[str, str], int] = {}
    title = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            title = header["title"]
            found.setdefault((title, ""), number)
        elif key := KEY.match(line):  # an indented line goes on with the value before it
            found.setdefault((title, key["key"].lower()), number)
    return found


def line_of(fault: str, lines: Mapping[tuple[str, str], int]) -> int:
    """The line of the key that a fault begins with, else of its section; 0: it is about nothing that is there."""
    named = OF_A_FAULT.match(fault)
    if named is None:
        said = OF_THE_PARSER.search(fault)
        return int(said[1]) if said else 0
    title = named["title"]
    return lines.get((title, named["key"] or ""), lines.get((title, ""), 0))
