"""A deployed stack on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from understudy_cli.aws.calls import Calls
from understudy_cli.aws.faults import hidden_stack, no_output, no_stack
from understudy_cli.core import exits
from understudy_cli.core.endings import SUCCEEDED, Execution, document
from understudy_cli.core.events import LogLine
from understudy_cli.core.faults import Fault
from understudy_cli.core.items import plain
from understudy_cli.core.logs import PUBLISHED
from understudy_cli.core.moves import HISTORY
from understudy_cli.ports import Pending

KEYS = "/understudy-keys"
"""Where the keys of the nodes are."""
BATCH = 100
"""Keys that one BatchGetItem takes."""
ANSWERED = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


class AwsStack:
    """The stack of CloudFormation that has this name. Its outputs are read once, when one is needed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._outputs: dict[str, str] | None = None

    def now(self) -> float:
        """Seconds since 1970 on AWS's clock."""
        return self._calls.now()

    def output(self, name: str) -> str:
        """An output of the stack. Raises Fault."""
        if self._outputs is None:
            self._outputs = self._described()
        if name not in self._outputs:
            raise no_output(self._calls.stack, self._calls.region, name)
        return self._outputs[name]

    def _described(self) -> dict[str, str]:
        calls = self._calls
        unless = {
            "ValidationError": lambda: no_stack(calls.stack, calls.region),
            "AccessDenied": lambda: hidden_stack(calls.stack, calls.region),
        }
        stacks = calls.call("cloudformation", "describe_stacks", unless=unless, StackName=calls.stack)["Stacks"]
        return {each["OutputKey"]: str(each["OutputValue"]) for each in stacks[0].get("Outputs", [])}

    def clusters(self) -> Sequence[str]:
        """The names of all registered clusters, in order."""
        return self._of_kind("cluster")

    def unaccepted(self) -> Sequence[str]:
        """The clusters of which a text was submitted that is not in force; `stack#` for the tunables."""
        return self._of_kind("unaccepted")

    def _of_kind(self, kind: str) -> list[str]:
        found = self._query(
            IndexName="clusters",
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        return sorted(str(each["pk"]) for each in found)

    def _query(self, **arguments: Any) -> list[dict[str, Any]]:
        """Every page of a query, as plain values."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        while True:
            answer = self._calls.call("dynamodb", "query", TableName=self.output("TableName"), **arguments, **page)
            found += [plain(each) for each in answer["Items"]]
            if "LastEvaluatedKey" not in answer or "Limit" in arguments:
                return found
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def states(self, clusters: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """The state item of each of these that is registered, strongly consistent: one call for a hundred."""
        table, found = self.output("TableName"), {}
        left = [_key(each, "state") for each in clusters]
        while left:
            asked = {table: {"Keys": left[:BATCH], "ConsistentRead": True}}
            answer = self._calls.call("dynamodb", "batch_get_item", RequestItems=asked)
            items = [plain(each) for each in answer["Responses"].get(table, [])]
            found.update({str(each["pk"]): each for each in items})
            left = left[BATCH:] + answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return found

    def item(self, cluster: str, sort: str) -> Mapping[str, Any] | None:
        """One item of a cluster, strongly consistent; None when there is none."""
        answer = self._calls.call(
            "dynamodb", "get_item", TableName=self.output("TableName"), Key=_key(cluster, sort), ConsistentRead=True
        )
        return plain(answer["Item"]) if "Item" in answer else None

    def history(self, cluster: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest history items, newest first."""
        return self._query(
            KeyConditionExpression="pk = :cluster AND begins_with(sk, :history)",
            ExpressionAttributeValues={":cluster": {"S": cluster}, ":history": {"S": HISTORY}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=limit,
        )

    def subscriptions(self) -> Sequence[tuple[str, bool]]:
        """Who gets notices: each endpoint, and whether it is confirmed."""
        found: list[tuple[str, bool]] = []
        asked: dict[str, Any] = {"TopicArn": self.output("OperatorTopicArn")}
        while True:
            answer = self._calls.call("sns", "list_subscriptions_by_topic", **asked)
            found += [
                (each["Endpoint"], each["SubscriptionArn"].startswith("arn:")) for each in answer["Subscriptions"]
            ]
            if not answer.get("NextToken"):
                return found
            asked["NextToken"] = answer["NextToken"]

    def alarms(self) -> Mapping[str, str]:
        """The states of the stack's alarms by their names, which begin with the stack's."""
        found: dict[str, str] = {}
        asked: dict[str, Any] = {"AlarmNamePrefix": f"{self._calls.stack}-"}
        while True:
            answer = self._calls.call("cloudwatch", "describe_alarms", **asked)
            found.update({each["AlarmName"]: each["StateValue"] for each in answer["MetricAlarms"]})
            if not answer.get("NextToken"):
                return found
            asked["NextToken"] = answer["NextToken"]

    def sort_keys(self, cluster: str) -> list[str]:
        """The sort keys of all items that stand under a cluster's name, in order."""
        found = self._query(
            KeyConditionExpression="pk = :cluster",
            ExpressionAttributeValues={":cluster": {"S": cluster}},
            ProjectionExpression="sk",
            ConsistentRead=True,
        )
        return [str(each["sk"]) for each in found]

    def delete_item(self, pk: str, sk: str, claimed_by: str = "") -> None:
        """Delete an item; with `claimed_by` only while its `cluster` is that: an address may be another's by now."""
        condition: dict[str, Any] = {}
        if claimed_by:
            condition = {
                "ConditionExpression": "#cluster = :cluster",
                "ExpressionAttributeNames": {"#cluster": "cluster"},
                "ExpressionAttributeValues": {":cluster": {"S": claimed_by}},
            }
        unless = {"ConditionalCheckFailedException": _NotThere}
        try:
            table = self.output("TableName")
            self._calls.call("dynamodb", "delete_item", unless=unless, TableName=table, Key=_key(pk, sk), **condition)
        except _NotThere:
            return

    def delete_parameter(self, name: str) -> None:
        """Delete a parameter below the stack's prefix."""
        self._delete_parameter(self.output("ParameterPrefix") + name)

    def delete_key(self, cluster: str) -> None:
        """Delete the key that the nodes of a cluster share."""
        self._delete_parameter(f"{KEYS}/{self._calls.stack}/{cluster}")

    def _delete_parameter(self, name: str) -> None:
        try:
            self._calls.call("ssm", "delete_parameter", unless={"ParameterNotFound": _NotThere}, Name=name)
        except _NotThere:
            return

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Start an execution. To start it twice under one name with one request does no more than once."""
        machine, text = self.output("StateMachineArn"), json.dumps(request)
        self._calls.call("stepfunctions", "start_execution", stateMachineArn=machine, name=name, input=text)

    def execution(self, name: str) -> Execution:
        """How an execution stands. Raises Fault, also for one that is not there."""
        unless = {each: lambda: no_execution(name) for each in ("ExecutionDoesNotExist", "InvalidArn")}
        found = self._calls.call("stepfunctions", "describe_execution", unless=unless, executionArn=self._arn(name))
        status = str(found["status"])
        output = document(found.get("output")) if status == SUCCEEDED else {}
        asked = document(found.get("input"))
        return Execution(name, status, found.get("error") or "", found.get("cause") or "", output, asked)

    def _arn(self, name: str) -> str:
        return f"{self.output('StateMachineArn').replace(':stateMachine:', ':execution:', 1)}:{name}"

    def question(self, name: str) -> Pending | None:
        """The newest question that an execution has put to people; None when it has put none."""
        answer = self._calls.call(
            "stepfunctions", "get_execution_history", executionArn=self._arn(name), reverseOrder=True, maxResults=50
        )
        for event in answer["events"]:
            parameters = document(event.get("taskScheduledEventDetails", {}).get("parameters"))
            payload = parameters.get("Payload")
            if isinstance(payload, dict) and isinstance(payload.get("token"), str):
                asked = payload.get("asked")
                return Pending(payload["token"], asked if isinstance(asked, dict) else {})
        return None

    def answer(self, token: str, answer: Mapping[str, Any]) -> None:
        """Answer a question. Raises Fault when it is over."""
        unless = dict.fromkeys(ANSWERED, question_over)
        output = json.dumps(answer)
        self._calls.call("stepfunctions", "send_task_success", unless=unless, taskToken=token, output=output)

    def who(self) -> str:
        """The ARN of whoever asks."""
        return str(self._calls.call("sts", "get_caller_identity")["Arn"])

    def parameter(self, name: str) -> str | None:
        """The text of a parameter below the stack's prefix; None when there is none."""
        try:
            answer = self._calls.call(
                "ssm",
                "get_parameter",
                unless={"ParameterNotFound": _NotThere},
                Name=self.output("ParameterPrefix") + name,
            )
        except _NotThere:
            return None
        return str(answer["Parameter"]["Value"])

    def put_parameter(self, name: str, text: str) -> int:
        """Put a text there, in place of what is there. Returns its version."""
        full = self.output("ParameterPrefix") + name
        put = self._calls.call("ssm", "put_parameter", Name=full, Value=text, Type="String", Overwrite=True)
        return int(put["Version"])

    def client(self, service: str, **keys: str) -> Any:
        """A client for the controller's own code, with the caller's rights, or with these keys."""
        return self._calls.client(service, **keys)

    def log(self, function: str, cluster: str, since: float) -> Sequence[str]:
        """What a function has logged about a cluster since then (seconds), oldest first."""
        return [each.text for each in self._logged(function, f'{{ $.cluster = "{cluster}" }}', since)]

    def published(self, function: str, since: float) -> Sequence[LogLine]:
        """What a function has logged of events that it has published since then (seconds), oldest first."""
        return self._logged(function, f'{{ $.message = "{PUBLISHED}" }}', since)

    def _logged(self, function: str, pattern: str, since: float) -> list[LogLine]:
        asked: dict[str, Any] = {
            "logGroupName": f"/understudy/{self._calls.stack}/{function}",
            "startTime": int(since * 1000),
            "filterPattern": pattern,
        }
        found: list[LogLine] = []
        while True:
            answer = self._calls.call("logs", "filter_log_events", **asked)
            found += [LogLine(each["timestamp"] / 1000, str(each["message"])) for each in answer["events"]]
            if "nextToken" not in answer:
                return found
            asked["nextToken"] = answer["nextToken"]


class _NotThere(Fault):
    """What was asked about is not there, or is somebody else's: the caller's to judge."""

    def __init__(self) -> None:
        super().__init__("It is not there", "Look at the name", exits.WRONG)


def no_execution(name: str) -> Fault:
    """That Step Functions knows no such execution."""
    do = "Its name was said when it was started; Step Functions forgets it after 90 days"
    return Fault(f"There is no execution {name}", do, exits.WRONG)


def question_over() -> Fault:
    """That a question was answered, withdrawn, or waited out."""
    return Fault("The question is over", "Look whether there is a newer one: understudy status", exits.REFUSED)


def _key(cluster: str, sort: str) -> dict[str, Any]:
    return {"pk": {"S": cluster}, "sk": {"S": sort}}
