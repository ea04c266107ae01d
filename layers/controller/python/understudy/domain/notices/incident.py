"""What an event opens or ends for a pager: which incident, how bad it is, and whether it is over.

An incident is known by its key. Whatever ends it carries the key of what opened it; two clusters, two rules, two stacks
never share one. The key is made of characters that mean nothing in JSON, in a URL's path or in a chat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from understudy.domain.events.catalogue import read_event
from understudy.domain.events.event import Concern, EventAction, Severity
from understudy.domain.events.incidents import PRIORITIES, SUMMARY_LIMIT, TEXT_LIMIT, IncidentChanged
from understudy.domain.events.reading import cluster_of, key_part, mapping, word
from understudy.domain.notices.notice import Notice


@dataclass(frozen=True)
class Incident:
    """What a pager is told. `service`: stack and cluster. `cluster`: empty when it is about the whole stack."""

    key: str
    action: EventAction
    severity: Severity
    stack: str
    cluster: str
    about: str
    event: str
    event_id: str

    @property
    def service(self) -> str:
        """Whose incident it is, for people."""
        return f"{self.stack}/{self.cluster}" if self.cluster else self.stack


def incident_of(event: Mapping[str, Any], stack: str) -> Incident | None:
    """The incident that an event of the stack's bus opens or ends; None when it does neither.

    An event of a type that is not known here, which a newer version may send, opens one. Never raises for what an event
    says.
    """
    known, kind, detail = read_event(event), word(event.get("detail-type"), 60), mapping(event.get("detail"))
    concern = known.concern() if known else Concern(f"event.{key_part(kind.replace(' ', '-'))}", Severity.WARNING)
    if concern is None:
        return None
    return Incident(
        key=":".join([*map(key_part, _places(event, stack, detail)), concern.about]),
        action=concern.action,
        severity=concern.severity or Severity.INFO,
        stack=stack,
        cluster=cluster_of(detail["cluster"]) if detail.get("cluster") else "",
        about=concern.about,
        event=kind,
        event_id=word(event["id"], 60) if event.get("id") else "",
    )


def _places(event: Mapping[str, Any], stack: str, detail: Mapping[str, Any]) -> tuple[Any, ...]:
    return (event.get("account"), event.get("region"), stack, detail.get("cluster"))


def for_pagers(incident: Incident, notice: Notice | None) -> IncidentChanged:
    """The event that tells pagers of an incident; `notice` None when people are told nothing."""
    over = f"[{incident.stack}] {incident.cluster}: over ({incident.about})"
    return IncidentChanged(
        cluster=incident.cluster or None,
        event_action=incident.action,
        dedup_key=incident.key,
        severity=incident.severity,
        priority=PRIORITIES[incident.severity],
        summary=notice.subject if notice else word(over, SUMMARY_LIMIT),
        service=incident.service,
        text=notice.text[:TEXT_LIMIT] if notice else word(over),
        runbook=notice.runbook if notice else None,
        event=incident.event,
        event_id=incident.event_id,
    )
