"""A node that the lease's holder does not know has promised it nothing, and is no candidate yet (B11)."""

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    an_off_report,
)
from understudy.domain.cluster.membership import is_known_to_holder
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import fit_candidates, health_of
from understudy.domain.observe.health import NodeHealth

NEW = a_report(NODE_C, joined=7)


# B11 B4
@pytest.mark.parametrize(
    ("holder", "is_known"),
    [
        (a_report(knows=6), False),
        (a_report(knows=7), True),
        (a_report(knows=7, read_epoch=0), False),  # it has not read its own grant: it may promise the one before it
        (a_report(knows=8), False),  # there is no such version: whoever says so has not read it
        (a_report(knows=7, read_epoch=2), False),  # nor such an epoch
        (a_report(knows=0), True),  # it asks nobody, so its lease runs out
        (an_off_report(knows=6), True),
    ],
    ids=["not-yet", "known", "not-under-its-own-grant", "no-such-version", "no-such-epoch", "asks-nobody", "is-off"],
)
def test_a_new_node_is_a_candidate_when_the_holder_would_ask_it_for_a_promise(holder, is_known):
    state = a_state(3, definition_version=7, node_a=holder, node_c=NEW)
    assert is_known_to_holder(state, NODE_C) is is_known
    assert (health_of(ClusterView(state, a_definition(3), NOW), NODE_C) is NodeHealth.READY) is is_known
    assert (NODE_C in fit_candidates(ClusterView(state, a_definition(3), NOW))) is is_known


def test_the_others_stay_candidates_meanwhile():  # B11
    state = a_state(3, definition_version=7, node_a=a_report(knows=6), node_c=NEW)
    assert fit_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_B,)


def test_the_last_holder_counts_while_nobody_holds_the_lease():  # B11
    moving = a_moving_state(3, definition_version=7, node_a=a_report(knows=6), node_c=NEW)
    assert not is_known_to_holder(moving, NODE_C)
    assert is_known_to_holder(
        a_moving_state(3, definition_version=7, node_a=a_report(knows=7, read_epoch=1), node_c=NEW), NODE_C
    )
    assert is_known_to_holder(a_moving_state(3, previous=None, node_c=NEW), NODE_C)


def test_a_holder_knows_itself_and_whoever_is_not_there_is_nobodys_concern():  # B11
    state = a_state(3, active=NODE_C, node_c=a_report(NODE_C, joined=7, knows=1))
    assert is_known_to_holder(state, NODE_C)
    assert is_known_to_holder(a_state(2), NODE_C)
    assert is_known_to_holder(a_moving_state(3, previous=a_previous(node="i-0ddd"), node_c=NEW), NODE_C)
    assert is_known_to_holder(a_state(3, node_a=a_report(NODE_A, knows=1)), NODE_B)
