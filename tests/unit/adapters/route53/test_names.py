"""Names and record sets as Route 53 writes them."""

import pytest

from understudy.adapters.route53.names import ForeignRecordError, plain_name, read_record_set, write_change
from understudy.domain.cluster.record import Change, ChangeVerb, RecordSet


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Orders-DB.corp.example.com.", "orders-db.corp.example.com"),
        ("\\052.example.com.", "*.example.com"),
        ("_understudy.orders-db.example.com", "_understudy.orders-db.example.com"),
        ("a\\100b.example.com.", "a@b.example.com"),
    ],
)
def test_a_name_is_compared_in_one_form(written, plain):
    assert plain_name(written) == plain


def test_a_simple_record_set_is_read_as_it_stands():
    answer = {"Name": "X.example.com.", "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    assert read_record_set(answer) == RecordSet("x.example.com", "A", 10, ("10.0.0.1",))


def test_an_alias_is_named_with_its_target():
    answer = {"Name": "x.example.com.", "Type": "A", "AliasTarget": {"DNSName": "lb.example.com."}}
    with pytest.raises(ForeignRecordError, match="alias of lb"):
        read_record_set(answer)


def test_a_record_of_a_traffic_policy_is_no_simple_record():  # S4
    answer = {"Name": "x.example.com.", "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    with pytest.raises(ForeignRecordError, match="traffic policy"):
        read_record_set({**answer, "TrafficPolicyInstanceId": "0a1b"})


def test_a_health_check_is_read_and_written_with_its_record():  # S4
    answer = {"Name": "x.example.com", "Type": "A", "TTL": 10, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    found = read_record_set({**answer, "HealthCheckId": "0cf4"})
    assert write_change(Change(ChangeVerb.UPSERT, found))["ResourceRecordSet"] == {**answer, "HealthCheckId": "0cf4"}
    assert "HealthCheckId" not in write_change(Change(ChangeVerb.UPSERT, read_record_set(answer)))["ResourceRecordSet"]
