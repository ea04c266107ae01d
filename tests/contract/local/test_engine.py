"""The composed engine behaves like AWS where the demo and the end-to-end tests build on it."""

import uuid

import pytest
from botocore.exceptions import ClientError

from local.client import query
from local.dns_server import ZoneServer
from local.engine import DirectoryInUse, Engine
from local.faults import Fault, FaultKind
from local.processes import marked
from local.waiting import wait_for

ZONE_NAME = "contract.example.com"


@pytest.fixture
def zone(engine):
    engine.proxy.faults.clear()
    engine.proxy.propagation.delay_s = 0.0
    made = engine.client("route53").create_hosted_zone(Name=ZONE_NAME, CallerReference=str(uuid.uuid4()))
    return made["HostedZone"]["Id"].rpartition("/")[2]


def upsert(engine: Engine, zone: str, value: str) -> str:
    record = {"Name": f"db.{ZONE_NAME}", "Type": "A", "TTL": 7, "ResourceRecords": [{"Value": value}]}
    answer = engine.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )
    return str(answer["ChangeInfo"]["Id"])


def status(engine: Engine, change: str) -> str:
    return str(engine.client("route53").get_change(Id=change)["ChangeInfo"]["Status"])


def test_every_part_answers_for_the_same_account(engine):
    identity = engine.client("sts").get_caller_identity()
    vpc = engine.client("ec2").create_vpc(CidrBlock="127.90.0.0/16")["Vpc"]
    assert identity["Account"] == vpc["OwnerId"]
    assert all(b"127.0.0.1" in url.encode() for name, url in engine.endpoints.items() if "URL" in name)
    assert list(marked(engine.mark))


def test_a_directory_belongs_to_one_engine_at_a_time(engine):
    with pytest.raises(DirectoryInUse, match="another embedded AWS"), Engine(engine.directory):
        pass
    assert engine.client("sts").get_caller_identity()["Account"]


def test_a_change_is_in_sync_at_once_without_propagation(engine, zone):
    assert status(engine, upsert(engine, zone, "192.0.2.1")) == "INSYNC"


def test_a_change_stays_pending_and_the_old_address_is_served_until_it_has_propagated(engine, zone):
    upsert(engine, zone, "192.0.2.1")
    with ZoneServer(engine.proxy, zone, ZONE_NAME) as dns:
        assert query(dns.port, f"db.{ZONE_NAME}") == ("192.0.2.1", 7)
        engine.proxy.propagation.delay_s = 0.6
        change = upsert(engine, zone, "192.0.2.2")
        assert status(engine, change) == "PENDING"
        assert status(engine, change) == "PENDING"
        assert query(dns.port, f"db.{ZONE_NAME}")[0] == "192.0.2.1"
        wait_for("in sync", lambda: status(engine, change) == "INSYNC", 5, interval_s=0.05)
        wait_for("served", lambda: query(dns.port, f"db.{ZONE_NAME}")[0] == "192.0.2.2", 5)


def test_a_name_that_does_not_exist_is_said_not_to_exist(engine, zone):
    with (
        ZoneServer(engine.proxy, zone, ZONE_NAME) as dns,
        pytest.raises(LookupError, match="NXDOMAIN"),
    ):
        query(dns.port, f"nowhere.{ZONE_NAME}")


def test_a_zone_that_cannot_be_read_is_a_server_failure(engine):
    with (
        ZoneServer(engine.proxy, "Z0UNKNOWN", ZONE_NAME) as dns,
        pytest.raises(LookupError, match="SERVFAIL"),
    ):
        query(dns.port, f"db.{ZONE_NAME}")


def test_throttling_is_an_error_that_botocore_tries_again(engine, zone):
    engine.proxy.faults.add(Fault(FaultKind.THROTTLED, "ListResourceRecordSets", times=1))
    listed = engine.client("route53").list_resource_record_sets(HostedZoneId=zone)
    assert listed["ResponseMetadata"]["RetryAttempts"] == 1
    engine.proxy.faults.add(Fault(FaultKind.THROTTLED, "ListResourceRecordSets", times=None))
    with pytest.raises(ClientError) as refused:
        engine.client("route53").list_resource_record_sets(HostedZoneId=zone)
    assert refused.value.response["Error"]["Code"] == "Throttling"


def test_a_lost_answer_was_done_all_the_same(engine, zone):
    engine.proxy.faults.add(Fault(FaultKind.LOST_ANSWER, "ChangeResourceRecordSets", times=3))
    with pytest.raises(ClientError):
        upsert(engine, zone, "192.0.2.3")
    with ZoneServer(engine.proxy, zone, ZONE_NAME) as dns:
        assert query(dns.port, f"db.{ZONE_NAME}")[0] == "192.0.2.3"


def test_a_second_batch_for_a_zone_is_refused_while_one_is_under_way(engine, zone):
    with engine.proxy.batch_under_way(zone), pytest.raises(ClientError) as refused:
        upsert(engine, zone, "192.0.2.4")
    assert refused.value.response["Error"]["Code"] == "PriorRequestNotComplete"
    upsert(engine, zone, "192.0.2.4")
