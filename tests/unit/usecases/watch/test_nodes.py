"""The watch compares every node with EC2: one that is not as defined is told of once, and never promoted (S3)."""

from dataclasses import replace

import pytest

from tests.support.builders import CLUSTER, NODE_A, NODE_B, NODE_C, SPECS, WITNESS_C, a_definition, a_report, a_state
from tests.unit.usecases.watch.test_watch_and_signals import Controller, silent_for
from understudy.domain.cluster.definition import ElasticIp, Record
from understudy.domain.cluster.state import PowerReading
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.alerts import OperatorCalled
from understudy.domain.events.nodes import NodeChanged
from understudy.domain.observe.signal import FaultSignal
from understudy.ports.nodes import InstanceFacts
from understudy.usecases.watch.nodes import GONE, fault_of

OTHER = "its address is 10.0.2.99, not 10.0.2.10"


def moved(world, instance_id=NODE_B, address="10.0.2.99"):
    world.nodes.known[instance_id] = replace(world.nodes.known[instance_id], address=address)
    return world


def test_a_node_that_has_another_address_is_told_of_once_and_is_no_candidate():  # S3
    world = moved(Controller(silent_for(0)))
    for _ in range(3):
        world.watch()
    (told,) = world.announcer.details(NodeChanged)
    assert told == {"cluster": CLUSTER, "node": "node-b", "instance_id": NODE_B, "fault": OTHER, "is_active": False}
    assert world.ledger.state().nodes[NODE_B].fault == OTHER


def test_nothing_fails_over_to_a_node_whose_address_is_not_its_own():  # S3 B3
    world = moved(Controller(silent_for(20)))
    world.watch()
    assert not world.launcher.starts
    (called,) = world.announcer.details(OperatorCalled)
    assert called["rule"] == "no-fit-candidate"
    assert called["facts"]["nodes"]["node-b"]["health"] == "UNKNOWN"
    assert called["facts"]["nodes"]["node-b"]["fault"] == OTHER


def test_when_ec2_says_otherwise_the_node_is_a_candidate_again():  # S3
    world = moved(Controller(silent_for(20)))
    world.watch()
    moved(world, address="10.0.2.10")
    world.watch()
    assert [each["fault"] for each in world.announcer.details(NodeChanged)] == [OTHER, ""]
    assert len(world.launcher.starts) == 1


def test_an_instance_that_is_no_more_is_told_of():  # S3
    world = Controller()
    del world.nodes.known[NODE_B]
    world.watch()
    assert world.ledger.state().nodes[NODE_B].fault == GONE


# B17: its event may be lost, and an hour later EC2 knows nothing of it
def test_that_an_instance_is_terminated_is_remembered_and_an_active_one_is_followed():
    world = Controller(silent_for(0))
    world.nodes.powers[NODE_A] = PowerReading.TERMINATED
    world.watch()
    assert world.ledger.state().nodes[NODE_A].power is PowerReading.TERMINATED
    assert world.launcher.requests[0]["rule"] == "active-is-gone"
    signals = world.ledger.calls.count("record_signal")
    world.watch()
    assert world.ledger.calls.count("record_signal") == signals


@pytest.mark.parametrize("power", [PowerReading.STOPPED, PowerReading.SHUTTING_DOWN, PowerReading.STOPPING])
def test_what_may_come_back_is_left_to_the_events(power):
    world = Controller(silent_for(0))
    world.nodes.powers[NODE_A] = power
    world.watch()
    assert world.ledger.state().nodes[NODE_A].power is PowerReading.UNKNOWN
    assert not world.launcher.starts


def test_an_active_node_that_is_not_as_defined_is_an_operators_matter_and_is_not_failed_over():  # S3 B3
    world = moved(Controller(), NODE_A, "10.0.1.99")
    world.watch()
    assert not world.launcher.starts
    assert world.announcer.details(OperatorCalled)[0]["rule"] == "active-is-unknown"
    assert world.announcer.details(NodeChanged)[0]["is_active"] is True


def test_an_active_node_that_is_not_as_defined_and_dies_is_followed_by_its_standby():  # S3 S10
    world = moved(Controller(silent_for(20)), NODE_A, "10.0.1.99")
    world.watch()
    assert world.launcher.requests[0]["rule"] == "active-is-silent"


