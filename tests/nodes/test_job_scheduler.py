"""The example for job schedulers, tried as its page says. A stand-in takes the place of the product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.waiting import wait_for
from tests.nodes.agents import CLUSTER
from tests.nodes.disks import loop_device
from tests.nodes.kit_pairs import (
    OS_USER,
    fail_over,
    folders_of_product,
    install_product,
    pair,
    placed,
    switch_over,
)
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases
from tests.nodes.machine import Machine

JOBS = "/srv/jobs"
SHORT_STOP = {"stop_limit_s = 60": "stop_limit_s = 6"}
"""How long a planned move waits for jobs, so that the test need not wait a minute."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    """The file system that moves, with the product's folders."""
    folders_of_product(tmp_path / "disk", "queue", "running", "done", "held")
    with loop_device("jobs", tmp_path / "disk", OS_USER) as name:
        yield name


@pytest.fixture
def nodes(lab: Lab, leases: Leases, disk: str) -> Iterator[tuple[Machine, Machine]]:
    """Set up as the page says; the first one serves."""
    made = pair(lab, (disk,))
    for node in made:
        install_product(node, "job-scheduler", "labsched", ("labschedd", "labagentd"), disk, JOBS)
    placed(leases, "job-scheduler", *made, instead=SHORT_STOP)
    yield made
    for node in made:
        node.cut_power()


def submit(node: Machine, name: str, *lines: str) -> None:
    """A job, in the queue whole or not at all. What it says is added to the ledger."""
    script = "\n".join([f'say() {{ echo "{name} $1 on $(uname -n)" >>ledger; }}', *lines, ""])
    node.write(f"{JOBS}/submitted", script, 0o644)
    node.path(f"{JOBS}/submitted").rename(node.path(f"{JOBS}/queue/{name}"))


def ledger(node: Machine) -> list[str]:
    return node.read(f"{JOBS}/ledger").splitlines()


def wait_said(node: Machine, line: str) -> None:
    wait_for(f"the ledger has: {line}", lambda: line in ledger(node), 20, why=node.tail)


def held(node: Machine) -> list[str]:
    return sorted(path.name for path in node.path(f"{JOBS}/held").iterdir())


def test_a_job_that_a_power_cut_has_ended_is_held_and_those_behind_it_run_once(nodes, leases):  # S9 S12 B18
    one, other = nodes
    submit(one, "first", "say begins", "sleep 600", "say ends")
    wait_said(one, "first begins on node-a")
    submit(one, "second", "say begins", "say ends")
    one.cut_power()
    fail_over(leases, one, other)
    leases.wait_serving(other, CLUSTER, "scheduler")
    wait_said(other, "second ends on node-b")
    assert ledger(other) == ["first begins on node-a", "second begins on node-b", "second ends on node-b"]
    assert held(other) == ["first"]
    assert "not stopped in order before: started on node-a" in other.run("journalctl", "--output=cat")
    one.boot()
    leases.wait_beat(one, CLUSTER, "stands by", lambda beat: beat.says_down(0))
    assert one.run("/opt/labsched/labsched", "status") == "running", "as it says of the boot before"


def test_a_planned_move_waits_for_a_job_and_ends_and_holds_one_that_takes_too_long(nodes, leases):  # S9 S12 B18
    one, other = nodes
    submit(one, "short", "say begins", "sleep 2", "say ends")
    wait_said(one, "short begins on node-a")
    submit(one, "behind", "say begins")
    switch_over(leases, one, other)
    wait_said(other, "behind begins on node-b")
    assert ledger(other) == ["short begins on node-a", "short ends on node-a", "behind begins on node-b"]
    leases.wait_serving(other, CLUSTER, "scheduler")
    submit(other, "long", "say begins", "sleep 600", "say ends")
    wait_said(other, "long begins on node-b")
    switch_over(leases, other, one)
    assert other.says("pgrep", "--exact", "sleep") == "", "no job outlives its lease"
    leases.wait_serving(one, CLUSTER, "scheduler")
    wait_for("it is held", lambda: held(one) == ["long"], 10)
    assert ledger(one)[3:] == ["long begins on node-b"]
