"""What the tool makes of a state item, held against what the controller makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NODE_A, NODE_B, NODE_C, NOW, a_definition, a_previous, a_report, a_state
from understudy.adapters.dynamodb.items import FORMAT, state_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.service_names import NO_NAMES, digest_of
from understudy.domain.cluster.state import Alarm, PowerReading, Proof, ServiceStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import health_of
from understudy_cli.core import cluster as view
from understudy_cli.core.cluster import NewerFormat, cluster_of


def seen(state, now=NOW):
    return cluster_of(from_item(state_item(state, 1)), now)


POSTGRESQL = digest_of(["postgresql"])
reports = st.builds(
    a_report,
    heard_at=st.sampled_from([None, NOW - 100, NOW - 15, NOW - 14, NOW]),
    service=st.sampled_from(list(ServiceStatus)),
    power=st.sampled_from(list(PowerReading)),
    power_at=st.sampled_from([0, NOW - 50, NOW]),
    power_boot=st.sampled_from(["aaaaaaaa", "another"]),
    alarms=st.sampled_from([{}, {"disk": Alarm(on=True, at=NOW)}, {"disk": Alarm(on=False, at=NOW)}]),
    fault=st.sampled_from(["", "private IP is 10.0.1.11"]),
    unfit=st.sampled_from(["", "its disk is full"]),
    misnamed=st.sampled_from(["", "lacks postgresql"]),
    joined=st.sampled_from([0, 3, 4]),
    knows=st.sampled_from([0, 2, 3, 4, 5]),
    read_epoch=st.sampled_from([0, 1, 2, 3]),
)
PREVIOUS = a_previous(node=NODE_A, proof=Proof.RELEASED, ended_epoch=2)


@given(reports, reports, st.sampled_from([{}, {"active": NODE_B}, {"active": None, "previous": PREVIOUS}]))
def test_the_health_of_a_node_is_what_the_controller_says(first, second, holder):  # B23
    state = a_state(nodes={NODE_A: written(first), NODE_B: written(second)}, epoch=2, definition_version=4, **holder)
    known = ClusterView(state, a_definition(version=4), NOW)
    assert {each.instance_id: each.health for each in seen(state).nodes} == {
        each: health_of(known, each) for each in state.nodes
    }


def written(report):
    """As the table has it: what EC2 has never said is not in it, and what is misnamed has another digest."""
    report = report if report.power_at else replace(report, power=PowerReading.UNKNOWN, power_boot="")
    return replace(report, named=NO_NAMES if report.misnamed else POSTGRESQL)


def test_the_tool_reads_every_format_that_the_controller_writes():  # B16
    assert view.FORMAT == FORMAT


def test_a_state_that_is_newer_than_the_tool_is_not_guessed_at():  # B16
    with pytest.raises(NewerFormat, match="format 2"):
        cluster_of({**from_item(state_item(a_state(), 1)), "v": 2}, NOW)


def test_the_active_node_stands_first_and_nodes_have_names():
    cluster = seen(a_state(active=NODE_B))
    assert [(each.name, each.role) for each in cluster.nodes] == [("node-b", "active"), ("node-a", "standby")]
    assert cluster.active == "node-b"


def test_a_witness_is_no_standby():
    """Its agent names no service, and is right to."""
    names = {"named": POSTGRESQL}
    nodes = {
        NODE_A: a_report(NODE_A, **names),
        NODE_B: a_report(NODE_B, **names),
        NODE_C: a_report(NODE_C, named=NO_NAMES),
    }
    assert [each.role for each in seen(a_state(nodes=nodes)).nodes] == ["active", "standby", "witness"]
    mistaken = replace(nodes[NODE_C], misnamed="lacks postgresql")
    third = seen(a_state(nodes={**nodes, NODE_C: mistaken})).nodes[2]
    assert (third.role, third.health) == ("standby", "UNKNOWN")


def test_a_hold_that_is_over_is_no_hold():
    state = a_state(hold=Hold(since=NOW - 60, until=NOW, reason="patching"))
    assert seen(state, NOW).hold is None
    assert seen(state, NOW - 1).hold == view.Hold(NOW - 60, NOW, "patching")


@pytest.mark.parametrize(
    ("is_no", "until", "stands"), [(False, NOW + 1, True), (False, NOW, False), (True, NOW + 1, False)]
)
def test_a_question_stands_until_it_is_answered_or_its_time_is_over(is_no, until, stands):
    state = a_state(approval=Question("failover", "orders-db-epoch2", NOW - 60, until, is_no))
    assert (seen(state).question is not None) is stands


def test_a_node_that_was_never_heard_is_not_known_and_nothing_is_made_up():
    node = seen(a_state(nodes={NODE_A: a_report(heard_at=None), NODE_B: a_report(NODE_B)})).nodes[0]
    assert (node.health, node.heard_s_ago) == ("UNKNOWN", None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_an_item_with_anything_in_it_is_read(rubbish):  # B23
    words = (
        "terms",
        "nodes",
        "active",
        "previous",
        "transition",
        "address",
        "alert",
        "hold",
        "approval",
        "lone",
        "doubt",
    )
    cluster_of({"pk": "orders-db", **dict.fromkeys(words, rubbish), "nodes": {"i-1": rubbish}}, NOW)
