"""The only builder of clients: joins use cases, adapters and this function's settings. One of each per warm worker."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.config import Config

from understudy.adapters.dynamodb_ledger import DynamoDbLedger
from understudy.domain.definition import Definition
from understudy.network_ports import Network
from understudy.ports import Announcer, ChangeStatus, Launcher, Nodes, Parameters, ParameterText, Zone
from understudy.settings import settings
from understudy.usecases.judging import Judge
from understudy.usecases.movers import Mover

if TYPE_CHECKING:
    from understudy.usecases.check_readiness import Inspector

WARM = {"warm": True}
"""What the schedule of the template sends to the functions that a failover waits for."""

if TYPE_CHECKING:
    from understudy.usecases.check_records import RecordMonitor

Handler = Callable[[dict[str, Any], Any], Any]

# The library's log records go through this logger: it has the name of the package.
_logger = Logger(service="understudy", use_rfc3339=True)

# A step that hangs costs more than one that fails and is tried again by the workflow.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# No call is repeated unseen: before each write the epoch is looked at.
_ONCE = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})

clock = time.time
"""The one place that asks for the time: seconds since the epoch."""


def logged(handler: Handler) -> Handler:
    """Every log line of the invocation carries its request id and function name."""
    return _logger.inject_lambda_context(handler, clear_state=True)  # type: ignore[no-any-return]


def step(handler: Handler) -> Handler:
    """A step of the workflow: as `logged`, and quiet when the schedule only keeps the function warm."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        return {"outcome": "WARM"} if event == WARM else handler(event, context)

    return logged(handle)


def count(name: str, value: int = 1, **dimension: str) -> None:
    """Emit one count as a CloudWatch metric, with at most one dimension beside the service."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value) as metric:
        for key, text in dimension.items():
            metric.add_dimension(name=key, value=text)


def _client(service: str) -> Any:
    return boto3.client(service, config=_QUICK)


@cache
def ledger() -> DynamoDbLedger:
    """The cluster table."""
    return DynamoDbLedger(_client("dynamodb"), settings().table_name)


@cache
def _route53_zone() -> Any:
    from understudy.adapters.assumed_roles import AssumedRoles
    from understudy.adapters.route53_zone import Route53Zone

    def connect(keys: Mapping[str, str]) -> Any:
        return boto3.client("route53", config=_QUICK, **keys)

    # A session's name tells the other account's trail who was there.
    roles = AssumedRoles(lambda: _client("sts"), connect, lambda: clock(), f"understudy-{stack()}")
    return Route53Zone(_client("route53"), roles.client)


def zone() -> Zone:
    """Route 53, to read and to write."""
    return _route53_zone()  # type: ignore[no-any-return]


def changes() -> ChangeStatus:
    """Route 53, to ask for changes."""
    return _route53_zone()  # type: ignore[no-any-return]


@cache
def network() -> Network:
    """EC2's routes and Elastic IPs. Connected to when a cluster has one."""
    from understudy.adapters.ec2_network import Ec2Network

    return Ec2Network(lambda: boto3.client("ec2", config=_ONCE))


@cache
def movers() -> tuple[Mover, ...]:
    """What moves addresses, one for each kind. Records come first: their guards stop a stale writer."""
    from understudy.usecases.movers import RecordMover
    from understudy.usecases.network_movers import ElasticIpMover, RouteMover

    return (RecordMover(zone()), RouteMover(network()), ElasticIpMover(network()))


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


def monitor() -> "RecordMonitor":
    """The record monitor."""
    from understudy.usecases.check_records import RecordMonitor

    return RecordMonitor(ledger(), _route53_zone(), announcer(), clock, time.sleep, stack())


def read_definition(text: ParameterText, version: int) -> tuple[Definition | None, list[str]]:
    """See `understudy.definition.read_definition`. Imported when a definition has been put: nothing else needs it."""
    from understudy.definition import read_definition as read

    return read(text, version, nodes())


def register(text: ParameterText) -> str:
    """Register what a parameter says: the stack's tunables or a cluster's definition."""
    from understudy.usecases.register_cluster import register_cluster
    from understudy.usecases.register_tuning import register_tuning

    if text.is_tuning:
        return register_tuning(text, registry=ledger(), announcer=announcer())
    return register_cluster(
        text,
        registry=ledger(),
        records=zone(),
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
    from understudy.adapters.ec2_readings import Ec2Readings
    from understudy.adapters.iam_rights import IamRights
    from understudy.adapters.route53_readings import ResolverReadings, Route53Readings
    from understudy.usecases.check_readiness import Inspector

    return Inspector(
        ledger=ledger(),
        book=DynamoDbReportBook(_client("dynamodb"), settings().table_name),
        instances=Ec2Readings(lambda: _client("ec2")),
        zones=Route53Readings(_client("route53")),
        endpoints=ResolverReadings(lambda: _client("route53resolver")),
        rights=IamRights(lambda: _client("iam"), settings().mover_role_arn),
        announcer=announcer(),
        clock=clock,
        stack=stack(),
        may_stop=settings().may_stop,
        count=lambda faults: count("ReadinessFaults", faults),
    )
