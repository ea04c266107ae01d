"""Tells people: Notifier on an SNS topic."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER
from understudy.domain.errors import NotSentError


class SnsNotifier:
    """One topic, by its ARN and a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any], topic_arn: str) -> None:
        self._connect = connect
        self._topic_arn = topic_arn

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def send(self, subject: str, text: str) -> None:
        """As Notifier.send. Raises NotSentError when SNS did not take it or did not answer."""
        try:
            self._client.publish(TopicArn=self._topic_arn, Subject=subject, Message=text)
        except (ClientError, *NO_ANSWER) as fault:
            raise NotSentError(f"{subject}: {fault}") from fault
