"""AWS calls, counted: the real handlers and the real workflow on moto, with a hook of botocore's that counts.

Time is virtual, so the counts are the same on every machine.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws

from local.engine import ACCOUNT, REGION
from local.events import parameter_changed
from local.sam import ROOT
from local.world import AZS
from tests.contract.dynamodb.tables import create_table
from tests.support.asl_definition import Definition
from tests.support.asl_runner import Clock, Execution, Status

CLUSTER, RECORD, PREFIX = "orders-db", "orders-db.corp.example.com", "/understudy/bench/"
STEPS = (
    "open_transition",
    "fence_node",
    "move_address",
    "grant_lease",
    "await_service",
    "check_change",
    "close_transition",
)
WORKFLOW = ROOT / "statemachine" / "transition.asl.json"
BEAT_S, SILENCE_S, START_S = 4, 15, 1
NOON = 1_800_000_000

Tally = Mapping[str, Mapping[str, int]]
"""Function, then `service.Operation`, then how often it was called."""


class _Clock(Clock):
    def __call__(self) -> float:
        return self.now_s


class CountedCluster:
    """A cluster of two nodes on moto, worked by the functions as they are deployed."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self.tally: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._invocations = 0
        self._function = ""
        self._seen: set[str] = set()
        boto3.setup_default_session(region_name=REGION)
        assert boto3.DEFAULT_SESSION is not None
        boto3.DEFAULT_SESSION.events.register("before-call", self._count)
        self._make_world()
        self._handlers = {name: _handler(name) for name in ("record_heartbeat", "register_cluster", *STEPS)}
        self._states = boto3.client("stepfunctions")

    def _make_world(self) -> None:
        ec2 = boto3.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.nodes: list[str] = []
        for number, az in enumerate(AZS):
            block = f"10.0.{number}.0/24"
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=az)["Subnet"]["SubnetId"]
            launched = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
            self.nodes.append(str(launched["Instances"][0]["InstanceId"]))
        machine = boto3.client("stepfunctions").create_state_machine(
            name="transition", definition="{}", roleArn=f"arn:aws:iam::{ACCOUNT}:role/bench"
        )
        boto3.client("events").create_event_bus(Name="bench")
        os.environ |= {
            "TABLE_NAME": create_table(boto3.client("dynamodb")),
            "BUS_NAME": "bench",
            "STATE_MACHINE_ARN": machine["stateMachineArn"],
            "PARAMETER_PREFIX": PREFIX,
        }
        self._definition = {
            "nodes": [
                {"name": f"node-{n}", "instance_id": instance_id, "priority": n}
                for n, instance_id in enumerate(self.nodes, start=1)
            ],
            "addresses": [{"kind": "route53_record", "hosted_zone_id": _make_zone(), "name": RECORD, "type": "A"}],
            "services": [{"name": "app"}],
        }

    def register(self) -> None:
        name = f"{PREFIX}clusters/{CLUSTER}"
        boto3.client("ssm").put_parameter(Name=name, Value=json.dumps(self._definition), Type="String")
        answer = self.call("register_cluster", parameter_changed(name, "Create"))
        if answer["outcome"] != "ACCEPTED":
            raise AssertionError(f"the definition was not accepted: {answer}")

    def call(self, function: str, event: Any) -> Any:
        """Call a handler, and count what it asks of AWS."""
        self._function = function
        self._invocations += 1
        # In AWS each function has a process of its own, and a failover comes long after the last one.
        _wiring().ledger()._seals._known = b""
        try:
            return self._handlers[function](event, _context(function))
        finally:
            self._function = ""

    def beat(self, node: str, epoch: int, service: str) -> None:
        now = self._clock.now_s
        detail = {
            "cluster": CLUSTER,
            "boot": f"boot-{node}",
            "beat": int(now % 10**8 * 1000),
            "keeps_lease": True,
            "read_epoch": epoch,
            "services": {"app": service},
        }
        source = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{node}"
        ingested_at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = self.call("record_heartbeat", {"source": source, "ingested_at": ingested_at, "detail": detail})
        if answer["outcome"] != "recorded":
            raise AssertionError(f"the beat of {node} was refused: {answer}")

    def forget(self) -> None:
        """Every function is cold from here on."""
        _forget()

    def rest(self, seconds: float) -> None:
        self._clock.advance_to(self._clock.now_s + seconds)

    def transition(self, to_node: str, epoch: int, *, cold: bool) -> list[str]:
        """Run the execution that was started; the node's service needs START_S. `cold`: so is every function.

        Answers the states that were entered.
        """
        listed = self._states.list_executions(stateMachineArn=os.environ["STATE_MACHINE_ARN"], statusFilter="RUNNING")[
            "executions"
        ]
        (started,) = [e for e in listed if e["name"] not in self._seen]
        self._seen.add(started["name"])
        request = json.loads(self._states.describe_execution(executionArn=started["executionArn"])["input"])
        granted_at: list[float] = []

        def step(function: str, payload: Any) -> Any:
            if function == "await_service":
                granted_at.append(self._clock.now_s)
                if self._clock.now_s >= granted_at[0] + START_S:
                    self.beat(to_node, epoch, "IN_SERVICE")
            if cold and function not in self.tally:
                self.forget()
            return self.call(function, payload)

        handlers = {name: (lambda payload, name=name: step(name, payload)) for name in STEPS}
        done = Execution(Definition.load(WORKFLOW), handlers, request, clock=self._clock, name=started["name"]).run()
        if done.status is not Status.SUCCEEDED or done.state:
            raise AssertionError(f"the transition ended {done.status} {done.error} {done.cause} after {done.trail}")
        return done.trail

    def counted(self) -> dict[str, dict[str, int]]:
        """What has been counted since this was asked last."""
        found = {function: dict(sorted(calls.items())) for function, calls in self.tally.items()}
        self.tally.clear()
        return found

    def invoked(self) -> int:
        """How often functions have been called since this was asked last."""
        found, self._invocations = self._invocations, 0
        return found

    def _count(self, model: Any, **_: object) -> None:
        if self._function:
            self.tally[self._function][f"{model.service_model.endpoint_prefix}.{model.name}"] += 1


