"""Everybody calls Route 53 with the same retries: after growing gaps, never twice unseen, and to an end (S6, S7).

The shapes of the faults are those that Route 53 sends; the answers that never come are a server that keeps silent.
"""

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.builders import RECORD, a_wish
from tests.support.retries import GapClock, retries_on, retrying
from understudy.adapters.route53.assumed_roles import AssumedRoles, CallAs
from understudy.adapters.route53.readings import Route53Readings
from understudy.adapters.route53.retries import ATTEMPT_LIMIT_S, RetryingClient, TimeLimit
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError, UnreadableError, ZoneBusyError, ZoneCrowdedError
from understudy.domain.cluster.record import Change, ChangeReading, ChangeVerb, RecordReading, desired, guard_name
from understudy.domain.transition.steps import CALL_LIMIT_S

BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))
KEYS = {"region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=0.2, read_timeout=0.2)
CHANGE = {"ChangeInfo": {"Id": "/change/C1", "Status": "INSYNC", "SubmittedAt": "2026-11-01T00:00:00Z"}}
NOTHING = {"ResourceRecordSets": [], "IsTruncated": False, "MaxItems": "1"}
REFUSALS = [("Throttling", 400), ("PriorRequestNotComplete", 400)]
LOST = [("InternalFailure", 500), ("ServiceUnavailable", 503)]


@pytest.fixture
def client() -> Any:
    return boto3.client("route53", config=ONCE, **KEYS)


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber


def no_role(role_arn: str, external_id: str) -> Any:
    raise AssertionError(f"{role_arn} was assumed")


class Hanging:
    """A Route 53 of which no call is ever answered: each lasts as long as an attempt may. `calls` counts them."""

    def __init__(self, clock: GapClock, fault: Exception, lasts_s: float = ATTEMPT_LIMIT_S) -> None:
        self.calls: Counter[str] = Counter()
        self._clock, self._fault, self._lasts_s = clock, fault, lasts_s

    def __getattr__(self, name: str) -> Any:
        def hang(**asked: Any) -> Any:
            self.calls[name] += 1
            self._clock.now_s += self._lasts_s
            raise self._fault

        return hang


def timeouts() -> list[Exception]:
    return [ReadTimeoutError(endpoint_url="https://r53"), ConnectTimeoutError(endpoint_url="https://r53")]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
def test_a_batch_that_route_53_did_not_take_is_handed_in_again_after_growing_gaps(client, stubber, code, status):  # S6
    clock = GapClock()
    for _ in range(3):
        stubber.add_client_error("change_resource_record_sets", code, "in words", status)
    stubber.add_response("change_resource_record_sets", CHANGE)
    assert Route53Zone(retrying(client, clock)).submit(RECORD, BATCH, "") == "C1"
    stubber.assert_no_pending_responses()
    assert clock.gaps == [0.25, 0.5, 1.0]


def test_whoever_counts_each_request_hands_a_batch_in_once(client, stubber):  # B12
    """The second answer would be a good one. But only one request was paid for."""
    clock = GapClock()
    stubber.add_client_error("change_resource_record_sets", "PriorRequestNotComplete", "in words", 400)
    stubber.add_response("change_resource_record_sets", CHANGE)
    with pytest.raises(ZoneCrowdedError, match="PriorRequestNotComplete"):
        Route53Zone(retrying(client, clock)).submit(RECORD, BATCH, "", tries_again=False)
    assert clock.gaps == []
    with pytest.raises(AssertionError):
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "status"), [*LOST, ("Throttling", 503)])
def test_a_batch_whose_answer_was_lost_is_not_handed_in_a_second_time(client, stubber, code, status):  # S6 B1
    """The second answer would be a good one. But the first batch may have been taken: the next try reads first."""
    clock = GapClock()
    stubber.add_client_error("change_resource_record_sets", code, "in words", status)
    stubber.add_response("change_resource_record_sets", CHANGE)
    with pytest.raises(ZoneBusyError, match=code):
        Route53Zone(retrying(client, clock)).submit(RECORD, BATCH, "")
    assert clock.gaps == []
    with pytest.raises(AssertionError):
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("fault", timeouts(), ids=["read", "connect"])
def test_a_batch_that_is_not_answered_is_handed_in_once(fault):  # S6 B1
    clock = GapClock()
    route53 = Hanging(clock, fault)
    with pytest.raises(ZoneBusyError):
        Route53Zone(retrying(route53, clock)).submit(RECORD, BATCH, "")
    assert route53.calls == {"change_resource_record_sets": 1}


