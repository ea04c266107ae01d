"""Tell people of an event of the controller, in words (B8)."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.notices import notice_of
from understudy.ports import Notifier

log = logging.getLogger(__name__)


class NotifyOutcome(StrEnum):
    """What became of an event."""

    SENT = "SENT"
    QUIET = "QUIET"  # it is for the record only


def notify_operator(event: Mapping[str, Any], *, notifier: Notifier, stack: str, runbook: str) -> NotifyOutcome:
    """Send the notice about one event of the stack's bus, if people are to be told of it.

    Raises NotSentError when it could not be sent: Lambda tries again, and what fails in the end is kept in the
    dead-letter queue. An event that is delivered twice is told twice.
    """
    notice = notice_of(event, stack, runbook)
    if notice is None:
        return NotifyOutcome.QUIET
    notifier.send(notice.subject, notice.text)
    log.info("notice sent", extra={"subject": notice.subject})
    return NotifyOutcome.SENT
