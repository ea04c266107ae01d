"""What CloudWatch says of alarms now: Alarms."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.state import Alarm

NAMES_LIMIT = 100
"""DescribeAlarms takes at most this many names, and gives at most this many alarms a page."""
KINDS = ("MetricAlarm", "CompositeAlarm")
"""Without these words CloudWatch leaves composite alarms out."""
ON = "ALARM"


class CloudWatchAlarms:
    """CloudWatch of this account and Region, by a function that makes a boto3 client when one is needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def read(self, names: Collection[str]) -> Mapping[str, Alarm]:
        """Those of the alarms that CloudWatch knows, by name, each with the time of its last change.

        One call for every NAMES_LIMIT names. Raises UnreadableError.
        """
        with unreadable("the alarms"):
            return {each["AlarmName"]: _alarm(each) for each in self._described(sorted(set(names)))}

    def _described(self, names: list[str]) -> Iterator[Mapping[str, Any]]:
        for start in range(0, len(names), NAMES_LIMIT):
            asked = names[start : start + NAMES_LIMIT]
            answer = self._client.describe_alarms(AlarmNames=asked, AlarmTypes=list(KINDS), MaxRecords=NAMES_LIMIT)
            yield from (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))


def _alarm(described: Mapping[str, Any]) -> Alarm:
    """The time of an update that changed no state is later than the state's own: it is only taken for want of that."""
    at = described.get("StateTransitionedTimestamp") or described["StateUpdatedTimestamp"]
    return Alarm(on=described["StateValue"] == ON, at=int(at.timestamp()))
