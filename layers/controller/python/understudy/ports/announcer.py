"""What the controller publishes for programs."""

from typing import Protocol

from understudy.domain.events.event import Event


class Announcer(Protocol):
    """The bus on which the controller tells what it does."""

    def announce(self, event: Event) -> None:
        """Publish one event, source `understudy`. Raises when EventBridge did not take it."""
        ...
