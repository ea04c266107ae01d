"""What the controller does is heard on its bus (B5)."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeAnnouncer
from understudy.adapters.event_announcer import PUBLISHED, EventAnnouncer
from understudy.domain.cluster.errors import AnnouncementError
from understudy.domain.events.transitions import TransitionOpened

OPENED = replace(TransitionOpened.example(), why="not heard for 15 s – ü", source=None)


def unversioned(detail: dict[str, Any]) -> dict[str, Any]:
    """What was said: the adapter puts the version in front of it."""
    assert next(iter(detail.items())) == ("version", 1)
    return {key: value for key, value in detail.items() if key != "version"}


class HeardInMemory:
    def __init__(self) -> None:
        self.announcer = FakeAnnouncer()

    def events(self) -> list[tuple[str, str, Any]]:
        return [("understudy", kind, detail) for kind, detail in self.announcer.events]


class HeardOnBus:
    """A bus whose every event of the controller goes to a queue."""

    def __init__(self, events: Any, sqs: Any) -> None:
        name = f"understudy-{uuid4()}"
        events.create_event_bus(Name=name)
        self._queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        wanted = {"QueueUrl": self._queue, "AttributeNames": ["QueueArn"]}
        arn = sqs.get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
        events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["understudy"]}))
        events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
        self._sqs = sqs
        self.announcer = EventAnnouncer(lambda: events, name)

    def events(self) -> list[tuple[str, str, Any]]:
        messages = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [(body["source"], body["detail-type"], unversioned(body["detail"])) for body in bodies]


@pytest.fixture(scope="module")
def clients(moto_aws: None) -> tuple[Any, Any]:
    import boto3

    return boto3.client("events", region_name=REGION), boto3.client("sqs", region_name=REGION)


@pytest.fixture(params=["fake", "eventbridge"])
def heard(request: pytest.FixtureRequest) -> Any:
    return HeardInMemory() if request.param == "fake" else HeardOnBus(*request.getfixturevalue("clients"))


def test_what_is_announced_is_heard_as_it_was_said(heard):
    heard.announcer.announce(OPENED)
    assert heard.events() == [("understudy", "Understudy Transition Opened", OPENED.detail())]


def test_what_the_bus_took_stands_in_the_log_and_what_it_did_not_take_does_not(clients, caplog):  # B23
    """People read it there: the bus keeps nothing."""
    caplog.set_level("INFO")
    client, _ = clients
    with Stubber(client) as stubber:
        stubber.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
        stubber.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttling"}]})
        announcer = EventAnnouncer(lambda: client, "understudy")
        announcer.announce(OPENED)
        with pytest.raises(AnnouncementError):
            announcer.announce(OPENED)
    (record,) = [each for each in caplog.records if each.getMessage() == PUBLISHED]
    assert (record.detail_type, record.detail) == ("Understudy Transition Opened", OPENED.detail())


def test_an_event_that_eventbridge_did_not_take_is_a_fault_that_names_its_code(clients):
    client, _ = clients
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}]}
    with Stubber(client) as stubber:
        stubber.add_response("put_events", refused)
        with pytest.raises(AnnouncementError, match="ThrottlingException"):
            EventAnnouncer(lambda: client, "understudy").announce(OPENED)


def test_a_bus_that_forbids_or_does_not_answer_is_a_fault_of_the_same_class(clients):
    client, _ = clients
    with Stubber(client) as stubber:
        stubber.add_client_error("put_events", "AccessDeniedException")
        with pytest.raises(AnnouncementError, match="AccessDenied"):
            EventAnnouncer(lambda: client, "understudy").announce(OPENED)


def test_the_fake_can_be_deaf():
    fake = FakeAnnouncer()
    fake.fail_next("announce", AnnouncementError("deaf"))
    with pytest.raises(AnnouncementError):
        fake.announce(OPENED)
    assert fake.events == []
    fake.announce(OPENED)
    assert fake.details(TransitionOpened) == [OPENED.detail()]
