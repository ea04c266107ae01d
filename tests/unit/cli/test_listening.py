"""What the controller says on its bus, read from the logs of those who say it."""

from __future__ import annotations

import re

from tests.support.builders import NOW, a_state
from tests.template import cfn
from tests.unit.cli.every_command import published
from tests.unit.cli.running import a_stack, document, run
from tests.unit.cli.test_commands import BUSY, interrupted
from understudy.adapters.event_announcer import PUBLISHED
from understudy_cli.core import logs
from understudy_cli.core.events import LogLine

HELD = LogLine(NOW - 5, published("Understudy Cluster Held", cluster="orders-db", until=None, reason="patching"))
FILES = LogLine(NOW - 90, published("Understudy Record Drifted", cluster="files", record="A x\x1b[2J"))
STACK = LogLine(NOW - 10, published("Understudy Tuning Accepted", keys=["ROUTE53_TTL"]))


def a_speaking_stack():
    stack = a_stack(a_state(), a_state(cluster="files"))
    stack.events = {"open_transition": [HELD], "watch_clusters": [FILES], "register_cluster": [STACK]}
    return stack


def test_events_of_all_functions_are_in_order_of_time():  # B23
    result = run(a_speaking_stack(), "events")
    assert result.output.splitlines() == [
        "07:58:30 (90 s ago)  Record Drifted  files  record=A x\\x1b[2J",
        "07:59:50 (10 s ago)  Tuning Accepted    keys=['ROUTE53_TTL']",
        "07:59:55 (5 s ago)  Cluster Held  orders-db  reason=patching",
    ]
    assert result.exit_code == 0


def test_events_of_one_cluster_since_a_time_are_shown():  # B23
    assert [each["cluster"] for each in document(a_speaking_stack(), "events", "orders-db")["events"]] == ["orders-db"]
    assert len(document(a_speaking_stack(), "events", "--since", "30s")["events"]) == 2
    assert run(a_speaking_stack(), "events", "orders").exit_code == 2
    assert "said nothing" in run(a_stack(a_state()), "events").output


def test_whoever_follows_sees_each_event_once_also_one_that_the_log_has_late():  # B23
    """A search finds a line some seconds after it was written, and may find a younger one first."""

    def speaks(stack):
        stack.events["close_transition"] = [
            LogLine(NOW + 4, published("Understudy Transition Closed", cluster="files")),
            LogLine(NOW - 3, published("Understudy Transition Opened", cluster="files")),
        ]

    stack = a_speaking_stack()
    stack.scenes = [speaks, lambda stack: None, interrupted]
    result = run(stack, "events", "--follow")
    kinds = [re.split("  +", each)[1] for each in result.output.splitlines()]
    opened_then_closed = ["Transition Opened", "Transition Closed"]
    assert kinds == ["Record Drifted", "Tuning Accepted", "Cluster Held", *opened_then_closed]
    assert result.exit_code == 0


def test_whoever_follows_does_not_lose_what_was_said_while_aws_was_busy(monkeypatch):  # B23
    stack, asked = a_speaking_stack(), iter(range(99))

    def busy_at_first(function, since):
        if not next(asked):
            raise BUSY
        return [each for each in stack.events.get(function, []) if each.at >= since]

    monkeypatch.setattr(stack, "published", busy_at_first)
    stack.scenes = [lambda stack: None, interrupted]
    result = run(stack, "events", "--follow")
    assert "AWS is busy. Asking again." in result.stderr
    assert len(result.stdout.splitlines()) == 3


def test_whoever_follows_with_a_program_gets_a_document_for_each_look_that_found_something():  # B23
    stack = a_speaking_stack()
    stack.scenes = [lambda stack: None, interrupted]
    (line,) = run(stack, "events", "--follow", "--json").stdout.splitlines()
    assert line.startswith('{"command": "events", "exit": 0, "events": [')


def test_the_log_of_every_function_that_may_publish_is_read():  # B23
    """Read from the rights of the functions; whoever has none publishes nothing."""
    assert logs.PUBLISHED == PUBLISHED
    speakers = {
        each["Properties"]["CodeUri"].split("/")[1]
        for each in cfn.source()["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function" and "events:PutEvents" in str(each["Properties"].get("Policies"))
    }
    assert speakers == set(logs.SPEAKERS)