def test_an_ec2_that_cannot_be_read_makes_no_node_faulty():  # B3
    world = Controller(silent_for(20))
    world.nodes.is_down = True
    report = world.watch()
    assert len(report.faults) == 1
    assert len(world.launcher.starts) == 1
    assert world.ledger.state().nodes[NODE_B].fault == ""


def test_all_nodes_of_all_clusters_are_asked_for_in_one_question():  # S3 B9
    world = Controller(*(a_state(cluster=f"db-{number}") for number in range(50)))
    world.watch()
    assert world.nodes.calls.count("facts") == 1


def test_a_definition_that_came_in_between_is_not_judged_by_the_older_one():  # S3
    world = moved(Controller())
    after = replace(world.ledger.state(), definition_version=2)
    world.ledger.put_definition(a_definition(version=2))
    world.ledger.before_next("record_signal", lambda: world.ledger.put_state(after))
    world.watch()
    assert world.ledger.state().nodes[NODE_B].fault == ""
    assert not world.announcer.details(NodeChanged)


def test_a_switchover_to_such_a_node_is_refused_with_the_reason():  # S3 S10
    from understudy.domain.cluster.request import Request
    from understudy.domain.transition.opening import Refused, rule_on_request

    state = a_state(node_b=a_report(NODE_B, fault=OTHER))
    now = state.nodes[NODE_A].heard_at
    from understudy.domain.cluster.state import TransitionAction

    for to in ("node-b", None):
        ruling = rule_on_request(
            Request(CLUSTER, TransitionAction.SWITCHOVER, to=to), "x", ClusterView(state, a_definition(), now)
        )
        assert isinstance(ruling, Refused)
        assert f"node-b is UNKNOWN ({OTHER})" in ruling.why


V6 = Record("Z1", "orders-db.corp.example.com", "AAAA")
WITH_EIP = a_definition(elastic_ips=(ElasticIp("eipalloc-1"),))
AS_DEFINED = InstanceFacts(SPECS[0].address, "us-east-1a", SPECS[0].address_v6, SPECS[0].interface_id)


@pytest.mark.parametrize(
    ("definition", "facts", "fault"),
    [
        (a_definition(), AS_DEFINED, ""),
        (a_definition(), InstanceFacts(SPECS[0].address, "us-east-1a"), ""),
        (
            a_definition(records=(V6,)),
            replace(AS_DEFINED, address_v6=""),
            "its IPv6 address is gone, not 2001:db8",
        ),
        (
            a_definition(elastic_ips=(ElasticIp("eipalloc-1"),)),
            replace(AS_DEFINED, interface_id="eni-9"),
            "eni-9, not eni-0a",
        ),
        (a_definition(), None, GONE),
    ],
    ids=["as defined", "no more asked", "no IPv6", "another interface", "gone"],
)
def test_a_node_is_compared_in_what_its_addresses_need(definition, facts, fault):  # S3 S14 S15
    found = fault_of(definition, definition.nodes[0], facts)
    assert fault in found
    assert bool(found) is bool(fault)


def test_a_signal_of_power_does_not_end_a_fault():
    world = Controller()
    world.ledger.record_signal(CLUSTER, FaultSignal(NODE_B, OTHER, 1))
    world.ec2(PowerReading.RUNNING, instance_id=NODE_B)
    assert world.ledger.state().nodes[NODE_B].fault == OTHER


def test_a_witness_is_at_fault_only_when_its_instance_is_no_more():  # S12 S3
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C))
    assert fault_of(definition, WITNESS_C, InstanceFacts("10.9.9.9", "us-east-1a")) == ""
    assert fault_of(definition, WITNESS_C, None) == GONE
    assert fault_of(definition, SPECS[2], InstanceFacts("10.9.9.9", "us-east-1a")) != ""


def test_nobody_calls_a_witness_a_standby():  # S12 S3
    words = NodeChanged(cluster=CLUSTER, node="node-c", instance_id=NODE_C, fault=GONE, is_active=False).words()
    assert words is not None
    assert words.serving == ("It is not the active node, and nothing moves to it while this is so.",)
