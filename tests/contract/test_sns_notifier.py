"""What is sent is what people get (B8)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from tests.contract.conftest import REGION
from tests.support.fakes.notifier import FakeNotifier
from understudy.adapters.sns_notifier import SnsNotifier
from understudy.domain.cluster.errors import NotSentError

SUBJECT, TEXT = "[understudy] orders-db: over", "What happened:\n  - ü – all of it\n"
DATA = {"version": "1.0", "content": {"description": 'ü "quoted" \\n'}}
LABELS = {"severity": "critical", "cluster": "orders-db"}


class ReadInMemory:
    def __init__(self) -> None:
        self.notifier = FakeNotifier()

    def for_programs(self) -> list[tuple[Any, dict[str, str]]]:
        return [(data, dict(labels)) for data, labels in self.notifier.for_programs]

    def for_people(self) -> list[tuple[str, str]]:
        return self.notifier.sent


class ReadFromTopic:
    """A topic with a queue as a subscriber, and with an address that is written to. What SNS was given for each."""

    def __init__(self, sns: Any, sqs: Any) -> None:
        self._topic = sns.create_topic(Name=f"people-{uuid4()}")["TopicArn"]
        self._queue = sqs.create_queue(QueueName=f"people-{uuid4()}")["QueueUrl"]
        wanted = {"QueueUrl": self._queue, "AttributeNames": ["QueueArn"]}
        arn = sqs.get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=arn)
        self._sqs = sqs
        self.notifier = SnsNotifier(lambda: sns, self._topic)

    def for_programs(self) -> list[tuple[Any, dict[str, str]]]:
        """What arrived in the queue."""
        received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(each["Body"]) for each in received]
        return [
            (json.loads(body["Message"]), {name: each["Value"] for name, each in body["MessageAttributes"].items()})
            for body in bodies
        ]

    def for_people(self) -> list[tuple[str, str]]:
        return [(subject, for_protocol(message, "email")) for subject, message in self.published()]

    def published(self) -> list[tuple[str, str]]:
        """(subject, message) as they were handed to SNS."""
        topic = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[self._topic]
        return [(subject or "", message) for _, message, subject, *_ in topic.sent_notifications]


def for_protocol(message: str, protocol: str) -> str:
    """What SNS delivers by a protocol when the message has the structure `json`: its own body, or the default one."""
    bodies = json.loads(message)
    assert all(isinstance(body, str) for body in bodies.values()), "SNS ignores what is no text"
    return str(bodies.get(protocol, bodies["default"]))


@pytest.fixture(scope="module")
def clients(moto_aws: None) -> tuple[Any, Any]:
    import boto3

    return boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)


@pytest.fixture(params=["fake", "sns"])
def people(request: pytest.FixtureRequest) -> Any:
    return ReadInMemory() if request.param == "fake" else ReadFromTopic(*request.getfixturevalue("clients"))


def send(notifier: Any, subject: str = SUBJECT) -> None:
    notifier.send(subject, TEXT, data=DATA, labels=LABELS)


def test_people_get_the_text_as_it_was_sent(people):
    send(people.notifier)
    assert people.for_people() == [(SUBJECT, TEXT)]


def test_programs_get_the_data_with_what_to_choose_by(people):
    send(people.notifier)
    assert people.for_programs() == [(DATA, LABELS)]


@pytest.mark.parametrize("protocol", ["https", "sqs", "lambda"])
def test_where_a_program_listens_the_data_arrives(clients, protocol):
    topic = ReadFromTopic(*clients)
    send(topic.notifier)
    ((_, message),) = topic.published()
    assert json.loads(for_protocol(message, protocol)) == DATA


@pytest.mark.parametrize("protocol", ["email", "email-json", "sms", "application", "http"])
def test_where_a_person_may_read_the_text_arrives(clients, protocol):
    topic = ReadFromTopic(*clients)
    send(topic.notifier)
    ((_, message),) = topic.published()
    assert for_protocol(message, protocol) == TEXT


def test_a_subject_that_sns_does_not_take_is_a_fault(people):
    with pytest.raises(NotSentError, match="Subject"):
        send(people.notifier, "x" * 101)
    assert people.for_people() == []
    assert people.for_programs() == []


def test_a_topic_that_forbids_is_a_fault_that_names_the_subject(clients):
    sns, _ = clients
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish", "AuthorizationError")
        with pytest.raises(NotSentError, match=r"orders-db: over.*AuthorizationError"):
            send(SnsNotifier(lambda: sns, "arn:aws:sns:us-east-1:123456789012:people"))


def test_the_fake_can_fail():
    fake = FakeNotifier()
    fake.fail_next("send", NotSentError("down"))
    with pytest.raises(NotSentError):
        send(fake)
    assert fake.sent == []