@pytest.mark.parametrize(("code", "status"), [*REFUSALS, *LOST])
def test_a_reading_is_asked_for_again_after_any_fault_that_passes(client, stubber, code, status):  # S5 S7
    stubber.add_client_error("list_resource_record_sets", code, "in words", status)
    stubber.add_response("list_resource_record_sets", NOTHING)
    stubber.add_client_error("list_resource_record_sets", code, "in words", status)
    stubber.add_response("list_resource_record_sets", NOTHING)
    stubber.add_client_error("get_change", code, "in words", status)
    stubber.add_response("get_change", CHANGE)
    zone = Route53Zone(retrying(client))
    assert zone.read(RECORD) == RecordReading(None, None)
    assert zone.change_status("C1") is ChangeReading.IN_SYNC
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("method", ["read_many", "read"])
def test_what_stays_throttled_is_given_up_in_time(client, method):  # S5
    clock = GapClock()
    with Stubber(client) as stubber:
        for _ in range(4):
            stubber.add_client_error("list_resource_record_sets", "Throttling", "Rate exceeded", 400)
        with pytest.raises(AddressUnreadableError, match="Throttling"):
            getattr(Route53Zone(retrying(client, clock)), method)([RECORD] if method == "read_many" else RECORD)
        stubber.assert_no_pending_responses()
    assert clock.gaps == [0.25, 0.5, 1.0]


def test_two_who_were_refused_at_once_do_not_come_back_at_once(client):  # B12
    gaps = []
    for fraction in (0.1, 0.9):
        clock = GapClock()
        with Stubber(client) as stubber:
            stubber.add_client_error("get_change", "Throttling", "Rate exceeded", 400)
            stubber.add_response("get_change", CHANGE)
            Route53Zone(retrying(client, clock, lambda fraction=fraction: fraction)).change_status("C1")
        gaps += clock.gaps
    assert gaps == [pytest.approx(0.025), pytest.approx(0.225)]


@pytest.mark.parametrize("method", ["read", "change_status", "submit", "read_many"])
@pytest.mark.parametrize("lasts_s", [0.0, 0.7, 1.9, 3.1, ATTEMPT_LIMIT_S])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_no_question_outlasts_its_limit_however_long_each_attempt_takes(method, lasts_s, fraction):  # S6 S7
    clock = GapClock()
    route53 = Hanging(clock, timeouts()[0], lasts_s)
    zone = Route53Zone(retrying(route53, clock, lambda: fraction))
    arguments = {"submit": (RECORD, BATCH, ""), "change_status": ("C1",), "read_many": ([RECORD],)}.get(
        method, (RECORD,)
    )
    with pytest.raises((AddressUnreadableError, ZoneBusyError)):
        getattr(zone, method)(*arguments)
    assert clock() <= CALL_LIMIT_S
    assert route53.calls.total() >= 1


def test_both_readings_of_a_record_share_one_limit():  # S5
    """The first is slow, but comes: for the second no attempt is left that could end in time."""
    clock = GapClock()
    answers = iter([NOTHING])

    class Slow:
        def list_resource_record_sets(self, **asked: Any) -> Any:
            clock.now_s += 8.5
            return next(answers)

    with pytest.raises(AddressUnreadableError, match="no time"):
        Route53Zone(retrying(Slow(), clock)).read(RECORD)


def test_where_a_role_has_to_be_assumed_an_attempt_is_given_time_for_both_calls():  # S4
    clock = GapClock()
    route53 = Hanging(clock, timeouts()[0], 2 * ATTEMPT_LIMIT_S)
    zone = Route53Zone(retrying(object(), clock, call_as=lambda role, external_id, make: make(route53)))
    with pytest.raises(AddressUnreadableError):
        zone.change_status("C1 arn:aws:iam::210987654321:role/zones")
    assert route53.calls == {"get_change": 1}
    assert clock() <= CALL_LIMIT_S


class Elsewhere:
    """Another account whose calls last as long as told, and which has revoked the keys of an hour ago.

    Route 53 is throttled at first, then refuses the old keys, and from then on never answers; STS hangs nearly.
    """

    def __init__(self, clock: GapClock, lasts_s: float, throttled: int) -> None:
        self.calls: list[str] = []
        self._clock, self._lasts_s = clock, lasts_s
        self._faults = ["Throttling"] * throttled + ["ExpiredToken"]

    def assume_role(self, **asked: Any) -> Any:
        self._clock.now_s += ATTEMPT_LIMIT_S
        expiry = datetime.fromtimestamp(self._clock() + 3600, UTC)
        return {"Credentials": {"AccessKeyId": "x", "SecretAccessKey": "x", "SessionToken": "x", "Expiration": expiry}}

    def __getattr__(self, name: str) -> Any:
        def ask(**asked: Any) -> Any:
            self.calls.append(name)
            if not self._faults:
                self._clock.now_s += ATTEMPT_LIMIT_S
                raise timeouts()[0]
            self._clock.now_s += self._lasts_s
            raise ClientError({"Error": {"Code": self._faults.pop(0), "Message": "no"}}, name)

        return ask


def an_old_session(there: Elsewhere, clock: GapClock, record: Record) -> CallAs:
    roles = AssumedRoles(lambda: there, lambda keys: there, clock, "understudy")
    roles.call(record.role_arn, "", lambda client: client)
    clock.now_s += 1000
    return roles.call


READERS = [
    lambda *how: Route53Zone(RetryingClient(*how)).read,
    lambda *how: Route53Readings(RetryingClient(*how)).hosted_zone,
]


