"""Answers that are nobody's of AWS: a page of a proxy, half an answer, nothing at all, with whatever status (B3)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from tests.support.builders import RECORD, a_wish
from tests.support.retries import retries_on
from tests.support.stranger import HTML, NOTHING_OF_AWS, Stranger
from understudy.adapters.answers import refuse_strange_answers
from understudy.adapters.aws_errors import NO_ANSWER, is_not_done, is_worth_asking_again
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.ec2.nodes import Ec2Nodes
from understudy.adapters.route53.retries import RetryingClient
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.errors import AddressUnreadableError, NodesUnreadableError, ZoneBusyError
from understudy.domain.cluster.record import Change, ChangeVerb, desired
from understudy.domain.cluster.state import PowerReading

KEYS = {"region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
ROLE = "arn:aws:iam::123456789012:role/understudy"
BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))
HURRIED = retries_on(random=lambda: 100.0)
CALLS: Mapping[str, Callable[[Any], object]] = {
    "cloudwatch": lambda client: client.describe_alarms(),
    "dynamodb": lambda client: client.get_item(TableName="clusters", Key={"pk": {"S": "orders-db"}}),
    "ec2": lambda client: client.describe_instances(),
    "events": lambda client: client.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]),
    "iam": lambda client: client.simulate_principal_policy(PolicySourceArn=ROLE, ActionNames=["sts:AssumeRole"]),
    "route53": lambda client: client.list_resource_record_sets(HostedZoneId="Z0EXAMPLE"),
    "route53resolver": lambda client: client.list_resolver_endpoints(),
    "sns": lambda client: client.publish(TopicArn=f"arn:aws:sns:{REGION}:123456789012:told", Message="m"),
    "ssm": lambda client: client.get_parameter(Name="a"),
    "stepfunctions": lambda client: client.start_execution(
        stateMachineArn=f"arn:aws:states:{REGION}:123456789012:stateMachine:moves"
    ),
    "sts": lambda client: client.assume_role(RoleArn=ROLE, RoleSessionName="understudy"),
}


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    made = Stranger()
    yield made
    made.close()


@pytest.fixture(scope="module")
def clients(stranger: Stranger) -> Mapping[str, Any]:
    config = Config(retries={"total_max_attempts": 1})
    made = {each: boto3.client(each, endpoint_url=stranger.url, config=config, **KEYS) for each in CALLS}
    return {each: refuse_strange_answers(client) for each, client in made.items()}


@pytest.fixture(params=NOTHING_OF_AWS, ids=repr)
def strange(request: Any, stranger: Stranger) -> None:
    stranger.status, stranger.body = 200, request.param


@pytest.mark.parametrize("service", CALLS)
def test_what_is_no_answer_of_the_service_is_no_answer(clients, strange, service):
    with pytest.raises(NO_ANSWER) as caught:
        CALLS[service](clients[service])
    assert is_worth_asking_again(caught.value)
    assert not is_not_done(caught.value)


@pytest.mark.parametrize("status", [200, 302, 403, 407])
@pytest.mark.parametrize("service", CALLS)
def test_a_page_is_no_refusal_whatever_its_status(clients, stranger, service, status):
    stranger.status, stranger.body = status, HTML[0]
    with pytest.raises(NO_ANSWER):
        CALLS[service](clients[service])


@pytest.mark.parametrize("service", CALLS)
def test_a_servers_own_fault_is_asked_about_again_whatever_it_looks_like(stranger, service):
    """AWS itself answers 503 with a page, and botocore knows it."""
    stranger.status, stranger.body = 503, HTML[0]
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    client = refuse_strange_answers(boto3.client(service, endpoint_url=stranger.url, config=config, **KEYS))
    before = stranger.asked
    with pytest.raises(ClientError) as caught:
        CALLS[service](client)
    assert is_worth_asking_again(caught.value)
    assert stranger.asked - before == 2


def test_no_content_is_an_answer_where_there_is_nothing_to_say(stranger):
    stranger.status, stranger.body = 204, b""
    client = refuse_strange_answers(boto3.client("lambda", endpoint_url=stranger.url, **KEYS))
    client.delete_function(FunctionName="understudy", Qualifier="7")


def test_a_refusal_of_aws_stays_one(clients, stranger):
    stranger.status, stranger.body = 400, b'{"__type": "ResourceNotFoundException", "message": "no table"}'
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        CALLS["dynamodb"](clients["dynamodb"])


def test_without_that_look_a_page_is_an_empty_table(stranger):
    stranger.status, stranger.body = 200, HTML[0]
    client = boto3.client("dynamodb", endpoint_url=stranger.url, **KEYS)
    assert DynamoDbLedger(client, "clusters").read("orders-db") is None


def test_nothing_is_concluded_from_it(clients, strange):
    ledger, nodes = DynamoDbLedger(clients["dynamodb"], "clusters"), Ec2Nodes(lambda: clients["ec2"])
    zone = Route53Zone(RetryingClient(clients["route53"], HURRIED))
    with pytest.raises(NO_ANSWER):
        ledger.read("orders-db")
    with pytest.raises(NodesUnreadableError):
        nodes.facts(["i-0000000000000000a"])
    assert nodes.power("i-0000000000000000a") is PowerReading.UNKNOWN
    with pytest.raises(AddressUnreadableError):
        zone.read(RECORD)
    with pytest.raises(ZoneBusyError):
        zone.submit(RECORD, BATCH, "comment")


def test_every_protocol_of_the_services_in_use_is_known():
    protocols = {botocore.session.get_session().get_service_model(each).resolved_protocol for each in CALLS}
    assert protocols <= {"ec2", "json", "query", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}
