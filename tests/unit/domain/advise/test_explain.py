"""Why the controller decides as it does, every fact behind it, and what would change the decision."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    MAJORITY,
    NODE_A,
    NODE_B,
    NOW,
    RECORD,
    a_definition,
    a_failed_start,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
    an_off_report,
)
from understudy.domain.advise.explain import Explanation, explain
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.approval import Question
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.policy import ApprovalPolicy, FailbackPolicy, Policy
from understudy.domain.cluster.state import Alarm, Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.rules import COLUMNS, decide
from understudy.domain.decide.situation import Observer, survey

AUTOMATIC = Policy(failback=FailbackPolicy(mode="automatic"))


def explained(
    state: Any = None, now: int = NOW, observer: Observer = Observer.TRUSTED, **definition: Any
) -> Explanation:
    return explain(ClusterView(state or a_state(), a_definition(**definition), now), observer)


def others(explanation: Explanation) -> dict[str, str]:
    """The other rules, by the answer that leads to each."""
    return {f"{each.column} {each.value}": each.decision.rule for each in explanation.otherwise}


def facts(explanation: Explanation) -> dict[str, str]:
    return {fact.about: fact.line for fact in explanation.facts}


def test_the_explanation_is_the_decision_that_the_controller_makes():  # B5
    silent = a_state(node_a=a_report(NODE_A, heard_at=NOW - 20))
    for state in (a_state(), silent, a_moving_state(), a_state(hold=Hold(NOW))):
        situation = survey(ClusterView(state, a_definition(), NOW), Observer.TRUSTED)
        shown = explained(state)
        assert (shown.situation, shown.decision) == (situation, decide(situation))
    assert explained(silent).target == "node-b"


def test_a_well_cluster_is_told_what_would_move_it():  # B5
    assert others(explained()) == {
        "holder FAILED": "active-has-failed",
        "holder SILENT": "active-is-silent",
        "holder GONE": "active-is-gone",
        "holder UNKNOWN": "active-is-unknown",
        "holder CONTESTED": "two-say-they-serve",
        "repair DUE": "address-is-owed",
        "planned LEAVE": "active-is-to-go",
    }


def test_every_other_answer_is_named_with_the_names_and_numbers_of_the_cluster():  # B5
    conditions = {each.value: each.condition for each in explained(now=NOW + 3).otherwise}
    assert conditions["SILENT"] == "node-a is not heard for 15 s (last heard 3 s ago)"
    assert conditions["GONE"] == "EC2 says that node-a is off or going off"


def test_a_silent_node_is_told_what_keeps_the_service_where_it_is():  # B5
    shown = explained(a_state(node_a=a_report(NODE_A, heard_at=NOW - 20)), observer=Observer.SUSPECT)
    assert shown.decision.rule == "observer-is-suspect"
    found = others(shown)
    assert (found["observer TRUSTED"], found["mode HELD"]) == ("active-is-silent", "held-and-not-served")
    assert "candidate NONE" not in found, "a doubted observer calls an operator whoever is fit"


def test_only_what_this_cluster_can_come_to_is_named():  # B5
    shown = others(explained(a_state(node_a=a_report(NODE_A, heard_at=NOW - 20))))
    assert "candidate NO_QUORUM" not in shown
    assert not {each for each in shown if each.startswith(("phase", "planned"))}
    with_quorum = explained(a_state(3, node_a=a_report(NODE_A, heard_at=NOW - 20)), members=3, quorum=MAJORITY)
    assert others(with_quorum)["candidate NO_QUORUM"] == "quorum-is-lost"


def test_a_cluster_of_one_serving_node_is_never_told_of_another():  # B5
    alone = explained(a_state(1, node_a=a_report(NODE_A, heard_at=NOW - 20)), members=1)
    assert alone.decision.rule == "no-fit-candidate"
    assert "candidate FIT" not in others(alone)


@pytest.mark.parametrize(
    ("state", "definition", "comes"),
    [
        (a_state(active=NODE_B), {"policy": AUTOMATIC}, True),
        (a_state(active=NODE_B), {}, False),
        (a_state(), {"policy": AUTOMATIC}, False),
        (a_state(active=NODE_B, node_a=an_off_report(NODE_A)), {"policy": AUTOMATIC}, False),
        (a_state(active=NODE_B, address=Address(AddressStatus.OWED, 1)), {"policy": AUTOMATIC}, False),
        (
            a_state(active=NODE_B, transition=a_transition(stage=Stage.CONFIRMING)),
            {"policy": AUTOMATIC},
            False,
        ),
    ],
    ids=["automatic", "manual", "at-home", "home-is-off", "owed", "confirming"],
)
def test_going_back_is_named_only_where_it_could_come(state, definition, comes):  # B5 B6
    nodes = {**state.nodes, NODE_B: a_report(NODE_B, service=ServiceStatus.IN_SERVICE)}
    if state.active == NODE_B:
        nodes[NODE_A] = replace(nodes[NODE_A], service=ServiceStatus.OUT_OF_SERVICE)
    serving_b = replace(state, nodes=nodes)
    assert ("planned FAIL_BACK" in others(explained(serving_b, **definition))) is comes


def test_an_open_transition_is_told_of_its_deadline_and_its_end():  # B5
    shown = explained(a_moving_state(), now=NOW + 5)
    assert shown.decision.rule == "transition-is-under-way"
    by_value = {each.value: each for each in shown.otherwise}
    assert by_value["OVERDUE"].condition == "the open transition outlives its deadline, in 85 s"
    assert by_value["SETTLED"].decision.rule in ("last-holder-is-unproven", "place-on-last-holder")
    (line,) = [fact.line for fact in shown.facts if fact.about == "transition"]
    assert (
        line
        == "transition: failover to node-b, FENCING, by active-is-silent, 85 s before its deadline; opened, 5 s ago"
    )


def test_an_unproven_holder_is_told_what_would_prove_it():  # B4 B5
    state = a_state(epoch=2, active=None, previous=a_previous(), node_a=a_report(NODE_A, heard_at=NOW - 5))
    shown = explained(replace(state, nodes={**state.nodes, NODE_A: a_report(NODE_A, fault="its IP is another")}))
    assert shown.decision.rule == "last-holder-is-unproven"
    assert others(shown)["holder NOBODY"] == "place-by-priority"
    assert others(shown)["holder RETURNED"] == "place-on-last-holder"
    assert facts(shown)["node-a, which served before"] == (
        "node-a, which served before: shown nothing; fencing.accept RELEASED, LEASE_EXPIRED, STOPPED; "
        "its lease ends in 15 s; last renewed, 0 s ago"
    )


def test_a_proof_that_is_recorded_and_a_lease_that_never_ends_are_said():  # B4 B5
    state = a_state(active=None, previous=a_previous(proof=Proof.STOPPED, keeps_lease=False, renewed_at=None))
    line = facts(explained(state))["node-a, which served before"]
    assert "shown STOPPED" in line and "never ends by itself" in line and "ago" not in line


def test_a_first_placement_waits_for_nobody_that_could_not_come():  # B5
    fresh = a_report(NODE_B, heard_since=NOW - 1)
    state = a_state(active=None, node_a=a_report(NODE_A, heard_at=None), node_b=fresh)
    shown = explained(state)
    assert shown.decision.rule == "members-are-awaited"
    assert others(shown)["holder NOBODY"] == "place-by-priority"
    assert "holder UNPROVEN" not in others(shown)
    settled = explained(a_state(active=None, node_a=a_report(NODE_A, heard_at=None)))
    assert "holder AWAITED" not in others(settled)


def test_why_a_node_could_not_take_over_is_a_fact_in_its_own_words():  # B5 B18
    shown = explained(a_state(node_b=a_report(NODE_B, unfit="/run is full")))
    assert facts(shown)["node-b could not take over"].endswith("/run is full")
    assert "node-a could not take over" not in facts(shown)


def test_that_the_service_did_not_start_on_a_node_is_a_fact_with_its_age():  # B5 B20
    shown = explained(a_state(failed_starts=a_failed_start(epoch=7)))
    assert facts(shown)["node-b start"] == "node-b start: the service did not start under epoch 7, 3600 s ago"
    assert shown.situation.candidate == "RETRY"
    gone = explained(a_state(node_a=an_off_report(NODE_A)))
    assert "candidate RETRY" not in others(gone)  # it would go there all the same


def test_every_fact_has_its_age_and_the_setting_that_it_is_held_against():  # B5
    shown = explained(
        a_state(
            node_a=a_report(NODE_A, alarms={"disk": Alarm(False, NOW - 30)}, power_at=NOW - 60),
            node_b=a_report(NODE_B, keeps_lease=False, fault="its IP is another", alarms={"cpu": Alarm(True, NOW)}),
            hold=Hold(NOW - 100, NOW + 50, "patching"),
            failover_times=(NOW - 10,),
            address=Address(AddressStatus.OWED, 1, retry_at=NOW + 33),
            alert="told-and-no-fit-candidate",
        ),
        now=NOW + 3,
        quorum=MAJORITY,
        policy=AUTOMATIC,
    )
    found = facts(shown)
    assert found["node-a newest beat"] == "node-a newest beat: recorded, 3 s ago (silence_limit_s 15)"
    assert found["node-a beats without a gap"] == "node-a beats without a gap: for 3600 s (silence_limit_s 15)"
    assert found["node-a alarm disk"] == "node-a alarm disk: off, 33 s ago"
    assert found["node-a in EC2's words"] == "node-a in EC2's words: unknown, 63 s ago"
    assert found["node-a quorum"] == "node-a quorum: does not object"
    assert found["node-b is not as defined"].endswith("its IP is another")
    assert found["node-b alarm cpu"].startswith("node-b alarm cpu: on")
    assert "proves nothing" in found["node-b lease"]
    assert found["lease"] == "lease: node-a holds it under epoch 1"
    assert found[f"address {RECORD.label}"].endswith("OWED under epoch 1, tried again in 30 s")
    assert found["failovers"] == "failovers: 1 in the last 3600 s (max_failovers.count 3)"
    assert found["hold"] == "hold: for 47 s more; patching; begun, 103 s ago"
    assert found["failback"] == "failback: node-a is not fit, or serves, hours open (stable_for_s 600)"
    assert found["operator"] == "operator: was called for told-and-no-fit-candidate"


def test_what_there_is_not_is_said_or_left_out():  # B5
    state = a_state(node_b=a_report(NODE_B, heard_at=None), active=None, address=None, hold=Hold(NOW))
    state = replace(state, nodes={NODE_B: state.nodes[NODE_B]})
    found = facts(explained(state))
    assert found["node-a newest beat"] == found["node-b newest beat"].replace("node-b", "node-a")
    assert found["lease"] == "lease: nobody holds it under epoch 1"
    assert found["hold"] == "hold: until it is resumed; no reason was given; begun, 0 s ago"
    assert not {about for about in found if about.startswith(("address", "failback", "operator"))}
    conditions = {each.value: each.condition for each in explained(state).otherwise}
    assert conditions["NORMAL"] == "the cluster is resumed"


def test_a_stable_preferred_node_shows_since_when_it_is_fit():  # B5 B6
    state = a_state(active=NODE_B, preferred_since=NOW - 200, node_b=a_report(NODE_B, service="IN_SERVICE"))
    closed = replace(AUTOMATIC, failback=FailbackPolicy(mode="automatic", days=("mon",), hours="00:00-00:01"))
    line = facts(explained(state, policy=closed))["failback"]
    assert line == "failback: node-a has been fit for 200 s, hours closed (stable_for_s 600)"


def test_the_text_begins_with_the_decision_and_shows_every_column():  # B5
    lines = explained().lines
    assert lines[0] == "WAIT by active-is-ready: the active node is heard and well, and nothing is due"
    assert lines[1] == "the node meant: node-a"
    assert [line for line in lines if line.startswith("  phase")] == ["  phase: SETTLED"]
    assert all(any(line.startswith(f"  {column}: ") for line in lines) for column in COLUMNS)
    assert "  if node-a is not heard for 15 s (last heard 0 s ago): FAIL_OVER by active-is-silent" in lines
    assert explained(a_state(active=None, nodes={})).lines[1] == "the node meant: none"


def test_a_move_that_waits_for_a_person_is_a_fact_with_its_age_and_the_wait_of_the_policy():  # B4 B5
    asked = Question("failover", "orders-db-epoch2-1", NOW - 20, NOW + 280)
    policy = Policy(approval=ApprovalPolicy((TransitionAction.FAILOVER,), 300))
    silent = a_state(node_a=a_report(NODE_A, heard_at=NOW - 40), approval=asked)
    assert facts(explained(silent, policy=policy))["approval"] == (
        "approval: a failover waits for a person's approval for 280 s more, asked for by orders-db-epoch2-1; asked, "
        "20 s ago (approval.wait_s 300)"
    )
    denied = replace(silent, approval=replace(asked, is_no=True))
    assert facts(explained(denied, policy=policy))["approval"] == (
        "approval: a failover was not approved, and is asked about again in 280 s at the earliest; said, "
        "20 s ago (approval.wait_s 300)"
    )
    assert "approval" not in facts(explained(silent)), "the policy wants none any more"
    assert "approval" not in facts(explained(silent, now=NOW + 311, policy=policy))
