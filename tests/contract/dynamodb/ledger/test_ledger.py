"""What only the adapter can get wrong: the number of calls, paging, the shape of items, faults of DynamoDB."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.builders import CLUSTER, NODE_A, NOW, a_beat, a_definition, a_moving_state, a_state
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.domain.cluster.errors import LedgerConflictError, NewerFormatError
from understudy.domain.cluster.state import ClusterState, PowerReading
from understudy.domain.observe.signal import AlarmSignal, PowerSignal
from understudy.ports.ledger import NOT_A_MEMBER, STALE


@pytest.fixture
def ledger(dynamodb, table):
    ledger = DynamoDbLedger(dynamodb, table)
    ledger.register(None, a_state(), a_definition())
    return ledger


@pytest.fixture
def calls(dynamodb):
    """The operations called, in order."""
    names: list[str] = []

    def note(model: Any, **_: Any) -> None:
        names.append(model.name)

    dynamodb.meta.events.register("before-call.dynamodb", note)
    yield names
    dynamodb.meta.events.unregister("before-call.dynamodb", note)


@pytest.fixture
def faults(dynamodb):
    """Codes that DynamoDB is to answer the next UpdateItem calls with, instead of doing anything."""
    codes: list[str] = []

    def answer(**_: Any) -> tuple[Any, dict[str, Any]] | None:
        if not codes:
            return None
        response = type("Response", (), {"status_code": 400})()
        return response, {"Error": {"Code": codes.pop(0), "Message": "put in by a test"}, "ResponseMetadata": {}}

    dynamodb.meta.events.register_first("before-call.dynamodb.UpdateItem", answer)
    yield codes
    dynamodb.meta.events.unregister("before-call.dynamodb.UpdateItem", answer)


def test_recording_costs_one_call_also_when_it_is_refused(ledger, calls):  # B9
    assert isinstance(ledger.record_beat(a_beat()), ClusterState)
    assert ledger.record_beat(a_beat()) is STALE
    assert ledger.record_beat(a_beat(instance_id="i-0ddddddddddddddd4")) is NOT_A_MEMBER
    ledger.record_signal(CLUSTER, PowerSignal(NODE_A, PowerReading.STOPPED, NOW))
    ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, "disk", True, NOW))
    assert calls == ["UpdateItem"] * 5


def test_a_commit_costs_one_call_and_a_transaction_only_when_history_is_given(ledger, calls):
    before = ledger.read(CLUSTER)
    middle = ledger.commit(before, a_moving_state(), if_no_newer_beat_of=NODE_A)
    ledger.commit(middle, before, history={2: {"outcome": "IN_SERVICE"}})
    assert calls == ["GetItem", "UpdateItem", "TransactWriteItems"]


def test_a_definition_is_read_once(ledger, calls):
    assert ledger.definition(CLUSTER, 1) is ledger.definition(CLUSTER, 1)
    assert calls == ["GetItem"]


def test_every_cluster_is_found_however_many_pages_they_fill(dynamodb, table, ledger, calls):
    filler = "x" * 300_000
    names = [f"cluster-{number:02d}" for number in range(8)]
    for name in names:
        item = {"pk": {"S": name}, "sk": {"S": "state"}, "kind": {"S": "cluster"}, "filler": {"S": filler}}
        dynamodb.put_item(TableName=table, Item=item)
    calls.clear()
    assert list(ledger.clusters()) == [*names, CLUSTER]
    assert set(calls) == {"Query"}


def test_the_state_item_has_the_shape_that_agents_read(dynamodb, table, ledger):
    ledger.commit(ledger.read(CLUSTER), a_moving_state())
    key = {"pk": {"S": CLUSTER}, "sk": {"S": "state"}}
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    assert item["kind"] == {"S": "cluster"}
    assert "active" not in item
    assert item["epoch"] == {"N": "2"}
    assert item["terms"]["M"]["lease_s"] == {"N": "12"}
    node = item["nodes"]["M"][NODE_A]["M"]
    assert (node["beat"], node["heard_at"]) == ({"N": "86400000"}, {"N": str(NOW)})
    assert (node["service"], node["keeps_lease"]) == ({"S": "IN_SERVICE"}, {"BOOL": True})
    assert item["previous"]["M"]["node"] == {"S": NODE_A}
    assert "proof" not in item["previous"]["M"]
    assert item["transition"]["M"]["stage"] == {"S": "FENCING"}


def test_items_of_a_newer_and_of_an_older_version_are_read(dynamodb, table, ledger):
    for sk, expression in (
        ("state", "SET #new = :new"),
        ("definition#00000001", "SET #definition.#new = :new REMOVE #definition.tuning"),
    ):
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": CLUSTER}, "sk": {"S": sk}},
            UpdateExpression=expression,
            ExpressionAttributeNames={
                "#new": "from-the-future",
                **({"#definition": "definition"} if "#definition" in expression else {}),
            },
            ExpressionAttributeValues={":new": {"S": "x"}},
        )
    assert ledger.read(CLUSTER) == a_state(revision=1)
    assert ledger.definition(CLUSTER, 1) == a_definition()


def test_a_beat_that_meets_a_transaction_is_tried_again_after_a_pause_and_is_not_lost(dynamodb, table, ledger, faults):
    pauses_s, chances = [], iter([0.0, 0.5, 1.0, 0.25])
    patient = DynamoDbLedger(dynamodb, table, pauses_s.append, lambda: next(chances))
    faults.extend(["TransactionConflictException"] * 4)
    assert isinstance(patient.record_beat(a_beat()), ClusterState)
    assert pauses_s == pytest.approx([0.02, 0.035, 0.05, 0.0275])


def test_a_beat_is_not_tried_for_ever(ledger, faults):
    faults.extend(["TransactionConflictException"] * 9)
    with pytest.raises(ClientError):
        ledger.record_beat(a_beat())
    assert len(faults) == 4


def test_a_commit_that_meets_a_transaction_has_lost_the_race(ledger, faults):
    before = ledger.read(CLUSTER)
    faults.append("TransactionConflictException")
    with pytest.raises(LedgerConflictError):
        ledger.commit(before, replace(before, alert="told"))
    assert ledger.read(CLUSTER) == before


def test_a_fault_of_dynamodb_is_no_lost_race(ledger, faults):
    before = ledger.read(CLUSTER)
    faults.extend(["AccessDeniedException"] * 2)
    with pytest.raises(ClientError, match="AccessDenied"):
        ledger.commit(before, replace(before, alert="told"))
    with pytest.raises(ClientError, match="AccessDenied"):
        ledger.record_beat(a_beat())


def test_a_fault_of_dynamodb_in_a_transaction_is_no_lost_race_either(dynamodb):
    nowhere = DynamoDbLedger(dynamodb, "no-such-table")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        nowhere.register(None, a_state(), a_definition())


def test_many_clusters_are_read_in_one_call_for_states_and_one_for_definitions_that_are_not_kept(ledger, calls):  # B12
    ledger.register(None, a_state(cluster="invoices-db"), a_definition(cluster="invoices-db", records=()))
    calls.clear()
    found = ledger.read_states([CLUSTER, "invoices-db", "nobody"])
    assert {name: state.cluster for name, (state, _) in found.items()} == {name: name for name in found}
    assert sorted(found) == ["invoices-db", CLUSTER]
    assert calls == ["BatchGetItem", "BatchGetItem"]
    ledger.read_states([CLUSTER, "invoices-db"])
    assert calls == ["BatchGetItem"] * 3


def test_of_many_clusters_one_that_makes_no_sense_does_not_hide_the_others(ledger, dynamodb, table):  # B8
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "broken"}, "sk": {"S": "state"}})
    newer = {"pk": {"S": "newer"}, "sk": {"S": "state"}, "v": {"N": "99"}}
    dynamodb.put_item(TableName=table, Item=newer)
    ledger.register(None, a_state(cluster="lost-db"), a_definition(cluster="lost-db", records=()))
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "lost-db"}, "sk": {"S": "definition#00000001"}})
    found = ledger.read_states([CLUSTER, "broken", "newer", "lost-db"])
    assert isinstance(found["newer"], NewerFormatError)
    assert isinstance(found["lost-db"], KeyError)
    assert isinstance(found["broken"], Exception)
    assert found[CLUSTER] == (ledger.read(CLUSTER), a_definition())


def test_of_each_cluster_one_definition_is_kept_however_often_it_is_registered(ledger):  # B12
    state = ledger.read(CLUSTER)
    for version in range(2, 6):
        after = replace(state, definition_version=version)
        ledger.register(state, after, a_definition(version=version))
        state = ledger.read_states([CLUSTER])[CLUSTER][0]
    assert len(ledger._definitions._kept) == 1
