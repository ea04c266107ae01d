"""What Route 53 and its Resolver say to the readiness check: ZoneReader and EndpointReader."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of
from understudy.adapters.polite_route53 import Polite
from understudy.adapters.route53_names import ForeignRecordError, plain_name, read_record_set
from understudy.adapters.unreadable import unreadable
from understudy.domain.readiness_facts import FoundRecord, HostedZone, InboundEndpoint

NO_SUCH_ZONE = "NoSuchHostedZone"
INBOUND = [{"Name": "Direction", "Values": ["INBOUND"]}]


class Route53Readings:
    """Route 53, by a boto3 client. Every method raises UnreadableError."""

    def __init__(self, client: Any, polite: Polite) -> None:
        self._client = client
        self._polite = polite

    def hosted_zone(self, zone_id: str) -> HostedZone | None:
        """A hosted zone with the VPCs that it is associated with; None when there is none (S1, S2)."""
        with unreadable(f"hosted zone {zone_id}"):
            try:
                answer = self._polite.begin().read(lambda: self._client.get_hosted_zone(Id=zone_id))
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

    def found_records(self, zone_id: str, name: str) -> tuple[FoundRecord, ...]:
        """Every record set under a name, of the first hundred: one of several with a routing policy is enough (S4)."""
        with unreadable(f"{name} in hosted zone {zone_id}"):
            asked = {"HostedZoneId": zone_id, "StartRecordName": name, "MaxItems": "100"}
            answer = self._polite.begin().read(lambda: self._client.list_resource_record_sets(**asked))
        return tuple(_found(each) for each in answer["ResourceRecordSets"] if plain_name(each["Name"]) == name)


class ResolverReadings:
    """Route 53 Resolver of this account and Region, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def inbound_endpoints(self) -> tuple[InboundEndpoint, ...]:
        """The inbound endpoints (S2). Raises UnreadableError."""
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
