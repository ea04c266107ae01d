"""What Auto Scaling says of the groups of nodes to the readiness check: GroupReader."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.tags import STACK_TAG
from understudy.domain.observe.signal import TERMINATING
from understudy.domain.readiness.facts import ScalingGroup


class ScalingReadings:
    """Auto Scaling, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def groups(self, names: Collection[str]) -> Mapping[str, ScalingGroup]:
        """See GroupReader.groups: one call for all groups, and one for the hooks of each."""
        with unreadable("the Auto Scaling groups"):
            pages = list(
                self._client.get_paginator("describe_auto_scaling_groups").paginate(AutoScalingGroupNames=sorted(names))
            )
        found = [group for page in pages for group in page["AutoScalingGroups"]]
        return {group["AutoScalingGroupName"]: self._group(group) for group in found}

    def _group(self, group: Mapping[str, Any]) -> ScalingGroup:
        name = group["AutoScalingGroupName"]
        with unreadable(f"the lifecycle hooks of {name}"):
            answer = self._client.describe_lifecycle_hooks(AutoScalingGroupName=name)
        waiting = [each for each in answer["LifecycleHooks"] if each["LifecycleTransition"] == TERMINATING]
        tags = {tag["Key"]: tag["Value"] for tag in group.get("Tags", ())}
        return ScalingGroup(frozenset(each["LifecycleHookName"] for each in waiting), tags.get(STACK_TAG, ""))
