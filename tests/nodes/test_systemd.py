"""What the agent has systemd know of the units that it manages, and what systemd makes of it."""

from __future__ import annotations

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER, logged, section, set_up, show, wait_logged
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases, boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher
from understudy_agent.unit_names import real_name

PORT = 7000
APP = section("app", "unit", unit="answer.service", stop_limit_s=5)
DROP_IN = "/etc/systemd/system/answer.service.d/zz-understudy-orders-db.conf"


def standby(lab: Lab, leases: Leases, *, is_placed: bool = True) -> Machine:
    """A node that stands by, with systemd told of its unit when the cluster was placed."""
    node = lab.machine("node-a")
    set_up(node, leases.url, APP)
    leases.register(CLUSTER, node)
    node.boot()
    if is_placed:
        leases.grant(CLUSTER, node)
        leases.wait_serving(node, CLUSTER, "app")
        leases.end(CLUSTER)
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    if is_placed:
        wait_for("systemd is told of the unit", lambda: show(node, "DropInPaths", "answer.service") == DROP_IN, 30)
    return node


def enable(node: Machine, unit: str) -> None:
    """By mistake."""
    node.path(f"/etc/systemd/system/multi-user.target.wants/{unit}").symlink_to(f"/usr/local/lib/systemd/system/{unit}")


def test_a_unit_that_was_enabled_by_mistake_does_not_come_up_when_a_standby_boots(lab, leases):  # B18 S9
    node = standby(lab, leases)
    enable(node, "answer.service")
    node.cut_power()
    leases.reads = False
    with Watcher(lab.hub, node, PORT) as watcher:
        node.boot()
        wait_logged(node, "starts_at_boot")
        assert watcher.answers == []
    assert show(node, "AssertResult", "answer.service") == "no"


def test_a_unit_that_is_enabled_comes_up_at_boot_before_its_cluster_was_placed(lab, leases):  # B18
    node = standby(lab, leases, is_placed=False)
    enable(node, "answer.service")
    node.cut_power()
    with Watcher(lab.hub, node, PORT) as watcher:
        node.boot()
        watcher.wait_served()
    assert show(node, "DropInPaths", "answer.service") == ""


def test_a_person_starts_the_unit_on_no_standby_and_restarts_it_where_it_serves(lab, leases):  # B18
    node = standby(lab, leases)
    node.says("systemctl", "start", "answer.service")
    assert show(node, "ActiveState", "answer.service") == "inactive"
    leases.grant(CLUSTER, node)
    leases.wait_serving(node, CLUSTER, "app")
    before = show(node, "MainPID", "answer.service")
    node.run("systemctl", "restart", "answer.service")
    assert show(node, "MainPID", "answer.service") not in ("0", before)
    leases.wait_serving(node, CLUSTER, "app")


def test_whom_a_name_stands_for_is_found_as_systemd_finds_it(lab):
    node = lab.machine("node-a")
    folder = node.path("/etc/systemd/system")
    for file in ("/etc/systemd/system/db.service", "/etc/systemd/system/db@.service", "/opt/app-7.service"):
        node.write(file, "[Service]\nExecStart=/bin/sleep infinity\n")
    links = {"sql": "db.service", "sequel": "sql.service", "sql@": "db@.service", "one@1": "db@.service"}
    links |= {"db@2": "db@.service", "app": "/opt/app-7.service", "again": "app.service", "masked": "/dev/null"}
    for name, target in links.items():
        (folder / f"{name}.service").symlink_to(target)
    node.boot()
    for name in ("db", "db@1", "sql", "sequel", "sql@x", "one@1", "db@2", "app", "again", "masked"):
        unit = f"{name}.service"
        assert real_name(unit, [folder]) == show(node, "Id", unit)


SLOW_TO_STOP_AND_START = """\
[Service]
ExecStartPre=/bin/sleep 2.5
ExecStart=/bin/sleep infinity
ExecStop=/bin/sleep 1.5
"""


def test_a_slow_restart_by_hand_is_waited_for_and_is_no_failure(lab, leases):  # B18 S16
    node = lab.machine("node-a")
    set_up(node, leases.url, section("app", "unit", unit="slow.service", restart_tries=0))
    node.write("/etc/systemd/system/slow.service", SLOW_TO_STOP_AND_START)
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    before, since = show(node, "MainPID", "slow.service"), boottime_s()
    node.run("systemctl", "restart", "slow.service")
    after = show(node, "MainPID", "slow.service")
    leases.wait_serving(node, CLUSTER, "app")
    said = [beat.services["app"] for beat in leases.beats_of(node, CLUSTER, since)]
    assert set(said) == {"STARTING", "IN_SERVICE"}
    assert (show(node, "MainPID", "slow.service"), before == after) == (after, False), "it is not restarted once more"
    assert any("somebody else has it stopped or started" in line["why"] for line in logged(node))


def test_a_server_that_dies_is_restarted_by_the_agent_and_not_by_systemd(lab, leases):  # B18 S16
    node = lab.machine("node-a")
    set_up(node, leases.url, section("app", "unit", unit="answer.service", restart_tries=1))
    node.write("/etc/systemd/system/answer.service.d/again.conf", "[Service]\nRestart=always\nRestartSec=0\n")
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "app")
    wait_for("systemd is told of the unit", lambda: "zz-" in show(node, "DropInPaths", "answer.service"), 30)
    node.run("systemctl", "kill", "--signal=KILL", "answer.service")
    leases.wait_state(node, CLUSTER, "app", "STARTING")
    leases.wait_serving(node, CLUSTER, "app")
    node.run("systemctl", "kill", "--signal=KILL", "answer.service")
    leases.wait_state(node, CLUSTER, "app", "FAILED")
    assert show(node, "NRestarts", "answer.service") == "0"


SLOW = """\
[Service]
ExecStart=/bin/sleep infinity
ExecStop=/bin/sh -c "echo {name} stops >> /var/log/order; sleep 1.5; echo {name} has stopped >> /var/log/order"
"""
IN_ORDER = ["front stops", "front has stopped", "base stops", "base has stopped"]


@pytest.mark.parametrize("is_told", [True, False], ids=["systemd-is-told", "systemd-is-not-told"])
def test_services_stop_in_their_order_when_the_machine_shuts_down_if_systemd_is_told(lab, leases, is_told):  # B18 S9
    node = lab.machine("node-a")
    front = section("front", "unit", unit="front.service", depends_on="base")
    set_up(node, leases.url, section("base", "unit", unit="base.service"), front)
    for name in ("base", "front"):
        node.write(f"/etc/systemd/system/{name}.service", SLOW.format(name=name))
        if not is_told:
            node.write(f"/etc/systemd/system/{name}.service.d", "a file where a directory should be\n")
    leases.register(CLUSTER, node)
    leases.grant(CLUSTER, node)
    node.boot()
    leases.wait_serving(node, CLUSTER, "base", "front")
    if is_told:
        wait_for(
            "systemd is told of both",
            lambda: all(show(node, "DropInPaths", f"{n}.service") for n in ("base", "front")),
            30,
        )
    else:
        wait_logged(node, "drop_ins_failed")
    node.run("systemctl", "poweroff")
    node.wait_off()
    assert (node.path("/var/log/order").read_text().splitlines() == IN_ORDER) is is_told
