"""An alarm whose end was not heard does not keep its node unfit for ever (S11)."""

from dataclasses import replace

from tests.support.builders import CLUSTER, NODE_A, NODE_B, NOW, SPECS, a_definition, a_report, a_state
from tests.support.fakes import FakeAlarms
from tests.support.fakes.ledger import FakeLedger
from tests.unit.usecases.watch.test_watch_and_signals import Controller, with_alarm
from understudy.domain.cluster.state import Alarm
from understudy.domain.cluster.view import ClusterView
from understudy.domain.decide.situation import health_of
from understudy.domain.observe.health import NodeHealth
from understudy.usecases.watch.alarms import check_alarms

DOWN, SLOW = "orders-db-down", "orders-db-slow"
ON = {DOWN: Alarm(on=True, at=NOW - 300)}


def world_with(alarms=ON, **now):
    """node-b has these alarms; CloudWatch says `now` of them."""
    nodes = (SPECS[0], replace(SPECS[1], alarms=tuple(alarms)))
    world = Controller(a_state(node_b=a_report(NODE_B, alarms=alarms)), definition=a_definition(nodes=nodes))
    world.alarms.known = {name.replace("_", "-"): alarm for name, alarm in now.items()}
    return world


def node_b(world):
    return world.ledger.state().nodes[NODE_B]


def test_a_node_is_fit_again_when_its_alarm_is_over_and_nobody_has_heard_of_it():  # S11
    world = world_with(orders_db_down=Alarm(on=False, at=NOW - 60))
    assert health_of(ClusterView(world.ledger.state(), a_definition(), NOW), NODE_B) is NodeHealth.FAILED
    assert not world.watch().faults
    assert node_b(world).alarms == {DOWN: Alarm(on=False, at=NOW - 60)}
    assert health_of(ClusterView(world.ledger.state(), a_definition(), NOW), NODE_B) is NodeHealth.READY


def test_an_alarm_that_is_still_on_stays_as_it_is():  # S11
    world = world_with(orders_db_down=Alarm(on=True, at=NOW - 10))
    world.watch()
    assert node_b(world).alarms == ON


def test_an_alarm_that_cloudwatch_does_not_know_stays_on():  # B3
    world = world_with()
    assert not world.watch().faults
    assert node_b(world).alarms == ON


def test_when_cloudwatch_cannot_be_read_nothing_changes_and_every_cluster_is_judged():  # B3 S11
    world = world_with(orders_db_down=Alarm(on=False, at=NOW - 60))
    world.alarms.is_down = True
    report = world.watch()
    assert node_b(world).alarms == ON
    assert report.judged == 1
    assert [str(fault) for fault in report.faults] == ["CloudWatch is down"]


def test_an_alarm_that_came_on_again_after_the_answer_stays_on():  # S11
    """CloudWatch's answer is older than the event that has been noted meanwhile."""
    world = world_with(orders_db_down=Alarm(on=False, at=NOW - 400))
    world.watch()
    assert node_b(world).alarms == ON


def test_one_question_serves_all_clusters_and_none_is_asked_while_no_alarm_is_on():  # B9
    ledger, alarms = FakeLedger(), FakeAlarms()
    quiet = a_state(node_a=a_report(alarms={SLOW: Alarm(on=False, at=NOW)}))
    assert check_alarms([(quiet, with_alarm())], alarms=alarms, beats=ledger) == {}
    assert alarms.asked == []
    clusters = []
    for name in (CLUSTER, "invoices-db"):
        state = a_state(cluster=name, node_a=a_report(alarms={**ON, SLOW: Alarm(on=True, at=NOW)}))
        ledger.put_state(state)
        clusters.append((state, with_alarm()))
    alarms.known = {DOWN: Alarm(on=False, at=NOW), SLOW: Alarm(on=False, at=NOW)}
    changed = check_alarms(clusters, alarms=alarms, beats=ledger)
    assert alarms.asked == [[DOWN, SLOW]]
    assert {name: [alarm.on for alarm in state.nodes[NODE_A].alarms.values()] for name, state in changed.items()} == {
        CLUSTER: [False, False],
        "invoices-db": [False, False],
    }


def test_a_member_that_is_gone_meanwhile_is_left_alone():
    ledger, alarms = FakeLedger(), FakeAlarms()
    alarms.known = {DOWN: Alarm(on=False, at=NOW)}
    state = a_state(node_a=a_report(alarms=ON))
    assert check_alarms([(state, with_alarm())], alarms=alarms, beats=ledger) == {}
    assert ledger.calls == ["record_signal"]
