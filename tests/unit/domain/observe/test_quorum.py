"""Quorum: a node without a majority takes nothing over, whoever asks and whatever else holds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import (
    CLUSTER,
    EXECUTION,
    HOSTS,
    MAJORITY,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    SPECS,
    TCP_REMOTE,
    WITNESS_C,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Definition, Quorum, QuorumMode
from understudy.domain.cluster.reach import QuorumHosts, Reach
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.state import (
    Alarm,
    ClusterState,
    NodeReport,
    PowerReading,
    Proof,
    ServiceStatus,
    Stage,
    TransitionAction,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import decide
from understudy.domain.decide.situation import Candidate, Holder, Observer, fit_candidates, health_of, survey
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.quorum import count_heard, hosts_of, objection
from understudy.domain.transition.opening import ACTION_OF, Opening, Refused, rule_on_next, rule_on_request
from understudy.usecases.observe.facts import facts_of

SILENT = NOW - 15
WITNESSED = (*SPECS[:2], WITNESS_C)
GOOD, BAD = Reach(2, 3), Reach(1, 3)


def a_node_b(health: NodeHealth, **changes: Any) -> NodeReport:
    """node-b in this health, its beat as `changes` say."""
    of: dict[NodeHealth, dict[str, Any]] = {
        NodeHealth.READY: {},
        NodeHealth.FAILED: {"service": ServiceStatus.FAILED},
        NodeHealth.SILENT: {"heard_at": SILENT},
        NodeHealth.GONE: {"power": PowerReading.STOPPED, "power_at": NOW, "power_boot": "bbbbbbbb"},
        NodeHealth.UNKNOWN: {"heard_at": None},
    }
    return a_report(NODE_B, **of[health], **changes)


@pytest.mark.parametrize("health", NodeHealth)
@pytest.mark.parametrize(
    ("quorum", "reach", "is_enough"),
    [
        (Quorum(), None, True),
        (Quorum(), Reach(0, 3), True),
        (TCP_REMOTE, Reach(3, 3), True),
        (TCP_REMOTE, Reach(2, 3), True),
        (TCP_REMOTE, Reach(1, 3), False),
        (TCP_REMOTE, Reach(0, 3), False),
        (TCP_REMOTE, None, False),
        (TCP_REMOTE, Reach(4, 4), False),
        (replace(TCP_REMOTE, hosts=(*HOSTS, "192.0.2.54:53")), Reach(2, 4), False),
        (replace(TCP_REMOTE, hosts=(*HOSTS, "192.0.2.54:53")), Reach(3, 4), True),
        (MAJORITY, None, True),
    ],
)
# S12 B3
def test_a_node_is_a_candidate_when_it_is_ready_and_has_what_the_mode_asks_for(health, quorum, reach, is_enough):
    state = a_state(3, node_b=a_node_b(health, quorum=reach))
    definition = a_definition(3, quorum=quorum)
    is_fit = health is NodeHealth.READY and is_enough
    assert (NODE_B in fit_candidates(ClusterView(state, definition, NOW))) is is_fit


@pytest.mark.parametrize(
    ("silent", "is_majority"), [((), True), ((NODE_A,), True), ((NODE_C,), True), ((NODE_A, NODE_C), False)]
)
# S12
def test_more_than_half_of_all_nodes_must_be_heard_and_witnesses_count(silent, is_majority):
    state = a_state(3)
    state = replace(
        state, nodes={each: replace(r, heard_at=SILENT if each in silent else NOW) for each, r in state.nodes.items()}
    )
    definition = a_definition(nodes=WITNESSED, quorum=MAJORITY)
    assert (not objection(ClusterView(state, definition, NOW), NODE_B)) is is_majority
    assert fit_candidates(ClusterView(state, definition, NOW)) == ((NODE_B,) if is_majority else ())


# S12
def test_half_of_the_nodes_are_no_majority():
    report = a_report(NODE_B, heard_at=SILENT)
    state = a_state(2, node_b=report)
    assert objection(ClusterView(state, a_definition(quorum=MAJORITY), NOW), NODE_A) == (
        "the cluster is without a majority: 1 of its 2 nodes are heard"
    )


@pytest.mark.parametrize(
    ("report", "count"),
    [
        (a_report(NODE_B), 2),
        (a_report(NODE_B, heard_at=NOW - 14), 2),
        (a_report(NODE_B, heard_at=SILENT), 1),
        (NodeReport("node-b"), 1),
        (an_off_report(NODE_B), 1),
        (a_report(NODE_B, service=ServiceStatus.FAILED), 2),
        (a_report(NODE_B, fault="its address is another"), 2),
    ],
)
# S12 B3
def test_a_node_counts_for_the_majority_as_long_as_it_is_heard(report, count):
    assert count_heard(ClusterView(a_state(2, node_b=report), a_definition(), NOW)) == count


def test_a_node_that_the_state_does_not_know_yet_does_not_count():  # S12
    assert count_heard(ClusterView(a_state(2), a_definition(3), NOW)) == 2
    assert objection(ClusterView(a_state(2), a_definition(3, quorum=TCP_REMOTE), NOW), NODE_C) == (
        "it does not say how many of the 3 quorum hosts it reaches"
    )


def test_agents_are_told_of_hosts_in_the_mode_that_asks_for_them():  # S12 B10
    assert hosts_of(TCP_REMOTE) == QuorumHosts(HOSTS, 2)
    assert hosts_of(MAJORITY) is None
    assert hosts_of(Quorum()) is None


# Witnesses.


def test_a_witness_is_never_a_candidate_however_well_it_is():  # S12
    state = a_state(3, node_a=an_off_report(), node_b=an_off_report(NODE_B), node_c=a_report(NODE_C, quorum=GOOD))
    for quorum in (Quorum(), TCP_REMOTE, MAJORITY):
        definition = a_definition(nodes=WITNESSED, quorum=quorum)
        assert health_of(ClusterView(state, definition, NOW), NODE_C) is NodeHealth.READY
        assert fit_candidates(ClusterView(state, definition, NOW)) == ()
        assert survey(ClusterView(state, definition, NOW), Observer.TRUSTED).candidate is Candidate.NONE


def test_without_its_role_the_same_witness_would_be_promoted():  # S12
    state = a_state(3, node_a=an_off_report(), node_b=an_off_report(NODE_B))
    assert fit_candidates(ClusterView(state, a_definition(3), NOW)) == (NODE_C,)


def test_a_failback_goes_to_the_best_node_that_serves_and_never_to_a_witness():  # S12 B6
    definition = a_definition(nodes=WITNESSED)
    assert [node.name for node in definition.serving] == ["node-a", "node-b"]
    serving_b = a_state(3, active=NODE_B, node_a=a_report(service=ServiceStatus.OUT_OF_SERVICE))
    ruling = asked(serving_b, definition, action=TransitionAction.FAILBACK)
    assert isinstance(ruling, Opening)
    assert ruling.target == NODE_A


# What people are told.


def asked(state: ClusterState, definition: Definition, **request: Any) -> Any:
    return rule_on_request(Request(CLUSTER, **request), EXECUTION, ClusterView(state, definition, NOW))


@pytest.mark.parametrize(
    ("quorum", "changes", "request_", "why"),
    [
        (
            TCP_REMOTE,
            {"node_b": a_report(NODE_B, quorum=BAD)},
            {"to": "node-b"},
            "node-b cannot take over now: it reaches 1 of 3 quorum hosts",
        ),
        (
            TCP_REMOTE,
            {"node_b": a_report(NODE_B, quorum=Reach(2, 5))},
            {"to": "node-b"},
            "node-b cannot take over now: it speaks of 5 quorum hosts, and the definition names 3",
        ),
        (
            TCP_REMOTE,
            {"node_a": a_report(quorum=GOOD)},
            {},
            "no node of orders-db is fit to take over: node-a is READY, node-b is READY, but it does not say how many "
            "of the 3 quorum hosts it reaches",
        ),
        (
            MAJORITY,
            {"node_a": a_report(heard_at=SILENT), "node_c": a_report(NODE_C, heard_at=SILENT)},
            {"to": "node-b"},
            "node-b cannot take over now: the cluster is without a majority: 1 of its 3 nodes are heard",
        ),
        (Quorum(), {}, {"to": "node-c"}, "to is 'node-c', a witness, which never serves; allowed: node-a, node-b"),
    ],
)
# S12 S10
def test_an_operator_is_told_what_quorum_has_against_a_node(quorum, changes, request_, why):
    assert asked(a_state(3, **changes), a_definition(nodes=WITNESSED, quorum=quorum), **request_) == Refused(why)


def test_the_facts_of_a_decision_say_what_quorum_has_against_each_node():  # S12 B5
    state = a_state(2, node_a=a_report(quorum=GOOD), node_b=a_report(NODE_B, quorum=BAD))
    nodes = facts_of(ClusterView(state, a_definition(quorum=TCP_REMOTE), NOW))["nodes"]
    assert (nodes["node-a"]["quorum"], nodes["node-b"]["quorum"]) == ("", "it reaches 1 of 3 quorum hosts")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"node_a": a_report(heard_at=SILENT)}, "quorum-is-lost"),
        ({"node_a": an_off_report()}, "told-and-quorum-is-lost"),
        ({"active": None, "node_a": an_off_report()}, "no-quorum-to-place-on"),
        ({"node_a": a_report(heard_at=SILENT), "node_b": an_off_report(NODE_B)}, "no-fit-candidate"),
        ({"node_a": a_report(heard_at=SILENT), "node_b": a_report(NODE_B, quorum=GOOD)}, "active-is-silent"),
    ],
)
# S12 B3 B5
def test_an_operator_is_called_by_a_rule_of_its_own_when_only_quorum_is_in_the_way(changes, rule):
    state = a_state(2, **{"node_b": a_report(NODE_B, quorum=BAD), **changes})
    assert decide(survey(ClusterView(state, a_definition(quorum=TCP_REMOTE), NOW), Observer.TRUSTED)).rule == rule


def test_the_node_that_served_last_gets_nothing_back_without_a_majority():  # S12 B4
    definition = a_definition(quorum=TCP_REMOTE)

    def holder(reach: Reach | None) -> Holder:
        state = a_moving_state(2, transition=None, previous=a_previous(), node_a=a_report(quorum=reach))
        found: Holder = survey(ClusterView(state, definition, NOW), Observer.TRUSTED).holder
        return found

    assert holder(GOOD) is Holder.RETURNED
    assert holder(BAD) is Holder.UNPROVEN
    assert holder(None) is Holder.UNPROVEN


def test_a_first_placement_waits_a_silence_long_for_a_quorum_before_a_person_is_called():  # S12 B3
    """In whatever order the nodes of a new cluster beat first."""
    definition = a_definition(nodes=WITNESSED, quorum=MAJORITY)

    def rule(heard_for_s: int) -> str:
        node_a = a_report(service=ServiceStatus.OUT_OF_SERVICE, heard_since=NOW - heard_for_s)
        state = a_state(3, epoch=0, active=None, node_a=node_a, node_b=an_off_report(NODE_B), node_c=NodeReport("c"))
        return decide(survey(ClusterView(state, definition, NOW), Observer.TRUSTED)).rule

    assert rule(0) == rule(14) == "members-are-awaited"
    assert rule(15) == "no-quorum-to-place-on"


# The property. Of what is drawn at will most rulings refuse something else, so half of the nodes could well take over.

READY_REPORTS = st.builds(
    a_report,
    st.just(NODE_A),
    service=st.just(ServiceStatus.OUT_OF_SERVICE),
    quorum=st.sampled_from([None, Reach(0, 3), BAD, GOOD]),
    read_epoch=st.just(2),
)
REPORTS = READY_REPORTS | st.builds(
    a_report,
    st.just(NODE_A),
    heard_at=st.sampled_from([None, SILENT, NOW - 4, NOW]),
    heard_since=st.sampled_from([NOW - 3600, NOW]),
    service=st.sampled_from(ServiceStatus),
    quorum=st.sampled_from([None, Reach(0, 3), BAD, GOOD, Reach(3, 3), Reach(5, 5)]),
    power=st.sampled_from([PowerReading.UNKNOWN, PowerReading.RUNNING, PowerReading.STOPPED]),
    power_boot=st.sampled_from(["", "aaaaaaaa"]),
    read_epoch=st.integers(0, 3),
    keeps_lease=st.booleans(),
    alarms=st.sampled_from([{}, {"disk": Alarm(True, NOW)}]),
    fault=st.sampled_from(["", "its address is another"]),
)
PREVIOUS = st.none() | st.builds(
    a_previous,
    node=st.sampled_from([NODE_A, NODE_B]),
    keeps_lease=st.booleans(),
    renewed_at=st.sampled_from([None, NOW - 60, NOW]),
    proof=st.sampled_from([None, *Proof]),
)
TRANSITIONS = st.none() | st.builds(
    a_transition,
    action=st.sampled_from(TransitionAction),
    stage=st.sampled_from(Stage),
    deadline_at=st.sampled_from([NOW, NOW + 30]),
    target=st.sampled_from([NODE_A, NODE_B]),
    source=st.sampled_from([None, NODE_A, NODE_B]),
)
REQUESTS = st.builds(
    Request,
    st.just(CLUSTER),
    action=st.sampled_from(TransitionAction),
    to=st.sampled_from([None, "node-a", "node-b", "node-c"]),
    rule=st.sampled_from([None, None, "whatever"]),
)


@pytest.mark.no_cover
@settings(max_examples=1000, deadline=None)
@given(
    reports=st.tuples(REPORTS, REPORTS, REPORTS),
    active=st.sampled_from([None, NODE_A, NODE_B]),
    previous=PREVIOUS,
    transition=TRANSITIONS,
    request_=REQUESTS,
    mode=st.sampled_from(QuorumMode),
    observer=st.sampled_from(Observer),
    is_owed=st.booleans(),
)
# S12
def test_a_node_without_a_majority_and_a_witness_are_never_given_the_lease_by_any_ruling(
    reports, active, previous, transition, request_, mode, observer, is_owed
):
    """A repair leaves the lease where it is; everything else gives it to its target."""
    ids = (NODE_A, NODE_B, NODE_C)
    state = a_state(
        3,
        epoch=2,
        nodes=dict(zip(ids, reports, strict=True)),
        active=active,
        previous=None if active else previous,
        transition=transition,
        address=Address(AddressStatus.OWED if is_owed else AddressStatus.IN_SYNC, 2),
    )
    definition = a_definition(nodes=WITNESSED, quorum=Quorum(mode, HOSTS if mode is QuorumMode.TCP_REMOTE else ()))
    situation = survey(ClusterView(state, definition, NOW), observer)
    chosen = [(ACTION_OF.get(decide(situation).action), situation.target)]
    for ruling in (
        rule_on_request(request_, "another", ClusterView(state, definition, NOW)),
        rule_on_next(2, EXECUTION, ClusterView(state, definition, NOW)),
    ):
        if isinstance(ruling, Opening):
            chosen.append((ruling.action, ruling.target))
    for action, target in chosen:
        if action is None or target is None or target == state.active:
            continue
        assert target != NODE_C
        assert not objection(ClusterView(state, definition, NOW), target)
