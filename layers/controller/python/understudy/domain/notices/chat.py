"""A notice as AWS's chat service takes it: a custom notification of Amazon Q Developer in chat applications.

The service drops what has another shape, and says so only in its own log. What a pager needs stands under
`metadata.additionalContext`, the place that the shape leaves to us.
"""

from collections.abc import Iterable
from typing import Any

from understudy.domain.events.incidents import PRIORITIES
from understudy.domain.notices.incident import Incident
from understudy.domain.notices.notice import Notice

DESCRIPTION_LIMIT = 2_800
"""Slack takes 3,000 characters in a block of text."""
MARKUP = str.maketrans({"<": "‹", ">": "›", "@": "＠", "*": "∗", "`": "'"})
"""What would call people together, make a link or forge a heading in a chat, and what it becomes."""


def chat_message(notice: Notice, incident: Incident) -> dict[str, Any]:
    """The custom notification about a notice. What belongs to one incident is one thread."""
    said = notice.words
    happened = [*_under("What happened", said.happened), *_under("What is in service", said.serving)]
    return {
        "version": "1.0",
        "source": "custom",
        **({"id": _plain(incident.event_id)} if incident.event_id else {}),
        "content": {
            "textType": "client-markdown",
            "title": _plain(notice.subject),
            "description": "\n".join(happened)[:DESCRIPTION_LIMIT],
            "nextSteps": [*map(_plain, said.todo), f"Runbook: {notice.runbook}"],
            "keywords": [_plain(each) for each in (incident.stack, incident.cluster, incident.severity) if each],
        },
        "metadata": {
            "threadId": incident.key,
            "summary": _plain(notice.subject),
            "eventType": _plain(incident.event),
            "relatedResources": [_plain(incident.service)],
            "additionalContext": {
                "event_action": str(incident.action),
                "dedup_key": incident.key,
                "severity": str(incident.severity),
                "priority": PRIORITIES[incident.severity],
                "service": _plain(incident.service),
            },
        },
    }


def _under(title: str, lines: Iterable[str]) -> list[str]:
    return [f"*{title}*", *(f"- {_plain(line)}" for line in lines)]


def _plain(text: str) -> str:
    return text.translate(MARKUP).replace("](", "] (")
