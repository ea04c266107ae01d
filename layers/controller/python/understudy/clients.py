"""The only builder of clients: joins use cases, adapters and this function's settings. One of each per warm worker."""

import random
import time
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from understudy.adapters.answers import refuse_strange_answers
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.settings import settings

if TYPE_CHECKING:
    from understudy.adapters.dynamodb.board import DynamoDbBoard
    from understudy.adapters.dynamodb.fleet import DynamoDbFleet
    from understudy.adapters.route53.assumed_roles import AssumedRoles
    from understudy.adapters.route53.retries import RetryingClient
    from understudy.adapters.route53.zone import Route53Records, Route53Zone
    from understudy.ports.announcer import Announcer
    from understudy.ports.balancers import TargetHealth
    from understudy.ports.deployment import Deployment
    from understudy.ports.drills import DrillBook
    from understudy.ports.keys import NodeKeys
    from understudy.ports.launcher import Launcher
    from understudy.ports.network import Network
    from understudy.ports.nodes import Alarms, Nodes, ScalingGroups
    from understudy.ports.notifier import Notifier
    from understudy.ports.parameters import Parameters
    from understudy.ports.queue import CommitQueue, Questions, RateBudgetStore
    from understudy.ports.readiness import ReportBook
    from understudy.usecases.answer.gather_readiness import Gatherer

# A step that hangs costs more than one that fails and is tried again by the workflow.
_QUICK = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})
# No call is repeated unseen: before each write the epoch is looked at.
_ONCE = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 1})
# While it is told that a move was opened, nobody serves.
_BRIEF = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})

clock = time.time
"""The one place that asks for the time: seconds since the epoch."""
steady = time.monotonic
"""The one place that measures how long something takes: seconds that never go back."""
pause = time.sleep
"""The one place that waits (seconds)."""
_connecting = Lock()
"""Several threads may use a client, but only one at a time may make one."""


def _connect(service: str, **how: Any) -> Any:
    with _connecting:
        return refuse_strange_answers(boto3.client(service, **how))


def _client(service: str) -> Any:
    return _connect(service, config=_QUICK)


@cache
def ledger() -> DynamoDbLedger:
    """The cluster table."""
    return DynamoDbLedger(_client("dynamodb"), settings().table_name, pause, random.random)


def _retrying_route53() -> "RetryingClient":
    from understudy.adapters.route53.retries import Retries, RetryingClient

    return RetryingClient(_route53(), Retries(steady, pause, random.random), _zone_roles().call)


def _route53(service: str = "route53", **keys: str) -> Any:
    """A client of Route 53, or of what its calls wait for: one attempt a call, as the retries count on."""
    from understudy.adapters.route53.retries import CONNECT_LIMIT_S, READ_LIMIT_S

    once = {"mode": "standard", "total_max_attempts": 1}
    config = Config(connect_timeout=CONNECT_LIMIT_S, read_timeout=READ_LIMIT_S, retries=once)
    return _connect(service, config=config, **keys)


@cache
def _zone_roles() -> "AssumedRoles":
    from understudy.adapters.route53.assumed_roles import AssumedRoles

    def connect(keys: Mapping[str, str]) -> Any:
        return _route53(**keys)

    # A session's name tells the other account's trail who was there.
    return AssumedRoles(lambda: _route53("sts"), connect, lambda: clock(), f"understudy-{stack()}")


@cache
def zone() -> "Route53Zone":
    """Route 53, to read and to write."""
    from understudy.adapters.route53.zone import Route53Zone

    return Route53Zone(_retrying_route53())


@cache
def network() -> "Network":
    """EC2's routes and Elastic IPs. Connected to when a cluster has one."""
    from understudy.adapters.ec2.network import Ec2Network

    return Ec2Network(lambda: _connect("ec2", config=_ONCE))


def stack() -> str:
    """The stack's name: who writes a guard."""
    return settings().stack


def may_stop() -> bool:
    """Whether the stack lets the controller stop instances."""
    return settings().may_stop


@cache
def nodes() -> "Nodes":
    """EC2. Connected to when it is asked."""
    from understudy.adapters.ec2.nodes import Ec2Nodes

    return Ec2Nodes(lambda: _client("ec2"))


@cache
def scaling() -> "ScalingGroups":
    """EC2 Auto Scaling. Connected to when a group waits."""
    from understudy.adapters.ec2.scaling_groups import Ec2ScalingGroups

    return Ec2ScalingGroups(lambda: _client("autoscaling"))


@cache
def target_health() -> "TargetHealth":
    """Elastic Load Balancing. Connected to when a cluster has a load balancer."""
    from understudy.adapters.target_groups import TargetGroups

    return TargetGroups(lambda: _client("elbv2"))


@cache
def alarms() -> "Alarms":
    """CloudWatch. Connected to when there is an alarm to ask for."""
    from understudy.adapters.cloudwatch_alarms import CloudWatchAlarms

    return CloudWatchAlarms(lambda: _client("cloudwatch"))


