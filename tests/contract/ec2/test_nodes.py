"""What EC2 says of the nodes, and what it does not know (B3, S3)."""

import socket
from typing import Any, Protocol

import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.fakes import FakeNodes
from understudy.adapters.ec2.nodes import Ec2Nodes, _facts
from understudy.adapters.ec2.readings import Ec2Readings
from understudy.domain.cluster.errors import NodesUnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.transition.stopping import StopAnswer, StopWord
from understudy.ports.nodes import InstanceFacts, Nodes

STRANGER = "i-0ddddddddddddddd4"
ADDRESSES = {"us-east-1a": ("10.9.1.0/24", "10.9.1.10"), "us-east-1b": ("10.9.2.0/24", "10.9.2.10")}


class World(Protocol):
    """Instances that a test launches and stops, and the port that looks at them."""

    @property
    def nodes(self) -> Nodes: ...

    def launch(self, zone: str) -> str: ...

    def stop(self, instance_id: str) -> None: ...

    def terminate(self, instance_id: str) -> None: ...

    def protect(self, instance_id: str) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.nodes = FakeNodes()

    def launch(self, zone: str) -> str:
        instance_id = f"i-{len(self.nodes.known):017x}"
        self.nodes.launch(instance_id, ADDRESSES[zone][1], zone)
        return instance_id

    def stop(self, instance_id: str) -> None:
        self.nodes.powers[instance_id] = PowerReading.STOPPED

    def terminate(self, instance_id: str) -> None:
        self.nodes.powers[instance_id] = PowerReading.TERMINATED

    def protect(self, instance_id: str) -> None:
        self.nodes.answers[instance_id] = StopAnswer(StopWord.REFUSED, "OperationNotPermitted")


class Ec2World:
    """Each node with a second interface, whose address is not the node's."""

    def __init__(self, client: Any) -> None:
        self.nodes = Ec2Nodes(lambda: client)
        self._client = client
        self._vpc = client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]

    def launch(self, zone: str) -> str:
        block, address = ADDRESSES[zone]
        subnet = self._client.create_subnet(VpcId=self._vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        second = self._client.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        answer = self._client.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address
        )
        instance_id = str(answer["Instances"][0]["InstanceId"])
        self._client.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance_id, DeviceIndex=1)
        return instance_id

    def stop(self, instance_id: str) -> None:
        self._client.stop_instances(InstanceIds=[instance_id])

    def terminate(self, instance_id: str) -> None:
        self._client.terminate_instances(InstanceIds=[instance_id])

    def protect(self, instance_id: str) -> None:
        self._client.modify_instance_attribute(InstanceId=instance_id, DisableApiStop={"Value": True})


@pytest.fixture(scope="module")
def ec2(moto_aws: None) -> Any:
    import boto3

    return boto3.client("ec2", region_name=REGION)


@pytest.fixture(params=["fake", "ec2"])
def world(request: pytest.FixtureRequest) -> World:
    return FakeWorld() if request.param == "fake" else Ec2World(request.getfixturevalue("ec2"))


def test_a_node_is_running_until_it_is_stopped(world):
    node = world.launch("us-east-1a")
    assert world.nodes.power(node) is PowerReading.RUNNING
    world.stop(node)
    assert world.nodes.power(node) is PowerReading.STOPPED
    world.terminate(node)
    assert world.nodes.power(node) is PowerReading.TERMINATED


@pytest.mark.parametrize(
    ("state", "reason", "power"),
    [
        ("stopped", "Client.UserInitiatedHibernate", PowerReading.UNKNOWN),
        ("stopping", "Client.UserInitiatedHibernate", PowerReading.STOPPING),
        ("running", "Client.UserInitiatedHibernate", PowerReading.RUNNING),
        ("terminated", "Client.UserInitiatedHibernate", PowerReading.TERMINATED),
        ("stopped", "Client.UserInitiatedShutdown", PowerReading.STOPPED),
        ("stopped", "Server.ScheduledStop", PowerReading.STOPPED),
    ],
)
def test_a_node_that_hibernates_is_not_proved_off(ec2, state, reason, power):  # B4
    """Started again, it goes on where it was, its services with it."""
    found = {"InstanceId": STRANGER, "State": {"Name": state}, "StateReason": {"Code": reason}}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", {"Reservations": [{"Instances": [found]}]})
        assert Ec2Nodes(lambda: ec2).power(STRANGER) is power


def test_an_instance_that_ec2_does_not_know_is_unknown_and_not_off(world):
    assert world.nodes.power(STRANGER) is PowerReading.UNKNOWN
    assert not world.nodes.power(STRANGER).is_off


def test_a_node_that_is_stopped_is_on_its_way_out_and_asking_twice_is_harmless(world):  # S12
    node = world.launch("us-east-1a")
    assert world.nodes.stop(node).word is StopWord.ACCEPTED
    assert world.nodes.power(node).is_leaving
    assert world.nodes.stop(node).word is StopWord.ACCEPTED


