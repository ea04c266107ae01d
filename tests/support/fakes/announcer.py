"""The bus on which the controller tells what it does, in memory."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.fakes.faults import Faulty
from tools.event_schema import detail_schema
from understudy.domain.events.catalogue import SHAPES
from understudy.domain.events.event import Event

VALIDATORS = {kind: Draft202012Validator(detail_schema(shapes)) for kind, shapes in SHAPES.items()}


def held_to_its_shape(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Fail when a detail is not as docs/events.schema.json says. What goes over the bus is JSON, so that is what is
    looked at."""
    VALIDATORS[detail_type].validate(json.loads(json.dumps(detail)))


class FakeAnnouncer(Faulty):
    """Keeps every event as (detail type, detail), oldest first. Each is held to its shape, in every test there is."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def announce(self, event: Event) -> None:
        """As Announcer.announce."""
        detail = event.detail()
        held_to_its_shape(event.detail_type, detail)
        with self._called("announce"):
            self.events.append((event.detail_type, detail))

    def details(self, kind: type[Event]) -> list[Mapping[str, Any]]:
        """What has been published of one type."""
        return [detail for detail_type, detail in self.events if detail_type == kind.detail_type]
