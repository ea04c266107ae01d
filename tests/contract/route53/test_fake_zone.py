"""What only the fake can show: time, and faults put in."""

import pytest

from tests.support.builders import RECORD, a_wish
from tests.support.fakes import FakeZone, VirtualClock
from understudy.domain.cluster.errors import GuardMismatchError, ZoneBusyError
from understudy.domain.cluster.record import Change, ChangeReading, ChangeVerb, desired

BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))


def test_a_change_is_pending_until_it_has_propagated():
    clock = VirtualClock()
    zone = FakeZone(clock, propagation_s=30)
    change_id = zone.submit(RECORD, BATCH, "")
    assert zone.change_status(change_id) is ChangeReading.PENDING
    clock.advance(29)
    assert zone.change_status(change_id) is ChangeReading.PENDING
    clock.advance(1)
    assert zone.change_status(change_id) is ChangeReading.IN_SYNC


def test_a_change_can_be_forgotten():
    zone = FakeZone()
    one, other = (zone.submit(RECORD, (), "") for _ in range(2))
    zone.forget(one)
    assert [zone.change_status(each) for each in (one, other)] == [ChangeReading.UNKNOWN, ChangeReading.IN_SYNC]
    zone.forget()
    assert zone.change_status(other) is ChangeReading.UNKNOWN


def test_a_batch_can_be_refused_and_can_be_done_although_its_answer_is_lost():
    zone = FakeZone()
    zone.fail_next("submit", ZoneBusyError("refused"))
    zone.fail_next("submit", ZoneBusyError("answer lost"), done=True)
    with pytest.raises(ZoneBusyError, match="refused"):
        zone.submit(RECORD, BATCH, "")
    assert zone.batches == []
    with pytest.raises(ZoneBusyError, match="answer lost"):
        zone.submit(RECORD, BATCH, "")
    assert zone.batches == [BATCH]


def test_another_writer_can_come_between():
    zone = FakeZone()
    zone.before_next("submit", lambda: zone.put(RECORD, BATCH[1].record_set))
    with pytest.raises(GuardMismatchError):
        zone.submit(RECORD, BATCH, "")
    assert zone.read(RECORD).record is None
