"""What a node's own word on its data does to its taking over (B20)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import (
    MAJORITY,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    SPECS,
    TCP_REMOTE,
    WITNESS_C,
    a_definition,
    a_failed_start,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.advise.explain import explain
from understudy.domain.cluster.departure import Cause, Departure
from understudy.domain.cluster.fitness import FITNESS_LIMIT, MARGIN_LIMIT, Fitness
from understudy.domain.cluster.policy import FailbackPolicy, FitnessPolicy, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.service_names import digest_of
from understudy.domain.cluster.state import ClusterState, NodeReport, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import ADVICE, decide
from understudy.domain.decide.situation import (
    NO_FIT_STANDBY,
    Candidate,
    Holder,
    Observer,
    fit_candidates,
    sound_candidates,
    survey,
)
from understudy.domain.observe.fitness import by_fitness, fitness_objection, fitness_words
from understudy.domain.transition.drill import objections
from understudy.domain.transition.opening import Exhausted, Opening, Refused, rule_on_next, rule_on_request

UP, DOWN = ServiceStatus.IN_SERVICE, ServiceStatus.OUT_OF_SERVICE
NOT_FIT = Fitness(None)
REQUIRED = Policy(fitness=FitnessPolicy(required=True))
SAYS_NOT = "it says that it is not fit to take over"
SAYS_NOTHING = "it does not say how fit it is, and policy.fitness.required is true"


def word(said: int | bool | None) -> Fitness | None:
    """As a test writes it: a number, False for not fit, None for no word."""
    return None if said is None else Fitness(None if said is False else said)


def standby(instance_id: str, said: int | bool | None, **changes: Any) -> NodeReport:
    usual = {"fitness": word(said), "service": DOWN, "named": digest_of(["postgresql"])}
    return a_report(instance_id, **{**usual, **changes})


def three(b: int | bool | None, c: int | bool | None, **changes: Any) -> ClusterState:
    return a_state(3, node_b=standby(NODE_B, b), node_c=standby(NODE_C, c), **changes)


def view(state: ClusterState, policy: Policy | None = None, **definition: Any) -> ClusterView:
    return ClusterView(state, a_definition(len(state.nodes), policy=policy or Policy(), **definition), NOW)


def candidates(state: ClusterState, policy: Policy | None = None) -> tuple[str, ...]:
    return fit_candidates(view(state, policy))


def with_margin(margin: int, *, required: bool = False) -> Policy:
    return Policy(fitness=FitnessPolicy(required, margin))


# --- who may take over, and in which order --------------------------------------------------------


def test_a_node_that_says_that_it_is_not_fit_takes_nothing_over_under_any_policy():
    for policy in (Policy(), REQUIRED, with_margin(MARGIN_LIMIT)):
        assert candidates(three(False, 0), policy) == (NODE_C,)
        assert candidates(three(False, False), policy) == ()


def test_a_node_that_cannot_say_takes_nothing_over_only_where_the_policy_requires_it():
    assert candidates(three(None, None)) == (NODE_B, NODE_C)
    assert candidates(three(None, 0), REQUIRED) == (NODE_C,)
    assert candidates(three(None, None), REQUIRED) == ()


@pytest.mark.parametrize(
    ("b", "c", "margin", "first"),
    [
        (0, 0, 0, NODE_B),
        (0, 1, 0, NODE_C),
        (0, 100, 100, NODE_B),
        (0, 101, 100, NODE_C),
        (-8192, -100, 4096, NODE_C),
        (5, -100, 0, NODE_B),
        (None, -(10**12), 0, NODE_C),
        (1 - FITNESS_LIMIT, FITNESS_LIMIT - 1, MARGIN_LIMIT, NODE_B),
    ],
)
def test_a_better_priority_goes_first_unless_another_is_fitter_by_more_than_the_margin(b, c, margin, first):
    assert candidates(three(b, c), with_margin(margin))[0] == first


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=6), st.integers(0, 60))
def test_whoever_is_first_is_less_fit_than_nobody_by_more_than_the_margin(said, margin):
    """So is the next of those that are left, whichever have been tried already: and nobody is lost on the way."""
    ids = [f"i-{number}" for number in range(len(said))]
    nodes = {each: a_report(NODE_B, fitness=word(number)) for each, number in zip(ids, said, strict=True)}
    seen = ClusterView(replace(a_state(), nodes=nodes), a_definition(policy=with_margin(margin)), NOW)
    ordered = by_fitness(seen, ids)
    assert sorted(ordered) == ids
    for place, chosen in enumerate(ordered):
        mine = nodes[chosen].fitness
        for other in ordered[place + 1 :]:
            theirs = nodes[other].fitness
            if theirs and theirs.number is not None:
                assert mine and mine.number is not None
                assert theirs.number - mine.number <= margin
            if theirs == mine:
                assert ids.index(chosen) < ids.index(other)


def test_a_node_where_the_service_did_not_start_comes_last_however_fit_it_is():
    state = three(1000, 0, failed_starts=a_failed_start())
    assert candidates(state) == (NODE_C, NODE_B)
    assert sound_candidates(view(state)) == (NODE_C,)


def test_a_node_that_aws_takes_away_comes_after_one_that_stays_however_fit_it_is():
    going = standby(NODE_B, 1000, departure=Departure(Cause.REBALANCE, NOW))
    going = replace(going, departure_boot=going.boot)
    assert candidates(a_state(3, node_b=going, node_c=standby(NODE_C, 0))) == (NODE_C, NODE_B)


def test_a_silent_node_is_no_candidate_whatever_it_said_last():
    silent = standby(NODE_C, 10**6, heard_at=NOW - 15)
    assert candidates(a_state(3, node_b=standby(NODE_B, 0), node_c=silent)) == (NODE_B,)


def test_the_one_that_serves_already_is_adopted_whatever_it_says():
    serving = a_report(NODE_B, service=UP, fitness=NOT_FIT)
    state = a_state(2, active=None, node_a=standby(NODE_A, 7), node_b=serving)
    seen = survey(view(state, REQUIRED), Observer.TRUSTED)
    assert (decide(seen).rule, seen.target) == ("place-by-priority", NODE_B)


def test_a_node_that_lost_its_data_does_not_get_its_own_lease_back():
    ended = a_previous()
    assert survey(view(a_state(active=None, previous=ended)), Observer.TRUSTED).holder is Holder.RETURNED
    empty = a_state(active=None, previous=ended, node_a=a_report(NODE_A, service=DOWN, fitness=NOT_FIT))
    assert survey(view(empty), Observer.TRUSTED).holder is not Holder.RETURNED
    assert candidates(empty) == (NODE_B,)


# --- what follows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("b", "policy", "changes", "rule"),
    [
        (False, Policy(), {"node_a": a_report(NODE_A, heard_at=NOW - 20)}, "fitness-is-missing"),
        (None, REQUIRED, {"node_a": a_report(NODE_A, heard_at=NOW - 20)}, "fitness-is-missing"),
        (False, Policy(), {"node_a": an_off_report()}, "told-and-fitness-is-missing"),
        (False, Policy(), {"active": None, "node_a": an_off_report()}, "no-fitness-to-place-on"),
    ],
)
def test_when_no_other_node_is_fit_a_person_is_called_by_a_rule_of_its_own(b, policy, changes, rule):
    node_a = changes.pop("node_a")
    seen = survey(view(a_state(node_a=node_a, node_b=standby(NODE_B, b), **changes), policy), Observer.TRUSTED)
    assert (seen.candidate, decide(seen).rule) == (Candidate.NO_FITNESS, rule)
    assert "policy.fitness.required" in ADVICE[rule]


def test_quorum_is_named_where_it_keeps_all_of_them_out_and_fitness_where_it_does_not():
    reaches = Reach(3, 3)
    lost, unfit = standby(NODE_B, 0, quorum=Reach(1, 3)), standby(NODE_C, False, quorum=reaches)
    state = a_state(3, node_a=an_off_report(), node_b=lost, node_c=unfit)
    assert survey(view(state, quorum=TCP_REMOTE), Observer.TRUSTED).candidate is Candidate.NO_FITNESS
    nobody = replace(state, nodes={**state.nodes, NODE_C: replace(unfit, quorum=Reach(0, 3))})
    assert survey(view(nobody, quorum=TCP_REMOTE), Observer.TRUSTED).candidate is Candidate.NO_QUORUM


def test_a_service_that_runs_is_moved_by_no_number():
    """Fitness chooses among those that could take over, and is no cause for a move."""
    seen = survey(view(three(10**9, 10**12)), Observer.TRUSTED)
    assert decide(seen).rule == "active-is-ready"
    worst = three(5, 5, node_a=a_report(NODE_A, fitness=NOT_FIT))
    assert decide(survey(view(worst), Observer.TRUSTED)).rule == "active-is-ready"


def test_the_service_does_not_go_back_by_itself_to_a_node_that_is_not_fit():
    policy = Policy(failback=FailbackPolicy("automatic", stable_for_s=60))
    for said, rule in ((7, "preferred-node-is-stable"), (False, "active-is-ready")):
        home = standby(NODE_A, said)
        away = a_state(active=NODE_B, node_a=home, node_b=a_report(NODE_B, service=UP), preferred_since=NOW - 600)
        assert decide(survey(view(away, policy), Observer.TRUSTED)).rule == rule


def test_nor_to_one_that_does_not_say_while_the_one_that_serves_does():
    """It may have come back with an empty disk, and its command with it."""
    policy = Policy(failback=FailbackPolicy("automatic", stable_for_s=60))
    for home, away, rule in (
        (None, 7, "active-is-ready"),
        (None, None, "preferred-node-is-stable"),
        (7, None, "preferred-node-is-stable"),
    ):
        serving = a_report(NODE_B, service=UP, fitness=word(away))
        state = a_state(active=NODE_B, node_a=standby(NODE_A, home), node_b=serving, preferred_since=NOW - 600)
        assert decide(survey(view(state, policy), Observer.TRUSTED)).rule == rule


def test_a_drill_is_refused_where_nobody_is_fit():
    assert NO_FIT_STANDBY in objections(view(three(False, False)), Observer.TRUSTED)
    assert NO_FIT_STANDBY not in objections(view(three(False, 1)), Observer.TRUSTED)


def asked(state: ClusterState, policy: Policy | None = None, **request: Any) -> Any:
    return rule_on_request(Request("orders-db", **request), "e", view(state, policy))


@pytest.mark.parametrize("action", [TransitionAction.SWITCHOVER, TransitionAction.FAILOVER])
def test_a_move_that_a_person_asks_for_to_a_node_that_is_not_fit_is_refused_by_its_name(action):
    gone = three(False, 1, node_a=an_off_report())
    for state, policy, to, why in (
        (three(False, 1), None, "node-b", SAYS_NOT),
        (three(None, 1), REQUIRED, "node-b", SAYS_NOTHING),
        (gone, None, "node-b", SAYS_NOT),
    ):
        assert asked(state, policy, action=action, to=to) == Refused(f"{to} cannot take over now: {why}")
        assert asked(state, policy, action=action).target == NODE_C
    nobody = asked(three(False, False), action=action)
    assert nobody.why.startswith("no node of orders-db is fit to take over: ")
    assert f"node-b is READY, but {SAYS_NOT}" in nobody.why


def test_a_person_may_name_one_that_is_less_fit_than_another():
    assert asked(three(0, 10**9), action=TransitionAction.SWITCHOVER, to="node-b").target == NODE_B


def not_granted(b: int | bool | None, c: int | bool | None, **transition: Any) -> ClusterState:
    """node-b was to get the lease, and is asked about while it is not granted yet."""
    changes = {"target": NODE_B, "stage": Stage.GRANTING, **transition}
    node_a = standby(NODE_A, None)
    nodes = {"node_a": node_a, "node_b": standby(NODE_B, b), "node_c": standby(NODE_C, c)}
    return a_moving_state(3, transition=a_transition(**changes), **nodes)


def test_one_that_was_chosen_and_is_not_fit_any_more_is_passed_over_for_the_next():
    state = not_granted(False, 3)
    ruling = rule_on_next(2, a_transition().execution, view(state))
    assert isinstance(ruling, Opening)
    assert (ruling.target, ruling.rule, ruling.tried) == (NODE_C, "target-is-not-fit", (NODE_B,))
    assert ruling.why == f"node-b got no lease: {SAYS_NOT}: node-c is next"
    again = rule_on_next(2, a_transition().execution, view(not_granted(8, 3)))
    assert isinstance(again, Opening)
    assert again.why == "node-b got no lease: it was not fit when it was to get it: node-c is next"
    nobody = rule_on_next(2, a_transition().execution, view(not_granted(False, False), REQUIRED))
    assert nobody == Exhausted(f"node-b got no lease: {SAYS_NOT}, and no other node is fit")


# --- what is shown -------------------------------------------------------------------------------


def test_what_a_node_says_is_among_the_facts_with_its_age_and_the_margin():
    state = a_state(3, node_b=standby(NODE_B, -8192, heard_at=NOW - 3), node_c=standby(NODE_C, False))
    lines = explain(view(state, with_margin(4096)), Observer.TRUSTED).lines
    assert "  node-b fitness: says -8192, 3 s ago (fitness.margin 4096)" in lines
    assert f"  node-c fitness: {SAYS_NOT}, 0 s ago (fitness.margin 4096)" in lines
    assert not any(each.startswith("  node-a fitness") for each in lines)
    silent = a_state(node_b=a_report(NODE_B, heard_at=None))
    assert (
        f"  node-b fitness: {SAYS_NOTHING} (fitness.margin 0)"
        in explain(view(silent, REQUIRED), Observer.TRUSTED).lines
    )


def test_a_cluster_in_which_nobody_speaks_of_fitness_is_not_told_of_it():
    silent = {"node_a": a_report(NODE_A, heard_at=NOW - 20)}
    quiet, said = a_state(**silent), a_state(**silent, node_b=standby(NODE_B, 1))
    for state, policy, is_told in ((quiet, None, False), (said, REQUIRED, True), (said, None, True)):
        found = {each.value: each for each in explain(view(state, policy), Observer.TRUSTED).otherwise}
        assert ("NO_FITNESS" in found) is is_told
        if is_told:
            assert found["NO_FITNESS"].decision.rule == "fitness-is-missing"


def test_a_witness_is_never_asked_how_fit_it_is():
    definition = a_definition(nodes=(*SPECS[:2], WITNESS_C), policy=REQUIRED, quorum=MAJORITY)
    assert fitness_words(ClusterView(a_state(3), definition, NOW), NODE_C) == ""
    assert fitness_words(ClusterView(a_state(3), definition, NOW), NODE_B) == SAYS_NOTHING
    assert fitness_words(ClusterView(a_state(3), definition, NOW), "i-x") == ""
    assert fitness_objection(ClusterView(a_state(3), definition, NOW), NODE_C) == ""
    assert fitness_objection(ClusterView(a_state(3), definition, NOW), NODE_B) == SAYS_NOTHING
