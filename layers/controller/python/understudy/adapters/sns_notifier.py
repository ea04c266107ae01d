"""Tells people: Notifier on an SNS topic."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER
from understudy.domain.cluster.errors import NotSentError

FOR_PROGRAMS = ("https", "sqs", "lambda")
"""The protocols of SNS whose subscribers get the data. All others get the text: a person may read it."""


class SnsNotifier:
    """One topic, by its ARN and a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any], topic_arn: str) -> None:
        self._connect = connect
        self._topic_arn = topic_arn

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def send(self, subject: str, text: str, *, data: Mapping[str, Any], labels: Mapping[str, str]) -> None:
        """As Notifier.send. Raises NotSentError when SNS did not take it or did not answer."""
        bodies = {"default": text, **dict.fromkeys(FOR_PROGRAMS, json.dumps(data, ensure_ascii=False))}
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=subject,
                MessageStructure="json",
                Message=json.dumps(bodies, ensure_ascii=False),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in labels.items()
                },
            )
        except (ClientError, *NO_ANSWER) as fault:
            raise NotSentError(f"{subject}: {fault}") from fault
