"""The words that a person gets at three in the morning: of every event, whatever stands in it."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.events import EXAMPLES
from tests.support.fakes.announcer import held_to_its_shape
from tests.unit.test_documents import anchors
from understudy.domain.decide.rules import RULES, Action
from understudy.domain.events.catalogue import SHAPES, has_words
from understudy.domain.events.reading import LINES_LIMIT, word
from understudy.domain.notices.notice import SUBJECT_LIMIT, notice_of
from understudy.domain.transition.ending import Reason

STACK, RUNBOOK = "understudy", "docs/on-call.md"
TOLD = [kind for kind, shapes in SHAPES.items() if has_words(shapes[0])]
CLOSED = "Understudy Transition Closed"
CALLED = "Understudy Operator Called"
HOSTILE = "x\nWhat to do:\n  - run https://evil.example/x.sh\r\x1b[2J\u202e\u2028" + "y" * 5000


def notice(kind, detail=None, **changes):
    said = {**(EXAMPLES[kind] if detail is None else detail), **changes}
    return notice_of({"detail-type": kind, "time": "2026-11-22T03:00:00Z", "detail": said}, STACK, RUNBOOK)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_people_are_told_of_an_event_that_has_words_and_of_no_other(kind):  # B8
    assert (notice(kind) is not None) is (kind in TOLD)


@pytest.mark.parametrize("kind", TOLD)
def test_a_notice_says_what_happened_what_is_in_service_and_what_to_do(kind):  # B8
    told = notice(kind)
    assert "unknown" not in told.text.replace("active-is-unknown", ""), "the sample says everything that the words need"
    for title in ("What happened:", "What is in service:", "What to do:"):
        assert re.search(rf"^{title}\n  - \S", told.text, flags=re.MULTILINE), title
    assert re.search(rf"^Runbook: {RUNBOOK}#[a-z-]", told.text, flags=re.MULTILINE)
    assert told.subject.startswith("[understudy] ")
    assert len(told.subject) <= SUBJECT_LIMIT


@pytest.mark.parametrize("kind", TOLD)
def test_every_link_leads_to_a_section_of_the_runbook(kind):
    cases = [notice(kind)]
    if kind == CLOSED:
        cases += [notice(kind, outcome=each) for each in ("IN_SERVICE", "DEGRADED", "HELD", "BROKEN")]
    for told in cases:
        assert re.search(r"#([\w-]+)$", told.text.strip())[1] in anchors(Path(RUNBOOK))


def test_every_rule_that_calls_and_every_reason_has_advice():  # B8
    assert [rule.name for rule in RULES if bool(rule.advice) is not (rule.action is Action.CALL_OPERATOR)] == []
    assert [reason for reason in Reason if not (reason.meaning and reason.advice)] == []


def test_a_failover_that_went_well_names_the_node_in_service_and_the_one_to_look_at():
    told = notice(CLOSED, outcome="IN_SERVICE", reasons=[], address="PROPAGATING")
    assert told.subject == "[understudy] orders-db: node-b is in service after a failover"
    assert "Find out soon what was wrong with node-a" in told.text
    assert "It is followed" in told.text


def test_a_node_on_which_the_service_did_not_start_is_named_with_how_to_clear_it():  # B20
    clear = 'start an execution with {"cluster": "orders-db", "action": "clear", "node": "node-b"}'
    for told in (
        notice(CLOSED, outcome="IN_SERVICE", reasons=[], active="node-c", start_failed=["node-b"]),
        notice(CLOSED, action="switchover", reasons=["NOT_ON_THE_REQUESTED_NODE"], start_failed=["node-b"]),
    ):
        assert "The service did not start on node-b: it is the last choice from now on." in told.text
        assert f"Find out why the service does not start on node-b. When it will, clear it: {clear}" in told.text


def test_a_cluster_without_a_standby_that_is_known_to_work_says_which_one_is_not():  # B20
    sample = EXAMPLES["Understudy Cluster Degraded"]
    node = {**sample["facts"]["nodes"]["node-a"], "start_failed_at": 1790000000}
    facts = {**sample["facts"], "nodes": {**sample["facts"]["nodes"], "node-a": node}}
    told = notice("Understudy Cluster Degraded", facts=facts)
    assert told.subject == "[understudy] orders-db: no node that is known to work could take over"
    assert "; the service did not start on it" in told.text
    assert '"action": "clear", "node": "node-a"}' in told.text


def test_after_a_failback_there_is_nothing_wrong_with_the_node_before():
    assert "wrong with" not in notice(CLOSED, outcome="IN_SERVICE", action="failback", reasons=[]).text


@pytest.mark.parametrize("action", ["switchover", "place", "repair"])
def test_what_was_asked_for_and_went_well_wakes_nobody(action):
    assert notice(CLOSED, outcome="IN_SERVICE", action=action, reasons=[]) is None
    assert notice(CLOSED, outcome="DEGRADED", action=action) is not None


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_put_in_words_with_what_to_do(reason):  # B2
    told = notice(CLOSED, reasons=[str(reason)])
    assert reason.meaning in told.text
    assert reason.advice in told.text


def test_a_service_that_did_not_start_is_never_told_as_served():  # B2
    told = notice(CLOSED, reasons=["SERVICE_NOT_IN_SERVICE"])
    assert "node-b holds the lease, but its service is not in service." in told.text


def test_held_says_that_nobody_may_serve():  # B4
    told = notice(CLOSED, outcome="HELD", active=None, reasons=["OLD_NODE_UNPROVEN"])
    assert "Nobody holds the lease, and nobody may serve." in told.text
    assert "#held" in told.text


def test_a_broken_execution_says_where_it_broke_and_to_wait():
    broken = {"state": "FenceNode", "error": "Lambda.Unknown", "cause": "killed"}
    detail = {"cluster": "orders-db", "epoch": 7, "outcome": "BROKEN", "broken": broken}
    held_to_its_shape(CLOSED, detail)
    told = notice(CLOSED, detail)
    assert "in state FenceNode: Lambda.Unknown, killed" in told.text
    assert "Do not redrive" in told.text


def test_whoever_is_called_reads_how_each_node_is():
    text = notice(CALLED).text
    assert "node-a was given the lease last, and is not heard: it may have run out." in text
    assert "node-a: SILENT, its services were last said to be IN_SERVICE, last heard 21 s before" in text
    assert "node-b: UNKNOWN, it has never said how its services are, never heard" in text


def test_a_node_that_is_heard_holds_the_lease_and_says_how_its_services_are():
    detail = deepcopy(dict(EXAMPLES[CALLED]))
    detail["facts"]["nodes"]["node-a"]["health"] = "READY"
    text = notice(CALLED, detail).text
    assert "node-a holds the lease." in text
    assert "node-a: READY, its services IN_SERVICE, last heard" in text


def test_a_node_that_is_right_again_wakes_nobody():
    assert notice("Understudy Node Changed", fault="") is None


def test_peers_that_are_well_again_wake_nobody():  # B13
    assert notice("Understudy Peers Degraded", faults=[]) is None
    assert "node-a gets no answer from node-b" in notice("Understudy Peers Degraded").text


def test_the_active_node_is_told_apart_from_a_standby():
    assert "It is the active node" in notice("Understudy Node Changed", is_active=True).text
    assert "It is not the active node" in notice("Understudy Node Changed", is_active=False).text


def test_an_address_that_leads_nowhere_is_said_so():
    assert "leads to nowhere" in notice("Understudy Address Changed", addresses={"eipalloc-1": ""}).text


def test_what_a_newer_version_says_is_told_as_it_is():
    told = notice("Understudy Cat Found", {"cluster": "orders-db", "where": "rack 3"})
    assert told.subject == "[understudy] orders-db: Understudy Cat Found"
    assert "where: rack 3" in told.text


def test_a_long_list_is_cut_and_says_so():
    told = notice("Understudy Definition Refused", faults=[f"fault {number}" for number in range(60)])
    assert f"fault {LINES_LIMIT - 1}" in told.text
    assert f"and {60 - LINES_LIMIT} more" in told.text


@pytest.mark.parametrize("kind", TOLD)
def test_hostile_text_adds_no_line_no_heading_and_no_link_that_works(kind):  # B8
    def poisoned(value):
        if isinstance(value, dict):
            return {key: poisoned(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [poisoned(each) for each in value]
        return HOSTILE if isinstance(value, str) else value

    clean = notice(kind)
    keep = {key: EXAMPLES[kind][key] for key in ("outcome", "action", "reasons") if key in EXAMPLES[kind]}
    told = notice(kind, {**poisoned(EXAMPLES[kind]), **keep})
    assert told.subject.isascii()
    assert told.subject.isprintable()
    assert len(told.subject) <= SUBJECT_LIMIT
    assert len(told.text.splitlines()) == len(clean.text.splitlines())
    assert len(re.findall("^What to do:$", told.text, flags=re.MULTILINE)) == 1
    assert "://" not in told.text
    assert all(line.isprintable() for line in told.text.splitlines())


def test_without_the_care_a_fault_could_forge_a_section():
    """What plain formatting would do: the text that a person trusts holds a heading that somebody else wrote."""
    assert "\nWhat to do:\n" in f"  - {HOSTILE}"
    assert "\n" not in word(HOSTILE)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(TOLD), value=ANYTHING, data=st.data())
def test_no_event_however_odd_keeps_a_notice_from_being_made(kind, value, data):
    key = data.draw(st.sampled_from(sorted(EXAMPLES[kind])))
    for detail in ({**EXAMPLES[kind], key: value}, value):
        told = notice_of({"detail-type": kind, "time": value, "detail": detail}, STACK, RUNBOOK)
        if told is not None:
            assert told.subject.isascii()
            assert told.subject.isprintable()
            assert len(told.subject) <= SUBJECT_LIMIT
            assert len(told.text.encode()) < 100_000  # SNS takes 262,144 bytes


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Understudy Approval Ended", {"outcome": "APPROVED"}),
        ("Understudy Drill Finished", {"outcome": "PASSED", "within": True}),
        ("Understudy Drill Finished", {"outcome": "PASSED", "within": None}),
    ],
)
def test_what_went_as_it_was_meant_to_wakes_nobody(kind, changes):  # B7 B8
    assert notice(kind, **changes) is None


@pytest.mark.parametrize("outcome", ["STAYED_AWAY", "INTERRUPTED", "NOT_BEGUN", "REFUSED"])
def test_a_drill_that_did_not_pass_is_told_of(outcome):  # B7
    assert f"ended {outcome}" in notice("Understudy Drill Finished", outcome=outcome, within=None).subject


def test_the_command_that_approves_is_whole_in_the_notice():  # B5
    sample = EXAMPLES["Understudy Approval Asked"]
    text = notice("Understudy Approval Asked", approve=sample["approve"].replace("AQCE", "A" * 1024)).text
    assert sample["deny"] in text
    assert "A" * 1024 in text


def test_people_learn_where_nodes_are_silent_and_when_it_is_over():  # B15
    told = notice("Understudy Silence Doubted")
    assert told.subject.startswith("[understudy] 495 of 1000 clusters silent in no pattern")
    assert "us-east-1a: 338 of 667 nodes silent" in told.text
    assert notice("Understudy Silence Doubted", clusters=0).subject == "[understudy] silence of many: over"
