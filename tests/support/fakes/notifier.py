"""The way to people, in memory."""

from tests.support.fakes.faults import Faulty
from understudy.domain.errors import NotSentError


class FakeNotifier(Faulty):
    """Keeps every message as (subject, text), oldest first. Refuses the subjects that SNS refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []

    def send(self, subject: str, text: str) -> None:
        """As Notifier.send."""
        with self._called("send"):
            if not subject or len(subject) > 99 or not subject.isascii() or not subject.isprintable():
                raise NotSentError(f"InvalidParameter: Subject {subject!r}")
            self.sent.append((subject, text))
