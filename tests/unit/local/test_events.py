"""The launcher's events have the documented shape, and differ from the samples only where they must."""

import json

from local.events import SAMPLES, instance_changed, parameter_changed


def sample(name: str) -> dict[str, object]:
    read: dict[str, object] = json.loads((SAMPLES / f"{name}.json").read_text())
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
