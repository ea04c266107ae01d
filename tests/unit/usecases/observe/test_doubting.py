"""A move that rests on silence looks at the fleet when it is opened, and at no other time (B15)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import (
    CLUSTER,
    NODE_A,
    NODE_B,
    NOW,
    SPECS,
    a_definition,
    a_moving_state,
    a_previous,
    a_report,
    a_state,
    a_transition,
)
from tests.support.fakes import FakeAnnouncer, FakeFleet, FakeLauncher, FakeLedger, VirtualClock
from understudy.domain.advise.explain import DOUBTED, explain
from understudy.domain.cluster.doubt import ASKED_AGAIN_S, Doubt
from understudy.domain.cluster.errors import LedgerConflictError, UnreadableError
from understudy.domain.cluster.policy import ApprovalPolicy, Policy
from understudy.domain.cluster.seal import sealed
from understudy.domain.cluster.state import Proof, ServiceStatus, Stage, TransitionAction
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.silence import Limits
from understudy.domain.decide.situation import Observer
from understudy.domain.events.nodes import SilenceDoubted
from understudy.usecases.observe import doubting
from understudy.usecases.observe.doubting import Doubter
from understudy.usecases.observe.judge import Judge
from understudy.usecases.transition.open_transition import open_transition
from understudy.usecases.watch.fleet import FleetKeeper
from understudy.usecases.watch.run import Run
from understudy.usecases.watch.views import observer_confidence

PLACE = "us-east-1a"
LIMITS = Limits()
NOTICED = NOW + 60
HEARD = a_report(NODE_B, heard_at=NOTICED - 1, due_by=NOTICED + 8)


class Opening:
    """A cluster whose active node has been silent for a minute, among others of which so many are silent as well."""

    def __init__(self, silent: int, of: int = 30, state: Any = None, policy: Policy | None = None) -> None:
        definition = replace(a_definition(), policy=policy or Policy())
        self.ledger = FakeLedger(state or a_state(node_b=HEARD), definition)
        self.ledger.clusters_counted = 1000
        self.fleet, self.announcer, self.clock = FakeFleet(self.ledger), FakeAnnouncer(), VirtualClock(NOTICED)
        for number in range(of):
            name = f"c{number:02d}"
            active = a_report(heard_at=NOW + 1 if number < silent else NOTICED - 1)
            other = a_report(NODE_B, heard_at=NOW + 1 if number < silent else NOTICED - 1)
            self.ledger.put_state(a_state(cluster=name, node_a=active, node_b=other))
        self.fleet.put_sample(PLACE, {f"c{number:02d}": (NODE_A,) for number in range(of)})
        self.fleet.calls.clear()

    def open(self, rule: str | None = "active-is-silent", action: str = "failover", **more: Any) -> dict[str, Any]:
        epoch = self.ledger.state().epoch + 1
        asked = {"cluster": CLUSTER, "action": action, "rule": rule, "epoch": epoch, "noticed_at": NOTICED}
        by_hand = {"cluster": CLUSTER, "action": action, "reason": "it is dead"}
        request = sealed(asked, "x", self.ledger.secret(NOW)) if rule else by_hand
        payload = {"request": request, "execution": "arn:aws:states:x:1:execution:t:x", **more}
        return open_transition(
            payload,
            ledger=self.ledger,
            announcer=self.announcer,
            clock=self.clock,
            doubter=Doubter(self.fleet, LIMITS),
        )


def test_silence_of_many_all_over_the_fleet_puts_a_move_off_and_the_old_node_keeps_its_lease():  # B15
    world = Opening(silent=15)
    answer = world.open()
    assert answer["outcome"] == "DOUBTED"
    assert answer["why"].startswith("silence-of-many: ")
    assert "15 of 30 nodes in us-east-1a are silent, 15 of 30 elsewhere" in answer["why"]
    state = world.ledger.state()
    assert (state.active, state.epoch, state.transition) == (NODE_A, 1, None)
    assert state.doubt == Doubt(NOTICED, NOTICED + ASKED_AGAIN_S)
    assert world.announcer.events == []


def test_a_move_that_was_put_off_says_so_in_the_history_with_the_numbers():  # B15 B5
    world = Opening(silent=15)
    world.open()
    state = world.ledger.state()
    assert state.doubt is not None
    world.ledger.put_state(replace(state, doubt=replace(state.doubt, is_due=True)))
    world.clock.now_s += 120
    nodes = {NODE_A: state.nodes[NODE_A], NODE_B: a_report(NODE_B, heard_at=NOTICED + 119)}
    world.ledger.put_state(replace(world.ledger.state(), nodes=nodes))
    assert world.open()["outcome"] == "OPENED"
    history = world.ledger.history(CLUSTER, 2)
    assert history["silence"].startswith("its-turn-has-come: ")
    assert history["doubted_for_s"] == 120
    assert world.ledger.state().doubt is None


def test_silence_along_a_zone_is_believed_and_the_history_says_by_which_numbers():  # B15 B5
    world = Opening(silent=0)
    for number in range(30):
        name = f"c{number:02d}"
        state = world.ledger.state(name)
        silent = replace(state.nodes[NODE_A], heard_at=NOW + 1)
        world.ledger.put_state(replace(state, nodes={**state.nodes, NODE_A: silent}))
    assert world.open()["outcome"] == "OPENED"
    history = world.ledger.history(CLUSTER, 2)
    assert history["silence"].startswith("silence-follows-a-line: ")
    assert history["silence"].endswith("30 of 30 nodes in us-east-1a are silent, 0 of 30 elsewhere")
    assert "doubted_for_s" not in history
    assert world.fleet.calls == ["places", "states"]


@pytest.mark.parametrize("counted", [0, 1, 20])
def test_a_stack_of_few_clusters_or_one_not_counted_yet_believes_without_a_call(counted):  # B15 B9
    world = Opening(silent=15)
    world.ledger.clusters_counted = counted
    assert world.open()["outcome"] == "OPENED"
    assert world.fleet.calls == []


def test_a_fleet_that_cannot_be_read_is_no_reason_to_doubt_but_for_the_pace():  # B15 B3
    world = Opening(silent=30)
    world.fleet.fail_next("states", UnreadableError("the cluster table"))
    assert world.open()["outcome"] == "OPENED"
    world = Opening(silent=0)
    world.fleet.fail_next("places", UnreadableError("the cluster table"))
    world.fleet.moves[NOTICED // 60] = LIMITS.number
    assert world.open()["why"].startswith("too-many-in-a-minute: ")


def test_a_node_whose_place_nobody_has_described_is_held_to_the_pace():  # B15
    world = Opening(silent=30)
    world.fleet.samples.clear()
    assert world.open()["outcome"] == "OPENED"
    assert world.fleet.calls == ["places", "states", "count_move"]


def test_a_member_that_is_gone_from_the_definition_has_no_place():  # B15
    weighed = Doubter(FakeFleet(FakeLedger()), LIMITS).weigh(
        ClusterView(a_state(active=None), a_definition(), NOW), 1000
    )
    assert weighed.belief.rule == "few-are-silent"


def test_a_zone_is_seen_to_be_dark_although_slower_clusters_in_it_were_heard_a_moment_before(monkeypatch):  # B15
    """A quick cluster notices it when eight others are silent; 22 slower ones may have been heard for the last time."""
    world = Opening(silent=0)
    for number in range(30):
        name = f"c{number:02d}"
        state = world.ledger.state(name)
        died_with_it = replace(state.nodes[NODE_A], heard_at=NOW if number < 8 else NOW + 2)
        terms = state.terms if number < 8 else replace(state.terms, hearing_s=90)
        world.ledger.put_state(replace(state, terms=terms, nodes={**state.nodes, NODE_A: died_with_it}))
    with monkeypatch.context() as without:
        without.setattr(doubting, "_alive_after", lambda state, definition: 0)
        assert world.open()["outcome"] == "DOUBTED"
    assert world.open()["outcome"] == "OPENED"
    words = world.ledger.history(CLUSTER, 2)["silence"]
    assert words.endswith("8 of 8 nodes in us-east-1a are silent, 0 of 30 elsewhere")


def test_what_a_person_asks_for_is_not_weighed():  # B15
    world = Opening(silent=15)
    assert world.open(rule=None)["outcome"] == "OPENED"
    assert world.fleet.calls == []


@pytest.mark.parametrize(
    ("rule", "action", "state"),
    [
        # Nobody holds the lease: the old node may be down already.
        (
            "overdue-and-unproven",
            "failover",
            a_moving_state(
                transition=a_transition(deadline_at=NOW), node_b=HEARD, previous=a_previous(keeps_lease=False)
            ),
        ),
        (
            "overdue-and-nobody-holds",
            "place",
            a_moving_state(
                transition=a_transition(deadline_at=NOW), node_b=HEARD, previous=a_previous(proof=Proof.LEASE_EXPIRED)
            ),
        ),
    ],
)
def test_what_has_begun_is_never_put_off(rule, action, state):  # B15 B4
    world = Opening(silent=15, state=state)
    answer = world.open(rule, action)
    assert answer["outcome"] == "OPENED", answer
    assert world.ledger.history(CLUSTER, 3)["rule"] == rule
    assert world.fleet.calls == []


def test_the_next_try_after_a_failed_start_is_never_put_off():  # B15
    trying = a_transition(stage=Stage.STARTING, execution="x")
    standby = a_report(heard_at=NOTICED - 1, due_by=NOTICED + 8, service=ServiceStatus.OUT_OF_SERVICE)
    both = {"node_a": standby, "node_b": HEARD}
    world = Opening(silent=15, state=a_moving_state(transition=trying, active=NODE_B, **both))
    assert world.open(failed_epoch=2)["outcome"] == "OPENED"
    assert world.fleet.calls == []


ASKING = Policy(approval=ApprovalPolicy((TransitionAction.FAILOVER,), 300))


def test_a_person_is_not_asked_about_a_move_that_is_put_off():  # B15 B4
    world = Opening(silent=15, policy=ASKING)
    assert world.open()["outcome"] == "DOUBTED"
    assert world.ledger.state().approval is None
    assert Opening(silent=0, policy=ASKING).open()["outcome"] == "APPROVAL_NEEDED"


def test_a_persons_yes_is_not_weighed_against_the_fleet():  # B15 B4
    world = Opening(silent=0, policy=ASKING)
    assert world.open()["outcome"] == "APPROVAL_NEEDED"
    world.fleet.calls.clear()
    answer = {"approved": True, "by": "sam"}
    assert world.open(approval={"target": NODE_B, "answer": answer})["outcome"] == "OPENED"
    assert world.fleet.calls == []


def test_somebody_who_writes_in_between_makes_it_look_again():  # B15
    world = Opening(silent=15)
    world.ledger.fail_next("commit", LedgerConflictError("somebody was faster"))
    assert world.open()["outcome"] == "DOUBTED"
    assert world.ledger.state().doubt is not None


def judged(state: Any) -> FakeLedger:
    ledger, clock = FakeLedger(state, a_definition()), VirtualClock(NOTICED)
    Judge(ledger, FakeLauncher(), FakeAnnouncer(), clock).judge(state, NOTICED, Observer.TRUSTED)
    return ledger


def test_a_node_that_is_heard_again_is_doubted_no_more():  # B15
    doubt = Doubt(NOW, NOW + ASKED_AGAIN_S)
    heard = a_state(node_a=a_report(heard_at=NOTICED - 1, due_by=NOTICED + 8), node_b=HEARD, doubt=doubt)
    assert judged(heard).state().doubt is None
    assert judged(a_state(node_b=HEARD, doubt=doubt)).state().doubt == doubt


def test_an_explanation_says_that_a_move_is_put_off_and_until_when():  # B15 B5
    waiting = a_state(node_b=HEARD, doubt=Doubt(NOTICED - 30, NOTICED + 570))
    found = explain(ClusterView(waiting, a_definition(), NOTICED), Observer.TRUSTED)
    assert found.lines[:2] == (f"FAIL_OVER by active-is-silent: {found.decision.why}", f"not now: {DOUBTED}")
    assert any(line.startswith("  silence of many: the silence is doubted") for line in found.lines)
    assert any("at the latest in 570 s it is looked at again; put off first, 30 s ago" in line for line in found.lines)
    due = replace(waiting, doubt=Doubt(NOTICED - 30, NOTICED + 570, is_due=True))
    lines = explain(ClusterView(due, a_definition(), NOTICED), Observer.TRUSTED).lines
    assert not [line for line in lines if line.startswith("not now")]
    assert any("the move may begin now" in line for line in lines)


# What the watch keeps.


class Keeping:
    """The watch's part, over so many clusters, of which the first is put off."""

    def __init__(self, clusters: int, doubt: Doubt | None = None) -> None:
        self.ledger, self.announcer, self.clock = FakeLedger(), FakeAnnouncer(), VirtualClock(NOTICED)
        self.fleet = FakeFleet(self.ledger)
        self.keeper = FleetKeeper(self.fleet, LIMITS, self.ledger, self.announcer)
        heard: Any = {"node_a": a_report(heard_at=NOTICED - 1, due_by=NOTICED + 8), "node_b": HEARD}
        states = [a_state(cluster=f"c{number:02d}", **heard) for number in range(clusters)]
        states[0] = replace(states[0], nodes={NODE_A: a_report(), NODE_B: HEARD}, doubt=doubt)
        self.views = []
        for state in states:
            self.ledger.put_state(state)
            self.views.append(ClusterView(state, replace(a_definition(), cluster=state.cluster), NOTICED))

    def watch(self, *faults: Exception) -> Run:
        run = Run(self.clock, self.clock(), lambda work, items: map(work, items))
        run.faults.extend(faults)
        self.keeper.attend(run, self.views, observer_confidence(self.views))
        return run


