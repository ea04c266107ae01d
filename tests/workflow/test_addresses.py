"""The whole workflow with several addresses of several kinds: they follow the service, whatever comes between."""

from dataclasses import replace

import pytest

from tests.support.builders import ADDRESS_B, ENI_A, ENI_B, NODE_B, RECORD
from tests.support.world import World
from understudy.domain.cluster.address import AddressStatus
from understudy.domain.cluster.definition import ElasticIp, Record, Route
from understudy.domain.cluster.errors import ChangeRefusedError, ZoneBusyError
from understudy.domain.events.nodes import NodeChanged

FAR = "192.0.2.10/32"
TABLES = ("rtb-1", "rtb-2")
PUBLIC = Record("Z0PUBLIC", RECORD.name)
KINDS = {
    "records": (RECORD, replace(RECORD, type="AAAA"), PUBLIC),
    "routes": (Route(FAR, TABLES),),
    "elastic_ips": (ElasticIp("eipalloc-1"),),
}


def a_world(**kinds):
    world = World(definition_changes=kinds or KINDS)
    for table in TABLES:
        world.network.add_table(table)
    world.network.add_elastic_ip("eipalloc-1")
    return world.settle()


def targets(world):
    return [*(world.network.target(table, FAR) for table in TABLES), world.network.addresses["eipalloc-1"].interface_id]


def closed_on(name):
    return lambda world: world.in_service == [name] and world.state.transition is None


def test_every_address_follows_the_service_of_a_dead_node():  # S4 S14 S15
    world = a_world()
    assert targets(world) == [ENI_A] * 3
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert world.dns == ADDRESS_B
    assert targets(world) == [ENI_B] * 3
    assert len(world.history(2)["addresses"]) == 5
    assert world.state.address.status is AddressStatus.IN_SYNC
    assert set(world.state.address.parts.values()) == {"IN_SYNC"}


@pytest.mark.parametrize("kind", ["routes", "elastic_ips"])
def test_a_cluster_without_a_record_fails_over_and_waits_for_no_propagation(kind):  # S14 S15
    world = a_world(records=(), **{kind: KINDS[kind]})
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    stages = world.history(2)["stages"]
    assert stages["in_sync_at"] == stages["accepted_at"]
    assert world.history(2)["outcome"] == "IN_SERVICE"


def test_one_address_that_is_refused_ends_the_transition_degraded_and_is_repaired_later():  # S14 B2
    world = a_world()
    world.network.fail_next("put_route", ChangeRefusedError("UnauthorizedOperation"))
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    story = world.history(2)
    assert (story["outcome"], story["reasons"]) == ("DEGRADED", ["ADDRESS_OWED"])
    assert story["addresses"]["route 192.0.2.10/32"]["status"] == "OWED"
    assert targets(world) == [ENI_A, ENI_B, ENI_B]
    world.run_until(lambda w: targets(w) == [ENI_B] * 3 and w.state.transition is None, limit_s=120)
    assert world.history(3)["action"] == "repair"
    assert world.in_service == ["node-b"]


def test_a_throttled_route_is_finished_within_the_step():  # S6 S14
    world = a_world()
    world.network.fail_next("put_route", ZoneBusyError("RequestLimitExceeded"))
    world.start()
    world.run_until(closed_on("node-b"), limit_s=60)
    assert world.history(2)["outcome"] == "IN_SERVICE"
    assert targets(world) == [ENI_B] * 3


def test_a_route_that_a_hand_has_led_elsewhere_is_put_right_by_the_watch():  # S5 S14
    world = a_world()
    world.network.lead("rtb-2", FAR, ENI_B)
    world.run_until(lambda w: targets(w) == [ENI_A] * 3 and w.state.transition is None, limit_s=120)
    assert world.in_service == ["node-a"]
    assert world.history(2)["action"] == "repair"


def test_a_standby_that_has_lost_its_address_is_never_promoted():  # S3 B3
    world = a_world()
    world.ec2.known[NODE_B] = replace(world.ec2.known[NODE_B], address="10.0.2.99")
    world.run(61)
    assert len(world.told(NodeChanged)) == 1
    world.kill("node-a")
    world.run(120)
    assert world.active == "node-a"
    assert targets(world) == [ENI_A] * 3
    world.ec2.known[NODE_B] = replace(world.ec2.known[NODE_B], address=ADDRESS_B)
    world.run_until(closed_on("node-b"), limit_s=120)


def failover_steps():
    world = a_world()
    before = world.steps
    world.kill("node-a")
    world.run_until(closed_on("node-b"), limit_s=60)
    return world.steps - before


@pytest.mark.parametrize("steps", range(0, failover_steps(), 3))
def test_a_failover_of_many_addresses_that_crashes_after_any_step_is_finished(steps):  # B1 B4
    world = a_world()
    world.kill("node-a")
    world.crash_after_steps = world.steps + steps
    world.run_until(lambda w: w.steps == w.crash_after_steps and len(w.executions) > 1, limit_s=60)
    world.crash()
    world.run_until(lambda w: closed_on("node-b")(w) and targets(w) == [ENI_B] * 3 and w.dns == ADDRESS_B, limit_s=400)


def test_an_execution_that_wakes_up_after_it_was_superseded_moves_no_route():  # B1 S14
    world = World(members=3, definition_changes=KINDS)
    for table in TABLES:
        world.network.add_table(table)
    world.network.add_elastic_ip("eipalloc-1")
    world.settle()
    world.kill("node-a")
    world.crash_after_steps = world.steps + 6
    world.run_until(lambda w: len(w.executions) > 1 and w.steps == w.crash_after_steps, limit_s=60)
    sleeper = world.executions[-1]
    asleep, sleeper.next_due_s = sleeper.next_due_s, float("inf")
    world.crash_after_steps = None
    world.run_until(lambda w: len(w.in_service) == 1 and w.state.transition is None, limit_s=400)
    before = targets(world)
    sleeper.next_due_s = asleep
    world.run(30)
    assert sleeper.output["outcome"] == "STALE"
    assert targets(world) == before
