"""What is opened for a pager is what is ended later, and nothing else: keys, severities and what begins or is over."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.events import EXAMPLES
from tests.unit.domain.notices.test_table import ANYTHING, HOSTILE, RUNBOOK, STACK
from understudy.domain.events.catalogue import EVENTS, SHAPES, has_concern, has_words
from understudy.domain.events.event import EventAction, Severity
from understudy.domain.notices.incident import for_pagers, incident_of
from understudy.domain.notices.notice import notice_of

CLOSED, CALLED, OVER = "Understudy Transition Closed", "Understudy Operator Called", "Understudy Alert Over"
OPENS = [kind for kind, shapes in SHAPES.items() if has_concern(shapes[0])]
KEY = re.compile(r"[A-Za-z0-9._:-]{1,255}")


def event(kind, **changes):
    return {
        "id": "4f3c1f0e",
        "account": "123456789012",
        "region": "eu-central-1",
        "time": "2026-11-22T03:00:00Z",
        "detail-type": kind,
        "detail": {**EXAMPLES[kind], **changes},
    }


def incident(kind, **changes):
    found = incident_of(event(kind, **changes), STACK)
    assert found is not None
    return found


def closed(outcome, *reasons, **changes):
    return incident(CLOSED, outcome=outcome, reasons=list(reasons), **changes)


def test_whatever_people_are_told_of_is_an_incident():  # B8
    assert [each for each in EVENTS if has_words(each) and not has_concern(each)] == []


def test_the_end_of_an_alert_has_the_key_of_the_call():  # B8
    called, over = incident(CALLED), incident(OVER)
    assert called.key == "123456789012:eu-central-1:understudy:orders-db:rule.no-fit-candidate"
    assert over.key == called.key
    assert (called.action, over.action) == (EventAction.TRIGGER, EventAction.RESOLVE)
    assert (called.severity, over.severity) == (Severity.CRITICAL, Severity.INFO)


ENDS = [
    ("Understudy Cluster Degraded", {}, "Understudy Cluster Degraded", {"fault": None, "since": None}),
    ("Understudy Silence Doubted", {}, "Understudy Silence Doubted", {"clusters": 0}),
    ("Understudy Node Changed", {}, "Understudy Node Changed", {"fault": ""}),
    ("Understudy Peers Degraded", {}, "Understudy Peers Degraded", {"faults": []}),
    ("Understudy Definition Refused", {}, "Understudy Definition Accepted", {}),
    ("Understudy Definition Put Off", {}, "Understudy Definition Accepted", {}),
    ("Understudy Tuning Refused", {}, "Understudy Tuning Accepted", {}),
    *(
        ("Understudy Approval Asked", {}, "Understudy Approval Ended", {"outcome": outcome})
        for outcome in ("APPROVED", "DENIED", "UNANSWERED", "UNREADABLE", "WITHDRAWN")
    ),
    ("Understudy Drill Finished", {}, "Understudy Drill Finished", {"within": True}),
    ("Understudy Record Drifted", {}, CLOSED, {"action": "repair", "outcome": "IN_SERVICE", "reasons": []}),
    ("Understudy Address Changed", {}, CLOSED, {"action": "repair", "outcome": "IN_SERVICE", "reasons": []}),
    *(
        (CLOSED, {"outcome": bad}, CLOSED, {"action": action, "outcome": "IN_SERVICE", "reasons": []})
        for bad in ("HELD", "DEGRADED", "BROKEN")
        for action in ("place", "repair", "switchover", "failover")
    ),
]


@pytest.mark.parametrize(("begins", "how", "ends", "so"), ENDS)
def test_what_begins_is_over_under_the_same_key(begins, how, ends, so):
    first, last = incident(begins, **how), incident(ends, **so)
    assert (first.action, last.action) == (EventAction.TRIGGER, EventAction.RESOLVE)
    assert first.key == last.key


def test_a_node_that_is_right_again_ends_nothing_of_another_node():
    assert incident("Understudy Node Changed").key != incident("Understudy Node Changed", node="node-a", fault="").key


def test_clusters_rules_stacks_regions_and_accounts_never_share_an_incident():
    called = event(CALLED)
    others = [
        incident_of(called, STACK),
        incident_of(event(CALLED, cluster="files"), STACK),
        incident_of(event(CALLED, rule="quorum-is-lost"), STACK),
        incident_of(called, "understudy-2"),
        incident_of({**called, "region": "eu-west-1"}, STACK),
        incident_of({**called, "account": "210987654321"}, STACK),
    ]
    assert len({each.key for each in others if each}) == len(others)


def test_what_is_in_a_name_cannot_make_it_another_ones_key():
    """Joined as it is, the cluster `a` with the rule `b:c` would be the cluster `a:b` with the rule `c`."""
    one = incident(CALLED, cluster="a", rule="b:rule.c")
    other = incident(CALLED, cluster="a:rule.b", rule="c")
    long = [incident(CALLED, cluster="y" * 5000 + end) for end in "ab"]
    assert len({each.key for each in (one, other, *long)}) == 4


@pytest.mark.parametrize("kind", OPENS)
def test_the_same_event_has_the_same_key_each_time_it_is_delivered(kind):
    assert incident(kind).key == incident(kind).key
    assert KEY.fullmatch(incident(kind).key)


def test_what_is_about_the_whole_stack_names_no_cluster():
    silence = incident("Understudy Silence Doubted")
    assert (silence.cluster, silence.service) == ("", "understudy")
    assert silence.key == "123456789012:eu-central-1:understudy::silence"


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (closed("HELD", "OLD_NODE_UNPROVEN", active=None), Severity.CRITICAL),
        (closed("DEGRADED", "SERVICE_NOT_IN_SERVICE"), Severity.CRITICAL),
        (closed("DEGRADED", "ADDRESS_OWED"), Severity.CRITICAL),
        (closed("DEGRADED", "NOT_ON_THE_REQUESTED_NODE", "ADDRESS_OWED"), Severity.CRITICAL),
        (closed("DEGRADED", "NOT_ON_THE_REQUESTED_NODE"), Severity.WARNING),
        (closed("BROKEN"), Severity.ERROR),
        (closed("IN_SERVICE"), Severity.INFO),
        (incident("Understudy Cluster Degraded"), Severity.ERROR),
        (incident("Understudy Definition Refused"), Severity.WARNING),
        (incident("Understudy Approval Asked"), Severity.CRITICAL),
    ],
)
def test_how_bad_it_is(found, severity):
    assert found.severity is severity


@pytest.mark.parametrize("kind", OPENS)
def test_nothing_is_opened_that_people_are_not_told_of(kind):
    """What wakes a pager has words; what has none only ends something."""
    for changes in (
        {},
        {"outcome": "IN_SERVICE", "action": "repair"},
        {"fault": None},
        {"faults": []},
        {"within": True},
    ):
        told = event(kind, **changes)
        found = incident_of(told, STACK)
        if notice_of(told, STACK, RUNBOOK) is None:
            assert found is not None
            assert found.action is EventAction.RESOLVE


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind not in OPENS])
def test_what_is_for_the_record_is_no_incident(kind):
    assert incident_of(event(kind), STACK) is None


def test_an_event_that_a_newer_version_sends_is_to_be_looked_at():
    found = incident_of({"detail-type": "Understudy Cat Found", "detail": {"cluster": "orders-db"}}, STACK)
    assert found is not None
    assert (found.severity, found.event_id) == (Severity.WARNING, "")
    assert found.key == "::understudy:orders-db:event.Understudy-Cat-Found"


def test_a_pager_is_told_in_one_line_what_is_over_when_people_are_told_nothing():
    told = for_pagers(incident("Understudy Node Changed", fault=""), None)
    assert told.summary == "[understudy] orders-db: over (node.node-b)"
    assert told.runbook is None


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(OPENS), value=ANYTHING | st.just(HOSTILE), data=st.data())
def test_no_event_however_odd_makes_a_key_that_a_pager_does_not_take(kind, value, data):
    key = data.draw(st.sampled_from(sorted(EXAMPLES[kind])))
    for detail in ({**EXAMPLES[kind], key: value}, value):
        odd = {"id": value, "account": value, "region": value, "detail-type": kind, "time": value, "detail": detail}
        found = incident_of(odd, STACK)
        assert found is not None
        assert KEY.fullmatch(found.key)
