"""The way to people, in memory."""

from collections.abc import Mapping
from typing import Any

from tests.support.fakes.faults import Faulty
from understudy.domain.cluster.errors import NotSentError


class FakeNotifier(Faulty):
    """Keeps every message as (subject, text), and what programs get of it as (data, labels), oldest first.

    Refuses the subjects that SNS refuses.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.for_programs: list[tuple[Mapping[str, Any], Mapping[str, str]]] = []

    def send(self, subject: str, text: str, *, data: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        """As Notifier.send."""
        with self._called("send"):
            if not subject or len(subject) > 99 or not subject.isascii() or not subject.isprintable():
                raise NotSentError(f"InvalidParameter: Subject {subject!r}")
            self.sent.append((subject, text))
            self.for_programs.append((data, labels))
