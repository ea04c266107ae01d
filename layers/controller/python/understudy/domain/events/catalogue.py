"""Every event there is, for whoever reads the bus and for the documents. What only publishes one imports its module."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from understudy.domain.events import (
    addresses,
    alerts,
    approvals,
    definitions,
    drills,
    incidents,
    nodes,
    operators,
    transitions,
)
from understudy.domain.events.event import Event
from understudy.domain.events.reading import mapping, word

MODULES = (transitions, alerts, operators, definitions, addresses, nodes, approvals, drills, incidents)


def _events(module: ModuleType) -> Iterator[type[Event]]:
    """The events that a module defines, in its order."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Event) and value.__module__ == module.__name__:
            yield value


EVENTS: tuple[type[Event], ...] = tuple(event for module in MODULES for event in _events(module))
SHAPES: Mapping[str, tuple[type[Event], ...]] = {
    kind: tuple(each for each in EVENTS if each.detail_type == kind)
    for kind in dict.fromkeys(each.detail_type for each in EVENTS)
}
"""By detail-type. Most have one shape."""


def read_event(event: Mapping[str, Any]) -> Event | None:
    """The event that came over the bus; None for a type that is not known here, which a newer version may send.

    Never raises for what an event says, and believes nothing of it (`Event.read`).
    """
    shapes, detail = SHAPES.get(word(event.get("detail-type")), ()), mapping(event.get("detail"))
    return next((shape.read(detail) for shape in shapes if shape.is_meant(detail)), None)


def has_words(event: type[Event]) -> bool:
    """Whether people get a notice of it, at least sometimes."""
    return event.words is not Event.words


def has_concern(event: type[Event]) -> bool:
    """Whether it opens or ends an incident, at least sometimes."""
    return event.concern is not Event.concern
