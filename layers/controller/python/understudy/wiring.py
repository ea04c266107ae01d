"""The only builder of clients: joins use cases, adapters and this function's settings. One of each per warm worker."""

import random
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from understudy.adapters.dynamodb_ledger import DynamoDbLedger
from understudy.domain.definition import Definition
from understudy.invocation import count
from understudy.network_ports import Network
from understudy.parameter_ports import Parameters, ParameterText
from understudy.ports import Announcer, Launcher, Nodes, RecordReader, Zone
from understudy.settings import settings
from understudy.usecases.judging import Judge
from understudy.usecases.movers import Mover

if TYPE_CHECKING:
    from understudy.adapters.assumed_roles import AssumedRoles
    from understudy.adapters.polite_route53 import Polite
    from understudy.adapters.route53_zone import Route53Zone
    from understudy.usecases.check_readiness import Inspector
    from understudy.usecases.check_records import RecordMonitor
    from understudy.usecases.follow_changes import ChangeFollower

# A step that hangs costs more than one that fails and is tried again by the workflow.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# No call is repeated unseen: before each write the epoch is looked at.
_ONCE = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})

WATCH_ALLOWANCE_S = 25
"""What one watch may spend on Route 53, waits included: its function ends after 55 s, and has more to do."""

clock = time.time
"""The one place that asks for the time: seconds since the epoch."""


def _client(service: str) -> Any:
    return boto3.client(service, config=_QUICK)


@cache
def ledger() -> DynamoDbLedger:
    """The cluster table."""
    return DynamoDbLedger(_client("dynamodb"), settings().table_name)


@cache
def _polite() -> "Polite":
    from understudy.adapters.polite_route53 import Polite

    return Polite(time.monotonic, time.sleep, random.random)


def _route53(service: str = "route53", **keys: str) -> Any:
    """A client of Route 53, or of what its calls wait for: one attempt a call, as `polite_route53` counts on."""
    from understudy.adapters.polite_route53 import CONNECT_LIMIT_S, READ_LIMIT_S

    once = {"mode": "standard", "total_max_attempts": 1}
    config = Config(connect_timeout=CONNECT_LIMIT_S, read_timeout=READ_LIMIT_S, retries=once)
    return boto3.client(service, config=config, **keys)


@cache
def _zone_roles() -> "AssumedRoles":
    from understudy.adapters.assumed_roles import AssumedRoles

    def connect(keys: Mapping[str, str]) -> Any:
        return _route53(**keys)

    # A session's name tells the other account's trail who was there.
    return AssumedRoles(lambda: _route53("sts"), connect, lambda: clock(), f"understudy-{stack()}")


@cache
def _route53_zone() -> "Route53Zone":
    from understudy.adapters.route53_zone import Route53Zone

    return Route53Zone(_route53(), _polite(), _zone_roles().client)


def zone() -> Zone:
    """Route 53, to read and to write."""
    return _route53_zone()


def follower() -> "ChangeFollower":
    """Who asks what became of the changes of one cluster; in a crowd, for others as well."""
    from understudy.adapters.dynamodb_questions import DynamoDbQuestions
    from understudy.usecases.follow_changes import ChangeFollower
    from understudy.usecases.shared_changes import SharedChanges

    zone = _route53_zone()
    questions = DynamoDbQuestions(_client("dynamodb"), settings().table_name)
    return ChangeFollower(zone, SharedChanges(zone, questions, clock), zone, clock, stack())


def follower_for_a_watch(zone: "Route53Zone") -> "ChangeFollower":
    """Who asks what became of the changes of all clusters, each change once."""
    from understudy.usecases.follow_changes import ChangeFollower
    from understudy.usecases.shared_changes import AskedOnce

    asked = AskedOnce(zone)
    return ChangeFollower(asked, asked, zone, clock, stack())


@cache
def network() -> Network:
    """EC2's routes and Elastic IPs. Connected to when a cluster has one."""
    from understudy.adapters.ec2_network import Ec2Network

    return Ec2Network(lambda: boto3.client("ec2", config=_ONCE))


