"""What the deployed functions really say about themselves, line by line."""

import json
import re
from pathlib import Path

import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.constants import MAX_METRICS

from tests.support.builders import NODE_A, NODE_B, NOW, RECORD, a_moving_state, a_report, a_state, a_transition
from tests.support.controller import Controller, emitted
from tests.unit.usecases.register.test_cluster import a_document
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.errors import UnreadableError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.state import Stage
from understudy.domain.decide.rules import RULES
from understudy.domain.transition.phases import Span, durations_s
from understudy.domain.watch.gauges import HealthGauge
from understudy.invocation import GATHERED_MAX, GATHERED_S
from understudy.ports.measure import unmeasured

MONITORING = Path("docs/monitoring.md").read_text(encoding="utf-8")
SOURCES = "".join(
    path.read_text(encoding="utf-8") for path in sorted(Path("layers/controller/python/understudy").rglob("*.py"))
)
STAGES = ("noticed", "opened", "fenced", "accepted", "granted", "in_service", "in_sync")
CLOSING = a_state(
    epoch=2,
    active=NODE_B,
    transition=a_transition(stage=Stage.CONFIRMING, deadline_at=NOW + 300),
    address=Address(AddressStatus.IN_SYNC, 2, ("C2",)),
)


@pytest.fixture
def controller(monkeypatch):
    return lambda state=None: Controller(monkeypatch, state)


def told(capsys):
    """(name, dimension beside the stack) -> the values, of what has been printed since the last look."""
    return told_in(capsys.readouterr().out)


def told_in(output):
    found = {}
    for namespace, name, dimensions, value in emitted(output):
        assert namespace == "Understudy"
        assert ("service", "understudy") in dimensions
        beside = "".join(text for key, text in dimensions if key != "service")
        found.setdefault((name, beside), []).append(value)
    return found


def beats_for(world, seconds, every_s=2):
    """Beats of the active node, half a second under way each."""
    for _ in range(0, seconds + 1, every_s):
        world.clock.now_s += 0.5
        assert world.beat(number=int(world.clock.now_s * 1000)) == {"outcome": "recorded"}
        world.clock.now_s += every_s - 0.5


def test_beats_are_counted_with_their_ages_many_in_one_line(controller, capsys):  # B8 B9
    beats_for(controller(), 16)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    values = told_in(line)
    assert values[("Heartbeats", "recorded")] == [1] * 9
    assert values[("HeartbeatAgeSeconds", "recorded")] == pytest.approx([0.5] * 9)


def test_a_beat_that_nothing_is_to_be_said_of_prints_nothing(controller, capsys):  # B9
    controller().beat()
    assert capsys.readouterr().out == "", "each line of each beat costs money"


def test_figures_of_many_beats_do_not_wait_for_the_time_and_none_is_lost(controller, capsys):  # B8 B12
    world = controller()
    for number in range(250):
        world.clock.now_s += 0.01
        world.beat(number=int(world.clock.now_s * 1000) + number)
    world.clock.now_s += GATHERED_S
    world.beat(number=int(world.clock.now_s * 1000) + 999)
    counted = told(capsys)
    assert counted[("Heartbeats", "recorded")] == [1] * 251
    assert len(counted[("HeartbeatAgeSeconds", "recorded")]) == 251
    assert GATHERED_MAX < MAX_METRICS


def test_a_refused_beat_is_counted_by_the_reason(controller, capsys):  # B8
    world = controller()
    world.beat("i-0ddddddddddddddd4")
    world.beat(number=1)
    world.call("record_heartbeat", {"source": "nobody", "detail": {}})
    counted = told(capsys)
    assert counted[("Heartbeats", "not_a_member")] == [1]
    assert counted[("Heartbeats", "stale")] == [1]
    assert counted[("Heartbeats", "malformed")] == [1]
    assert ("HeartbeatAgeSeconds", "malformed") not in counted


def test_a_decision_that_does_something_is_counted_by_its_rule(controller, capsys):  # B8
    world = controller(a_state(node_a=a_report(heard_at=NOW - 20)))
    world.beat(NODE_B, boot="bbbbbbbb", services={"postgresql": "OUT_OF_SERVICE"})
    assert told(capsys)[("Decisions", "active-is-silent")] == [1]


def test_a_beat_when_all_is_well_counts_no_decision(controller, capsys):  # B9
    controller().beat()
    assert "Decisions" not in {name for name, _ in told(capsys)}


def test_a_closed_transition_says_how_it_ended_and_how_long_each_phase_took(controller, capsys):  # B8
    world = controller(CLOSING)
    world.ledger.note("orders-db", 2, {f"stages.{stage}_at": NOW + 2.0 * at for at, stage in enumerate(STAGES)})
    assert world.call("close_transition", {"cluster": "orders-db", "epoch": 2})["outcome"] == "IN_SERVICE"
    counted = told(capsys)
    assert counted[("Transitions", "IN_SERVICE")] == [1]
    spans = {phase: value for (name, phase), (value,) in counted.items() if name == "PhaseSeconds"}
    assert spans == {**{str(span): 2.0 for span in Span}, "WHOLE": 10.0}


