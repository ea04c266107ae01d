"""What Auto Scaling says of groups to the readiness check, on moto."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from understudy.adapters.ec2.scaling_readings import ScalingReadings
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.readiness.facts import ScalingGroup

GROUP, HOOK = "orders-db-a", "understudy-understudy"


@pytest.fixture(scope="module")
def scaling(moto_aws: None) -> Any:
    client = boto3.client("autoscaling", region_name=REGION)
    client.create_launch_configuration(
        LaunchConfigurationName="nodes", ImageId="ami-12c6146b", InstanceType="t4g.small"
    )
    for name, tags in ((GROUP, {"understudy:stack": "understudy", "Name": "node-a"}), ("orders-db-b", {})):
        client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="nodes",
            MinSize=0,
            MaxSize=1,
            AvailabilityZones=[f"{REGION}a"],
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
        )
    for hook, transition in ((HOOK, "TERMINATING"), ("warm-up", "LAUNCHING")):
        client.put_lifecycle_hook(
            AutoScalingGroupName=GROUP,
            LifecycleHookName=hook,
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
        )
    return client


def test_a_group_is_read_with_its_stack_and_the_hooks_at_which_it_waits_before_it_ends_an_instance(scaling):  # B17
    found = ScalingReadings(lambda: scaling).groups({GROUP, "orders-db-b", "nobodys"})
    assert found == {GROUP: ScalingGroup(frozenset({HOOK}), "understudy"), "orders-db-b": ScalingGroup(frozenset())}


@pytest.mark.parametrize("call", ["describe_auto_scaling_groups", "describe_lifecycle_hooks"])
def test_an_auto_scaling_that_refuses_to_say_is_not_read(scaling, call):
    client = boto3.client("autoscaling", region_name=REGION)
    with Stubber(client) as stubber:
        if call == "describe_lifecycle_hooks":
            group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
            stubber.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": group})
        stubber.add_client_error(call, "AccessDenied")
        with pytest.raises(UnreadableError, match="AccessDenied"):
            ScalingReadings(lambda: client).groups({GROUP})
