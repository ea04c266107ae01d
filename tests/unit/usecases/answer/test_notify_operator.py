"""An event of the bus becomes a message to people and an incident for pagers, or nothing, or is kept for later."""

import pytest

from tests.support.controller import Controller
from tests.support.events import EXAMPLES
from tests.support.fakes import FakeAnnouncer
from tests.support.fakes.notifier import FakeNotifier
from understudy.domain.cluster.errors import AnnouncementError, NotSentError
from understudy.domain.events.incidents import IncidentChanged
from understudy.usecases.answer.notify_operator import NotifyOutcome, notify_operator


def event(kind, **changes):
    return {"detail-type": kind, "time": "2026-11-22T03:00:00Z", "detail": {**EXAMPLES[kind], **changes}}


def told(kind, notifier, announcer, **changes):
    return notify_operator(event(kind, **changes), notifier=notifier, announcer=announcer, stack="s", runbook="r")


def test_people_are_told_of_what_needs_them(monkeypatch):  # B8
    world = Controller(monkeypatch)
    assert world.call("notify_operator", event("Understudy Operator Called")) == {"outcome": "SENT"}
    ((subject, text),) = world.notifier.sent
    assert subject == "[understudy] orders-db: you are needed (no-fit-candidate)"
    assert "docs/on-call.md#no-fit-candidate" in text


def test_pagers_are_told_of_the_same_on_the_bus(monkeypatch):  # B8
    world = Controller(monkeypatch)
    world.call("notify_operator", event("Understudy Operator Called"))
    ((kind, detail),) = world.announcer.events
    ((subject, text),) = world.notifier.sent
    assert kind == IncidentChanged.detail_type
    assert (detail["summary"], detail["text"], detail["event_action"]) == (subject, text, "trigger")


def test_whoever_subscribes_can_choose_by_severity_action_and_cluster():
    notifier = FakeNotifier()
    told("Understudy Operator Called", notifier, FakeAnnouncer())
    told("Understudy Silence Doubted", notifier, FakeAnnouncer())
    assert [labels for _, labels in notifier.for_programs] == [
        {"severity": "critical", "event_action": "trigger", "cluster": "orders-db"},
        {"severity": "critical", "event_action": "trigger"},
    ]


def test_what_is_for_the_record_wakes_nobody():
    notifier, announcer = FakeNotifier(), FakeAnnouncer()
    assert told("Understudy Transition Opened", notifier, announcer) is NotifyOutcome.QUIET
    assert (notifier.sent, announcer.events) == ([], [])


def test_an_end_that_people_are_not_told_of_is_an_end_for_pagers():  # B8
    notifier, announcer = FakeNotifier(), FakeAnnouncer()
    assert told("Understudy Node Changed", notifier, announcer, fault="") is NotifyOutcome.ENDED
    assert notifier.sent == []
    assert [detail["event_action"] for detail in announcer.details(IncidentChanged)] == ["resolve"]


def test_a_notice_that_could_not_be_sent_is_a_fault_so_that_it_is_tried_again_and_kept_and_pagers_are_told():  # B8
    notifier, announcer = FakeNotifier(), FakeAnnouncer()
    notifier.fail_next("send", NotSentError("throttled"))
    with pytest.raises(NotSentError):
        told("Understudy Operator Called", notifier, announcer)
    assert len(announcer.events) == 1


def test_a_bus_that_takes_nothing_keeps_no_notice_from_people_and_is_a_fault():  # B8
    notifier, announcer = FakeNotifier(), FakeAnnouncer()
    announcer.fail_next("announce", AnnouncementError("throttled"))
    with pytest.raises(AnnouncementError):
        told("Understudy Operator Called", notifier, announcer)
    assert len(notifier.sent) == 1
