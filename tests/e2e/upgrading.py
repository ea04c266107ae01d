"""A release that differs in every part, its calls to Lambda seconds apart as on AWS, and callers past the alias."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local import sam
from local.local_aws import LocalAws
from local.stack import ALIAS
from local.waiting import NotInTime, wait_for
from local.workflow import bridge_timeouts
from tools.sam_package import take_in

RENAMED = ("logged", "step")
"""What every app.py takes from the package. The release calls them otherwise, on both sides."""
LAYER = "layers/controller"
OVERTAKEN = '"reason":"stale"'
"""In the log of a beat that came when a newer one of its node had been recorded: two are dealt with at once."""
LATE_S = 15.0
"""A beat that is not recorded by then is lost: one that waits for a worker to start is not."""


class Beat(NamedTuple):
    """One of a node: its number counts up from a boot to the next."""

    node: str
    boot: str
    number: int


class Release:
    """What is built now, with another `app.py` for each function, another layer to match, and another workflow.

    Neither half runs with the other half of the release before.
    """

    def __init__(self, aws: LocalAws, folder: Path, number: int, names: Sequence[str]) -> None:
        self.number, self._aws, self._folder, self._names = number, aws, folder, names
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sam.BUILD / "out", folder)
        take_in(folder, sam.ROOT)
        for file in [*folder.glob("*Function/app.py"), folder / LAYER / "python/understudy/invocation.py"]:
            file.write_text(self._renamed(file.read_text()))
        workflow = folder / "statemachine/transition.asl.json"
        definition = json.loads(workflow.read_text())
        definition["States"][self.first_state] = {"Type": "Pass", "Next": definition["StartAt"]}
        workflow.write_text(json.dumps(definition | {"StartAt": self.first_state}))
        # The embedded AWS counts the start of a worker as time of the first call, which AWS does not.
        template = folder / "template.yaml"
        template.write_text(template.read_text().replace("Timeout: 20\n", "Timeout: 60\n"))
        sam.compile_in(folder)

    @property
    def first_state(self) -> str:
        """Every execution of this release enters it, and none of another."""
        return f"BeginRelease{self.number}"

    def _renamed(self, text: str) -> str:
        return re.sub(rf"\b(def |invocation\.|return )({'|'.join(RENAMED)})\b", rf"\1\2_{self.number}", text)

    def change_code(self) -> None:
        """The one call of an update, for every function: what is not published yet runs this code on the old layer."""
        for function, resource in functions_of(self._aws).items():
            code = archive(self._folder / resource)
            self._lambda.update_function_code(FunctionName=function, ZipFile=code)

    def change_layer(self) -> None:
        """The other call: what is not published yet runs the old code on this layer."""
        content = {"ZipFile": archive(self._folder / LAYER)}
        layer = self._lambda.publish_layer_version(LayerName="half-way", Content=content)["LayerVersionArn"]
        for function in functions_of(self._aws):
            had = self._lambda.get_function_configuration(FunctionName=function)["Layers"]
            others = [each["Arn"] for each in had if "DependenciesLayer" in each["Arn"]]
            self._lambda.update_function_configuration(FunctionName=function, Layers=[layer, *others])

    def deploy(self) -> None:
        """What is left, by CloudFormation: the calls not made yet, the versions, the aliases, the workflow."""
        sam.deploy(self._aws.engine, [self._aws.world.zone], self._names, self._folder)
        bridge_timeouts(self._aws.engine, self._aws.stack.machine)

    @property
    def _lambda(self) -> Any:
        return self._aws.engine.client("lambda")


def archive(folder: Path) -> bytes:
    """The folder's files as Lambda takes them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    return packed.getvalue()


def functions_of(aws: LocalAws) -> dict[str, str]:
    """The names of the stack's functions, and their logical IDs."""
    listed = aws.engine.client("cloudformation").describe_stack_resources(StackName=sam.STACK)["StackResources"]
    return {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for each in listed
        if each["ResourceType"] == "AWS::Lambda::Function"
    }


