"""Who is doubted: the nodes, or whoever watches them (B3). With one cluster and with a thousand."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import NODE_A, NODE_B, NOW, SPECS, a_definition, a_report, a_state, record_sets
from tests.support.builders import RECORD as PROTECTED
from tests.support.drills import a_drill_master
from tests.support.fakes.alarms import FakeAlarms
from tests.support.fakes.announcer import FakeAnnouncer
from tests.support.fakes.clock import VirtualClock
from tests.support.fakes.launcher import FakeLauncher
from tests.support.fakes.ledger import FakeLedger
from tests.support.fakes.network import FakeNetwork
from tests.support.fakes.nodes import FakeNodes
from tests.support.fakes.parameters import FakeParameters
from tests.support.fakes.zone import FakeZone
from understudy.domain.cluster.state import PowerReading, ServiceStatus
from understudy.domain.events.alerts import OperatorCalled
from understudy.usecases.observe.judge import Judge
from understudy.usecases.transition.follow_changes import ChangeFollower
from understudy.usecases.watch.records import RecordMonitor
from understudy.usecases.watch.watch_clusters import ClusterWatch, WatchReport

DARK_SINCE = NOW - 40
SIZES = [1, 2, 10, 1000]
pytestmark = pytest.mark.no_cover


class Fleet:
    """Clusters of two nodes, one in each of two zones; every second cluster is served from zone b."""

    def __init__(self, size: int) -> None:
        self.clock = VirtualClock(NOW)
        self.ledger, self.launcher, self.announcer = FakeLedger(), FakeLauncher(), FakeAnnouncer()
        self.zone, self.nodes = FakeZone(self.clock), FakeNodes()
        for spec in SPECS:
            self.nodes.launch_as(spec)
        for record_set in record_sets():
            self.zone.put(PROTECTED, record_set)
        self.names = [f"cluster-{number}" for number in range(size)]
        for number, name in enumerate(self.names):
            self.ledger.put_definition(replace(a_definition(), cluster=name))
            self.ledger.put_state(self._state(name, NODE_B if number % 2 else NODE_A))

    @staticmethod
    def _state(name: str, active: str) -> Any:
        def report(node: str) -> Any:
            service = ServiceStatus.IN_SERVICE if node == active else ServiceStatus.OUT_OF_SERVICE
            return a_report(node, service=service)

        return a_state(cluster=name, active=active, node_a=report(NODE_A), node_b=report(NODE_B))

    def darken(self, *nodes: str, only: str | None = None) -> None:
        """These nodes of every cluster (or of one) have not been heard since DARK_SINCE."""
        for name in [only] if only else self.names:
            state = self.ledger.state(name)
            silent = {node: replace(state.nodes[node], heard_at=DARK_SINCE) for node in nodes}
            self.ledger.put_state(replace(state, nodes={**state.nodes, **silent}))

    def watch(self) -> WatchReport:
        judge = Judge(self.ledger, self.launcher, self.announcer, self.clock)
        monitor = RecordMonitor(self.ledger, self.zone, self.announcer, self.clock, lambda seconds: None, "understudy")
        return ClusterWatch(
            ledger=self.ledger,
            beats=self.ledger,
            nodes=self.nodes,
            alarms=FakeAlarms(),
            index=self.ledger,
            parameters=FakeParameters(),
            follower=ChangeFollower(self.zone, self.zone, self.zone, self.clock, "understudy"),
            network=FakeNetwork(),
            announcer=self.announcer,
            register=lambda text: None,
            judge=judge,
            drills=a_drill_master(self.ledger, self.launcher, self.announcer, self.clock),
            monitor=monitor,
            clock=self.clock,
        ).run()

    @property
    def failed_over(self) -> list[str]:
        return [str(each["cluster"]) for each in self.launcher.requests if each["action"] == "failover"]

    @property
    def called(self) -> list[str]:
        return [str(detail["rule"]) for detail in self.announcer.details(OperatorCalled)]


@pytest.mark.parametrize("size", SIZES)
def test_when_nobody_of_any_cluster_is_heard_nothing_moves_and_a_person_is_told_for_each(size):  # B3
    fleet = Fleet(size)
    fleet.darken(NODE_A, NODE_B)
    report = fleet.watch()
    assert report.judged == size
    assert fleet.launcher.starts == {}
    assert fleet.called == ["observer-is-suspect"] * size
    fleet.watch()
    assert len(fleet.called) == size, "once"


@pytest.mark.parametrize("size", SIZES)
def test_when_one_zone_is_dark_every_cluster_that_it_served_fails_over_and_no_other(size):  # B3
    """Half of all nodes fall silent at once: that is an outage of a zone, not of the observer."""
    fleet = Fleet(size)
    fleet.darken(NODE_A)
    fleet.watch()
    assert sorted(fleet.failed_over) == sorted(fleet.names[::2])
    assert fleet.called == []


@pytest.mark.parametrize("size", [each for each in SIZES if each > 1])
def test_a_cluster_all_of_whose_nodes_are_silent_while_others_are_heard_has_nobody_to_fail_over_to(size):  # B3
    fleet = Fleet(size)
    fleet.darken(NODE_A, NODE_B, only=fleet.names[0])
    fleet.watch()
    assert (fleet.failed_over, fleet.called) == ([], ["no-fit-candidate"])


@pytest.mark.parametrize("size", SIZES)
def test_nodes_that_have_only_just_come_back_speak_against_nobody(size):  # B3
    """The way of the beats was closed; the standbys' beats come first, the active nodes' are still waiting."""
    fleet = Fleet(size)
    fleet.darken(NODE_A)
    for name in fleet.names:
        state = fleet.ledger.state(name)
        back = replace(state.nodes[NODE_B], heard_since=NOW - 1)
        fleet.ledger.put_state(replace(state, nodes={**state.nodes, NODE_B: back}))
    fleet.watch()
    assert fleet.failed_over == []


@pytest.mark.parametrize("size", SIZES)
def test_in_doubt_the_word_of_ec2_counts_all_the_same(size):  # B3
    """The controller hears no beats of anybody, but EC2 says that the active nodes are off: nobody is fit, all told."""
    fleet = Fleet(size)
    fleet.darken(NODE_A, NODE_B)
    for name in fleet.names:
        state = fleet.ledger.state(name)
        off = replace(
            state.nodes[str(state.active)],
            power=PowerReading.STOPPED,
            power_at=NOW,
            power_boot=state.nodes[str(state.active)].boot,
        )
        fleet.ledger.put_state(replace(state, nodes={**state.nodes, str(state.active): off}))
    fleet.watch()
    assert fleet.called == ["told-and-no-fit-candidate"] * size
