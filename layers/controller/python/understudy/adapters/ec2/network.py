"""Routes and Elastic IP addresses: NetworkReader on EC2, and with the right to write Network."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of, passes
from understudy.adapters.ec2.filters import filters
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError, ZoneBusyError
from understudy.domain.cluster.tags import STACK_TAG
from understudy.ports.network import ElasticIpReading, RouteTable, RouteTarget

LOCAL = "local"
HAS_CHANGED = frozenset({"InvalidRoute.NotFound", "RouteAlreadyExists"})
"""The route has come or gone since it was read: the next reading knows better."""
TARGETS = (
    "NetworkInterfaceId",
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


class Ec2Routing:
    """EC2 as those see it who only look, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """The tables of these ids that EC2 knows: one call for every FILTER_LIMIT.

        Asked for by filter: by id, one that is gone would hide the others. Raises AddressUnreadableError.
        """
        return {each["RouteTableId"]: _route_table(each) for each in self._pages("route_tables", "route-table-id", ids)}

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """The Elastic IPs of these allocation ids that EC2 knows: one call for every FILTER_LIMIT."""
        return {each["AllocationId"]: _elastic_ip(each) for each in self._pages("addresses", "allocation-id", ids)}

    def _pages(self, what: str, by: str, ids: Collection[str]) -> Iterator[Mapping[str, Any]]:
        try:
            for asked in filters(by, ids):
                yield from self._found(what, asked)
        except (ClientError, *NO_ANSWER) as fault:
            raise AddressUnreadableError(f"{', '.join(sorted(set(ids)))}: {fault}") from fault

    def _found(self, what: str, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if what == "addresses":  # EC2 has no pages for these
            yield from self._client.describe_addresses(Filters=[asked])["Addresses"]
            return
        for page in self._client.get_paginator("describe_route_tables").paginate(Filters=[asked]):
            yield from page["RouteTables"]


class Ec2Network:
    """EC2 as the mover of routes and Elastic IPs sees it.

    The client is not to repeat calls by itself: between the look at the epoch and the write there is to be one try.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._routing = Ec2Routing(lambda: self._client)

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def route_tables(self, ids: Collection[str]) -> Mapping[str, RouteTable]:
        """See Ec2Routing.route_tables."""
        return self._routing.route_tables(ids)

    def elastic_ips(self, ids: Collection[str]) -> Mapping[str, ElasticIpReading]:
        """See Ec2Routing.elastic_ips."""
        return self._routing.elastic_ips(ids)

    def put_route(self, route_table_id: str, destination: str, interface_id: str, *, replaces: bool) -> None:
        """ReplaceRoute, or CreateRoute where there is none. Raises ZoneBusyError and ChangeRefusedError."""
        call = self._client.replace_route if replaces else self._client.create_route
        _write(
            f"{destination} in {route_table_id}",
            call,
            RouteTableId=route_table_id,
            DestinationCidrBlock=destination,
            NetworkInterfaceId=interface_id,
        )

    def associate(self, allocation_id: str, interface_id: str, private_ip: str) -> None:
        """AssociateAddress, taking the address from whatever has it. Raises as put_route."""
        _write(
            allocation_id,
            self._client.associate_address,
            AllocationId=allocation_id,
            NetworkInterfaceId=interface_id,
            PrivateIpAddress=private_ip,
            AllowReassociation=True,
        )


def _write(what: str, call: Callable[..., Any], **arguments: Any) -> None:
    try:
        call(**arguments)
    except NO_ANSWER as fault:
        raise ZoneBusyError(f"{what}: {fault}") from fault
    except ClientError as fault:
        may_pass = passes(fault) or code_of(fault) in HAS_CHANGED
        raise (ZoneBusyError if may_pass else ChangeRefusedError)(f"{what}: {fault}") from fault


def _route_table(answer: Mapping[str, Any]) -> RouteTable:
    routes = [route for route in answer["Routes"] if "DestinationCidrBlock" in route]
    return RouteTable(
        vpc_id=answer["VpcId"],
        stack=_stack(answer),
        local_blocks=tuple(each["DestinationCidrBlock"] for each in routes if each.get("GatewayId") == LOCAL),
        routes={each["DestinationCidrBlock"]: _target(each) for each in routes},
        is_used=any(map(_is_in_force, answer.get("Associations", ()))),
    )


def _is_in_force(association: Mapping[str, Any]) -> bool:
    return str(association.get("AssociationState", {}).get("State", "associated")) == "associated"


def _target(route: Mapping[str, Any]) -> RouteTarget:
    found = next((str(route[key]) for key in TARGETS if route.get(key)), str(route.get("InstanceId", "")))
    return RouteTarget(found, is_live=route.get("State") != "blackhole")


def _elastic_ip(answer: Mapping[str, Any]) -> ElasticIpReading:
    return ElasticIpReading(
        public_ip=answer["PublicIp"],
        stack=_stack(answer),
        interface_id=answer.get("NetworkInterfaceId", ""),
        private_ip=answer.get("PrivateIpAddress", ""),
    )


def _stack(answer: Mapping[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in answer.get("Tags", ()) if tag["Key"] == STACK_TAG), "")
