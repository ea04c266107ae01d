"""Zones of other accounts, reached by a role: its keys are fetched once, and renewed before they run out (S4)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.builders import NOW, a_wish
from tests.support.fakes import VirtualClock
from tests.support.retries import retrying
from understudy.adapters.route53.assumed_roles import AssumedRoles
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError
from understudy.domain.cluster.record import Change, ChangeReading, ChangeVerb, RecordReading, desired

ROLE = "arn:aws:iam::210987654321:role/zones"
RECORD = Record("Z0ELSEWHERE", "orders-db.corp.example.com", "A", ROLE, "secret-handshake")
BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))


class Account:
    """The roles of another account as STS hands out their keys: moto's, with every call kept."""

    def __init__(self, sts: Any) -> None:
        self.clock = VirtualClock(int(datetime.now(UTC).timestamp()))
        self.asked: list[dict[str, Any]] = []
        self.keys: list[Any] = []
        self._sts = sts
        self.roles = AssumedRoles(lambda: self, self.connect, self.clock, "understudy-stack")

    def assume_role(self, **asked: Any) -> Any:
        self.asked.append(asked)
        return self._sts.assume_role(**asked)

    def connect(self, keys: Any) -> Any:
        self.keys.append(keys)
        return object()

    def client(self, role_arn: str, external_id: str) -> Any:
        return self.roles.call(role_arn, external_id, lambda client: client)


@pytest.fixture(scope="module")
def sts(moto_aws: None) -> Any:
    import boto3

    return boto3.client("sts", region_name=REGION)


@pytest.fixture
def account(sts: Any) -> Account:
    return Account(sts)


def test_a_role_is_assumed_once_with_its_external_id_and_under_the_stacks_name(account):
    one = account.client(ROLE, "secret-handshake")
    assert account.client(ROLE, "secret-handshake") is one
    (asked,) = account.asked
    assert (asked["RoleArn"], asked["ExternalId"]) == (ROLE, "secret-handshake")
    assert asked["RoleSessionName"] == "understudy-stack"
    assert set(account.keys[0]) == {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}


def test_no_external_id_is_sent_where_none_is_given(account):
    account.client(ROLE, "")
    assert "ExternalId" not in account.asked[0]


def test_each_role_and_external_id_has_keys_of_its_own(account):
    wanted = [(ROLE, ""), (ROLE, "x1"), (ROLE + "2", "")]
    assert len({account.client(*each) for each in wanted * 2}) == 3


@pytest.mark.parametrize(("age_s", "sessions"), [(3000, 1), (3590, 2), (4000, 2)])
def test_keys_are_renewed_shortly_before_they_run_out(account, age_s, sessions):
    account.client(ROLE, "")
    account.clock.advance(age_s)
    account.client(ROLE, "")
    assert len(account.asked) == sessions


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "in words"}}, "GetChange")


class Revoked:
    """A call that is refused to the first keys, or to all."""

    def __init__(self, code: str, *, for_ever: bool = False) -> None:
        self.code, self.for_ever = code, for_ever
        self.clients: list[Any] = []

    def __call__(self, client: Any) -> str:
        self.clients.append(client)
        if self.for_ever or len(self.clients) == 1:
            raise refusal(self.code)
        return "answer"


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "AccessDenied"])
def test_keys_that_were_revoked_are_dropped_and_the_role_is_assumed_again(account, code):
    account.client(ROLE, "")
    account.clock.advance(100)
    call = Revoked(code)
    assert account.roles.call(ROLE, "", call) == "answer"
    assert len({id(each) for each in call.clients}) == 2
    assert len(account.asked) == 2


def test_a_role_that_may_no_longer_be_assumed_is_asked_for_once(account):
    """The refusal is AssumeRole's own: the keys of before, which have run out, are not what it is about."""
    account.client(ROLE, "")
    account.clock.advance(3590)
    refused = Revoked("AccessDenied", for_ever=True)
    account.assume_role = lambda **asked: refused(asked)
    with pytest.raises(ClientError, match="AccessDenied"):
        account.client(ROLE, "")
    assert len(refused.clients) == 1


def test_keys_that_are_refused_again_are_assumed_no_third_time(account):
    account.client(ROLE, "")
    account.clock.advance(100)
    with pytest.raises(ClientError, match="ExpiredToken"):
        account.roles.call(ROLE, "", Revoked("ExpiredToken", for_ever=True))
    assert len(account.asked) == 2


@pytest.mark.parametrize(("code", "age_s"), [("AccessDenied", 59), ("NoSuchHostedZone", 1000), ("Throttling", 1000)])
def test_new_keys_and_other_refusals_assume_nothing(account, code, age_s):
    account.client(ROLE, "")
    account.clock.advance(age_s)
    with pytest.raises(ClientError, match=code):
        account.roles.call(ROLE, "", Revoked(code))
    assert len(account.asked) == 1


@pytest.fixture
def route53(moto_aws: None) -> Any:
    import boto3

    return boto3.client("route53", region_name=REGION)


class Refusing:
    """A function whose own account has no such zone."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called with the function's own rights")


def test_a_record_of_another_account_is_read_written_and_followed_by_its_role(route53):
    asked = []

    def call_as(role_arn: str, external_id: str, make: Any) -> Any:
        asked.append((role_arn, external_id))
        return make(route53)

    zone = Route53Zone(retrying(Refusing(), call_as=call_as))
    change = {"Id": "/change/C123", "Status": "PENDING", "SubmittedAt": datetime.fromtimestamp(NOW, UTC)}
    nothing = {"ResourceRecordSets": [], "IsTruncated": False, "MaxItems": "1"}
    with Stubber(route53) as stubber:
        stubber.add_response("list_resource_record_sets", nothing)
        stubber.add_response("list_resource_record_sets", nothing)
        stubber.add_response("change_resource_record_sets", {"ChangeInfo": change})
        stubber.add_response("get_change", {"ChangeInfo": {**change, "Status": "INSYNC"}}, {"Id": "C123"})
        assert zone.read(RECORD) == RecordReading(None, None)
        change_id = zone.submit(RECORD, BATCH, "comment")
        assert zone.change_status(change_id) is ChangeReading.IN_SYNC
    assert set(asked) == {(ROLE, "secret-handshake")}


def test_a_role_that_may_not_be_assumed_is_unreadable_and_a_refusal(sts, route53):
    roles = AssumedRoles(lambda: sts, lambda keys: route53, VirtualClock(), "understudy")
    zone = Route53Zone(retrying(route53, call_as=roles.call))
    with Stubber(sts) as stubber:
        for _ in range(3):
            stubber.add_client_error("assume_role", "AccessDenied", http_status_code=403)
        with pytest.raises(AddressUnreadableError, match="AccessDenied"):
            zone.read(RECORD)
        with pytest.raises(ChangeRefusedError, match="AccessDenied"):
            zone.submit(RECORD, BATCH, "comment")
        with pytest.raises(AddressUnreadableError, match="AccessDenied"):
            zone.change_status(f"C123 {ROLE}")
