"""What Elastic Load Balancing says of target groups, held against moto; faults by recorded answers (B21)."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeTargetGroups
from understudy.adapters.ec2.readings import Ec2Readings
from understudy.adapters.target_groups import TargetGroupReadings, TargetGroups
from understudy.domain.cluster.balancer import Ingress, Probing, TargetGroup
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.readiness.facts import Instance

NO_SUCH = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:targetgroup/gone/0123456789abcdef"


class Made:
    """A VPC with two instances in two zones, behind a load balancer of each kind."""

    def __init__(self) -> None:
        import boto3

        self.ec2, self.elb = (boto3.client(each, region_name=REGION) for each in ("ec2", "elbv2"))
        self.vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self._subnet(number, zone) for number, zone in enumerate("ab", 1)]
        group = self.ec2.create_security_group(GroupName="balancer", Description="of it", VpcId=self.vpc)
        self.group = group["GroupId"]
        image = self.ec2.describe_images()["Images"][0]["ImageId"]
        self.instances = [self._instance(image, subnet) for subnet in self.subnets]
        self.network, self.web = self._group("network", "TCP"), self._group("application", "HTTP")

    def _subnet(self, number: int, zone: str) -> str:
        asked = {"VpcId": self.vpc, "CidrBlock": f"10.9.{number}.0/24", "AvailabilityZone": f"{REGION}{zone}"}
        return str(self.ec2.create_subnet(**asked)["Subnet"]["SubnetId"])

    def _instance(self, image: str, subnet: str) -> str:
        asked = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "SubnetId": subnet, "SecurityGroupIds": [self.group]}
        return str(self.ec2.run_instances(**asked)["Instances"][0]["InstanceId"])

    def _group(self, kind: str, protocol: str) -> str:
        made = self.elb.create_target_group(
            Name=f"of-{kind}",
            Protocol=protocol,
            Port=5432,
            VpcId=self.vpc,
            HealthCheckProtocol="HTTP",
            HealthCheckPort="7412",
            HealthCheckPath="/serving",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        )
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": each} for each in self.instances])
        balancer = self.elb.create_load_balancer(
            Name=f"balancer-{kind}", Subnets=self.subnets, SecurityGroups=[self.group], Type=kind, Scheme="internal"
        )["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": arn}]
        self.elb.create_listener(LoadBalancerArn=balancer, Protocol=protocol, Port=5432, DefaultActions=forward)
        return arn

    def change(self, arn: str, **attributes: str) -> None:
        asked = [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=asked)

    def read(self, arn: str) -> TargetGroup:
        found = TargetGroupReadings(lambda: self.elb).target_group(arn)
        assert found is not None
        return found

    def instance(self) -> Instance:
        return Ec2Readings(lambda: self.ec2).instances(self.instances[:1])[self.instances[0]]


@pytest.fixture(scope="module")
def made(moto_aws: None) -> Made:
    return Made()


def test_a_group_is_read_with_its_probe_its_targets_and_its_load_balancer(made):
    found = made.read(made.network)
    assert found.probe == Probing("HTTP", "7412", "/serving", "200", 5, 2, 2, 2)
    assert (found.kind, found.protocol, found.vpc_id) == ("instance", "TCP", made.vpc)
    assert {each.id for each in found.targets} == set(made.instances)
    assert {each.port for each in found.targets} == {5432}
    (balancer,) = found.balancers
    assert (balancer.name, balancer.kind, balancer.zones) == (
        "balancer-network",
        "network",
        {f"{REGION}a", f"{REGION}b"},
    )
    assert set(balancer.subnets) == set(made.subnets)


def test_the_watch_reads_the_same_targets_and_the_same_probe(made):
    watched = TargetGroups(lambda: made.elb)
    assert watched.targets(made.network) == made.read(made.network).targets
    assert watched.probe(made.network) == made.read(made.network).probe


def test_what_was_turned_on_and_off_is_seen(made):
    before = made.read(made.web)
    made.change(made.web, load_balancing__cross_zone__enabled="false")
    assert made.read(made.web) == replace(before, is_cross_zone=False)
    made.change(made.web, load_balancing__cross_zone__enabled="true", preserve_client_ip__enabled="true")
    assert made.read(made.web) == replace(before, is_cross_zone=True, shows_clients=True)
    made.change(made.web, target_health_state__unhealthy__connection_termination__enabled="false")
    assert not made.read(made.web).ends_connections
    assert before.ends_connections


def test_a_group_without_a_word_of_its_own_follows_its_load_balancers(made):
    made.change(made.network, load_balancing__cross_zone__enabled="use_load_balancer_configuration")
    arn = made.elb.describe_load_balancers(Names=["balancer-network"])["LoadBalancers"][0]["LoadBalancerArn"]
    for value in ("true", "false"):
        asked = [{"Key": "load_balancing.cross_zone.enabled", "Value": value}]
        made.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=asked)
        assert made.read(made.network).is_cross_zone == (value == "true")


def test_a_group_that_does_not_exist_is_none_to_readiness_and_unreadable_to_the_watch(made):
    """As the fake has it."""
    assert TargetGroupReadings(lambda: made.elb).target_group(NO_SUCH) is None
    assert FakeTargetGroups().target_group(NO_SUCH) is None
    for watched in (TargetGroups(lambda: made.elb), FakeTargetGroups()):
        with pytest.raises(UnreadableError):
            watched.targets(NO_SUCH)
        with pytest.raises(UnreadableError):
            watched.probe(NO_SUCH)


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "InternalFailure"])
def test_a_group_that_cannot_be_read_is_unknown(code):
    import boto3

    client: Any = boto3.client("elbv2", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y")
    with Stubber(client) as stub:
        stub.add_client_error("describe_target_groups", code)
        with pytest.raises(UnreadableError, match=code):
            TargetGroupReadings(lambda: client).target_group(NO_SUCH)


def test_security_groups_and_subnets_say_who_gets_in(made):
    nodes = made.ec2.create_security_group(GroupName="nodes", Description="theirs", VpcId=made.vpc)["GroupId"]
    rules = [
        {"IpProtocol": "tcp", "FromPort": 7412, "ToPort": 7412, "UserIdGroupPairs": [{"GroupId": made.group}]},
        {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 6000, "IpRanges": [{"CidrIp": "10.9.0.0/16"}]},
        {"IpProtocol": "udp", "FromPort": 7411, "ToPort": 7411, "IpRanges": [{"CidrIp": "10.9.0.0/16"}]},
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "192.168.0.0/16"}]},
    ]
    made.ec2.authorize_security_group_ingress(GroupId=nodes, IpPermissions=rules)
    readings = Ec2Readings(lambda: made.ec2)
    assert set(readings.ingress([nodes])[nodes]) == {
        Ingress(7412, 7412, frozenset({made.group}), ()),
        Ingress(5000, 6000, frozenset(), ("10.9.0.0/16",)),
        Ingress(0, 65535, frozenset(), ("192.168.0.0/16",)),
    }
    assert readings.blocks(made.subnets[:1]) == {made.subnets[0]: "10.9.1.0/24"}
    assert made.instance().groups == {made.group}
