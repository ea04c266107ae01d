"""What is sent is what people get (B8)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes.notifier import FakeNotifier
from understudy.adapters.sns_notifier import SnsNotifier
from understudy.domain.errors import NotSentError

SUBJECT, TEXT = "[understudy] orders-db: over", "What happened:\n  - ü – all of it\n"


class ReadInMemory:
    def __init__(self) -> None:
        self.notifier = FakeNotifier()

    def messages(self) -> list[tuple[str, str]]:
        return self.notifier.sent


class ReadFromTopic:
    """A topic with a queue as its one subscriber."""

    def __init__(self, sns: Any, sqs: Any) -> None:
        topic = sns.create_topic(Name=f"people-{uuid4()}")["TopicArn"]
        self._queue = sqs.create_queue(QueueName=f"people-{uuid4()}")["QueueUrl"]
        wanted = {"QueueUrl": self._queue, "AttributeNames": ["QueueArn"]}
        arn = sqs.get_queue_attributes(**wanted)["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self._sqs = sqs
        self.notifier = SnsNotifier(lambda: sns, topic)

    def messages(self) -> list[tuple[str, str]]:
        received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(each["Body"]) for each in received]
        return [(body["Subject"], body["Message"]) for body in bodies]


@pytest.fixture(scope="module")
def clients(moto_aws: None) -> tuple[Any, Any]:
    import boto3

    return boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)


@pytest.fixture(params=["fake", "sns"])
def people(request: pytest.FixtureRequest) -> Any:
    return ReadInMemory() if request.param == "fake" else ReadFromTopic(*request.getfixturevalue("clients"))


def test_a_message_arrives_as_it_was_sent(people):
    people.notifier.send(SUBJECT, TEXT)
    assert people.messages() == [(SUBJECT, TEXT)]


def test_a_subject_that_sns_does_not_take_is_a_fault(people):
    with pytest.raises(NotSentError, match="Subject"):
        people.notifier.send("x" * 101, TEXT)
    assert people.messages() == []


def test_a_topic_that_forbids_is_a_fault_that_names_the_subject(clients):
    sns, _ = clients
    with Stubber(sns) as stubber:
        stubber.add_client_error("publish", "AuthorizationError")
        with pytest.raises(NotSentError, match=r"orders-db: over.*AuthorizationError"):
            SnsNotifier(lambda: sns, "arn:aws:sns:us-east-1:123456789012:people").send(SUBJECT, TEXT)


def test_the_fake_can_fail():
    fake = FakeNotifier()
    fake.fail_next("send", NotSentError("down"))
    with pytest.raises(NotSentError):
        fake.send(SUBJECT, TEXT)
    assert fake.sent == []
