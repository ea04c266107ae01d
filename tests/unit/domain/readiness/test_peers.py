"""Readiness of failsafe: what each check says of what the nodes know of each other."""

from dataclasses import replace

from tests.support.builders import NODE_A, a_definition, a_state, with_keys
from tests.support.readiness import says
from understudy.domain.readiness import peers
from understudy.domain.readiness.facts import Verdict

PASS, WARN, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.UNKNOWN


def node_b_says(**words):
    return with_keys(a_state(), node_b=words)


def test_nodes_without_a_common_key_give_each_other_no_promises():  # B13
    says(peers.keys_alike, PASS, "all nodes know the same key")
    says(peers.keys_alike, WARN, "node-b knows no key", state=node_b_says(key="-"))
    says(peers.keys_alike, WARN, "node-a and node-b have different keys", state=node_b_says(key="d4e5f6"))
    says(peers.keys_alike, UNKNOWN, "node-b: no beat says which key it knows", state=node_b_says(key=""))


def test_a_key_that_is_being_changed_is_no_fault():  # B13
    says(peers.keys_alike, PASS, "the key is being changed", state=node_b_says(key="a1b2c3 d4e5f6+"))


def test_a_node_without_an_address_can_be_asked_for_nothing():  # B13
    says(peers.peers_addressed, PASS, "every node has an address")
    says(peers.peers_addressed, WARN, "node-b has no address in the table", state=node_b_says(ip=""))
    says(peers.peers_addressed, UNKNOWN, "node-b: no beat says which key it knows", state=node_b_says(key="", ip=""))


def test_a_node_that_gets_no_answer_from_a_peer_is_named_with_it():  # B13
    says(peers.peers_answer, PASS, "every node is answered by every other one")
    deaf = node_b_says(key="a1b2c3", silent=(NODE_A,))
    says(peers.peers_answer, WARN, "node-b gets no answer from node-a", state=deaf)
    says(peers.peers_answer, UNKNOWN, "node-b: not known to be answered", state=node_b_says(key="a1b2c3"))


def test_without_promises_an_outage_is_bridged_by_a_long_lease_only():  # B13
    says(peers.outage_bridged, PASS, "the active node goes on by the promises of all others")
    deaf = node_b_says(key="a1b2c3", silent=(NODE_A,))
    says(peers.outage_bridged, WARN, "an outage of 4 s can stop the service: lease_s is 12", state=deaf)
    says(peers.outage_bridged, UNKNOWN, "an outage of 4 s", state=node_b_says(key="a1b2c3"))
    policy = replace(a_definition().policy, lease_s=16, silence_limit_s=20)
    long = a_definition(policy=policy)
    says(peers.outage_bridged, PASS, "an outage of 8 s can stop the service", state=deaf, definition=long)
