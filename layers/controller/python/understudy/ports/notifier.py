"""What the controller sends to people."""

from collections.abc import Mapping
from typing import Any, Protocol


class Notifier(Protocol):
    """The way to the people who run the stack."""

    def send(self, subject: str, text: str, *, data: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        """Hand in one message: `text` for people's eyes, `data` for programs, `labels` to choose messages by.

        `subject`: ASCII, one line, at most 99 characters. Raises when it was not taken.
        """
        ...
