"""A node whose clock is wrong: AWS refuses what it signs by it (B10, B18)."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from understudy_agent.aws import Client
from understudy_agent.aws_clock import AwsClock

ACCEPTS_S = 300


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self) -> Any:
        yield self.read()


class Table:
    """AWS, its clock ahead of the machine's by `ahead_s`: it refuses what is signed five minutes away from its own."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s
        self.signed: list[bool] = []

    def answer(self, request: Any, **_: object) -> AWSResponse:
        now = datetime.now(UTC) + timedelta(seconds=self.ahead_s)
        told = request.headers["X-Amz-Date"].decode()
        at = datetime.strptime(told, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert f"/{told[:8]}/eu-west-1/dynamodb/" in request.headers["Authorization"].decode()
        self.signed.append(abs((at - now).total_seconds()) < ACCEPTS_S)
        refusal = {"__type": "com.amazon.coral.service#InvalidSignatureException", "message": "Signature expired"}
        status, body = (200, {}) if self.signed[-1] else (400, refusal)
        headers = {"Date": format_datetime(now, usegmt=True)}
        return AWSResponse(request.url, status, headers, Raw(json.dumps(body).encode()))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return Client("dynamodb", lambda: "eu-west-1", 1)


def call(client: Client, table: Table) -> None:
    events = client.made().meta.events
    events.register_first("before-send", table.answer, unique_id="table")
    try:
        client.call(lambda dynamodb: dynamodb.get_item(TableName="t", Key={"pk": {"S": "a"}}))
    finally:
        events.unregister("before-send", unique_id="table")


@pytest.mark.parametrize("ahead_s", [310, -310, 90_000, -90_000])
def test_a_clock_that_is_wrong_costs_one_call(client: Client, ahead_s: float) -> None:
    table = Table(ahead_s)
    with pytest.raises(ClientError, match="InvalidSignature"):
        call(client, table)
    call(client, table)
    call(client, table)
    assert table.signed == [False, True, True]


def test_a_clock_that_is_set_right_costs_one_more(client: Client) -> None:
    with pytest.raises(ClientError):
        call(client, Table(310))
    table = Table(0)
    with pytest.raises(ClientError):
        call(client, table)
    call(client, table)
    assert table.signed == [False, True]


def test_a_clock_that_is_right_is_gone_by(client: Client) -> None:
    table = Table(20)
    call(client, table)
    assert table.signed == [True]


def test_what_was_refused_for_another_reason_says_nothing_of_clocks() -> None:
    clock, request = AwsClock(lambda: 1_000_000.0), type("Request", (), {"context": {}})()
    answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPHeaders": {"date": "1 Jan 1970 00:00 GMT"}}}
    clock.learn(ClientError(answer, "GetItem"))
    clock.learn(TimeoutError())
    clock._correct(request)
    assert type(request.context) is dict