@cache
def announcer() -> "Announcer":
    """The stack's bus. Connected to when there is something to tell."""
    from understudy.adapters.event_announcer import EventAnnouncer

    return EventAnnouncer(lambda: _client("events"), settings().bus_name)


@cache
def brief_announcer() -> "Announcer":
    """As announcer, for the steps that a service out of service waits for: one attempt, 2 s at the longest.

    An event that it loses stands in the log of the step, and its facts in the history.
    """
    from understudy.adapters.event_announcer import EventAnnouncer

    return EventAnnouncer(lambda: _connect("events", config=_BRIEF), settings().bus_name)


@cache
def notifier() -> "Notifier":
    """The topic of the people who run the stack."""
    from understudy.adapters.sns_notifier import SnsNotifier

    return SnsNotifier(lambda: _client("sns"), settings().topic_arn)


@cache
def launcher() -> "Launcher":
    """Step Functions. Connected to when there is something to start."""
    from understudy.adapters.sfn_launcher import SfnLauncher

    return SfnLauncher(lambda: _client("stepfunctions"), settings().state_machine_arn)


@cache
def parameters() -> "Parameters":
    """Parameter Store."""
    from understudy.adapters.ssm_parameters import SsmParameters

    return SsmParameters(_client("ssm"), settings().parameter_prefix)


@cache
def keys() -> "NodeKeys":
    """The keys of the clusters, in Parameter Store."""
    from understudy.adapters.ssm_keys import SsmKeys

    return SsmKeys(_client("ssm"), stack())


@cache
def board_book() -> "DynamoDbBoard":
    """The cluster table as the board reads it."""
    from understudy.adapters.dynamodb.board import DynamoDbBoard

    return DynamoDbBoard(_client("dynamodb"), settings().table_name)


@cache
def records() -> "Route53Records":
    """Route 53, to read only."""
    from understudy.adapters.route53.zone import Route53Records

    return Route53Records(_retrying_route53())


@cache
def report_book() -> "ReportBook":
    """The newest readiness reports."""
    from understudy.adapters.dynamodb.readiness import DynamoDbReportBook

    return DynamoDbReportBook(_client("dynamodb"), settings().table_name)


@cache
def drill_book() -> "DrillBook":
    """The newest drills."""
    from understudy.adapters.dynamodb.drills import DynamoDbDrillBook

    return DynamoDbDrillBook(_client("dynamodb"), settings().table_name)


@cache
def gatherer() -> "Gatherer":
    """What a check of readiness reads: more of AWS than anybody else, and nobody else imports what it needs."""
    from understudy.adapters.ec2.network import Ec2Routing
    from understudy.adapters.ec2.readings import Ec2Readings
    from understudy.adapters.ec2.scaling_readings import ScalingReadings
    from understudy.adapters.iam_rights import IamRights, ProfileRights
    from understudy.adapters.route53.readings import ResolverReadings, Route53Readings
    from understudy.adapters.target_groups import TargetGroupReadings
    from understudy.usecases.answer.gather_readiness import Gatherer

    region = boto3.session.Session().region_name or ""
    zones = Route53Readings(_retrying_route53())
    return Gatherer(
        ledger=ledger(),
        instances=Ec2Readings(lambda: _client("ec2")),
        zones=zones,
        vpc_zones=zones,
        network=Ec2Routing(lambda: _client("ec2")),
        endpoints=ResolverReadings(lambda: _client("route53resolver")),
        rights=IamRights(lambda: _client("iam"), settings().mover_role_arn, region),
        groups=ScalingReadings(lambda: _client("autoscaling")),
        taggers=ProfileRights(lambda: _client("iam"), region),
        balancers=TargetGroupReadings(lambda: _client("elbv2")),
        clock=clock,
        stack=stack(),
        region=region,
        may_stop=settings().may_stop,
    )


@cache
def queue() -> "CommitQueue":
    """What waits for group commit, in the cluster table."""
    from understudy.adapters.dynamodb.queue import DynamoDbQueue

    return DynamoDbQueue(_client("dynamodb"), settings().table_name)


@cache
def questions() -> "Questions":
    """Who asks Route 53 for changes in a crowd, in the cluster table."""
    from understudy.adapters.dynamodb.questions import DynamoDbQuestions

    return DynamoDbQuestions(_client("dynamodb"), settings().table_name)


@cache
def rate_budgets() -> "RateBudgetStore":
    """What is left of the controller's share of Route 53's buckets, in the cluster table."""
    from understudy.adapters.dynamodb.rate_budgets import DynamoDbRateBudgets

    return DynamoDbRateBudgets(_client("dynamodb"), settings().table_name)


@cache
def fleet() -> "DynamoDbFleet":
    """What the cluster table knows of all clusters together. Connected to when it is asked."""
    from understudy.adapters.dynamodb.fleet import DynamoDbFleet

    return DynamoDbFleet(lambda: _client("dynamodb"), settings().table_name)


@cache
def deployment() -> "Deployment":
    """The stack itself, as CloudFormation and Lambda know it."""
    from understudy.adapters.stack_versions import StackVersions

    return StackVersions(_client("cloudformation"), _client("lambda"), settings().stack_id)
