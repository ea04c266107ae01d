"""The stack as a whole is looked at."""

from __future__ import annotations

import pytest

from tests.support.builders import NODE_B, NOW, a_report, a_state
from tests.unit.cli.running import a_stack, document, run
from understudy.adapters.dynamodb.items import unaccepted_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.unaccepted import Unaccepted
from understudy.domain.readiness.table import CHECKS
from understudy_cli import __version__
from understudy_cli.core import doctor

FAILED = {"name": "instances-run", "verdict": "FAIL", "found": "node-b is stopped", "advice": "Start it."}
PEERS = [{"name": name, "verdict": "PASS", "found": "alike"} for name in doctor.PEERS]


def a_well_stack(state=None, checks=(), checked_at=NOW - 60):
    stack = a_stack(state or a_state())
    stack.subscribed = [("ops@example.com", True)]
    stack.alarm_states = {"understudy-DegradedAlarm-1": "OK"}
    stack.outputs = {"Version": __version__}
    report = {"checked_at": checked_at, "checks": [*PEERS, *checks]}
    stack.put({"pk": "orders-db", "sk": "readiness", "report": report})
    return stack


def verdicts(stack):
    told = document(stack, "doctor")
    return told["exit"], {each["name"]: each["verdict"] for each in told["checks"]}


def test_a_stack_that_is_well_has_nothing_to_be_said_about():  # B23
    exit_status, found = verdicts(a_well_stack())
    assert (exit_status, set(found.values())) == (0, {"PASS"})
    assert set(found) == {"notices", "alarms", "texts", "versions", "keys and ports", "clusters", "readiness"}


@pytest.mark.parametrize(
    ("subscribed", "verdict"),
    [([], "FAIL"), ([("ops@example.com", False)], "FAIL"), ([("a", True), ("b", False)], "WARN")],
)
def test_a_notice_that_nobody_gets_is_found(subscribed, verdict):  # B8 B23
    stack = a_well_stack()
    stack.subscribed = subscribed
    assert verdicts(stack)[1]["notices"] == verdict


@pytest.mark.parametrize(("states", "verdict"), [({"understudy-X": "ALARM"}, "FAIL"), ({}, "WARN")])
def test_an_alarm_that_is_on_is_found_and_one_that_is_not_there(states, verdict):  # B8
    stack = a_well_stack()
    stack.alarm_states = states
    assert verdicts(stack)[1]["alarms"] == verdict


def test_a_text_that_is_not_in_force_is_found():  # B2
    stack = a_well_stack()
    stack.put(from_item(unaccepted_item("orders-db", Unaccepted("x 1", ("colour",)))))
    assert verdicts(stack) == (4, {**verdicts(a_well_stack())[1], "texts": "FAIL"})


def test_agents_of_two_versions_are_found():  # B16
    stack = a_well_stack(a_state(node_b=a_report(NODE_B, agent="0.0.9")))
    assert verdicts(stack) == (0, {**verdicts(a_well_stack())[1], "versions": "WARN"})


@pytest.mark.parametrize("outputs", [{"Version": "9.9.9"}, {}])
def test_a_stack_of_another_release_than_the_tool_is_found_and_one_that_does_not_say_it(outputs):  # B23
    stack = a_well_stack()
    stack.outputs = outputs
    assert verdicts(stack)[1]["versions"] == "WARN"


def test_nodes_with_different_keys_are_found_and_those_that_were_never_checked():  # B23
    stack = a_well_stack(checks=[{"name": "keys-alike", "verdict": "WARN", "found": "node-a and node-b differ"}])
    assert verdicts(stack)[1]["keys and ports"] == "WARN"
    assert "WARN  keys and ports  orders-db: node-a and node-b differ" in run(stack, "doctor").output
    del stack.items[("orders-db", "readiness")]
    assert verdicts(stack)[1]["keys and ports"] == "WARN"


def test_the_checks_of_keys_and_ports_are_those_of_the_controller():
    assert set(doctor.PEERS) <= {each.name for each in CHECKS}


def test_a_cluster_that_is_not_well_is_named_with_what_the_status_says():  # S18
    result = run(a_well_stack(a_state(active=None)), "doctor")
    assert result.exit_code == 4
    assert result.output.splitlines()[0] == "FAIL  orders-db       not served: nobody holds the lease"
    assert result.output.splitlines()[-1] == "Something is wrong: orders-db."


def test_a_check_that_failed_is_shown_and_one_that_is_old_is_no_comfort():  # S1
    assert verdicts(a_well_stack(checks=[FAILED]))[1]["readiness of orders-db"] == "FAIL"
    assert verdicts(a_well_stack(checked_at=NOW - 3 * 86_400))[1]["readiness of orders-db"] == "WARN"