def test_a_protected_node_refuses_to_be_stopped_and_runs_on(world):  # S12
    node = world.launch("us-east-1a")
    world.protect(node)
    answer = world.nodes.stop(node)
    assert answer.word is StopWord.REFUSED
    assert "OperationNotPermitted" in answer.said
    assert world.nodes.power(node) is PowerReading.RUNNING


def test_an_instance_that_ec2_does_not_know_cannot_be_stopped(world):  # S12
    assert world.nodes.stop(STRANGER).word is StopWord.NO_SUCH_INSTANCE


FORCED = {"InstanceIds": [STRANGER], "Force": True, "SkipOsShutdown": True}


def test_a_stop_is_forced_and_goes_past_the_operating_system(ec2):  # S12
    with Stubber(ec2) as stubber:
        found = {"StoppingInstances": [{"InstanceId": STRANGER, "CurrentState": {"Name": "stopping"}}]}
        stubber.add_response("stop_instances", found, FORCED)
        assert Ec2Nodes(lambda: ec2).stop(STRANGER) == StopAnswer(StopWord.ACCEPTED, "stopping")


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [
        ("UnauthorizedOperation", 403, StopWord.REFUSED),
        ("OperationNotPermitted", 400, StopWord.REFUSED),
        ("UnsupportedOperation", 400, StopWord.REFUSED),
        ("IncorrectInstanceState", 400, StopWord.NOT_TAKEN),
        ("RequestLimitExceeded", 503, StopWord.NOT_TAKEN),
        ("InternalError", 500, StopWord.NOT_TAKEN),
        ("InvalidInstanceID.NotFound", 400, StopWord.NO_SUCH_INSTANCE),
    ],
)
def test_what_ec2_says_to_a_stop_is_told_apart_by_its_code(ec2, code, status, word):  # S12
    with Stubber(ec2) as stubber:
        stubber.add_client_error("stop_instances", code, "x" * 5000, status, expected_params=FORCED)
        answer = Ec2Nodes(lambda: ec2).stop(STRANGER)
    assert answer.word is word
    assert code in answer.said
    assert len(answer.said) <= 300, "an encoded authorisation message is long"


def test_the_address_of_a_node_is_the_one_of_its_first_interface(world):
    one, other = world.launch("us-east-1a"), world.launch("us-east-1b")
    facts = world.nodes.facts([one, other, STRANGER])
    assert {each: (found.address, found.zone) for each, found in facts.items()} == {
        one: ("10.9.1.10", "us-east-1a"),
        other: ("10.9.2.10", "us-east-1b"),
    }


def test_nobody_asked_for_is_nobody_found(world):
    assert world.nodes.facts([]) == {}


def test_a_node_that_is_gone_for_good_has_no_address_any_more(ec2):
    world = Ec2World(ec2)
    node = world.launch("us-east-1a")
    placed = {"AvailabilityZone": "us-east-1a"}
    gone = {"InstanceId": node, "State": {"Name": "terminated"}, "NetworkInterfaces": [], "Placement": placed}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", {"Reservations": [{"Instances": [gone]}]})
        found = world.nodes.facts([node])
    assert found == {node: InstanceFacts("", "us-east-1a", power=PowerReading.TERMINATED)}


