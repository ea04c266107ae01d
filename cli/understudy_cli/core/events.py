"""The events that the controller has published, as the logs of its functions have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

from understudy_cli.core.endings import document
from understudy_cli.core.items import Fields
from understudy_cli.core.lines import DIM, HEAD, Line, Span, line
from understudy_cli.core.logs import PUBLISHED
from understudy_cli.core.times import when

SOURCE = "Understudy "


@dataclass(frozen=True)
class LogLine:
    """A line of a log: when it was written (seconds), and its text, which names the call that wrote it."""

    at: float
    text: str


@dataclass(frozen=True)
class Event:
    """An event that the bus took at `at` (seconds). `detail`: docs/events.md, by its type."""

    at: float
    detail_type: str
    cluster: str | None
    detail: Mapping[str, Any]

    def as_line(self, now: float, zone: tzinfo | None = None) -> Line:
        """The event for people: what is said of nothing is left out."""
        kind = self.detail_type[len(SOURCE) :] if self.detail_type.startswith(SOURCE) else self.detail_type
        said = {
            key: value for key, value in self.detail.items() if key != "cluster" and value not in (None, "", [], {})
        }
        facts = " ".join(f"{key}={value}" for key, value in said.items())
        return line(Span(f"{when(self.at, now, zone)}  ", DIM), Span(kind, HEAD), f"  {self.cluster or ''}  ", facts)


def events_of(lines: Iterable[LogLine], cluster: str | None) -> list[Event]:
    """The events among lines of logs, of one cluster or of all, in order of time."""
    found = []
    for each in lines:
        values = Fields(document(each.text))
        if values.text("message") == PUBLISHED:
            detail = values.inside("detail")
            event = Event(each.at, values.text("detail_type"), detail.text("cluster") or None, detail.plain())
            found.append(event)
    return sorted((each for each in found if cluster in (None, each.cluster)), key=lambda each: each.at)


def event_json(event: Event) -> dict[str, Any]:
    """An event for programs: docs/command-line.schema.json, `event`."""
    return asdict(event)
