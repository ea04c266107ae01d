"""A watch of many clusters: the real use case on the real adapters, and AWS in memory, as boto3's clients speak.

For counts of calls, how many run at once, and what processor time and memory a cluster needs.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any

from tests.support.builders import NOW, SPECS, a_definition, a_report, a_state, a_wish
from tests.support.drills import a_drill_master
from tests.support.fakes import FakeAnnouncer, PagedRoute53, VirtualClock
from tests.support.retries import retrying
from understudy.adapters.cloudwatch_alarms import CloudWatchAlarms
from understudy.adapters.dynamodb import items, keys
from understudy.adapters.dynamodb.fleet import DynamoDbFleet
from understudy.adapters.dynamodb.keys import SEAL, SECRET
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.ec2.network import Ec2Network
from understudy.adapters.ec2.nodes import Ec2Nodes
from understudy.adapters.route53.zone import Route53Zone
from understudy.adapters.sfn_launcher import SfnLauncher
from understudy.adapters.ssm_parameters import SsmParameters
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import desired
from understudy.domain.cluster.seal import SECRET_LENGTH
from understudy.domain.decide.silence import Limits
from understudy.ports.spread import Spread, one_by_one
from understudy.usecases.observe.judge import Judge
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.watch.fleet import FleetKeeper
from understudy.usecases.watch.parameter_listing import ParameterListing
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch, WatchReport

TABLE = "clusters"
PAGE = 10
"""Parameters that GetParametersByPath gives at a time."""
Meeting = Callable[[str], object]
"""Called with the operation's name inside of every call; a test lets callers meet there."""


class Traffic:
    """Counts calls by operation, and how many there were at once."""

    def __init__(self, meet: Meeting) -> None:
        self.calls: Counter[str] = Counter()
        self.most_at_once = 0
        self._meet = meet
        self._now = 0
        self._lock = Lock()

    @contextmanager
    def call(self, operation: str) -> Iterator[None]:
        """One call, for as long as it lasts."""
        with self._lock:
            self.calls[operation] += 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self._meet(operation)
            yield
        finally:
            with self._lock:
                self._now -= 1


class _Pages:
    def __init__(self, traffic: Traffic, operation: str, pages: Callable[..., list[dict[str, Any]]]) -> None:
        self._traffic, self._operation, self._pages = traffic, operation, pages

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        for page in self._pages(**asked):
            with self._traffic.call(self._operation):
                yield page


