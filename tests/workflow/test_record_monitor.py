"""The record monitor over minutes: what it puts right by a repair, and what it leaves alone without a single one."""

from dataclasses import replace

import pytest

from tests.support.builders import ADDRESS_A, RECORD, record_sets
from tests.support.world import World
from understudy.domain.cluster.record import guard_epoch
from understudy.domain.events.addresses import RecordDrifted, RecordGuarded, RecordObstructed

MINUTES = 5 * 60


def repaired(world):
    return world.dns == ADDRESS_A and world.state.transition is None


def remove(world, record_set):
    del world.zone.record_sets[(RECORD.hosted_zone_id, record_set.name, record_set.type)]


@pytest.mark.parametrize("change", [{"values": ("10.9.9.9",)}, {"ttl": 3600}], ids=["value", "ttl"])
def test_a_record_that_somebody_changed_is_put_right_and_the_service_is_not_disturbed(change):  # S5
    world = World().settle()
    as_written = world.zone.read(RECORD).record
    world.zone.put(RECORD, replace(as_written, **change))
    world.run_until(lambda w: w.zone.read(RECORD).record == as_written and w.state.transition is None, limit_s=90)
    assert world.history(world.state.epoch)["action"] == "repair"
    assert world.in_service == ["node-a"]
    assert len(world.told(RecordDrifted)) == 1
    world.run(MINUTES)
    assert world.state.epoch == 2


@pytest.mark.parametrize(
    "guard", [record_sets(epoch=9)[1], record_sets(cluster="payments")[1]], ids=["newer", "foreign"]
)
def test_under_a_strange_guard_nothing_is_moved_until_a_person_has_removed_it(guard):  # S5 B1 B3
    world = World().settle()
    world.zone.put(RECORD, guard)
    world.zone.put(RECORD, record_sets(address="10.9.9.9")[0])
    world.run(MINUTES)
    assert (len(world.executions), world.state.epoch, world.in_service) == (1, 1, ["node-a"])
    assert (world.dns, len(world.told(RecordGuarded)), world.told(RecordDrifted)) == ("10.9.9.9", 1, [])
    remove(world, guard)
    world.run_until(repaired, limit_s=90)
    assert guard_epoch(world.zone.read(RECORD).guard) == world.state.epoch == 2


def test_an_alias_in_the_records_place_is_not_fought_each_minute_and_replaced_once_it_is_gone():  # S5
    """Without it each minute has a repair that cannot read the record, a new epoch, and a failed execution."""
    world = World().settle()
    world.zone.obstruct(RECORD, "it is an alias of lb.example.com")
    world.run(MINUTES)
    assert (len(world.executions), world.state.epoch, world.in_service) == (1, 1, ["node-a"])
    assert len(world.told(RecordObstructed)) == 1
    world.zone.obstacles.clear()
    world.run_until(repaired, limit_s=90)
    assert world.state.epoch == 2
