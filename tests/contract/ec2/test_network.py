"""Routes and Elastic IPs that lead to an interface, in memory and on EC2 (S14, S15)."""

import socket
from typing import Any, Protocol

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeNetwork
from understudy.adapters.ec2.network import Ec2Network
from understudy.domain.cluster.errors import AddressUnreadableError, ChangeRefusedError, ZoneBusyError
from understudy.ports.network import ElasticIpReading, Network, RouteTarget

FAR = "192.0.2.10/32"
STRANGE_TABLE, STRANGE_ADDRESS = "rtb-0ddddddddddddddd4", "eipalloc-0ddddddddddddddd4"


class World(Protocol):
    """What a test makes of EC2, and the port that looks at it."""

    @property
    def network(self) -> Network: ...

    def interface(self) -> tuple[str, str]: ...

    def table(self) -> str: ...

    def elastic_ip(self) -> str: ...


class FakeWorld:
    def __init__(self) -> None:
        self.network = FakeNetwork()
        self._made = 0

    def interface(self) -> tuple[str, str]:
        self._made += 1
        return f"eni-{self._made:017x}", f"10.8.1.{self._made}"

    def table(self) -> str:
        self._made += 1
        table = f"rtb-{self._made:017x}"
        self.network.add_table(table, "10.8.0.0/16")
        return table

    def elastic_ip(self) -> str:
        self._made += 1
        address = f"eipalloc-{self._made:017x}"
        self.network.add_elastic_ip(address)
        return address


class Ec2World:
    def __init__(self, client: Any) -> None:
        self.network = Ec2Network(lambda: client)
        self._client = client
        self.vpc = client.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        self._subnet = client.create_subnet(VpcId=self.vpc, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]

    def interface(self) -> tuple[str, str]:
        made = self._client.create_network_interface(SubnetId=self._subnet)["NetworkInterface"]
        return made["NetworkInterfaceId"], made["PrivateIpAddress"]

    def table(self) -> str:
        tags = [{"ResourceType": "route-table", "Tags": [{"Key": "understudy:stack", "Value": "understudy"}]}]
        made = self._client.create_route_table(VpcId=self.vpc, TagSpecifications=tags)["RouteTable"]["RouteTableId"]
        return str(made)

    def elastic_ip(self) -> str:
        tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "understudy:stack", "Value": "understudy"}]}]
        return str(self._client.allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"])


@pytest.fixture(scope="module")
def ec2(moto_aws: None) -> Any:
    import boto3

    return boto3.client("ec2", region_name=REGION)


@pytest.fixture(params=["fake", "ec2"])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else Ec2World(request.getfixturevalue("ec2"))


def target(world: World, table: str, destination: str = FAR) -> RouteTarget | None:
    return world.network.route_tables([table])[table].routes.get(destination)


def test_a_table_says_whose_it_is_and_what_is_local_to_its_vpc(world):
    table = world.table()
    found = world.network.route_tables([table, STRANGE_TABLE])
    assert set(found) == {table}
    assert found[table].stack == "understudy"
    assert found[table].local_blocks == ("10.8.0.0/16",)
    assert target(world, table) is None


def test_a_route_is_made_and_then_led_to_another_interface(world):  # S14
    table, (one, _), (other, _) = world.table(), world.interface(), world.interface()
    world.network.put_route(table, FAR, one, replaces=False)
    assert target(world, table) == RouteTarget(one)
    for _ in range(2):
        world.network.put_route(table, FAR, other, replaces=True)
    assert target(world, table) == RouteTarget(other)


def test_a_table_that_is_not_there_is_a_refusal(world):
    interface, _ = world.interface()
    with pytest.raises(ChangeRefusedError):
        world.network.put_route(STRANGE_TABLE, FAR, interface, replaces=False)


def test_an_elastic_ip_is_taken_from_one_interface_to_the_other(world):  # S15
    address, (one, one_ip), (other, other_ip) = world.elastic_ip(), world.interface(), world.interface()
    fresh = world.network.elastic_ips([address, STRANGE_ADDRESS])
    assert set(fresh) == {address}
    assert (fresh[address].stack, fresh[address].interface_id) == ("understudy", "")
    for interface, private_ip in ((one, one_ip), (other, other_ip), (other, other_ip)):
        world.network.associate(address, interface, private_ip)
        found = world.network.elastic_ips([address])[address]
        assert found.interface_id == interface
        assert found.public_ip == fresh[address].public_ip


def test_an_elastic_ip_that_is_not_there_is_a_refusal(world):
    interface, private_ip = world.interface()
    with pytest.raises(ChangeRefusedError):
        world.network.associate(STRANGE_ADDRESS, interface, private_ip)


def test_nothing_asked_for_is_nothing_found(world):
    assert world.network.route_tables([]) == {}
    assert world.network.elastic_ips([]) == {}


def test_what_an_elastic_ip_holds_is_read_with_its_private_address(ec2):
    """moto does not tell the private address; this is the documented answer."""
    holds = {
        "AllocationId": "eipalloc-1",
        "PublicIp": "203.0.113.9",
        "NetworkInterfaceId": "eni-1",
        "PrivateIpAddress": "10.8.1.4",
        "Tags": [{"Key": "Name", "Value": "orders"}],
    }
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_addresses", {"Addresses": [holds]})
        found = Ec2Network(lambda: ec2).elastic_ips(["eipalloc-1"])
    assert found == {"eipalloc-1": ElasticIpReading("203.0.113.9", "", "eni-1", "10.8.1.4")}


def test_routes_to_gateways_and_dead_interfaces_are_told_apart(ec2):
    routes = [
        {"DestinationCidrBlock": "10.8.0.0/16", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"},
        {"DestinationCidrBlock": FAR, "NetworkInterfaceId": "eni-1", "InstanceId": "i-1", "State": "blackhole"},
        {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"},
    ]
    answer = {"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": routes}]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_route_tables", answer)
        table = Ec2Network(lambda: ec2).route_tables(["rtb-1"])["rtb-1"]
    assert table.routes == {
        "10.8.0.0/16": RouteTarget("local"),
        "0.0.0.0/0": RouteTarget("nat-1"),
        FAR: RouteTarget("eni-1", is_live=False),
    }
    assert table.local_blocks == ("10.8.0.0/16",)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("RequestLimitExceeded", ZoneBusyError),
        ("InvalidRoute.NotFound", ZoneBusyError),
        ("RouteAlreadyExists", ZoneBusyError),
        ("InternalError", ZoneBusyError),
        ("UnauthorizedOperation", ChangeRefusedError),
        ("InvalidNetworkInterfaceID.NotFound", ChangeRefusedError),
    ],
)
def test_a_refused_write_is_sorted_by_its_code(ec2, code, error):
    network = Ec2Network(lambda: ec2)
    with Stubber(ec2) as stubber:
        for call in ("replace_route", "create_route", "associate_address"):
            stubber.add_client_error(call, code)
        for replaces in (True, False):
            with pytest.raises(error, match=code):
                network.put_route("rtb-1", FAR, "eni-1", replaces=replaces)
        with pytest.raises(error, match=code):
            network.associate("eipalloc-1", "eni-1", "10.8.1.4")


