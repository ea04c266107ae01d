"""The world in memory: one fake per port. The suites in tests/contract hold each of them to what its adapter does."""

from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.balancers import FakeTargetGroups
from tests.support.fakes.board import FakeBoardBook
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.fleet import FakeFleet
from tests.support.fakes.inspection import FakeDrillBook, FakeReadings, FakeReportBook
from tests.support.fakes.keys import FakeKeys
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.paged_route53 import PagedRoute53
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.queue import FakeQuestions, FakeQueue, FakeRateBudgets, a_budget
from tests.support.fakes.zone import FakeZone

__all__ = [
    "FakeAlarms",
    "FakeAnnouncer",
    "FakeBoardBook",
    "FakeDrillBook",
    "FakeFleet",
    "FakeKeys",
    "FakeLauncher",
    "FakeLedger",
    "FakeNetwork",
    "FakeNodes",
    "FakeParameters",
    "FakeQuestions",
    "FakeQueue",
    "FakeRateBudgets",
    "FakeReadings",
    "FakeReportBook",
    "FakeTargetGroups",
    "FakeZone",
    "PagedRoute53",
    "VirtualClock",
    "a_budget",
]
