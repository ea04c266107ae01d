"""The bus on which the controller tells what it does, in memory."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.fakes.faults import Faulty
from tools.event_catalogue import EVENTS

SHAPES = {kind: Draft202012Validator(event.schema) for kind, event in EVENTS.items()}


def held_to_its_shape(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Fail when an event is not as docs/events.md says, or is not in it. What goes over the bus is JSON, so that is
    what is looked at."""
    assert detail_type in SHAPES, f"{detail_type} is not in tools/event_catalogue.py"
    SHAPES[detail_type].validate(json.loads(json.dumps(detail)))


class FakeAnnouncer(Faulty):
    """Keeps every event as (detail type, detail), oldest first. Each is held to its shape, in every test there is."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def announce(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """As Announcer.announce."""
        held_to_its_shape(detail_type, detail)
        with self._called("announce"):
            self.events.append((detail_type, dict(detail)))

    def details(self, detail_type: str) -> list[Mapping[str, Any]]:
        """What has been announced under one detail type."""
        return [detail for kind, detail in self.events if kind == detail_type]
