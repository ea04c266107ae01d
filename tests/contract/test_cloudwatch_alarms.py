"""What CloudWatch says of alarms now, held against moto; times, faults, composite alarms by recorded answers (S11)."""

from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from botocore.stub import ANY, Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeAlarms
from understudy.adapters.cloudwatch_alarms import CloudWatchAlarms
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.state import Alarm
from understudy.ports.nodes import Alarms


class World(Protocol):
    """Alarms that a test puts, and the port that looks at them."""

    @property
    def alarms(self) -> Alarms: ...

    def put(self, name: str, value: str) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.alarms = FakeAlarms()

    def put(self, name: str, value: str) -> None:
        self.alarms.known[name] = Alarm(on=value == "ALARM", at=1_790_000_000)


class MotoWorld:
    def __init__(self, client: Any) -> None:
        self.alarms = CloudWatchAlarms(lambda: client)
        self._client = client

    def put(self, name: str, value: str) -> None:
        self._client.put_metric_alarm(
            AlarmName=name,
            Namespace="Orders",
            MetricName="Down",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )
        self._client.set_alarm_state(AlarmName=name, StateValue=value, StateReason="a test")


@pytest.fixture(scope="module")
def cloudwatch(moto_aws: None) -> Any:
    import boto3

    return boto3.client("cloudwatch", region_name=REGION)


@pytest.fixture(params=["fake", "cloudwatch"])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else MotoWorld(request.getfixturevalue("cloudwatch"))


@pytest.mark.parametrize(("value", "is_on"), [("ALARM", True), ("OK", False), ("INSUFFICIENT_DATA", False)])
def test_an_alarm_is_on_in_one_state_only(world, value, is_on):  # S11
    world.put(value, value)
    assert {found: alarm.on for found, alarm in world.alarms.read([value]).items()} == {value: is_on}


def test_an_alarm_that_nobody_has_put_is_left_out(world):
    world.put("known", "OK")
    assert set(world.alarms.read(["known", "never-put"])) == {"known"}


def described(name: str, **changes: Any) -> dict[str, Any]:
    """As CloudWatch answers: an update of the description came after the last change of the state."""
    return {
        "AlarmName": name,
        "StateValue": "OK",
        "StateTransitionedTimestamp": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC),
        "StateUpdatedTimestamp": datetime(2026, 1, 2, 4, 0, 0, 0, UTC),
        **changes,
    }


CHANGED_AT = 1767323045


def test_the_time_of_an_alarm_is_that_of_its_last_change_in_whole_seconds(cloudwatch):  # S11
    with Stubber(cloudwatch) as stubber:
        stubber.add_response("describe_alarms", {"MetricAlarms": [described("down")]})
        assert CloudWatchAlarms(lambda: cloudwatch).read(["down"]) == {"down": Alarm(on=False, at=CHANGED_AT)}


def test_a_hundred_names_are_one_call_and_both_kinds_of_alarms_are_asked_for(cloudwatch):  # B9
    names = [f"alarm-{number:03}" for number in range(101)]
    usual = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
    with Stubber(cloudwatch) as stubber:
        stubber.add_response("describe_alarms", {}, {"AlarmNames": names[:100], **usual})
        stubber.add_response(
            "describe_alarms", {"CompositeAlarms": [described(names[100])]}, {"AlarmNames": ANY, **usual}
        )
        assert set(CloudWatchAlarms(lambda: cloudwatch).read(names)) == {names[100]}
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalFailure"])
def test_cloudwatch_that_refuses_is_unreadable(cloudwatch, code):  # B3
    with Stubber(cloudwatch) as stubber:
        stubber.add_client_error("describe_alarms", code)
        with pytest.raises(UnreadableError, match=code):
            CloudWatchAlarms(lambda: cloudwatch).read(["down"])
