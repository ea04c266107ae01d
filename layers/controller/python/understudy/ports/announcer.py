"""What the controller publishes for programs."""

from collections.abc import Mapping
from typing import Any, Protocol


class Announcer(Protocol):
    """The bus on which the controller tells what it does."""

    def announce(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Publish one event, source `understudy`. Raises when EventBridge did not take it."""
        ...
