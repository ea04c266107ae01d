"""The protected record moves under its guard, and a stale writer is refused by Route 53 itself (B1, S4, S7)."""

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.route53.conftest import Scene
from tests.support.builders import ADDRESS_A, ADDRESS_B, a_wish
from understudy.domain.cluster.errors import GuardMismatchError
from understudy.domain.cluster.record import (
    Change,
    ChangeReading,
    ChangeVerb,
    RecordReading,
    RecordSet,
    desired,
    guard_name,
    is_in_place,
    plan_batch,
    plan_zone,
)


def move(scene: Scene, **wish: Any) -> str:
    """What move_address does: read, plan, submit."""
    batch = plan_batch(scene.record, a_wish(**wish), scene.zone.read(scene.record))
    assert isinstance(batch, tuple)
    return scene.zone.submit(scene.record, batch, "moved by a test")


def test_where_nothing_stands_nothing_is_read(scene):
    assert scene.zone.read(scene.record) == RecordReading(None, None)


def test_what_was_submitted_is_read_back_word_for_word(scene):
    move(scene)
    reading = scene.zone.read(scene.record)
    assert is_in_place(scene.record, a_wish(), reading)
    assert (reading.record, reading.guard) == desired(scene.record, a_wish())


def test_a_later_epoch_takes_the_record_over(scene):
    move(scene)
    move(scene, epoch=2, node="node-b", address=ADDRESS_B, ttl=5)
    reading = scene.zone.read(scene.record)
    assert is_in_place(scene.record, a_wish(epoch=2, node="node-b", address=ADDRESS_B, ttl=5), reading)


def test_of_two_who_read_the_same_guard_the_second_is_refused_and_changes_nothing(scene):
    move(scene)
    reading = scene.zone.read(scene.record)
    stale = plan_batch(scene.record, a_wish(epoch=2, address=ADDRESS_A), reading)
    move(scene, epoch=3, node="node-b", address=ADDRESS_B)
    with pytest.raises(GuardMismatchError):
        scene.zone.submit(scene.record, stale, "too late")
    wanted = a_wish(epoch=3, node="node-b", address=ADDRESS_B)
    assert is_in_place(scene.record, wanted, scene.zone.read(scene.record))


def test_of_two_who_found_no_guard_the_second_is_refused(scene):
    nothing = scene.zone.read(scene.record)
    move(scene)
    late = plan_batch(scene.record, a_wish(epoch=2, address=ADDRESS_B), nothing)
    with pytest.raises(GuardMismatchError):
        scene.zone.submit(scene.record, late, "too late")
    assert is_in_place(scene.record, a_wish(), scene.zone.read(scene.record))


@pytest.mark.parametrize("changed", [{"ttl": 99}, {"values": ('"somebody else"',)}], ids=["ttl", "value"])
def test_a_guard_that_is_not_exactly_as_it_was_read_stops_the_batch(scene, changed):
    move(scene)
    _, guard = desired(scene.record, a_wish())
    batch = (
        Change(ChangeVerb.UPSERT, RecordSet(scene.record.name, "A", 10, (ADDRESS_B,))),
        Change(ChangeVerb.DELETE, replace(guard, **changed)),
    )
    with pytest.raises(GuardMismatchError):
        scene.zone.submit(scene.record, batch, "must not be")
    assert is_in_place(scene.record, a_wish(), scene.zone.read(scene.record))


def test_a_guard_that_is_gone_cannot_be_deleted(scene):
    _, guard = desired(scene.record, a_wish())
    with pytest.raises(GuardMismatchError):
        scene.zone.submit(scene.record, (Change(ChangeVerb.DELETE, guard),), "must not be")


def test_neighbours_and_other_types_are_not_taken_for_the_record(scene):
    after = RecordSet("orders-db2.corp.example.com", "A", 10, (ADDRESS_B,))
    other_type = RecordSet(scene.record.name, "TXT", 10, ('"hello"',))
    below = RecordSet("x." + guard_name(scene.record), "TXT", 10, ('"hello"',))
    batch = tuple(Change(ChangeVerb.CREATE, each) for each in (after, other_type, below))
    scene.zone.submit(scene.record, batch, "neighbours")
    assert scene.zone.read(scene.record) == RecordReading(None, None)


def test_several_values_and_a_wildcard_are_read_as_they_stand(scene):
    wild = replace(scene.record, name="*.corp.example.com")
    stands = RecordSet(wild.name, "A", 300, (ADDRESS_A, ADDRESS_B))
    scene.zone.submit(wild, (Change(ChangeVerb.UPSERT, stands),), "by hand")
    assert scene.zone.read(wild) == RecordReading(stands, None)


def test_an_accepted_change_comes_in_sync_in_the_end(scene):
    change_id = move(scene)
    give_up_at = time.monotonic() + 10
    while scene.zone.change_status(change_id) is not ChangeReading.IN_SYNC:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    assert "/" not in change_id


def test_a_change_that_nobody_knows_is_unknown(scene):  # S7
    assert scene.zone.change_status("C0000000000000") is ChangeReading.UNKNOWN


def two_types(scene: Scene, **wish: Any) -> tuple[Change, ...]:
    """A and AAAA of one name, in one batch under its one guard, as the mover of records plans it."""
    v6 = replace(scene.record, type="AAAA")
    plans = [
        plan_batch(record, a_wish(**{**wish, **own}), scene.zone.read(record))
        for record, own in ((scene.record, {}), (v6, {"address": "2001:db8:1::a"}))
    ]
    return plan_zone(plan for plan in plans if isinstance(plan, tuple))


def test_a_and_aaaa_of_one_name_move_together_under_one_guard(scene):  # S4 B1
    v6 = replace(scene.record, type="AAAA")
    scene.zone.submit(scene.record, two_types(scene), "both")
    scene.zone.submit(scene.record, two_types(scene, epoch=2, node="node-b", address=ADDRESS_B), "both again")
    found, found_v6 = scene.zone.read(scene.record), scene.zone.read(v6)
    assert is_in_place(scene.record, a_wish(epoch=2, node="node-b", address=ADDRESS_B), found)
    assert is_in_place(v6, a_wish(epoch=2, node="node-b", address="2001:db8:1::a"), found_v6)
    assert found.guard == found_v6.guard


def test_a_stale_batch_of_two_types_changes_neither(scene):  # S4 B1
    scene.zone.submit(scene.record, two_types(scene), "both")
    stale = two_types(scene, epoch=2, address="10.0.9.9")
    scene.zone.submit(scene.record, two_types(scene, epoch=3, node="node-b", address=ADDRESS_B), "newer")
    with pytest.raises(GuardMismatchError):
        scene.zone.submit(scene.record, stale, "too late")
    assert is_in_place(scene.record, a_wish(epoch=3, node="node-b", address=ADDRESS_B), scene.zone.read(scene.record))


def test_many_records_are_read_as_each_alone(scene):  # S5
    move(scene)
    records = [scene.record, replace(scene.record, type="AAAA"), replace(scene.record, name="gone.corp.example.com")]
    assert scene.zone.read_many(records) == {record: scene.zone.read(record) for record in records}
