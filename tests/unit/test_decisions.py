"""The decisions: each has a number, a title, a status with a date, and a line in the list."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/adr"
DECISIONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
STATUS = re.compile(r"\*\*Status\.\*\* (Accepted|Superseded), (\d{1,2} [A-Z][a-z]+ \d{4})\.")
LISTED = re.compile(r"^- \[(\d{4})\]\(([^)]+)\) (.+) \(([^()]+)\)$", re.MULTILINE)


def title_of(path: Path) -> str:
    found = re.match(r"# (\d{4}) (.+)\n\n", path.read_text(encoding="utf-8"))
    assert found and path.name.startswith(f"{found[1]}-"), f"{path.name}: the first line is `# NUMBER TITLE`"
    return found[2]


def status_of(path: Path) -> tuple[str, str]:
    line = path.read_text(encoding="utf-8").splitlines()[2]
    found = STATUS.match(line)
    assert found, f"{path.name}: {line!r}; the third line is `**Status.** Accepted, 30 November 2026.`"
    return found[1], found[2]


def shown(path: Path) -> str:
    """As the list has it: the date alone, unless it was replaced."""
    word, when = status_of(path)
    return when if word == "Accepted" else f"superseded, {when}"


def day(text: str) -> date:
    return datetime.strptime(text, "%d %B %Y").replace(tzinfo=UTC).date()


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_every_decision_says_what_became_of_it_and_when(path):
    _, when = status_of(path)
    assert day("1 November 2026") <= day(when)


def test_the_list_has_every_decision_once_with_its_title_and_its_status():
    listed = LISTED.findall((FOLDER / "README.md").read_text(encoding="utf-8"))
    assert len(DECISIONS) > 50
    assert listed == [(path.name[:4], path.name, title_of(path), shown(path)) for path in DECISIONS]


def test_no_number_is_given_twice():
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(set(numbers)) == len(numbers)
