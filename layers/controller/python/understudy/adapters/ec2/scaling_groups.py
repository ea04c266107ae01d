"""EC2 Auto Scaling's lifecycle hooks: ScalingGroups."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from understudy.adapters.aws_errors import NO_ANSWER, code_of
from understudy.domain.cluster.errors import NotLetGoError

NOBODY_WAITS = "ValidationError"
"""What Auto Scaling says of an instance that no hook waits for, and of a group or a hook that it does not know."""
GO_ON = "CONTINUE"


class Ec2ScalingGroups:
    """By a function that makes a boto3 client when one is needed. It needs `autoscaling:CompleteLifecycleAction`."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def let_go(self, instance_id: str, group: str, hook: str) -> None:
        """See ScalingGroups.let_go. Whichever result is named, what is being terminated is terminated."""
        try:
            self._client.complete_lifecycle_action(
                AutoScalingGroupName=group,
                LifecycleHookName=hook,
                InstanceId=instance_id,
                LifecycleActionResult=GO_ON,
            )
        except ClientError as fault:
            if code_of(fault) != NOBODY_WAITS:
                raise NotLetGoError(f"group {group} waits on for {instance_id} (hook {hook}): {fault}") from fault
        except NO_ANSWER as fault:
            raise NotLetGoError(f"whether group {group} waits on for {instance_id} is not known: {fault}") from fault
