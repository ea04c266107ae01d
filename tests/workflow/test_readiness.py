"""An operator asks for a check: the real workflow definition and the real use case, on a cluster that is in service."""

from functools import partial

import pytest

from tests.support.asl_runner import Execution, Handler, Status
from tests.support.builders import CLUSTER, NODE_B
from tests.support.fakes import FakeReportBook
from tests.support.readiness import GUARD_KEY, NAME_KEY, a_gatherer, an_instance, found, readings
from tests.support.world import WORKFLOW, World
from understudy.domain.cluster.state import PowerReading
from understudy.domain.events.nodes import ReadinessFailed
from understudy.usecases.answer.check_readiness import ReadinessChecker, check_readiness


class Scene:
    """A cluster in service on node-a, and the AWS that a check looks at."""

    def __init__(self) -> None:
        self.world = World().settle().run(20)
        self.aws = readings()
        epoch = self.world.state.epoch
        self.aws.records = {NAME_KEY: found(0, epoch=epoch), GUARD_KEY: found(1, epoch=epoch)}
        self.book = FakeReportBook()

    def check(self, cluster: str = CLUSTER) -> Execution:
        inspector = ReadinessChecker(
            gatherer=a_gatherer(self.world.ledger, self.aws, self.world.clock),
            book=self.book,
            announcer=self.world.announcer,
            count=lambda faults: None,
        )
        check = partial(check_readiness, inspector=inspector, index=self.world.ledger)
        handlers: dict[str, Handler] = {**self.world.handlers, "check_readiness": check}
        request = {"cluster": cluster, "action": "check", "reason": "before the drill"}
        return Execution(WORKFLOW, handlers, request, clock=self.world.clock).run()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_check_of_a_cluster_in_service_reports_and_moves_nothing(scene):  # S1 S2 S13 S17 S10
    before = dict(scene.world.ledger.items)
    execution = scene.check()
    assert execution.status is Status.SUCCEEDED
    assert (execution.output["outcome"], execution.output["verdict"]) == ("CHECKED", "PASS"), execution.output
    assert execution.trail == ["Begin", "WhatIsAsked", "CheckReadiness", "AfterCheckReadiness", "Checked"]
    assert scene.world.ledger.items == before
    assert scene.world.run(30).in_service == ["node-a"]


def test_a_check_that_fails_names_what_would_break_a_failover_and_moves_nothing_either(scene):  # S1
    scene.aws.known[NODE_B] = an_instance(NODE_B, power=PowerReading.STOPPED)
    before = dict(scene.world.ledger.items)
    execution = scene.check()
    assert (execution.status, execution.error) == (Status.FAILED, "NotReady")
    assert execution.cause == "instances-run: node-b is stopped"
    assert scene.world.told(ReadinessFailed)[0]["failed"] == ["instances-run"]
    assert scene.world.ledger.items == before


def test_a_check_of_a_cluster_that_is_not_there_is_refused(scene):  # S10
    execution = scene.check("nobodys")
    assert (execution.status, execution.error) == (Status.FAILED, "Refused")
    assert execution.cause == "cluster is 'nobodys', which is not registered"
