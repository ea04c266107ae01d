"""A stack in memory whose functions are of two releases: real handlers and adapters, on moto, and nodes that beat."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3

from tests.contract.dynamodb.tables import create_table
from tests.releases.sides import Side
from tests.support.asl_runner import Clock, Execution, Status

STACK, CLUSTER, ZONE, RECORD = "understudy", "orders-db", "example.com", "orders-db.example.com"
BEAT_S, READ_S = 4, 2
REGION = "us-east-1"
Chosen = Callable[[str], Side]
"""Which release's function is called, by the name of its folder."""


class WorldClock(Clock):
    """The runner's clock, which functions can ask as well."""

    def __call__(self) -> float:
        return self.now_s


class Node:
    """Obeys what the table says, as an agent does: it serves while it is active, and beats."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id, self.boot = instance_id, f"boot-of-{instance_id[-6:]}"
        self.is_on, self.status, self.epoch = True, "OUT_OF_SERVICE", 0
        self._said: tuple[str, int] | None = None
        self._beats_at = 0.0

    def live(self, now: float, state: dict[str, Any], beat: Callable[[dict[str, Any]], Any]) -> None:
        """One second. `state` is what a read finds, and empty when nobody reads."""
        if state:
            self.epoch = int(state["epoch"]["N"])
            mine = state.get("active", {}).get("S") == self.instance_id
            self.status = "IN_SERVICE" if mine else "OUT_OF_SERVICE"
        if now >= self._beats_at or self._said != (self.status, self.epoch):
            self._beats_at, self._said = now + BEAT_S, (self.status, self.epoch)
            beat(self._beat(now))

    def _beat(self, now: float) -> dict[str, Any]:
        said = {"cluster": CLUSTER, "boot": self.boot, "beat": int(now * 1000) % 10**9, "keeps_lease": True}
        return {
            "source": f"arn:aws:ec2:{REGION}:123456789012:instance/{self.instance_id}",
            "ingested_at": datetime.fromtimestamp(int(now), UTC).isoformat(),
            "detail": {**said, "read_epoch": self.epoch, "services": {"app": self.status}, "agent": "0.1.0"},
        }


class Stack:
    """What AWS holds of it, its two nodes, and the executions of its workflow.

    Whose function is called says `choose`, and whose definition new executions get `workflow`: both are set before
    anything runs, and may be changed at any time.
    """

    choose: Chosen
    workflow: Side

    def __init__(self, clock: WorldClock) -> None:
        self.clock = clock
        self._db = boto3.client("dynamodb")
        self._states = boto3.client("stepfunctions")
        self.executions: dict[str, Execution] = {}
        self.calls: list[tuple[str, str]] = []
        self._read: dict[str, Any] | None = None
        boto3.client("events").create_event_bus(Name=STACK)
        self.table = create_table(self._db)
        self.machine = self._states.create_state_machine(
            name=f"{STACK}-transition", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
        )["stateMachineArn"]
        self.environment = {
            "TABLE_NAME": self.table,
            "BUS_NAME": STACK,
            "PARAMETER_PREFIX": f"/understudy/{STACK}/",
            "STATE_MACHINE_ARN": self.machine,
        }
        self.nodes = [Node(instance_id) for instance_id in _instances()]
        self._zone = _zone()

    def register(self) -> Any:
        """Submit the definition, and deliver its event."""
        name = f"/understudy/{STACK}/clusters/{CLUSTER}"
        text = json.dumps(self._definition())
        boto3.client("ssm").put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
        return self.call("register_cluster", {"detail": {"name": name, "operation": "Create"}})

    def _definition(self) -> dict[str, Any]:
        names = ["node-a", "node-b"]
        return {
            "nodes": [
                {"name": name, "instance_id": node.instance_id, "priority": number}
                for number, (name, node) in enumerate(zip(names, self.nodes, strict=True), 1)
            ],
            "addresses": [
                {
                    "kind": "route53_record",
                    "hosted_zone_id": self._zone,
                    "name": RECORD,
                    "type": "A",
                }
            ],
            "services": [{"name": "app"}],
        }

    def call(self, function: str, event: Any) -> Any:
        """Invoke whichever function is chosen. Nobody else writes to the table."""
        side = self.choose(function)
        self.calls.append((function, side.name))
        try:
            return side.call(function, event)
        finally:
            self._read = None

    def start(self, **request: Any) -> str:
        """What an operator does. The execution's name."""
        name = f"asked-{len(self.executions)}"
        asked = json.dumps({"cluster": CLUSTER, **request})
        self._states.start_execution(stateMachineArn=self.machine, name=name, input=asked)
        return name

    @property
    def state(self) -> dict[str, Any]:
        """The state item as it stands, empty when there is none."""
        key = {"pk": {"S": CLUSTER}, "sk": {"S": "state"}}
        if self._read is None:
            item: dict[str, Any] = self._db.get_item(TableName=self.table, Key=key).get("Item", {})
            self._read = item
        return self._read

    @property
    def moves(self) -> list[dict[str, str]]:
        """Of each transition so far: action, proof and outcome."""
        found = self._db.query(
            TableName=self.table,
            KeyConditionExpression="pk = :c AND begins_with(sk, :h)",
            ExpressionAttributeValues={":c": {"S": CLUSTER}, ":h": {"S": "history#"}},
        )["Items"]
        return [{key: i[key]["S"] for key in ("action", "proof", "outcome") if key in i} for i in found]

    def in_service(self) -> str:
        """The instance that serves under the lease with no move open; empty when there is none."""
        state = self.state
        active = state.get("active", {}).get("S", "")
        if not active or "transition" in state:
            return ""
        report = state["nodes"]["M"][active]["M"]
        return active if report.get("service", {}).get("S") == "IN_SERVICE" else ""

    def run_until(self, done: Callable[[], Any], limit_s: int = 60) -> None:
        """Let time pass until something is so."""
        for _ in range(limit_s):
            if done():
                return
            self._second()
        broken = {name: (e.status, e.error, e.cause) for name, e in self.executions.items()}
        raise AssertionError(f"not within {limit_s} s: {self.state}; {broken}; {self.moves}")

    def _second(self) -> None:
        self.clock.advance_to(self.clock.now_s + 1)
        state = self.state if int(self.clock.now_s) % READ_S == 0 else {}
        for node in self.nodes:
            if node.is_on:
                node.live(self.clock.now_s, state, lambda beat: self.call("record_heartbeat", beat))
        if int(self.clock.now_s) % 60 == 0:
            self.call("watch_clusters", {"detail-type": "Scheduled Event"})
        self._take_up_new_executions()
        for execution in self.executions.values():
            while execution.status is Status.RUNNING and execution.next_due_s <= self.clock.now_s:
                execution.step()

    def _take_up_new_executions(self) -> None:
        for each in self._states.list_executions(stateMachineArn=self.machine)["executions"]:
            if each["name"] not in self.executions:
                asked = json.loads(self._states.describe_execution(executionArn=each["executionArn"])["input"])
                self.executions[each["name"]] = Execution(
                    self.workflow.workflow, _Handlers(self), asked, clock=self.clock, name=each["name"]
                )


class _Handlers(dict[str, Callable[[Any], Any]]):
    """Every function by the name of its folder; which release's is decided at each call."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, function: str) -> Callable[[Any], Any]:
        return lambda payload: self._stack.call(function, payload)


def _instances() -> list[str]:
    ec2 = boto3.client("ec2")
    made = [
        ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, Placement={"AvailabilityZone": zone})
        for zone in (f"{REGION}a", f"{REGION}b")
    ]
    return [str(each["Instances"][0]["InstanceId"]) for each in made]


def _zone() -> str:
    """AWS's zones begin with a Z, and definitions must. moto's begin with any letter."""
    route53 = boto3.client("route53")
    for number in range(500):
        made = route53.create_hosted_zone(Name=ZONE, CallerReference=str(number))["HostedZone"]["Id"]
        if made.startswith("/hostedzone/Z"):
            return str(made.rpartition("/")[2])
        route53.delete_hosted_zone(Id=made)
    raise AssertionError("moto gives no zone that begins with a Z")
