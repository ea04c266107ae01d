"""What EC2 says of instances and VPCs to the readiness check, on moto."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from understudy.adapters.ec2.readings import Ec2Readings
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.readiness.facts import Instance, MetadataService, VpcDns

STRANGER = "i-0ddddddddddddddd4"


@pytest.fixture(scope="module")
def ec2(moto_aws: None) -> Any:
    import boto3

    return boto3.client("ec2", region_name=REGION)


@pytest.fixture(scope="module")
def vpc(ec2: Any) -> str:
    return str(ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture(scope="module")
def subnet(ec2: Any, vpc: str) -> str:
    answer = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24", AvailabilityZone="us-east-1b")
    return str(answer["Subnet"]["SubnetId"])


@pytest.fixture
def instance(ec2: Any, subnet: str) -> str:
    """A node with a second interface, whose address is not the node's."""
    answer = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
    instance_id = str(answer["Instances"][0]["InstanceId"])
    second = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance_id, DeviceIndex=1)
    return instance_id


@pytest.fixture
def readings(ec2: Any) -> Ec2Readings:
    return Ec2Readings(lambda: ec2)


@pytest.fixture
def stubber(ec2: Any) -> Iterator[Stubber]:
    with Stubber(ec2) as stubber:
        yield stubber


def described(**changes: Any) -> dict[str, Any]:
    """An instance as DescribeInstances shows it, in the API's own shape."""
    interface = {
        "Attachment": {"DeviceIndex": 0, "Status": "attached"},
        "PrivateIpAddress": "10.7.1.10",
        "SourceDestCheck": False,
        "NetworkInterfaceId": "eni-1",
        "Ipv6Addresses": [{"Ipv6Address": "fd00::2"}, {"Ipv6Address": "fd00::1", "IsPrimaryIpv6": True}],
    }
    usual = {
        "InstanceId": STRANGER,
        "State": {"Name": "running", "Code": 16},
        "Placement": {"AvailabilityZone": "us-east-1b"},
        "SubnetId": "subnet-b",
        "VpcId": "vpc-1",
        "NetworkInterfaces": [interface],
        "MaintenanceOptions": {"AutoRecovery": "default"},
        "Tags": [{"Key": "Name", "Value": "node-b"}],
    }
    return {**usual, **changes}


def reading_of(readings: Ec2Readings, stubber: Stubber, **changes: Any) -> Instance:
    stubber.add_response("describe_instances", {"Reservations": [{"Instances": [described(**changes)]}]})
    return readings.instances([STRANGER])[STRANGER]


def test_an_instance_is_described_with_its_place_and_its_primary_interface(ec2, readings, vpc, subnet, instance):  # S1
    found = readings.instances([instance, STRANGER])
    first = next(
        each
        for each in ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0][
            "NetworkInterfaces"
        ]
        if each["Attachment"]["DeviceIndex"] == 0
    )
    assert set(found) == {instance}
    assert found[instance].address == first["PrivateIpAddress"]
    assert found[instance].interface_id == first["NetworkInterfaceId"]
    assert (found[instance].zone, found[instance].subnet_id, found[instance].vpc_id) == ("us-east-1b", subnet, vpc)
    assert (found[instance].power, found[instance].forwards) == (PowerReading.RUNNING, False)


def test_an_instance_that_is_terminated_has_no_address_any_more(ec2, readings, instance):  # S3
    ec2.terminate_instances(InstanceIds=[instance])
    found = readings.instances([instance])[instance]
    assert found.power is PowerReading.TERMINATED


def test_stop_protection_is_read_as_it_was_set(ec2, readings, instance):  # S12
    assert readings.is_stop_protected(instance) is False
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiStop={"Value": True})
    assert readings.is_stop_protected(instance) is True


def test_the_dns_attributes_of_a_vpc_are_read_as_they_were_set(ec2, readings, vpc):  # S2
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    assert readings.vpc_dns(vpc) == VpcDns(support=True, hostnames=False)
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert readings.vpc_dns(vpc) == VpcDns(support=True, hostnames=True)


def test_the_group_of_an_instance_is_the_one_in_the_tag_that_auto_scaling_sets(readings, stubber):
    tags = [{"Key": "aws:autoscaling:groupName", "Value": "orders-asg"}]
    assert reading_of(readings, stubber, Tags=tags).scaling_group == "orders-asg"
    assert reading_of(readings, stubber, Tags=[]).scaling_group == ""


@pytest.mark.parametrize(
    ("options", "recovers"),
    [({"AutoRecovery": "default"}, True), ({"AutoRecovery": "disabled"}, False), ({}, None)],
)
def test_whether_ec2_recovers_an_instance_is_told_or_not_known(readings, stubber, options, recovers):
    assert reading_of(readings, stubber, MaintenanceOptions=options).recovers is recovers


