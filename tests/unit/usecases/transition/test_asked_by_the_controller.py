"""What the controller starts cannot be blocked or imitated, and its own words come from nobody else (S10, B5)."""

import logging
from typing import Any

import pytest

from tests.support.builders import CLUSTER, EXECUTION, NODE_B, NOW, a_definition, a_report, a_state
from tests.support.drills import DRILLING, a_drill_master, a_ready_report
from tests.support.fakes import FakeAnnouncer, FakeLauncher, FakeLedger, FakeReportBook, VirtualClock
from tests.unit.usecases.observe.test_record_heartbeat import Recorder
from understudy.domain.cluster.seal import SEAL, execution_name, sealed
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import Observer
from understudy.usecases.transition import open_transition as room
from understudy.usecases.transition.open_transition import open_transition

SECRET = bytes(range(32))
"""Another stack's."""
SILENT_SINCE = NOW + 60


def a_recorder() -> Recorder:
    """node-b has been heard all the time, node-a for a minute no more."""
    return Recorder(a_state(node_b=a_report(NODE_B, heard_at=SILENT_SINCE - 4, due_by=SILENT_SINCE + 5)))


class Workflow:
    """What the judge has started on a cluster whose active node is silent, and OpenTransition."""

    def __init__(self) -> None:
        self.recorder = a_recorder()
        self.ledger, self.announcer = self.recorder.ledger, self.recorder.announcer
        self.recorder.beat(at=SILENT_SINCE)

    @property
    def asked(self) -> tuple[str, dict[str, Any]]:
        ((name, request),) = self.recorder.launcher.starts.items()
        return name, dict(request)

    def open(self, name: str, request: Any, **more: Any) -> dict[str, Any]:
        payload = {"request": request, "execution": f"arn:aws:states:x:1:execution:transition:{name}", **more}
        return open_transition(payload, ledger=self.ledger, announcer=self.announcer, clock=self.recorder.clock)


def refused(answer: dict[str, Any], workflow: Workflow) -> str:
    """The words of a refusal that has changed nothing and told nobody anything in the controller's name."""
    assert answer["outcome"] == "REFUSED"
    state = workflow.ledger.state()
    assert (state.epoch, state.transition, workflow.announcer.events) == (1, None, [])
    assert workflow.ledger.history(CLUSTER, 2) == {}
    return str(answer["why"])


def test_what_the_controller_asks_for_is_opened_under_its_rule():  # S10 B5
    workflow = Workflow()
    assert workflow.open(*workflow.asked) == {"outcome": "OPENED", "epoch": 2}
    assert workflow.ledger.history(CLUSTER, 2)["rule"] == "active-is-silent"


