"""What becomes of a service and its lease when its node goes down, is cut off or stands still."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, both_served_s, wait_passed

PORT = 7000
APP = section("app", "unit", unit="answer.service", stop_limit_s=5)
LONGEST_FREEZE_S = 120 if os.environ.get("UNDERSTUDY_LONG_FREEZES") else 30
LOOK_S = 0.2
"""How soon after a thaw the agent promises to have looked at its lease."""
SEEN_S = 0.3
"""What the client, and a busy machine, may add to it."""


@pytest.fixture
def nodes(lab: Lab, leases: Leases) -> tuple[Machine, Machine]:
    """Two nodes of a cluster: the first one holds the lease and serves, the other one stands by."""
    one, other = lab.machine("node-a"), lab.machine("node-b")
    for node in (one, other):
        set_up(node, leases.url, APP)
    leases.register(CLUSTER, one, other, **SHORT_LEASE)
    leases.grant(CLUSTER, one)
    other.switch_on()
    one.boot()
    leases.wait_serving(one, CLUSTER, "app")
    leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
    return one, other


@pytest.fixture
def watchers(lab: Lab, nodes: tuple[Machine, Machine]) -> Iterator[tuple[Watcher, Watcher]]:
    """At the end, the two have never served at the same time."""
    one, other = (Watcher(lab.hub, node, PORT) for node in nodes)
    with one, other:
        one.wait_served()
        yield one, other
    assert both_served_s(one, other) == 0


def take_over(leases: Leases, one: Machine, other: Machine) -> None:
    """As the controller does it when a node is silent: its lease has ended, and the other one gets it."""
    end = leases.lease_end(one, CLUSTER)
    leases.end(CLUSTER)
    wait_passed(end + DRIFT_MARGIN_S)
    leases.grant(CLUSTER, other)


def test_a_node_that_reboots_releases_its_service_before_its_network_goes(nodes, leases, watchers):  # S9 S12
    one, _ = nodes
    asked = boottime_s()
    one.run("systemctl", "reboot")
    one.wait_booted(boots=2)
    first_boot = next(beat.said["boot"] for beat in leases.beats_of(one, CLUSTER))
    said = [beat for beat in leases.beats_of(one, CLUSTER, asked) if beat.said["boot"] == first_boot]
    assert said[-1].services == {"app": "OUT_OF_SERVICE"}
    spans = [span for span in watchers[0].spans() if span[0] < said[-1].at]
    assert spans[-1][1] < said[-1].at


def test_a_node_that_powers_off_releases_its_service_before_its_network_goes(nodes, leases, watchers):  # S9 S12
    one, other = nodes
    one.run("systemctl", "poweroff")
    one.wait_off()
    last = list(leases.beats_of(one, CLUSTER))[-1]
    assert last.services == {"app": "OUT_OF_SERVICE"}
    assert watchers[0].wait_silent() < last.at
    leases.end(CLUSTER)
    leases.grant(CLUSTER, other)
    watchers[1].wait_served()


def test_a_node_without_power_is_followed_by_the_other_and_comes_back_as_standby(nodes, leases, watchers):  # S9 S12
    one, other = nodes
    one.cut_power()
    take_over(leases, one, other)
    watchers[1].wait_served()
    back_at = boottime_s()
    one.boot()
    leases.wait_state(one, CLUSTER, "app", "OUT_OF_SERVICE")
    assert watchers[0].first_after(back_at) is None
    assert show(one, "ActiveState", "answer.service") == "inactive"


def test_a_node_that_comes_back_with_its_lease_serves_once_it_has_been_renewed(nodes, leases, watchers):  # S9 S12
    one, _ = nodes
    one.cut_power()
    leases.records = False
    back_at = boottime_s()
    one.boot()
    leases.wait_state(one, CLUSTER, "app", "OUT_OF_SERVICE")
    assert watchers[0].first_after(back_at) is None, "what was renewed before the power cut binds no later boot"
    leases.records = True
    watchers[0].wait_served()


def test_when_both_lose_power_only_the_holder_of_the_lease_serves_again(nodes, leases, watchers):  # S9 S12
    one, other = nodes
    for node in nodes:
        node.cut_power()
    back_at = boottime_s()
    for node in (other, one):
        node.boot()
    leases.wait_serving(one, CLUSTER, "app")
    leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
    assert watchers[1].first_after(back_at) is None


@pytest.mark.parametrize(
    ("incoming", "outgoing"),
    [
        pytest.param(True, True, id="both"),
        pytest.param(True, False, id="incoming"),
        pytest.param(False, True, id="outgoing"),
    ],
)
def test_a_node_whose_network_is_cut_ends_with_its_lease(nodes, leases, watchers, incoming, outgoing):  # S9 S12
    """The client is cut off, too: what the node does is seen in it."""
    one, other = nodes
    one.network.cut(incoming=incoming, outgoing=outgoing)
    end = leases.lease_end(one, CLUSTER)

    def is_down() -> bool:
        return show(one, "ActiveState", "answer.service") == "inactive"

    leases.end(CLUSTER)
    wait_for("its service is out", is_down, 20, interval_s=0.05, why=one.tail)
    assert boottime_s() < leases.lease_end(one, CLUSTER) + DRIFT_MARGIN_S
    wait_passed(end + DRIFT_MARGIN_S)
    leases.grant(CLUSTER, other)
    watchers[1].wait_served()
    one.network.restore()
    leases.wait_state(one, CLUSTER, "app", "OUT_OF_SERVICE")
    assert is_down()


def test_a_short_cut_costs_nothing(nodes, leases, watchers):  # S9 B4
    one, _ = nodes
    cut_at = boottime_s()
    one.network.cut(incoming=True, outgoing=False)
    wait_passed(cut_at + 1)
    one.network.restore()
    leases.wait_serving(one, CLUSTER, "app")
    one_served = watchers[0].wait_served()
    assert watchers[0].first_after(cut_at + 1) <= one_served
    assert int(show(one, "NRestarts", AGENT)) == 0
    starts = one.run("journalctl", "-u", "answer.service", "--output=cat").count("Started answer.service")
    assert starts == 1


@dataclass
class Freeze:
    """A node that serves stands still from now on, for so long. Its lease is taken away meanwhile."""

    leases: Leases
    node: Machine
    watcher: Watcher
    length_s: float

    def __post_init__(self) -> None:
        self.watcher.wait_served()
        self.node.freeze()
        self.until, self.end = boottime_s() + self.length_s, self.leases.lease_end(self.node, CLUSTER)
        self.leases.end(CLUSTER)

    def give_lease_to(self, node: Machine, watcher: Watcher) -> None:
        """When that of the frozen one has ended, as the controller does it."""
        wait_passed(self.end + DRIFT_MARGIN_S)
        assert boottime_s() < self.until
        self.leases.grant(CLUSTER, node)
        watcher.wait_served()

    def thaw(self) -> float:
        """When its time has come. For how long it has served after that (seconds)."""
        wait_passed(self.until)
        thawed_at = boottime_s()
        self.node.thaw()
        self.leases.wait_state(self.node, CLUSTER, "app", "OUT_OF_SERVICE")
        self.watcher.wait_silent()
        return max((at - thawed_at for at in self.watcher.answers if at > thawed_at), default=0.0)


def test_a_node_that_thaws_serves_no_more_once_it_has_looked_at_its_lease(nodes, leases, lab):  # S9 S12
    """It serves for an instant beside another: leases cannot close that gap, and the manual says how long it is.

    Each of three nodes is frozen once. While the first one is, the second one takes over, and from that the third one.
    """
    one, other = nodes
    third = lab.machine("node-c")
    set_up(third, leases.url, APP)
    leases.register_more(CLUSTER, third)
    third.switch_on()
    with (
        Watcher(lab.hub, one, PORT) as first,
        Watcher(lab.hub, other, PORT) as second,
        Watcher(lab.hub, third, PORT) as last,
    ):
        leases.wait_state(third, CLUSTER, "app", "OUT_OF_SERVICE")
        long = Freeze(leases, one, first, LONGEST_FREEZE_S)
        long.give_lease_to(other, second)
        middle = Freeze(leases, other, second, 14)
        middle.give_lease_to(third, last)
        served_s = [middle.thaw(), Freeze(leases, third, last, 5).thaw(), long.thaw()]
    assert max(served_s) < LOOK_S + SEEN_S


STUCK = {"start": "/usr/bin/true", "stop": "/usr/bin/true", "status": "/usr/bin/true"}


@pytest.mark.parametrize(("asked", "boots"), [("poweroff", 1), ("reboot", 2)])
def test_a_node_that_is_powered_off_while_a_service_cannot_be_stopped_stays_off(lab, leases, asked, boots):  # S12
    """By its policy, a node with such a service is rebooted."""
    node = lab.machine("node-a")
    set_up(node, leases.url, section("app", "script", stop_limit_s=1, **STUCK))
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    node.run("systemctl", "--no-block", asked)
    if asked == "poweroff":
        node.wait_off()
    else:
        node.wait_booted(boots=2)
    assert node.boots == boots
