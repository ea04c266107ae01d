"""Starts transitions: Launcher on Step Functions."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import code_of

STARTED_BEFORE = "ExecutionAlreadyExists"


class SfnLauncher:
    """One state machine, by its ARN and a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any], state_machine_arn: str) -> None:
        self._connect = connect
        self._state_machine_arn = state_machine_arn

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def start(self, name: str, request: Mapping[str, Any]) -> bool:
        """Start an execution of this name (1 to 80 of 0-9 A-Z a-z - _); False when that name has been used before.

        Asked twice with the very same request while the first still runs, Step Functions answers with that execution
        as if it had started it now: then this says True again, and still only one runs. Other faults come through as
        botocore raises them: then it is not known whether it has started, and asking again is harmless.
        """
        text = json.dumps(request, sort_keys=True, separators=(",", ":"))
        try:
            self._client.start_execution(stateMachineArn=self._state_machine_arn, name=name, input=text)
        except ClientError as fault:
            if code_of(fault) == STARTED_BEFORE:
                return False
            raise
        return True
