"""What only the fake can show: time, and faults put in."""

import pytest

from tests.support.builders import RECORD, a_wish
from tests.support.fakes import FakeZone, VirtualClock
from understudy.domain.errors import GuardMismatchError, ZoneBusyError
from understudy.domain.record import Change, ChangeVerb, desired

BATCH = tuple(Change(ChangeVerb.CREATE, each) for each in desired(RECORD, a_wish()))


def test_a_change_is_pending_until_it_has_propagated():
    clock = VirtualClock()
    zone = FakeZone(clock, propagation_s=30)
    change_id = zone.submit(RECORD, BATCH, "")
    assert not zone.is_in_sync(change_id)
    clock.advance(29)
    assert not zone.is_in_sync(change_id)
    clock.advance(1)
    assert zone.is_in_sync(change_id)


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