def call_past_the_alias(aws: LocalAws) -> None:
    """What was so without the alias: rules and workflow call the functions themselves, also while these are changed."""
    events = aws.engine.client("events")
    for bus in (aws.stack.bus, "default"):
        for rule in events.list_rules(EventBusName=bus)["Rules"]:
            where = {"Rule": rule["Name"], "EventBusName": bus}
            targets = events.list_targets_by_rule(**where)["Targets"]
            changed = [each | {"Arn": each["Arn"].removesuffix(f":{ALIAS}")} for each in targets]
            if changed != targets:
                events.put_targets(Targets=changed, **where)
    workflows = aws.engine.client("stepfunctions")
    definition = workflows.describe_state_machine(stateMachineArn=aws.stack.machine)["definition"]
    called = re.sub(rf'(:function:[\w-]+):{ALIAS}"', r'\1"', definition)
    assert called != definition
    workflows.update_state_machine(stateMachineArn=aws.stack.machine, definition=called)


class Beats:
    """Every beat that was sent, and every beat that the table has had, since it was made."""

    def __init__(self, aws: LocalAws) -> None:
        self._sqs, self._log = aws.engine.client("sqs"), aws.engine.client("logs")
        self._queue = self._sqs.create_queue(QueueName="beats")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        events, rule = aws.engine.client("events"), {"EventBusName": aws.stack.bus}
        events.put_rule(Name="beats", EventPattern='{"detail-type": ["Understudy Heartbeat"]}', **rule)
        events.put_targets(Rule="beats", Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}], **rule)
        self._streams = aws.engine.client("dynamodbstreams")
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        table = aws.engine.client("dynamodb").update_table(TableName=aws.stack.table, StreamSpecification=stream)
        self._stream = table["TableDescription"]["LatestStreamArn"]
        self._positions: dict[str, str] = {}
        self._refused_before = 0
        self._sent: set[Beat] = set()
        self._recorded: set[Beat] = set()

    def lost(self) -> list[Beat]:
        """What was sent, and was neither recorded nor refused because a newer one had been.

        Which one was refused nobody says, so as many as were are left out. Waits until what is under way has ended.
        """
        unrecorded = self._unrecorded()
        return unrecorded[self._refused() - self._refused_before :]

    def _refused(self) -> int:
        group = f"/understudy/{sam.STACK}/record_heartbeat"
        pages = self._log.get_paginator("filter_log_events").paginate(logGroupName=group)
        return sum(OVERTAKEN in event["message"] for page in pages for event in page["events"])

    def _unrecorded(self) -> list[Beat]:
        self._receive()
        sent = set(self._sent)
        with contextlib.suppress(NotInTime):  # some are lost
            wait_for("all are recorded", lambda: sent <= self._read(), LATE_S, interval_s=0.5)
        return sorted(sent - self._recorded)

    def forget(self) -> None:
        """Count from now on."""
        self._unrecorded()
        self._sent.clear()
        self._refused_before = self._refused()

    def sent(self) -> int:
        return len(self._sent)

    def _receive(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                detail = event["detail"]
                node = str(event["source"]).rpartition("/")[2]
                self._sent.add(Beat(node, detail["boot"], detail["beat"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def _read(self) -> set[Beat]:
        described = self._streams.describe_stream(StreamArn=self._stream)["StreamDescription"]
        for shard in described["Shards"]:
            for image in self._images(shard["ShardId"]):
                for node, report in image.get("nodes", {}).get("M", {}).items():
                    told = report["M"]
                    if "beat" in told:
                        self._recorded.add(Beat(node, told["boot"]["S"], int(told["beat"]["N"])))
        return self._recorded

    def _images(self, shard: str) -> Iterator[dict[str, Any]]:
        position = (
            self._positions.get(shard)
            or self._streams.get_shard_iterator(
                StreamArn=self._stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )
        while True:
            page = self._streams.get_records(ShardIterator=position, Limit=1000)
            position = self._positions[shard] = page["NextShardIterator"]
            yield from (record["dynamodb"].get("NewImage", {}) for record in page["Records"])
            if not page["Records"]:
                return
