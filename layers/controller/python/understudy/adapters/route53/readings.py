"""What Route 53 and its Resolver say to the readiness check: ZoneReader, VpcZoneReader and EndpointReader."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.route53.names import ForeignRecordError, plain_name, read_record_set
from understudy.adapters.route53.retries import RetryingClient
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.readiness.facts import FoundRecord, HostedZone, InboundEndpoint, PrivateZone

NO_SUCH_ZONE = "NoSuchHostedZone"
PAGES_LIMIT = 20
"""Of a hundred zones each. A VPC may see any number of zones, and a check must end."""
INBOUND = [{"Name": "Direction", "Values": ["INBOUND"]}]


class Route53Readings:
    """Every method raises UnreadableError."""

    def __init__(self, client: RetryingClient) -> None:
        self._client = client

    def hosted_zone(self, record: Record) -> HostedZone | None:
        """The record's hosted zone with the VPCs that it is associated with; None when there is none."""
        with _unreadable(f"hosted zone {record.hosted_zone_id}", record, "route53:GetHostedZone"):
            try:
                answer = self._ask(record, lambda client: client.get_hosted_zone(Id=record.hosted_zone_id))
            except ClientError as fault:
                if code_of(fault) == NO_SUCH_ZONE:
                    return None
                raise
        zone = answer["HostedZone"]
        return HostedZone(
            name=plain_name(zone["Name"]),
            is_private=bool(zone.get("Config", {}).get("PrivateZone", False)),
            vpcs={vpc["VPCId"]: vpc["VPCRegion"] for vpc in answer.get("VPCs", ())},
        )

    def found_records(self, record: Record, name: str) -> tuple[FoundRecord, ...]:
        """Every record set under a name in the record's zone.

        Of the first hundred: one of several with a routing policy is enough.
        """
        zone_id = record.hosted_zone_id
        with _unreadable(f"{name} in hosted zone {zone_id}", record, "route53:ListResourceRecordSets"):
            answer = self._ask(
                record,
                lambda client: client.list_resource_record_sets(
                    HostedZoneId=zone_id, StartRecordName=name, MaxItems="100"
                ),
            )
        return tuple(_found(each) for each in answer["ResourceRecordSets"] if plain_name(each["Name"]) == name)

    def private_zones(self, vpc_id: str, region: str) -> tuple[PrivateZone, ...]:
        """Every private zone that is associated with a VPC, in whatever account the zone is; not by a Profile.

        Route 53 answers to the VPC's own account only, which must let the caller describe VPCs.
        """
        found: list[PrivateZone] = []
        more: dict[str, str] = {}
        with unreadable(f"the private zones of {vpc_id} in {region}"):
            for _ in range(PAGES_LIMIT):
                answer = self._list_by_vpc(VPCId=vpc_id, VPCRegion=region, **more)
                found += [PrivateZone(e["HostedZoneId"], plain_name(e["Name"])) for e in answer["HostedZoneSummaries"]]
                if not answer.get("NextToken"):
                    return tuple(found)
                more = {"NextToken": answer["NextToken"]}
        raise UnreadableError(f"{vpc_id} in {region} sees more than {len(found)} private zones")

    def _list_by_vpc(self, **asked: str) -> Any:
        return self._client.begin().read(lambda client: client.list_hosted_zones_by_vpc(**asked))

    def _ask(self, record: Record, make: Callable[[Any], Any]) -> Any:
        return self._client.begin(record.role_arn, record.external_id).read(make)


@contextmanager
def _unreadable(what: str, record: Record, action: str) -> Iterator[None]:
    """As `unreadable`; of another account's zone it also says what its role must allow, and be allowed."""
    try:
        with unreadable(what):
            yield
    except UnreadableError as fault:
        if not record.role_arn:
            raise
        raise UnreadableError(
            f"{fault}. {record.role_arn} must be in the stack's ZoneRoleArns, trust this account, and allow {action} "
            f"on {record.hosted_zone_id}"
        ) from fault


class ResolverReadings:
    """Route 53 Resolver of this account and Region, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def inbound_endpoints(self) -> tuple[InboundEndpoint, ...]:
        """The inbound endpoints. Raises UnreadableError."""
        with unreadable("the inbound Resolver endpoints"):
            pages = list(self._client.get_paginator("list_resolver_endpoints").paginate(Filters=INBOUND))
        return tuple(
            InboundEndpoint(each["Id"], each["HostVPCId"], each["Status"], int(each["IpAddressCount"]))
            for page in pages
            for each in page["ResolverEndpoints"]
        )


def _found(answer: Mapping[str, Any]) -> FoundRecord:
    try:
        return FoundRecord(answer["Type"], read_record_set(answer))
    except ForeignRecordError as fault:
        return FoundRecord(answer["Type"], None, str(fault))