@pytest.mark.parametrize("throttled", [0, 1, 2])
@pytest.mark.parametrize("lasts_s", [0.0, 0.5, 0.9, 1.1, 2.5, ATTEMPT_LIMIT_S])
@pytest.mark.parametrize("reader", READERS)
def test_a_question_by_keys_that_were_revoked_ends_in_time_as_well(reader, lasts_s, throttled):  # S4 S6
    """Refused, new keys fetched, and asked again: three calls for one."""
    clock = GapClock()
    there = Elsewhere(clock, lasts_s, throttled)
    record = replace(RECORD, role_arn="arn:aws:iam::210987654321:role/zones")
    call_as = an_old_session(there, clock, record)
    begun_at = clock()
    with pytest.raises((AddressUnreadableError, UnreadableError, ZoneCrowdedError)):
        reader(object(), retries_on(clock), call_as)(record)
    assert clock() - begun_at <= CALL_LIMIT_S


def test_keys_that_are_refused_at_once_are_renewed_within_the_same_question():  # S4
    clock = GapClock()
    there = Elsewhere(clock, 0.2, 0)
    record = replace(RECORD, role_arn="arn:aws:iam::210987654321:role/zones")
    with pytest.raises(UnreadableError):
        Route53Readings(retrying(object(), clock, call_as=an_old_session(there, clock, record))).hosted_zone(record)
    assert there.calls == ["get_hosted_zone"] * 2


def test_all_that_one_run_does_ends_within_its_limit_and_what_was_not_reached_is_not_asked():  # S5 B3
    clock = GapClock()
    route53 = Hanging(clock, timeouts()[0])
    zone = Route53Zone(retrying(route53, clock)).within(TimeLimit(25, clock))
    for _ in range(20):  # as many zones as you like
        with pytest.raises(AddressUnreadableError):
            zone.read_many([RECORD])
        zone.pause(2)
    assert clock() <= 25
    assert route53.calls.total() < 8
    with pytest.raises(AddressUnreadableError, match="no time is left"):
        zone.read_many([RECORD])


def test_without_a_limit_of_the_run_every_question_has_its_own_and_a_run_has_none():
    """What the limit is for: the same run, without it."""
    clock = GapClock()
    zone = Route53Zone(retrying(Hanging(clock, timeouts()[0]), clock))
    for _ in range(20):
        with pytest.raises(AddressUnreadableError):
            zone.read_many([RECORD])
        zone.pause(2)
    assert clock() > 55


def test_a_page_that_is_throttled_is_asked_for_again_and_the_pages_before_are_not(client, stubber):  # S5
    def page(name: str, **after: str) -> dict[str, Any]:
        found = {"Name": name, "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.1.10"}]}
        return {"ResourceRecordSets": [found], "IsTruncated": bool(after), "MaxItems": "300", **after}

    guard, method = guard_name(RECORD), "list_resource_record_sets"
    asked = {"HostedZoneId": RECORD.hosted_zone_id, "MaxItems": "300"}
    first = page(f"{RECORD.name}.", NextRecordName="x.", NextRecordType="A")
    stubber.add_response(method, first, {**asked, "StartRecordName": RECORD.name})
    stubber.add_client_error(method, "Throttling", "Rate exceeded", 400)
    stubber.add_response(method, page("y."), {**asked, "StartRecordName": guard})
    reading = Route53Zone(retrying(client)).read_many([RECORD])[RECORD]
    assert reading.record is not None
    assert reading.guard is None
    stubber.assert_no_pending_responses()


def test_the_readiness_check_retries_as_the_others_do(client, stubber):  # S1
    for code, status in repeat(("Throttling", 400), 2):
        stubber.add_client_error("list_resource_record_sets", code, "Rate exceeded", status)
    stubber.add_response("list_resource_record_sets", NOTHING)
    clock = GapClock()
    assert Route53Readings(retrying(client, clock, call_as=no_role)).found_records(RECORD, RECORD.name) == ()
    assert clock.gaps == [0.25, 0.5]
    spent = retries_on(clock, limit=TimeLimit(1, clock))
    with pytest.raises(UnreadableError, match="no time is left"):
        Route53Readings(RetryingClient(client, spent, no_role)).hosted_zone(RECORD)


def test_a_server_that_keeps_silent_is_asked_as_often_as_our_own_retries_say(monkeypatch):
    """With botocore's retries off, one attempt is one connection."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        client = boto3.client("route53", endpoint_url=url, config=ONCE, **KEYS)
        sent = []
        client.meta.events.register("before-send.route-53", lambda request, **_: sent.append(request.url))
        clock = GapClock()
        with pytest.raises(ZoneBusyError):
            Route53Zone(retrying(client, clock)).submit(RECORD, BATCH, "")
        assert len(sent) == 1
        with pytest.raises(AddressUnreadableError):
            Route53Zone(retrying(client, clock, limit=TimeLimit(4.5, clock))).change_status("C1")
        assert len(sent) == 1 + 2
