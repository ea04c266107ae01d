"""Which events a person is told of, and in which words. The table says None for those that wake nobody."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from understudy.domain.notices.findings import (
    address_changed,
    definition_put_off,
    definition_refused,
    drifted,
    node_changed,
    peers_degraded,
    readiness_failed,
    silence_doubted,
    tuning_refused,
    withheld,
)
from understudy.domain.notices.layout import LINES_LIMIT, LOOK, Notice, Words, cluster_of, compose, part, word
from understudy.domain.notices.people import approval_asked, approval_ended, drill_finished, epoch_lifted, state_too_new
from understudy.domain.notices.transitions import alert_over, closed, degraded, operator_called

Detail = Mapping[str, Any]


def notice_of(event: Mapping[str, Any], stack: str, runbook: str) -> Notice | None:
    """The notice about an event of the stack's bus; None when nobody is to be told.

    An event of a type that is not known here, which a newer version may send, is told as it is. Never raises for what
    an event says.
    """
    kind, detail = word(event.get("detail-type")), part(event, "detail")
    explain = EXPLAINED.get(kind, partial(_unknown, kind))
    said = explain(detail) if explain else None
    return compose(said, stack, word(event.get("time"), 40), runbook) if said else None


def _unknown(kind: str, detail: Detail) -> Words:
    told = tuple(f"{word(key, 60)}: {word(detail[key])}" for key in list(detail)[:LINES_LIMIT])
    return Words(f"{cluster_of(detail)}: {word(kind, 60)}", told, (LOOK,), ("Look the event up.",), "notices")


Explain = Callable[[Detail], Words | None]
EXPLAINED: Mapping[str, Explain | None] = {
    "Understudy Transition Opened": None,
    "Understudy Transition Closed": closed,
    "Understudy Operator Called": operator_called,
    "Understudy Alert Over": alert_over,
    "Understudy Cluster Degraded": degraded,
    "Understudy Silence Doubted": silence_doubted,
    "Understudy Failed Start Cleared": None,
    "Understudy Cluster Held": None,
    "Understudy Cluster Resumed": None,
    "Understudy Definition Accepted": None,
    "Understudy Definition Refused": definition_refused,
    "Understudy Definition Put Off": definition_put_off,
    "Understudy Tuning Accepted": None,
    "Understudy Tuning Refused": tuning_refused,
    "Understudy Record Drifted": drifted,
    "Understudy Record Guarded": withheld,
    "Understudy Record Obstructed": withheld,
    "Understudy Address Changed": address_changed,
    "Understudy Node Changed": node_changed,
    "Understudy Peers Degraded": peers_degraded,
    "Understudy Readiness Failed": readiness_failed,
    "Understudy Approval Asked": approval_asked,
    "Understudy Approval Ended": approval_ended,
    "Understudy Drill Finished": drill_finished,
    "Understudy Rehearsal Finished": None,
    "Understudy Epoch Lifted": epoch_lifted,
    "Understudy State Too New": state_too_new,
    "Understudy Incident": None,
}
"""The words for each event; None for one that is only for the record."""