WAITING = Doubt(NOTICED - 30, NOTICED + 570)


def test_what_has_not_changed_is_not_written_again():  # B15 B9
    world = Keeping(30)
    world.watch()
    assert world.fleet.calls == ["note_clusters", "put_sample", "put_sample"]
    assert set(world.fleet.samples) == {SPECS[0].zone, SPECS[1].zone}
    world.watch()
    assert len(world.fleet.calls) == 3


def test_clusters_that_could_not_be_read_have_not_gone_away():  # B15
    world = Keeping(30)
    world.watch()
    world.views = world.views[:5]
    world.watch(RuntimeError("a group was not read"))
    assert world.ledger.clusters_counted == 30
    world.watch()
    assert world.ledger.clusters_counted == 5


def test_people_are_told_once_when_it_begins_and_once_when_it_is_over():  # B15
    world = Keeping(30, WAITING)
    world.watch()
    world.watch()
    (told,) = world.announcer.details(SilenceDoubted)
    assert told == {
        "clusters": 1,
        "of_clusters": 30,
        "silent_nodes": 1,
        "of_nodes": 60,
        "places": {"us-east-1a": "1 of 30"},
        "moves_a_minute": 5,
        "oldest": ["c00"],
    }
    world.views = world.views[1:]
    world.watch()
    assert [each["clusters"] for each in world.announcer.details(SilenceDoubted)] == [1, 0]


