"""What Route 53 and its Resolver say to the readiness check, on moto and in recorded shapes of the real API."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.retries import retries_on
from understudy.adapters.route53.readings import PAGES_LIMIT, ResolverReadings, Route53Readings
from understudy.adapters.route53.retries import RetryingClient
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.record import RecordSet
from understudy.domain.readiness.facts import FoundRecord, HostedZone, InboundEndpoint, PrivateZone

NAME = "orders-db.corp.example.com"


@pytest.fixture(scope="module")
def clients(moto_aws: None) -> dict[str, Any]:
    import boto3

    return {name: boto3.client(name, region_name=REGION) for name in ("ec2", "route53", "route53resolver")}


@pytest.fixture(scope="module")
def route53(clients: dict[str, Any]) -> Any:
    return clients["route53"]


@pytest.fixture(scope="module")
def vpc(clients: dict[str, Any]) -> str:
    return str(clients["ec2"].create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def private_zone(route53: Any, vpc: str) -> str:
    return a_private_zone(route53, "corp.example.com", vpc)


def a_private_zone(route53: Any, name: str, vpc: str) -> str:
    answer = route53.create_hosted_zone(
        Name=name,
        CallerReference=str(uuid4()),
        VPC={"VPCRegion": REGION, "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True},
    )
    return str(answer["HostedZone"]["Id"]).removeprefix("/hostedzone/")


@pytest.fixture
def stubber(route53: Any) -> Iterator[Stubber]:
    with Stubber(route53) as stubber:
        yield stubber


NOT_PATIENT = retries_on(random=lambda: 100.0)


def no_role(role_arn: str, external_id: str, make: Any) -> Any:
    raise AssertionError(f"{role_arn} was assumed for a zone of this account")


def readings_of(route53: Any) -> Route53Readings:
    return Route53Readings(RetryingClient(route53, NOT_PATIENT, no_role))


def a_record(zone_id: str) -> Record:
    return Record(zone_id, NAME)


def put(route53: Any, zone_id: str, **record_set: Any) -> None:
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record_set}]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def test_a_private_zone_names_the_vpcs_that_see_it(route53, vpc, private_zone):  # S1 S2
    assert readings_of(route53).hosted_zone(a_record(private_zone)) == HostedZone(
        "corp.example.com", True, {vpc: REGION}
    )
    route53.associate_vpc_with_hosted_zone(
        HostedZoneId=private_zone, VPC={"VPCRegion": "eu-west-1", "VPCId": "vpc-0cccccccccccccccc"}
    )
    found = readings_of(route53).hosted_zone(a_record(private_zone))
    assert found is not None
    assert found.vpcs == {vpc: REGION, "vpc-0cccccccccccccccc": "eu-west-1"}


def test_every_private_zone_that_a_vpc_sees_is_listed_and_no_other(clients, route53):  # S2
    vpc = str(clients["ec2"].create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])
    names = ["corp.example.com", "ha.corp.example.com"]
    made = [a_private_zone(route53, name, vpc) for name in names]
    a_private_zone(route53, "elsewhere.example.com", "vpc-0eeeeeeeeeeeeeeee")
    route53.create_hosted_zone(Name="public.example.com", CallerReference=str(uuid4()))
    found = readings_of(route53).private_zones(vpc, REGION)
    assert set(found) == {PrivateZone(*each) for each in zip(made, names, strict=True)}
    assert readings_of(route53).private_zones("vpc-0dddddddddddddddd", REGION) == ()


def a_page(number: int, **more: str) -> dict[str, Any]:
    zone = {
        "HostedZoneId": f"Z{number}",
        "Name": "EFS\\052.Example.com.",
        "Owner": {"OwningService": "efs.amazonaws.com"},
    }
    return {"HostedZoneSummaries": [zone], "MaxItems": "100", **more}


def test_the_zones_of_a_vpc_are_read_page_by_page_whoever_owns_them(route53, stubber):  # S2
    asked = {"VPCId": "vpc-1", "VPCRegion": REGION}
    stubber.add_response("list_hosted_zones_by_vpc", a_page(1, NextToken="more"), asked)
    stubber.add_response("list_hosted_zones_by_vpc", a_page(2), {**asked, "NextToken": "more"})
    found = readings_of(route53).private_zones("vpc-1", REGION)
    assert found == (PrivateZone("Z1", "efs*.example.com"), PrivateZone("Z2", "efs*.example.com"))
    stubber.assert_no_pending_responses()


def test_a_list_without_an_end_is_unreadable(route53, stubber):  # B3
    for number in range(PAGES_LIMIT):
        stubber.add_response("list_hosted_zones_by_vpc", a_page(number, NextToken="more"))
    with pytest.raises(UnreadableError, match=rf"vpc-1 in {REGION} sees more than {PAGES_LIMIT} private zones"):
        readings_of(route53).private_zones("vpc-1", REGION)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidInput", "Throttling"])
def test_a_vpc_that_route_53_does_not_answer_for_is_unreadable_and_says_which(route53, stubber, code):  # S2 B3
    stubber.add_client_error("list_hosted_zones_by_vpc", code)
    with pytest.raises(UnreadableError, match=rf"vpc-1 in {REGION}.*{code}"):
        readings_of(route53).private_zones("vpc-1", REGION)


def test_a_public_zone_is_seen_by_everybody(route53):  # S2
    answer = route53.create_hosted_zone(Name="example.com", CallerReference=str(uuid4()))
    zone_id = answer["HostedZone"]["Id"].removeprefix("/hostedzone/")
    assert readings_of(route53).hosted_zone(a_record(zone_id)) == HostedZone("example.com", False, {})


def test_a_zone_that_does_not_exist_is_none_and_not_unreadable(route53):  # S1
    assert readings_of(route53).hosted_zone(a_record("Z0NOSUCHZONE")) is None


def test_everything_that_stands_under_a_name_is_found_and_nothing_beside_it(route53, private_zone):  # S4
    readings = readings_of(route53)
    assert readings.found_records(a_record(private_zone), NAME) == ()
    value = {"ResourceRecords": [{"Value": "10.0.1.10"}]}
    put(route53, private_zone, Name=NAME, Type="A", TTL=10, **value)
    put(route53, private_zone, Name=NAME, Type="AAAA", TTL=10, ResourceRecords=[{"Value": "fd00::1"}])
    put(route53, private_zone, Name=f"x.{NAME}", Type="A", TTL=10, **value)
    found = readings.found_records(a_record(private_zone), NAME)
    assert {each.type for each in found} == {"A", "AAAA"}
    assert FoundRecord("A", RecordSet(NAME, "A", 10, ("10.0.1.10",))) in found


def test_records_that_the_controller_cannot_move_are_found_as_what_they_are(route53, stubber):  # S4
    target = {"HostedZoneId": "Z2", "DNSName": "lb.example.", "EvaluateTargetHealth": False}
    weighted = {"SetIdentifier": "blue", "Weight": 1, "TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    listed = [
        {"Name": f"{NAME}.", "Type": "A", "AliasTarget": target},
        {"Name": f"{NAME}.", "Type": "AAAA", **weighted},
    ]
    answer = {"ResourceRecordSets": listed, "IsTruncated": False, "MaxItems": "100"}
    stubber.add_response("list_resource_record_sets", answer)
    alias, policy = readings_of(route53).found_records(a_record("Z1"), NAME)
    assert (alias.record_set, policy.record_set) == (None, None)
    assert "alias of lb.example" in alias.foreign
    assert "routing policy" in policy.foreign


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalError"])
def test_a_route_53_that_does_not_let_itself_be_read_is_unreadable_and_says_why(route53, stubber, code):  # B3
    stubber.add_client_error("get_hosted_zone", code)
    with pytest.raises(UnreadableError, match=code):
        readings_of(route53).hosted_zone(a_record("Z1"))
    stubber.add_client_error("list_resource_record_sets", code)
    with pytest.raises(UnreadableError, match=code):
        readings_of(route53).found_records(a_record("Z1"), NAME)


def test_a_zone_that_is_gone_has_no_records_to_read(route53):
    with pytest.raises(UnreadableError, match="NoSuchHostedZone"):
        readings_of(route53).found_records(a_record("Z0NOSUCHZONE"), NAME)


ELSEWHERE = Record("Z0ELSEWHERE", NAME, "A", "arn:aws:iam::210987654321:role/zones", "secret-handshake")


class Refusing:
    """A function whose own account has no such zone."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called with the function's own rights")


