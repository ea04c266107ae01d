"""Many records of a zone in few calls: by pages in the order that AWS documents, and right in any other order."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.contract.conftest import REGION
from tests.support.builders import ADDRESS_A, RECORD, a_wish, record_sets
from tests.support.fakes import PagedRoute53
from tests.support.retries import retrying
from understudy.adapters.route53.zone import Route53Zone
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressCrowdedError, AddressUnreadableError
from understudy.domain.cluster.record import RecordReading, RecordSet, desired, guard_name

ZONE = "Z0EXAMPLE"
ALIAS = {"HostedZoneId": "Z2", "DNSName": "lb.example.com.", "EvaluateTargetHealth": False}


def protect(client: PagedRoute53, *names: str) -> list[Record]:
    """Records and guards as the controller writes them."""
    records = [Record(ZONE, name) for name in names]
    for record in records:
        for each in desired(record, a_wish()):
            client.put(ZONE, each.name, each.type, *each.values, ttl=each.ttl)
    return records


def fill(client: PagedRoute53, names: Iterator[str]) -> None:
    for name in names:
        client.put(ZONE, name, "A", "10.9.9.9")


def as_written(record: Record) -> RecordReading:
    return RecordReading(*desired(record, a_wish()))


def test_a_thousand_clusters_in_one_zone_are_read_with_eight_calls_at_most():  # S5 B9
    client = PagedRoute53()
    records = protect(client, *(f"cluster-{number}.example.com" for number in range(1000)))
    found = Route53Zone(retrying(client)).read_many(records)
    assert found == {record: as_written(record) for record in records}
    assert len(client.asked) <= 8


def test_each_page_is_announced_before_it_is_asked_for():  # B12
    client, announced = PagedRoute53(), []
    records = protect(client, *(f"cluster-{number}.example.com" for number in range(400)))
    zone = Route53Zone(retrying(client))
    zone.read_many(records, lambda: announced.append(len(client.asked)))
    assert announced == list(range(len(client.asked)))
    assert len(announced) > 1


def test_a_page_that_may_not_be_asked_for_is_not():  # B12
    client = PagedRoute53()

    def refuse():
        raise AddressCrowdedError("nothing is left of the share")

    with pytest.raises(AddressCrowdedError, match="nothing is left"):
        Route53Zone(retrying(client)).read_many(protect(client, "a.example.com"), refuse)
    assert client.asked == []


@pytest.mark.parametrize("name", ["aaa.example.com", "host-5000.example.com", "zzz.example.com"])
def test_one_cluster_in_a_zone_of_ten_thousand_records_is_read_with_three_calls_at_most(name):  # S5 B9
    client = PagedRoute53()
    fill(client, (f"host-{number:05d}.example.com" for number in range(10_000)))
    (record,) = protect(client, name)
    assert Route53Zone(retrying(client)).read_many([record]) == {record: as_written(record)}
    assert len(client.asked) <= 3


def test_a_few_clusters_far_apart_cost_a_call_each_and_not_the_whole_zone():  # S5 B9
    client = PagedRoute53()
    fill(client, (f"host-{number:05d}.example.com" for number in range(10_000)))
    records = protect(client, *(f"host-{number:05d}-db.example.com" for number in range(0, 10_000, 2000)))
    assert Route53Zone(retrying(client)).read_many(records) == {record: as_written(record) for record in records}
    assert len(client.asked) == len(records)


def test_what_is_gone_is_read_as_gone():  # S5 B1
    client = PagedRoute53()
    there, gone = protect(client, "a.example.com")[0], Record(ZONE, "b.example.com")
    assert Route53Zone(retrying(client)).read_many([there, gone]) == {
        there: as_written(there),
        gone: RecordReading(None, None),
    }


def test_when_every_guard_of_a_zone_was_cleaned_away_the_zone_is_listed_once_instead_of_a_call_for_each():  # S5 B9
    client = PagedRoute53()
    records = [Record(ZONE, f"cluster-{number}.example.com") for number in range(1000)]
    fill(client, (record.name for record in records))
    found = Route53Zone(retrying(client)).read_many(records)
    assert {reading.guard for reading in found.values()} == {None}
    assert {reading.record.values for reading in found.values() if reading.record} == {("10.9.9.9",)}
    assert len(client.asked) <= 10


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "order",
    [
        lambda name: tuple(reversed(name.rstrip(".").split("."))),
        lambda name: name.rstrip("."),
        lambda name: name.rstrip(".")[::-1],
    ],
    ids=["by labels, as MiniStack", "by the name", "backwards"],
)
def test_a_listing_in_another_order_costs_calls_but_nothing_is_taken_for_gone(order, page_size):  # S5 B3
    """Without it: `a` sorts behind `a-b` in one order and before it in another, and would seem to be skipped."""
    client = PagedRoute53(order, page_size)
    fill(client, (f"{word}.example.com" for word in ("0", "a-", "a_b", "m", "zz")))
    records = protect(client, "a.example.com", "a-b.example.com", "ab.example.com", "x.a.example.com", "a9.example.com")
    assert Route53Zone(retrying(client)).read_many(records) == {record: as_written(record) for record in records}


@pytest.mark.parametrize("page_size", range(1, 9))
def test_pages_may_be_cut_anywhere(page_size):  # S5
    client = PagedRoute53(page_size=page_size)
    records = protect(client, "a.example.com", "b.example.com", "c.example.com")
    for kind in ("AAAA", "MX", "TXT"):
        client.put(ZONE, "b.example.com", kind, "something else")
    v6 = Record(ZONE, "b.example.com", "AAAA")
    found = Route53Zone(retrying(client)).read_many([*records, v6])
    assert {record: found[record] for record in records} == {record: as_written(record) for record in records}
    assert found[v6].record == RecordSet("b.example.com", "AAAA", 10, ("something else",))


def test_a_name_with_more_record_sets_than_a_page_has_is_followed_to_its_end():  # S5
    client = PagedRoute53(page_size=4)
    before, after = protect(client, "a.example.com", "c.example.com")
    for number in range(10):
        client.put(ZONE, "b.example.com", "A", ADDRESS_A, SetIdentifier=f"set-{number}", Weight=1)
    client.put(ZONE, "b.example.com", "CNAME", "elsewhere.example.com")
    weighted = Record(ZONE, "b.example.com")
    found = Route53Zone(retrying(client)).read_many([before, weighted, after])
    assert "CNAME" in found[weighted].obstacle
    assert (found[before], found[after]) == (as_written(before), as_written(after))


@pytest.mark.parametrize(
    ("name", "kind", "values", "others", "words"),
    [
        (RECORD.name, "A", (), {"AliasTarget": ALIAS}, "is an alias of lb.example.com."),
        (RECORD.name, "A", (ADDRESS_A,), {"SetIdentifier": "blue", "Weight": 1}, "routing policy (set 'blue')"),
        (RECORD.name, "CNAME", ("elsewhere.example.com",), {}, "CNAME stands there"),
        (guard_name(RECORD), "TXT", (), {"AliasTarget": ALIAS}, "is an alias"),
        (guard_name(RECORD), "CNAME", ("elsewhere.example.com",), {}, "CNAME stands there"),
    ],
    ids=["alias", "weighted", "cname", "guard an alias", "guard a cname"],
)
def test_what_the_controller_cannot_have_made_is_an_obstacle_in_words_and_hinders_no_other(
    name, kind, values, others, words
):  # S5
    client = PagedRoute53()
    (other,) = protect(client, "other.example.com")
    client.put(RECORD.hosted_zone_id, name, kind, *values, **others)
    found = Route53Zone(retrying(client)).read_many([RECORD, other])
    assert words in found[RECORD].obstacle
    assert found[RECORD].record is None
    assert found[other] == as_written(other)


def test_the_guard_of_an_obstructed_record_is_read_all_the_same():  # S5
    client = PagedRoute53()
    _, guard = record_sets()
    client.put(ZONE, RECORD.name, "A", AliasTarget=ALIAS)
    client.put(ZONE, guard.name, "TXT", *guard.values)
    assert Route53Zone(retrying(client)).read_many([RECORD])[RECORD].guard == guard


@pytest.mark.parametrize("code", ["NoSuchHostedZone", "Throttling", "AccessDenied"])
def test_a_zone_that_cannot_be_read_is_unreadable(code):  # S5 B3
    client: Any = boto3.client("route53", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        for _ in range(4 if code == "Throttling" else 1):
            stubber.add_client_error("list_resource_record_sets", code)
        with pytest.raises(AddressUnreadableError, match=code):
            Route53Zone(retrying(client)).read_many([RECORD])
