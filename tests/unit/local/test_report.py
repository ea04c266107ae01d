"""The outage is split among the phases without a rest that nobody accounts for."""

import pytest

from local.client import Attempt, Outage
from local.report import REST, Unreportable, split, transition_report, transition_table

STAGES = {
    "noticed_at": 115.0,
    "opened_at": 115.5,
    "fenced_at": 115.6,
    "accepted_at": 116.0,
    "granted_at": 116.1,
    "in_service_at": 117.0,
    "in_sync_at": 119.0,
    "closed_at": 119.2,
}
HISTORY = {
    "sk": "history#00000002",
    "action": "failover",
    "rule": "active-silent",
    "why": "it is silent",
    "proof": "LEASE_EXPIRED",
    "outcome": "IN_SERVICE",
    "stages": STAGES,
}


def test_the_shares_of_the_phases_add_up_to_the_outage():
    parts = split(STAGES, began=100.0, outage=(100.2, 120.0))
    assert sum(part.of_outage_s for part in parts) == pytest.approx(19.8)
    assert {part.phase: round(part.of_outage_s, 2) for part in parts} == {
        "noticed": 14.8,
        "opened": 0.5,
        "fenced": 0.1,
        "record accepted": 0.4,
        "lease granted": 0.1,
        "service in service": 0.9,
        REST: 3.0,
    }


def test_what_came_before_the_outage_or_never_has_no_share_in_it():
    parts = split({"opened_at": 99.0, "granted_at": 101.5}, began=98.0, outage=(101.0, 102.0))
    shares = {part.phase: part.of_outage_s for part in parts if part.of_outage_s}
    assert shares == {"lease granted": 0.5, REST: 0.5}


def test_a_transition_is_reported_with_its_decision():
    first = Attempt(at=0.0, ended=0.1, wall=100.0, address="", node="node-a", error="")
    report = transition_report(HISTORY, 100.0, Outage(0.2, 20.0, "node-a", "node-b", 90), [first])
    assert report["outage_s"] == 19.8
    assert report["decision"]["rule"] == "active-silent"
    assert report["decision"]["epoch"] == 2
    assert report["afterwards"][0] == {"phase": "in sync", "at_s": 19.0}
    assert transition_table("Failover", report)


def test_a_history_without_its_stages_is_no_report():
    first = Attempt(at=0.0, ended=0.1, wall=100.0, address="", node="node-a", error="")
    with pytest.raises(Unreportable, match="opened_at, granted_at, closed_at"):
        transition_report(HISTORY | {"stages": {}}, 100.0, Outage(0.2, 1.0, "a", "b", 1), [first])