def test_one_that_is_few_by_now_is_let_through():  # B15
    world = Keeping(30, WAITING)
    world.watch()
    assert world.ledger.state("c00").doubt == replace(WAITING, is_due=True)


def test_one_that_somebody_has_changed_meanwhile_is_left_to_the_next_watch():  # B15
    world = Keeping(30, WAITING)
    world.ledger.fail_next("commit", LedgerConflictError("somebody was faster"))
    assert world.watch().faults == []
    assert world.ledger.state("c00").doubt == WAITING


def test_one_that_could_not_move_anyway_has_no_turn():  # B15
    world = Keeping(30, WAITING)
    view = world.views[0]
    alone = replace(view.state, nodes={NODE_A: a_report(), NODE_B: a_report(NODE_B, heard_at=NOW)})
    world.ledger.put_state(alone)
    world.views[0] = replace(view, state=alone)
    world.watch()
    assert world.ledger.state("c00").doubt == WAITING
    assert world.announcer.details(SilenceDoubted) == []


def test_a_table_that_does_not_say_what_holds_for_all_keeps_nobody_from_a_turn():  # B15 B8
    world = Keeping(30, WAITING)
    world.ledger.fail_next("stack_wide", UnreadableError("the cluster table"))
    assert len(world.watch().faults) == 1
    state = world.ledger.state("c00")
    assert state.doubt is not None
    assert state.doubt.is_due
