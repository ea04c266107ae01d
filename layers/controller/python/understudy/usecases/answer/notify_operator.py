"""Tell people of an event of the controller, in words, and pagers of the incident that it opens or ends (B8)."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.domain.notices.chat import chat_message
from understudy.domain.notices.incident import Incident, incident_of, pager_detail
from understudy.domain.notices.layout import Notice
from understudy.domain.notices.table import notice_of
from understudy.ports.announcer import Announcer
from understudy.ports.notifier import Notifier

INCIDENT = "Understudy Incident"
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
        announcer.announce(INCIDENT, pager_detail(incident, notice))
    return NotifyOutcome.SENT if notice else NotifyOutcome.ENDED


def _send(notice: Notice, incident: Incident, notifier: Notifier) -> None:
    labels = {"severity": str(incident.severity), "event_action": str(incident.action)}
    if incident.cluster:
        labels["cluster"] = incident.cluster
    notifier.send(notice.subject, notice.text, data=chat_message(notice, incident), labels=labels)
    log.info("notice sent", extra={"subject": notice.subject})