@cache
def movers() -> tuple[Mover, ...]:
    """What moves addresses, one for each kind. Records come first: their guards stop a stale writer."""
    from understudy.adapters.dynamodb_queue import DynamoDbQueue
    from understudy.usecases.group_commit import GroupCommit
    from understudy.usecases.movers import RecordMover
    from understudy.usecases.network_movers import ElasticIpMover, RouteMover

    queue = DynamoDbQueue(_client("dynamodb"), settings().table_name)
    group = GroupCommit(_route53_zone(), queue, clock, time.sleep, stack())
    return (RecordMover(zone(), group), RouteMover(network()), ElasticIpMover(network()))


def stack() -> str:
    """The stack's name: who writes a guard."""
    return settings().stack


@cache
def nodes() -> Nodes:
    """EC2. Connected to when it is asked."""
    from understudy.adapters.ec2_nodes import Ec2Nodes

    return Ec2Nodes(lambda: _client("ec2"))


@cache
def announcer() -> Announcer:
    """The stack's bus. Connected to when there is something to tell."""
    from understudy.adapters.event_announcer import EventAnnouncer

    return EventAnnouncer(lambda: _client("events"), settings().bus_name)


@cache
def launcher() -> Launcher:
    """Step Functions. Connected to when there is something to start."""
    from understudy.adapters.sfn_launcher import SfnLauncher

    return SfnLauncher(lambda: _client("stepfunctions"), settings().state_machine_arn)


@cache
def parameters() -> Parameters:
    """Parameter Store."""
    from understudy.adapters.ssm_parameters import SsmParameters

    return SsmParameters(_client("ssm"), settings().parameter_prefix)


@cache
def judge() -> Judge:
    """Decides and acts."""
    return Judge(ledger(), launcher(), announcer(), clock)


def zone_for_a_watch() -> "Route53Zone":
    """Route 53 for one run of the watch: all that it does there together takes no longer than WATCH_ALLOWANCE_S."""
    from understudy.adapters.polite_route53 import Allowance

    return _route53_zone().within(Allowance(WATCH_ALLOWANCE_S, time.monotonic))


def monitor(zone: "Route53Zone") -> "RecordMonitor":
    """The record monitor. Its waits count as time spent on Route 53."""
    from understudy.usecases.check_records import RecordMonitor

    return RecordMonitor(ledger(), zone, announcer(), clock, zone.pause, stack())


def read_definition(text: ParameterText, version: int) -> tuple[Definition | None, list[str]]:
    """See `understudy.definition.read_definition`. Imported when a definition has been put: nothing else needs it."""
    from understudy.definition import read_definition as read

    return read(text, version, nodes())


def register(text: ParameterText, records: RecordReader | None = None) -> str:
    """Register what a parameter says: the stack's tunables or a cluster's definition."""
    from understudy.usecases.register_cluster import register_cluster
    from understudy.usecases.register_tuning import register_tuning

    if text.is_tuning:
        return register_tuning(text, registry=ledger(), announcer=announcer())
    return register_cluster(
        text,
        registry=ledger(),
        records=records or zone(),
        network=network(),
        read_definition=read_definition,
        announcer=announcer(),
        clock=clock,
        stack=stack(),
        may_stop=settings().may_stop,
    )


@cache
def inspector() -> "Inspector":
    """Whoever checks readiness. It reads more of AWS than anybody else, and nobody else imports what it needs."""
    from understudy.adapters.dynamodb_readiness import DynamoDbReportBook
    from understudy.adapters.ec2_network import Ec2Network
    from understudy.adapters.ec2_readings import Ec2Readings
    from understudy.adapters.iam_rights import IamRights
    from understudy.adapters.route53_readings import ResolverReadings, Route53Readings
    from understudy.usecases.check_readiness import Inspector

    region = boto3.session.Session().region_name or ""
    return Inspector(
        ledger=ledger(),
        book=DynamoDbReportBook(_client("dynamodb"), settings().table_name),
        instances=Ec2Readings(lambda: _client("ec2")),
        zones=Route53Readings(_route53(), _polite(), _zone_roles().client),
        network=Ec2Network(lambda: _client("ec2")),
        endpoints=ResolverReadings(lambda: _client("route53resolver")),
        rights=IamRights(lambda: _client("iam"), settings().mover_role_arn, region),
        announcer=announcer(),
        clock=clock,
        stack=stack(),
        may_stop=settings().may_stop,
        count=lambda faults: count("ReadinessFaults", faults),
    )
