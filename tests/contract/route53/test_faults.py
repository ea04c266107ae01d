"""Which of Route 53's faults pass, which do not, and what is no record of ours."""

import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.builders import RECORD, a_wish
from tests.support.retries import retries_on
from understudy.adapters.route53.retries import RetryingClient
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.errors import (
    AddressUnreadableError,
    ChangeRefusedError,
    GuardMismatchError,
    ZoneBusyError,
)
from understudy.domain.cluster.record import Change, ChangeReading, ChangeVerb, desired

BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))
KEYS = {"region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
NOT_PATIENT = retries_on(random=lambda: 100.0)
"""Each fault comes through as it is: no gap is short enough to try again."""
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=0.3, read_timeout=0.3)


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("route53", config=ONCE, **KEYS)


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("InvalidChangeBatch", 400, GuardMismatchError),
        ("Throttling", 400, ZoneBusyError),
        ("PriorRequestNotComplete", 400, ZoneBusyError),
        ("ServiceUnavailable", 503, ZoneBusyError),
        ("InternalError", 500, ZoneBusyError),
        ("SomethingNew", 502, ZoneBusyError),
        ("NoSuchHostedZone", 404, ChangeRefusedError),
        ("AccessDenied", 403, ChangeRefusedError),
        ("InvalidInput", 400, ChangeRefusedError),
    ],
)
def test_a_refused_change_is_sorted_by_its_code(client, stubber, code, status, error):
    stubber.add_client_error("change_resource_record_sets", code, "in words", status)
    with pytest.raises(error, match=code):
        Route53Zone(RetryingClient(client, NOT_PATIENT)).submit(RECORD, BATCH, "comment")


@pytest.mark.parametrize("code", ["Throttling", "NoSuchHostedZone", "AccessDenied", "InternalError"])
def test_a_record_that_cannot_be_read_is_unreadable_and_not_different(client, stubber, code):
    stubber.add_client_error("list_resource_record_sets", code)
    with pytest.raises(AddressUnreadableError, match=code):
        Route53Zone(RetryingClient(client, NOT_PATIENT)).read(RECORD)


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
def test_a_change_that_cannot_be_read_is_unreadable_and_not_unknown(client, stubber, code):  # S7
    stubber.add_client_error("get_change", code, "NoSuchChange, says the message, which nobody may read")
    with pytest.raises(AddressUnreadableError, match=code):
        Route53Zone(RetryingClient(client, NOT_PATIENT)).change_status("C1")


def test_only_the_code_makes_a_change_unknown(client, stubber):  # S7
    stubber.add_client_error("get_change", "NoSuchChange", "in words", 404)
    assert Route53Zone(RetryingClient(client, NOT_PATIENT)).change_status("C1") is ChangeReading.UNKNOWN


@pytest.mark.parametrize("is_listening", [True, False], ids=["no answer", "refused"])
def test_a_route53_that_does_not_answer_is_busy_and_unreadable(is_listening):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        if is_listening:
            mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        zone = Route53Zone(RetryingClient(boto3.client("route53", endpoint_url=url, config=ONCE, **KEYS), NOT_PATIENT))
        with pytest.raises(ZoneBusyError):
            zone.submit(RECORD, BATCH, "comment")
        with pytest.raises(AddressUnreadableError):
            zone.read(RECORD)
        with pytest.raises(AddressUnreadableError):
            zone.change_status("C1")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (
            {"AliasTarget": {"HostedZoneId": "Z2", "DNSName": "lb.example.", "EvaluateTargetHealth": False}},
            "alias of lb",
        ),
        (
            {"SetIdentifier": "blue", "Weight": 1, "TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}]},
            "routing policy",
        ),
    ],
    ids=["alias", "weighted"],
)
def test_a_record_that_the_controller_cannot_have_made_is_unreadable_and_says_why(client, stubber, extra, words):
    found = {"Name": RECORD.name + ".", "Type": "A", **extra}
    stubber.add_response(
        "list_resource_record_sets", {"ResourceRecordSets": [found], "IsTruncated": False, "MaxItems": "1"}
    )
    with pytest.raises(AddressUnreadableError, match=words):
        Route53Zone(RetryingClient(client, NOT_PATIENT)).read(RECORD)


def test_a_zone_that_does_not_exist_is_a_refusal(route53):
    with pytest.raises(ChangeRefusedError):
        Route53Zone(RetryingClient(route53, NOT_PATIENT)).submit(RECORD, BATCH, "comment")
    with pytest.raises(AddressUnreadableError):
        Route53Zone(RetryingClient(route53, NOT_PATIENT)).read(RECORD)
