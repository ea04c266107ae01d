"""How a cluster stands, in one sentence and one exit status."""

from dataclasses import replace
from datetime import UTC

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NOW,
    a_failed_start,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.adapters.dynamodb.items import state_item
from understudy.adapters.dynamodb.values import from_item
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.doubt import doubted
from understudy.domain.cluster.fitness import Fitness
from understudy.domain.cluster.no_standby import NoStandby
from understudy.domain.cluster.service_names import NO_NAMES
from understudy.domain.cluster.state import Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.observe import starts as controller
from understudy_cli.core.cluster import cluster_of, tried_with
from understudy_cli.core.situation import situation_of
from understudy_cli.core.status import overview_lines, status_lines

OWED = Address(AddressStatus.OWED, 1, ())


def seen(state):
    return cluster_of(from_item(state_item(state, 1)), NOW)


HOLDS = "node-a holds the lease"
FAILED, STARTING = (a_report(service=each) for each in (ServiceStatus.FAILED, ServiceStatus.STARTING))
WITNESS = a_report(NODE_B, service=ServiceStatus.OUT_OF_SERVICE, named=NO_NAMES)
REPAIR = a_transition(action=TransitionAction.REPAIR, target=NODE_A, stage=Stage.CONFIRMING)


@pytest.mark.parametrize(
    ("state", "exit_status", "sentence"),
    [
        (a_state(), 0, "in service on node-a"),
        (a_state(node_a=a_report(heard_at=NOW - 40)), 6, f"not known: {HOLDS} and is not heard (last 40 s ago)"),
        (a_state(node_a=a_report(heard_at=None)), 6, f"not known: {HOLDS} and is not heard (never heard)"),
        (a_state(node_a=an_off_report()), 4, f"not served: {HOLDS}, and EC2 says that it is off or stopping"),
        (a_state(node_a=FAILED), 4, f"not served: {HOLDS}, and says FAILED"),
        (a_state(node_a=STARTING), 4, f"not served: {HOLDS}, and says STARTING"),
        (a_state(node_a=a_report(fault="its IP")), 6, "in service on node-a by its own word, which is not as defined"),
        (a_state(active=None), 4, "not served: nobody holds the lease"),
        (
            a_state(active=None, previous=a_previous()),
            4,
            "nobody holds the lease, and node-a may still serve: nothing proves that it has stopped",
        ),
        (a_state(active=None, previous=a_previous(proof=Proof.STOPPED)), 4, "not served: nobody holds the lease"),
        (
            a_moving_state(transition=a_transition(opened_at=NOW - 3)),
            4,
            "failover to node-b under way: FENCING, since 3 s",
        ),
        (a_state(transition=REPAIR), 0, "in service on node-a; repair to node-a under way: CONFIRMING, since 0 s"),
    ],
)
def test_the_first_words_say_whether_it_is_served_and_by_whom(state, exit_status, sentence):  # S18 B23
    situation = situation_of(seen(state))
    assert (situation.exit, situation.sentence) == (exit_status, sentence)


@pytest.mark.parametrize(
    ("state", "matters"),
    [
        (a_state(alert="no-fit-candidate"), "a person was called: no-fit-candidate"),
        (a_state(address=OWED), "the address is owed: clients may go to another node"),
        (a_state(lone=NoStandby(NOW - 300)), "nobody could take over, since 07:55:00 (5 min ago)"),
        (a_state(node_b=a_report(NODE_B, heard_at=NOW - 60)), "no standby is READY"),
        (a_state(node_b=WITNESS), "no standby is READY"),
        (a_state(node_b=replace(WITNESS, misnamed="lacks postgresql")), "no standby is READY"),
        (
            a_state(node_b=a_report(NODE_B, fitness=Fitness(None))),
            "no other node could take over: node-b says that it is not fit",
        ),
        (a_state(doubt=doubted(None, NOW)), "a failover is put off because many are silent, since 08:00:00 (0 s ago)"),
    ],
)
def test_a_service_that_is_served_and_not_well_is_degraded(state, matters):  # B23
    situation = situation_of(seen(state), UTC)
    assert (situation.exit, situation.sentence) == (4, "in service on node-a")
    assert situation.matters[0].startswith(matters)


def test_an_open_question_waits_for_a_person_and_says_how_to_answer():  # B23
    state = a_state(approval=Question("switchover", "by-hand", NOW, NOW + 600))
    situation = situation_of(seen(state), UTC)
    asked = "a person is asked whether a switchover may begin until 08:10:00 (in 10 min): understudy approve orders-db"
    assert (situation.exit, situation.matters) == (5, (asked,))


def test_the_status_names_each_node_and_what_speaks_against_it():  # S18
    state = a_state(node_b=a_report(NODE_B, unfit="its disk is full"), failed_starts=a_failed_start())
    text = [each.text for each in status_lines(seen(state), UTC)]
    assert text == [
        "orders-db  in service on node-a",
        "  epoch 1, read at 08:00:00",
        "  node-a  active   READY    IN_SERVICE      heard 0 s ago",
        "  node-b  standby  UNKNOWN  OUT_OF_SERVICE  heard 0 s ago",
        "      node-b: its disk is full",
        "      node-b: service did not start under epoch 0",
        "  address  IN_SYNC",
        "  ! no standby is READY",
    ]


def test_a_cluster_whose_only_other_node_did_not_start_the_service_has_nobody_who_could_take_over():  # B23
    situation = situation_of(seen(a_state(failed_starts=a_failed_start())))
    words = "the service did not start on node-b, and nobody else could take over; when that is repaired: "
    assert (situation.exit, situation.matters) == (4, (f"{words}understudy clear orders-db node-b",))
    one_more = a_state(node_b=a_report(NODE_B, boot="another"), failed_starts=a_failed_start())
    assert situation_of(seen(one_more)).exit == 0, "it has booted anew since"


@pytest.mark.parametrize("report", [a_report(NODE_B), a_report(NODE_B, boot="another"), a_report(NODE_B, config="c0")])
def test_the_tool_tells_a_start_that_counts_as_the_controller_does(report):
    assert tried_with(report.boot, report.config) == controller.tried_with(report)


def test_of_many_clusters_those_that_are_not_well_come_first():  # S18
    well, ill = seen(a_state(cluster="a-well")), seen(a_state(cluster="z-ill", active=None))
    text = [each.text for each in overview_lines([well, ill])]
    assert text == ["z-ill   not served: nobody holds the lease", "a-well  in service on node-a"]


def test_what_is_not_known_is_said_to_be_not_known():  # B23
    text = "\n".join(each.text for each in status_lines(cluster_of({"pk": "orders-db", "nodes": {NODE_A: {}}}, NOW)))
    assert f"{NODE_A}  standby  UNKNOWN  not known  never heard" in text
    assert "address  not known" in text
