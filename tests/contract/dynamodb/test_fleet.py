"""What the table knows of all clusters together, in memory and on DynamoDB."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import REGION
from tests.contract.dynamodb.tables import create_table
from tests.support.builders import NODE_A, NODE_B, NOW, a_definition, a_state
from tests.support.fakes import FakeFleet, FakeLedger
from understudy.adapters.dynamodb.fleet import DynamoDbFleet
from understudy.adapters.dynamodb.items import state_item
from understudy.adapters.dynamodb.keys import STATE, key
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.domain.observe.signal import Shift
from understudy.ports.fleet import Places

MINUTE = NOW // 60
SAMPLE = {"orders-db": (NODE_A,), "files": (NODE_A, NODE_B)}


@pytest.fixture(params=["fake", "dynamodb"])
def both(request: pytest.FixtureRequest) -> Any:
    """A fleet of nothing, and the ledger of the same table."""
    if request.param == "fake":
        ledger = FakeLedger()
        return FakeFleet(ledger), ledger
    request.getfixturevalue("moto_aws")
    import boto3

    client = boto3.client("dynamodb", region_name=REGION)
    table = create_table(client)
    return DynamoDbFleet(lambda: client, table), DynamoDbLedger(client, table)


@pytest.fixture
def fleet(both: Any) -> Any:
    """A fleet of nothing."""
    return both[0]


def test_nothing_is_known_of_a_place_that_nobody_has_described(fleet):  # B15
    assert fleet.places(["us-east-1a"], "use1-az1", NOW) == Places()
    assert fleet.places([], "", NOW) == Places()


def test_the_clusters_that_stand_for_a_place_come_back_with_their_nodes_there(fleet):  # B15
    fleet.put_sample("us-east-1a", {"old": (NODE_B,)})
    fleet.put_sample("us-east-1a", SAMPLE)
    fleet.put_sample("subnet-1", {"files": (NODE_B,)})
    found = fleet.places(["us-east-1a", "subnet-1", "subnet-2"], "use1-az1", NOW)
    assert found == Places({"us-east-1a": SAMPLE, "subnet-1": {"files": (NODE_B,)}})


@pytest.mark.parametrize("shift", Shift)
def test_a_zone_that_traffic_is_shifted_away_from_is_impaired_until_that_ends(fleet, shift):  # B15
    fleet.note_shift("use1-az1", shift, NOW, NOW + 60)
    assert fleet.places([], "use1-az1", NOW + 59).impaired == {"use1-az1"}
    assert fleet.places([], "use1-az1", NOW + 60).impaired == set()
    assert fleet.places([], "use1-az2", NOW).impaired == set()
    fleet.note_shift("use1-az1", shift, NOW + 10, 0)
    assert fleet.places([], "use1-az1", NOW + 10).impaired == set()


def test_the_end_of_a_persons_shift_does_not_end_that_of_aws(fleet):  # B15
    fleet.note_shift("use1-az1", Shift.AUTOSHIFT, NOW, NOW + 60)
    fleet.note_shift("use1-az1", Shift.MANUAL, NOW, NOW + 60)
    fleet.note_shift("use1-az1", Shift.MANUAL, NOW + 1, 0)
    assert fleet.places([], "use1-az1", NOW + 2).impaired == {"use1-az1"}


def test_a_beginning_that_is_delivered_after_its_end_begins_nothing(fleet):  # B15
    fleet.note_shift("use1-az1", Shift.AUTOSHIFT, NOW + 30, 0)
    fleet.note_shift("use1-az1", Shift.AUTOSHIFT, NOW, NOW + 60)
    assert fleet.places([], "use1-az1", NOW + 31).impaired == set()


def test_the_states_of_clusters_are_read_and_those_that_are_gone_left_out():  # B15
    ledger = FakeLedger(a_state(), a_definition())
    assert FakeFleet(ledger).states(["files", "orders-db"]) == [a_state()]


def test_states_in_dynamodb_are_read_and_what_makes_no_sense_is_left_out(moto_aws):  # B15
    import boto3

    client = boto3.client("dynamodb", region_name=REGION)
    table = create_table(client)
    client.put_item(TableName=table, Item=state_item(a_state(), 7))
    client.put_item(TableName=table, Item={**key("broken", STATE), "kind": {"S": "cluster"}})
    (found,) = DynamoDbFleet(lambda: client, table).states(["files", "orders-db", "broken"])
    assert (found.cluster, found.nodes) == ("orders-db", a_state().nodes)


def test_moves_are_counted_minute_by_minute(fleet):  # B15
    assert [fleet.count_move(MINUTE) for _ in range(3)] == [1, 2, 3]
    assert fleet.count_move(MINUTE + 1) == 1


def test_every_step_knows_how_many_clusters_there_are_and_since_when_people_know_of_a_doubt(both):  # B15
    fleet, ledger = both
    assert (ledger.stack_wide().cluster_count, ledger.stack_wide().doubted_since) == (0, 0)
    ledger.put_tuning({"ROUTE53_TTL": 30}, "d1")
    fleet.note_clusters(1000)
    fleet.note_doubt(NOW)
    assert (ledger.stack_wide().cluster_count, ledger.stack_wide().doubted_since) == (1000, NOW)
    ledger.put_tuning({"ROUTE53_TTL": 60}, "d2")
    assert (ledger.stack_wide().cluster_count, ledger.stack_wide().tuning) == (1000, {"ROUTE53_TTL": 60})


def test_the_turns_of_a_minute_are_given_once(fleet):  # B15
    assert [fleet.take_turns(minute) for minute in (MINUTE, MINUTE, MINUTE + 1, MINUTE)] == [True, False, True, False]


def test_a_table_that_refuses_is_told_of(moto_aws):
    import boto3

    fleet = DynamoDbFleet(lambda: boto3.client("dynamodb", region_name=REGION), "no-such-table")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        fleet.take_turns(MINUTE)
