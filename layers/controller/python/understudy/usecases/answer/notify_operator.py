"""Tell people of an event of the controller, in words, and pagers of the incident that it opens or ends."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.notices.chat import chat_message
from understudy.domain.notices.incident import Incident, for_pagers, incident_of
from understudy.domain.notices.notice import Notice, notice_of
from understudy.ports.announcer import Announcer
from understudy.ports.notifier import Notifier

log = logging.getLogger(__name__)


class NotifyOutcome(StrEnum):
    """What became of an event."""

    SENT = "SENT"
    ENDED = "ENDED"  # nobody is told in words, but the incident that it ends is over for pagers
    QUIET = "QUIET"  # it is for the record only


def notify_operator(
    event: Mapping[str, Any], *, notifier: Notifier, announcer: Announcer, stack: str, runbook: str
) -> NotifyOutcome:
    """Send the notice about one event of the stack's bus, and put its incident on the bus, as far as there are any.

    Both are tried whatever becomes of the other. Raises NotSentError or AnnouncementError when one could not be told:
    Lambda tries again, and what fails in the end is kept in the dead-letter queue. An event that is delivered twice is
    told twice; a pager knows it by the key of its incident.
    """
    notice, incident = notice_of(event, stack, runbook), incident_of(event, stack)
    if incident is None:
        return NotifyOutcome.QUIET
    try:
        if notice:
            _send(notice, incident, notifier)
    finally:
        announcer.announce(for_pagers(incident, notice))
    return NotifyOutcome.SENT if notice else NotifyOutcome.ENDED


def _send(notice: Notice, incident: Incident, notifier: Notifier) -> None:
    labels = {"severity": str(incident.severity), "event_action": str(incident.action)}
    if incident.cluster:
        labels["cluster"] = incident.cluster
    notifier.send(notice.subject, notice.text, data=chat_message(notice, incident), labels=labels)
    log.info("notice sent", extra={"subject": notice.subject})
