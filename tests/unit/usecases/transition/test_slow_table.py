"""A table that is slower than the beats, a bus that does not answer: a move is opened all the same (S10, B4)."""

import pytest

from tests.support.builders import (
    CLUSTER,
    EXECUTION,
    NODE_A,
    NOW,
    a_beat,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
)
from tests.support.fakes import FakeAnnouncer, FakeLedger, FakeNodes, VirtualClock
from understudy.domain.cluster.errors import AnnouncementError, LedgerConflictError
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.events.transitions import TransitionOpened
from understudy.usecases.step import CONFLICT_TRIES
from understudy.usecases.transition.fence_node import fence_node
from understudy.usecases.transition.open_transition import open_transition

SWITCHOVER = {"request": {"cluster": CLUSTER, "action": "switchover"}, "execution": EXECUTION}


def let_a_beat_come_before_each(ledger, method):
    """Each call of this method takes so long that the active node has beaten once more when it is done."""
    for number in range(1, CONFLICT_TRIES + 1):
        beat = a_beat(NODE_A, beat=86_400_000 + number * 4000, heard_at=NOW + number)
        ledger.before_next(method, lambda beat=beat: ledger.record_beat(beat))


def open_on(ledger):
    return open_transition(SWITCHOVER, ledger=ledger, announcer=FakeAnnouncer(), clock=VirtualClock(NOW))


def test_a_switchover_opens_although_a_beat_comes_with_every_reading_of_the_tunables():  # S8 S10
    ledger = FakeLedger(a_state(), a_definition())
    let_a_beat_come_before_each(ledger, "stack_wide")
    assert open_on(ledger)["outcome"] == "OPENED"
    assert ledger.calls == ["stack_wide", "record_beat", "read", "definition", "commit"]


def test_a_beat_between_the_state_and_the_write_keeps_a_switchover_from_opening():  # B4
    """It would have renewed the lease. What comes here is the table's own time, and no reading of ours."""
    ledger = FakeLedger(a_state(), a_definition())
    let_a_beat_come_before_each(ledger, "commit")
    with pytest.raises(LedgerConflictError):
        open_on(ledger)
    assert ledger.state().active == NODE_A


def test_a_lease_that_has_run_out_is_noted_although_a_beat_comes_with_every_reading_of_the_tunables():  # S8 B4
    """The old node is heard and down: its beats move nothing, but they come."""
    previous = a_previous(renewed_at=NOW - 60)
    down = a_report(heard_at=NOW - 60, service=ServiceStatus.OUT_OF_SERVICE, read_epoch=0)
    ledger = FakeLedger(a_moving_state(previous=previous, node_a=down), a_definition())
    for number in range(1, CONFLICT_TRIES + 1):
        beat = a_beat(
            NODE_A, beat=86_400_000 + number * 4000, heard_at=NOW, service=ServiceStatus.OUT_OF_SERVICE, read_epoch=0
        )
        ledger.before_next("stack_wide", lambda beat=beat: ledger.record_beat(beat))
    step = {"cluster": CLUSTER, "epoch": 2}
    fenced = fence_node(step, ledger=ledger, nodes=FakeNodes(), clock=VirtualClock(NOW))
    assert (fenced["outcome"], fenced["proof"]) == ("FENCED", "LEASE_EXPIRED")
    assert ledger.calls == ["stack_wide", "record_beat", "read", "definition", "commit"]


def test_a_move_that_nobody_could_be_told_of_is_opened_and_stands_whole_in_the_log(caplog):  # B5
    ledger, announcer = FakeLedger(a_state(), a_definition()), FakeAnnouncer()
    announcer.fail_next("announce", AnnouncementError("Read timeout"))
    opened = open_transition(SWITCHOVER, ledger=ledger, announcer=announcer, clock=VirtualClock(NOW))
    assert opened == {"outcome": "OPENED", "epoch": 2}
    assert announcer.calls == ["announce"]
    (lost,) = [record for record in caplog.records if record.message == "event not published"]
    assert (lost.detail_type, lost.detail["epoch"], lost.detail["target"]) == (
        TransitionOpened.detail_type,
        2,
        "node-b",
    )
    assert lost.levelname == "ERROR"
