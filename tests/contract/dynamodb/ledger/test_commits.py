"""Every write of a transition is conditional on the state that it was decided from (B1)."""

from dataclasses import replace

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    a_beat,
    a_failed_start,
    a_moving_state,
    a_previous,
    a_transition,
)
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.state import PowerReading, Proof, ServiceStatus, Stage
from understudy.domain.observe.signal import PowerSignal

EVERYTHING = a_moving_state(
    previous=a_previous(proof=Proof.LEASE_EXPIRED, lease_s=12.5),
    transition=a_transition(stage=Stage.MOVING, tried=(NODE_A, NODE_B)),
    failover_times=(NOW - 5, NOW),
    address=Address(AddressStatus.OWED, 2, ("C1", "C2"), retry_at=NOW, change_of={"a": "C1", "z": "C2"}, failures=3),
    alert="no-fit-candidate",
    failed_starts=a_failed_start(at=NOW, epoch=2),
)


@pytest.mark.parametrize("history", [None, {2: {"rule": "active-is-silent"}}], ids=["plain", "with-history"])
def test_a_commit_writes_and_answers_everything_but_the_nodes(ledger, history):
    before = ledger.read(CLUSTER)
    written = ledger.commit(before, replace(EVERYTHING, nodes={}), history=history)
    assert written == replace(EVERYTHING, revision=before.revision + 1, nodes=before.nodes)
    assert ledger.read(CLUSTER) == written
    settled = ledger.commit(written, before, history=history)
    assert settled == replace(before, revision=before.revision + 2)
    assert ledger.read(CLUSTER) == settled


def test_a_holder_that_never_beat_and_a_transition_from_nowhere_are_kept_as_they_are(ledger):
    before = ledger.read(CLUSTER)
    unheard = a_previous(renewed_at=None, keeps_lease=False)
    wanted = replace(before, active=None, previous=unheard, transition=a_transition(source=None))
    assert ledger.commit(before, wanted) == replace(wanted, revision=before.revision + 1)
    assert ledger.read(CLUSTER) == replace(wanted, revision=before.revision + 1)


def test_of_two_who_read_the_same_state_one_writes(ledger):
    before = ledger.read(CLUSTER)
    first = ledger.commit(before, replace(before, epoch=2))
    for history in (None, {2: {"rule": "too late"}}):
        with pytest.raises(LedgerConflictError):
            ledger.commit(before, replace(before, epoch=3), history=history)
    assert ledger.read(CLUSTER) == first
    assert ledger.history(CLUSTER, 2) == {}


def test_a_state_of_another_epoch_is_not_written_over_even_under_the_same_revision(ledger):
    before = ledger.read(CLUSTER)
    with pytest.raises(LedgerConflictError):
        ledger.commit(replace(before, epoch=before.epoch + 1), before)


def test_a_cluster_that_is_not_registered_cannot_be_committed(empty_ledger):
    with pytest.raises(LedgerConflictError):
        empty_ledger.commit(EVERYTHING, EVERYTHING)
    assert empty_ledger.read(CLUSTER) is None


def test_beats_and_signals_get_in_nobodys_way(ledger):
    before = ledger.read(CLUSTER)
    ledger.record_beat(a_beat(NODE_A))
    ledger.record_signal(CLUSTER, PowerSignal(NODE_B, PowerReading.RUNNING, NOW))
    ledger.commit(before, replace(before, alert="told"))
    after = ledger.read(CLUSTER)
    assert after.alert == "told"
    assert after.nodes[NODE_A].beat == a_beat(NODE_A).beat
    assert after.nodes[NODE_B].power is PowerReading.RUNNING


@pytest.mark.parametrize("history", [None, {2: {"rule": "active-is-silent"}}], ids=["plain", "with-history"])
def test_a_node_that_beats_after_all_is_not_taken_for_silent(ledger, history):
    before = ledger.read(CLUSTER)
    ledger.record_beat(a_beat(NODE_A))
    with pytest.raises(LedgerConflictError):
        ledger.commit(before, EVERYTHING, if_no_newer_beat_of=NODE_A, history=history)
    assert ledger.read(CLUSTER).epoch == before.epoch
    assert ledger.history(CLUSTER, 2) == {}