@pytest.mark.parametrize(("kind", "is_one_time"), [("one-time", True), ("persistent", False)])
def test_a_spot_instance_is_read_with_the_kind_of_its_request(readings, stubber, kind, is_one_time):  # S12
    request = {"InstanceId": STRANGER, "Type": kind}
    spot = described(InstanceLifecycle="spot", RootDeviceType="instance-store")
    stubber.add_response("describe_instances", {"Reservations": [{"Instances": [spot]}]})
    stubber.add_response("describe_spot_instance_requests", {"SpotInstanceRequests": [request]})
    (found,) = readings.instances([STRANGER]).values()
    assert (found.is_one_time, found.root_device) == (is_one_time, "instance-store")


def test_a_spot_request_that_cannot_be_read_is_no_request_of_the_good_kind(readings, stubber):  # B3
    spot = described(InstanceLifecycle="spot")
    stubber.add_response("describe_instances", {"Reservations": [{"Instances": [spot]}]})
    stubber.add_client_error("describe_spot_instance_requests", "UnauthorizedOperation")
    with pytest.raises(UnreadableError, match="Spot requests"):
        readings.instances([STRANGER])


@pytest.mark.parametrize(
    ("options", "hibernates"), [({"Configured": True}, True), ({"Configured": False}, False), ({}, None)]
)
def test_whether_an_instance_can_be_hibernated_is_told_or_not_known(readings, stubber, options, hibernates):  # B4
    assert reading_of(readings, stubber, HibernationOptions=options).hibernates is hibernates


METADATA = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled", "State": "applied"}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (METADATA, MetadataService(is_on=True, needs_token=True, hop_limit=1)),
        (METADATA | {"HttpTokens": "optional"}, MetadataService(is_on=True, needs_token=False, hop_limit=1)),
        (METADATA | {"HttpPutResponseHopLimit": 64}, MetadataService(is_on=True, needs_token=True, hop_limit=64)),
        (METADATA | {"HttpEndpoint": "disabled"}, MetadataService(is_on=False, needs_token=True, hop_limit=1)),
        ({}, None),
        ({"HttpTokens": "required"}, None),
    ],
)
def test_who_can_ask_the_metadata_service_is_told_or_not_known(readings, stubber, options, found):  # B10
    assert reading_of(readings, stubber, MetadataOptions=options).metadata == found


def test_an_interface_that_is_not_attached_gives_no_address(readings, stubber):  # S1
    leaving = {"Attachment": {"DeviceIndex": 0, "Status": "detaching"}, "PrivateIpAddress": "10.7.1.10"}
    found = reading_of(readings, stubber, NetworkInterfaces=[leaving])
    assert (found.address, found.forwards, found.address_v6, found.interface_id) == (None, None, "", "")
    assert reading_of(readings, stubber).forwards is True


def test_the_ipv6_address_is_the_one_that_ec2_marks_as_primary(readings, stubber):  # S3
    found = reading_of(readings, stubber)
    assert (found.address_v6, found.interface_id) == ("fd00::1", "eni-1")


def test_a_vpc_has_an_internet_gateway_from_its_attachment_on(ec2, readings, vpc):  # S15
    assert set(readings.internet_vpcs([vpc])) == set()
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert set(readings.internet_vpcs([vpc, "vpc-0ddddddddddddddd4"])) == {vpc}


def test_a_word_for_a_state_that_nobody_knows_yet_is_unknown(readings, stubber):
    assert reading_of(readings, stubber, State={"Name": "hibernated"}).power is PowerReading.UNKNOWN


@pytest.mark.parametrize(
    ("operation", "read"),
    [
        ("describe_instances", lambda readings: readings.instances([STRANGER])),
        ("describe_instance_attribute", lambda readings: readings.is_stop_protected(STRANGER)),
        ("describe_vpc_attribute", lambda readings: readings.vpc_dns("vpc-1")),
        ("describe_internet_gateways", lambda readings: readings.internet_vpcs(["vpc-1"])),
    ],
)
def test_an_ec2_that_forbids_or_throttles_is_unreadable_and_says_why(readings, stubber, operation, read):  # B3
    stubber.add_client_error(operation, "UnauthorizedOperation", "no right", 403)
    with pytest.raises(UnreadableError, match="UnauthorizedOperation"):
        read(readings)


def test_living_instances_are_found_by_the_tag_that_names_members(ec2, readings, instance):  # B17
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "understudy:member", "Value": "orders-db/node-a"}])
    assert readings.tagged({"orders-db/node-a", "orders-db/node-b"}) == {"orders-db/node-a": (instance,)}


def test_tags_that_ec2_does_not_show_are_not_read(readings, stubber):  # B3 B17
    stubber.add_client_error("describe_instances", "UnauthorizedOperation")
    with pytest.raises(UnreadableError, match="understudy:member"):
        readings.tagged({"orders-db/node-a"})