@contextlib.contextmanager
def counted_cluster() -> Iterator[CountedCluster]:
    """A registered cluster, in service on its first node, on a moto of its own."""
    clock = _Clock(NOON)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "POWERTOOLS_"))}
    settings = {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_METRICS_NAMESPACE": "Understudy",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    with (
        mock.patch.dict(os.environ, clean | settings, clear=True),
        mock.patch.object(_wiring(), "clock", clock),
        mock.patch.object(boto3, "DEFAULT_SESSION", None),
        contextlib.redirect_stdout(io.StringIO()),  # where metrics go
        mock_aws(),
    ):
        _forget()
        try:
            cluster = CountedCluster(clock)
            cluster.register()
            first, second = cluster.nodes
            cluster.beat(first, 0, "OUT_OF_SERVICE")
            cluster.beat(second, 0, "OUT_OF_SERVICE")
            cluster.transition(first, 1, cold=False)
            yield cluster
        finally:
            _forget()


def count() -> dict[str, Tally]:
    """Calls of a beat and of a failover, each with cold and with warm functions."""
    with counted_cluster() as cluster:
        first, second = cluster.nodes
        counts: dict[str, Tally] = {}
        cluster.forget()
        cluster.counted()
        for temperature in ("cold", "warm"):
            cluster.rest(BEAT_S)
            cluster.beat(first, 1, "IN_SERVICE")
            counts[f"beat_{temperature}"] = cluster.counted()
        cluster.beat(second, 1, "OUT_OF_SERVICE")
        for temperature, epoch, dead, heir in (("cold", 2, first, second), ("warm", 3, second, first)):
            for _ in range(SILENCE_S // BEAT_S):  # only a node that is heard all the time is a witness of a silence
                cluster.rest(BEAT_S)
                cluster.beat(heir, epoch - 1, "OUT_OF_SERVICE")
            cluster.counted()
            cluster.rest(SILENCE_S % BEAT_S)
            cluster.beat(heir, epoch - 1, "OUT_OF_SERVICE")
            cluster.transition(heir, epoch, cold=temperature == "cold")
            counts[f"failover_{temperature}"] = cluster.counted()
            cluster.rest(1)
            cluster.beat(heir, epoch, "IN_SERVICE")
            cluster.beat(dead, epoch, "OUT_OF_SERVICE")
    return counts


def by_operation(tally: Tally) -> dict[str, int]:
    """All functions together."""
    return dict(sorted(sum((Counter(calls) for calls in tally.values()), Counter[str]()).items()))


def of_service(tally: Tally, service: str) -> int:
    return sum(n for operation, n in by_operation(tally).items() if operation.startswith(f"{service}."))


def _make_zone() -> str:
    """A hosted zone with an id as Route 53 makes them: moto's begin with any letter, so one that fits is looked for."""
    route53 = boto3.client("route53")
    for number in itertools.count():
        made = route53.create_hosted_zone(Name="corp.example.com", CallerReference=str(number))
        zone = str(made["HostedZone"]["Id"]).rpartition("/")[2]
        if zone.startswith("Z"):
            return zone
    raise AssertionError("unreachable")


_numbers = itertools.count()


def _handler(function: str) -> Any:
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"bench_{function}_{next(_numbers)}", path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def _context(function: str) -> SimpleNamespace:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    return SimpleNamespace(
        function_name=function, memory_limit_in_mb=256, invoked_function_arn=arn, aws_request_id="bench"
    )


def _wiring() -> ModuleType:
    """Imported late: it reads the environment when it is."""
    from understudy import clients

    return clients


def _forget() -> None:
    from understudy import bootstrap

    for room in (_wiring(), bootstrap):
        for each in vars(room).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
