"""What the readiness checks of the usual cluster see when all is well. A test names only what it is about."""

from dataclasses import replace
from typing import Any

from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    ADDRESS_C,
    NODE_A,
    NODE_B,
    NODE_C,
    RECORD,
    a_definition,
    a_state,
    record_sets,
)
from tests.support.fakes import FakeReadings
from understudy.domain.model import PowerReading
from understudy.domain.readiness_facts import (
    Facts,
    FoundRecord,
    HostedZone,
    InboundEndpoint,
    Instance,
    Unread,
    VpcDns,
    needed_rights,
)
from understudy.domain.record import guard_name

VPC = "vpc-0aaaaaaaaaaaaaaaa"
CLIENT_VPC = "vpc-0cccccccccccccccc"
REGION = "us-east-1"
ZONE_ID = RECORD.hosted_zone_id
NAME_KEY = (ZONE_ID, RECORD.name)
GUARD_KEY = (ZONE_ID, guard_name(RECORD))
UNREAD = Unread("AccessDenied, in AWS's words")
PLACES = {
    NODE_A: (ADDRESS_A, "us-east-1a", "subnet-a"),
    NODE_B: (ADDRESS_B, "us-east-1b", "subnet-b"),
    NODE_C: (ADDRESS_C, "us-east-1c", "subnet-c"),
}


def an_instance(instance_id: str = NODE_A, **changes: Any) -> Instance:
    """A running instance in its own zone, which nobody but its operator stops, starts or replaces."""
    address, zone, subnet_id = PLACES[instance_id]
    usual = Instance(
        power=PowerReading.RUNNING,
        zone=zone,
        subnet_id=subnet_id,
        vpc_id=VPC,
        address=address,
        forwards=False,
        scaling_group="",
        recovers=True,
    )
    return replace(usual, **changes)


def instances(members: int = 2, **changes: Any) -> dict[str, Instance]:
    """The instances of the usual cluster; `node_b={"zone": ...}` changes one of them."""
    ids = {"node_a": NODE_A, "node_b": NODE_B, "node_c": NODE_C}
    return {each: an_instance(each, **changes.get(name, {})) for name, each in list(ids.items())[:members]}


def a_zone(**changes: Any) -> HostedZone:
    """The private zone corp.example.com, associated with the VPC of the nodes."""
    return replace(HostedZone("corp.example.com", True, {VPC: REGION}), **changes)


def an_endpoint(**changes: Any) -> InboundEndpoint:
    """An inbound endpoint in the VPC of the nodes that works."""
    return replace(InboundEndpoint("rslvr-in-1", VPC, "OPERATIONAL", 2), **changes)


def found(position: int, **wish: Any) -> tuple[FoundRecord, ...]:
    """What stands under the protected name (0) or the guard's (1) after a move of this cluster."""
    record_set = record_sets(**wish)[position]
    return (FoundRecord(record_set.type, record_set),)


def facts(members: int = 2, **changes: Any) -> Facts:
    """The facts of the usual cluster, in a private zone, without anything to complain of."""
    definition = changes.pop("definition", a_definition(members))
    usual = Facts(
        definition=definition,
        state=a_state(members),
        stack="understudy",
        instances=instances(members),
        stop_protected=dict.fromkeys(list(PLACES)[:members], False),
        vpcs={VPC: VpcDns(True, True)},
        zones={ZONE_ID: a_zone()},
        records={NAME_KEY: found(0), GUARD_KEY: found(1)},
        endpoints=(an_endpoint(),),
        rights=dict.fromkeys(needed_rights(definition), True),
    )
    return replace(usual, **changes)


def readings(members: int = 2) -> FakeReadings:
    """An AWS that shows what `facts` has."""
    seen = FakeReadings()
    seen.known = instances(members)
    seen.vpcs = {VPC: VpcDns(True, True)}
    seen.zones = {ZONE_ID: a_zone()}
    seen.records = {NAME_KEY: found(0), GUARD_KEY: found(1)}
    seen.endpoints = [an_endpoint()]
    return seen
