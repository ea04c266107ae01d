"""PostgreSQL on three real nodes: what its page promises when the power of the leader is cut, and who takes over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.waiting import wait_for
from tests.nodes.kits import Writer
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases
from tests.nodes.postgresql import LIMIT_S, Three, rows, writes

DEATHS = 10
WRITES = 30


@pytest.fixture(scope="module")
def three(session_lab: Lab) -> Iterator[Three]:
    with Leases(session_lab.hub) as leases:
        made = Three(session_lab, leases)
        made.wait_streaming()
        yield made
        session_lab.remove_machines()


def cut_power_under_writes(three: Three) -> set[int]:
    """Of the leader: what was acknowledged to a client until then."""
    with Writer(writes(three.hub, three.leader)) as client:
        client.wait_written(WRITES)
        three.leader.cut_power()
    return set(client.acknowledged)


@pytest.mark.timeout(600)
def test_ten_power_cuts_of_the_leader_lose_no_acknowledged_write(three):  # B20
    acknowledged: set[int] = set()
    for _ in range(DEATHS):
        dead = three.leader
        acknowledged |= cut_power_under_writes(three)
        three.fail_over()
        dead.switch_on()
        three.wait_serving()
        assert sorted(acknowledged - rows(three.leader)) == []
        dead.wait_booted()
        three.wait_streaming()
    assert len(acknowledged) >= DEATHS * WRITES
    for machine in three.followers:
        wait_for(f"{machine.name} has it all", lambda m=machine: acknowledged <= rows(m), LIMIT_S, why=machine.tail)
