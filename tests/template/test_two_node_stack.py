"""The example's stack of two nodes, deployed on moto beside what the controller's stack exports.

moto leaves four things out, and the fixture does them as CloudFormation does, by the calls of EC2 and IAM: an
instance's launch template; its network interfaces (and so its subnet and security groups); the instance profile of a
launch template; a role's ManagedPolicyArns. Nothing of the example is changed for it.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance
from moto.iam.models import Role

from tests.template import cfn
from understudy.adapters.ec2_nodes import Ec2Nodes
from understudy.adapters.ssm_parameters import SsmParameters
from understudy.definition import read_definition
from understudy.domain.definition import Definition

REGION = "us-east-1"
CONTROLLER, CLUSTER = "understudy", "two-node-service"
EXAMPLE = cfn.ROOT / "examples" / "two-node-service" / "template.yaml"
BUNDLE = "s3://a-bucket/releases/understudy-agent-0.1.0.tar.gz"
EXPORTED = ("ClusterTable", "Bus", "NodePolicy")


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def launch(
    cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
) -> Instance:
    """AWS::EC2::Instance as CloudFormation makes it: its properties are the arguments of RunInstances."""
    given = dict(cloudformation_json["Properties"])
    template = {**given.pop("LaunchTemplate")}
    interfaces = [
        {("Groups" if key == "GroupSet" else key): value for key, value in each.items()} | {"DeviceIndex": position}
        for position, each in enumerate(given.pop("NetworkInterfaces"))
    ]
    tags = [{"ResourceType": "instance", "Tags": given.pop("Tags")}]
    assert not given, f"RunInstances is not told of {sorted(given)}"
    (version,) = client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[str(template["Version"])]
    )["LaunchTemplateVersions"]
    ran = client("ec2").run_instances(
        MinCount=1,
        MaxCount=1,
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": str(template["Version"])},
        IamInstanceProfile=version["LaunchTemplateData"]["IamInstanceProfile"],
        NetworkInterfaces=interfaces,
        TagSpecifications=tags,
    )
    return ec2_backends[account_id][region_name].get_instance(ran["Instances"][0]["InstanceId"])


def with_policies(create: Any) -> Any:
    """AWS::IAM::Role, made by `create`, with its managed policies attached."""

    def made(cls: Any, resource_name: str, cloudformation_json: Any, *where: Any, **more: Any) -> Role:
        role: Role = create(resource_name, cloudformation_json, *where, **more)
        for policy in cloudformation_json["Properties"].get("ManagedPolicyArns", []):
            client("iam").attach_role_policy(RoleName=role.name, PolicyArn=policy)
        return role

    return classmethod(made)


def controllers_stack() -> str:
    """What the controller's template exports, with the resources that are exported, as they stand in it."""
    template = {name: cfn.source()[name] for name in ("Parameters", "Conditions")}
    template["Resources"] = {name: cfn.expanded()[name] for name in EXPORTED}
    template["Outputs"] = {name: each for name, each in cfn.source()["Outputs"].items() if "Export" in each}
    return json.dumps(template)


def subnets() -> list[str]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]


@pytest.fixture(scope="module")
def given() -> Iterator[dict[str, Any]]:
    """The parameters that a user gives, with both stacks deployed in an AWS of its own."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr(Instance, "create_from_cloudformation_json", classmethod(cast("Any", launch)))
        patch.setattr(Role, "create_from_cloudformation_json", with_policies(Role.create_from_cloudformation_json))
        client("cloudformation").create_stack(StackName=CONTROLLER, TemplateBody=controllers_stack())
        two = subnets()
        vpc = client("ec2").describe_subnets(SubnetIds=two)["Subnets"][0]["VpcId"]
        parameters = {
            "Subnets": ",".join(two),
            "SecurityGroups": client("ec2").create_security_group(GroupName="app", Description="app", VpcId=vpc)[
                "GroupId"
            ],
            "HostedZoneId": "Z0123EXAMPLE",
            "RecordName": "app.corp.example.com",
            "AgentBundle": BUNDLE,
        }
        client("cloudformation").create_stack(
            StackName=CLUSTER,
            TemplateBody=json.dumps(cfn.source(EXAMPLE)),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        )
        yield parameters


def outputs(stack: str) -> dict[str, str]:
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def nodes() -> list[dict[str, Any]]:
    """The two instances as EC2 describes them, the one of priority 1 first."""
    ids = [outputs(CLUSTER)[name] for name in ("NodeA", "NodeB")]
    found = client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    by_id = {each["InstanceId"]: each for reservation in found for each in reservation["Instances"]}
    return [by_id[each] for each in ids]


def definition() -> Definition:
    """What the controller makes of the parameter, with what EC2 says of the instances."""
    text = SsmParameters(client("ssm"), f"/understudy/{CONTROLLER}/").cluster_text(CLUSTER)
    assert text is not None
    read = read_definition(text, 1, Ec2Nodes(lambda: client("ec2")))
    assert read.faults == ()
    assert read.definition is not None
    return read.definition


def test_it_is_deployed_whole(given):
    resources = client("cloudformation").describe_stack_resources(StackName=CLUSTER)["StackResources"]
    assert {each["LogicalResourceId"] for each in resources} == set(cfn.source(EXAMPLE)["Resources"])
    assert {each["ResourceStatus"] for each in resources} == {"CREATE_COMPLETE"}


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


def test_the_first_boot_fetches_the_users_bundle_and_names_the_controllers_table_and_bus(given):
    wanted = outputs(CONTROLLER)
    for node in nodes():
        answer = client("ec2").describe_instance_attribute(InstanceId=node["InstanceId"], Attribute="userData")
        script = base64.b64decode(answer["UserData"]["Value"]).decode()
        assert f"aws s3 cp --only-show-errors {given['AgentBundle']} " in script
        assert f"table = {wanted['TableName']}\nbus = {wanted['BusName']}\n" in script
        assert f"cluster = {CLUSTER}\n" in script
        assert "${" not in script, "a name that CloudFormation did not replace"