def test_a_zone_of_another_account_is_read_by_its_role_and_external_id(route53, stubber):  # S1 S4
    asked = []

    def call_as(role_arn: str, external_id: str, make: Any) -> Any:
        asked.append((role_arn, external_id))
        return make(route53)

    zone = {"Id": "/hostedzone/Z0ELSEWHERE", "Name": "corp.example.com.", "CallerReference": "1"}
    stubber.add_response("get_hosted_zone", {"HostedZone": zone}, {"Id": "Z0ELSEWHERE"})
    nothing = {"ResourceRecordSets": [], "IsTruncated": False, "MaxItems": "100"}
    stubber.add_response("list_resource_record_sets", nothing)
    readings = Route53Readings(RetryingClient(Refusing(), NOT_PATIENT, call_as))
    assert readings.hosted_zone(ELSEWHERE) == HostedZone("corp.example.com", False, {})
    assert readings.found_records(ELSEWHERE, NAME) == ()
    assert asked == [(ELSEWHERE.role_arn, ELSEWHERE.external_id)] * 2


@pytest.mark.parametrize(
    ("operation", "action", "read"),
    [
        ("get_hosted_zone", "route53:GetHostedZone", lambda readings: readings.hosted_zone(ELSEWHERE)),
        (
            "list_resource_record_sets",
            "route53:ListResourceRecordSets",
            lambda readings: readings.found_records(ELSEWHERE, NAME),
        ),
    ],
)
def test_a_role_that_may_not_read_its_zone_is_unreadable_with_what_to_allow(
    route53, stubber, operation, action, read
):  # S4 B3
    stubber.add_client_error(operation, "AccessDenied")
    with pytest.raises(UnreadableError) as caught:
        read(
            Route53Readings(RetryingClient(Refusing(), NOT_PATIENT, lambda role_arn, external_id, make: make(route53)))
        )
    assert "AccessDenied" in str(caught.value)
    assert (
        f"{ELSEWHERE.role_arn} must be in the stack's ZoneRoleArns, trust this account, and allow {action} on "
        in str(caught.value)
    )


