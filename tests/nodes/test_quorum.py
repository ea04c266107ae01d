"""Nodes of a cluster that names quorum hosts, cut off from some of them, while AWS is in reach of all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show
from tests.nodes.lab import Lab
from tests.nodes.leases import DRIFT_MARGIN_S, SHORT_LEASE, TERMS, Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.networks import QUORUM_ADDRESSES
from tests.nodes.quorum_hosts import QuorumHosts
from tests.nodes.watcher import Watcher, wait_passed

PORT = 7000
TIMEOUT_S = 1
APP = section("app", "unit", unit="quick.service", stop_limit_s=5)


@pytest.fixture
def node(lab: Lab, leases: Leases) -> Iterator[Machine]:
    """Registered, off; it is to reach two of three hosts at least."""
    with QuorumHosts(lab.hub) as hosts:
        made = lab.machine("node-a")
        set_up(made, leases.url, APP)
        leases.register(CLUSTER, made, **SHORT_LEASE)
        leases.name_hosts(CLUSTER, hosts.names, TIMEOUT_S)
        yield made
        made.cut_power()


@pytest.fixture
def watcher(lab: Lab, node: Machine) -> Iterator[Watcher]:
    with Watcher(lab.hub, node, PORT) as made:
        yield made


def wait_reach(leases: Leases, node: Machine, reached: int) -> None:
    leases.wait_beat(node, CLUSTER, f"reaches {reached} hosts", lambda beat: beat.reached == reached)


# S12 B11
def test_an_active_node_that_loses_the_majority_stops_within_its_terms_and_serves_again_when_it_has_it_back(
    node, leases, watcher
):
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    node.network.cut_from(*QUORUM_ADDRESSES[2:])
    wait_reach(leases, node, 2)
    watcher.wait_served()
    node.network.cut_from(*QUORUM_ADDRESSES[1:])
    cut_at = boottime_s()
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    served_until = watcher.wait_silent()
    earliest = cut_at + SHORT_LEASE["lease_s"] - TERMS["heartbeat_interval_s"] - TIMEOUT_S
    latest = cut_at + TERMS["heartbeat_interval_s"] + TIMEOUT_S + SHORT_LEASE["lease_s"] + DRIFT_MARGIN_S
    assert earliest <= served_until <= latest
    node.network.restore()
    leases.wait_state(node, CLUSTER, "app", "IN_SERVICE")
    assert watcher.wait_served() > served_until


# S12 B11
def test_a_node_that_boots_without_a_majority_starts_nothing_that_it_is_granted_nor_does_the_next_agent(
    node, leases, watcher
):
    node.network.cut_from(*QUORUM_ADDRESSES[1:])
    leases.grant(CLUSTER, node)
    node.boot()
    wait_reach(leases, node, 1)
    leases.grant(CLUSTER, node)
    node.run("systemctl", "kill", "--signal=KILL", AGENT)
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    wait_passed(boottime_s() + SHORT_LEASE["lease_s"])
    wait_reach(leases, node, 1)
    assert (watcher.answers, show(node, "ActiveState", "quick.service")) == ([], "inactive")
    node.network.restore()
    watcher.wait_served()
