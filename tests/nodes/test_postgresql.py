"""PostgreSQL on three real nodes: what its page promises when the power of the leader is cut, and who takes over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.waiting import wait_for
from tests.nodes.kits import Writer
from tests.nodes.lab import Lab
from tests.nodes.leases import Leases
from tests.nodes.postgresql import LIMIT_S, Three, rows, write_log, writes

DEATHS = 10
WRITES = 30


@pytest.fixture(scope="module")
def first(session_lab: Lab) -> Iterator[Three]:
    """The followers have never had the data: each copies it."""
    with Leases(session_lab.hub) as leases:
        made = Three(session_lab, leases)
        yield made
        session_lab.remove_machines()


@pytest.fixture
def three(first: Three) -> Three:
    """One leads, the others follow, whatever the test before has done."""
    first.restore()
    first.have_wait("yes")
    return first


@pytest.fixture
def without_waiting(first: Three) -> Three:
    """The same with asynchronous replication."""
    first.restore()
    first.have_wait("no")
    return first


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
        three.wait_said_to_have_all()
    assert len(acknowledged) >= DEATHS * WRITES
    for machine in three.followers:
        wait_for(f"{machine.name} has it all", lambda m=machine: acknowledged <= rows(m), LIMIT_S, why=machine.tail)


def test_a_node_that_lacks_acknowledged_writes_gets_them_from_the_third_one_before_it_leads(three):  # B20
    preferred, other = three.followers
    three.leader.network.cut_from(preferred.address)
    acknowledged = cut_power_under_writes(three)
    assert acknowledged <= rows(other)
    assert not acknowledged & rows(preferred)
    three.fail_over()
    three.wait_serving()
    assert three.leader is preferred, "it lacks less than the margin"
    assert acknowledged <= rows(preferred)


def test_without_waiting_the_one_that_has_most_is_chosen_and_not_the_preferred_one(without_waiting):  # B20
    three = without_waiting
    held_back, fitter = three.followers
    three.leader.network.cut_from(held_back.address)
    write_log(three.leader, 20)
    with Writer(writes(three.hub, three.leader)) as client:
        client.wait_written(WRITES)
    wait_for("the fitter one has it", lambda: set(client.acknowledged) <= rows(fitter), LIMIT_S, why=fitter.tail)
    wait_for("it says so", lambda: three.said(fitter) - three.said(held_back) > 20_000_000, LIMIT_S, why=three.words)
    assert not set(client.acknowledged) & rows(held_back)
    three.leader.cut_power()
    three.fail_over()
    three.wait_serving()
    assert three.leader is fitter
    assert set(client.acknowledged) <= rows(fitter)


def test_beyond_the_limit_nobody_is_chosen(without_waiting):  # B20
    three = without_waiting
    for follower in three.followers:
        follower.run("pkill", "-STOP", "-f", "postgres: walreceiver")
    write_log(three.leader, 70)
    for follower in three.followers:
        three.wait_fit(follower, "is not fit", lambda fit: fit is False)
    three.leader.cut_power()
    for follower in three.followers:
        three.wait_fit(follower, "is not fit", lambda fit: fit is False)
    assert three.choice() is None
    assert three.decision().rule == "fitness-is-missing"
