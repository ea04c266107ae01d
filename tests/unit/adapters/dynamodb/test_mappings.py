"""What is stored is read back as it was, whoever stored it."""

from dataclasses import replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
)
from understudy.adapters.dynamodb.expressions import Update
from understudy.adapters.dynamodb.items import definition_item, read_definition, read_state, state_item
from understudy.adapters.dynamodb.maps import from_map, to_map
from understudy.adapters.dynamodb.values import from_attribute, from_item, to_attribute, to_item
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.definition import Definition
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.no_standby import NoStandby
from understudy.domain.cluster.policy import Fencing, Policy
from understudy.domain.cluster.reach import QuorumHosts, Reach
from understudy.domain.cluster.state import Alarm, ClusterState, NodeReport, Proof, Stage

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(PLAIN)
def test_every_plain_value_comes_back(value: Any) -> None:
    assert from_attribute(to_attribute(value)) == value


def test_numbers_are_written_as_dynamodb_wants_them():
    assert to_attribute(12) == {"N": "12"}
    assert to_attribute(True) == {"BOOL": True}
    assert to_attribute(Proof.STOPPED) == {"S": "STOPPED"}
    assert from_attribute({"N": "12.0"}) == 12
    assert isinstance(from_attribute({"N": "12.0"}), int)
    assert from_attribute({"N": "1E+2"}) == 100


def test_what_is_no_plain_value_is_named():
    with pytest.raises(TypeError, match="set"):
        to_attribute({1, 2})


FULL = a_moving_state(
    3,
    revision=9,
    previous=a_previous(proof=Proof.RELEASED),
    transition=a_transition(stage=Stage.STARTING, tried=(NODE_B,), source=None),
    failover_times=(NOW,),
    alert="told",
    node_a=a_report(NODE_A, alarms={"disk #1": Alarm(True, NOW)}, power_at=NOW, power_boot="b", quorum=Reach(2, 3)),
    quorum=QuorumHosts(("192.0.2.53:53",), 1.5),
)


@pytest.mark.parametrize("state", [FULL, a_moving_state(node_b=NodeReport(name="node-b"))])
def test_a_state_comes_back(state):
    assert read_state(state_item(state, state.revision)) == state


def test_every_field_of_a_state_is_committed_or_known_to_be_written_otherwise():
    from understudy.adapters.dynamodb.items import COMMITTED

    assert {*COMMITTED, "cluster", "revision", "nodes"} == set(ClusterState.__dataclass_fields__)


def test_a_definition_comes_back():
    assert read_definition(definition_item(a_definition(3))) == a_definition(3)


def test_old_code_reads_what_newer_code_has_stored_and_the_other_way_round():
    stored = to_map(a_definition())
    stored["colour"] = "green"
    stored["policy"]["witness"] = {"kind": "tcp"}
    stored["nodes"][0]["rack"] = 4
    del stored["tuning"], stored["policy"]["max_failovers"]
    assert from_map(Definition, stored) == a_definition()


def test_an_item_without_what_has_no_default_is_not_guessed():
    with pytest.raises(TypeError, match="records"):
        from_map(Definition, {name: value for name, value in to_map(a_definition()).items() if name != "records"})


def test_a_definition_of_the_first_version_has_its_one_record():
    """As version 0.1.0 has stored it: one `record`, and nodes without an interface."""
    old = to_map(a_definition(), sparse=True)
    old["record"] = {"hosted_zone_id": "Z0EXAMPLE", "name": "orders-db.corp.example.com", "type": "A"}
    del old["records"]
    for node in old["nodes"]:
        del node["interface_id"], node["address_v6"]
    definition = read_definition(to_item({"pk": "orders-db", "sk": "definition#00000001", "definition": old}))
    nodes = tuple(replace(node, interface_id="", address_v6="") for node in a_definition().nodes)
    assert definition == a_definition(nodes=nodes)
    assert definition.leads_to(definition.nodes[0]) == {"orders-db.corp.example.com A Z0EXAMPLE": "10.0.1.10"}


def test_a_definition_that_an_older_version_stored_keeps_its_limit_of_fencing():
    old = to_map(a_definition())
    old["policy"] = {"lease_s": 20, "silence_limit_s": 30, "fence_limit_s": 90, "failback": "manual"}
    definition = read_definition(to_item({"pk": "orders-db", "sk": "definition#00000001", "definition": old}))
    assert definition.policy == Policy(lease_s=20, silence_limit_s=30, fencing=Fencing(limit_s=90))


def test_a_hold_comes_back_as_it_was_written():
    approval = Question("failover", "orders-db-epoch2-1", NOW, NOW + 300, is_no=True)
    hold = Hold(NOW, NOW + 60, "patching")
    state = a_state(hold=hold, preferred_since=NOW, approval=approval, lone=NoStandby(NOW - 400, is_told=True))
    assert read_state(state_item(state, 7)) == state
    assert {"hold", "preferred_since", "approval", "lone"} & set(state_item(a_state(), 7)) == set()


def test_a_state_of_the_first_version_has_its_one_address_and_no_faults():
    item = state_item(a_state(), 7)
    assert set(item["address"]["M"]) == {"status", "epoch", "change_ids"}
    assert "fault" not in item["nodes"]["M"][NODE_A]["M"]
    state = read_state(item)
    assert state == a_state()
    assert state.address is not None
    assert state.address.status_of("orders-db.corp.example.com A Z0EXAMPLE") is AddressStatus.IN_SYNC


def test_a_sparse_map_leaves_out_what_is_at_its_default():
    assert to_map(NodeReport(name="node-a", beat=1), sparse=True) == {"name": "node-a", "beat": 1}
    assert to_map(replace(a_transition(), source=None), sparse=True).keys() & {"source", "tried"} == set()


def test_enums_of_any_kind_are_stored_by_value():
    colour = Enum("colour", {"RED": "red"})
    assert from_item(to_item({"colour": colour.RED})) == {"colour": "red"}


def test_no_name_and_no_value_gets_into_the_text_of_an_update():
    update = Update()
    hostile = "x, active = :value0 REMOVE #epoch"
    update.set("nodes", hostile, "beat", to=hostile)
    update.remove("nodes", "i-0")
    update.require("epoch", equals=1)
    update.require_absent("nodes", hostile)
    arguments = update.arguments()
    assert arguments["UpdateExpression"] == "SET #nodes.#1.#beat = :value0 REMOVE #nodes.#3"
    assert arguments["ConditionExpression"] == "#epoch = :value1 AND attribute_not_exists(#nodes.#1)"
    assert arguments["ExpressionAttributeNames"]["#1"] == hostile
    assert arguments["ExpressionAttributeValues"][":value0"] == {"S": hostile}
