"""Whoever looks after drills, on fakes. Without drills in the policy it does nothing."""

from typing import Any

from tests.support.builders import NOW
from tests.support.fakes import FakeDrillBook, FakeReportBook
from understudy.domain.cluster.policy import DrillPolicy, Policy
from understudy.domain.readiness.facts import Verdict
from understudy.domain.readiness.report import Report
from understudy.ports.announcer import Announcer
from understudy.ports.launcher import Launcher
from understudy.ports.ledger import StateLedger
from understudy.usecases.step import Clock
from understudy.usecases.watch.drills import DrillScheduler

DRILL = DrillPolicy(every_days=7, hours="07:00-09:00")
"""NOW is a Friday at 08:00."""
DRILLING = Policy(drill=DRILL, outage_budget_s=30)


def a_ready_report(**changes: Any) -> Report:
    """A readiness report of the usual cluster without a fault."""
    usual = {"cluster": "orders-db", "checked_at": NOW - 60, "definition_version": 1, "verdict": Verdict.PASS}
    return Report(**{**usual, "checks": (), **changes})


def a_drill_master(
    ledger: StateLedger, launcher: Launcher, announcer: Announcer, clock: Clock, **changes: Any
) -> DrillScheduler:
    """A drill master with empty books."""
    usual = {"book": FakeDrillBook(), "reports": FakeReportBook(), "count_over_budget": lambda: None, **changes}
    return DrillScheduler(ledger=ledger, launcher=launcher, announcer=announcer, clock=clock, **usual)
