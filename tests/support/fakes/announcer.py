"""The bus on which the controller tells what it does, in memory."""

from collections.abc import Mapping
from typing import Any

from tests.support.fakes.faults import Faulty


class FakeAnnouncer(Faulty):
    """Keeps every event as (detail type, detail), oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def announce(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """As Announcer.announce."""
        with self._called("announce"):
            self.events.append((detail_type, dict(detail)))

    def details(self, detail_type: str) -> list[Mapping[str, Any]]:
        """What has been announced under one detail type."""
        return [detail for kind, detail in self.events if kind == detail_type]
