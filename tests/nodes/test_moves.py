"""Real nodes, the deployed stack and a client: how long nobody serves when the service moves, and that never two do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.local_aws import LocalAws, local_aws
from local.world import ZONE_NAME
from tests.nodes.agents import unit_of
from tests.nodes.base import BUILD
from tests.nodes.lab import Lab
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.networks import QUORUM_ADDRESSES
from tests.nodes.quorum_hosts import QuorumHosts
from tests.nodes.watcher import Watcher, both_served_s, wait_passed
from tests.nodes.whole import LIMIT_S, POLICY, PORT, Gate, Name, Pair, Subnets, outage_s

CLUSTERS = 6
OUTAGES = BUILD / "outages.txt"
"""What was measured, one line a move."""
SEEN_S = 2.0
"""What two measured outages of the same kind may differ by on a busy machine."""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    names = [f"cluster-{number}.{ZONE_NAME}" for number in range(CLUSTERS)]
    OUTAGES.unlink(missing_ok=True)
    with local_aws(BUILD / "aws", names, enforces_iam=True) as running:
        yield running


@pytest.fixture(scope="module")
def subnets(aws: LocalAws) -> Subnets:
    return Subnets(aws.engine)


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def pair(aws: LocalAws, lab: Lab, subnets: Subnets, numbers: Iterator[int]) -> Iterator[Pair]:
    """Placed: node-a serves, node-b stands by."""
    with Gate(lab.hub, aws.engine.port) as gate:
        made = Pair(aws, lab, subnets, gate, next(numbers))
        made.place()
        yield made
        lab.remove_machines()


@pytest.fixture
def pair_with_hosts(aws: LocalAws, lab: Lab, subnets: Subnets, numbers: Iterator[int]) -> Iterator[Pair]:
    """Placed, as above; each node is to reach a majority of three hosts."""
    with Gate(lab.hub, aws.engine.port) as gate, QuorumHosts(lab.hub) as hosts:
        quorum = {"mode": "tcp_remote", "hosts": hosts.names, "timeout_s": 1}
        made = Pair(aws, lab, subnets, gate, next(numbers), quorum=quorum)
        made.place()
        yield made
        lab.remove_machines()


def moved(pair: Pair, source: int, begin: Callable[[Machine], object], what: str) -> tuple[dict[str, Any], float]:
    """Have the service move away from a node: the history of the move, and the client's outage in seconds."""
    old, new = pair.machines[source], pair.machines[1 - source]
    epoch = pair.state()["epoch"]
    with (
        Watcher(pair.hub, old, PORT) as first,
        Watcher(pair.hub, new, PORT) as second,
        Name(pair.aws, pair.record) as name,
    ):
        first.wait_served()
        pair.wait_heard(old)
        begin(old)
        history = pair.wait_settled(new, above_epoch=epoch)
        second.wait_served()
        outage = outage_s(name, first, second, new.address)
    with Path(OUTAGES).open("a") as out:
        out.write(f"{what}: {outage:.2f} s, {history['proof']}\n")
    assert both_served_s(first, second) == 0
    return history, outage


def switch_over(pair: Pair) -> Callable[[Machine], object]:
    return lambda _: pair.aws.stack.start_transition(pair.name)


def reboot(machine: Machine) -> None:
    machine.run("systemctl", "reboot")


def test_a_planned_move_is_released_by_the_old_node(pair):  # S9 S11 S12
    history, _ = moved(pair, 0, switch_over(pair), "switchover")
    assert (history["action"], history["proof"], history["outcome"]) == ("switchover", "RELEASED", "IN_SERVICE")
    pair.wait_standby(pair.machines[0])


def test_a_node_without_power_is_followed_when_its_lease_has_ended(pair):  # S9 S11 S12
    history, _ = moved(pair, 0, Machine.cut_power, "power cut")
    assert (history["action"], history["proof"], history["outcome"]) == ("failover", "LEASE_EXPIRED", "IN_SERVICE")
    pair.machines[0].boot()
    pair.wait_standby(pair.machines[0])


def test_a_planned_reboot_of_the_active_node_costs_no_more_than_a_switchover(pair):  # S9 S11 S12
    _, planned_s = moved(pair, 0, switch_over(pair), "switchover")
    pair.wait_standby(pair.machines[0])
    history, outage = moved(pair, 1, reboot, "reboot")
    pair.machines[1].wait_booted(boots=2)
    pair.wait_standby(pair.machines[1])
    assert history["proof"] == "RELEASED"
    assert outage <= planned_s + SEEN_S


def test_a_node_takes_over_from_one_that_lost_the_majority_of_quorum_hosts_only_with_a_majority(pair_with_hosts):  # S12
    pair = pair_with_hosts
    one, other = pair.machines
    epoch, before = pair.state()["epoch"], boottime_s()
    with Watcher(pair.hub, one, PORT) as first, Watcher(pair.hub, other, PORT) as second:
        first.wait_served()
        for node in (other, one):
            node.network.cut_from(*QUORUM_ADDRESSES[1:])
        pair.wait_reach(other, 1)
        first.wait_silent(LIMIT_S)
        pair.wait_reach(one, 1)
        wait_passed(boottime_s() + 4 * POLICY["heartbeat_interval_s"])
        assert (pair.state()["epoch"], pair.state()["active"]) == (epoch, one.metadata.instance.instance_id)
        assert second.first_after(before) is None
        other.network.restore()
        history = pair.wait_settled(other, above_epoch=epoch)
        second.wait_served()
    assert (history["action"], history["proof"], history["outcome"]) == ("failover", "RELEASED", "IN_SERVICE")
    assert both_served_s(first, second) == 0


def test_an_agent_that_is_stopped_releases_its_lease(pair):  # S9 S11 S12
    history, _ = moved(pair, 0, lambda node: node.run("systemctl", "stop", unit_of(pair.name)), "stopped agent")
    assert history["proof"] == "RELEASED"
