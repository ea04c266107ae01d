"""Documents are found and can be read: docs/README.md leads to each, and no row of a table is wider than a screen."""

import re
from pathlib import Path

import pytest

from tests.unit.test_documents import FENCED, documents

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINES_LIMIT = 12
SCREEN = 160

WIDE_STILL = {
    "agent/README.md",
    "docs/cost.md",
    "docs/decision-table.md",
    "docs/operations.md",
    "docs/readiness.md",
    "docs/reliability.md",
    "docs/scale.md",
    "docs/simulation.md",
    "statemachine/README.md",
}
"""Documents with a row that is wider than a screen. One that has none by now must leave this list."""


def test_the_list_of_what_to_read_names_every_document_and_stays_short():
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(([a-z-]+\.md)\)", text))
    assert sorted({path.name for path in DOCS.glob("*.md")} - {"README.md"} - named) == []
    assert len([line for line in text.splitlines() if line.startswith("- ")]) <= LINES_LIMIT


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_row_of_a_table_is_wider_than_a_screen(path):
    lines = FENCED.sub("", path.read_text(encoding="utf-8")).splitlines()
    wide = [line[:60] for line in lines if line.startswith("|") and len(line) > SCREEN]
    if str(path.relative_to(ROOT)) in WIDE_STILL:
        assert wide, "none is wide any more: take it out of WIDE_STILL"
    else:
        assert wide == []
