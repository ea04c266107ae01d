"""The record monitor: what it has put right, what it leaves to a person, and what it takes for unknown."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    ADDRESS_A,
    CLUSTER,
    NODE_A,
    NOW,
    RECORD,
    a_definition,
    a_moving_state,
    a_state,
    a_wish,
    record_sets,
)
from tests.support.fakes import FakeAnnouncer, FakeLedger, FakeZone, VirtualClock
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.errors import AddressUnreadableError
from understudy.domain.cluster.record import desired
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.addresses import RecordDrifted, RecordGuarded, RecordObstructed
from understudy.usecases.watch.records import RecordMonitor

THROTTLED = AddressUnreadableError("throttled")
OTHER_NAME = replace(RECORD, name="invoices-db.corp.example.com")
OTHER_ZONE = Record("Z0PUBLIC", RECORD.name)


class Watch:
    """Clusters in service on node-a under epoch 1; their records are as the newest move wrote them."""

    def __init__(self, *states, records=(RECORD,), tuning_sets=({},)):
        self.ledger, self.zone, self.announcer = FakeLedger(), FakeZone(), FakeAnnouncer()
        self.slept = []
        self.definitions = {}
        sets = list(tuning_sets)
        for position, state in enumerate(states or (a_state(),)):
            tuning_set = sets[position % len(sets)]
            definition = a_definition(cluster=state.cluster, records=records, tuning_set=tuning_set)
            self.definitions[state.cluster] = definition
            self.ledger.put_definition(definition)
            self.ledger.put_state(state)
        for record in records:
            for each in desired(record, a_wish()):
                self.zone.put(record, each)
        self.monitor = RecordMonitor(
            self.ledger, self.zone, self.announcer, VirtualClock(NOW), self.slept.append, "understudy"
        )

    def put(self, *record_sets_, record=RECORD):
        for each in record_sets_:
            self.zone.put(record, each)
        return self

    def check(self):
        self.monitor.check([ClusterView(self.ledger.state(name), each, NOW) for name, each in self.definitions.items()])
        return self

    def told(self, detail_type):
        """The records of every event of this type, event by event."""
        return [detail["records"] for detail in self.announcer.details(detail_type)]

    @property
    def reads(self):
        return self.zone.calls.count("read_many")

    @property
    def status(self):
        return self.ledger.state().address.status

    def says_nothing(self):
        return not self.announcer.events and self.status is AddressStatus.IN_SYNC


# --- what has drifted --------------------------------------------------------------------------


def test_a_record_that_names_the_node_in_service_is_left_alone():  # S5
    assert Watch().check().says_nothing()


def test_a_record_that_somebody_changed_is_owed_at_once_and_told_with_what_was_expected_and_found():  # S5
    watch = Watch().put(record_sets(address="10.9.9.9", ttl=60)[0]).check()
    ((told,),) = watch.told(RecordDrifted)
    assert (told["expected"], told["expected_ttl_s"]) == (ADDRESS_A, 10)
    assert (told["found"], told["found_ttl_s"]) == (["10.9.9.9"], 60)
    assert watch.ledger.state().address == Address(AddressStatus.OWED, 1, retry_at=NOW)
    history = watch.ledger.history(CLUSTER, 1)
    assert history["drift"]["records"] == [told]
    assert history["stages"]["drifted_at"] == NOW


def test_who_the_guard_says_wrote_the_record_is_told_in_fields():  # S5 B5
    watch = Watch(a_state(epoch=7, address=Address(AddressStatus.IN_SYNC, 7)))
    watch.put(*record_sets(epoch=3, node="node-b", address="10.0.2.10")).check()
    ((told,),) = watch.told(RecordDrifted)
    ours = {"stack": "understudy", "cluster": CLUSTER}
    assert told["guard_writer"] == {**ours, "epoch": 3, "node": "node-b"}
    assert told["expected_writer"] == {**ours, "epoch": 7, "node": "node-a"}


def test_a_guard_that_is_no_guard_is_told_in_its_own_words():  # S5
    guard = replace(record_sets()[1], values=('"v=spf1 -all"',))
    ((told,),) = Watch().put(guard).check().told(RecordDrifted)
    assert (told["guard"], told["guard_ttl_s"], told["guard_writer"]) == (['"v=spf1 -all"'], 10, None)


@pytest.mark.parametrize("gone", record_sets(), ids=["record", "guard"])
def test_a_record_or_a_guard_that_is_gone_has_drifted(gone):  # S5 B1
    watch = Watch()
    del watch.zone.record_sets[(RECORD.hosted_zone_id, gone.name, gone.type)]
    assert len(watch.check().told(RecordDrifted)) == 1


def test_a_ttl_that_somebody_changed_is_owed_and_told_of():  # S5
    watch = Watch().put(replace(record_sets()[0], ttl=3600)).check()
    ((told,),) = watch.told(RecordDrifted)
    assert (told["expected_ttl_s"], told["found_ttl_s"]) == (10, 3600)
    assert watch.status is AddressStatus.OWED


def test_a_changed_tunable_is_no_drift():  # S5 S8
    """Record and guard still have the TTL with which they were written together; the new one comes with a move."""
    watch = Watch(tuning_sets=[{"ROUTE53_TTL": 5}]).put(*record_sets(ttl=60))
    watch.ledger.put_tuning({"ROUTE53_TTL": 30}, "digest")
    assert watch.check().says_nothing()


@pytest.mark.parametrize(
    "state",
    [
        a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 30)),
        a_state(address=None),
        a_state(active=None),
        a_moving_state(),
    ],
    ids=["owed", "never written", "nobody serves", "moving"],
)
def test_what_is_known_to_be_open_is_not_even_read(state):  # S5
    watch = Watch(state).put(record_sets(address="10.9.9.9")[0]).check()
    assert (watch.reads, watch.announcer.events) == (0, [])


def test_a_transition_that_comes_between_is_not_disturbed():  # S5 B1
    watch = Watch().put(record_sets(address="10.9.9.9")[0])
    newer = replace(watch.ledger.state(), revision=99, epoch=2)
    watch.zone.before_next("read_many", lambda: watch.ledger.put_state(newer))
    assert watch.check().announcer.events == []
    assert watch.ledger.state() == newer


# --- what a person has to look at ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "standing", "words"),
    [
        (record_sets(cluster="payments", epoch=4)[1], "FOREIGN", "cluster payments of stack understudy"),
        (record_sets(stack="understudy-test")[1], "FOREIGN", "of stack understudy-test"),
        (record_sets(epoch=9)[1], "NEWER", "the guard carries epoch 9, and the table knows none above 1"),
    ],
    ids=["another cluster", "another stack", "newer"],
)
def test_a_guard_that_is_not_ours_to_replace_is_told_of_and_nothing_is_moved(guard, standing, words):  # S5 B1 B3
    watch = Watch().put(record_sets(address="10.9.9.9")[0], guard).check()
    ((told,),) = watch.told(RecordGuarded)
    assert (told["standing"], told["found"]) == (standing, ["10.9.9.9"])
    assert words in told["why"]
    assert told["advice"]
    assert watch.told(RecordDrifted) == []
    assert watch.ledger.state() == a_state()


def test_what_stands_there_instead_of_a_record_is_told_of_in_words_and_nothing_is_moved():  # S5 B3
    watch = Watch()
    watch.zone.obstruct(RECORD, "it is an alias of lb.example.com")
    ((told,),) = watch.check().told(RecordObstructed)
    assert (told["standing"], told["why"]) == ("OBSTRUCTED", "it is an alias of lb.example.com")
    assert (told["found"], told["guard_writer"]["epoch"]) == ([], 1)
    assert watch.ledger.state() == a_state()


def test_the_same_finding_is_told_once_and_another_one_again():  # S5
    watch = Watch().put(record_sets(epoch=9)[1]).check().check().check()
    assert len(watch.told(RecordGuarded)) == 1
    assert watch.ledger.history(CLUSTER, 1)["withheld"] == watch.told(RecordGuarded)[0]
    watch.put(record_sets(epoch=10)[1]).check().check()
    assert [told["guard_writer"]["epoch"] for (told,) in watch.told(RecordGuarded)] == [9, 10]


def test_a_finding_that_comes_back_under_the_same_epoch_is_not_told_again():  # S5
    """Two that take the record in turns would be told of each minute."""
    watch = Watch()
    for epoch in (9, 10, 9, 10, 9):
        watch.put(record_sets(epoch=epoch)[1]).check()
    assert len(watch.told(RecordGuarded)) == 2


def test_a_zone_that_cannot_be_read_for_once_makes_no_news_of_what_was_told():  # S5
    watch = Watch(records=(RECORD, OTHER_ZONE))
    watch.ledger.put_tuning({"ROUTE53_RECORDCHECK_TRY_COUNT": 1}, "digest")
    watch.zone.obstruct(RECORD, "an alias")
    watch.zone.obstruct(OTHER_ZONE, "an alias")
    watch.check()
    unreadable(watch, times=1).check().check()
    assert [len(told) for told in watch.told(RecordObstructed)] == [2]


def test_what_is_remembered_of_findings_has_an_end():  # S5
    watch = Watch()
    for epoch in range(2, 40):
        watch.put(record_sets(epoch=epoch)[1]).check()
    assert [each["guard_writer"]["epoch"] for each in watch.ledger.history(CLUSTER, 1)["withheld"]] == [*range(20, 40)]


def test_the_history_is_only_read_when_there_is_a_finding():  # S5 B9
    watch = Watch().check()
    assert "history" not in watch.ledger.calls


@pytest.mark.parametrize(
    "newer",
    [a_state(epoch=2, address=Address(AddressStatus.IN_SYNC, 2)), a_moving_state(), None],
    ids=["moved", "moving", "gone"],
)
def test_a_guard_that_a_move_has_just_written_is_not_taken_for_a_strange_one(newer):  # S5 B1
    """The state was read before the move, the guard after it."""
    watch = Watch()

    def move():
        watch.put(*record_sets(epoch=2, node="node-b"))
        if newer:
            watch.ledger.put_state(newer)
        else:
            del watch.ledger.items[(CLUSTER, "state")]

    watch.zone.before_next("read_many", move)
    assert watch.check().announcer.events == []
    assert "withheld" not in watch.ledger.history(CLUSTER, 1)


def test_a_drifted_record_is_not_repaired_where_another_one_would_stop_the_repair():  # S5
    """A repair would open a transition each minute, and change nothing."""
    watch = Watch(records=(RECORD, OTHER_NAME)).put(record_sets(address="10.9.9.9")[0])
    watch.zone.obstruct(OTHER_NAME, "an alias")
    (told,) = watch.check().told(RecordObstructed)
    assert [(each["standing"], each["record"]) for each in told] == [
        ("DRIFTED", RECORD.label),
        ("OBSTRUCTED", OTHER_NAME.label),
    ]
    assert watch.status is AddressStatus.IN_SYNC


def test_a_drifted_record_is_repaired_although_one_in_another_zone_is_not():  # S5
    watch = Watch(records=(RECORD, OTHER_ZONE)).put(record_sets(address="10.9.9.9")[0])
    watch.zone.obstruct(OTHER_ZONE, "an alias")
    watch.check()
    assert [each["record"] for (each,) in watch.told(RecordDrifted)] == [RECORD.label]
    assert [each["record"] for (each,) in watch.told(RecordObstructed)] == [OTHER_ZONE.label]
    assert watch.status is AddressStatus.OWED


# --- what cannot be read -------------------------------------------------------------------------


def unreadable(watch, times=100):
    for _ in range(times):
        watch.zone.fail_next("read_many", THROTTLED)
    return watch


def test_a_zone_is_read_as_often_as_tuned_and_then_left_without_acting():  # S5 B3
    watch = unreadable(Watch().put(record_sets(address="10.9.9.9")[0]), times=4).check()
    assert (watch.reads, watch.slept) == (4, [2, 2, 2])
    assert watch.says_nothing()


def test_a_read_that_succeeds_on_a_later_try_counts():  # S5
    watch = unreadable(Watch().put(record_sets(address="10.9.9.9")[0]), times=1).check()
    assert len(watch.told(RecordDrifted)) == 1


def test_the_waits_of_the_check_are_bounded_whatever_the_tunables_say():  # S5
    watch = Watch(tuning_sets=[{"ROUTE53_RECORDCHECK_INTERVAL": 7, "ROUTE53_RECORDCHECK_TRY_COUNT": 100}])
    assert unreadable(watch).check().slept == [7, 7]


def test_zones_that_cannot_be_read_share_the_waits():  # S5
    watch = unreadable(Watch(records=(RECORD, OTHER_ZONE, Record("Z0THIRD", RECORD.name)))).check()
    assert (watch.reads, watch.slept) == (12, [2, 2, 2])


def test_a_zone_out_of_reach_does_not_hide_what_drifted_in_another():  # S5 B3
    watch = Watch(records=(OTHER_ZONE, RECORD)).put(record_sets(address="10.9.9.9")[0])
    unreadable(watch, times=1)
    watch.ledger.put_tuning({"ROUTE53_RECORDCHECK_TRY_COUNT": 1}, "digest")
    assert [each["record"] for (each,) in watch.check().told(RecordDrifted)] == [RECORD.label]


def test_the_most_patient_cluster_of_a_zone_decides_how_often_it_is_read():  # S5 S8
    states = (a_state(cluster="first-db"), a_state(cluster="second-db"))
    patient = {"ROUTE53_RECORDCHECK_TRY_COUNT": 6, "ROUTE53_RECORDCHECK_INTERVAL": 3}
    hasty = {"ROUTE53_RECORDCHECK_TRY_COUNT": 2, "ROUTE53_RECORDCHECK_INTERVAL": 1}
    watch = unreadable(Watch(*states, tuning_sets=[patient, hasty])).check()
    assert (watch.reads, watch.slept) == (6, [1, 3, 3, 3, 3])


def test_what_a_cluster_does_not_set_is_the_stacks():  # S8
    watch = unreadable(Watch(tuning_sets=[{"ROUTE53_RECORDCHECK_INTERVAL": 1}]))
    watch.ledger.put_tuning({"ROUTE53_RECORDCHECK_TRY_COUNT": 3, "ROUTE53_RECORDCHECK_INTERVAL": 9}, "digest")
    assert watch.check().slept == [1, 1]


def test_one_reading_of_a_zone_serves_all_its_clusters():  # S5 B9
    watch = Watch(*(a_state(cluster=f"cluster-{number}") for number in range(50))).check()
    assert watch.reads == 1


def test_zones_reached_in_different_ways_are_read_apart():  # S5
    """Else the external ID of one cluster would decide whether another one's record can be read."""
    ways = [replace(RECORD, name=f"{way}.example.com", role_arn="arn", external_id=way) for way in ("one", "two")]
    assert Watch(records=tuple(ways)).check().reads == 2


def test_the_address_of_the_node_in_service_is_what_counts():  # S5
    watch = Watch().put(*record_sets(address="10.0.2.10"))
    assert watch.ledger.state().active == NODE_A
    assert len(watch.check().told(RecordDrifted)) == 1


def test_a_record_that_somebody_changed_is_put_right_although_another_one_is_owed():  # S5
    """Before: it waited for the next try at the other one, up to a quarter of an hour."""
    other = replace(RECORD, hosted_zone_id="Z0OTHER")
    parts = {RECORD.label: AddressStatus.IN_SYNC, other.label: AddressStatus.OWED}
    owed = a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 900, parts=parts, failures=6))
    watch = Watch(owed, records=(RECORD, other))
    watch.check()
    assert not watch.announcer.events
    watch.put(record_sets(address="10.9.9.9")[0]).check()
    ((told,),) = watch.told(RecordDrifted)
    assert told["record"] == RECORD.label
    assert watch.ledger.state().address == Address(AddressStatus.OWED, 1, retry_at=NOW)
