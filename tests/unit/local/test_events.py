"""The launcher's events have the documented shape, and differ from the samples only where they must."""

import json
from typing import Any

from local.events import SAMPLES, instance_changed, instance_terminating, parameter_changed


def sample(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return read


def test_a_parameter_event_has_the_keys_of_the_sample():
    event = parameter_changed("/understudy/understudy/clusters/orders-db", "Create")
    original = sample("parameter_store_change")
    assert event.keys() == original.keys()
    assert (event["source"], event["detail-type"]) == (original["source"], original["detail-type"])
    assert event["resources"][0].endswith(":parameter/understudy/understudy/clusters/orders-db")
    assert event["detail"]["name"] == "/understudy/understudy/clusters/orders-db"


def test_an_instance_event_names_instance_and_state():
    event = instance_changed("i-0123456789abcdef0", "stopping")
    assert event.keys() == sample("ec2_state_change").keys()
    assert event["detail"] == {"instance-id": "i-0123456789abcdef0", "state": "stopping"}


def test_a_lifecycle_action_names_instance_group_and_hook_and_nothing_that_aws_does_not_say():
    event = instance_terminating("i-0123456789abcdef0", "orders-db-a", "understudy-ha")
    original = sample("instance_terminate_lifecycle_action")
    assert event.keys() == original.keys()
    assert event["detail"].keys() == original["detail"].keys() - {"NotificationMetadata"}  # only where a hook has any
    named = ("EC2InstanceId", "AutoScalingGroupName", "LifecycleHookName")
    assert [event["detail"][key] for key in named] == ["i-0123456789abcdef0", "orders-db-a", "understudy-ha"]
