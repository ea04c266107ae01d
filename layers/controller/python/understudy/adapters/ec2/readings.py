"""What EC2 says of instances and VPCs to the readiness check: InstanceReader."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from understudy.adapters.ec2.nodes import Ec2Nodes, primary_interface, primary_v6
from understudy.adapters.unreadable import unreadable
from understudy.domain.cluster.balancer import Ingress
from understudy.domain.cluster.errors import NodesUnreadableError, UnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.cluster.tags import MEMBER_TAG, STACK_TAG
from understudy.domain.readiness.facts import Instance, MetadataService, VpcDns

SCALING_GROUP_TAG = "aws:autoscaling:groupName"
RECOVERS = "default"
ONE_TIME = "one-time"
TCP = ("tcp", "6", "-1")
"""Protocols of a security group's rule that let TCP in; -1 is every protocol."""


class Ec2Readings:
    """EC2, by a function that makes a boto3 client when one is needed. Every method raises UnreadableError."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def instances(self, instance_ids: Iterable[str]) -> Mapping[str, Instance]:
        """Those of the instances that EC2 knows, by id. Asked for by filter, strangers are left out."""
        asked = [{"Name": "instance-id", "Values": list(instance_ids)}]
        with unreadable("the instances"):
            pages = list(self._client.get_paginator("describe_instances").paginate(Filters=asked))
        found = [each for page in pages for reservation in page["Reservations"] for each in reservation["Instances"]]
        one_time = self._one_time([each["InstanceId"] for each in found if each.get("InstanceLifecycle") == "spot"])
        return {each["InstanceId"]: _instance(each, one_time) for each in found}

    def _one_time(self, spot_ids: list[str]) -> Collection[str]:
        """Those of the Spot Instances whose request is not persistent."""
        if not spot_ids:
            return ()
        asked = [{"Name": "instance-id", "Values": spot_ids}]
        with unreadable("the Spot requests"):
            pages = list(self._client.get_paginator("describe_spot_instance_requests").paginate(Filters=asked))
        return {
            each["InstanceId"] for page in pages for each in page["SpotInstanceRequests"] if each["Type"] == ONE_TIME
        }

    def is_stop_protected(self, instance_id: str) -> bool:
        """Whether the attribute disableApiStop is on: StopInstances would fail."""
        with unreadable(f"disableApiStop of {instance_id}"):
            answer = self._client.describe_instance_attribute(InstanceId=instance_id, Attribute="disableApiStop")
        return bool(answer["DisableApiStop"]["Value"])

    def tagged(self, tags: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """The living instances by their tag understudy:member."""
        try:
            return Ec2Nodes(lambda: self._client).tagged(tags)
        except NodesUnreadableError as fault:
            raise UnreadableError(f"the instances with the tag {MEMBER_TAG}: {fault}") from fault

    def vpc_dns(self, vpc_id: str) -> VpcDns:
        """The DNS attributes of a VPC."""
        with unreadable(f"the DNS attributes of {vpc_id}"):
            support = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsSupport")
            hostnames = self._client.describe_vpc_attribute(VpcId=vpc_id, Attribute="enableDnsHostnames")
        return VpcDns(bool(support["EnableDnsSupport"]["Value"]), bool(hostnames["EnableDnsHostnames"]["Value"]))

    def internet_vpcs(self, vpc_ids: Collection[str]) -> Collection[str]:
        """Those of the VPCs that have an internet gateway, without which no Elastic IP can be associated."""
        asked = [{"Name": "attachment.vpc-id", "Values": sorted(vpc_ids)}]
        with unreadable("the internet gateways"):
            pages = list(self._client.get_paginator("describe_internet_gateways").paginate(Filters=asked))
        found = [each for page in pages for gateway in page["InternetGateways"] for each in gateway["Attachments"]]
        return {each["VpcId"] for each in found if each["VpcId"] in vpc_ids}

    def ingress(self, group_ids: Collection[str]) -> Mapping[str, tuple[Ingress, ...]]:
        """The rules for TCP of security groups, by group."""
        asked = [{"Name": "group-id", "Values": sorted(group_ids)}]
        with unreadable("the security groups"):
            pages = list(self._client.get_paginator("describe_security_groups").paginate(Filters=asked))
        found = [each for page in pages for each in page["SecurityGroups"]]
        return {
            each["GroupId"]: tuple(_ingress(rule) for rule in each["IpPermissions"] if rule["IpProtocol"] in TCP)
            for each in found
        }

    def blocks(self, subnet_ids: Collection[str]) -> Mapping[str, str]:
        """The IPv4 CIDR blocks of subnets, by subnet."""
        asked = [{"Name": "subnet-id", "Values": sorted(subnet_ids)}]
        with unreadable("the subnets"):
            pages = list(self._client.get_paginator("describe_subnets").paginate(Filters=asked))
        return {each["SubnetId"]: each["CidrBlock"] for page in pages for each in page["Subnets"]}


def _ingress(rule: Mapping[str, Any]) -> Ingress:
    """A rule for every protocol names no ports."""
    return Ingress(
        first_port=int(rule.get("FromPort", 0)),
        last_port=int(rule.get("ToPort", 65535)),
        groups=frozenset(each["GroupId"] for each in rule.get("UserIdGroupPairs", ()) if each.get("GroupId")),
        blocks=tuple(each["CidrIp"] for each in rule.get("IpRanges", ())),
        has_lists=bool(rule.get("PrefixListIds")),
    )


def _instance(answer: Mapping[str, Any], one_time: Collection[str]) -> Instance:
    interface = primary_interface(answer)
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    recovery = answer.get("MaintenanceOptions", {}).get("AutoRecovery")
    return Instance(
        power=_power(answer["State"]["Name"]),
        zone=answer["Placement"]["AvailabilityZone"],
        subnet_id=answer.get("SubnetId", ""),
        vpc_id=answer.get("VpcId", ""),
        address=interface.get("PrivateIpAddress"),
        forwards=not interface.get("SourceDestCheck", True) if interface else None,
        scaling_group=tags.get(SCALING_GROUP_TAG, ""),
        recovers=recovery == RECOVERS if recovery else None,
        address_v6=primary_v6(interface.get("Ipv6Addresses", ())),
        interface_id=interface.get("NetworkInterfaceId", ""),
        stack=tags.get(STACK_TAG, ""),
        hibernates=answer.get("HibernationOptions", {}).get("Configured"),
        is_one_time=answer["InstanceId"] in one_time,
        root_device=answer.get("RootDeviceType", ""),
        profile=answer.get("IamInstanceProfile", {}).get("Arn", ""),
        groups=frozenset(each["GroupId"] for each in answer.get("SecurityGroups", ())),
        metadata=_metadata(answer.get("MetadataOptions", {})),
    )


def _metadata(options: Mapping[str, Any]) -> MetadataService | None:
    if not {"HttpEndpoint", "HttpTokens", "HttpPutResponseHopLimit"} <= set(options):
        return None
    return MetadataService(
        is_on=options["HttpEndpoint"] != "disabled",
        needs_token=options["HttpTokens"] == "required",
        hop_limit=int(options["HttpPutResponseHopLimit"]),
    )


def _power(word: str) -> PowerReading:
    return PowerReading(word) if word in list(PowerReading) else PowerReading.UNKNOWN
