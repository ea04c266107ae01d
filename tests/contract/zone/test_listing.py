"""One listing of a zone serves all its clusters."""

from typing import Any

import boto3
import pytest

from tests.contract.conftest import REGION
from tests.support.politeness import a_polite_way
from understudy.adapters.route53_zone import Route53Zone
from understudy.domain.definition import Record
from understudy.domain.errors import AddressUnreadableError
from understudy.domain.record import RecordSet

CLUSTERS = 1000


@pytest.fixture
def route53(moto_aws: None) -> Any:
    return boto3.client("route53", region_name=REGION)


def put(client: Any, zone: str, changes: list[dict[str, Any]]) -> None:
    for start in range(0, len(changes), 500):
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": each} for each in changes[start : start + 500]]}
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def a_record(name: str, kind: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 10, "ResourceRecords": [{"Value": value}]}


def test_a_thousand_clusters_in_one_zone_are_read_with_eight_calls_at_most(route53):  # S5 B9
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    names = [f"cluster-{number}.example.com" for number in range(CLUSTERS)]
    put(route53, zone, [a_record(name, "A", "10.0.1.10") for name in names])
    put(route53, zone, [a_record(f"_understudy.{name}", "TXT", '"guard"') for name in names])
    calls = []
    route53.meta.events.register("before-call.route-53", lambda model, **_: calls.append(model.name))
    found = Route53Zone(route53, a_polite_way()).list_zone(Record(zone, "db.example.com"))
    assert found[("cluster-7.example.com", "A")] == RecordSet("cluster-7.example.com", "A", 10, ("10.0.1.10",))
    assert sum(kind == "TXT" for _, kind in found) == CLUSTERS
    assert len(calls) <= 8


def test_an_alias_is_listed_with_what_it_is(route53):  # S5
    zone = route53.create_hosted_zone(Name="alias.example.com", CallerReference="2")["HostedZone"]["Id"]
    target = {"HostedZoneId": zone.rpartition("/")[2], "DNSName": "lb.alias.example.com", "EvaluateTargetHealth": False}
    put(route53, zone, [{"Name": "db.alias.example.com", "Type": "A", "AliasTarget": target}])
    (value,) = (
        Route53Zone(route53, a_polite_way())
        .list_zone(Record(zone, "db.example.com"))[("db.alias.example.com", "A")]
        .values
    )
    assert "alias" in value


def test_a_zone_that_cannot_be_read_is_unreadable(route53):  # S5 B3
    with pytest.raises(AddressUnreadableError):
        Route53Zone(route53, a_polite_way()).list_zone(Record("Z0NOSUCHZONE", "db.example.com"))