def test_a_change_that_is_in_sync_only_after_the_end_is_measured_by_the_watch(controller, capsys):  # S7 B8
    world = controller(a_state(address=Address(AddressStatus.PROPAGATING, 1, ("C0000000000001",))))
    world.zone.submit(RECORD, (), "")
    world.ledger.note("orders-db", 1, {"stages.in_service_at": NOW - 90})
    world.call("watch_clusters", {})
    counted = told(capsys)
    assert counted[("PhaseSeconds", "CONFIRMING")] == [90]
    assert counted[("ChangePolls", "IN_SYNC")] == [1]


def test_closing_twice_counts_once(controller, capsys):
    world = controller(CLOSING)
    for _ in range(2):
        world.call("close_transition", {"cluster": "orders-db", "epoch": 2})
    assert told(capsys)[("Transitions", "IN_SERVICE")] == [1]


def test_a_transition_that_breaks_is_counted_as_broken(controller, capsys):
    broken = {"state": "FenceNode", "error": "Lambda.Unknown", "cause": "killed"}
    controller().call("close_transition", {"cluster": "orders-db", "epoch": 0, "broken": broken})
    assert told(capsys)[("Transitions", "BROKEN")] == [1]


def test_each_question_about_a_change_is_counted_by_its_answer(controller, capsys):  # S7
    pending = a_moving_state(
        active=NODE_B,
        transition=a_transition(stage=Stage.CONFIRMING, deadline_at=NOW + 300),
        address=Address(AddressStatus.PROPAGATING, 2, ("C0UNKNOWN",)),
    )
    world = controller(pending)
    world.call("check_change", {"cluster": "orders-db", "epoch": 2, "attempt": 0})
    assert told(capsys)[("ChangePolls", "UNKNOWN")] == [1]


def test_a_watch_says_that_it_was_there_and_what_ails_the_clusters_in_one_line(controller, capsys):  # B8
    controller().call("watch_clusters", {})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert {name: value for _, name, _, value in emitted(line)} == {
        "Watches": 1,
        "WatchFaults": 0,
        "ClustersWithoutStandby": 0,
        "ClustersDegraded": 0,
        "ClustersHeldTooLong": 0,
        "TransitionsOverdue": 0,
    }


def test_a_definition_that_cannot_be_judged_is_a_figure_of_every_watch_that_meets_it(controller, capsys):  # B8
    world = controller()
    name = {**a_document()["addresses"][0], "name": "billing.corp.example.com"}
    world.parameters.put("billing", json.dumps(a_document(addresses=[name])))
    world.zone.fail_next("hosted_zone", UnreadableError("AccessDenied"))
    world.call("watch_clusters", {})
    assert told(capsys)[("DefinitionsPutOff", "")] == [1]
    world.call("watch_clusters", {})
    assert ("DefinitionsPutOff", "") not in told(capsys)


@pytest.mark.parametrize(
    ("metric", "state"),
    [
        ("ClustersWithoutStandby", a_state(node_b=a_report(NODE_B, heard_at=NOW - 60))),
        ("ClustersDegraded", a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 60))),
        ("ClustersHeldTooLong", a_state(hold=Hold(NOW - 90_000))),
        ("TransitionsOverdue", a_moving_state(transition=a_transition(deadline_at=NOW - 1))),
    ],
)
def test_a_cluster_that_ails_is_counted(controller, capsys, metric, state):  # B8
    controller(state).call("watch_clusters", {})
    assert told(capsys)[(metric, "")] == [1]


def test_a_watch_that_dies_says_nothing(controller, monkeypatch, capsys):  # B8
    """Its silence is what the alarm hears."""
    world = controller()
    monkeypatch.setattr(world.ledger, "clusters", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.call("watch_clusters", {})
    assert "Watches" not in {name for name, _ in told(capsys)}


def test_a_definition_is_counted_by_what_became_of_it_once(controller, capsys):
    world = controller()
    assert world.put("nodes: nonsense") == {"outcome": "REFUSED"}
    assert world.tell_of_definition() == {"outcome": "UNCHANGED"}
    world.call("watch_clusters", {})
    counted = told(capsys)
    assert {key: values for key, values in counted.items() if key[0] == "Definitions"} == {
        ("Definitions", "REFUSED"): [1]
    }


def test_every_metric_and_dimension_value_is_one_of_few(controller, capsys):  # B9
    """Each value of a dimension is a metric that costs money: no cluster and no instance is among them."""
    world = controller(a_state(node_a=a_report(heard_at=NOW - 20)))
    world.beat()
    world.beat(NODE_B, boot="bbbbbbbb")
    world.call("watch_clusters", {})
    known = {rule.name for rule in RULES} | {str(span) for span in Span} | {"recorded", "REFUSED", ""}
    assert {beside for _, beside in told(capsys)} <= known


def test_every_metric_stands_in_the_guide():
    measured = "".join(re.findall(r"measure\(\s*\{([^}]*)\}", SOURCES))
    names = {*re.findall(r'"(\w+)":', measured), *re.findall(r'count\("(\w+)"', SOURCES), *map(str, HealthGauge)}
    assert {"Heartbeats", "PhaseSeconds", "Definitions", "Watches"} < names
    assert [name for name in sorted(names) if f"| `{name}` |" not in MONITORING] == []


def test_a_phase_of_which_an_end_is_missing_or_before_its_beginning_is_not_made_up():
    history = {"stages": {"opened_at": 10, "fenced_at": 9.5, "granted_at": 12}}
    assert durations_s(history) == {Span.FENCING: 0.0}


def test_nothing_more_is_measured_where_nobody_asked():
    assert unmeasured({"Heartbeats": 1}, outcome=NODE_A) is None