class FleetAws:
    """DynamoDB, EC2, Parameter Store and Step Functions of a fleet, each as far as a watch uses it."""

    def __init__(self, traffic: Traffic) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.instances: dict[str, dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.started: list[str] = []
        self._traffic = traffic

    def get_item(self, **asked: Any) -> dict[str, Any]:
        with self._traffic.call("GetItem"):
            item = self.items.get(_key(asked["Key"]))
            return {"Item": item} if item else {}

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        with self._traffic.call("BatchGetItem"):
            ((table, wanted),) = asked["RequestItems"].items()
            keys = [_key(each) for each in wanted["Keys"]]
            if len(keys) > 100:
                raise ValueError("DynamoDB takes at most 100 keys at a time")
            return {"Responses": {table: [self.items[key] for key in keys if key in self.items]}}

    def update_item(self, **asked: Any) -> dict[str, Any]:
        with self._traffic.call("UpdateItem"):
            item = self.items.setdefault(_key(asked["Key"]), dict(asked["Key"]))
            if _key(asked["Key"]) == (keys.STACK, keys.TUNING):
                names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
                item |= {names[n]: values[v] for n, v in re.findall(r"(#\w+) = (:\w+)", asked["UpdateExpression"])}
            return {"Attributes": item}

    def put_item(self, **asked: Any) -> None:
        with self._traffic.call("PutItem"):
            self.items[_key(asked["Item"])] = asked["Item"]

    def start_execution(self, name: str, **_: Any) -> None:
        with self._traffic.call("StartExecution"):
            self.started.append(name)

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        with self._traffic.call("GetParameter"):
            return {"Parameter": {"Name": "/understudy/bench/tuning", "Version": 1, "Value": ""}}

    def get_paginator(self, operation: str) -> _Pages:
        pages = {
            "query": self._names,
            "describe_instances": self._described,
            "get_parameters_by_path": self._parameters,
        }
        words = "".join(word.title() for word in operation.split("_"))
        return _Pages(self._traffic, words, pages[operation])

    def _names(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Items": [{"pk": {"S": pk}} for pk, sk in self.items if sk == keys.STATE]}]

    def _described(self, **asked: Any) -> list[dict[str, Any]]:
        (wanted,) = asked["Filters"]
        return [{"Reservations": [{"Instances": [self.instances[each] for each in wanted["Values"]]}]}]

    def _parameters(self, **_: Any) -> list[dict[str, Any]]:
        names = sorted(self.texts)
        return [
            {
                "Parameters": [
                    {"Name": f"/understudy/bench/clusters/{name}", "Version": 1, "Value": self.texts[name]}
                    for name in names[start : start + PAGE]
                ]
            }
            for start in range(0, len(names), PAGE)
        ]


class Fleet:
    """`size` clusters of two nodes and a record each, settled and in service, in `zones` hosted zones."""

    def __init__(self, size: int, *, zones: int = 1, spread: Spread = one_by_one, meet: Meeting = lambda _: None):
        self.traffic = Traffic(meet)
        self.aws = FleetAws(self.traffic)
        self.route53 = PagedRoute53()
        self.clock = VirtualClock(NOW)
        self.announcer = FakeAnnouncer()
        self.registered: list[Any] = []
        self._spread = spread
        self._ledger = DynamoDbLedger(self.aws, TABLE)
        fleet = DynamoDbFleet(lambda: self.aws, TABLE)
        self._keeper = FleetKeeper(fleet, Limits(), self._ledger, self.announcer)
        self._parameters = ParameterListing(SsmParameters(self.aws, "/understudy/bench/"))
        self.aws.items[(SEAL, SECRET)] = {SECRET: {"S": "00" * SECRET_LENGTH}}
        for number in range(size):
            self._add(f"cluster-{number:05d}", number, f"Z{number % zones}")

    def _add(self, name: str, number: int, zone: str) -> None:
        record, text = Record(zone, f"{name}.corp.example.com"), f"text of {name}"
        specs = [
            replace(spec, instance_id=f"i-{place}{number:016x}", address=f"10.{place}.{number // 256}.{number % 256}")
            for place, spec in enumerate(SPECS[:2])
        ]
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        definition = a_definition(cluster=name, records=(record,), nodes=tuple(specs), digest=digest)
        reports = {
            each.instance_id: replace(a_report(usual.instance_id)) for each, usual in zip(specs, SPECS, strict=False)
        }
        state = a_state(cluster=name, nodes=reports, active=specs[0].instance_id)
        self.aws.items[(name, keys.STATE)] = items.state_item(state, 7)
        self.aws.items[(name, keys.definition_sk(1))] = items.definition_item(definition)
        self.aws.texts[name] = text
        for spec in specs:
            self.aws.instances[spec.instance_id] = _described(spec)
        for each in desired(record, a_wish(cluster=name, address=specs[0].address)):
            self.route53.put(zone, each.name, each.type, *each.values, ttl=each.ttl)

    def silence(self, number: int, since_s: int) -> None:
        """The active node of a cluster was last heard so long ago."""
        key = (f"cluster-{number:05d}", keys.STATE)
        state = items.read_state(self.aws.items[key])
        active = str(state.active)
        silent = replace(state.nodes[active], heard_at=NOW - since_s)
        self.aws.items[key] = items.state_item(replace(state, nodes={**state.nodes, active: silent}), 7)

    def watch(self) -> WatchReport:
        """One watch."""
        ledger, zone = self._ledger, Route53Zone(retrying(self.route53))
        launcher = SfnLauncher(lambda: self.aws, "arn:aws:states:us-east-1:123456789012:stateMachine:bench")
        return ClusterWatch(
            ledger=ledger,
            beats=ledger,
            nodes=Ec2Nodes(lambda: self.aws),
            alarms=CloudWatchAlarms(lambda: self.aws),
            index=ledger,
            parameters=self._parameters,
            follower=ChangeFollower(zone, zone, zone, self.clock, "understudy"),
            network=Ec2Network(lambda: self.aws),
            announcer=self.announcer,
            register=self.registered.append,
            judge=Judge(ledger, launcher, self.announcer, self.clock),
            drills=a_drill_master(ledger, launcher, self.announcer, self.clock),
            monitor=RecordMonitor(ledger, zone, self.announcer, self.clock, lambda gap_s: None, "understudy"),
            clock=self.clock,
            spread=self._spread,
            keeper=self._keeper,
        ).run()


def _key(attributes: Any) -> tuple[str, str]:
    return attributes["pk"]["S"], attributes["sk"]["S"]


def _described(spec: Any) -> dict[str, Any]:
    """An instance as DescribeInstances has it."""
    interface = {
        "Attachment": {"DeviceIndex": 0},
        "PrivateIpAddress": spec.address,
        "NetworkInterfaceId": spec.interface_id,
        "VpcId": "vpc-0a1b2c3d",
    }
    return {
        "InstanceId": spec.instance_id,
        "State": {"Name": "running"},
        "Placement": {"AvailabilityZone": spec.zone},
        "NetworkInterfaces": [interface],
    }
