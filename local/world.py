"""What a user has before Understudy: a VPC with a subnet in each of two AZs, instances, a private zone."""

from __future__ import annotations

import itertools
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.engine import ACCOUNT, REGION, Engine
from local.waiting import NotInTime

ZONE_NAME = "corp.example.com"
AZS = ("us-east-1a", "us-east-1b")
_NETWORK_TRIES = 50


@dataclass(frozen=True)
class Instance:
    """An EC2 instance; `address` is its primary private IP, a loopback address that a program can bind."""

    name: str
    instance_id: str
    address: str
    az: str

    @property
    def arn(self) -> str:
        return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{self.instance_id}"


class World:
    """Made in the engine when constructed. `port` is free on the addresses of its network; 0 is any."""

    def __init__(self, engine: Engine, port: int = 0) -> None:
        self._engine = engine
        self.network, self.port = _free_network(port)
        ec2 = engine.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock=f"{self.network}.0.0/16")["Vpc"]["VpcId"]
        # Off in a new VPC, and without it no private zone is answered there.
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self._subnets = {
            az: ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{self.network}.{number}.0/24", AvailabilityZone=az)[
                "Subnet"
            ]["SubnetId"]
            for number, az in enumerate(AZS, start=1)
        }
        self._hosts = itertools.count(10)
        made = engine.client("route53").create_hosted_zone(
            Name=ZONE_NAME,
            CallerReference=engine.run,
            VPC={"VPCRegion": REGION, "VPCId": self.vpc},
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
        )
        self.zone = str(made["HostedZone"]["Id"]).rpartition("/")[2]

    def launch(self, name: str, az: str) -> Instance:
        address = f"{self.network}.{AZS.index(az) + 1}.{next(self._hosts)}"
        launched = self._engine.client("ec2").run_instances(
            ImageId="ami-12c6146b",
            InstanceType="t4g.small",
            MinCount=1,
            MaxCount=1,
            SubnetId=self._subnets[az],
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        return Instance(name, str(launched["Instances"][0]["InstanceId"]), address, az)

    def load_balancer(self, name: str, instances: Sequence[Instance], http_port: int) -> str:
        """A Network Load Balancer whose target group asks the instances who serves; the group's ARN.

        It is a description only: nothing asks, and nothing is handed on.
        """
        elb = self._engine.client("elbv2")
        made = elb.create_target_group(
            Name=name,
            Protocol="TCP",
            Port=self.port,
            VpcId=self.vpc,
            HealthCheckProtocol="HTTP",
            HealthCheckPort=str(http_port),
            HealthCheckPath="/serving",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        )
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        cross_zone = [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=cross_zone)
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": each.instance_id} for each in instances])
        self._let_in(name, instances, (self.port, http_port))
        subnets = list(self._subnets.values())
        balancer = elb.create_load_balancer(Name=name, Subnets=subnets, Type="network", Scheme="internal")
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="TCP",
            Port=self.port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        return arn

    def _let_in(self, name: str, instances: Sequence[Instance], ports: Sequence[int]) -> None:
        """Give the instances a security group that lets the VPC's own addresses in."""
        ec2, own = self._engine.client("ec2"), [{"CidrIp": f"{self.network}.0.0/16"}]
        group = ec2.create_security_group(GroupName=name, Description="of its nodes", VpcId=self.vpc)["GroupId"]
        rules = [{"IpProtocol": "tcp", "FromPort": each, "ToPort": each, "IpRanges": own} for each in ports]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
        for each in instances:
            ec2.modify_instance_attribute(InstanceId=each.instance_id, Groups=[group])

    def stop(self, instance: Instance) -> None:
        """EC2 stops the instance. (The program that plays the node is another matter.)"""
        self._engine.client("ec2").stop_instances(InstanceIds=[instance.instance_id], Force=True)

    def start(self, instance: Instance) -> None:
        """EC2 starts it again."""
        self._engine.client("ec2").start_instances(InstanceIds=[instance.instance_id])

    def set_record(self, name: str, address: str, ttl_s: int) -> None:
        """Set an A record as a person does it, past every guard."""
        record = {"Name": name, "Type": "A", "TTL": ttl_s, "ResourceRecords": [{"Value": address}]}
        self._engine.client("route53").change_resource_record_sets(
            HostedZoneId=self.zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        )

    def definition(
        self,
        instances: list[Instance],
        name: str,
        services: list[dict[str, Any]],
        policy: dict[str, Any] | None = None,
        tuning: dict[str, int] | None = None,
    ) -> dict[str, Any]:
        """A cluster definition that protects the record `name`; the first instance has priority 1."""
        return {
            "nodes": [
                {"name": i.name, "instance_id": i.instance_id, "priority": priority}
                for priority, i in enumerate(instances, start=1)
            ],
            "addresses": [
                {"kind": "route53_record", "hosted_zone_id": self.zone, "name": name, "type": "A"},
            ],
            "services": services,
            "policy": policy or {},
            "tuning": tuning or {},
        }


def _free_network(port: int) -> tuple[str, int]:
    """A /16 of the loopback network, by chance so that two runs do not meet, and a port free in it."""
    for _ in range(_NETWORK_TRIES):
        network = f"127.{16 + secrets.randbelow(224)}"
        with socket.socket() as probe:
            try:
                probe.bind((f"{network}.1.10", port))
            except OSError:
                continue
            return network, int(probe.getsockname()[1])
    raise NotInTime(f"no loopback network accepts a listener after {_NETWORK_TRIES} tries")
