"""What an event opens or ends for a pager: which incident, how bad it is, and whether it is over.

An incident is known by its key. Whatever ends it carries the key of what opened it; two clusters, two rules, two stacks
never share one. The key is made of characters that mean nothing in JSON, in a URL's path or in a chat.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.domain.cluster.quoting import quoted
from understudy.domain.notices.layout import Notice, cluster_of, part, word, words

Detail = Mapping[str, Any]
SAFE = re.compile(r"[A-Za-z0-9._-]{1,48}")
"""Five such parts are less than the 255 characters that PagerDuty takes."""
TEXT_LIMIT = 12_000
"""Opsgenie takes descriptions of 15,000 characters."""


class Severity(StrEnum):
    """How bad it is, in the words of PagerDuty."""

    CRITICAL = "critical"  # clients are not served, or nothing goes on without a person
    ERROR = "error"  # the next failure will be an outage, or an address leads elsewhere
    WARNING = "warning"  # to be looked at in the day
    INFO = "info"  # it is over


PRIORITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "P1",
    Severity.ERROR: "P2",
    Severity.WARNING: "P3",
    Severity.INFO: "P5",
}
"""The same in the words of Opsgenie."""


class EventAction(StrEnum):
    """What a pager is to do, in the words of PagerDuty."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Concern:
    """`about`: what an event is about within its cluster. `severity`: None when that is over."""

    about: str
    severity: Severity | None

    @property
    def action(self) -> EventAction:
        """Whether it begins or is over."""
        return EventAction.TRIGGER if self.severity else EventAction.RESOLVE


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
    kind, detail = word(event.get("detail-type"), 60), part(event, "detail")
    concern_of = CONCERNS.get(kind, _unknown)
    concern = concern_of(detail) if concern_of else None
    if concern is None:
        return None
    cluster = cluster_of(detail) if detail.get("cluster") else ""
    about = concern.about if CONCERNS.get(kind) else f"event.{_safe(kind.replace(' ', '-'))}"
    places = (event.get("account"), event.get("region"), stack, detail.get("cluster"))
    key = ":".join([*map(_safe, places), about])
    severity = concern.severity or Severity.INFO
    event_id = word(event["id"], 60) if event.get("id") else ""
    return Incident(key, concern.action, severity, stack, cluster, about, kind, event_id)


def pager_detail(incident: Incident, notice: Notice | None) -> dict[str, Any]:
    """The detail of the event `Understudy Incident`; `notice` None when people are told nothing."""
    over = f"[{incident.stack}] {incident.cluster}: over ({incident.about})"
    return {
        "cluster": incident.cluster or None,
        "event_action": str(incident.action),
        "dedup_key": incident.key,
        "severity": str(incident.severity),
        "priority": PRIORITIES[incident.severity],
        "summary": notice.subject if notice else word(over, 130),
        "service": incident.service,
        "text": notice.text[:TEXT_LIMIT] if notice else word(over),
        "runbook": notice.runbook if notice else None,
        "event": incident.event,
        "event_id": incident.event_id,
    }


def _safe(value: Any) -> str:
    """A part of a key: as it is, or a digest of it when it is not plain; empty for nothing."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else quoted(value)
    is_plain = isinstance(value, str) and SAFE.fullmatch(text)
    return text if is_plain else "x" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]


def _always(about: str, severity: Severity) -> Callable[[Detail], Concern]:
    return lambda detail: Concern(about, severity)


def _over(about: str) -> Callable[[Detail], Concern]:
    return lambda detail: Concern(about, None)


def _while(about: str, key: str, severity: Severity) -> Callable[[Detail], Concern]:
    """It lasts as long as there is something under the key."""
    return lambda detail: Concern(about, severity if detail.get(key) else None)


def _unknown(detail: Detail) -> Concern:
    return Concern("", Severity.WARNING)


def _closed(detail: Detail) -> Concern:
    """Each end of a move says how the last one ended: one that ended well ends what those before it have opened."""
    outcome, reasons = word(detail.get("outcome"), 40), words(detail.get("reasons"))
    if outcome == "IN_SERVICE":
        return Concern("move", None)
    if outcome == "BROKEN":
        return Concern("move", Severity.ERROR)
    is_elsewhere = reasons == ("NOT_ON_THE_REQUESTED_NODE",)
    return Concern("move", Severity.WARNING if outcome == "DEGRADED" and is_elsewhere else Severity.CRITICAL)


def _called(detail: Detail) -> Concern:
    return Concern(f"rule.{_safe(detail.get('rule'))}", Severity.CRITICAL)


def _alert_over(detail: Detail) -> Concern:
    return Concern(_called(detail).about, None)


def _node(detail: Detail) -> Concern:
    return Concern(f"node.{_safe(detail.get('node'))}", Severity.WARNING if detail.get("fault") else None)


def _drill(detail: Detail) -> Concern:
    went_well = detail.get("outcome") == "PASSED" and detail.get("within") is not False
    return Concern("drill", None if went_well else Severity.WARNING)


CONCERNS: Mapping[str, Callable[[Detail], Concern] | None] = {
    "Understudy Transition Opened": None,
    "Understudy Transition Closed": _closed,
    "Understudy Operator Called": _called,
    "Understudy Alert Over": _alert_over,
    "Understudy Cluster Degraded": _while("no-standby", "fault", Severity.ERROR),
    "Understudy Silence Doubted": _while("silence", "clusters", Severity.CRITICAL),
    "Understudy Failed Start Cleared": None,
    "Understudy Cluster Held": None,
    "Understudy Cluster Resumed": None,
    "Understudy Definition Accepted": _over("definition"),
    "Understudy Definition Refused": _always("definition", Severity.WARNING),
    "Understudy Definition Put Off": _always("definition", Severity.WARNING),
    "Understudy Tuning Accepted": _over("tuning"),
    "Understudy Tuning Refused": _always("tuning", Severity.WARNING),
    "Understudy Record Drifted": _always("move", Severity.WARNING),  # a move puts it right, and ends it
    "Understudy Record Guarded": _always("record", Severity.ERROR),
    "Understudy Record Obstructed": _always("record", Severity.ERROR),
    "Understudy Address Changed": _always("move", Severity.WARNING),
    "Understudy Node Changed": _node,
    "Understudy Peers Degraded": _while("peers", "faults", Severity.WARNING),
    "Understudy Readiness Failed": _always("readiness", Severity.ERROR),
    "Understudy Approval Asked": _always("approval", Severity.CRITICAL),
    "Understudy Approval Ended": _over("approval"),
    "Understudy Drill Finished": _drill,
    "Understudy Rehearsal Finished": None,
    "Understudy Epoch Lifted": _always("epoch", Severity.ERROR),
    "Understudy State Too New": _always("format", Severity.CRITICAL),
    "Understudy Incident": None,
}
"""What each event opens or ends; None for one that is only for the record."""
