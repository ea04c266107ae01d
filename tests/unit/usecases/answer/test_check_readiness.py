"""Who asks for a readiness check, what is told of it, and that it changes nothing of the cluster."""

from dataclasses import replace

import pytest

from tests.support.builders import CLUSTER, NODE_A, NODE_B, RECORD, a_definition, a_state, with_keys
from tests.support.fakes import FakeAnnouncer, FakeLedger, FakeReportBook, VirtualClock
from tests.support.readiness import (
    CLIENT_VPC,
    GUARD_KEY,
    REGION,
    VPC,
    a_gatherer,
    an_instance,
    found,
    of_all_kinds,
    readings,
)
from understudy.domain.cluster.definition import ClientVpc
from understudy.domain.cluster.errors import AddressUnreadableError, AnnouncementError, UnreadableError
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.nodes import ReadinessFailed
from understudy.domain.observe.signal import AlarmSignal
from understudy.domain.readiness.facts import PrivateZone, Verdict
from understudy.usecases.answer.check_readiness import ReadinessChecker, UncheckedError, check_readiness

DAY = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
ACCEPTED = {"source": "understudy", "detail-type": "Understudy Definition Accepted", "detail": {"cluster": CLUSTER}}
CHECK = {"request": {"cluster": CLUSTER, "action": "check"}}


class Scene:
    """The usual cluster, an AWS without a fault, and whatever the check tells."""

    def __init__(self) -> None:
        self.ledger = FakeLedger(with_keys(a_state()), a_definition())
        self.aws = readings()
        self.book = FakeReportBook()
        self.announcer = FakeAnnouncer()
        self.clock = VirtualClock()
        self.counts: list[int] = []

    def check(self, event=CHECK):
        inspector = ReadinessChecker(
            gatherer=a_gatherer(self.ledger, self.aws, self.clock),
            book=self.book,
            announcer=self.announcer,
            count=self.counts.append,
        )
        return check_readiness(event, inspector=inspector, index=self.ledger)

    def add(self, cluster: str) -> None:
        """Register a further cluster, with a name of its own to protect."""
        records = (replace(RECORD, name=f"{cluster}.corp.example.com"),)
        self.ledger.register(None, a_state(cluster=cluster), a_definition(cluster=cluster, records=records))

    def break_node_b(self) -> None:
        self.aws.known[NODE_B] = an_instance(NODE_B, power=PowerReading.STOPPED)

    @property
    def told(self):
        return self.announcer.details(ReadinessFailed)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_operator_gets_the_whole_report_of_a_cluster_without_a_fault(scene):  # S1 S2 S13 S17
    answer = scene.check()
    assert (answer["outcome"], answer["verdict"], answer["reasons"]) == ("CHECKED", "PASS", [])
    assert (answer["cluster"], answer["checked_at"], answer["definition_version"]) == (CLUSTER, scene.clock(), 1)
    assert {each["verdict"] for each in answer["checks"]} == {"PASS"}
    assert (scene.told, scene.counts) == ([], [0])


def test_a_check_changes_nothing_of_the_cluster(scene):
    before = dict(scene.ledger.items)
    scene.break_node_b()
    scene.check()
    assert scene.ledger.items == before
    assert set(scene.ledger.calls) == {"definition", "read", "stack_wide"}


def test_a_failed_check_is_named_with_what_was_found_kept_told_and_counted(scene):  # S1
    scene.break_node_b()
    answer = scene.check()
    assert (answer["outcome"], answer["reasons"]) == ("NOT_READY", ["instances-run: node-b is stopped"])
    (detail,) = scene.told
    assert (detail["cluster"], detail["failed"]) == (CLUSTER, ["instances-run"])
    assert [(each["name"], each["found"]) for each in detail["checks"]] == [("instances-run", "node-b is stopped")]
    assert scene.book.reports[CLUSTER].failed == ("instances-run",)
    assert scene.counts == [1]


def test_a_failure_is_told_once_until_the_failed_checks_change(scene):  # S1
    scene.break_node_b()
    for _ in range(3):
        scene.check(DAY)
    assert len(scene.told) == 1
    scene.aws.zones = {}
    scene.check(DAY)
    assert [each["failed"] for each in scene.told] == [["instances-run"], ["instances-run", "zone-owns-name"]]
    assert scene.counts == [1, 1, 1, 2]


