"""Documents are found: docs/README.md leads to each."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINES_LIMIT = 12


def test_the_list_of_what_to_read_names_every_document_and_stays_short():
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(([a-z-]+(?:\.ja)?\.md)\)", text))
    assert sorted({path.name for path in DOCS.glob("*.md")} - {"README.md"} - named) == []
    assert len([line for line in text.splitlines() if line.startswith("- ")]) <= LINES_LIMIT
