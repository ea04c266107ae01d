"""The example's nodes are replaced, by a group or by a deployment.

moto has no lifecycle hooks in its stacks, no signals and no rolling updates, and an update of a stack reaches only what
names a changed parameter in a Ref. What the template says of all that is held by test_two_node_service.py; here a node
is replaced by the calls that CloudFormation makes for it, and another image stands for every change.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.two_nodes import (
    CLUSTER,
    GROUPS,
    client,
    definition,
    deployed,
    ids,
    images,
    nodes,
    outputs,
    stack,
)


@pytest.fixture
def given() -> Iterator[dict[str, str]]:
    """The parameters that a user gives, in an AWS for each test."""
    with deployed() as parameters:
        yield parameters


def replace(instance_id: str) -> None:
    """As CloudFormation does it in a rolling update, and as a person can. The group launches the successor."""
    client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=instance_id, ShouldDecrementDesiredCapacity=False
    )


def versions() -> list[dict[str, Any]]:
    """Of the launch template, the oldest first."""
    (template,) = client("ec2").describe_launch_templates()["LaunchTemplates"]
    found = client("ec2").describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
    return sorted(found["LaunchTemplateVersions"], key=lambda each: each["VersionNumber"])


# B17
@pytest.mark.parametrize("place", range(2), ids=GROUPS)
def test_a_node_that_is_terminated_has_a_successor_that_the_controller_takes_for_it(given, place):
    before, was = ids(), definition()
    replace(before[place])
    now, new = ids(), definition()
    assert now[place] not in before
    assert now[1 - place] == before[1 - place]
    assert [each.instance_id for each in new.nodes] == now
    assert [(each.name, each.zone) for each in new.nodes] == [(each.name, each.zone) for each in was.nodes]


# B17
def test_another_image_is_on_a_node_when_its_group_names_the_new_version_and_not_before(given):
    """A node that goes before its turn in a deployment is replaced by one like it."""
    old, new = images()
    client("cloudformation").update_stack(**stack(given | {"Image": new}))
    assert [each["LaunchTemplateData"]["ImageId"] for each in versions()] == [old, new]
    replace(ids()[1])
    assert [node["ImageId"] for node in nodes()] == [old, old]
    template = {"LaunchTemplateId": versions()[1]["LaunchTemplateId"], "Version": "2"}
    client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=outputs(CLUSTER)["GroupB"], LaunchTemplate=template
    )
    replace(ids()[1])
    assert [node["ImageId"] for node in nodes()] == [old, new]
