"""The model of Route 53 has the limits that AWS documents."""

from random import Random

import pytest
from botocore.exceptions import ClientError

from bench.route53_model import Bucket, Route53Model
from bench.virtual_time import VirtualTime

ZONE = "Z0"


class Model:
    """A model, and what it is asked in one program."""

    def __init__(self):
        self.time = VirtualTime()
        self.route53 = Route53Model(self.time, Random(0))

    def run(self, *programs):
        for program in programs:
            self.time.start(0, program)
        self.time.run()

    def change(self, *changes, zone=ZONE):
        """The change's id, or the code of the refusal."""
        try:
            answer = self.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [*changes]})
        except ClientError as refused:
            return refused.response["Error"]["Code"]
        return answer["ChangeInfo"]["Id"]

    def value(self, name, kind="A"):
        listed = self.route53.list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
        return [
            r["Value"] for s in listed if (s["Name"], s["Type"]) == (f"{name}.", kind) for r in s["ResourceRecords"]
        ]


@pytest.fixture
def model():
    return Model()


def change(action, name, value, kind="A"):
    record = {"Name": name, "Type": kind, "TTL": 10, "ResourceRecords": [{"Value": value}]}
    return {"Action": action, "ResourceRecordSet": record}


def upserts(count, first=0):
    return [change("UPSERT", f"n{number}.example.com", "10.0.0.1") for number in range(first, first + count)]


def test_a_bucket_gives_what_it_holds_and_fills_with_time():  # B12
    bucket = Bucket(burst=50, a_second=10, left=50)
    assert [bucket.take(50, 0), bucket.take(1, 0), bucket.take(1, 0.1), bucket.take(1, 0.1)] == [
        True,
        False,
        True,
        False,
    ]
    assert [bucket.take(51, 1000), bucket.take(50, 1000)] == [False, True]


def test_what_a_bucket_refuses_costs_nothing():
    bucket = Bucket(burst=10, a_second=1, left=10)
    assert [bucket.take(11, 0), bucket.take(10, 0)] == [False, True]


def test_more_than_fifty_requests_at_once_are_throttled_and_each_action_has_a_bucket_of_its_own(model):  # B12
    def ask_too_often():
        model.route53._time.sleep = lambda _: None  # all in one moment
        for _ in range(50):
            model.route53.list_resource_record_sets(HostedZoneId=ZONE)
        with pytest.raises(ClientError, match="Throttling"):
            model.route53.list_resource_record_sets(HostedZoneId=ZONE)
        assert model.change(*upserts(1)).startswith("/change/")

    model.run(ask_too_often)
    assert model.route53.refused == {"ListResourceRecordSets Throttling": 1}


def test_an_upsert_costs_two_units_and_the_account_has_1500_at_once_and_100_a_second(model):  # B12
    said = []

    def fill():
        for zone in "ABC":
            said.append(model.change(*upserts(250), zone=zone))
        said.append(model.change(*upserts(250), zone="D"))
        model.time.sleep(5.0)
        said.append(model.change(*upserts(250), zone="D"))

    model.run(fill)
    assert [each.startswith("/change/") for each in said] == [True, True, True, False, True]
    assert (said[3], model.route53.units) == ("Throttling", 2000)


def test_a_zone_takes_one_batch_at_a_time_and_other_zones_do_not_wait_for_it(model):  # B12
    said = []

    def crowd():
        said.append(model.change(*upserts(1)))
        model.route53._busy_until[ZONE] = model.time() + 1
        said.append(model.change(*upserts(1)))
        said.append(model.change(*upserts(1), zone="Z1"))
        model.time.sleep(1)
        said.append(model.change(*upserts(1)))

    model.run(crowd)
    assert [each[:8] for each in said] == ["/change/", "PriorReq", "/change/", "/change/"]


def test_a_batch_is_taken_as_a_whole_or_not_at_all(model):  # B1 B12
    model.route53.put(ZONE, "a.example.com", "A", "10.0.1.10")
    model.route53.put(ZONE, "_guard.a.example.com", "TXT", '"epoch=1"')
    said = []

    def swap(old):
        said.append(
            model.change(
                change("UPSERT", "a.example.com", "10.0.2.10"),
                change("DELETE", "_guard.a.example.com", old, "TXT"),
                change("CREATE", "_guard.a.example.com", '"epoch=2"', "TXT"),
            )
        )
        model.time.sleep(1)
        said.append((model.value("a.example.com"), model.value("_guard.a.example.com", "TXT"), model.route53.units))

    model.run(lambda: (swap('"epoch=0"'), swap('"epoch=1"')))
    assert said[0] == "InvalidChangeBatch"
    assert said[1] == (["10.0.1.10"], ['"epoch=1"'], 0)
    assert said[3] == (["10.0.2.10"], ['"epoch=2"'], 4)


def test_what_exists_is_not_created_again(model):
    model.route53.put(ZONE, "a.example.com", "A", "10.0.1.10")
    said = []
    model.run(lambda: said.append(model.change(change("CREATE", "a.example.com", "10.0.2.10"))))
    assert said == ["InvalidChangeBatch"]


def test_a_batch_holds_a_thousand_records_of_which_an_upsert_counts_for_two(model):  # B12
    said = []
    model.run(lambda: said.extend([model.change(*upserts(501)), model.change(*upserts(500))]))
    assert [each[:8] for each in said] == ["InvalidC", "/change/"]


def test_a_change_is_pending_until_it_has_propagated(model):
    said = []

    def watch():
        change_id = model.change(*upserts(1)).removeprefix("/change/")
        said.append(model.route53.get_change(Id=change_id)["ChangeInfo"]["Status"])
        model.time.sleep(600)
        said.append(model.route53.get_change(Id=change_id)["ChangeInfo"]["Status"])

    model.run(watch)
    assert said == ["PENDING", "INSYNC"]
