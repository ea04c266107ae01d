"""A watch that has more to do than it has time, and Route 53 when others need it more."""

from dataclasses import replace

from tests.support.builders import CLUSTER, NODE_B, NOW, RECORD, a_report, a_state, record_sets
from tests.unit.usecases.watch.test_watch_and_signals import Controller, silent_for
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.addresses import RecordDrifted
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.run import JUDGE_LIMIT_S, LOOK_LIMIT_S, ROUTE53_LIMIT_S, UnreachedError
from understudy.usecases.watch.views import GROUP_SIZE


def test_clusters_that_a_watch_cannot_read_in_time_are_a_fault_and_the_others_are_judged():  # B8 B12
    names = [f"cluster-{number:03d}" for number in range(2 * GROUP_SIZE)]
    world = Controller(*(a_state(cluster=name) for name in names))
    world.ledger.before_next("definition", lambda: world.clock.advance(LOOK_LIMIT_S))
    report = world.watch()
    assert report.judged == GROUP_SIZE
    assert any(isinstance(fault, UnreachedError) and "1 of 2 groups" in str(fault) for fault in report.faults)


def test_a_watch_that_is_late_judges_no_more_and_says_how_many_it_left():  # B8 B12
    world = Controller(silent_for(20), a_state(cluster="invoices-db"))
    world.ledger.before_next("definition", lambda: world.clock.advance(JUDGE_LIMIT_S))
    report = world.watch()
    assert report.judged == 0
    assert not world.launcher.starts
    assert any("2 of 2 clusters to judge" in str(fault) for fault in report.faults)


def test_a_watch_that_is_late_asks_route_53_nothing():  # B12
    world = Controller()
    world.ledger.before_next("definition", lambda: world.clock.advance(ROUTE53_LIMIT_S))
    report = world.watch()
    assert report.judged == 1
    assert world.zone.calls == []
    assert [str(fault) for fault in report.faults if "Route 53 was not asked" in str(fault)]


def test_somebody_heard_at_the_begin_of_a_slow_watch_does_not_speak_for_what_is_read_at_its_end():  # B3
    """All beats stop with the first reading. The last clusters seem silent then, and nobody may believe it."""
    names = [f"cluster-{number:03d}" for number in range(2 * GROUP_SIZE)]
    world = Controller(*(a_state(cluster=name) for name in names))
    world.ledger.before_next("definition", lambda: world.clock.advance(LOOK_LIMIT_S - 1))
    report = world.watch()
    assert report.judged == 2 * GROUP_SIZE
    assert not world.launcher.starts


def test_a_slow_answer_of_the_table_makes_no_silence_longer():  # B3
    """The state was read before the rest was waited for, and is judged by the time before it was asked for."""
    world = Controller(silent_for(10), a_state(cluster="invoices-db"))
    for _ in range(2):
        world.ledger.before_next("read", lambda: world.clock.advance(6))
    world.watch()
    assert not world.launcher.starts


def test_a_text_that_has_waited_does_not_replace_a_newer_one():  # S9
    world = Controller()
    world.parameters.put("invoices-db", "old")
    newest = []
    world.ledger.before_next("stack_wide", lambda: None)
    world.parameters.before_next("cluster_text", lambda: newest.append(world.parameters.put("invoices-db", "new")))
    world.watch()
    assert world.registered == newest


def test_a_parameter_that_is_deleted_while_it_waits_is_not_registered():  # S9
    world = Controller()
    world.parameters.put("invoices-db", "old")
    world.parameters.before_next("cluster_text", lambda: world.parameters.delete("invoices-db"))
    world.watch()
    assert world.registered == []


def test_a_text_that_is_in_force_costs_no_reading_of_its_cluster():  # S9 B9
    world = Controller()
    text = world.parameters.put(CLUSTER, "nodes: []")
    definition = world.ledger.definition(CLUSTER, 1)
    world.ledger.put_definition(replace(definition, digest=text.digest))
    assert world.watch().registered == 0
    assert world.registered == []


def drifted(crowded_until):
    world = Controller()
    world.ledger.crowded_until = crowded_until
    world.zone.put(RECORD, record_sets(address="10.9.9.9")[0])
    return world


def test_while_route_53_is_crowded_the_record_monitor_leaves_it_to_those_who_move():  # S5 B12
    world = drifted(NOW + 30)
    assert not world.watch().faults
    assert world.zone.calls == []
    assert not world.announcer.details(RecordDrifted)
    world.clock.advance(60)
    silent = a_report(NODE_B, heard_at=NOW + 60, heard_since=NOW - 3600)
    world.ledger.put_state(a_state(node_a=a_report(heard_at=NOW + 60), node_b=silent))
    world.watch()
    assert len(world.announcer.details(RecordDrifted)) == 1


def test_without_a_crowd_the_same_record_is_found_at_once():  # S5
    world = drifted(NOW)
    world.watch()
    assert len(world.announcer.details(RecordDrifted)) == 1


def test_a_minute_in_which_records_are_not_checked_is_counted():  # B8 B12
    world, measured = drifted(NOW + 30), []
    monitor = RecordMonitor(
        world.ledger, world.zone, world.announcer, world.clock, lambda gap_s: None, "understudy", measured.append
    )
    monitor.check([ClusterView(world.ledger.state(), world.ledger.definition(CLUSTER, 1), NOW)])
    assert measured == [{"RecordChecksPutOff": 1}]
