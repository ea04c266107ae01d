"""The watch compares routes and Elastic IPs with the active node: what leads elsewhere is put right (S14, S15)."""

from dataclasses import replace

import pytest

from tests.support.builders import ENI_A, ENI_B, NODE_A, NOW, a_definition, a_moving_state, a_state
from tests.unit.usecases.watch.test_watch_and_signals import Controller
from understudy.domain.cluster.address import Address, AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Route
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.events.addresses import AddressChanged

FAR = "192.0.2.10/32"
KINDS = {"routes": (Route(FAR, ("rtb-1", "rtb-2")),), "elastic_ips": (ElasticIp("eipalloc-1"),)}


def a_world(*states, target=ENI_A):
    world = Controller(*states, definition=a_definition(**KINDS))
    for table in ("rtb-1", "rtb-2"):
        world.network.add_table(table)
        world.network.lead(table, FAR, target)
    world.network.add_elastic_ip("eipalloc-1")
    world.network.associate("eipalloc-1", target, "10.0.1.10")
    world.network.calls.clear()
    return world


def test_addresses_that_lead_to_the_active_node_are_left_alone():
    world = a_world()
    before = world.ledger.state()
    world.watch()
    assert world.ledger.state() == before
    assert not world.launcher.starts


@pytest.mark.parametrize(
    ("stray", "found"),
    [
        (lambda n: n.lead("rtb-2", FAR, ENI_B), {"route 192.0.2.10/32 in rtb-2": ENI_B}),
        (lambda n: n.add_table("rtb-2"), {"route 192.0.2.10/32 in rtb-2": ""}),
        (lambda n: n.tables.pop("rtb-2"), {"route 192.0.2.10/32 in rtb-2": ""}),
        (lambda n: n.associate("eipalloc-1", ENI_B, "10.0.2.10"), {"eipalloc-1": ENI_B}),
        (lambda n: n.addresses.clear(), {"eipalloc-1": ""}),
    ],
    ids=["other node", "no route", "no table", "taken", "released"],
)
def test_an_address_that_a_late_writer_or_a_hand_has_led_elsewhere_is_owed_told_of_and_repaired(stray, found):  # S5 B1
    world = a_world()
    stray(world.network)
    world.watch()
    assert world.ledger.state().address == Address(AddressStatus.OWED, 1, retry_at=NOW)
    assert world.announcer.details(AddressChanged)[0]["addresses"] == found
    assert world.launcher.requests[0]["action"] == "repair"
    world.watch()
    assert len(world.announcer.details(AddressChanged)) == 1


@pytest.mark.parametrize(
    "state",
    [
        a_moving_state(),
        a_state(active=None),
        a_state(address=None),
        a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 9)),
    ],
    ids=["moving", "nobody active", "never moved", "owed already"],
)
def test_a_cluster_that_is_not_settled_is_not_compared(state):
    world = a_world(state, target=ENI_B)
    world.watch()
    assert world.network.calls == []
    assert not world.announcer.details(AddressChanged)


def test_an_ec2_that_cannot_be_read_makes_no_difference():  # B3
    world = a_world(target=ENI_B)
    world.network.is_down = True
    report = world.watch()
    assert (len(report.faults), report.judged) == (1, 1)
    assert world.ledger.state().address.status is AddressStatus.IN_SYNC


def test_a_state_that_has_changed_meanwhile_is_left_to_the_next_watch():
    world = a_world(target=ENI_B)
    world.ledger.fail_next("commit", LedgerConflictError("a failover has begun"))
    world.watch()
    assert not world.announcer.details(AddressChanged)
    world.watch()
    assert world.announcer.details(AddressChanged)


def test_the_tables_and_addresses_of_all_clusters_are_asked_for_in_two_questions():  # B9
    world = a_world(*(a_state(cluster=f"db-{number}") for number in range(50)))
    world.watch()
    assert world.network.calls == ["route_tables", "elastic_ips"]


def test_an_active_node_that_is_no_member_any_more_holds_nothing():
    world = a_world(replace(a_state(), active="i-0ddddddddddddddd4", nodes={**a_state().nodes}))
    world.ledger.put_state(
        replace(world.ledger.state(), nodes={**a_state().nodes, "i-0ddddddddddddddd4": a_state().nodes[NODE_A]})
    )
    world.watch()
    assert len(world.announcer.details(AddressChanged)[0]["addresses"]) == 3


def partly_owed(**changes):
    """The record is refused for good; the route and the Elastic IP are where they should be."""
    parts = dict.fromkeys(a_definition(**KINDS).labels, AddressStatus.IN_SYNC)
    parts |= {a_definition().records[0].label: AddressStatus.OWED, **changes}
    return a_state(address=Address(AddressStatus.OWED, 1, retry_at=NOW + 900, parts=parts, failures=6))


def test_an_address_that_somebody_changed_is_put_right_although_another_one_is_owed():  # S14 S15
    """Before: it waited for the next try at the other one, up to a quarter of an hour."""
    world = a_world(partly_owed())
    world.network.lead("rtb-2", FAR, ENI_B)
    world.watch()
    assert world.announcer.details(AddressChanged)[0]["addresses"] == {"route 192.0.2.10/32 in rtb-2": ENI_B}
    assert world.ledger.state().address == Address(AddressStatus.OWED, 1, retry_at=NOW)


def test_an_address_that_is_owed_itself_is_told_of_once():  # S14 S15
    world = a_world(partly_owed(**{"route 192.0.2.10/32": AddressStatus.OWED, "eipalloc-1": AddressStatus.OWED}))
    world.network.lead("rtb-2", FAR, ENI_B)
    world.watch()
    assert world.network.calls == []
    assert not world.announcer.details(AddressChanged)
