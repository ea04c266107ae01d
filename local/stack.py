"""The deployed stack as people and tools see it: outputs, state items, history, executions."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local.engine import Engine
from local.events import instance_changed, instance_terminating, parameter_changed
from local.sam import STACK
from local.waiting import wait_for

WARM = (
    "RecordHeartbeat",
    "OpenTransition",
    "FenceNode",
    "MoveAddress",
    "GrantLease",
    "AwaitService",
    "CheckChange",
    "CloseTransition",
)
WARM_LIMIT_S = 90.0
ALIAS = "live"
"""What everybody calls, on AWS too: a function as it is while it is being changed is called by nobody."""


class FunctionFailed(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """A deployed function raised, or did not do what it was asked; the message holds what it answered."""


class Stack:
    """Reads what it must once, when it is made: the stack has to be deployed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        cloudformation = engine.client("cloudformation")
        described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        self._outputs = {o["OutputKey"]: str(o["OutputValue"]) for o in described["Outputs"]}
        resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        self._resources = {r["LogicalResourceId"]: str(r["PhysicalResourceId"]) for r in resources}

    @property
    def table(self) -> str:
        return self._outputs["TableName"]

    @property
    def bus(self) -> str:
        return self._outputs["BusName"]

    @property
    def machine(self) -> str:
        return self._outputs["StateMachineArn"]

    @property
    def node_policy(self) -> str:
        return self._outputs["NodePolicyArn"]

    def people_policy(self, role: str) -> str:
        """The ARN of the policy for people of this role: Viewer, Operator or Approver."""
        return self._outputs[f"{role}PolicyArn"]

    @property
    def prefix(self) -> str:
        return self._outputs["ParameterPrefix"]

    def put_definition(self, cluster: str, definition: dict[str, Any]) -> str:
        """Put the parameter, and deliver the event that AWS would send. Returns what became of it."""
        version = self.put_parameter(cluster, definition)
        operation = "Create" if version == 1 else "Update"
        event = parameter_changed(self._parameter(cluster), operation)
        return str(self.call("RegisterClusterFunction", event)["outcome"])

    def put_parameter(self, cluster: str, definition: dict[str, Any]) -> int:
        """Put the parameter, as when its event is lost. Returns its version."""
        put = self._engine.client("ssm").put_parameter(
            Name=self._parameter(cluster), Value=json.dumps(definition), Type="String", Overwrite=True
        )
        return int(put["Version"])

    def _parameter(self, cluster: str) -> str:
        return f"{self.prefix}clusters/{cluster}"

    def publish_instance_state(self, instance_id: str, state: str) -> None:
        self.call("ReceiveSignalFunction", instance_changed(instance_id, state))

    def publish_terminating(self, instance_id: str, group: str) -> None:
        """A group waits at the hook that has this stack's name before it ends the instance."""
        self.call("ReceiveSignalFunction", instance_terminating(instance_id, group, f"understudy-{STACK}"))

    def watch(self) -> None:
        """What the schedule does every minute, at once."""
        self.call("WatchClustersFunction", {"source": "aws.events", "detail-type": "Scheduled Event"})

    def function(self, logical_id: str) -> str:
        """The name of a function that the template calls so."""
        return self._resources[logical_id]

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke by the logical name in the template; raises FunctionFailed."""
        answer = self._engine.client("lambda").invoke(
            FunctionName=self._resources[function], Qualifier=ALIAS, Payload=json.dumps(event).encode()
        )
        payload = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise FunctionFailed(f"{function}: {payload}")
        return json.loads(payload or "null")

    def warm_up(self) -> None:
        """Have a worker ready for beats and for each step, as the template's schedules do on AWS, one after the other.

        What is asked while the first worker of a function starts gets a worker of its own. On a busy machine all these
        take the time from each other, until each is given up, and the next beats start more. (As a beat, what the
        schedules send says nothing, and is refused at no cost.)
        """
        for function in WARM:
            wait_for(f"{function} answers", partial(self._answers, function), WARM_LIMIT_S)

    def _answers(self, function: str) -> bool:
        try:
            self.call(f"{function}Function", {"warm": True})
        except FunctionFailed:  # it was not ready within its own timeout
            return False
        return True

    def start_transition(self, cluster: str, **more: str) -> str:
        """A plain StartExecution, as an operator does it. Returns the execution's ARN."""
        started = self._engine.client("stepfunctions").start_execution(
            stateMachineArn=self.machine, input=json.dumps({"cluster": cluster} | more)
        )
        return str(started["executionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        described: dict[str, Any] = self._engine.client("stepfunctions").describe_execution(executionArn=arn)
        return described

    def executions(self, cluster: str) -> list[dict[str, Any]]:
        """Every execution for the cluster, newest first."""
        listed = self._engine.client("stepfunctions").list_executions(stateMachineArn=self.machine)
        found = [self.execution(e["executionArn"]) for e in listed["executions"]]
        return [e for e in found if json.loads(e["input"]).get("cluster") == cluster]

    def step(self, execution: str) -> str:
        """The name of the state that the execution entered last."""
        events = self._engine.client("stepfunctions").get_execution_history(
            executionArn=execution, reverseOrder=True, maxResults=20
        )["events"]
        entered = (e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e)
        return next(entered, "")

    def state(self, cluster: str) -> dict[str, Any]:
        """The state item, empty when there is none."""
        item = self._engine.client("dynamodb").get_item(
            TableName=self.table, Key=_key(cluster, "state"), ConsistentRead=True
        )
        return _plain(item.get("Item", {}))

    def history(self, cluster: str) -> list[dict[str, Any]]:
        """One item per transition, oldest first."""
        found = self._engine.client("dynamodb").query(
            TableName=self.table,
            KeyConditionExpression="pk = :cluster AND begins_with(sk, :history)",
            ExpressionAttributeValues={":cluster": {"S": cluster}, ":history": {"S": "history#"}},
            ConsistentRead=True,
        )
        return [_with_stages(_plain(item)) for item in found["Items"]]

    def transition(self, cluster: str, epoch: int) -> dict[str, Any]:
        """The history item of one epoch, empty when there is none."""
        item = self._engine.client("dynamodb").get_item(
            TableName=self.table, Key=_key(cluster, f"history#{epoch:08d}"), ConsistentRead=True
        )
        return _with_stages(_plain(item.get("Item", {})))


def _with_stages(item: dict[str, Any]) -> dict[str, Any]:
    """The item with its attributes `stages.<name>` as one map, `stages`."""
    prefix = "stages."
    rest = {name: value for name, value in item.items() if not name.startswith(prefix)}
    return rest | {"stages": {n.removeprefix(prefix): v for n, v in item.items() if n.startswith(prefix)}}


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer()
    return {name: _number(read.deserialize(value)) for name, value in item.items()}


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _number(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_number(inner) for inner in value]
    return value
