"""The page about tunables: its table is the code's, its text is whoever wrote it."""

from pathlib import Path

import pytest

from tools.tuning_doc import tuning_doc

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")


def page(folder: Path, text: str) -> Path:
    (folder / "docs").mkdir()
    (folder / "docs" / "tuning.md").write_text(text, encoding="utf-8")
    return folder


def test_a_table_that_says_something_else_is_printed_anew_and_the_text_around_it_stays(tmp_path):
    stale = PAGE.replace("| 10 | 1 to 86400 s |", "| 11 | 1 to 5 s |")
    assert stale != PAGE
    assert tuning_doc(page(tmp_path, stale)) == PAGE


def test_a_page_without_the_table_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no table of tunables"):
        tuning_doc(page(tmp_path, "# The tunables"))
