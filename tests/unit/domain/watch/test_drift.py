"""What stands in Route 53, judged: ours to put right, a person's to look at, or as it was written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import RECORD, a_wish, record_sets
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import RecordReading
from understudy.domain.watch.drift import ADVICE, RecordStatus, examine, facts_of, repairable, withheld

RECORD_SET, GUARD = record_sets()
NAMES = [Record(zone, f"{name}.example.com") for zone in ("Z1", "Z2") for name in ("a", "b")]


def look(record_set=RECORD_SET, guard=GUARD, obstacle="", epoch=1):
    return examine(RECORD, a_wish(), RecordReading(record_set, guard, obstacle), epoch)


def test_what_was_written_stands():  # S5
    found = look()
    assert (found.status, found.why) == (RecordStatus.AS_WRITTEN, "")


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        ({"record_set": None}, "the record is gone"),
        ({"guard": None}, "the guard is gone"),
        (
            {"record_set": replace(RECORD_SET, values=("10.0.1.10", "10.9.9.9"))},
            "the record is 10.0.1.10, 10.9.9.9 and not 10.0.1.10",
        ),
        (
            {"record_set": replace(RECORD_SET, ttl=60)},
            "the record's TTL is 60 s and its guard's 10 s, and they are written with one",
        ),
        (
            {"guard": replace(GUARD, values=('"hello"',))},
            'the guard is "hello" and not "understudy stack=understudy cluster=orders-db epoch=1 node=node-a"',
        ),
        ({"record_set": None, "guard": None}, "the record is gone; the guard is gone"),
    ],
)
def test_every_difference_is_said(reading, why):  # S5
    found = look(**reading)
    assert (found.status, found.why) == (RecordStatus.DRIFTED, why)


def test_a_ttl_that_differs_from_the_tunable_only_is_no_difference():  # S5 S8
    assert look(*record_sets(ttl=300)).status is RecordStatus.AS_WRITTEN


@pytest.mark.parametrize(
    ("table", "status"), [(2, RecordStatus.NEWER), (3, RecordStatus.DRIFTED), (4, RecordStatus.DRIFTED)]
)
def test_a_guard_is_newer_only_above_the_tables_epoch_and_else_drifted(table, status):  # S5 B1
    """An execution that was cut off can have written under an epoch that no address in the table carries."""
    assert look(guard=record_sets(epoch=3)[1], epoch=table).status is status


def test_whose_it_is_comes_before_what_stands_there():  # S5 B1
    assert look(None, record_sets(cluster="payments")[1], "an alias").status is RecordStatus.FOREIGN
    assert look(None, record_sets(epoch=10**12)[1]).status is RecordStatus.FOREIGN
    assert look(None, record_sets(epoch=9)[1], "an alias").status is RecordStatus.NEWER
    assert look(None, GUARD, "an alias").status is RecordStatus.OBSTRUCTED


def test_the_expected_ttl_is_the_guards_while_its_text_is_untouched_and_else_the_tunables():  # S5
    record_set, guard = record_sets(ttl=300)
    assert facts_of(look(replace(record_set, ttl=60), guard))["expected_ttl_s"] == 300
    assert facts_of(look(record_set, replace(guard, values=('"hello"',))))["expected_ttl_s"] == 10


def test_facts_name_who_wrote_a_strange_guard():  # S5 B5
    facts = facts_of(look(None, record_sets(cluster="payments", epoch=4, node="pay-2")[1]))
    assert facts["guard_writer"] == {"stack": "understudy", "cluster": "payments", "epoch": 4, "node": "pay-2"}


def test_what_is_gone_has_no_facts():  # S5
    facts = facts_of(look(None, None))
    assert (facts["found"], facts["guard"]) == ([], [])
    assert {facts[name] for name in ("found_ttl_s", "guard_ttl_s", "guard_writer")} == {None}


def findings(*statuses):
    return [replace(look(), record=record, status=each) for record, each in zip(NAMES, statuses, strict=False)]


def test_a_newer_guard_leaves_nothing_of_the_cluster_to_repair():  # S5 B1
    found = findings(RecordStatus.DRIFTED, RecordStatus.AS_WRITTEN, RecordStatus.NEWER)
    assert repairable(found) == ()
    assert withheld(found) == (found[0], found[2])


def test_an_obstacle_stops_the_repair_of_its_zone_only():  # S5
    found = findings(RecordStatus.DRIFTED, RecordStatus.OBSTRUCTED, RecordStatus.DRIFTED)
    assert (repairable(found), withheld(found)) == ((found[2],), (found[0], found[1]))


def test_a_foreign_guard_stops_the_repair_of_no_other_record():  # S5
    found = findings(RecordStatus.DRIFTED, RecordStatus.FOREIGN)
    assert (repairable(found), withheld(found)) == ((found[0],), (found[1],))


@given(st.lists(st.sampled_from(RecordStatus), max_size=4))
def test_what_is_not_as_written_is_either_repaired_or_told_of(statuses):  # S5
    found = findings(*statuses)
    wrong = {each.record for each in found if each.status is not RecordStatus.AS_WRITTEN}
    good, told = ({each.record for each in part} for part in (repairable(found), withheld(found)))
    assert good | told == wrong
    assert not good & told


def test_every_standing_that_a_person_may_be_told_of_has_advice():  # S5
    assert set(ADVICE) == set(RecordStatus) - {RecordStatus.AS_WRITTEN}
