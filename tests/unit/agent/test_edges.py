# B10 S11 S12: the edges of the agent, towards systemd, AWS, threads and the power switch
from __future__ import annotations

import os
import socket
import subprocess
import threading
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from tests.unit.agent.fakes import FakeCaller, FakeLog
from tests.unit.agent.waiting import wait_for
from understudy_agent import clock
from understudy_agent.aws import Aws, BeatRefusedError, plain
from understudy_agent.denied import reason_of
from understudy_agent.exchange import Exchange
from understudy_agent.identity import NoIdentityError, from_arn
from understudy_agent.probe import TcpProbe
from understudy_agent.systemd import SdNotifier
from understudy_agent.worker import Worker

# --- systemd --------------------------------------------------------------------------------


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def test_systemd_hears_that_the_agent_is_ready_alive_and_stopping(systemd, tmp_path):
    notifier = SdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "5000000"})
    notifier.ready()
    for now_ms in (0, 200, 2400, 2600):
        notifier.alive(now_ms)
    notifier.stopping()
    heard = [systemd.recv(100).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_systemd_that_does_not_listen_is_told_again_on_the_next_tick(tmp_path):
    notifier = SdNotifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "5000000"})
    notifier.alive(0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        notifier.alive(200)
        assert listener.recv(100) == b"WATCHDOG=1"


def test_systemd_may_listen_on_an_abstract_address():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # the kernel picks an abstract address
        address = "@" + listener.getsockname()[1:].decode()
        SdNotifier({"NOTIFY_SOCKET": address}).ready()
        assert listener.recv(100) == b"READY=1"


def test_outside_systemd_nothing_is_said():
    notifier = SdNotifier({})
    notifier.ready()
    notifier.alive(0)


# --- AWS ------------------------------------------------------------------------------------

ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b"


@pytest.fixture
def aws(monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Aws(who=lambda: from_arn(ARN), region="", table="t", bus="b", cluster="orders-db", call_timeout_s=2)


@pytest.fixture
def table(aws):
    return boto3.resource("dynamodb", region_name="eu-west-1").create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )


def test_the_state_item_is_read_as_plain_values(aws, table):
    table.put_item(Item={"pk": "orders-db", "sk": "state", "epoch": 7, "nodes": {"i-0a": {"keeps": True}}})
    assert aws.read_state() == {
        "pk": "orders-db",
        "sk": "state",
        "epoch": 7,
        "nodes": {"i-0a": {"keeps": True}},
    }


def test_a_cluster_without_state_item_reads_as_none(aws, table):
    assert aws.read_state() is None


def test_a_read_that_fails_tells_why(aws):
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        aws.read_state()


def test_attributes_of_every_kind_in_use_become_plain_values():
    assert plain({"M": {"a": {"N": "1.5"}, "b": {"L": [{"S": "x"}, {"BOOL": False}, {"NULL": True}]}}}) == {
        "a": 1.5,
        "b": ["x", False, None],
    }
    assert plain({"N": "1E+2"}) == 100.0
    assert isinstance(plain({"N": "7"}), int)


class Events:
    """Stands in for the EventBridge client."""

    def __init__(self, **answer: object) -> None:
        self.answer = answer
        self.entries: list[dict[str, str]] = []

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803 - AWS's name
        self.entries += Entries
        return self.answer


def test_a_beat_goes_to_the_bus_from_the_instance_itself(aws):
    aws._events._client = events = Events(FailedEntryCount=0)
    aws.put_beat({"beat": 7})
    said = '{"version": 1, "beat": 7}'
    assert events.entries == [
        {"EventBusName": "b", "Source": ARN, "DetailType": "Understudy Heartbeat", "Detail": said}
    ]


def test_a_beat_that_eventbridge_took_only_for_the_form_counts_as_failed(aws):
    aws._events._client = Events(
        FailedEntryCount=1, Entries=[{"ErrorCode": "InternalFailure", "ErrorMessage": "sorry"}]
    )
    with pytest.raises(BeatRefusedError, match="InternalFailure: sorry"):
        aws.put_beat({"beat": 7})


def test_eventbridge_takes_a_beat(aws):
    boto3.client("events", region_name="eu-west-1").create_event_bus(Name="b")
    aws.put_beat({"beat": 7})


# B18: an instance profile may be attached after the agent was started
def test_credentials_that_were_not_there_are_looked_for_again(aws, monkeypatch):
    boto3.client("events", region_name="eu-west-1").create_event_bus(Name="b")
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in keys:
        monkeypatch.delenv(name)
    with pytest.raises(NoCredentialsError):
        aws.put_beat({"beat": 7})
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    aws.put_beat({"beat": 8})


def test_no_call_is_made_before_the_machine_has_told_who_it_is():
    def nobody_tells():
        raise NoIdentityError("the metadata service is away")

    aws = Aws(who=nobody_tells, region="eu-west-1", table="t", bus="b", cluster="orders-db", call_timeout_s=2)
    for call in (lambda: aws.put_beat({"beat": 7}), aws.read_state):
        with pytest.raises(NoIdentityError, match="away"):
            call()


# --- threads and calls ----------------------------------------------------------------------


def test_a_worker_makes_one_call_at_a_time_and_wakes_the_loop():
    woken, go_on = threading.Event(), threading.Event()
    worker = Worker("test", woken.set)
    assert worker.submit(lambda: go_on.wait(10) and "value")
    assert not worker.submit(lambda: None)
    assert worker.take() is None
    go_on.set()
    assert woken.wait(10)
    assert wait_for(worker.take).value == "value"
    assert worker.take() is None


def test_a_call_that_raises_ends_with_its_error_and_the_worker_goes_on():
    worker = Worker("test", lambda: None)
    worker.submit(lambda: 1 / 0)
    assert isinstance(wait_for(worker.take).error, ZeroDivisionError)
    worker.submit(lambda: 5)
    assert wait_for(worker.take).value == 5


def test_an_error_without_words_is_told_by_its_name():
    log = FakeLog()
    exchange = Exchange("read", FakeCaller(), log)

    def fail() -> None:
        raise TimeoutError

    exchange.begin(fail, 0)
    exchange.settle(10)
    assert log.events("read_failed") == ["TimeoutError"]
    assert exchange.calls.failures == 1


# --- the rest -------------------------------------------------------------------------------


def test_a_probe_is_refused_until_somebody_listens():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        probe = TcpProbe(listener.getsockname())
        assert not any(probe.accepts() for _ in range(20))
        listener.listen()
        assert wait_for(probe.accepts)
    probe.close()


def test_the_clock_counts_from_the_boot_and_never_back():
    first = clock.boottime_ms()
    assert 0 < first <= clock.boottime_ms()
    assert len(clock.boot_name()) == 8


def test_a_worker_thread_does_not_keep_the_process():
    script = (
        "import threading\nfrom understudy_agent.worker import Worker\n"
        "Worker('t', lambda: None).submit(threading.Event().wait)"
    )
    import sys

    import understudy_agent

    path = str(understudy_agent.__path__[0]) + "/.."
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": path}, timeout=20, check=False)
    assert done.returncode == 0


# --- permissions ----------------------------------------------------------------------------


def denied(operation: str) -> ClientError:
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
    return ClientError(answer, operation)


@pytest.mark.parametrize(
    ("what", "operation", "remedy"),
    [
        ("read", "GetItem", "give the role the tag understudy:cluster"),
        ("beat", "PutEvents", "attach the stack's NodePolicy to this instance's role"),
        ("failsafe_key", "GetParameter", "ssm:GetParameter on failsafe_key_parameter"),
    ],
)
def test_a_node_that_is_not_allowed_to_says_what_its_role_lacks(what, operation, remedy):  # B10
    caller, log = FakeCaller(), FakeLog()
    exchange = Exchange(what, caller, log)

    def call():
        raise denied(operation)

    exchange.begin(call, 0)
    exchange.settle(100)
    (why,) = log.events(f"{what}_failed")
    assert why.startswith(f"An error occurred (AccessDeniedException) when calling the {operation} operation")
    assert remedy in why


def unsigned(date: str, code: str = "InvalidSignatureException") -> ClientError:
    headers = {"date": date}
    answer = {"Error": {"Code": code, "Message": "Signature expired"}, "ResponseMetadata": {"HTTPHeaders": headers}}
    return ClientError(answer, "GetItem")


# B18
@pytest.mark.parametrize(
    ("ahead_s", "words"), [(303, "some 300 s ahead"), (-303, "some 300 s behind"), (7200, "some 7200 s ahead")]
)
def test_a_clock_that_is_wrong_is_told_as_what_it_is(ahead_s, words):
    refused = unsigned("Mon, 30 Nov 2026 00:00:00 GMT")
    why = reason_of("read", refused, lambda: datetime(2026, 11, 30, tzinfo=UTC).timestamp() + ahead_s)
    assert words in why
    assert "chronyc makestep" in why


@pytest.mark.parametrize("date", ["Mon, 30 Nov 2026 00:00:00 GMT", "", "yesterday"])
def test_a_signature_that_is_refused_for_another_reason_is_told_as_it_is(date):
    refused = unsigned(date)
    assert reason_of("read", refused, lambda: datetime(2026, 11, 30, tzinfo=UTC).timestamp() + 3) == str(refused)


def test_another_fault_of_aws_is_told_as_it_is():
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetItem")
    assert reason_of("read", throttled) == str(throttled)
    assert reason_of("read", TimeoutError()) == "TimeoutError"
