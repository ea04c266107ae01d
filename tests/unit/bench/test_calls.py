"""What a beat and a failover ask of AWS, call by call: the counts that `make bench` prints. No time is checked."""

import json

import pytest

from bench import calls
from local.sam import ROOT

READ, WRITE, NOTE = "dynamodb.GetItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems"
TELL = "events.PutEvents"


@pytest.fixture(scope="module")
def counted():
    return calls.count()


def test_a_beat_costs_one_write_and_a_cold_function_reads_the_definition_once(counted):  # B9
    assert counted["beat_warm"] == {"record_heartbeat": {WRITE: 1}}
    assert counted["beat_cold"] == {"record_heartbeat": {WRITE: 1, READ: 1}}


def test_a_failover_costs_two_reads_and_a_write_of_the_table_for_each_step_and_four_calls_of_route_53(counted):  # B9
    assert counted["failover_warm"] == {
        # The beat that notices, which reads what the request is sealed with, and the one that is in service.
        "record_heartbeat": {READ: 1, WRITE: 2, "states.StartExecution": 1},
        "open_transition": {READ: 3, NOTE: 1, TELL: 1},  # the third: what the seal is looked at with
        "fence_node": {READ: 2, NOTE: 1},
        "move_address": {
            READ: 2,
            NOTE: 1,
            "route53.ListResourceRecordSets": 2,
            "route53.ChangeResourceRecordSets": 1,
        },
        "grant_lease": {READ: 2, NOTE: 1},
        "await_service": {READ: 4, NOTE: 1},  # a look a second while the service starts, and it needs one
        "check_change": {READ: 2, NOTE: 1, "route53.GetChange": 1},
        "close_transition": {READ: 3, NOTE: 1, TELL: 1},  # the history too, for how long each phase took
    }


def test_a_cold_function_reads_the_definition_once_more(counted):
    warm, cold = counted["failover_warm"], counted["failover_cold"]
    assert cold == {
        name: warm[name] if name == "record_heartbeat" else warm[name] | {READ: warm[name][READ] + 1} for name in warm
    }


def test_the_document_shows_these_counts(counted):
    results = ROOT / "bench" / "results" / "counts.json"
    assert json.loads(results.read_text(encoding="utf-8"))["calls"] == counted, (
        "run `make bench-counts performance-docs`"
    )
