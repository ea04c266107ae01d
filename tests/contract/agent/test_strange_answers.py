"""What an agent makes of an answer that is nobody's of AWS (B3)."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError

from tests.support.stranger import HTML, NOTHING_OF_AWS, Stranger
from understudy_agent.aws import Aws, KeyParameter
from understudy_agent.identity import from_arn

SELF = from_arn("arn:aws:ec2:us-east-1:123456789012:instance/i-0000000000000000a")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    made = Stranger()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    yield made
    made.close()


@pytest.fixture
def aws() -> Aws:
    return Aws(who=lambda: SELF, region="us-east-1", table="clusters", bus="bus", cluster="orders-db", call_timeout_s=2)


ANSWERS = [*((200, body) for body in NOTHING_OF_AWS), (302, HTML[0]), (403, HTML[0])]


@pytest.mark.parametrize(("status", "body"), ANSWERS)
def test_a_beat_is_not_sent_a_state_not_read_and_a_key_not_known_by_it(stranger, aws, status, body):
    stranger.status, stranger.body = status, body
    with pytest.raises(BotoCoreError):
        aws.put_beat({"cluster": "orders-db"})
    with pytest.raises(BotoCoreError):
        aws.read_state()
    with pytest.raises(BotoCoreError):
        KeyParameter("/understudy/key", lambda: "us-east-1", 2).read()


def test_an_item_that_is_not_there_is_still_none(stranger, aws):
    stranger.status, stranger.body = 200, b"{}"
    assert aws.read_state() is None
