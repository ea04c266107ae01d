"""Going back by itself to the node of the best priority (B6)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_report, a_state, a_transition
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.policy import FailbackPolicy, FailoverBudget, Policy
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.failback import is_failback_due, is_open, preferred_since
from understudy.domain.decide.rules import Action, decide
from understudy.domain.decide.situation import Observer, fit_candidates, survey

STABLE_S = 600
THURSDAY = 20_000 * 86_400 - 20_000 % 7 * 86_400
"""A midnight: the first day of 1970 was a Thursday, too."""
FRIDAY = THURSDAY + 86_400


def a_policy(budget: FailoverBudget | None = None, **failback: Any) -> Any:
    policy = FailbackPolicy("automatic", **failback)
    return a_definition(policy=Policy(failback=policy, max_failovers=budget or FailoverBudget()))


def on_b(**changes: Any) -> Any:
    """The service is on node-b, and node-a, which is preferred, has been fit for long enough."""
    usual: dict[str, Any] = {
        "active": NODE_B,
        "node_a": a_report(service=ServiceStatus.OUT_OF_SERVICE),
        "node_b": a_report(NODE_B, service=ServiceStatus.IN_SERVICE),
        "preferred_since": NOW - STABLE_S,
    }
    return a_state(**{**usual, **changes})


def is_due(state: Any, definition: Any = None, now: int = NOW) -> bool:
    definition = definition or a_policy()
    return is_failback_due(ClusterView(state, definition, now), fit_candidates(ClusterView(state, definition, now)))


def since(state: Any, definition: Any = None) -> int | None:
    definition = definition or a_policy()
    return preferred_since(ClusterView(state, definition, NOW), fit_candidates(ClusterView(state, definition, NOW)))


def test_a_preferred_node_that_has_been_fit_for_long_enough_gets_the_service_back():  # B6
    situation = survey(ClusterView(on_b(), a_policy(), NOW), Observer.TRUSTED)
    decision = decide(situation)
    assert (decision.rule, decision.action, situation.target) == (
        "preferred-node-is-stable",
        Action.FAIL_BACK,
        NODE_A,
    )


def test_not_a_second_earlier():  # B6
    assert not is_due(on_b(preferred_since=NOW - STABLE_S + 1))
    assert is_due(on_b(preferred_since=NOW - STABLE_S))


def test_nothing_goes_back_by_itself_unless_the_policy_says_so():  # B6
    assert not is_due(on_b(), a_definition())


def test_the_time_begins_when_the_preferred_node_is_seen_fit():
    assert since(on_b(preferred_since=None)) == NOW
    assert since(on_b()) == NOW - STABLE_S


@pytest.mark.parametrize(
    "changes",
    [
        {"active": NODE_A},
        {"active": None},
        {"transition": a_transition()},
        {"node_a": a_report(service=ServiceStatus.FAILED)},
        {"node_a": a_report(heard_at=NOW - 15)},
    ],
    ids=["it serves already", "nobody serves", "a transition is open", "it failed", "it is silent"],
)
def test_the_time_begins_anew_after_every_break(changes):  # B6
    assert since(on_b(**changes)) is None
    assert not is_due(on_b(**changes))


def test_a_gap_in_its_beats_that_nobody_was_there_to_see_begins_the_time_anew():  # B3
    state = on_b(node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE, heard_since=NOW - 30))
    assert since(state) == NOW - 30


def test_an_address_that_is_owed_comes_first():
    assert not is_due(on_b(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 60)))
    assert is_due(on_b(address=Address(AddressStatus.PROPAGATING, 1)))
    assert is_due(on_b(address=None))


@pytest.mark.parametrize(("spent", "expected"), [(0, True), (1, True), (2, False), (3, False)])
def test_the_last_failover_of_a_window_is_never_spent_on_going_back(spent, expected):  # B6
    state = on_b(failover_times=(NOW - 60,) * spent)
    assert is_due(state, a_policy(FailoverBudget(3, 3600))) is expected


def test_a_budget_that_was_spent_long_ago_counts_no_more():
    assert is_due(on_b(failover_times=(NOW - 3600,) * 3), a_policy(FailoverBudget(3, 3600)))


@pytest.mark.parametrize(
    ("observer", "rule"),
    [(Observer.TRUSTED, "preferred-node-is-stable"), (Observer.SUSPECT, "failback-waits-for-observer")],
)
def test_nothing_is_begun_while_the_observer_is_doubted(observer, rule):  # B3
    assert decide(survey(ClusterView(on_b(), a_policy(), NOW), observer)).rule == rule


# The hours, in UTC.


@pytest.mark.parametrize(
    ("hours", "days", "minute", "expected"),
    [
        ("", (), 0, True),
        ("", ("thu",), 1439, True),
        ("", ("fri",), 0, False),
        ("02:00-04:00", (), 119, False),
        ("02:00-04:00", (), 120, True),
        ("02:00-04:00", (), 239, True),
        ("02:00-04:00", (), 240, False),
        ("02:00-04:00", ("thu",), 120, True),
        ("02:00-04:00", ("fri",), 120, False),
        ("22:00-06:00", (), 359, True),
        ("22:00-06:00", (), 360, False),
        ("22:00-06:00", (), 1319, False),
        ("22:00-06:00", (), 1320, True),
        ("22:00-06:00", ("thu",), 1320, True),
        ("22:00-06:00", ("thu",), 60, False),
        ("22:00-06:00", ("wed",), 60, True),
        ("22:00-06:00", ("wed",), 1320, False),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(hours, days, minute, expected):  # B6
    assert is_open(FailbackPolicy("automatic", STABLE_S, hours, days), THURSDAY + minute * 60) is expected


def test_outside_the_hours_a_stable_node_waits():  # B6
    state = on_b()
    begin = f"{(NOW // 3600 + 1) % 24:02}:00"
    end = f"{(NOW // 3600 + 2) % 24:02}:00"
    assert not is_due(state, a_policy(hours=f"{begin}-{end}"))
    later = replace(state, nodes={each: replace(report, heard_at=NOW + 3600) for each, report in state.nodes.items()})
    assert is_due(later, a_policy(hours=f"{begin}-{end}"), now=NOW + 3600)
