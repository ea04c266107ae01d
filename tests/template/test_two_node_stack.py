"""The example's stack of two nodes as it is deployed, and what the controller makes of it."""

from collections.abc import Iterator

import pytest

from tests.template import cfn
from tests.template.two_nodes import (
    CLUSTER,
    CONTROLLER,
    EXAMPLE,
    GROUPS,
    client,
    definition,
    deployed,
    first_boot,
    nodes,
    outputs,
)


@pytest.fixture(scope="module")
def given() -> Iterator[dict[str, str]]:
    """The parameters that a user gives."""
    with deployed() as parameters:
        yield parameters


def test_it_is_deployed_whole(given):
    resources = client("cloudformation").describe_stack_resources(StackName=CLUSTER)["StackResources"]
    made = [each for each in resources if "LogicalResourceId" in each]  # moto lists what a condition leaves out
    always = {name for name, each in cfn.source(EXAMPLE)["Resources"].items() if "Condition" not in each}
    assert {each["LogicalResourceId"] for each in made} == always
    assert {each["ResourceStatus"] for each in made} == {"CREATE_COMPLETE"}


# S1
def test_the_nodes_are_in_different_zones_and_behind_the_users_security_groups(given):
    assert [node["SubnetId"] for node in nodes()] == given["Subnets"].split(",")
    assert [node["Placement"]["AvailabilityZone"] for node in nodes()] == ["us-east-1a", "us-east-1b"]
    for node in nodes():
        (interface,) = node["NetworkInterfaces"]
        assert [group["GroupId"] for group in interface["Groups"]] == [given["SecurityGroups"]]
        assert "PublicIpAddress" not in node


# S1 S3
def test_the_controller_accepts_the_definition_and_finds_both_nodes_as_they_are(given):
    read = definition()
    assert [each.instance_id for each in read.nodes] == [node["InstanceId"] for node in nodes()]
    assert [each.address for each in read.nodes] == [node["PrivateIpAddress"] for node in nodes()]
    assert [each.zone for each in read.nodes] == ["us-east-1a", "us-east-1b"]


def test_the_record_is_the_users(given):
    (record,) = definition().records
    assert (record.hosted_zone_id, record.name) == (given["HostedZoneId"], given["RecordName"])


def test_the_role_of_the_nodes_has_the_controllers_policy_and_names_the_cluster(given):
    iam = client("iam")
    for node in nodes():
        profile = node["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        (role,) = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        assert [each["PolicyArn"] for each in attached] == [outputs(CONTROLLER)["NodePolicyArn"]]
        assert {"Key": "understudy:cluster", "Value": CLUSTER} in iam.list_role_tags(RoleName=role["RoleName"])["Tags"]


# S12
def test_the_controller_may_stop_the_nodes(given):
    """Its right to stop asks for a tag with its stack's name."""
    fence = cfn.expanded()["FenceNodeFunctionRole"]["Properties"]["Policies"]
    statements = cfn.resolve([each["PolicyDocument"]["Statement"] for each in fence], {"AllowStopInstances": "true"})
    (stop,) = [each for policy in statements for each in policy if each.get("Action") == "ec2:StopInstances"]
    ((key, value),) = stop["Condition"]["StringEquals"].items()
    for node in nodes():
        tags = {tag["Key"]: tag["Value"] for tag in node["Tags"]}
        assert tags[key.removeprefix("aws:ResourceTag/")] == value


# B17
def test_the_controller_may_let_a_node_of_a_group_go(given):
    """Its right asks for the same tag on the group."""
    for name in GROUPS:
        found = client("autoscaling").describe_tags(
            Filters=[{"Name": "auto-scaling-group", "Values": [outputs(CLUSTER)[name]]}]
        )["Tags"]
        assert {each["Key"]: each["Value"] for each in found}["understudy:stack"] == CONTROLLER


def test_the_first_boot_fetches_the_users_bundle_and_names_the_controllers_table_and_bus(given):
    wanted = outputs(CONTROLLER)
    for node in nodes():
        script = first_boot(node)
        assert f"aws s3 cp --only-show-errors {given['AgentBundle']} " in script
        assert f"table = {wanted['TableName']}\nbus = {wanted['BusName']}\n" in script
        assert f"cluster = {CLUSTER}\n" in script
        assert "${" not in script, "a name that CloudFormation did not replace"