def test_a_failure_that_could_not_be_told_is_told_by_the_next_check(scene):
    scene.break_node_b()
    scene.announcer.fail_next("announce", AnnouncementError("the bus is gone"))
    assert scene.check()["outcome"] == "NOT_READY"
    assert scene.told == []
    scene.check()
    assert len(scene.told) == 1


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (
            "instances",
            {"instances-run", "zones-differ", "addresses-real", "zone-associated", "name-not-shadowed", "vpc-dns-on"},
        ),
        ("is_stop_protected", {"stop-protection"}),
        ("vpc_dns", {"vpc-dns-on"}),
        ("hosted_zone", {"route53-answers", "zone-owns-name", "zone-associated", "premises-resolve"}),
        ("found_records", {"record-movable"}),
        ("private_zones", {"name-not-shadowed"}),
        ("inbound_endpoints", {"premises-resolve"}),
        ("granted", {"rights-suffice"}),
    ],
)
def test_whatever_cannot_be_read_leaves_its_checks_unknown_and_the_others_as_they_are(scene, method, names):  # S1 B3
    scene.aws.fail_next(method, UnreadableError("AccessDenied"))
    answer = scene.check()
    unknown = {each["name"]: each for each in answer["checks"] if each["verdict"] == "UNKNOWN"}
    assert names <= set(unknown)
    assert all("AccessDenied" in unknown[name]["found"] for name in names - {"vpc-dns-on"})
    assert {each["verdict"] for each in answer["checks"]} == {"PASS", "UNKNOWN"}
    assert (answer["outcome"], answer["verdict"], scene.told) == ("CHECKED", "UNKNOWN", [])


def test_a_move_between_two_reads_is_not_taken_for_a_guard_of_the_future(scene):  # B1
    def move() -> None:
        scene.ledger.put_state(with_keys(a_state(epoch=2)))
        scene.aws.records[GUARD_KEY] = found(1, epoch=2)

    scene.aws.before_next("found_records", move)
    assert scene.check()["outcome"] == "CHECKED"


def test_a_beat_between_two_reads_counts(scene):  # S17
    scene.ledger.put_state(a_state(1))
    scene.aws.before_next("granted", lambda: scene.ledger.put_state(with_keys(a_state())))
    checks = {each["name"]: each["verdict"] for each in scene.check()["checks"]}
    assert checks["agents-alike"] == "PASS"


def test_an_accepted_definition_is_checked_at_once_and_only_this_cluster(scene):  # S1
    scene.add("billing")
    assert scene.check(ACCEPTED) == {"outcome": "CHECKED", "checked": 1}
    assert set(scene.book.reports) == {CLUSTER}


def test_every_day_every_cluster_is_checked(scene):  # S1
    for name in ("billing", "files"):
        scene.add(name)
    assert scene.check(DAY) == {"outcome": "CHECKED", "checked": 3}
    assert set(scene.book.reports) == {CLUSTER, "billing", "files"}


def test_a_cluster_that_cannot_be_checked_never_hides_the_next_and_is_named_in_the_end(scene):  # S1 B8
    scene.add("billing")
    scene.ledger.fail_next("read", RuntimeError("the table is slow"))
    with pytest.raises(UncheckedError, match=f"1 clusters checked, these could not be: {CLUSTER}"):
        scene.check(DAY)
    assert set(scene.book.reports) == {"billing"}


def test_a_cluster_that_is_gone_by_the_time_of_its_event_is_passed_over(scene):
    event = {**ACCEPTED, "detail": {"cluster": "gone"}}
    scene.check(event)
    assert scene.book.reports == {}


def test_a_check_of_a_cluster_that_nobody_registered_is_refused(scene):  # S10
    answer = scene.check({"request": {"cluster": "gone", "action": "check"}})
    assert answer == {"outcome": "REFUSED", "why": "cluster is 'gone', which is not registered"}


def test_a_bad_request_is_refused_and_nothing_is_read(scene):  # S10
    answer = scene.check({"request": {"cluster": CLUSTER, "action": "check", "to": "node-b"}})
    assert answer["outcome"] == "REFUSED"
    assert "'to' is not a key" in answer["why"]
    assert (scene.aws.calls, scene.ledger.calls) == ([], [])


def test_one_check_asks_aws_a_dozen_times_at_most(scene):  # B9
    scene.check()
    assert len(scene.aws.calls) <= 12
    assert scene.aws.calls.count("found_records") == 2, "one for the record and one for its guard"


def test_a_signal_does_not_disturb_a_check(scene):
    scene.aws.before_next(
        "instances", lambda: scene.ledger.record_signal(CLUSTER, AlarmSignal(NODE_A, "disk", True, 1))
    )
    assert scene.check()["verdict"] == Verdict.PASS
    assert scene.ledger.state().nodes[NODE_A].alarms