def test_a_role_that_may_not_be_assumed_is_unreadable_with_what_to_allow(route53):  # S4 B3
    def refusing(role_arn: str, external_id: str, make: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not trusted"}}, "AssumeRole")

    with pytest.raises(UnreadableError, match=r"not trusted.*trust this account"):
        Route53Readings(RetryingClient(route53, NOT_PATIENT, refusing)).hosted_zone(ELSEWHERE)


def test_inbound_endpoints_are_listed_and_outbound_ones_are_not(clients, vpc):  # S2
    ec2, resolver = clients["ec2"], clients["route53resolver"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.6.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in ((1, "a"), (2, "b"))
    ]
    group = ec2.create_security_group(GroupName="dns", Description="DNS", VpcId=vpc)["GroupId"]
    for direction in ("INBOUND", "OUTBOUND"):
        resolver.create_resolver_endpoint(
            CreatorRequestId=str(uuid4()),
            Name=direction.lower(),
            SecurityGroupIds=[group],
            Direction=direction,
            IpAddresses=[{"SubnetId": subnet} for subnet in subnets],
        )
    (found,) = ResolverReadings(lambda: resolver).inbound_endpoints()
    assert found == InboundEndpoint(found.endpoint_id, vpc, "OPERATIONAL", 2)


def test_endpoints_are_read_page_by_page(clients):  # S2
    def page(name: str, **more: str) -> dict[str, Any]:
        endpoint = {"Id": name, "HostVPCId": "vpc-1", "Status": "ACTION_NEEDED", "IpAddressCount": 1}
        return {"ResolverEndpoints": [endpoint], **more}

    resolver = clients["route53resolver"]
    with Stubber(resolver) as stubber:
        stubber.add_response("list_resolver_endpoints", page("in-1", NextToken="more"))
        stubber.add_response("list_resolver_endpoints", page("in-2"))
        found = ResolverReadings(lambda: resolver).inbound_endpoints()
    assert [each.endpoint_id for each in found] == ["in-1", "in-2"]


def test_a_resolver_that_forbids_or_is_not_there_is_unreadable(clients):  # B3
    resolver = clients["route53resolver"]
    with Stubber(resolver) as stubber:
        stubber.add_client_error("list_resolver_endpoints", "AccessDeniedException")
        with pytest.raises(UnreadableError, match="AccessDeniedException"):
            ResolverReadings(lambda: resolver).inbound_endpoints()


def test_a_service_that_is_not_in_this_region_is_unreadable():  # B3
    class Nowhere:
        def get_paginator(self, operation: str) -> Any:
            raise EndpointConnectionError(endpoint_url="https://route53resolver.nowhere.example")

    with pytest.raises(UnreadableError, match="nowhere"):
        ResolverReadings(Nowhere).inbound_endpoints()
