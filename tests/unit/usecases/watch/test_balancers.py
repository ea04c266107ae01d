"""The watch holds target health against the lease, and tells what lasts longer than the probing explains (B21)."""

from dataclasses import replace

import pytest

from tests.support.balancers import ARN, LOAD_BALANCER, a_group, a_probe, targets
from tests.support.builders import NODE_A, NOW, a_definition, a_moving_state, a_report, a_state
from tests.unit.usecases.watch.test_watch_and_signals import Controller
from understudy.domain.cluster.errors import LedgerConflictError
from understudy.domain.cluster.hold import Hold
from understudy.domain.cluster.mismatch import Mismatch
from understudy.domain.cluster.state import ServiceStatus
from understudy.domain.events.addresses import LoadBalancerDiffers

SICK = a_group(targets=targets(a="unhealthy"))
SAID = "target group orders-db: node-a, which is in service, is unhealthy (Target.FailedHealthChecks)"


def a_world(*states, group=SICK):
    world = Controller(*states, definition=a_definition(load_balancers=(LOAD_BALANCER,)))
    world.balancers.known[ARN] = group
    return world


def minutes(world, *after_s):
    for seconds in after_s:
        world.clock.now_s = NOW + seconds
        state = world.ledger.state()
        world.ledger.put_state(replace(state, nodes={**state.nodes, NODE_A: a_report(heard_at=NOW + seconds)}))
        world.watch()
    return [(detail["faults"], detail["since"]) for detail in world.announcer.details(LoadBalancerDiffers)]


def test_what_lasts_longer_than_the_probing_explains_is_told_once_and_when_it_is_over():
    world = a_world()
    assert minutes(world, 0) == []
    assert minutes(world, 60, 120) == [([SAID], NOW)]
    world.balancers.known[ARN] = a_group()
    assert minutes(world, 180, 240)[1:] == [([], None)]
    assert world.ledger.state().mismatch is None
    assert not world.launcher.starts


def test_slow_probing_explains_more():
    world = a_world(group=replace(SICK, probe=a_probe(interval_s=30, timeout_s=10, healthy=3, unhealthy=2)))
    assert minutes(world, 0, 60, 90) == []
    assert minutes(world, 91) == [([SAID], NOW)]


def test_what_is_over_before_it_was_told_is_told_to_nobody():
    world = a_world()
    minutes(world, 0)
    assert world.ledger.state().mismatch == Mismatch(NOW, epoch=1)
    world.balancers.known[ARN] = a_group()
    assert minutes(world, 60, 120) == []
    assert world.ledger.state().mismatch is None


def test_a_second_node_that_is_taken_for_healthy_differs_too():
    world = a_world(group=a_group(targets=targets(b="healthy")))
    minutes(world, 0)
    assert minutes(world, 60) == [(["target group orders-db: node-b is healthy, and does not hold the lease"], NOW)]


@pytest.mark.parametrize(
    "state",
    [
        a_moving_state(),
        a_state(active=None),
        a_state(node_a=a_report(service=ServiceStatus.STARTING)),
        a_state(hold=Hold(NOW - 60, None)),
    ],
    ids=["moving", "nobody active", "starting", "held"],
)
def test_nobody_is_asked_where_nobody_can_say_what_is_right(state):
    world = a_world(state)
    world.watch()
    assert world.balancers.calls == []


def test_a_load_balancer_that_cannot_be_read_makes_no_difference_and_is_a_fault_of_the_watch():  # B3
    world = a_world()
    world.balancers.is_down = True
    assert len(world.watch().faults) == 1
    assert world.ledger.state().mismatch is None


def test_a_state_that_has_changed_meanwhile_is_left_to_the_next_watch():
    world = a_world(a_state(mismatch=Mismatch(NOW - 60, epoch=1)))
    world.ledger.fail_next("commit", LedgerConflictError("a failover has begun"))
    assert minutes(world, 0) == []
    assert minutes(world, 60) == [([SAID], NOW - 60)]


def test_a_load_balancer_that_agrees_costs_one_question_and_no_write():  # B9
    world = a_world(group=a_group())
    before = world.ledger.state()
    world.watch()
    assert world.balancers.calls == ["targets"]
    assert world.ledger.state() == before


def test_what_differs_after_a_move_is_counted_from_after_the_move():  # B2
    """Where the old node died just before, the load balancer differed then already, and for another reason."""
    world = a_world()
    minutes(world, 0)
    state = world.ledger.state()
    world.ledger.put_state(replace(state, epoch=state.epoch + 1))
    assert minutes(world, 60) == []
    assert minutes(world, 120) == [([SAID], NOW + 60)]


@pytest.mark.parametrize("meanwhile", [{"hold": Hold(NOW, None)}, {"active": None}], ids=["held", "nobody serves"])
def test_what_differs_after_a_time_in_which_nothing_was_to_be_compared_is_counted_from_then(meanwhile):  # B2
    world = a_world()
    minutes(world, 0)
    plain = world.ledger.state()
    world.ledger.put_state(replace(plain, **meanwhile))
    assert minutes(world, 60) == []
    assert world.ledger.state().mismatch is None
    world.ledger.put_state(replace(world.ledger.state(), hold=None, active=plain.active))
    assert minutes(world, 120) == []
    assert minutes(world, 180) == [([SAID], NOW + 120)]


def test_what_was_told_is_over_only_when_it_is_over():
    world = a_world()
    minutes(world, 0, 60)
    state = world.ledger.state()
    world.ledger.put_state(replace(state, epoch=state.epoch + 1))
    assert len(minutes(world, 120, 3600)) == 1
    world.balancers.known[ARN] = a_group()
    assert minutes(world, 3660)[1:] == [([], None)]


def test_what_was_told_is_over_when_the_definition_names_no_load_balancer_any_more():
    world = a_world()
    minutes(world, 0, 60)
    state = world.ledger.state()
    world.ledger.put_definition(a_definition(version=state.definition_version))
    assert minutes(world, 120)[1:] == [([], None)]
    assert world.ledger.state().mismatch is None
