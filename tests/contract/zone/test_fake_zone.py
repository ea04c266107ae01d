"""What only the fake can show: time, and faults put in."""

import pytest

from tests.support.builders import RECORD, a_wish
from tests.support.fakes import FakeZone, VirtualClock
from understudy.domain.errors import ZoneBusyError
from understudy.domain.record import plan_batch


def test_a_change_is_pending_until_it_has_propagated():
    clock = VirtualClock()
    zone = FakeZone(clock, propagation_s=30)
    change_id = zone.submit(RECORD, plan_batch(RECORD, a_wish(), zone.read(RECORD)), "")
    assert not zone.is_in_sync(change_id)
    clock.advance(29)
    assert not zone.is_in_sync(change_id)
    clock.advance(1)
    assert zone.is_in_sync(change_id)


def test_a_batch_can_be_done_although_its_answer_is_lost():
    zone = FakeZone()
    zone.fail_next("submit", ZoneBusyError("refused"))
    zone.fail_next("submit", ZoneBusyError("answer lost"), done=True)
    batch = plan_batch(RECORD, a_wish(), zone.read(RECORD))
    with pytest.raises(ZoneBusyError):
        zone.submit(RECORD, batch, "")
    assert zone.batches == []
