"""The start of transitions."""

from collections.abc import Mapping
from typing import Any, Protocol


class Launcher(Protocol):
    """Step Functions as the controller sees it."""

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        """Start an execution of this name; False when one of that name has been started before. Other faults raise."""
        ...
