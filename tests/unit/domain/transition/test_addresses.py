"""What became of each address, and of all together: the worst word counts, and nothing accepted is forgotten."""

from dataclasses import replace

import pytest

from tests.support.builders import NOW, a_definition, a_moving_state, a_state, a_transition
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Route
from understudy.domain.cluster.state import TransitionAction
from understudy.domain.transition.addresses import (
    Moved,
    address_after,
    faults_of,
    known_parts,
    outcome_of,
    owed,
    story_of,
)
from understudy.domain.transition.outcomes import MoveOutcome
from understudy.domain.transition.steps import address_owed

OWED, PROPAGATING, UNCONFIRMED, IN_SYNC = AddressStatus
NEW, THERE = Moved("a", PROPAGATING, "C1"), Moved("b", IN_SYNC, is_new=False)
BUSY, REFUSED = owed("c", "Throttling", may_pass=True), owed("d", "AccessDenied")


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([IN_SYNC], IN_SYNC),
        ([IN_SYNC, UNCONFIRMED], UNCONFIRMED),
        ([IN_SYNC, PROPAGATING, UNCONFIRMED], PROPAGATING),
        ([PROPAGATING, OWED, IN_SYNC], OWED),
    ],
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


def test_with_several_changes_it_is_known_which_brought_which_address():  # S7
    state = a_state(address=Address(OWED, 1, ("C0",), parts={"a": OWED, "z": PROPAGATING}))
    both = address_after(state, [NEW, Moved("z", PROPAGATING, is_new=False)], NOW)
    assert both.change_of == {"a": "C1", "z": "C0"}
    third = address_after(
        replace(state, address=both),
        [Moved("a", PROPAGATING, is_new=False), Moved("z", PROPAGATING, is_new=False), Moved("y", PROPAGATING, "C2")],
        NOW,
    )
    assert third.change_of == {"a": "C1", "z": "C0", "y": "C2"}
    assert [third.changes_of(label) for label in "az"] == [("C1",), ("C0",)]


def test_one_change_needs_no_telling_and_of_several_without_a_name_all_count():  # S7
    one = address_after(a_moving_state(), [NEW, Moved("z", PROPAGATING, "C1")], NOW)
    assert (one.change_of, one.changes_of("z")) == ({}, ("C1",))
    older = a_state(address=Address(PROPAGATING, 1, ("C1", "C2"), parts={"a": PROPAGATING, "z": PROPAGATING}))
    after = address_after(older, [NEW, Moved("z", PROPAGATING, is_new=False)], NOW)
    assert after.change_of == {"a": "C1"}
    assert after.changes_of("z") == ("C1", "C2")


def failing(state, *moved):
    """The state under the next epoch, after a repair that ended like this."""
    transition = a_transition(action=TransitionAction.REPAIR)
    under_repair = replace(state, epoch=state.epoch + 1, transition=transition)
    return replace(under_repair, address=address_after(under_repair, moved or [BUSY], NOW))


def test_an_address_that_stays_owed_is_tried_again_after_gaps_that_double_up_to_a_quarter_of_an_hour():  # S6
    state = a_moving_state(address=None)
    state = replace(state, address=address_after(state, [BUSY], NOW))
    gaps = [state.address.retry_at - NOW]
    for _ in range(6):
        state = failing(state)
        gaps.append(state.address.retry_at - NOW)
    assert gaps == [10, 120, 240, 480, 900, 900, 900]
    assert failing(replace(state, address=replace(state.address, failures=10**9))).address.retry_at == NOW + 900


def test_tries_under_one_epoch_count_as_one_move():  # S6
    state = failing(a_state(address=Address(OWED, 1, failures=2)))
    assert state.address.failures == 3
    assert address_after(state, [BUSY], NOW).failures == 3


def test_whoever_moves_some_of_what_was_owed_begins_the_gaps_anew():  # S6
    state = a_state(address=Address(OWED, 1, failures=5))
    assert failing(state, NEW, BUSY).address.retry_at == NOW + 10
    assert failing(state, NEW, REFUSED).address.retry_at == NOW + 60
    assert failing(state, NEW).address == Address(PROPAGATING, 2, ("C1",))


def test_what_is_only_written_again_for_its_guard_is_no_progress():  # S6
    """One zone is forbidden for good, the other is written again under each new epoch."""
    parts = {NEW.label: PROPAGATING, BUSY.label: OWED}
    state = a_state(address=Address(OWED, 1, ("C0",), parts=parts, failures=2))
    assert failing(state, NEW, BUSY).address.retry_at == NOW + 240


def test_another_target_begins_the_gaps_anew():  # S6
    state = a_moving_state(address=Address(OWED, 1, failures=5))
    assert address_after(state, [BUSY], NOW).retry_at == NOW + 10


def test_what_aws_refuses_for_good_waits_a_minute_before_it_is_tried_again():  # S6
    state = a_moving_state(address=None)
    assert address_after(state, [REFUSED], NOW).retry_at == NOW + 60
    assert address_after(state, [NEW, REFUSED], NOW).retry_at == NOW + 60


def test_a_fault_that_may_pass_is_tried_again_soon_also_beside_one_that_does_not():  # S6
    assert address_after(a_moving_state(address=None), [REFUSED, BUSY], NOW).retry_at == NOW + 10


def test_what_somebody_changed_is_due_at_once_and_its_first_failure_waits_as_any_first():  # S5
    drifted = address_owed(a_state(), NOW)
    assert (drifted.address.retry_at, drifted.address.failures) == (NOW, 0)
    assert failing(drifted).address.retry_at == NOW + 10
    assert failing(drifted, REFUSED).address.retry_at == NOW + 60


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
