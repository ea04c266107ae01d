"""Planned drills with the real workflow: out, back, measured, and never when anything speaks against it (B7)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.asl_runner import LambdaFault
from tests.support.builders import CLUSTER, NODE_A, NODE_B, NOW
from tests.support.drills import DRILLING, a_ready_report
from tests.support.fakes import FakeDrillBook
from tests.support.world import World
from understudy.domain.cluster.view import ClusterView
from understudy.domain.events.drills import DrillFinished
from understudy.domain.events.transitions import TransitionOpened
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.report import CheckResult, Report
from understudy.domain.transition.drill import DrillStage


def a_world(**changes) -> World:
    world = World(definition_changes={"policy": DRILLING, **changes})
    world.settle().run(30)
    world.reports.store(a_ready_report())
    return world


def checks(world: World, report: Report | None) -> None:
    """Readiness is checked as the workflow asks for it, and the check leaves this report; None: it breaks."""

    def check(event: Any) -> dict[str, Any]:
        if report is None:
            raise LambdaFault("Lambda.Unknown", "the zone does not answer")
        world.reports.store(replace(report, checked_at=int(world.clock())))
        return {"outcome": "NOT_READY" if report.failures() else "CHECKED", "reasons": [], "checks": []}

    world.handlers["check_readiness"] = check


def asked_checks(world: World) -> list[str]:
    return [name for name, request in world.launcher.starts.items() if request["action"] == "check"]


def ended(world: World) -> bool:
    return bool(world.told(DrillFinished))


def out(world: World) -> World:
    """Until the drill has the service in service on node-b."""
    return world.run_until(lambda each: each.in_service == ["node-b"] and each.state.transition is None, 200)


def test_a_drill_switches_over_and_back_and_tells_what_was_measured():  # B7
    world = a_world()
    before = world.state.failover_times
    out(world)
    assert world.history(world.state.epoch)["rule"] == "drill-due"
    world.run_until(ended, 600)
    (detail,) = world.told(DrillFinished)
    assert (detail["outcome"], detail["active"], detail["within"]) == ("PASSED", "node-a", True)
    assert set(detail["outages_s"]) == {"out", "back"}
    assert detail["measured_s"] == max(detail["outages_s"].values())
    assert (world.in_service, world.dns) == (["node-a"], "10.0.1.10")
    assert world.history(world.state.epoch)["drill"]["outcome"] == "PASSED"
    assert world.state.failover_times == before, "a drill spends no failover"


def test_after_a_drill_there_is_none_until_the_days_are_over():  # B7
    world = a_world()
    world.run_until(ended, 900)
    epoch = world.state.epoch
    world.run(300)
    assert (world.state.epoch, len(world.told(DrillFinished))) == (epoch, 1)


def test_without_a_policy_there_is_no_drill():  # B7
    world = World().settle().run(30)
    world.reports.store(a_ready_report())
    epoch = world.state.epoch
    world.run(200)
    assert world.state.epoch == epoch


@pytest.mark.parametrize("age_s", [None, 20 * 3600])
def test_readiness_is_checked_anew_before_a_drill_when_the_report_is_old_or_missing(age_s):  # B7 S1
    world = a_world()
    world.reports.reports.clear()
    if age_s:
        world.reports.store(a_ready_report(checked_at=NOW - age_s))
    checks(world, a_ready_report())
    out(world)
    (name,) = asked_checks(world)
    assert world.launcher.starts[name] == {"cluster": CLUSTER, "action": "check", "reason": "a planned drill is due"}
    (opened,) = [each for each in world.told(TransitionOpened) if each["rule"] == "drill-due"]
    assert opened


def test_a_drill_is_refused_with_what_the_check_before_it_finds_although_the_daily_report_was_good():  # B7 S1 B5
    world = a_world()
    world.reports.store(a_ready_report(checked_at=NOW - 20 * 3600))
    found = CheckResult("zones-differ", Verdict.FAIL, "both nodes are in us-east-1a")
    checks(world, a_ready_report(checks=(found,), verdict=Verdict.FAIL))
    epoch = world.state.epoch
    world.run(250)
    assert (world.state.epoch, world.in_service) == (epoch, ["node-a"])
    (detail,) = world.told(DrillFinished)
    assert (detail["outcome"], detail["why"]) == ("REFUSED", "zones-differ: both nodes are in us-east-1a")
    assert len(asked_checks(world)) == 1


def test_a_drill_is_refused_when_readiness_cannot_be_checked_anew_however_good_the_old_report_is():  # B7 S1 B3
    world = a_world()
    world.reports.store(a_ready_report(checked_at=NOW - 20 * 3600))
    checks(world, None)
    epoch = world.state.epoch
    world.run(250)
    assert (world.state.epoch, world.in_service) == (epoch, ["node-a"])
    (detail,) = world.told(DrillFinished)
    assert detail["outcome"] == "REFUSED"
    assert detail["why"].startswith("readiness was to be checked anew, and was not: the newest report is 7")


@pytest.mark.parametrize("spoil", ["no-report", "hold", "standby-dead"])
def test_a_drill_that_is_due_is_refused_and_told_once_when_the_cluster_is_not_ready(spoil):  # B7 B3
    world = a_world()
    if spoil == "no-report":
        world.reports.reports.clear()
        checks(world, None)
    if spoil == "hold":
        world.start(action="hold", reason="patching")
    if spoil == "standby-dead":
        world.kill("node-b")
    epoch = world.state.epoch
    world.run(250)
    assert (world.state.epoch, world.in_service) == (epoch, ["node-a"])
    (detail,) = world.told(DrillFinished)
    assert (detail["outcome"], detail["measured_s"]) == ("REFUSED", None)
    assert detail["why"]


def test_a_node_that_dies_during_a_drill_fails_over_and_ends_it():  # B7 S10
    world = out(a_world())
    world.kill("node-b")
    world.run_until(lambda each: each.in_service == ["node-a"], 120)
    world.run_until(ended, 200)
    (detail,) = world.told(DrillFinished)
    assert (detail["outcome"], detail["active"]) == ("INTERRUPTED", "node-a")


def test_an_execution_that_is_lost_leaves_the_service_in_service_and_the_watch_finishes():  # B7
    world = a_world()
    world.run_until(lambda each: each.state.transition is not None, 120)
    world.crash()
    world.run_until(ended, 1500)
    assert world.told(DrillFinished)[0]["outcome"] in ("PASSED", "INTERRUPTED")
    assert len(world.in_service) == 1


def test_home_that_is_not_fit_again_keeps_the_service_where_it_is_and_a_person_is_told():  # B7
    world = out(a_world())
    world.kill("node-a")
    world.run(400)
    assert (world.in_service, ended(world)) == (["node-b"], False)
    world.clock.now_s = NOW + 3700  # the window is over; nobody beats meanwhile
    world.drills.attend(ClusterView(world.state, world.definition, NOW), observer="TRUSTED")
    (detail,) = world.told(DrillFinished)
    assert (detail["outcome"], detail["active"]) == ("STAYED_AWAY", "node-b")


def test_a_drill_that_was_written_down_and_not_asked_for_is_asked_for_by_the_next_watch():  # B7
    world = a_world()
    world.launcher.fail_next("start", RuntimeError("Step Functions is down"))
    out(world)
    assert len(world.launcher.starts) == len(set(world.launcher.starts))
    assert world.history(world.state.epoch)["rule"] == "drill-due"


def test_two_watches_side_by_side_begin_one_drill():  # B7
    world = a_world()
    book = world.drills.book
    assert isinstance(book, FakeDrillBook)
    book.before_next("store", lambda: book.drills.update({CLUSTER: a_drill()}))
    world.watch()
    assert not any("drill" in name for name in world.launcher.starts)


def a_drill():
    from understudy.domain.transition.drill import Drill

    return Drill(DrillStage.OUT, NOW, NODE_A, NODE_B, 99, 99, NOW, revision=1)


def test_an_outage_above_the_budget_is_counted():  # B7
    counted = []
    world = a_world(policy=DRILLING.__class__(drill=DRILLING.drill, outage_budget_s=0.5))
    object.__setattr__(world.drills, "count_over_budget", lambda: counted.append(1))
    world.run_until(ended, 900)
    assert (world.told(DrillFinished)[0]["within"], counted) == (False, [1])
