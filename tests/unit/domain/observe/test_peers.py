"""What nodes say of keys and peers while nobody needs any promise (B13)."""

import pytest

from tests.support.builders import NODE_A, NODE_B, NODE_C, NOW, a_definition, a_report, a_state, with_keys
from understudy.domain.cluster.state import ClusterState
from understudy.domain.cluster.view import ClusterView
from understudy.domain.observe import peers

LATER = NOW + 4


def faults(state: ClusterState, members: int = 2) -> list[str]:
    return peers.peer_faults(ClusterView(state, a_definition(members), LATER))


def test_nodes_that_know_the_same_key_and_answer_each_other_are_well():
    state = with_keys(a_state())
    assert faults(state) == []
    assert not peers.lacks_key(ClusterView(state, a_definition(), LATER))
    assert peers.unanswered(ClusterView(state, a_definition(), LATER)) == []
    assert peers.rotation(ClusterView(state, a_definition(), LATER)) == ""
    assert peers.digest_of([]) == ""


def test_a_node_without_a_key_is_named():
    state = with_keys(a_state(), node_b={"key": "-"})
    assert faults(state) == ["node-b knows no key"]
    assert peers.lacks_key(ClusterView(state, a_definition(), LATER))


def test_nodes_with_different_keys_are_named_with_the_fingerprints():
    state = with_keys(a_state(), node_b={"key": "d4e5f6"})
    assert faults(state) == ["node-a and node-b have different keys (a1b2c3 and d4e5f6)"]


def test_a_pair_is_named_with_the_direction_in_which_there_is_no_answer():
    state = with_keys(a_state(3), node_a={"key": "a1b2c3", "silent": (NODE_C,)})
    assert faults(state, 3) == ["node-a gets no answer from node-c"]
    assert peers.unanswered(ClusterView(state, a_definition(3), LATER)) == ["node-a"]


@pytest.mark.parametrize(
    "said", [{"key": ""}, {"key": "d4e5f6"}, {"heard_at": NOW - 60}, {"heard_since": NOW - 5}, {"heard_at": None}]
)
def test_a_port_is_not_blamed_where_the_other_node_has_another_key_or_is_not_known_to_be_there(said):
    state = with_keys(a_state(), node_a={"key": "a1b2c3", "silent": (NODE_B,)}, node_b=said)
    assert not [fault for fault in faults(state) if "answer" in fault]


def test_a_node_without_an_address_is_named_when_it_has_an_agent_that_knows_of_keys():
    assert faults(with_keys(a_state(), node_b={"ip": ""})) == ["node-b has no address in the table"]
    assert faults(a_state()) == []


def test_people_are_told_of_a_node_when_it_has_been_heard_for_a_minute():
    """Until then it may just be reading its key. Readiness and board show it at once."""
    state = with_keys(a_state(), node_b={"key": "-", "heard_since": LATER - 59})
    assert faults(state) == []
    assert peers.key_faults(ClusterView(state, a_definition(), LATER)) == ["node-b knows no key"]


@pytest.mark.parametrize(
    ("of_a", "of_b", "words"),
    [
        (
            "aaaaaa bbbbbb",
            "aaaaaa",
            "aaaaaa is known to 2 and signs on 2 of 2 nodes; bbbbbb is known to 1 and signs on 0",
        ),
        ("bbbbbb aaaaaa", "aaaaaa bbbbbb", "bbbbbb is known to 2 and signs on 1 of 2 nodes; aaaaaa is known to 2"),
        ("bbbbbb", "bbbbbb aaaaaa", "bbbbbb is known to 2 and signs on 2 of 2 nodes; aaaaaa is known to 1"),
    ],
    ids=["added", "signs", "removed"],
)
def test_a_change_of_the_key_in_its_three_steps_is_no_fault_and_says_how_far_it_is(of_a, of_b, words):
    state = with_keys(a_state(), node_a={"key": f"{of_a}+"}, node_b={"key": f"{of_b}+"})
    assert faults(state) == []
    assert peers.rotation(ClusterView(state, a_definition(), LATER)).startswith(f"the key is being changed: {words}")


def test_a_key_that_is_replaced_in_one_step_is_a_fault_until_all_have_read_it():
    state = with_keys(a_state(), node_a={"key": "bbbbbb"}, node_b={"key": "aaaaaa"})
    assert len(faults(state)) == 1


def test_nodes_that_do_not_say_or_are_not_members_are_neither_good_nor_bad():
    assert faults(with_keys(a_state(1))) == []
    assert peers.unsaid(ClusterView(a_state(), a_definition(), LATER)) == ["node-a", "node-b"]
    state = with_keys(a_state(node_b=a_report(NODE_B, heard_at=None)))
    assert peers.unsaid(ClusterView(state, a_definition(), LATER)) == ["node-b"]
    assert NODE_A in state.nodes
