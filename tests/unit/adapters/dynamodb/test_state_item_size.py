"""The hot item stays below 1 KB: a heartbeat costs one write unit, not two (B9)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    TCP_REMOTE,
    a_failed_start,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
    with_keys,
)
from tests.support.item_size import size
from understudy.adapters.dynamodb.items import state_item
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.doubt import Doubt
from understudy.domain.cluster.fitness import FITNESS_LIMIT, Fitness
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.no_standby import NoStandby
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.request import TEXT_LIMIT
from understudy.domain.cluster.service_names import digest_of
from understudy.domain.cluster.state import Alarm, NodeReport, PowerReading, Proof, Stage
from understudy.domain.observe.quorum import hosts_of

WRITE_UNIT = 1024
SPENT = (NOW - 3000, NOW - 2000, NOW)
MOVED = Address(AddressStatus.PROPAGATING, 1234, ("C0123456789ABCDEFGHIJ",))
NAMED = digest_of(["postgresql"])
NAME = "orders-db-1234-active-is-silent"
QUESTION = Question("switchover", "01234567-89ab-cdef-0123-456789abcdef", NOW, NOW + 1500, is_no=True)


def departing() -> NodeReport:
    report = a_report(NODE_B)
    departure = Departure(Cause.AUTO_SCALING, NOW, "orders-db-production-node-b-GroupB-1ABCDEFGHIJKL", "understudy-ha")
    return replace(report, departure=departure, departure_boot=report.boot)


def moving(members: int, execution: str, **changes: Any) -> Any:
    """A failover in its fullest moment: proof found, change accepted, budget spent, EC2 heard."""
    usual: dict[str, Any] = {
        "revision": 99_999,
        "epoch": 1234,
        "failover_times": SPENT,
        "address": MOVED,
        "previous": a_previous(proof=Proof.LEASE_EXPIRED, ended_epoch=1234),
        "transition": a_transition(stage=Stage.CONFIRMING, execution=execution),
        "node_a": an_off_report(),
    }
    return a_moving_state(members, **{**usual, **changes})


@pytest.mark.parametrize(
    "state",
    [
        a_state(3),
        a_state(3, failover_times=SPENT, address=MOVED, alert="failover-budget-is-spent"),
        a_state(3, failover_times=SPENT, address=MOVED, lone=NoStandby(NOW, is_told=True), alert="quorum-is-lost"),
        a_state(3, node_a=a_report(NODE_A, power=PowerReading.RUNNING, power_at=NOW, power_boot="a" * 8)),
        a_state(3, node_c=a_report(NODE_C, alarms={"orders-db-disk-full": Alarm(True, NOW)})),
        a_state(2, hold=Hold(NOW, NOW + 3600, "patching node-a, ticket 4711"), alert="held-and-not-served"),
        a_state(2, node_b=departing(), failover_times=SPENT, address=MOVED),
        a_state(2, doubt=Doubt(NOW, NOW + 600, is_due=True), failover_times=SPENT, address=MOVED),
    ],
    ids=[
        "three-nodes",
        "three-nodes-and-an-alert",
        "three-nodes-and-nobody-fit",
        "three-nodes-one-restarted",
        "three-nodes-and-an-alarm",
        "two-nodes-held",
        "two-nodes-one-to-go",
        "two-nodes-doubted",
    ],
)
def test_a_heartbeat_writes_less_than_one_unit(state):
    """Also with what nodes say of keys and peers (B13)."""
    assert size(state_item(with_keys(ready_for_promises(state)), state.revision)) < WRITE_UNIT


# B13 B9
def test_two_nodes_that_do_not_answer_while_the_key_is_changed_cost_no_second_unit():
    said = {"key": "a1b2c3 d4e5f6", "silent": ("i-0bbbbbbbbbbbbbbb2",)}
    state = with_keys(ready_for_promises(a_state(2, peers="a1b2c3d4")), node_a=said, node_b=said)
    assert size(state_item(state, state.revision)) < WRITE_UNIT


@pytest.mark.parametrize(
    "state",
    [moving(2, NAME), a_state(3, approval=QUESTION, failover_times=SPENT, address=MOVED)],
    ids=["two-nodes-moving", "three-nodes-and-a-question"],
)
def test_while_a_move_is_open_or_a_persons_no_is_remembered_it_is_little_more_than_one(state):  # B9
    """Each node's digest of its services takes twelve bytes: a safeguard is worth two units then."""
    assert size(state_item(ready_for_promises(state), state.revision)) < WRITE_UNIT + 32


