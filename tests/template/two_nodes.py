"""The example's stack of two nodes on moto, beside what the controller's stack exports, and what has come of it.

moto leaves four things out, and `deployed` does them as AWS does, by the calls of EC2 and IAM. An instance that a group
launches gets neither the version of its launch template that the group names, nor that template's network interfaces
(and so its security groups) and instance profile; and a role gets none of its ManagedPolicyArns. Nothing of the example
is changed for it.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState
from moto.ec2.models import ec2_backends
from moto.iam.models import Role

from tests.template import cfn
from understudy.adapters.ec2.nodes import Ec2Nodes
from understudy.adapters.ssm_parameters import SsmParameters
from understudy.definition import read_definition
from understudy.domain.cluster.definition import Definition

REGION = "us-east-1"
CONTROLLER, CLUSTER = "understudy", "two-node-service"
EXAMPLE = cfn.EXAMPLE
BUNDLE = "s3://a-bucket/releases/understudy-agent-0.1.0.tar.gz"
GROUPS = ("GroupA", "GroupB")
EXPORTED = ("ClusterTable", "Bus", "NodePolicy")


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def launch(group: FakeAutoScalingGroup, count_needed: int, propagated_tags: dict[str, str]) -> None:
    """As Auto Scaling does it: by RunInstances, of the version that the group names, in its subnet."""
    assert group.launch_template is not None
    template = {key: group.launch_template[key] for key in ("LaunchTemplateId", "Version")}
    (version,) = client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[template["Version"]]
    )["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    ran = client("ec2").run_instances(
        MinCount=count_needed,
        MaxCount=count_needed,
        LaunchTemplate=template,
        IamInstanceProfile=data["IamInstanceProfile"],
        NetworkInterfaces=[each | {"SubnetId": group.vpc_zone_identifier} for each in data["NetworkInterfaces"]],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": to} for key, to in propagated_tags.items()]}
        ],
    )
    for each in ran["Instances"]:
        instance = ec2_backends[group.account_id][group.region].get_instance(each["InstanceId"])
        instance.autoscaling_group = group
        group.instance_states.append(InstanceState(instance))


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


def images() -> list[str]:
    """Two that are there."""
    return sorted(each["ImageId"] for each in client("ec2").describe_images(Owners=["amazon"])["Images"])[:2]


@contextmanager
def deployed() -> Iterator[dict[str, str]]:
    """The parameters that a user gives, with both stacks deployed in an AWS of its own."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr(FakeAutoScalingGroup, "replace_autoscaling_group_instances", launch)
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
            "Image": images()[0],
        }
        client("cloudformation").create_stack(**stack(parameters))
        yield parameters


def stack(parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "StackName": CLUSTER,
        "TemplateBody": json.dumps(cfn.source(EXAMPLE)),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    }


def outputs(stack: str) -> dict[str, str]:
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def nodes() -> list[dict[str, Any]]:
    """The one living instance of each group as EC2 describes it, the one of priority 1 first."""
    named = [outputs(CLUSTER)[name] for name in GROUPS]
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=named)["AutoScalingGroups"]
    by_group = {each["AutoScalingGroupName"]: [one["InstanceId"] for one in each["Instances"]] for each in found}
    assert [len(by_group[name]) for name in named] == [1, 1]
    ids = [by_group[name][0] for name in named]
    described = client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    by_id = {each["InstanceId"]: each for reservation in described for each in reservation["Instances"]}
    return [by_id[each] for each in ids]


def ids() -> list[str]:
    return [node["InstanceId"] for node in nodes()]


def definition() -> Definition:
    """What the controller makes of the parameter, with what EC2 says of the instances."""
    text = SsmParameters(client("ssm"), f"/understudy/{CONTROLLER}/").cluster_text(CLUSTER)
    assert text is not None
    read = read_definition(text, 1, Ec2Nodes(lambda: client("ec2")))
    assert read.faults == ()
    assert read.definition is not None
    return read.definition


def first_boot(node: dict[str, Any]) -> str:
    answer = client("ec2").describe_instance_attribute(InstanceId=node["InstanceId"], Attribute="userData")
    return base64.b64decode(answer["UserData"]["Value"]).decode()