def test_a_beat_from_another_boot_counts_even_when_its_number_is_the_same(ledger):
    before = ledger.read(CLUSTER)
    ledger.record_beat(a_beat(NODE_A, boot="new-boot", beat=before.nodes[NODE_A].beat))
    with pytest.raises(LedgerConflictError):
        ledger.commit(before, EVERYTHING, if_no_newer_beat_of=NODE_A)


def test_the_beats_of_others_do_not_keep_a_silent_node_from_being_fenced(ledger):
    before = ledger.read(CLUSTER)
    ledger.record_beat(a_beat(NODE_B))
    assert ledger.commit(before, EVERYTHING, if_no_newer_beat_of=NODE_A).epoch == EVERYTHING.epoch


def test_an_instance_that_is_no_member_any_more_holds_still(ledger):
    before = ledger.read(CLUSTER)
    assert ledger.commit(before, EVERYTHING, if_no_newer_beat_of="i-0ddddddddddddddd4").epoch == EVERYTHING.epoch


# B4
@pytest.mark.parametrize("history", [None, {2: {"rule": "active-is-silent"}}], ids=["plain", "with-history"])
@pytest.mark.parametrize(
    "said", [{"service": ServiceStatus.IN_SERVICE}, {"keeps_lease": False}], ids=["it-serves", "under-no-lease"]
)
def test_a_node_that_says_something_else_than_that_it_is_down_is_heard_before_the_write(ledger, history, said):
    ledger.record_beat(a_beat(NODE_B, service=ServiceStatus.OUT_OF_SERVICE))
    before = ledger.read(CLUSTER)
    later = {"beat": a_beat(NODE_B).beat + 4000, "heard_at": NOW + 8}
    ledger.record_beat(a_beat(NODE_B, **{"service": ServiceStatus.OUT_OF_SERVICE, **later, **said}))
    with pytest.raises(LedgerConflictError):
        ledger.commit(before, EVERYTHING, saying_the_same=[NODE_B], history=history)
    assert ledger.read(CLUSTER).epoch == before.epoch


def test_whatever_a_silent_node_says_after_all_is_heard_that_was_not_down_when_it_fell_silent(ledger):
    ledger.record_beat(a_beat(NODE_A, service=ServiceStatus.STOPPING))
    before = ledger.read(CLUSTER)
    later = {"beat": a_beat(NODE_A).beat + 60_000, "heard_at": NOW + 64}
    ledger.record_beat(a_beat(NODE_A, service=ServiceStatus.STOPPING, **later))
    with pytest.raises(LedgerConflictError):
        ledger.commit(before, EVERYTHING, saying_the_same=[NODE_A])


def test_a_node_that_says_again_that_it_is_down_keeps_nobody_from_writing(ledger):
    ledger.record_beat(a_beat(NODE_B, service=ServiceStatus.OUT_OF_SERVICE))
    before = ledger.read(CLUSTER)
    later = {"beat": a_beat(NODE_B).beat + 4000, "heard_at": NOW + 8}
    ledger.record_beat(a_beat(NODE_B, service=ServiceStatus.OUT_OF_SERVICE, **later))
    assert ledger.commit(before, EVERYTHING, saying_the_same=[NODE_A, NODE_B]).epoch == EVERYTHING.epoch


def test_a_node_that_is_no_member_keeps_nobody_from_writing(ledger):
    before = ledger.read(CLUSTER)
    stranger = "i-0ddddddddddddddd4"
    assert ledger.commit(before, EVERYTHING, saying_the_same=[stranger]).epoch == EVERYTHING.epoch


def test_what_was_read_never_changes_under_the_reader(ledger):
    before = ledger.read(CLUSTER)
    beat = before.nodes[NODE_A].beat
    ledger.record_beat(a_beat(NODE_A))
    ledger.commit(before, EVERYTHING)
    assert (before.epoch, before.nodes[NODE_A].beat) == (1, beat)