def test_whoever_starts_executions_under_names_that_can_be_guessed_keeps_no_failover_from_beginning():  # S10 S11
    world = a_recorder()
    for slot in range(SILENT_SINCE // 15 - 40, SILENT_SINCE // 15 + 40):
        for name in (f"{CLUSTER}-epoch2-{slot}", execution_name(SECRET, f"{CLUSTER}-epoch2", slot)):
            world.launcher.start(name, {"cluster": CLUSTER, "action": "explain"})
    before = len(world.launcher.starts)
    world.beat(at=SILENT_SINCE)
    assert len(world.launcher.starts) == before + 1
    assert world.launcher.requests[-1]["rule"] == "active-is-silent"


def test_all_that_notice_the_same_ask_under_one_name():  # S10
    world = a_recorder()
    for at in range(SILENT_SINCE, SILENT_SINCE + 4):
        world.beat(at=at)
    assert len(world.launcher.starts) == 1


def test_an_execution_that_ended_under_a_name_is_in_the_way_no_longer_than_a_silence_limit_and_the_log_says_so(caplog):
    """Aborted by a person, failed, stood down: the name is used up, the next one comes with the next slot. S10"""
    world = a_recorder()
    assert SILENT_SINCE % 15 == 0, "a slot begins"
    world.beat(at=SILENT_SINCE)
    (name,) = world.launcher.starts
    with caplog.at_level(logging.INFO):
        for at in (SILENT_SINCE + 4, SILENT_SINCE + 8, SILENT_SINCE + 12):
            world.beat(at=at)
    assert len(world.launcher.starts) == 1
    said = [record for record in caplog.records if "has been started before" in record.message]
    assert {record.execution for record in said} == {name}
    world.beat(at=SILENT_SINCE + 15)
    assert len(world.launcher.starts) == 2


@pytest.mark.parametrize(
    "words",
    [
        {"rule": "drill-due"},
        {"rule": "active-is-silent", "action": "failover"},
        {"why": "the node is silent"},
        {"noticed_at": NOW - 3600},
        {"epoch": 2},
        {"rule": "active-is-silent", "action": "failover", "epoch": 2, SEAL: "0" * 64},
        {"rule": "active-is-silent", "action": "failover", "epoch": 2, SEAL: "\u00e9" * 64},
        {SEAL: ""},
    ],
    ids=str,
)
def test_words_of_the_controller_from_anybody_else_are_refused_and_change_nothing(words):  # S10 B5
    workflow = Workflow()
    workflow.announcer.events.clear()
    why = refused(workflow.open("by-hand", {"cluster": CLUSTER, **words}), workflow)
    assert "the controller" in why
    assert "allowed: cluster, action, to, reason, unproven" in why


def test_a_sealed_request_that_was_copied_is_refused_under_any_other_name():  # S10 B5
    workflow = Workflow()
    _, request = workflow.asked
    assert "the controller" in refused(workflow.open("orders-db-epoch2-copied", request), workflow)


@pytest.mark.parametrize(
    "changes",
    [{"to": "node-b"}, {"rule": "drill-due"}, {"action": "switchover"}, {"noticed_at": 1}, {"why": ""}, {"epoch": 3}],
    ids=str,
)
def test_a_sealed_request_that_was_changed_is_refused(changes):  # S10 B5
    workflow = Workflow()
    name, request = workflow.asked
    refused(workflow.open(name, {**request, **changes}), workflow)


def test_a_word_that_was_left_out_of_a_sealed_request_is_missed():
    workflow = Workflow()
    name, request = workflow.asked
    for word in ("rule", "why", "noticed_at", "epoch"):
        refused(workflow.open(name, {key: value for key, value in request.items() if key != word}), workflow)


def test_a_seal_of_another_stack_is_none():  # S10 B5
    workflow = Workflow()
    name, request = workflow.asked
    request.pop(SEAL)
    refused(workflow.open(name, sealed(request, name, SECRET)), workflow)


def test_a_sealed_request_opens_the_epoch_that_it_is_for_and_no_later_one():  # B1
    """Names of executions can be used again after 90 days: an old request is then worth nothing."""
    workflow = Workflow()
    name, request = workflow.asked
    workflow.ledger.put_state(a_state(epoch=2))
    assert workflow.open(name, request) == {
        "outcome": "STOOD_DOWN",
        "why": "active-is-silent was noticed under epoch 1, and the cluster is at epoch 2",
    }


def test_a_secret_that_was_changed_counts_at_once_for_whoever_opens():  # S10
    """Whoever asks may know the new one before the warm process that opens does."""
    workflow = Workflow()
    name, request = workflow.asked
    workflow.ledger.cached_secret = (SECRET, SILENT_SINCE)
    assert workflow.open(name, request)["outcome"] == "OPENED"


def test_a_secret_that_cannot_be_read_refuses_nobody():  # S10 B3
    """The step fails, and the workflow tries it again."""
    workflow = Workflow()
    workflow.ledger.fail_next("secret", TimeoutError("the table does not answer"))
    with pytest.raises(TimeoutError):
        workflow.open(*workflow.asked)
    assert workflow.open(*workflow.asked)["outcome"] == "OPENED"


@pytest.mark.parametrize("later", [{"failed_epoch": 2}, {"approval": {"target": NODE_B, "error": "States.Timeout"}}])
def test_an_execution_of_before_there_were_seals_goes_on_with_what_it_has_opened_or_asked(later):  # B1
    """The workflow itself says so: nobody's input can. It has been let through before under this very name."""
    workflow = Workflow()
    unsealed = {"cluster": CLUSTER, "action": "failover", "rule": "active-is-silent", "why": "", "noticed_at": NOW}
    assert workflow.open("orders-db-epoch2-119333333", unsealed, **later)["outcome"] == "STOOD_DOWN"


def test_what_a_person_asks_for_needs_no_secret():  # B9
    workflow = Workflow()
    workflow.ledger.calls.clear()
    assert workflow.open("by-hand", {"cluster": CLUSTER, "reason": "patching"})["outcome"] == "OPENED"
    assert "secret" not in workflow.ledger.calls


def test_neither_secret_nor_seal_is_said_in_a_log(caplog):  # B10
    with caplog.at_level(logging.DEBUG):
        workflow = Workflow()
        name, request = workflow.asked
        workflow.open(name, request)
        workflow.open("copied", request)
    said = "\n".join(str(vars(record)) for record in caplog.records)
    assert name in said
    assert request[SEAL] not in said
    assert repr(workflow.ledger.secret(NOW)) not in said


def test_a_drill_and_its_check_are_asked_for_under_names_that_nobody_knows_and_the_move_is_sealed():  # B7 S10
    ledger, launcher = FakeLedger(a_state(), a_definition(policy=DRILLING)), FakeLauncher()
    reports, clock = FakeReportBook(), VirtualClock(NOW)
    drills = a_drill_master(ledger, launcher, FakeAnnouncer(), clock, reports=reports)
    drills.attend(ClusterView(ledger.state(), ledger.definition(CLUSTER, 1), NOW), Observer.TRUSTED)
    reports.store(a_ready_report())
    drills.attend(ClusterView(ledger.state(), ledger.definition(CLUSTER, 1), NOW), Observer.TRUSTED)
    check, drill = launcher.starts
    secret = ledger.secret(NOW)
    assert check == execution_name(secret, f"{CLUSTER}-check", NOW)
    assert drill == execution_name(secret, f"{CLUSTER}-epoch2-drill", NOW)
    request = dict(launcher.starts[drill])
    assert (request["rule"], request["epoch"]) == ("drill-due", 2)
    opening = {"request": request, "execution": f"{EXECUTION}:{drill}"}
    assert open_transition(opening, ledger=ledger, announcer=FakeAnnouncer(), clock=clock)["outcome"] == "OPENED"


def test_without_the_seal_a_persons_word_would_stand_in_the_history_as_the_controllers(monkeypatch):  # B5
    """The safeguard of the tests before, switched off."""
    monkeypatch.setattr(room, "is_sealed", lambda *_: True)
    ledger = FakeLedger(a_state(), a_definition())
    request = {"cluster": CLUSTER, "rule": "drill-due", "to": "node-b", SEAL: "0" * 64}
    opening = {"request": request, "execution": EXECUTION}
    assert open_transition(opening, ledger=ledger, announcer=FakeAnnouncer(), clock=VirtualClock(NOW))["epoch"] == 2
    assert ledger.history(CLUSTER, 2)["rule"] == "drill-due"
