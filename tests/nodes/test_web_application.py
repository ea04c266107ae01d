"""The example that a newcomer copies first, tried as its page says."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from tests.nodes.agents import CLUSTER, show
from tests.nodes.kit_pairs import fail_over, install, pair, placed, switch_over
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import HTTP, Watcher, both_served_s

PORT = 8080
UNIT = "web-application.service"


@pytest.fixture
def nodes(lab: Lab, leases: Leases) -> tuple[Machine, Machine]:
    """Set up as the page says; the first one serves."""
    made = pair(lab)
    for node in made:
        install(node, {"/usr/local/bin/hello.py": "examples/web-application/hello.py"})
        install(node, {f"/etc/systemd/system/{UNIT}": f"examples/web-application/{UNIT}"}, 0o644)
    placed(leases, "web-application", *made)
    return made


@pytest.fixture
def watchers(lab: Lab, nodes: tuple[Machine, Machine]) -> Iterator[tuple[Watcher, Watcher]]:
    """At the end, the two have never served at the same time."""
    one, other = (Watcher(lab.hub, node, PORT, HTTP) for node in nodes)
    with one, other:
        one.wait_served()
        yield one, other
    assert both_served_s(one, other) == 0


class SlowRequest(threading.Thread):
    """A client that asks for what takes two seconds; `answer` is what it got."""

    def __init__(self, lab: Lab, node: Machine) -> None:
        super().__init__(daemon=True)
        self.answer = ""
        self.is_asked = threading.Event()
        self._lab, self._node = lab, node
        self.start()

    def run(self) -> None:
        self._lab.hub.enter()
        client = http.client.HTTPConnection(self._node.address, PORT, timeout=10)
        client.request("GET", "/slow")
        self.is_asked.set()
        self.answer = client.getresponse().read().decode()


def test_a_planned_move_finishes_a_request_and_a_power_cut_is_followed(nodes, watchers, leases, lab):  # S9 S12 B18
    one, other = nodes
    request = SlowRequest(lab, one)
    assert request.is_asked.wait(10)
    switch_over(leases, one, other)
    watchers[1].wait_served()
    request.join(10)
    assert request.answer == "node-a\n"
    leases.wait_serving(other, CLUSTER, "web")
    other.cut_power()
    fail_over(leases, other, one)
    watchers[0].wait_served()
    back_at = boottime_s()
    other.boot()
    leases.wait_state(other, CLUSTER, "web", "OUT_OF_SERVICE")
    assert watchers[1].first_after(back_at) is None


def test_an_application_that_dies_is_restarted_here_and_one_that_hangs_is_left_for_the_other(
    nodes, watchers, leases
):  # S9 S12 B18
    one, other = nodes
    one.run("systemctl", "kill", "--signal=KILL", UNIT)
    leases.wait_state(one, CLUSTER, "web", "STARTING")
    leases.wait_state(one, CLUSTER, "web", "IN_SERVICE")
    watchers[0].wait_served()
    one.run("systemctl", "kill", "--signal=STOP", UNIT)
    leases.wait_state(one, CLUSTER, "web", "FAILED")
    switch_over(leases, one, other)
    watchers[1].wait_served()
    assert show(one, "MainPID", UNIT) == "0"
