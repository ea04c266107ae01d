"""What the readiness checks of the usual cluster see when all is well. A test names only what it is about."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.builders import (
    ADDRESS_A,
    ADDRESS_B,
    ADDRESS_C,
    ENI_A,
    NODE_A,
    NODE_B,
    NODE_C,
    NOW,
    RECORD,
    SPECS,
    a_definition,
    a_state,
    record_sets,
    with_keys,
)
from tests.support.fakes import FakeReadings
from understudy.domain.cluster.definition import Definition, ElasticIp, Route
from understudy.domain.cluster.network import ElasticIpReading, RouteTable, RouteTarget
from understudy.domain.cluster.record import guard_name
from understudy.domain.cluster.state import PowerReading
from understudy.domain.readiness.facts import (
    Facts,
    Finding,
    FoundRecord,
    HostedZone,
    InboundEndpoint,
    Instance,
    MetadataService,
    PrivateZone,
    Unread,
    Verdict,
    VpcDns,
    needed_rights,
)
from understudy.ports.ledger import StateReader
from understudy.usecases.answer.gather_readiness import Gatherer
from understudy.usecases.step import Clock

VPC = "vpc-0aaaaaaaaaaaaaaaa"
CLIENT_VPC = "vpc-0cccccccccccccccc"
REGION = "us-east-1"
ZONE_ID = RECORD.hosted_zone_id
NAME_KEY = (ZONE_ID, RECORD.name)
GUARD_KEY = (ZONE_ID, guard_name(RECORD))
ROUTE = Route("192.0.2.10/32", ("rtb-1", "rtb-2"))
ELASTIC_IP = ElasticIp("eipalloc-1")
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
        hibernates=False,
        metadata=MetadataService(is_on=True, needs_token=True, hop_limit=1),
        address_v6=SPECS[list(PLACES).index(instance_id)].address_v6,
        interface_id=SPECS[list(PLACES).index(instance_id)].interface_id,
    )
    return replace(usual, **changes)


def instances(members: int = 2, **changes: Any) -> dict[str, Instance]:
    """The instances of the usual cluster; `node_b={"zone": ...}` changes one of them."""
    ids = {"node_a": NODE_A, "node_b": NODE_B, "node_c": NODE_C}
    return {each: an_instance(each, **changes.get(name, {})) for name, each in list(ids.items())[:members]}


def of_all_kinds(**changes: Any) -> Definition:
    """The usual cluster with a route and an Elastic IP beside its record."""
    return a_definition(**{"routes": (ROUTE,), "elastic_ips": (ELASTIC_IP,), **changes})


def a_table(target: str | None = ENI_A, *, is_live: bool = True, **changes: Any) -> RouteTable:
    """A table of this stack in the VPC of the nodes, whose route leads to node-a (None: there is no route)."""
    local = {"10.0.0.0/16": RouteTarget("local")}
    there = {ROUTE.destination: RouteTarget(target, is_live)} if target else {}
    return replace(RouteTable(VPC, "understudy", tuple(local), {**local, **there}), **changes)


def an_elastic_ip(**changes: Any) -> ElasticIpReading:
    """The stack's Elastic IP, associated with node-a."""
    return replace(ElasticIpReading("203.0.113.10", "understudy", ENI_A, ADDRESS_A), **changes)


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
        state=with_keys(a_state(members)),
        stack="understudy",
        instances=instances(members),
        stop_protected=dict.fromkeys(list(PLACES)[:members], False),
        vpcs={VPC: VpcDns(True, True)},
        zones={ZONE_ID: a_zone()},
        private_zones={VPC: (PrivateZone(ZONE_ID, "corp.example.com"),)},
        records={NAME_KEY: found(0), GUARD_KEY: found(1)},
        endpoints=(an_endpoint(),),
        rights=dict.fromkeys(needed_rights(definition, "understudy"), True),
        route_tables=dict.fromkeys(ROUTE.route_table_ids, a_table()),
        elastic_ips={ELASTIC_IP.allocation_id: an_elastic_ip()},
        internet_vpcs={VPC},
        groups={},
        tagged={},
        name_members={},
        now=NOW + 4,
    )
    return replace(usual, **changes)


def readings(members: int = 2) -> FakeReadings:
    """An AWS that shows what `facts` has."""
    seen = FakeReadings()
    seen.known = instances(members)
    seen.vpcs = {VPC: VpcDns(True, True)}
    seen.zones = {ZONE_ID: a_zone()}
    seen.seen_zones = {(VPC, REGION): (PrivateZone(ZONE_ID, "corp.example.com"),)}
    seen.records = {NAME_KEY: found(0), GUARD_KEY: found(1)}
    seen.endpoints = [an_endpoint()]
    seen.tables = dict.fromkeys(ROUTE.route_table_ids, a_table())
    seen.addresses = {ELASTIC_IP.allocation_id: an_elastic_ip()}
    seen.gateways = {VPC}
    return seen


def a_gatherer(ledger: StateReader, aws: FakeReadings, clock: Clock, **changes: Any) -> Gatherer:
    """Whoever reads what a check looks at: the table, and everything else from one AWS."""
    usual = {
        "instances": aws,
        "zones": aws,
        "vpc_zones": aws,
        "network": aws,
        "endpoints": aws,
        "rights": aws,
        "groups": aws,
        "taggers": aws,
        "balancers": aws,
        "stack": "understudy",
    }
    return Gatherer(**{"ledger": ledger, "clock": clock, "region": REGION, **usual, **changes})


def says(check: Callable[[Facts], Finding], verdict: Verdict, words: str, **changes: Any) -> None:
    """Hold a check to its verdict and to words of what it has found, in a cluster with these changes."""
    finding = check(facts(**changes))
    assert (finding.verdict, words in finding.found) == (verdict, True), finding