def forwarding(aws):
    for instance_id in (NODE_A, NODE_B):
        aws.known[instance_id] = an_instance(instance_id, forwards=True)


def test_routes_and_elastic_ips_are_looked_at_where_a_cluster_has_them_and_only_there(scene):  # S14 S15 B9
    asked = {"route_tables", "elastic_ips", "internet_vpcs"}
    scene.check()
    assert not asked & set(scene.aws.calls)
    scene.ledger.put_definition(of_all_kinds())
    forwarding(scene.aws)
    answer = scene.check()
    assert (answer["verdict"], answer["reasons"]) == ("PASS", [])
    assert asked <= set(scene.aws.calls)


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("route_tables", {"tables-ours", "address-outside", "tables-used", "routes-lead", "routes-whole"}),
        ("elastic_ips", {"elastic-ips-ours", "elastic-ips-lead"}),
    ],
)
def test_a_network_that_cannot_be_read_leaves_its_checks_unknown(scene, method, names):  # S14 S15 B3
    scene.ledger.put_definition(of_all_kinds())
    forwarding(scene.aws)
    scene.aws.fail_next(method, AddressUnreadableError("RequestLimitExceeded"))
    answer = scene.check()
    assert {each["name"] for each in answer["checks"] if each["verdict"] == "UNKNOWN"} == names
    assert scene.told == []


def test_a_zone_of_another_account_is_read_by_its_role_and_one_of_ours_is_not(scene):  # S1 S4
    role = "arn:aws:iam::210987654321:role/zones"
    there = replace(RECORD, hosted_zone_id="Z0ELSEWHERE", role_arn=role, external_id="x1")
    scene.ledger.put_definition(a_definition(records=(RECORD, there)))
    scene.aws.zones["Z0ELSEWHERE"] = scene.aws.zones[RECORD.hosted_zone_id]
    assert scene.check()["verdict"] == "PASS"
    assert sorted(scene.aws.roles) == ["", "", "", role, role, role]
    del scene.aws.zones["Z0ELSEWHERE"]
    assert scene.check()["reasons"] == ["zone-owns-name: there is no hosted zone Z0ELSEWHERE"]


def test_a_private_zone_that_hides_the_name_from_nodes_or_clients_fails_the_check_and_is_told(scene):  # S2
    clients = ClientVpc(CLIENT_VPC, "eu-west-1")
    scene.ledger.put_definition(a_definition(client_vpcs=(clients,)))
    zone = scene.aws.zones[RECORD.hosted_zone_id]
    scene.aws.zones[RECORD.hosted_zone_id] = replace(zone, vpcs={VPC: REGION, CLIENT_VPC: "eu-west-1"})
    assert scene.check()["verdict"] == "PASS"
    scene.aws.seen_zones[(CLIENT_VPC, "eu-west-1")] = (PrivateZone("Z0CLOSER", RECORD.name),)
    assert scene.check()["outcome"] == "NOT_READY"
    assert scene.told[0]["failed"] == ["name-not-shadowed"]


def test_each_vpc_is_asked_once_for_its_private_zones_and_none_without_a_record(scene):  # B9
    """Two nodes in one VPC, and clients in it and in another one; two records."""
    vpcs = (ClientVpc(VPC, REGION), ClientVpc(CLIENT_VPC, "eu-west-1"))
    records = (RECORD, replace(RECORD, type="AAAA"))
    scene.ledger.put_definition(a_definition(client_vpcs=vpcs, records=records))
    scene.check()
    assert scene.aws.calls.count("private_zones") == 2
    scene.aws.calls.clear()
    scene.ledger.put_definition(of_all_kinds(records=()))
    scene.check()
    assert "private_zones" not in scene.aws.calls


def test_a_standby_that_has_fallen_silent_is_told_of(scene):  # S11
    scene.clock.advance(60)
    assert scene.check()["outcome"] == "NOT_READY"
    assert scene.told[0]["failed"] == ["nodes-heard"]


def test_while_route_53_is_crowded_it_is_not_asked_about_readiness_and_nothing_is_reported_as_failed(scene):  # B3 B12
    scene.ledger.crowded_until = int(scene.clock()) + 30
    answer = scene.check()
    assert answer["outcome"] == "CHECKED"
    assert {"hosted_zone", "found_records", "private_zones"} & set(scene.aws.calls) == set()
    assert any("crowded" in each["found"] for each in answer["checks"])
    assert not scene.told
