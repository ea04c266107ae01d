"""Old and new code side by side on one table: neither destroys what the other has written, and none acts on a guess."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import CLUSTER, NODE_A, NODE_B, NOW, a_beat, a_definition, a_moving_state, a_state
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.values import Item, from_item, to_attribute
from understudy.domain.cluster.errors import LedgerConflictError, NewerFormatError
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.state import ClusterState, PowerReading, Stage
from understudy.domain.lease.terms import terms_of
from understudy.domain.observe.signal import AlarmSignal, FaultSignal, PowerSignal
from understudy.ports.ledger import Refusal

KEY = {"pk": {"S": CLUSTER}, "sk": {"S": "state"}}
FIRST: Item = {
    **KEY,
    "kind": {"S": "cluster"},
    "revision": {"N": "7"},
    "epoch": {"N": "1"},
    "definition_version": {"N": "1"},
    "active": {"S": NODE_A},
    "terms": {
        "M": {
            "heartbeat_interval_s": {"N": "4"},
            "lease_read_interval_s": {"N": "2"},
            "lease_s": {"N": "12"},
            "kill_limit_s": {"N": "1"},
            "silence_limit_s": {"N": "15"},
        }
    },
    "address": {"M": {"status": {"S": "IN_SYNC"}, "epoch": {"N": "1"}, "change_ids": {"L": [{"S": "C1"}]}}},
    "nodes": {
        "M": {
            NODE_A: {
                "M": {
                    "name": {"S": "node-a"},
                    "beat": {"N": "86400000"},
                    "heard_at": {"N": str(NOW)},
                    "boot": {"S": "aaaaaaaa"},
                    "service": {"S": "IN_SERVICE"},
                    "keeps_lease": {"BOOL": True},
                    "read_epoch": {"N": "1"},
                    "agent": {"S": "0.1.0"},
                    "alarms": {"M": {}},
                }
            },
            NODE_B: {
                "M": {
                    "name": {"S": "node-b"},
                    "beat": {"N": "0"},
                    "boot": {"S": ""},
                    "service": {"S": "OUT_OF_SERVICE"},
                    "keeps_lease": {"BOOL": False},
                    "read_epoch": {"N": "0"},
                    "agent": {"S": ""},
                    "alarms": {"M": {}},
                }
            },
        }
    },
}
"""A state item as the first build of the controller wrote it, recorded."""


class Table:
    """The table with one raw state item, and the ledger on it."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name
        self.ledger = DynamoDbLedger(client, name)

    def put(self, item: Item) -> None:
        self._client.put_item(TableName=self._name, Item=item)

    def add(self, path: str, value: Any) -> None:
        """What newer code has written beside ours."""
        names = {f"#{number}": word for number, word in enumerate(path.split("."))}
        self._client.update_item(
            TableName=self._name,
            Key=KEY,
            UpdateExpression=f"SET {'.'.join(names)} = :value",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":value": to_attribute(value)},
        )

    @property
    def item(self) -> dict[str, Any]:
        return from_item(self._client.get_item(TableName=self._name, Key=KEY)["Item"])

    def state(self) -> ClusterState:
        state = self.ledger.read(CLUSTER)
        assert state is not None
        return state


@pytest.fixture
def there(dynamodb: Any, table: str) -> Table:
    return Table(dynamodb, table)


# --- new code, old items -----------------------------------------------------------------------


def test_a_state_of_the_first_build_is_read_with_the_timings_that_it_lacks(there):
    there.put(FIRST)
    state = there.state()
    assert state.terms == replace(terms_of(Policy()), promise_s=0)
    assert (state.active, state.epoch, state.nodes[NODE_A].heard_at) == (NODE_A, 1, NOW)


def test_beats_for_a_state_of_the_first_build_are_recorded_and_mend_it(there):  # S11
    """Before: every UpdateItem failed until the definition was put again, and the cluster was unprotected."""
    there.put(FIRST)
    recorded = there.ledger.record_beat(a_beat())
    assert not isinstance(recorded, Refusal)
    assert (recorded.nodes[NODE_A].heard_at, recorded.nodes[NODE_A].due_by) == (NOW + 4, NOW + 13)
    assert there.item["terms"]["hearing_s"] == 9
    assert there.ledger.record_beat(a_beat(NODE_B)) == there.state()


def test_a_write_that_dynamodb_refuses_for_another_reason_is_not_tried_again(there):
    there.put({**FIRST, "terms": {"M": {**FIRST["terms"]["M"], "hearing_s": {"S": "nine"}}}})
    with pytest.raises(Exception, match="ValidationException"):
        there.ledger.record_beat(a_beat())


def test_a_state_of_the_first_build_can_be_moved_and_carries_its_format_from_then_on(there):
    there.put(FIRST)
    before = there.state()
    assert "v" not in there.item
    there.ledger.commit(before, replace(before, epoch=2), history={2: {"rule": "operator-asked"}})
    assert (there.item["v"], there.item["epoch"], there.state().epoch) == (1, 2, 2)


# --- old code, newer items ---------------------------------------------------------------------


def a_newer_item(there: Table) -> ClusterState:
    """A state under an open transition, to which newer code has added a word in every place."""
    there.ledger.register(None, a_moving_state(), a_definition())
    for path in ("colour", "terms.colour", "transition.colour", "previous.colour", f"nodes.{NODE_A}.colour"):
        there.add(path, "green")
    return there.state()


def test_what_newer_code_has_added_survives_a_step_of_older_code(there):
    state = a_newer_item(there)
    stage = replace(state.transition, stage=Stage.MOVING, deadline_at=NOW + 500)
    there.ledger.commit(state, replace(state, transition=stage, terms=replace(state.terms, lease_s=13)))
    there.ledger.record_beat(a_beat())
    item = there.item
    assert [item["colour"], *(item[each]["colour"] for each in ("terms", "transition", "previous"))] == ["green"] * 4
    assert item["nodes"][NODE_A]["colour"] == "green"
    assert (item["transition"]["stage"], item["terms"]["lease_s"]) == ("MOVING", 13)


def test_what_newer_code_said_of_an_old_transition_is_not_said_of_a_new_one(there):
    state = a_newer_item(there)
    newer = replace(state.transition, opened_at=NOW + 100, execution="another")
    there.ledger.commit(state, replace(state, epoch=3, transition=newer, previous=None))
    assert "colour" not in there.item["transition"]
    assert there.item["terms"]["colour"] == "green"
    there.ledger.commit(there.state(), replace(there.state(), transition=None))
    assert "transition" not in there.item


def test_a_state_of_a_newer_format_is_not_read(there):  # B3
    there.ledger.register(None, a_state(), a_definition())
    there.add("v", 2)
    with pytest.raises(NewerFormatError, match="orders-db: the state has format 2; known: up to 1"):
        there.ledger.read(CLUSTER)


def test_a_state_of_a_newer_format_is_not_written(there):  # B3
    there.ledger.register(None, a_state(), a_definition())
    before = there.state()
    there.add("v", 2)
    was = there.item
    signals = (
        PowerSignal(NODE_A, PowerReading.STOPPED, NOW),
        AlarmSignal(NODE_A, "down", on=True, at=NOW),
        FaultSignal(NODE_A, "gone", 1),
    )
    refused = [there.ledger.record_beat(a_beat()), *(there.ledger.record_signal(CLUSTER, each) for each in signals)]
    assert refused == [Refusal("newer_format")] * 4
    for history in (None, {2: {"rule": "operator-asked"}}):
        with pytest.raises(LedgerConflictError):
            there.ledger.commit(before, replace(before, epoch=2), history=history)
    assert there.item == was