def test_an_ec2_that_does_not_answer_is_unreadable_and_busy():
    import boto3
    from botocore.config import Config

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    once = Config(retries={"total_max_attempts": 1})
    network = Ec2Network(lambda: boto3.client("ec2", region_name=REGION, endpoint_url=url, config=once, **keys))
    with pytest.raises(AddressUnreadableError):
        network.route_tables(["rtb-1"])
    with pytest.raises(AddressUnreadableError):
        network.elastic_ips(["eipalloc-1"])
    with pytest.raises(ZoneBusyError):
        network.put_route("rtb-1", FAR, "eni-1", replaces=True)


def test_an_ec2_in_memory_can_be_down_too():
    network = FakeNetwork()
    network.is_down = True
    with pytest.raises(AddressUnreadableError):
        network.route_tables(["rtb-1"])
    with pytest.raises(AddressUnreadableError):
        network.elastic_ips(["eipalloc-1"])


ASSOCIATIONS = {
    "nothing": ([], False),
    "a subnet": ([{"SubnetId": "subnet-1", "AssociationState": {"State": "associated"}}], True),
    "the main one": ([{"Main": True, "AssociationState": {"State": "associated"}}], True),
    "a subnet no more": ([{"SubnetId": "subnet-1", "AssociationState": {"State": "disassociating"}}], False),
}


@pytest.mark.parametrize(("associations", "is_used"), ASSOCIATIONS.values(), ids=ASSOCIATIONS)
def test_a_table_is_used_while_something_is_associated_with_it(moto_aws, associations, is_used):  # S14
    import boto3

    ec2 = boto3.client("ec2", region_name=REGION)
    answer = {"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [], "Associations": associations}]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_route_tables", answer)
        assert Ec2Network(lambda: ec2).route_tables(["rtb-1"])["rtb-1"].is_used is is_used
