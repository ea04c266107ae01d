"""What the agent takes for running, serving, down and failed, of units that are not as simple as they look."""

from __future__ import annotations

import pytest

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show, wait_unit
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher, both_served_s

FLAPS = """
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'sleep 1.5; exit 1'
Restart=always
RestartSec=2
"""
DIES_SOON = """
[Service]
ExecStart=/bin/sh -c 'sleep 0.3; exit 1'
"""
LEAVES_A_CHILD = """
[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=none
ExecStart=/usr/local/sbin/answer 7000 --fork /run/child
TasksAccounting={accounting}
"""
QUICK = section("app", "unit", unit="quick.service", stop_limit_s=5)


def granted(lab: Lab, leases: Leases, unit: str, **keys: object) -> Machine:
    """A booted node that holds the lease for a unit with this text."""
    node = lab.machine("node-a")
    set_up(node, leases.url, section("app", "unit", unit="own.service", **keys))
    node.write("/etc/systemd/system/own.service", unit)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    return node


def test_a_unit_that_dies_and_is_restarted_again_and_again_is_not_in_service_for_ever(lab, leases):  # S9
    node = granted(lab, leases, FLAPS, restart_tries=1)
    leases.wait_state(node, CLUSTER, "app", "FAILED")


def test_a_unit_that_dies_right_after_its_start_is_never_called_in_service(lab, leases):  # S9
    node = granted(lab, leases, DIES_SOON, restart_tries=0)
    leases.wait_state(node, CLUSTER, "app", "FAILED")
    assert all(beat.services["app"] != "IN_SERVICE" for beat in leases.beats_of(node, CLUSTER))


@pytest.mark.parametrize(
    "accounting",
    ["yes", "no"],
)
def test_a_unit_that_leaves_a_process_behind_is_not_released(lab, leases, accounting):  # S9 S12
    node = granted(lab, leases, LEAVES_A_CHILD.format(accounting=accounting), stop_limit_s=2, start_limit_s=5)
    leases.wait_serving(node, CLUSTER, "app")
    with Watcher(lab.hub, node, 7000) as watcher:
        watcher.wait_served()
        epoch = leases.end(CLUSTER)
        told = leases.wait_beat(node, CLUSTER, "releases the lease", lambda beat: beat.says_down(epoch))
        assert watcher.wait_silent(3) < told.at


def test_a_role_that_appears_late_is_found(lab, leases):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, QUICK)
    leases.register(CLUSTER, node)
    keys, node.metadata.instance.keys = node.metadata.instance.keys, {}
    node.boot()
    wait_for("it was refused keys", lambda: "beat_failed" in node.run("journalctl", "-u", AGENT), 20, why=node.tail)
    node.metadata.instance.keys = keys
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE", 15)


def test_a_unit_that_is_enabled_by_mistake_does_not_serve_beside_the_other_node(lab, leases):  # S9 S12
    one, other = lab.machine("node-a"), lab.machine("node-b")
    for node in (one, other):
        set_up(node, leases.url, QUICK)
    leases.register(CLUSTER, one, other)
    leases.grant(CLUSTER, one)
    one.boot()
    other.boot()
    leases.wait_serving(one, CLUSTER, "app")
    leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
    other.run("systemctl", "add-wants", "multi-user.target", "quick.service")
    with Watcher(lab.hub, one, 7000) as first, Watcher(lab.hub, other, 7000) as second:
        other.metadata.is_silent = True
        other.run("systemctl", "reboot")
        wait_for("it boots again", lambda: other.boots == 2, 30)
        wait_unit(other, AGENT, "activating")
        first.wait_served()
        asked = boottime_s()
        wait_for("the metadata service has been away for a while", lambda: boottime_s() > asked + 3, 10)
        other.metadata.is_silent = False
        other.wait_booted(boots=2)
        leases.wait_state(other, CLUSTER, "app", "OUT_OF_SERVICE")
    assert both_served_s(first, second) < 1.0


def test_a_standby_that_cannot_write_its_run_directory_says_so_before_it_is_chosen(lab, leases):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, QUICK)
    leases.register(CLUSTER, node)
    node.boot()
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    node.run("mount", "--bind", "/run/understudy", "/run/understudy")
    node.run("mount", "-o", "remount,bind,ro", "/run/understudy")
    leases.wait_beat(node, CLUSTER, "says why", lambda beat: "cannot be written" in beat.unfit, 15)


FRONT = section(
    "front",
    "script",
    start="/usr/local/sbin/forker start",
    stop="/bin/sh -c 'sleep 2; exec /usr/local/sbin/forker stop'",
    status="/usr/local/sbin/forker status",
    kill="/usr/local/sbin/forker kill",
    depends_on="app",
    stop_limit_s=10,
)


def test_at_poweroff_a_service_outlives_what_depends_on_it(lab, leases):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, QUICK, FRONT)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app", "front")
    with Watcher(lab.hub, node, 7000) as app, Watcher(lab.hub, node, 7100) as front:
        app.wait_served()
        front.wait_served()
        node.run("systemctl", "poweroff")
        node.wait_off()
    assert front.answers[-1] < app.answers[-1] + 0.3


def test_an_upgrade_by_the_bundle_while_it_serves_interrupts_nothing(lab, leases):  # S9
    node = lab.machine("node-a")
    set_up(node, leases.url, QUICK)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    node.unpack_bundle("/opt/bundle")
    with Watcher(lab.hub, node, 7000) as watcher:
        watcher.wait_served()
        old, upgraded_at = show(node, "MainPID"), boottime_s()
        node.run("sh", "/opt/bundle/install.sh")
        node.run("systemctl", "daemon-reload")
        node.run("systemctl", "kill", "--signal=KILL", AGENT)
        wait_for("another agent runs", lambda: show(node, "MainPID") not in ("0", "", old), 30, why=node.tail)
        leases.wait_state(node, CLUSTER, "app", "IN_SERVICE")
        watcher.wait_served()
    assert watcher.longest_gap_s(upgraded_at) < 0.3