def test_a_node_without_a_private_ipv4_address_is_known_and_has_none(ec2):  # S3
    interface = {"NetworkInterfaceId": "eni-1", "Attachment": {"DeviceIndex": 0}}
    v6_only = {**an_instance(STRANGER), "NetworkInterfaces": [interface]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", {"Reservations": [{"Instances": [v6_only]}]})
        facts = Ec2Nodes(lambda: ec2).facts([STRANGER])
    assert facts == {STRANGER: InstanceFacts("", "us-east-1a", interface_id="eni-1")}


def test_living_instances_are_found_by_their_tag(ec2):  # B17
    world = Ec2World(ec2)
    first, second = (world.launch(zone) for zone in ADDRESSES)
    ec2.create_tags(Resources=[first, second], Tags=[{"Key": "understudy:member", "Value": "orders-db/node-a"}])
    assert world.nodes.tagged(["orders-db/node-a", "nobody"]) == {"orders-db/node-a": tuple(sorted((first, second)))}
    world.stop(first)
    world.terminate(second)
    assert world.nodes.tagged(["orders-db/node-a"]) == {"orders-db/node-a": (first,)}
    assert world.nodes.tagged([]) == {}


@pytest.mark.parametrize("is_first", [True, False])
def test_of_several_network_cards_the_first_one_counts(ec2, is_first):  # S3
    """Each has an interface of index 0. An answer that names no card has one card only."""
    on_card_0 = {"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.9.1.10"}
    on_card_1 = {"NetworkInterfaceId": "eni-2", "PrivateIpAddress": "10.9.1.99"}
    on_card_0["Attachment"] = {"DeviceIndex": 0, "NetworkCardIndex": 0, "Status": "attached"}
    on_card_1["Attachment"] = {"DeviceIndex": 0, "NetworkCardIndex": 1, "Status": "attached"}
    both = [on_card_0, on_card_1] if is_first else [on_card_1, on_card_0]
    answer = {"Reservations": [{"Instances": [{**an_instance(STRANGER), "NetworkInterfaces": both}]}]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", answer)
        stubber.add_response("describe_instances", answer)
        assert Ec2Nodes(lambda: ec2).facts([STRANGER])[STRANGER].address == "10.9.1.10"
        assert Ec2Readings(lambda: ec2).instances([STRANGER])[STRANGER].address == "10.9.1.10"


def an_instance(node: str, **interface: Any) -> dict[str, Any]:
    primary = {
        "NetworkInterfaceId": "eni-1",
        "PrivateIpAddress": "10.9.1.10",
        "VpcId": "vpc-1",
        "Attachment": {"DeviceIndex": 0},
        **interface,
    }
    second = {**primary, "NetworkInterfaceId": "eni-2", "Attachment": {"DeviceIndex": 1}, "Ipv6Addresses": []}
    return {
        "InstanceId": node,
        "State": {"Name": "running"},
        "Placement": {"AvailabilityZone": "us-east-1a"},
        "NetworkInterfaces": [second, primary],
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], ""),
        ([{"Ipv6Address": "2001:db8::1", "IsPrimaryIpv6": False}], "2001:db8::1"),
        (
            [
                {"Ipv6Address": "2001:db8::1", "IsPrimaryIpv6": False},
                {"Ipv6Address": "2001:db8::2", "IsPrimaryIpv6": True},
            ],
            "2001:db8::2",
        ),
    ],
    ids=["none", "one", "a primary one"],
)
def test_the_ipv6_address_of_a_node_is_the_primary_one_of_its_first_interface(ec2, found, expected):  # S3
    answer = {"Reservations": [{"Instances": [an_instance(STRANGER, Ipv6Addresses=found, SourceDestCheck=False)]}]}
    with Stubber(ec2) as stubber:
        stubber.add_response("describe_instances", answer)
        facts = Ec2Nodes(lambda: ec2).facts([STRANGER])
    assert facts == {STRANGER: InstanceFacts("10.9.1.10", "us-east-1a", expected, "eni-1", "vpc-1", False)}


def test_a_thousand_nodes_are_asked_for_in_five_questions(ec2):  # S3
    """EC2 takes at most 200 values in a filter; each question is one page long here."""
    ids = [f"i-{number:017x}" for number in range(1000)]
    with Stubber(ec2) as stubber:
        for start in range(0, 1000, 200):
            asked = {"Filters": [{"Name": "instance-id", "Values": ids[start : start + 200]}]}
            answer = {"Reservations": [{"Instances": [an_instance(each)]} for each in ids[start : start + 200]]}
            stubber.add_response("describe_instances", answer, asked)
        assert set(Ec2Nodes(lambda: ec2).facts(ids)) == set(ids)
        stubber.assert_no_pending_responses()


@pytest.fixture(params=["fake", "ec2"])
def nodes_of_an_ec2_that_is_down(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        fake = FakeNodes()
        fake.is_down = True
        return fake
    import boto3
    from botocore.config import Config

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    once = Config(retries={"total_max_attempts": 1})
    return Ec2Nodes(lambda: boto3.client("ec2", region_name=REGION, endpoint_url=url, config=once, **keys))


def test_an_ec2_that_is_down_says_nothing_of_anybody(nodes_of_an_ec2_that_is_down):
    assert nodes_of_an_ec2_that_is_down.power(STRANGER) is PowerReading.UNKNOWN
    assert nodes_of_an_ec2_that_is_down.stop(STRANGER).word is StopWord.NOT_TAKEN
    with pytest.raises(NodesUnreadableError):
        nodes_of_an_ec2_that_is_down.facts([STRANGER])


def test_ec2_says_in_which_subnet_and_in_which_of_its_zones_an_instance_is():  # B15
    """moto does not know the id of a zone: the recorded shape has it, as EC2 says it by now."""
    interface = {"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "10.0.1.10", "SubnetId": "subnet-1"}
    running = {"State": {"Name": "running"}}
    instance = {**running, "Placement": {"AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az4"}}
    facts = _facts(instance, interface)
    assert (facts.zone, facts.zone_id, facts.subnet) == ("us-east-1a", "use1-az4", "subnet-1")
    bare = _facts({**running, "Placement": {"AvailabilityZone": "us-east-1a"}}, {**interface, "SubnetId": ""})
    assert (bare.zone_id, bare.subnet) == ("", "")


def test_the_subnet_of_an_instance_is_read(ec2):  # B15
    world = Ec2World(ec2)
    node = world.launch("us-east-1a")
    assert world.nodes.facts([node])[node].subnet.startswith("subnet-")
