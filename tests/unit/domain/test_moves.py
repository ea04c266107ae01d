"""What became of each address, and of all together: the worst word counts, and nothing accepted is forgotten."""

from dataclasses import replace

import pytest

from tests.support.builders import NOW, a_definition, a_moving_state, a_state
from understudy.domain.definition import ElasticIp, Route
from understudy.domain.model import Address, AddressStatus
from understudy.domain.moves import (
    Moved,
    MoveOutcome,
    address_after,
    faults_of,
    known_parts,
    outcome_of,
    owed,
    story_of,
)

OWED, PROPAGATING, IN_SYNC = AddressStatus
NEW, THERE = Moved("a", PROPAGATING, "C1"), Moved("b", IN_SYNC, is_new=False)
BUSY, REFUSED = owed("c", "Throttling", may_pass=True), owed("d", "AccessDenied")


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [([IN_SYNC], IN_SYNC), ([IN_SYNC, PROPAGATING], PROPAGATING), ([PROPAGATING, OWED, IN_SYNC], OWED)],
)
def test_several_addresses_are_as_far_as_the_one_behind(statuses, worst):  # B2
    assert AddressStatus.of_all(statuses) is worst


@pytest.mark.parametrize(
    ("moved", "tries_left", "outcome"),
    [
        ([NEW], True, MoveOutcome.ACCEPTED),
        ([NEW, THERE], True, MoveOutcome.ACCEPTED),
        ([THERE], True, MoveOutcome.ALREADY_THERE),
        ([NEW, BUSY], True, MoveOutcome.RETRY),
        ([REFUSED, BUSY], True, MoveOutcome.RETRY),
        ([NEW, BUSY], False, MoveOutcome.GAVE_UP),
        ([NEW, REFUSED], True, MoveOutcome.REFUSED),
    ],
)
def test_an_address_that_is_owed_is_never_hidden_by_one_that_moved(moved, tries_left, outcome):  # B2 S6
    assert outcome_of(moved, tries_left=tries_left) is outcome


def test_only_what_was_moved_under_this_very_epoch_is_known():  # B1
    parts = {"a": PROPAGATING, "b": OWED, "c": IN_SYNC}
    state = a_state(address=Address(OWED, 1, ("C1",), parts=parts))
    assert known_parts(state, ["a", "b", "c", "d"]) == {"a": PROPAGATING, "c": IN_SYNC}
    assert known_parts(replace(state, epoch=2), ["a"]) == {}
    assert known_parts(a_state(address=None), ["a"]) == {}


def test_a_change_that_is_still_followed_is_kept_beside_a_new_one():  # S7
    state = a_state(address=Address(OWED, 1, ("C0",), parts={"a": OWED, "z": PROPAGATING}))
    stays = Moved("z", PROPAGATING, is_new=False)
    assert address_after(state, [NEW, stays], NOW).change_ids == ("C0", "C1")
    assert address_after(state, [NEW, replace(NEW, label="z")], NOW).change_ids == ("C1",)
    assert address_after(a_moving_state(address=None), [NEW], NOW) == Address(PROPAGATING, 2, ("C1",))


def test_changes_of_an_older_epoch_are_followed_no_more():  # B1
    assert address_after(a_moving_state(), [NEW], NOW).change_ids == ("C1",)


def test_the_story_names_each_address_and_says_why():  # B5
    assert story_of([NEW, REFUSED]) == {"a": {"status": "PROPAGATING"}, "d": {"status": "OWED", "why": "AccessDenied"}}
    assert faults_of([NEW, REFUSED, BUSY]) == "d: AccessDenied; c: Throttling"
    assert faults_of([REFUSED]) == "AccessDenied"


def test_each_address_leads_to_what_its_kind_needs_of_the_node():  # S4 S14 S15
    definition = a_definition(routes=(Route("192.0.2.10/32", ("rtb-1",)),), elastic_ips=(ElasticIp("eipalloc-1"),))
    node = definition.nodes[0]
    assert list(definition.leads_to(node).values()) == [node.address, node.interface_id, node.interface_id]
    assert definition.labels == ("orders-db.corp.example.com A Z0EXAMPLE", "route 192.0.2.10/32", "eipalloc-1")