def test_an_open_question_with_the_longest_reason_costs_two_units_at_most():  # B9
    why = "an operator asked for a switchover: " + "x" * TEXT_LIMIT
    asked = replace(QUESTION, is_no=False, target=NODE_B, why=why)
    state = ready_for_promises(a_state(3, approval=asked, failover_times=SPENT, address=MOVED))
    assert size(state_item(state, state.revision)) < 2 * WRITE_UNIT


# B20 B9
def test_a_failed_start_and_a_fingerprint_for_each_node_cost_two_nodes_no_second_unit():
    state = a_state(2, failover_times=SPENT, address=MOVED, failed_starts=a_failed_start(at=NOW, epoch=1234))
    nodes = {each: replace(report, config="0a1b2c") for each, report in state.nodes.items()}
    whole = ready_for_promises(replace(state, nodes=nodes))
    assert size(state_item(whole, whole.revision)) < WRITE_UNIT
    without = ready_for_promises(replace(state, failed_starts={}))
    assert size(state_item(whole, whole.revision)) - size(state_item(without, without.revision)) < 100


# B20 B9
def test_how_fit_each_node_is_costs_two_nodes_no_second_unit():
    state = a_state(2, failover_times=SPENT, address=MOVED)
    nodes = {
        each: replace(report, config="0a1b2c", fitness=Fitness(1 - FITNESS_LIMIT))
        for each, report in state.nodes.items()
    }
    whole = ready_for_promises(replace(state, nodes=nodes))
    assert size(state_item(whole, whole.revision)) < WRITE_UNIT
    silent = {each: replace(report, fitness=None) for each, report in nodes.items()}
    without = ready_for_promises(replace(state, nodes=silent))
    assert size(state_item(whole, whole.revision)) - size(state_item(without, without.revision)) <= 2 * 24


def ready_for_promises(state: Any) -> Any:
    """The same with all that promises between agents need (B11)."""
    nodes = {
        each: replace(report, ip="10.123.45.67", knows=NOW + 1, named=NAMED) for each, report in state.nodes.items()
    }
    return replace(state, nodes=nodes)


# S12 B9
def test_quorum_hosts_cost_no_second_unit_while_the_cluster_is_settled():
    state = a_state(3, quorum=hosts_of(TCP_REMOTE), failover_times=SPENT, address=MOVED, alert="quorum-is-lost")
    nodes = {each: replace(report, quorum=Reach(3, 3)) for each, report in state.nodes.items()}
    assert size(state_item(replace(state, nodes=nodes), state.revision)) < WRITE_UNIT


def test_three_nodes_with_an_address_of_each_kind_cost_two_units_at_most():
    parts = {
        "orders-db.corp.example.com A Z0123456789ABCDEFGHIJ": AddressStatus.PROPAGATING,
        "orders-db.corp.example.com AAAA Z0123456789ABCDEFGHIJ": AddressStatus.PROPAGATING,
        "route 192.0.2.10/32": AddressStatus.IN_SYNC,
        "eipalloc-0123456789abcdef0": AddressStatus.IN_SYNC,
    }
    state = a_state(3, failover_times=SPENT, address=replace(MOVED, parts=parts), alert="failover-budget-is-spent")
    assert size(state_item(state, state.revision)) < 2 * WRITE_UNIT


def test_three_nodes_cost_two_units_at_most_and_only_while_a_transition_is_open():
    assert size(state_item(moving(3, NAME), 99_999)) < 2 * WRITE_UNIT


def test_a_number_is_counted_by_its_digits():
    assert size({"ab": {"N": "1800000000"}}) == 2 + 2
    assert size({"ab": {"N": "1234567891"}}) == 2 + 6
    assert size({"m": {"M": {"k": {"BOOL": True}}}}) == 1 + 3 + 1 + 1 + 1
