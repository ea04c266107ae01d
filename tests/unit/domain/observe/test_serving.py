"""Who says that it serves, and who may be placed where nobody has been yet. Each member's own word counts."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    EXECUTION,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    WITNESS_C,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.cluster.definition import ServiceSpec
from understudy.domain.cluster.policy import Policy
from understudy.domain.cluster.request import Request
from understudy.domain.cluster.service_names import NO_NAMES, digest_of, means_the_same, misnamed_in
from understudy.domain.cluster.state import (
    ClusterState,
    NodeReport,
    PowerReading,
    Proof,
    ServiceStatus,
    Stage,
    TransitionAction,
)
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import Action, decide
from understudy.domain.decide.situation import Holder, Observer, fit_candidates, health_of, survey
from understudy.domain.lease.proof import find_proof
from understudy.domain.observe.health import NodeHealth
from understudy.domain.observe.serving import Said, objectors, said, servers
from understudy.domain.transition.opening import Opening, Refused, rule_on_request
from understudy.domain.transition.steps import opened, unfenced

DOWN, UP = ServiceStatus.OUT_OF_SERVICE, ServiceStatus.IN_SERVICE
TWO_SERVE = "two-say-they-serve"
JUST = NOW - 1


def unplaced(members: int = 2, **nodes: Any) -> ClusterState:
    """A cluster in which nobody has been placed yet; its nodes are down unless they are given otherwise."""
    down = {"node_a": a_report(service=DOWN), "node_b": a_report(NODE_B), "node_c": a_report(NODE_C)}
    named = {key: down[key] for key in list(down)[:members]}
    return a_state(members, epoch=0, active=None, address=None, **{**named, **nodes})


def decided(state: ClusterState, members: int = 2, **definition: Any) -> tuple[Action, str, str | None]:
    situation = survey(ClusterView(state, a_definition(members, **definition), NOW), Observer.TRUSTED)
    decision = decide(situation)
    return decision.action, decision.rule, situation.target


def led_to(node: str) -> Any:
    """What registration notes of the member that an address leads to."""
    return a_previous(node=node, renewed_at=None, lease_s=0, keeps_lease=False, ended_epoch=1)


# What one member says.


@pytest.mark.parametrize("service", ServiceStatus)
@pytest.mark.parametrize("keeps_lease", [True, False])
def test_a_member_that_is_heard_serves_is_down_or_is_neither(service, keeps_lease):  # B4
    report = a_report(NODE_B, service=service, keeps_lease=keeps_lease)
    found = said(ClusterView(a_state(node_b=report), a_definition(), NOW), NODE_B)
    assert found is {DOWN: Said.DOWN, UP: Said.SERVES, ServiceStatus.STARTING: Said.SERVES}.get(service, Said.UNKNOWN)


def test_that_it_is_down_counts_while_it_is_heard_and_that_it_serves_until_its_lease_has_run_out():  # B4
    def at(now: int, **report: Any) -> Said:
        return said(ClusterView(a_state(node_b=a_report(NODE_B, **report)), a_definition(), now), NODE_B)

    assert (at(NOW + 14, service=DOWN), at(NOW + 15, service=DOWN)) == (Said.DOWN, Said.UNKNOWN)
    assert (at(NOW + 14, service=UP), at(NOW + 15, service=UP)) == (Said.SERVES, Said.UNKNOWN)
    assert at(NOW + 3600, service=UP, keeps_lease=False) is Said.SERVES


def test_under_keep_no_lease_bounds_the_word_that_a_node_serves():  # B4
    state = a_state(node_b=a_report(NODE_B, service=UP))
    keeping = replace(state, terms=replace(state.terms, on_isolation="keep"))
    assert said(ClusterView(keeping, a_definition(), NOW + 3600), NODE_B) is Said.SERVES


def test_a_longer_lease_that_was_ended_bounds_the_word_of_its_holder():  # B4
    state = a_moving_state(previous=a_previous(lease_s=60))
    assert said(ClusterView(state, a_definition(), NOW + 62), NODE_A) is Said.SERVES
    assert said(ClusterView(state, a_definition(), NOW + 63), NODE_A) is Said.UNKNOWN


def test_a_member_that_is_off_by_ec2s_word_is_down_and_one_that_was_never_heard_is_unknown():  # B4
    off = an_off_report(NODE_B, service=UP, power_at=NOW + 1)
    assert said(ClusterView(a_state(node_b=off), a_definition(), NOW + 2), NODE_B) is Said.DOWN
    assert said(ClusterView(a_state(node_b=NodeReport("node-b")), a_definition(), NOW), NODE_B) is Said.UNKNOWN
    assert said(ClusterView(a_state(2), a_definition(3), NOW), NODE_C) is Said.UNKNOWN


def test_a_beat_that_names_no_services_says_nothing_of_them():  # B3
    silent = a_report(NODE_B, service=UP, keeps_lease=False, named=NO_NAMES)
    assert said(ClusterView(a_state(node_b=silent), a_definition(), NOW), NODE_B) is Said.UNKNOWN
    assert said(ClusterView(a_state(node_b=silent), a_definition(services=()), NOW), NODE_B) is Said.DOWN
    of_an_older_release = a_report(NODE_B, service=UP, keeps_lease=False, agent="", named="")
    assert said(ClusterView(a_state(node_b=of_an_older_release), a_definition(), NOW), NODE_B) is Said.UNKNOWN


# The names of services.


def test_a_node_that_names_other_services_than_the_definition_is_unknown_and_no_candidate():  # B4 B3
    both = a_definition(services=(ServiceSpec("data"), ServiceSpec("postgresql", ("data",))))
    for names in (["data"], ["data", "postgresq1"], ["data", "postgresql", "more"], []):
        state = a_state(node_b=a_report(NODE_B, named=digest_of(names)))
        assert health_of(ClusterView(state, both, NOW), NODE_B) is NodeHealth.UNKNOWN
        assert fit_candidates(ClusterView(state, both, NOW)) == ()
        assert said(ClusterView(state, both, NOW), NODE_B) is Said.UNKNOWN
    right = a_state(node_b=a_report(NODE_B, named=digest_of(["postgresql", "data"])))
    assert fit_candidates(ClusterView(right, both, NOW)) == (NODE_B,)


def test_a_witness_by_mistake_is_found_whatever_the_definition_names():  # B4
    mistaken = a_report(NODE_B, named=NO_NAMES)
    for definition in (a_definition(), a_definition(services=())):
        assert not means_the_same(mistaken, definition, NODE_B)
    assert means_the_same(a_report(NODE_B, named=NO_NAMES, keeps_lease=False), a_definition(services=()), NODE_B)
    assert means_the_same(a_report(NODE_B, named=digest_of(["x"])), a_definition(services=()), NODE_B)


def test_a_witness_names_no_services():  # S12
    witnessed = a_definition(nodes=(*a_definition().nodes, WITNESS_C))
    assert means_the_same(a_report(NODE_C, named=NO_NAMES), witnessed, NODE_C)
    assert not means_the_same(a_report(NODE_C, named=digest_of(["postgresql"])), witnessed, NODE_C)


def test_what_an_older_release_recorded_and_a_node_that_is_no_member_are_not_held_against_anybody():
    assert means_the_same(a_report(NODE_B), a_definition(), NODE_B)
    assert means_the_same(a_report(NODE_C, named=NO_NAMES), a_definition(), NODE_C)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["postgresql"], ""),
        ([], "lacks postgresql"),
        (["a", "b"], "lacks postgresql; has 2 that the definition does not name"),
        (["postgresql", "b"], "has 1 that the definition does not name"),
    ],
)
def test_how_names_differ_is_told_in_words(names, words):  # B5
    assert misnamed_in(names, a_definition(), NODE_B) == words


def test_a_definition_without_services_is_compared_with_nothing():
    assert misnamed_in(["x"], a_definition(services=()), NODE_B) == ""


# The first placement.


@pytest.mark.parametrize("previous", [None, led_to(NODE_A)], ids=["no record", "the record leads to node-a"])
def test_a_first_placement_never_starts_a_second_server(previous):  # B4 S4
    """A service runs on node-b, both agents run, and the definition is put."""
    serves = a_report(NODE_B, service=UP, keeps_lease=False, read_epoch=0)
    state = replace(unplaced(node_b=serves), previous=previous)
    if previous is None:
        assert decided(state) == (Action.PLACE, "place-by-priority", NODE_B)
    else:
        assert decided(state)[:2] == (Action.CALL_OPERATOR, TWO_SERVE)


def test_the_record_leads_to_the_member_that_serves_and_it_is_adopted():  # S4
    serves = a_report(NODE_B, service=UP, keeps_lease=False, read_epoch=0)
    state = replace(unplaced(node_b=serves), previous=led_to(NODE_B))
    assert decided(state) == (Action.PLACE, "place-on-last-holder", NODE_B)


def test_an_adopted_member_has_the_lease_from_the_opening_on_and_is_not_interrupted():  # S4
    serves = a_report(NODE_B, service=UP, keeps_lease=False, read_epoch=0)
    after = opened(
        ClusterView(unplaced(node_b=serves), a_definition(), NOW),
        action=TransitionAction.PLACE,
        target=NODE_B,
        rule="place-by-priority",
        execution=EXECUTION,
    )
    assert (after.active, after.previous, after.epoch) == (NODE_B, None, 1)


def test_nobody_is_placed_before_every_serving_member_was_heard_or_is_off():  # B3 B4
    fresh = a_report(service=DOWN, heard_since=JUST)
    never = NodeReport("node-b")
    assert decided(unplaced(node_a=fresh, node_b=never))[1] == "members-are-awaited"
    assert decided(unplaced(node_b=never))[:2] == (Action.CALL_OPERATOR, "member-is-unheard")
    assert decided(unplaced(node_b=replace(a_report(NODE_B), heard_at=NOW - 60)))[1] == "member-is-unheard"
    assert decided(unplaced(node_b=a_report(NODE_B, named=NO_NAMES)))[1] == "member-is-unheard"
    assert decided(unplaced(node_b=an_off_report(NODE_B))) == (Action.PLACE, "place-by-priority", NODE_A)
    assert decided(unplaced()) == (Action.PLACE, "place-by-priority", NODE_A)


def test_a_record_that_leads_to_a_member_is_no_proof_that_it_is_that_one_that_serves():  # B4
    state = replace(unplaced(node_b=NodeReport("node-b")), previous=led_to(NODE_A))
    assert decided(state)[1] == "member-is-unheard"
    assert decided(replace(unplaced(), previous=led_to(NODE_A))) == (Action.PLACE, "place-on-last-holder", NODE_A)
    off = replace(unplaced(3, node_a=an_off_report(), node_c=NodeReport("node-c")), previous=led_to(NODE_A))
    assert decided(off, 3)[1] == "member-is-unheard"
    both_heard = replace(unplaced(3, node_a=an_off_report()), previous=led_to(NODE_A))
    assert decided(both_heard, 3) == (Action.PLACE, "place-by-priority", NODE_B)


def test_the_one_that_serves_is_adopted_although_another_stays_unheard():  # S4
    serves = a_report(NODE_B, service=UP, keeps_lease=False)
    early = unplaced(node_a=NodeReport("node-a"), node_b=replace(serves, heard_since=JUST))
    assert decided(early)[1] == "members-are-awaited"
    assert decided(unplaced(node_a=NodeReport("node-a"), node_b=serves)) == (Action.PLACE, "place-by-priority", NODE_B)


def test_two_that_serve_before_anybody_was_placed_call_a_person():  # B4
    both = unplaced(node_a=a_report(keeps_lease=False), node_b=a_report(NODE_B, service=UP, keeps_lease=False))
    assert decided(both)[:2] == (Action.CALL_OPERATOR, TWO_SERVE)
    assert fit_candidates(ClusterView(both, a_definition(), NOW)) == ()


def test_a_dead_first_placement_looks_at_everybody_again():  # B4
    late = a_transition(action=TransitionAction.PLACE, source=None, target=NODE_A, deadline_at=NOW)
    state = replace(unplaced(node_b=NodeReport("node-b")), epoch=1, transition=late)
    assert decided(state)[:2] == (Action.CALL_OPERATOR, "overdue-and-member-unheard")


# A second server.


def test_a_second_server_calls_a_person_and_is_no_candidate():  # B4 B8
    for keeps_lease in (True, False):
        state = a_state(node_b=a_report(NODE_B, service=UP, keeps_lease=keeps_lease))
        assert decided(state)[:2] == (Action.CALL_OPERATOR, TWO_SERVE)
        assert fit_candidates(ClusterView(state, a_definition(), NOW)) == ()


def test_a_third_member_that_serves_keeps_the_standby_from_taking_over():  # B4
    third = a_report(NODE_C, service=UP, keeps_lease=False)
    state = a_state(3, node_a=an_off_report(), node_c=third)
    assert decided(state, 3)[:2] == (Action.CALL_OPERATOR, TWO_SERVE)


def test_a_switchover_beside_or_to_a_second_server_is_refused_with_what_to_do():  # B4 S10
    state = a_state(3, node_c=a_report(NODE_C, service=UP, keeps_lease=False))
    for to in ("node-b", "node-c"):
        ruling = rule_on_request(Request(state.cluster, to=to), EXECUTION, ClusterView(state, a_definition(3), NOW))
        assert isinstance(ruling, Refused)
        assert "node-c says that it serves, and holds no lease" in ruling.why


@pytest.mark.parametrize(("of_the_other", "is_done"), [(a_report(service=DOWN), True), (NodeReport("node-a"), False)])
def test_a_person_may_have_the_one_that_serves_adopted_when_the_other_is_down(of_the_other, is_done):  # S10
    serves = a_report(NODE_B, service=UP, keeps_lease=False)
    state = replace(unplaced(node_a=of_the_other, node_b=serves), previous=led_to(NODE_A))
    ruling = rule_on_request(Request(state.cluster, to="node-b"), EXECUTION, ClusterView(state, a_definition(), NOW))
    assert isinstance(ruling, Opening) is is_done


@pytest.mark.parametrize(
    "other",
    [
        replace(a_report(service=DOWN), heard_at=None),
        a_report(service=ServiceStatus.FAILED, keeps_lease=False),
        a_report(keeps_lease=False, named=NO_NAMES),
        replace(a_report(keeps_lease=False, named=NO_NAMES), heard_at=NOW - 60),
    ],
)
def test_not_even_a_person_has_the_one_that_serves_adopted_while_another_may_serve_too(other):  # S10 B4
    serves = a_report(NODE_B, service=UP, keeps_lease=False, heard_since=JUST)
    state = unplaced(node_a=other, node_b=serves)
    ruling = rule_on_request(Request(state.cluster, to="node-b"), EXECUTION, ClusterView(state, a_definition(), NOW))
    assert isinstance(ruling, Refused)
    assert "nobody knows yet whether node-a does, too" in ruling.why


def test_a_person_has_the_one_that_serves_adopted_when_another_has_had_its_time_to_be_heard():  # S10
    state = unplaced(node_a=NodeReport("node-a"), node_b=a_report(NODE_B, service=UP, keeps_lease=False))
    ruling = rule_on_request(Request(state.cluster, to="node-b"), EXECUTION, ClusterView(state, a_definition(), NOW))
    assert isinstance(ruling, Opening)


# Before a grant.


def test_whoever_says_that_it_serves_objects_to_a_grant_but_not_the_target():  # B4
    state = a_moving_state(3, previous=a_previous(proof=Proof.LEASE_EXPIRED), node_b=a_report(NODE_B, service=UP))
    assert objectors(ClusterView(state, a_definition(3), NOW)) == (NODE_A,)
    assert servers(ClusterView(state, a_definition(3), NOW)) == (NODE_A, NODE_B)


def test_a_node_that_was_passed_over_without_a_proof_objects_only_while_it_is_heard():  # B4
    passed = a_previous(proof=Proof.UNPROVEN)
    heard = a_moving_state(previous=passed, node_a=a_report(keeps_lease=False))
    assert objectors(ClusterView(heard, a_definition(), NOW)) == (NODE_A,)
    assert objectors(ClusterView(heard, a_definition(), NOW + 60)) == ()


def test_fencing_begins_again_without_the_proof_that_a_word_has_voided():  # B4
    proven = a_moving_state(previous=a_previous(proof=Proof.RELEASED), transition=a_transition(stage=Stage.GRANTING))
    again = unfenced(ClusterView(proven, a_definition(), NOW), [NODE_A])
    assert again.previous is not None
    assert again.transition is not None
    assert (again.previous.proof, again.transition.stage) == (None, Stage.FENCING)
    other = unfenced(ClusterView(proven, a_definition(), NOW), [NODE_C])
    assert other.previous is not None
    assert other.previous.proof is Proof.RELEASED


def test_a_policy_that_accepts_everything_changes_nothing_about_a_second_server():  # B4
    state = a_state(node_b=a_report(NODE_B, service=UP, keeps_lease=False))
    assert survey(ClusterView(state, a_definition(policy=Policy()), NOW), Observer.TRUSTED).holder is Holder.CONTESTED


@pytest.mark.parametrize("service", [ServiceStatus.FAILED, ServiceStatus.STOPPING])
def test_a_member_whose_services_are_not_down_objects_while_it_is_heard(service):  # B4
    third = a_report(NODE_C, service=service, keeps_lease=False)
    state = a_moving_state(3, node_a=a_report(service=DOWN), node_c=third)
    assert objectors(ClusterView(state, a_definition(3), NOW)) == (NODE_C,)
    assert objectors(ClusterView(state, a_definition(3), NOW + 15)) == ()
    bound = a_moving_state(3, node_a=a_report(service=DOWN), node_c=replace(third, keeps_lease=True))
    assert objectors(ClusterView(bound, a_definition(3), NOW)) == (NODE_C,)


def test_not_even_the_one_that_serves_is_adopted_beside_one_that_is_heard_and_not_down():  # B4
    serves = a_report(NODE_B, service=UP, keeps_lease=False)
    state = unplaced(node_a=a_report(service=ServiceStatus.FAILED, keeps_lease=False), node_b=serves)
    assert decided(state)[:2] == (Action.CALL_OPERATOR, "member-is-unheard")


@pytest.mark.parametrize(("on_isolation", "rule"), [("stop", "place-by-priority"), ("keep", "member-is-unheard")])
def test_nobody_is_adopted_beside_a_silent_member_whose_services_no_lease_would_bound(on_isolation, rule):  # B4
    """In a table that was put back, its word that it is down can be older than its lease."""
    serves = a_report(NODE_B, service=UP, keeps_lease=False)
    state = unplaced(node_a=a_report(service=DOWN, heard_at=NOW - 60), node_b=serves)
    state = replace(state, terms=replace(state.terms, on_isolation=on_isolation))
    assert decided(state)[1] == rule


def opened_to(target: str, state: ClusterState) -> ClusterState:
    how: Any = {"action": TransitionAction.FAILOVER, "rule": "operator-asked", "execution": EXECUTION, "now": NOW}
    return opened(state, a_definition(), target=target, **how)


@pytest.mark.parametrize(("service", "has_it"), [(DOWN, False), (UP, True)])
def test_the_last_holder_takes_its_lease_back_beside_one_that_is_not_down_only_if_it_serves_itself(
    service, has_it
):  # B4
    """Else it would start its services beside one that is still stopping."""
    state = a_state(
        active=None,
        previous=a_previous(),
        node_a=a_report(service=service),
        node_b=a_report(NODE_B, service=ServiceStatus.STOPPING),
    )
    assert (opened_to(NODE_A, state).active == NODE_A) is has_it


def test_the_last_holder_takes_its_lease_back_at_once_where_all_others_are_down():  # B4
    state = a_state(active=None, previous=a_previous(), node_a=a_report(service=DOWN))
    assert opened_to(NODE_A, state).active == NODE_A


def test_that_an_address_leads_to_a_node_gives_it_no_lease_before_the_others_were_asked():  # B4
    """Not even when a person asks for it: the other one may be serving."""
    state = replace(unplaced(node_a=a_report(service=ServiceStatus.FAILED, keeps_lease=False)), previous=led_to(NODE_B))
    after = opened_to(NODE_B, state)
    assert (after.active, after.previous) == (None, None)
    assert find_proof(ClusterView(after, a_definition(), NOW), PowerReading.UNKNOWN) is None
    down = opened_to(NODE_B, replace(unplaced(), previous=led_to(NODE_B)))
    assert find_proof(ClusterView(down, a_definition(), NOW), PowerReading.UNKNOWN) is Proof.NO_HOLDER


def test_a_node_that_serves_and_that_an_address_leads_to_has_the_lease_from_the_opening_on():  # S4
    serves = a_report(NODE_B, service=UP, keeps_lease=False)
    assert opened_to(NODE_B, replace(unplaced(node_b=serves), previous=led_to(NODE_B))).active == NODE_B
