"""A notice: what a person reads at three in the morning, and how it is laid out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.cluster.quoting import plain
from understudy.domain.events.catalogue import read_event
from understudy.domain.events.event import Words
from understudy.domain.events.reading import LINES_LIMIT, cluster_of, mapping, word
from understudy.domain.events.transitions import LOOK

SUBJECT_LIMIT = 99
"""SNS takes subjects of less than 100 characters, without line breaks or control characters."""


@dataclass(frozen=True)
class Notice:
    """A message for people: `subject` is ASCII, one line and short, `text` many lines, made of `words`.

    `runbook`: the address of the section where it goes on.
    """

    subject: str
    text: str
    words: Words
    runbook: str


def notice_of(event: Mapping[str, Any], stack: str, runbook: str) -> Notice | None:
    """The notice about an event of the stack's bus; None when nobody is to be told.

    An event of a type that is not known here, which a newer version may send, is told as it is. Never raises for what
    an event says.
    """
    known = read_event(event)
    said = known.words() if known else _unknown(word(event.get("detail-type")), mapping(event.get("detail")))
    return compose(said, stack, word(event.get("time"), 40), runbook) if said else None


def _unknown(kind: str, detail: Mapping[str, Any]) -> Words:
    told = tuple(f"{word(key, 60)}: {word(detail[key])}" for key in list(detail)[:LINES_LIMIT])
    headline = f"{cluster_of(detail.get('cluster'))}: {word(kind, 60)}"
    return Words(headline, told, (LOOK,), ("Look the event up.",), "notices")


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
