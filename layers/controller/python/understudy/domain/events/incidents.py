"""The event for pagers. It is made of the events that people get notices of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.event import Event, EventAction, Severity

SUMMARY_LIMIT = 130
TEXT_LIMIT = 12_000
"""Opsgenie takes descriptions of 15,000 characters."""
PRIORITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "P1",
    Severity.ERROR: "P2",
    Severity.WARNING: "P3",
    Severity.INFO: "P5",
}
"""How bad it is in the words of Opsgenie."""


@dataclass(frozen=True, kw_only=True)
class IncidentChanged(Event):
    """An incident for a pager begins or is over: what another event opens or ends. The two have the same `dedup_key`.
    How to pass it on: [notices.md](notices.md).
    """

    detail_type: ClassVar[str] = "Understudy Incident"
    told_note: ClassVar[str] = "it is made of the events that people get notices of"

    cluster: str | None  # null: it is about the whole stack
    event_action: EventAction
    dedup_key: Annotated[str, {"pattern": "^[A-Za-z0-9._:-]{1,255}$"}]
    severity: Severity
    priority: Annotated[str, {"enum": sorted(PRIORITIES.values())}]  # the severity in the words of Opsgenie
    summary: Annotated[str, {"maxLength": SUMMARY_LIMIT}]
    service: str  # stack and cluster
    text: Annotated[str, {"maxLength": TEXT_LIMIT}]  # the notice
    runbook: str | None  # where the notice's runbook goes on
    event: str  # the detail-type of the other event
    event_id: str

    @classmethod
    def example(cls) -> Self:
        """A person is called."""
        return cls(
            cluster="orders-db",
            event_action=EventAction.TRIGGER,
            dedup_key="123456789012:eu-central-1:understudy:orders-db:rule.no-fit-candidate",
            severity=Severity.CRITICAL,
            priority=PRIORITIES[Severity.CRITICAL],
            summary="[understudy] orders-db: you are needed (no-fit-candidate)",
            service="understudy/orders-db",
            text="Understudy, stack understudy, ...",
            runbook="docs/on-call.md#no-fit-candidate",
            event=OperatorCalled.detail_type,
            event_id="4f3c1f0e-6f5c-4a8e-9d0a-6b1f2c3d4e5f",
        )
