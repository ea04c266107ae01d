"""The history keeps why a move was opened, as `explain` would have said it then."""

from tests.support.builders import CLUSTER, EXECUTION, NOW, a_definition, a_report, a_state
from tests.support.fakes import FakeAnnouncer, FakeLedger, VirtualClock
from understudy.domain.cluster.seal import sealed
from understudy.usecases.transition import open_transition as room
from understudy.usecases.transition.open_transition import open_transition

REQUEST = {"cluster": CLUSTER, "action": "failover", "rule": "active-is-silent", "noticed_at": NOW, "epoch": 2}


def opened(ledger):
    now = VirtualClock(NOW + 60)
    name = EXECUTION.rpartition(":")[2]
    failover = {"request": sealed(REQUEST, name, ledger.secret(NOW)), "execution": EXECUTION}
    return open_transition(failover, ledger=ledger, announcer=FakeAnnouncer(), clock=now)["outcome"]


def a_ledger_of_a_silent_node():
    return FakeLedger(a_state(node_b=a_report("i-0bbbbbbbbbbbbbbb2", heard_at=NOW + 59)), a_definition())


def test_the_history_of_a_move_says_the_situation_the_facts_and_what_would_have_changed_it():  # B5
    ledger = a_ledger_of_a_silent_node()
    assert opened(ledger) == "OPENED"
    explained = ledger.history(CLUSTER, 2)["explained"]
    assert explained[0].startswith("FAIL_OVER by active-is-silent")
    assert "  holder: SILENT" in explained
    assert any("silence_limit_s" in line for line in explained)
    assert "what would change the decision, all else equal:" in explained


def test_words_that_cannot_be_found_do_not_stop_a_failover(monkeypatch):  # B5 S10
    def at_a_loss(*_):
        raise ValueError("no words")

    monkeypatch.setattr(room, "explain", at_a_loss)
    ledger = a_ledger_of_a_silent_node()
    assert opened(ledger) == "OPENED"
    assert ledger.history(CLUSTER, 2)["explained"] == []
