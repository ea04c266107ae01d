"""A definition is judged against EC2 and Route 53 before it is submitted, by the code that judges it then (B23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from tests.support.fakes.cli_stack import FakeCliStack
from tests.unit.cli.running import run
from understudy_cli.aws.calls import Calls
from understudy_cli.core.faults import Fault

TEXT = """\
nodes:
  - {{name: node-a, instance_id: {0}, priority: 1}}
  - {{name: node-b, instance_id: {1}, priority: 2}}
addresses:
  - {{kind: route53_record, hosted_zone_id: {zone}, name: {name}, type: A}}
services:
  - {{name: data}}
"""
ZONE = "Z0123EXAMPLE"
Write = Callable[..., str]


@pytest.fixture(scope="module")
def nodes(moto_aws: None) -> list[str]:
    """Two instances, each in a zone of its own."""
    ec2 = boto3.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    made = []
    for number, letter in enumerate("ab"):
        block, place = f"10.7.{number}.0/24", f"{REGION}{letter}"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=place)["Subnet"]["SubnetId"]
        answer = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
        made.append(answer["Instances"][0]["InstanceId"])
    return made


@pytest.fixture(scope="module")
def zone(moto_aws: None) -> Iterator[str]:
    route53 = boto3.client("route53", REGION)
    made = route53.create_hosted_zone(Name="live.example.com", CallerReference="live")["HostedZone"]["Id"]
    yield made.rpartition("/")[2]
    route53.delete_hosted_zone(Id=made)


@pytest.fixture
def shown() -> list[str]:
    """What --show-aws would have printed."""
    return []


@pytest.fixture
def stack(shown: list[str], zone: str) -> FakeCliStack:
    """Its zone goes by an ID as AWS makes them: moto's look otherwise."""
    stack, calls = FakeCliStack(0), Calls("understudy", REGION, None, shown.append)

    def connect(service: str, **keys: str) -> Any:
        client = calls.client(service, **keys)
        client.meta.events.register("provide-client-params.route53.*", by_its_own_id)
        return client

    def by_its_own_id(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: zone if value == ZONE else value for key, value in params.items()}

    stack.connect = connect
    return stack


@pytest.fixture
def write(tmp_path: Path, nodes: list[str]) -> Write:
    def write(*instances: str, **more: str) -> str:
        path = tmp_path / "orders-db.yaml"
        said = {"zone": ZONE, "name": "orders-db.live.example.com", **more}
        path.write_text(TEXT.format(*(instances or nodes), **said))
        return str(path)

    return write


def test_a_definition_that_fits_is_done_and_each_call_of_the_controllers_code_is_shown(stack, shown, write):
    result = run(stack, "validate", write(), "--live")
    assert result.exit_code == 0, result.output + result.stderr
    assert "neither EC2 nor Route 53 shows a fault" in result.output
    assert {each.split()[0] for each in shown} == {"ec2", "route53"}
    assert any(each.startswith("ec2 describe_instances {") for each in shown)


def test_an_instance_that_ec2_does_not_know_and_a_name_that_the_zone_does_not_own_are_said(stack, write, nodes):
    file = write(nodes[0], "i-0123456789abcdef0", name="orders-db.elsewhere.example.org")
    assert run(stack, "validate", file).exit_code == 0
    result = run(stack, "validate", file, "--live")
    assert result.exit_code == 3
    assert "i-0123456789abcdef0" in result.output
    assert "orders-db.elsewhere.example.org" in result.output
    assert "Faults: 2." in result.output


def test_a_record_that_another_cluster_guards_is_said(stack, write, zone):
    route53 = boto3.client("route53", REGION)
    guard = {"Name": "_understudy.orders-db.live.example.com", "Type": "TXT", "TTL": 60}
    value = '"understudy stack=understudy cluster=files epoch=4 node=node-x"'
    change = {"Action": "CREATE", "ResourceRecordSet": {**guard, "ResourceRecords": [{"Value": value}]}}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    try:
        result = run(stack, "validate", write(), "--live")
        own = run(stack, "validate", write(), "--cluster", "files", "--live")
    finally:
        change["Action"] = "DELETE"
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    assert (result.exit_code, "is protected by another cluster or stack already" in result.output) == (3, True)
    assert own.exit_code == 0, "to the cluster that it names, its guard is no obstacle"


def test_what_may_not_be_read_is_not_known_and_never_taken_for_good(stack, write):
    """Nobody's managed policy of the stack has these rights: EC2's lists take no narrower scope than the account."""
    connect = stack.connect

    def without_rights(service: str, **keys: str) -> Any:
        client = connect(service, **keys)

        def refuse(model: Any, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, model.name)

        client.meta.events.register("before-call.*.*", refuse)
        return client

    stack.connect = without_rights
    result = run(stack, "validate", write(), "--live")
    assert result.exit_code == 6, result.output + result.stderr
    assert "You may lack a right to read it" in result.output


def test_without_credentials_it_is_said_what_to_do_before_anything_is_looked_at(stack, write, monkeypatch):
    def nobody() -> str:
        raise Fault("There are no AWS credentials", "Set AWS_PROFILE", 2)

    monkeypatch.setattr(stack, "who", nobody)
    stack.connect = None
    result = run(stack, "validate", write(), "--live")
    assert (result.exit_code, "There are no AWS credentials." in result.stderr) == (2, True)


def test_tunables_have_nothing_to_do_with_ec2(stack, tmp_path):
    path = tmp_path / "LifeKeeper"
    path.write_text("ROUTE53_TTL=5\n")
    assert run(stack, "validate", "--tuning", "--live", str(path)).exit_code == 2
