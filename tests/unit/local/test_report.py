"""The outage is split among the phases without a rest that nobody accounts for."""

import io

import pytest
from rich.console import Console, RenderableType

from local.client import Attempt, Outage
from local.report import (
    REST,
    Unreportable,
    drift_report,
    drift_table,
    restart_report,
    restart_table,
    split,
    transition_report,
    transition_table,
)

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


GUARD = '"understudy stack=s cluster=c epoch=2 node=node-b"'
DRIFT = {"epoch": 2, "records": [{"record": "db A Z0", "expected": "127.1.2.11", "found": [], "guard": [GUARD]}]}
FOUND = HISTORY | {"drift": DRIFT, "stages": STAGES | {"drifted_at": 112.0}}
REPAIR = HISTORY | {"sk": "history#00000003", "action": "repair", "rule": "address-is-owed"}
FIRST_ATTEMPT = Attempt(at=0.0, ended=0.1, wall=100.0, address="", node="node-b", error="")


def shown(table: RenderableType) -> str:
    written = io.StringIO()
    Console(file=written, width=120).print(table)
    return written.getvalue()


def test_a_record_put_right_is_told_in_the_order_in_which_it_happened_with_the_guards_word():
    report = drift_report(FOUND, REPAIR, 110.0, Outage(11.0, 20.5, "node-b", "node-b", 60), [FIRST_ATTEMPT])
    assert [(phase["phase"], phase["at_s"]) for phase in report["phases"]] == [
        ("the client is led astray", 1.0),
        ("the watch has found it", 2.0),
        ("a new epoch is open", 5.5),
        ("record accepted", 6.0),
        ("in sync", 9.0),
        ("closed", 9.2),
        ("the client is answered again", 10.5),
    ]
    assert (report["outage_s"], report["epoch_before"], report["decision"]["epoch"]) == (9.5, 2, 3)
    told = shown(drift_table(report))
    for fact in ("9.50 s", "db A Z0: found nothing, not 127.1.2.11", GUARD, "address-is-owed", "epoch 2, then 3"):
        assert fact in told


@pytest.mark.parametrize(
    ("found", "repair", "lacking"),
    [
        (HISTORY, REPAIR, "drift None"),
        (FOUND, REPAIR | {"action": "failover"}, "action failover"),
        (FOUND, REPAIR | {"outcome": "DEGRADED"}, "outcome DEGRADED"),
        (FOUND, REPAIR | {"stages": {"opened_at": 1.0}}, "no accepted_at, in_sync_at, closed_at"),
    ],
)
def test_a_repair_that_is_not_the_whole_story_is_no_report(found, repair, lacking):
    with pytest.raises(Unreportable, match=lacking):
        drift_report(found, repair, 110.0, Outage(11.0, 20.5, "node-b", "node-b", 60), [FIRST_ATTEMPT])


def test_a_local_restart_is_told_with_both_processes_and_the_epoch_that_stays():
    times = {"found_dead": 110.2, "in_service": 110.6, "told": 111.5}
    report = restart_report(times, 110.0, Outage(10.0, 10.9, "node-a", "node-a", 5), [FIRST_ATTEMPT])
    assert [phase["at_s"] for phase in report["phases"]] == [0.2, 0.6, 0.9, 1.5]
    told = shown(restart_table(report | {"node": "node-a", "service": "app", "epoch": 7, "processes": [11, 22]}))
    for fact in ("0.90 s", "process 11, then 22, on node-a", "epoch 7 stays"):
        assert fact in told
