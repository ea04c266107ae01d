"""The protected record and its guard: a batch that Route 53 itself refuses when somebody newer has been there."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import ADDRESS_A, ADDRESS_B, RECORD, a_wish, record_sets
from understudy.domain.cluster.definition import Record
from understudy.domain.cluster.record import (
    GUARD_EPOCH_LIMIT,
    Change,
    ChangeVerb,
    Foreign,
    Guard,
    RecordReading,
    RecordSet,
    Stale,
    desired,
    foreign_words,
    guard_epoch,
    guard_name,
    is_foreign,
    is_in_place,
    plan_batch,
    plan_zone,
    read_guard,
)

DELETE, CREATE, UPSERT = ChangeVerb
NAME, GUARD_NAME = "orders-db.corp.example.com", "_understudy.orders-db.corp.example.com"
WISH = a_wish(epoch=2, node="node-b", address=ADDRESS_B)
NOTHING = RecordReading(None, None)


def batch_for(wish: Any, found: Any = NOTHING) -> Any:
    return plan_batch(RECORD, wish, found)


def reading(**changes: Any) -> Any:
    return RecordReading(*record_sets(**changes))


def a_guard(*values: str) -> RecordSet:
    return RecordSet(GUARD_NAME, "TXT", 60, values)


def test_the_guard_stands_beside_the_record():  # B1
    assert guard_name(RECORD) == GUARD_NAME


def test_a_batch_deletes_the_guard_as_read_creates_the_next_and_moves_the_record():  # S4 B1
    _, old_guard = record_sets()
    assert batch_for(WISH, reading()) == (
        Change(DELETE, old_guard),
        Change(
            CREATE,
            RecordSet(GUARD_NAME, "TXT", 10, ('"understudy stack=understudy cluster=orders-db epoch=2 node=node-b"',)),
        ),
        Change(UPSERT, RecordSet(NAME, "A", 10, (ADDRESS_B,))),
    )


def test_the_first_batch_creates_the_guard_and_fails_when_another_was_first():  # B1
    verbs = [change.verb for change in batch_for(WISH)]
    assert verbs == [CREATE, UPSERT]


def test_the_guard_is_deleted_exactly_as_it_was_read():  # B1
    """Route 53 refuses a DELETE that differs in TTL or value: so nothing is normalised."""
    guard = a_guard('"a damaged  guard"')
    assert batch_for(WISH, RecordReading(None, guard))[0] == Change(DELETE, guard)


def test_the_records_of_one_name_share_its_guard_in_one_batch():  # S4 B1
    v6 = Record(RECORD.hosted_zone_id, RECORD.name, "AAAA")
    wish_v6 = a_wish(epoch=2, node="node-b", address="2001:db8:2::b")
    plans = [batch_for(WISH, reading()), plan_batch(v6, wish_v6, reading())]
    verbs = [(change.verb, change.record_set.type) for change in plan_zone(plans)]
    assert verbs == [(DELETE, "TXT"), (CREATE, "TXT"), (UPSERT, "A"), (UPSERT, "AAAA")]


def test_a_guard_that_changed_between_two_readings_is_deleted_twice_and_route_53_refuses_the_batch():  # B1
    plans = [batch_for(WISH, reading()), batch_for(WISH, reading(epoch=1, node="node-c"))]
    assert [change.verb for change in plan_zone(plans)].count(DELETE) == 2


def test_the_ttl_of_the_moment_goes_into_the_record():  # S4 S8
    batch = batch_for(a_wish(ttl=3))
    assert {change.record_set.ttl for change in batch} == {3}


@pytest.mark.parametrize("epoch", [3, GUARD_EPOCH_LIMIT - 1])
def test_a_higher_epoch_in_the_guard_makes_the_wish_stale(epoch):  # B1
    newer = reading(epoch=epoch)
    assert batch_for(WISH, newer) == Stale(read_guard(newer.guard))


@pytest.mark.parametrize(("epoch", "node"), [(0, "node-a"), (1, "node-a"), (2, "node-b")])
def test_the_same_or_a_lower_epoch_in_the_guard_gives_way(epoch, node):  # B1
    assert isinstance(batch_for(WISH, reading(epoch=epoch, node=node)), tuple)


def test_the_same_epoch_for_another_node_is_of_another_life_of_the_table():  # B1 B4
    other = reading(epoch=2, node="node-a")
    assert batch_for(WISH, other) == Stale(read_guard(other.guard))


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_the_guard_of_a_cluster_of_the_same_name_in_another_stack_is_never_moved(epoch):  # B1
    foreign = reading(stack="understudy-test", epoch=epoch)
    assert is_foreign(foreign.guard, "understudy", "orders-db")
    assert batch_for(WISH, foreign) == Foreign(foreign.guard.values[0])


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_the_guard_of_another_cluster_is_never_moved_whatever_its_epoch(epoch):  # B1
    foreign = reading(cluster="payments", epoch=epoch)
    assert is_foreign(foreign.guard, "understudy", "orders-db")
    assert batch_for(WISH, foreign) == Foreign(foreign.guard.values[0])


@pytest.mark.parametrize(
    "text",
    [
        '"v=spf1 -all"',
        '""',
        '"understudy stack=understudy cluster=orders-db epoch=9"',
        '"understudy stack=understudy cluster=orders-db epoch=-9 node=a"',
        '"understudy stack=understudy cluster=orders-db epoch=nine node=a"',
        '"understudy stack=understudy cluster=orders-db epoch=9 node=a b"',
        "understudy stack=understudy stack=understudy cluster=orders-db epoch=9 node=a",
        ' "understudy stack=understudy cluster=orders-db epoch=9 node=a"',
    ],
)
def test_a_text_that_is_no_guard_has_no_epoch_and_no_owner(text):
    assert guard_epoch(a_guard(text)) == 0
    assert not is_foreign(a_guard(text), "understudy", "orders-db")
    assert batch_for(WISH, RecordReading(None, a_guard(text)))[0].verb is DELETE


@pytest.mark.parametrize("guard", [None, a_guard()])
def test_no_guard_has_no_epoch_and_no_owner(guard):
    assert guard_epoch(guard) == 0
    assert not is_foreign(guard, "understudy", "orders-db")


def test_what_is_written_into_a_guard_is_read_from_it():  # B1
    assert read_guard(reading(epoch=42, node="node-b").guard) == Guard("understudy", "orders-db", 42, "node-b")
    assert guard_epoch(reading(epoch=42).guard) == 42
    assert not is_foreign(reading().guard, "understudy", "orders-db")


def test_a_record_is_in_place_only_with_its_guard_ttl_and_address():  # S5 B2
    assert is_in_place(RECORD, a_wish(), reading())
    for other in (reading(epoch=2), reading(ttl=60), reading(address=ADDRESS_B), reading(node="node-b"), NOTHING):
        assert not is_in_place(RECORD, a_wish(), other)
    assert not is_in_place(RECORD, a_wish(), RecordReading(record_sets()[0], None))


def test_a_record_with_a_second_value_is_not_in_place():  # S5
    record, guard = record_sets()
    two = RecordSet(record.name, record.type, record.ttl, (ADDRESS_A, ADDRESS_B))
    assert not is_in_place(RECORD, a_wish(), RecordReading(two, guard))


def test_of_two_writers_that_read_the_same_guard_only_one_batch_fits():  # B1
    """Both DELETE the guard that they read; whoever comes second deletes one that is not there any more."""
    first, second = (batch_for(a_wish(epoch=epoch), reading(epoch=1)) for epoch in (2, 3))
    assert first[0] == second[0] == Change(DELETE, reading(epoch=1).guard)
    assert first[1].record_set != second[0].record_set


def test_the_guard_fits_into_one_txt_string():
    longest = a_wish(cluster="c" * 40, node="n" * 40, epoch=2**53)
    text = batch_for(longest)[0].record_set.values[0]
    assert re.fullmatch(r'"[^"]{1,255}"', text)


ABSURD = [GUARD_EPOCH_LIMIT, 10**15, 10**200]


@pytest.mark.parametrize("epoch", ABSURD, ids=["the-limit", "a-clock", "endless"])
def test_an_epoch_that_no_cluster_reaches_is_none_and_its_record_is_not_ours_to_move(epoch):  # B1
    wish = a_wish()
    _, guard = desired(RECORD, wish)
    text = guard.values[0].replace(f"epoch={wish.epoch}", f"epoch={epoch}")
    strange = replace(guard, values=(text,))
    assert (read_guard(strange), guard_epoch(strange)) == (None, 0)
    assert is_foreign(strange, wish.stack, wish.cluster)
    assert f"every one in a guard is below {GUARD_EPOCH_LIMIT}" in foreign_words(strange, wish.stack, wish.cluster)
    assert isinstance(plan_batch(RECORD, wish, RecordReading(None, strange)), Foreign)


def test_the_highest_epoch_that_there_can_be_is_one():  # B1
    wish = a_wish(epoch=GUARD_EPOCH_LIMIT - 1)
    _, guard = desired(RECORD, wish)
    assert guard_epoch(guard) == GUARD_EPOCH_LIMIT - 1
    assert foreign_words(guard, wish.stack, wish.cluster) == ""


def test_another_clusters_guard_with_such_an_epoch_is_another_clusters():  # B1
    _, guard = desired(RECORD, a_wish(cluster="files", epoch=10**15))
    assert "cluster files" in foreign_words(guard, "understudy", "orders-db")


def test_a_guard_that_says_nothing_of_the_kind_is_not_foreign():
    assert foreign_words(RecordSet("x", "TXT", 10, ('"v=spf1 -all"',)), "understudy", "orders-db") == ""


OURS = '"understudy stack=understudy cluster=orders-db epoch=3 node=node-a"'
NEWER = '"understudy stack=understudy cluster=orders-db epoch=8 node=node-b"'
OTHERS = '"understudy stack=understudy cluster=files epoch=1 node=node-x"'


@pytest.mark.parametrize("values", [(OURS, OTHERS), (OTHERS, OURS), ('"v=spf1 -all"', OTHERS)])
def test_a_guard_of_which_any_value_is_another_clusters_is_not_ours_to_move(values):  # B1
    guard = RecordSet(GUARD_NAME, "TXT", 10, values)
    assert "cluster files" in foreign_words(guard, "understudy", "orders-db")
    assert plan_batch(RECORD, a_wish(epoch=9), RecordReading(None, guard)) == Foreign(" ".join(values))


@pytest.mark.parametrize("values", [(OURS, NEWER), (OURS, '"heritage=external-dns,external-dns/owner=k8s"')])
def test_a_guard_with_several_values_is_somebody_elses_as_well(values):  # B1
    guard = RecordSet(GUARD_NAME, "TXT", 10, values)
    assert foreign_words(guard, "understudy", "orders-db").startswith("the guard has 2 values")
    assert isinstance(plan_batch(RECORD, a_wish(epoch=9), RecordReading(None, guard)), Foreign)


def test_of_several_guards_the_highest_epoch_is_the_one_to_fear():  # B1
    assert guard_epoch(RecordSet(GUARD_NAME, "TXT", 10, (OURS, NEWER))) == 8


def test_a_health_check_that_somebody_attached_to_the_record_stays_attached():  # S4
    wish = a_wish(epoch=9)
    record, guard = desired(RECORD, wish)
    checked = replace(record, health_check="0cf4")
    assert is_in_place(RECORD, wish, RecordReading(checked, guard))
    old = RecordReading(replace(checked, values=("10.0.9.9",)), None)
    written = [change.record_set for change in plan_batch(RECORD, wish, old)]
    assert written == [guard, checked]
