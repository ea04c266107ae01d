"""What was done and why can be read afterwards (B5)."""

from tests.support.builders import CLUSTER, NODE_A, a_moving_state
from understudy.domain.cluster.state import Proof


def test_an_epoch_without_history_has_an_empty_one(ledger):
    assert ledger.history(CLUSTER, 77) == {}


def test_facts_of_every_kind_come_back_as_plain_values(ledger):
    facts = {
        "rule": "active-is-silent",
        "proof": Proof.LEASE_EXPIRED,
        "opened_at": 1_800_000_000,
        "lag_s": 0.125,
        "is_first": True,
        "reason": None,
        "tried": (NODE_A,),
        "seen": {"node-a": {"beats": [1, 2.5, "x"], "fit": False}, "a.b#c": {}},
    }
    ledger.note(CLUSTER, 2, facts)
    assert ledger.history(CLUSTER, 2) == {**facts, "proof": "LEASE_EXPIRED", "tried": [NODE_A]}


def test_facts_are_added_and_replaced_one_by_one(ledger):
    ledger.note(CLUSTER, 2, {"rule": "active-is-silent", "outcome": "open"})
    ledger.note(CLUSTER, 2, {"outcome": "IN_SERVICE"})
    assert ledger.history(CLUSTER, 2) == {"rule": "active-is-silent", "outcome": "IN_SERVICE"}


def test_the_times_of_stages_gather_in_one_map(ledger):
    before = ledger.read(CLUSTER)
    ledger.commit(before, a_moving_state(), history={2: {"stages.opened_at": 1_800_000_000.25, "rule": "r"}})
    ledger.note(CLUSTER, 2, {"stages.fenced_at": 1_800_000_009, "proof": Proof.RELEASED})
    ledger.note(CLUSTER, 2, {"stages": {"moved_at": 1_800_000_011}})
    assert ledger.history(CLUSTER, 2) == {
        "rule": "r",
        "proof": "RELEASED",
        "stages": {"opened_at": 1_800_000_000.25, "fenced_at": 1_800_000_009, "moved_at": 1_800_000_011},
    }


def test_one_commit_can_close_one_epoch_and_open_the_next(ledger):
    before = ledger.read(CLUSTER)
    ledger.commit(before, a_moving_state(), history={1: {"outcome": "superseded"}, 2: {"rule": "r"}})
    assert (ledger.history(CLUSTER, 1), ledger.history(CLUSTER, 2)) == ({"outcome": "superseded"}, {"rule": "r"})


def test_a_note_leaves_the_state_alone(ledger):
    before = ledger.read(CLUSTER)
    ledger.note(CLUSTER, 1, {"outcome": "IN_SERVICE"})
    assert ledger.read(CLUSTER) == before
