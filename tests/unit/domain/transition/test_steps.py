"""What each step of a transition does to the state: epochs grow, the lease moves under a proof only."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import (
    EXECUTION,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.errors import UnprovenError
from understudy.domain.cluster.intervals import change_gaps_s
from understudy.domain.cluster.policy import FailoverBudget, Policy
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.tuning import Tuning
from understudy.domain.cluster.view import ClusterView
from understudy.domain.lease.proof import find_proof
from understudy.domain.lease.terms import terms_of
from understudy.domain.transition.addresses import Moved
from understudy.domain.transition.steps import (
    STAGE_SLACK_S,
    TRY_LIMIT_S,
    address_owed,
    addresses_moved,
    deadline,
    entered,
    fenced,
    granted,
    kept_terms,
    opened,
    proof_in_hand,
)


def open_to(target: Any, state: Any, definition: Any = None, **changes: Any) -> Any:
    usual: Any = {"action": TransitionAction.FAILOVER, "rule": "active-is-silent", "execution": EXECUTION, "now": NOW}
    return opened(state, definition or a_definition(3), target=target, **{**usual, **changes})


def test_opening_takes_the_lease_from_the_active_node_under_the_next_epoch():  # B1
    after = open_to(NODE_B, a_state())
    assert (after.epoch, after.active) == (2, None)


def test_the_node_before_is_kept_with_all_that_its_proof_will_need():  # B4
    after = open_to(NODE_B, a_state(node_a=a_report(heard_at=NOW - 7)))
    assert after.previous == a_previous(renewed_at=NOW - 7)


def test_the_transition_says_who_what_why_and_how_long():  # B5
    after = open_to(NODE_B, a_state(), tried=(NODE_C,))
    assert after.transition == a_transition(tried=(NODE_C,))


def test_opening_to_the_node_that_serves_leaves_it_the_lease():  # S5
    after = open_to(NODE_A, a_state(), action=TransitionAction.REPAIR)
    assert (after.epoch, after.active, after.previous) == (2, NODE_A, None)


def test_the_node_that_served_last_gets_its_lease_back_without_a_proof():
    after = open_to(NODE_A, a_moving_state(transition=None), action=TransitionAction.PLACE)
    assert (after.epoch, after.active, after.previous) == (3, NODE_A, None)


@pytest.mark.parametrize("proof", [None, Proof.RELEASED])
def test_the_node_before_is_inherited_with_its_proof_while_nobody_holds_the_lease(proof):  # B4
    before = a_moving_state(3, previous=a_previous(proof=proof))
    after = open_to(NODE_C, before)
    assert after.previous == a_previous(proof=proof)
    assert after.transition is not None
    assert after.transition.source == NODE_A


def test_a_new_cluster_has_nobody_before():
    after = open_to(NODE_A, a_state(active=None, epoch=0))
    assert (after.previous, after.transition.source) == (None, None)


def test_only_failovers_of_the_window_are_remembered():  # B6
    definition = a_definition(policy=Policy(max_failovers=FailoverBudget(3, 600)))
    before = a_state(failover_times=(NOW - 601, NOW - 600, NOW - 599))
    assert open_to(NODE_B, before, definition).failover_times == (NOW - 599,)
    assert open_to(NODE_B, before, definition, spends_budget=True).failover_times == (NOW - 599, NOW)


def test_a_longer_lease_is_in_force_at_once_and_a_shorter_one_not_before_the_next_grant():  # B4
    longer, shorter = a_definition(policy=Policy(lease_s=60)), a_definition(policy=Policy(lease_s=5))
    assert kept_terms(a_state(), longer).lease_s == 60
    assert kept_terms(a_state(), shorter).lease_s == 12
    assert open_to(NODE_A, a_state(), shorter).terms.lease_s == 12
    assert granted(a_moving_state(), shorter, Proof.RELEASED).terms == terms_of(shorter.policy)


def test_the_terms_of_the_holder_stand_until_the_grant():
    assert open_to(NODE_B, a_state(), a_definition(policy=Policy(lease_s=60))).terms == a_state().terms


def test_a_node_that_gets_its_lease_back_may_still_count_on_its_longer_one():  # B4
    """It serves under 60 s, loses the lease, the definition is shortened, and it gets the lease back unread."""
    state = a_moving_state(transition=None, previous=a_previous(lease_s=60))
    back = open_to(NODE_A, state)
    assert back.terms.lease_s == 60
    assert open_to(NODE_B, back).previous.lease_s == 60


def test_nobody_holding_the_lease_new_terms_are_in_force_at_once():
    assert kept_terms(a_moving_state(), a_definition(policy=Policy(lease_s=5))).lease_s == 5


def test_no_step_goes_on_without_a_proof():  # B4
    with pytest.raises(UnprovenError, match=f"orders-db, epoch 2: no proof against {NODE_A}"):
        proof_in_hand(a_moving_state())


def test_a_recorded_proof_is_in_hand():  # B4
    with pytest.raises(UnprovenError, match="not every member has been asked"):
        proof_in_hand(a_moving_state(previous=None))
    moving = a_moving_state(previous=None, transition=a_transition(stage=Stage.MOVING))
    assert proof_in_hand(moving) is Proof.NO_HOLDER
    unproven = replace(moving, transition=a_transition(stage=Stage.MOVING, without_proof=True))
    assert proof_in_hand(unproven) is Proof.UNPROVEN
    assert proof_in_hand(a_moving_state(previous=None, active=NODE_B)) is Proof.KEEPS_LEASE
    assert proof_in_hand(fenced(a_moving_state(), Proof.STOPPED)) is Proof.STOPPED


def test_there_is_nobody_to_fence_when_nobody_was_before():
    state = a_moving_state(previous=None)
    assert fenced(state, Proof.NO_HOLDER) == state


def test_the_grant_gives_the_lease_to_the_target_and_forgets_the_node_before():
    after = granted(fenced(a_moving_state(), Proof.RELEASED), a_definition(), Proof.RELEASED)
    assert (after.active, after.previous, after.epoch) == (NODE_B, None, 2)


def test_a_stage_has_its_own_deadline():
    after = entered(ClusterView(a_moving_state(), a_definition(), NOW + 5), Stage.STARTING)
    assert after.transition == a_transition(stage=Stage.STARTING, deadline_at=NOW + 5 + 120 + STAGE_SLACK_S)


def test_without_a_transition_there_is_no_stage_to_enter():
    assert entered(ClusterView(a_state(), a_definition(), NOW), Stage.STARTING) == a_state()


@pytest.mark.parametrize(
    ("stage", "waits_s"),
    [(Stage.FENCING, 60), (Stage.MOVING, 3 * (2 + TRY_LIMIT_S)), (Stage.GRANTING, 0), (Stage.STARTING, 120)],
)
def test_a_deadline_covers_the_waits_of_its_stage(stage, waits_s):
    assert deadline(stage, a_definition(), NOW) == NOW + waits_s + STAGE_SLACK_S


@pytest.mark.parametrize("tries", [1, 3, 100])
def test_a_route_53_that_hangs_is_given_up_by_its_tries_and_not_by_the_deadline(tries):  # S6 S7
    tuning = Tuning(ROUTE53_RECORD_TRY_COUNT=tries, ROUTE53_CHANGEID_TRY_COUNT=tries)
    definition = a_definition(tuning=tuning)
    assert deadline(Stage.MOVING, definition, 0) > tries * (tuning.ROUTE53_RECORD_INTERVAL + TRY_LIMIT_S)
    polls = change_gaps_s(tuning)
    assert deadline(Stage.CONFIRMING, definition, 0) > sum(polls) + (len(polls) + 1) * TRY_LIMIT_S


def test_an_accepted_change_is_propagating_under_this_epoch():  # B2
    moved = addresses_moved(a_moving_state(), [Moved("the record", AddressStatus.PROPAGATING, "C1")], NOW)
    assert moved.address == Address(AddressStatus.PROPAGATING, 2, ("C1",))


def test_an_address_that_is_not_known_to_lead_where_it_should_is_due_at_once():  # S5
    assert address_owed(a_moving_state(), NOW).address == Address(AddressStatus.OWED, 2, retry_at=NOW)


def test_the_next_try_of_a_chain_knows_when_its_execution_began():
    first = a_moving_state(transition=a_transition(opened_at=NOW))

    def following(state, now, **changes):
        usual = {"action": TransitionAction.FAILOVER, "target": NODE_A, "rule": "r", "execution": EXECUTION}
        return opened(state, a_definition(3), now=now, **{**usual, **changes})

    second = following(first, NOW + 100, tried=(NODE_B,))
    third = following(second, NOW + 200, tried=(NODE_B, NODE_A))
    assert [each.transition.execution_begun_at for each in (first, second, third)] == [NOW] * 3
    assert following(third, NOW + 300).transition.execution_begun_at == NOW + 300  # another execution


class World:
    """A cluster, and beside it what its agents know: who may serve, and until when by what it was able to read."""

    def __init__(self) -> None:
        self.now: float = NOW
        self.definition = a_definition(3)
        self.state = a_state(3)
        self.holder = NODE_A
        self.counts_until = NOW + 12.0
        self.has_stopped = False

    def wait(self, seconds: int) -> None:
        self.now += seconds

    def put_definition(self, lease_s: int) -> None:
        self.definition = replace(self.definition, policy=Policy(lease_s=lease_s))
        self.state = replace(self.state, terms=kept_terms(self.state, self.definition))

    def beat(self, node: str, service: ServiceStatus, *, has_read: bool) -> None:
        """An agent that can read serves under the lease only; one that cannot goes on with what it read last."""
        is_active = self.state.active == node
        known = self.state.nodes[node]
        epoch = self.state.epoch if has_read else known.read_epoch
        if has_read and not is_active:
            service = ServiceStatus.OUT_OF_SERVICE
        report = replace(known, heard_at=int(self.now), read_epoch=epoch, service=service)
        self.state = replace(self.state, nodes={**self.state.nodes, node: report})
        if has_read and node == self.holder:
            self.has_stopped = not is_active
            self.counts_until = self.now + self.state.terms.lease_s if is_active else self.now

    def open(self, target: str) -> None:
        self.state = open_to(target, self.state, self.definition, now=int(self.now))

    def fence(self, power: PowerReading) -> None:
        if proof := find_proof(ClusterView(self.state, a_definition(), self.now), power):
            self.has_stopped = self.has_stopped or proof is Proof.STOPPED
            self.state = fenced(self.state, proof)

    def grant(self) -> None:
        if self.state.transition is None or self.state.active is not None:
            return
        try:
            self.state = granted(self.state, self.definition, proof_in_hand(self.state))
        except UnprovenError:
            return
        assert self.state.active is not None
        assert self.state.active == self.holder or self.has_stopped or self.now >= self.counts_until
        heard_at = self.state.nodes[self.state.active].heard_at or 0
        self.holder, self.has_stopped = self.state.active, False
        self.counts_until = heard_at + self.state.terms.lease_s


NODES = st.sampled_from([NODE_A, NODE_B, NODE_C])
STEPS = st.one_of(
    st.builds(lambda seconds: lambda world: world.wait(seconds), st.sampled_from([1, 5, 15, 50])),
    st.builds(lambda lease_s: lambda world: world.put_definition(lease_s), st.sampled_from([6, 60])),
    st.builds(
        lambda node, service, has_read: lambda world: world.beat(node, service, has_read=has_read),
        NODES,
        st.sampled_from(list(ServiceStatus)),
        st.booleans(),
    ),
    st.builds(lambda node: lambda world: world.open(node), NODES),
    st.builds(
        lambda power: lambda world: world.fence(power), st.sampled_from([PowerReading.UNKNOWN, PowerReading.STOPPED])
    ),
    st.just(lambda world: world.grant()),
)


# B1 B4
@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_epochs_grow_and_the_lease_goes_to_another_node_only_under_a_proof(steps):
    world = World()
    for step in steps:
        before = world.state
        step(world)
        after = world.state
        assert after.epoch in (before.epoch, before.epoch + 1)
        assert after.active in (before.active, None, world.holder)
        if after.active is None:
            assert after.previous is not None
            assert after.previous.node == world.holder


def test_the_lease_of_a_holder_that_may_keep_on_proves_nothing_whatever_the_definition_says_since():  # B11 B4
    state = a_state(terms=replace(terms_of(Policy()), on_isolation="keep"))
    assert kept_terms(state, a_definition(policy=Policy())).on_isolation == "keep"
    after = open_to(NODE_B, replace(state, terms=kept_terms(state, a_definition(policy=Policy()))))
    assert after.previous.keeps_lease is False
    assert find_proof(ClusterView(after, a_definition(), NOW + 10**6), PowerReading.UNKNOWN) is None
    assert find_proof(ClusterView(after, a_definition(), NOW), PowerReading.STOPPED) is Proof.STOPPED
    again = open_to(NODE_A, after)
    assert again.terms.on_isolation == "keep"


def test_a_holder_may_keep_on_as_soon_as_a_definition_says_so():  # B11
    assert kept_terms(a_state(), a_definition(policy=Policy(on_isolation="keep"))).on_isolation == "keep"
    nobody = a_state(active=None, previous=None, terms=replace(terms_of(Policy()), on_isolation="keep"))
    assert kept_terms(nobody, a_definition(policy=Policy())) == terms_of(Policy())


# B11
@pytest.mark.parametrize(("proof", "promise_s"), [(Proof.LEASE_EXPIRED, 12), (Proof.RELEASED, 5), (Proof.STOPPED, 5)])
def test_a_shorter_promise_waits_until_no_node_can_have_a_longer_one(proof, promise_s):
    shorter = a_definition(policy=Policy(promise_s=5))
    assert kept_terms(a_state(), shorter).promise_s == 12
    moving = a_moving_state(previous=a_previous(proof=proof))
    assert kept_terms(moving, shorter).promise_s == 12
    assert granted(moving, shorter, proof).terms.promise_s == promise_s
