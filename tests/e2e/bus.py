"""What the controller tells on its bus, collected in a queue by a rule, as a user would subscribe to it."""

from __future__ import annotations

import json
from typing import Any

from local.local_aws import LocalAws
from local.waiting import wait_for


class Bus:
    """Everything with source `understudy` since it was made."""

    def __init__(self, aws: LocalAws) -> None:
        self._sqs = aws.engine.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="told")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        events, bus = aws.engine.client("events"), aws.stack.bus
        events.put_rule(Name="told", EventBusName=bus, EventPattern='{"source": ["understudy"]}')
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule="told", EventBusName=bus, Targets=[target])
        self._told: list[dict[str, Any]] = []

    def told(self, cluster: str, detail_type: str) -> list[dict[str, Any]]:
        """The details of what was told of a cluster so far, oldest first."""
        self._receive()
        return [
            event["detail"]
            for event in self._told
            if event["detail-type"] == detail_type and event["detail"].get("cluster") == cluster
        ]

    def wait(self, cluster: str, detail_type: str, limit_s: float) -> dict[str, Any]:
        """The newest of them, waited for."""
        found = wait_for(f"{detail_type!r} of {cluster}", lambda: self.told(cluster, detail_type), limit_s)
        return found[-1]

    def _receive(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._told.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
