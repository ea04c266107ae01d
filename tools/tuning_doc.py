"""Prints the table of tunables into the page about them."""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from understudy.domain.cluster.tuning import LIMITS, Tuning

HEAD = "| key | default | allowed | meaning |\n|---|---|---|---|\n"


def tuning_doc(root: Path) -> str:
    """The page, with the table as the code has it. Raises ValueError when there is no such table to put it into."""
    text = (root / "docs" / "tuning.md").read_text(encoding="utf-8")
    before, head, rest = text.partition(HEAD)
    if not head:
        raise ValueError("docs/tuning.md has no table of tunables; allowed: one with the columns key to meaning")
    _, blank, after = rest.partition("\n\n")
    return before + head + "\n".join(map(_row, fields(Tuning))) + blank + after


def _row(tunable: Field[Any]) -> str:
    least, most = LIMITS[tunable.name]
    allowed = f"{least} to {most} {tunable.metadata['unit']}".rstrip()
    return f"| `{tunable.name}` | {tunable.default} | {allowed} | {tunable.metadata['meaning']} |"
