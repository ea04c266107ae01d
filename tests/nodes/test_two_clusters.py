"""A node in two clusters runs one agent for each, and what becomes of one is nothing to the other."""

from __future__ import annotations

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, section, set_up, show, unit_of
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import HTTP, Watcher

OTHER = "web"


@pytest.fixture
def node(lab: Lab, leases: Leases) -> Machine:
    """It holds the leases of both, and serves for both."""
    made = lab.machine("node-a")
    set_up(made, leases.url, section("app", "unit", unit="quick.service"))
    set_up(made, leases.url, section("site", "unit", unit="nginx.service"), cluster=OTHER)
    for cluster in (CLUSTER, OTHER):
        leases.register(cluster, made)
        leases.grant(cluster, made)
    made.boot()
    leases.wait_serving(made, CLUSTER, "app")
    leases.wait_serving(made, OTHER, "site")
    return made


def test_a_lease_that_ends_is_released_and_the_other_cluster_is_served_on(lab, node, leases):  # S9
    with Watcher(lab.hub, node, 7000) as app, Watcher(lab.hub, node, 80, HTTP) as site:
        app.wait_served()
        site.wait_served()
        ended_at = boottime_s()
        epoch = leases.end(OTHER)
        leases.wait_beat(node, OTHER, "releases the lease", lambda beat: beat.says_down(epoch))
        site.wait_silent()
        app.wait_served()
    assert app.longest_gap_s(ended_at) < 0.3


def test_an_agent_that_is_stopped_takes_out_its_own_service_only(lab, node, leases):  # S9
    with Watcher(lab.hub, node, 7000) as app, Watcher(lab.hub, node, 80, HTTP) as site:
        app.wait_served()
        stopped_at = boottime_s()
        node.run("systemctl", "stop", unit_of(OTHER))
        site.wait_silent()
        app.wait_served()
    assert app.longest_gap_s(stopped_at) < 0.3
    wait_for("its agent has ended", lambda: show(node, "MainPID", unit_of(OTHER)) == "0", 30, why=node.tail)
    assert show(node, "ActiveState", unit_of(CLUSTER)) == "active"
