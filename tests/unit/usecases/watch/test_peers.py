"""What would keep promises from being given is told of once, on a sunny day (B13)."""

from dataclasses import replace

from tests.support.builders import CLUSTER, NODE_B, a_state, a_transition, with_keys
from tests.unit.usecases.watch.test_watch_and_signals import Controller
from understudy.domain.events.nodes import PeersDegraded


def told(minute: Controller) -> list[list[str]]:
    return [detail["faults"] for detail in minute.announcer.details(PeersDegraded)]


def test_different_keys_are_told_of_within_a_minute_once_and_when_it_is_over():
    minute = Controller(with_keys(a_state(), node_b={"key": "d4e5f6"}))
    minute.watch()
    minute.watch()
    assert told(minute) == [["node-a and node-b have different keys (a1b2c3 and d4e5f6)"]]
    minute.ledger.put_state(replace(with_keys(minute.ledger.state()), revision=50))
    minute.watch()
    minute.watch()
    assert told(minute)[1:] == [[]]


def test_another_fault_is_told_of_anew():
    minute = Controller(with_keys(a_state(), node_b={"key": "-"}))
    minute.watch()
    minute.ledger.put_state(with_keys(minute.ledger.state(), node_a={"key": "a1b2c3", "silent": (NODE_B,)}))
    minute.watch()
    assert told(minute) == [["node-b knows no key"], ["node-a gets no answer from node-b"]]


def test_a_cluster_that_is_well_or_moves_is_told_of_to_nobody():
    for state in (with_keys(a_state()), a_state(), with_keys(a_state(transition=a_transition()), node_b={"key": "-"})):
        minute = Controller(state)
        minute.watch()
        assert told(minute) == []


def test_a_key_that_a_node_does_not_find_is_made_by_the_watch():
    minute = Controller(with_keys(a_state(), node_b={"key": "-"}))
    minute.watch()
    minute.watch()
    assert minute.keys.made == {CLUSTER: 1}


def test_no_key_is_made_where_every_node_knows_one_or_does_not_say():
    for state in (with_keys(a_state()), a_state()):
        minute = Controller(state)
        minute.watch()
        assert minute.keys.calls == []
