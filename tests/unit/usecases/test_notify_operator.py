"""An event of the bus becomes a message to people, or nothing, or is kept for later."""

import pytest

from tests.support.controller import Controller
from tests.support.fakes.notifier import FakeNotifier
from tools.event_catalogue import EVENTS
from understudy.domain.errors import NotSentError
from understudy.usecases.notify_operator import NotifyOutcome, notify_operator


def event(kind):
    return {"detail-type": kind, "time": "2026-11-22T03:00:00Z", "detail": EVENTS[kind].sample}


def test_people_are_told_of_what_needs_them(monkeypatch):  # B8
    world = Controller(monkeypatch)
    assert world.call("notify_operator", event("Understudy Operator Called")) == {"outcome": "SENT"}
    ((subject, text),) = world.notifier.sent
    assert subject == "[understudy] orders-db: you are needed (no-fit-candidate)"
    assert "docs/operations.md#operator-called-by-rule" in text


def test_what_is_for_the_record_wakes_nobody():
    notifier = FakeNotifier()
    told = notify_operator(event("Understudy Transition Opened"), notifier=notifier, stack="s", runbook="r")
    assert told is NotifyOutcome.QUIET
    assert notifier.sent == []


def test_a_notice_that_could_not_be_sent_is_a_fault_so_that_it_is_tried_again_and_kept():  # B8
    notifier = FakeNotifier()
    notifier.fail_next("send", NotSentError("throttled"))
    with pytest.raises(NotSentError):
        notify_operator(event("Understudy Operator Called"), notifier=notifier, stack="s", runbook="r")
