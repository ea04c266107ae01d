"""A notice: what a person reads at three in the morning. How it is laid out, and how words from outside get into it.

Names, reasons and faults come from definitions, zones, EC2 and exceptions. Whoever wrote them must not be able to add a
line, a heading or a link that works to what the controller says: each is one short line of printable text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.quoting import plain, quoted

SUBJECT_LIMIT = 99
"""SNS takes subjects of less than 100 characters, without line breaks or control characters."""
WORD_LIMIT = 300
LINES_LIMIT = 12
UNKNOWN = "unknown"
LOOK = "Not known from this event: us_state of the runbook shows it."


@dataclass(frozen=True)
class Words:
    """What an event means to a person. `section`: where the runbook goes on, a heading's anchor."""

    headline: str
    happened: tuple[str, ...]
    serving: tuple[str, ...]
    todo: tuple[str, ...]
    section: str


@dataclass(frozen=True)
class Notice:
    """A message for people: `subject` is ASCII, one line and short, `text` many lines, made of `words`.

    `runbook`: the address of the section where it goes on.
    """

    subject: str
    text: str
    words: Words
    runbook: str


def compose(words: Words, stack: str, at: str, runbook: str) -> Notice:
    """The notice of a stack about what happened `at` (ISO time); `runbook` is the address of docs/on-call.md."""
    subject = plain(f"[{stack}] {words.headline}", SUBJECT_LIMIT)
    section = f"{runbook}#{words.section}"
    parts = [
        f"Understudy, stack {stack}, {at} (UTC)",
        _part("What happened", words.happened),
        _part("What is in service", words.serving),
        _part("What to do", words.todo),
        f"Runbook: {section}",
    ]
    return Notice(subject.encode("ascii", "replace").decode("ascii"), "\n\n".join(parts) + "\n", words, section)


def _part(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{title}:", *(f"  - {line}" for line in lines)])


def word(value: Any, limit: int = WORD_LIMIT) -> str:
    """A value from outside within a sentence: one line, short, and no link that could be clicked on."""
    if value is None or value == "":
        return UNKNOWN
    text = value if isinstance(value, str) else quoted(value)
    return plain(text.replace("://", ": //"), limit)


def words(value: Any) -> tuple[str, ...]:
    """The entries of a list from outside, the first of them; none of what is no list."""
    entries = list(value) if isinstance(value, list | tuple) else []
    left = len(entries) - LINES_LIMIT
    return (*map(word, entries[:LINES_LIMIT]), *([f"and {left} more"] if left > 0 else []))


def part(value: Any, key: str) -> Mapping[str, Any]:
    """The mapping under a key of what should be one; empty when either is none."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def parts(value: Any, key: str) -> tuple[Mapping[str, Any], ...]:
    """The mappings in the list under a key; the first of them."""
    found = value.get(key) if isinstance(value, Mapping) else None
    entries = found if isinstance(found, list | tuple) else ()
    return tuple(each for each in entries if isinstance(each, Mapping))[:LINES_LIMIT]


def cluster_of(detail: Mapping[str, Any]) -> str:
    """The cluster that an event is about."""
    return word(detail.get("cluster"), 40)
