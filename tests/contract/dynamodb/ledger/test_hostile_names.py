"""Whatever stands in a name or a value, the text of an expression stays the same, and only what is meant is written."""

from dataclasses import replace

import pytest

from tests.support.builders import CLUSTER, NODE_A, NOW, SPECS, a_beat, a_definition, a_report, a_state
from tests.unit.usecases.observe.test_hostile_events import HOSTILE, label
from understudy.adapters.dynamodb.beats import beat_update, first_beat_update, signal_update
from understudy.domain.cluster.state import Alarm, ClusterState
from understudy.domain.observe.signal import AlarmSignal, FaultSignal
from understudy.ports.ledger import NOT_A_MEMBER, UNKNOWN_CLUSTER

# Names that the text of an update itself uses, too.
NAMES = [
    *(f"name{number}" for number in range(20)),
    *(str(number) for number in range(20)),
    "nodes",
    "value0",
    "#0",
    "a.b[0]",
    "size",
    "ü ß",
    *(each for each in HOSTILE[2:-1] if each != "\ud800"),
]


def texts(arguments):
    return [arguments["UpdateExpression"], arguments["ConditionExpression"], *arguments["ExpressionAttributeNames"]]


@pytest.mark.parametrize("hostile", HOSTILE, ids=label)
@pytest.mark.parametrize("update", [beat_update, first_beat_update])
@pytest.mark.parametrize("field", ["instance_id", "boot", "agent", "cluster"])
def test_nothing_of_a_beat_gets_into_the_text_of_its_write(hostile, update, field):
    assert texts(update(a_beat(**{field: hostile}))) == texts(update(a_beat()))


@pytest.mark.parametrize("hostile", HOSTILE[1:], ids=label)
def test_nothing_of_a_signal_gets_into_the_text_of_its_write(hostile):
    assert texts(signal_update(AlarmSignal(NODE_A, hostile, True, NOW))) == texts(
        signal_update(AlarmSignal(NODE_A, "disk", True, NOW))
    )
    assert texts(signal_update(FaultSignal(hostile, hostile, 1))) == texts(signal_update(FaultSignal(NODE_A, "x", 1)))


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if 0 < len(each) < 1000], ids=label)
def test_a_beat_under_a_hostile_name_finds_no_member_and_no_cluster(ledger, hostile):
    before = ledger.read(CLUSTER)
    assert ledger.record_beat(a_beat(instance_id=hostile)) == NOT_A_MEMBER
    assert ledger.record_beat(a_beat(cluster=f"x{hostile}")) == UNKNOWN_CLUSTER
    assert ledger.read(CLUSTER) == before


@pytest.mark.parametrize("name", [each for each in NAMES if len(each) <= 255], ids=label)
def test_an_alarm_of_any_name_is_kept_and_taken_out_again_and_nothing_else_is_touched(empty_ledger, name):
    """The names of alarms are the users' own: they come as they are, into paths of the item."""
    watched = a_definition(nodes=(replace(SPECS[0], alarms=(name,)), SPECS[1]))
    empty_ledger.register(None, a_state(), watched)
    state = empty_ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, name, True, NOW))
    assert isinstance(state, ClusterState)
    assert state.nodes[NODE_A] == a_report(alarms={name: Alarm(True, NOW)})
    assert list(empty_ledger.nodes_of_alarm(name)) == [(CLUSTER, NODE_A)]
    without = replace(a_definition(), version=2)
    after = replace(state, definition_version=2, nodes={**state.nodes, NODE_A: replace(state.nodes[NODE_A], alarms={})})
    empty_ledger.register(state, after, without)
    stored = empty_ledger.read(CLUSTER)
    assert stored.nodes == a_state().nodes
    assert list(empty_ledger.nodes_of_alarm(name)) == []
