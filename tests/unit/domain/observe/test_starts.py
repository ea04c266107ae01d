"""A start that failed is not forgotten before there is a reason to think that the service would start."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    TCP_REMOTE,
    a_definition,
    a_failed_start,
    a_moving_state,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.cluster.policy import FailbackPolicy, Policy
from understudy.domain.cluster.reach import Reach
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.failback import preferred_since
from understudy.domain.decide.rules import decide
from understudy.domain.decide.situation import Candidate, Observer, fit_candidates, sound_candidates, survey
from understudy.domain.observe.starts import failed_starts, failed_words, tried_with, with_failure_of_holder
from understudy.domain.transition.opening import Exhausted, Opening, Refused, rule_on_next, rule_on_request
from understudy.domain.transition.steps import opened

FAILED, DOWN, UP = ServiceStatus.FAILED, ServiceStatus.OUT_OF_SERVICE, ServiceStatus.IN_SERVICE
STARTING = a_transition(stage=Stage.STARTING)
NEVER_AGAIN = Policy(retry_failed_start=False)
EXECUTION = STARTING.execution


def counts(state: Any, **definition: Any) -> set[str]:
    return set(failed_starts(state, a_definition(3, **definition)))


def noted(state: Any, **definition: Any) -> set[str]:
    return set(with_failure_of_holder(ClusterView(state, a_definition(3, **definition), NOW)))


def granted_b(**node_b: Any) -> Any:
    """node-b holds the lease of epoch 2 and is to start."""
    report = a_report(NODE_B, **{"read_epoch": 2, **node_b})
    return a_moving_state(3, active=NODE_B, previous=None, transition=STARTING, node_b=report)


# B20
@pytest.mark.parametrize(
    ("node_b", "still"),
    [
        ({}, True),
        ({"beat": 86_404_000, "heard_at": NOW + 4}, True),
        ({"boot": "another-boot"}, False),
        ({"config": "abc123"}, False),
        ({"service": UP, "read_epoch": 0}, False),
        ({"service": UP, "read_epoch": 1}, True),
        ({"service": ServiceStatus.STARTING, "read_epoch": 0}, True),
        ({"service": UP, "read_epoch": 0, "named": "ffffff"}, True),
    ],
    ids=[
        "nothing-new",
        "only-later",
        "booted-anew",
        "configured-otherwise",
        "served-then-as-is-heard-late",
        "serves-without-a-lease",
        "starts",
        "serves-something-else",
    ],
)
def test_a_failed_start_counts_until_its_node_has_served_booted_anew_or_changed(node_b, still):
    state = a_state(3, failed_starts=a_failed_start(), node_b=a_report(NODE_B, **node_b))
    assert (NODE_B in counts(state)) is still


def test_it_is_over_when_the_node_serves_under_its_lease_of_now():  # B20
    serving = {"active": NODE_B, "failed_starts": a_failed_start(), "epoch": 5}
    assert counts(a_state(3, **serving, node_b=a_report(NODE_B, service=UP, read_epoch=4))) == {NODE_B}
    assert counts(a_state(3, **serving, node_b=a_report(NODE_B, service=UP, read_epoch=5))) == set()
    assert counts(a_state(3, **serving, node_b=a_report(NODE_B, service=UP, keeps_lease=False))) == set()


def test_a_node_that_is_no_member_any_more_has_no_failed_start():  # B20
    assert counts(a_state(2, failed_starts=a_failed_start(NODE_C))) == set()


# B20
@pytest.mark.parametrize(
    ("node_b", "failed"),
    [
        ({"service": FAILED}, True),
        ({"service": FAILED, "read_epoch": 1}, True),
        ({"service": ServiceStatus.STARTING}, True),
        ({"service": DOWN, "read_epoch": 1}, True),
        ({"service": UP}, False),
        ({"service": UP, "read_epoch": 1}, True),
        ({"service": DOWN, "named": "ffffff"}, False),
    ],
    ids=["says-so", "said-so-before", "hangs", "has-not-read", "serves", "served-before", "means-other-services"],
)
def test_who_holds_the_lease_and_is_not_in_service_when_it_is_taken_away_has_failed_to_start(node_b, failed):
    assert (NODE_B in noted(granted_b(**node_b))) is failed


def test_a_node_that_quorum_keeps_from_starting_has_not_failed_to_start():  # S12 B20
    lost = granted_b(service=DOWN, quorum=Reach(1, 3))
    assert noted(lost, quorum=TCP_REMOTE) == set()
    assert noted(lost) == {NODE_B}
    assert noted(granted_b(service=FAILED, quorum=Reach(1, 3)), quorum=TCP_REMOTE) == {NODE_B}
    assert noted(granted_b(service=DOWN, quorum=Reach(3, 3)), quorum=TCP_REMOTE) == {NODE_B}
    assert noted(granted_b(service=DOWN), quorum=TCP_REMOTE) == {NODE_B}


def test_a_node_that_served_and_gave_up_has_failed_to_start_again():  # B20
    """Its agent has tried to start the service again, and says FAILED when that was to no avail."""
    assert noted(a_state(3, node_a=a_report(service=FAILED))) == {NODE_A}
    assert noted(a_state(3, node_a=a_report(service=FAILED, read_epoch=0))) == set()
    assert noted(a_state(3, node_a=a_report(service=DOWN))) == set()
    assert noted(a_state(3, active=None)) == set()
    assert noted(a_state(3, active="i-unknown")) == set()


def test_a_start_that_fails_once_more_has_failed_since_the_first_time():  # B20
    state = replace(granted_b(service=FAILED), failed_starts=a_failed_start())
    failed = with_failure_of_holder(ClusterView(state, a_definition(3), NOW))[NODE_B]
    assert (failed.at, failed.epoch, failed.of) == (NOW - 3600, 2, tried_with(state.nodes[NODE_B]))


def test_the_opening_that_takes_the_lease_away_notes_it_in_the_same_write():  # B20
    move = {"action": TransitionAction.FAILOVER, "rule": "r", "execution": "e", "now": NOW}
    after = opened(granted_b(service=FAILED), a_definition(3), target=NODE_C, **move)
    assert set(after.failed_starts) == {NODE_B}
    stays = opened(granted_b(service=FAILED), a_definition(3), target=NODE_B, **move)
    assert stays.failed_starts == {}


def test_it_is_told_in_words():  # B5 B20
    state = a_state(3, failed_starts=a_failed_start(epoch=7))
    assert failed_words(ClusterView(state, a_definition(3), NOW), NODE_B) == (
        "the service did not start on node-b 3600 s ago (epoch 7)"
    )
    assert failed_words(ClusterView(state, a_definition(3), NOW), NODE_C) == ""


# --- who is chosen -------------------------------------------------------------------------------


def test_a_node_on_which_the_service_did_not_start_is_the_last_choice_whatever_its_priority():  # B20
    state = a_state(3, failed_starts=a_failed_start())
    assert fit_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_C, NODE_B)
    assert sound_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_C,)
    assert fit_candidates(ClusterView(state, a_definition(3), NOW), without=(NODE_C,)) == (NODE_B,)
    assert fit_candidates(ClusterView(state, a_definition(3, policy=NEVER_AGAIN), NOW)) == (NODE_C,)


def test_without_the_memory_it_would_be_the_first():  # B20
    assert fit_candidates(ClusterView(a_state(3), a_definition(3), NOW)) == (NODE_B, NODE_C)


# B20
@pytest.mark.parametrize(
    ("policy", "candidate", "rule"),
    [
        (Policy(), Candidate.RETRY, "active-is-gone"),
        (NEVER_AGAIN, Candidate.NO_RETRY, "told-and-only-failed-starts-left"),
    ],
)
def test_when_no_other_is_left_the_policy_says_whether_it_is_tried_again(policy, candidate, rule):
    state = a_state(2, failed_starts=a_failed_start(), node_a=an_off_report())
    seen = survey(ClusterView(state, a_definition(policy=policy), NOW), Observer.TRUSTED)
    assert (seen.candidate, decide(seen).rule) == (candidate, rule)


def test_the_service_never_goes_back_by_itself_to_a_node_on_which_it_did_not_start():  # B6 B20
    definition = a_definition(policy=Policy(failback=FailbackPolicy("automatic", stable_for_s=60)))
    down = a_report(NODE_A, service=DOWN)
    away = a_state(2, active=NODE_B, node_a=down, node_b=a_report(NODE_B, service=UP))
    failed = replace(away, failed_starts=a_failed_start(NODE_A))
    assert (
        preferred_since(ClusterView(away, definition, NOW), sound_candidates(ClusterView(away, definition, NOW))) == NOW
    )
    assert (
        preferred_since(ClusterView(failed, definition, NOW), sound_candidates(ClusterView(failed, definition, NOW)))
        is None
    )


def asked(state: Any, policy: Policy | None = None, **request: Any) -> Any:
    definition = a_definition(len(state.nodes), policy=policy or Policy())
    return rule_on_request(Request("orders-db", **request), "e", ClusterView(state, definition, NOW))


def test_a_planned_move_to_a_node_on_which_the_service_did_not_start_is_refused_until_it_is_cleared():  # S10 B20
    for members in (2, 3):
        failed = a_state(members, failed_starts=a_failed_start())
        ruling = asked(failed, to="node-b")
        assert isinstance(ruling, Refused)
        assert '{"cluster": "orders-db", "action": "clear", "node": "node-b"}' in ruling.why
    assert isinstance(asked(a_state(2, failed_starts=a_failed_start())), Refused)
    assert isinstance(asked(a_state(2), to="node-b"), Opening)


def test_a_planned_move_that_names_no_node_goes_to_another_one():  # S10 B20
    assert asked(a_state(3, failed_starts=a_failed_start())).target == NODE_C


def test_a_failover_that_a_person_asks_for_goes_there_when_no_other_node_is_left():  # S10 B20
    failover = {"action": TransitionAction.FAILOVER, "to": "node-b"}
    gone = {"node_a": an_off_report(), "failed_starts": a_failed_start()}
    failed = a_state(2, **gone)
    assert asked(failed, **failover).target == NODE_B
    assert isinstance(asked(failed, NEVER_AGAIN, **failover), Refused)
    assert isinstance(asked(a_state(3, **gone), **failover), Refused)
    assert isinstance(asked(a_state(2, failed_starts=a_failed_start()), **failover), Refused), "node-a serves"


def test_a_person_who_names_no_node_is_told_of_the_failed_start_when_the_policy_tries_none_again():  # S10 B20
    ruling = asked(a_state(2, failed_starts=a_failed_start()), NEVER_AGAIN)
    assert "node-b is READY, but the service did not start on node-b" in ruling.why


def test_a_failover_to_the_last_choice_says_so():  # B5 B20
    gone = an_off_report()
    state = a_state(2, node_a=gone, failed_starts=a_failed_start())
    ruling = asked(state, action=TransitionAction.FAILOVER, rule="active-is-gone", epoch=2)
    assert ruling.why.endswith("; the service did not start on node-b 3600 s ago (epoch 0), and no other node is left")
    assert (
        "did not start"
        not in asked(
            replace(state, failed_starts={}), action=TransitionAction.FAILOVER, rule="active-is-gone", epoch=2
        ).why
    )


def test_the_next_try_goes_back_where_the_service_ran_but_not_where_it_had_failed():  # S10 B20
    moving = a_transition(action=TransitionAction.SWITCHOVER, target=NODE_B, stage=Stage.STARTING)
    state = replace(granted_b(service=FAILED), transition=moving)
    state = replace(state, nodes={**state.nodes, NODE_A: a_report(service=DOWN)})
    ruling = rule_on_next(2, EXECUTION, ClusterView(state, a_definition(3), NOW))
    assert (ruling.target, ruling.tried) == (NODE_A, (NODE_B,))
    failed = replace(state, failed_starts=a_failed_start(NODE_A))
    assert rule_on_next(2, EXECUTION, ClusterView(failed, a_definition(3), NOW)).target == NODE_C
    alone = replace(failed, nodes={each: failed.nodes[each] for each in (NODE_A, NODE_B)})
    assert rule_on_next(2, EXECUTION, ClusterView(alone, a_definition(2), NOW)).target == NODE_A
    assert isinstance(
        rule_on_next(2, EXECUTION, ClusterView(alone, a_definition(2, policy=NEVER_AGAIN), NOW)), Exhausted
    )
