"""The way from LifeKeeper and back, on a real node: what systemd lets whom do at each step of docs/from-lifekeeper.md.

What LifeKeeper does to a unit are calls of systemctl. The way of two nodes and their record is in
tests/e2e/test_from_lifekeeper.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from local.waiting import wait_for
from tests.nodes.agents import AGENT, CLUSTER, section, set_up, show, wait_unit
from tests.nodes.leases import SHORT_LEASE

UNIT = "answer.service"
APP = section("app", "unit", unit=UNIT, stop_limit_s=5)
EXPIRE = f"understudy-expire-{CLUSTER}.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/zz-understudy-{CLUSTER}.conf"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "from-lifekeeper.md"


def commands_of_going_back() -> list[str]:
    """What the guide says to run on both nodes once the agents are stopped."""
    section_ = GUIDE.read_text(encoding="utf-8").partition("### Going back after the handover")[2]
    step = next(line for line in section_.split("\n5. ")[1:])
    return re.findall(r"`([^`]+)`", step.partition("\n6. ")[0])


def test_the_agent_lets_lifekeeper_act_until_the_cluster_is_placed_and_again_once_it_has_gone(lab, leases):  # B25 B18
    node = lab.machine("node-a")
    set_up(node, leases.url, APP)
    node.boot()
    wait_unit(node, AGENT, "active")

    node.run("systemctl", "start", UNIT)
    node.run("systemctl", "restart", UNIT)
    assert (show(node, "ActiveState", UNIT), show(node, "DropInPaths", UNIT)) == ("active", "")
    pid = show(node, "MainPID", UNIT)

    leases.register(CLUSTER, node, **SHORT_LEASE)
    leases.grant(CLUSTER, node)
    leases.wait_serving(node, CLUSTER, "app")
    wait_for("systemd is told of the unit", lambda: show(node, "DropInPaths", UNIT) == DROP_IN, 30)
    assert show(node, "MainPID", UNIT) == pid, "the service was restarted"

    leases.end(CLUSTER)
    leases.wait_state(node, CLUSTER, "app", "OUT_OF_SERVICE")
    node.says("systemctl", "start", UNIT)
    assert show(node, "ActiveState", UNIT) == "inactive"

    leases.grant(CLUSTER, node)
    leases.wait_serving(node, CLUSTER, "app")
    node.run("systemctl", "disable", "--now", AGENT)
    assert show(node, "ActiveState", UNIT) == "inactive"
    node.says("systemctl", "start", UNIT)
    assert show(node, "ActiveState", UNIT) == "inactive", "what the guide warns of when its step 5 is forgotten"
    wait_unit(node, EXPIRE, "inactive")  # its lease has ended; in the guide, step 4 waits longer than that
    found = commands_of_going_back()
    assert len(found) == 3
    for command in found:
        node.run("sh", "-c", command)
    node.run("systemctl", "start", UNIT)
    assert show(node, "ActiveState", UNIT) == "active"
