"""A load balancer before the nodes: nobody moves it, and Route 53 is not in its way."""

from dataclasses import replace
from unittest.mock import patch

import pytest

from tests.simulation.balancer import PROBING, draw_with_balancer
from tests.simulation.plan import FRESH, Fault, Plan, Setting, draw, timing
from tests.simulation.runs import first_failure, outcome_of, report
from tests.simulation.workload import POSTGRESQL, START_MOST_MS
from tests.simulation.world import World
from tests.support.builders import NOW
from understudy.domain.cluster.mismatch import mismatch_after
from understudy.usecases.watch import balancers

BATCH = 10
DIES_S = 60.0
STEPS_S = 2.0
"""What the workflow's steps take, and a start beyond what the service does: it is believed after a second."""
SERVED_AGAIN_S = (
    timing({}, "silence_limit_s")
    + timing({}, "heartbeat_interval_s")
    + STEPS_S
    + START_MOST_MS[POSTGRESQL] / 1000
    + PROBING.taken_in_s
)
ROUTE_53_AWAY = (
    Fault(0, "zone_down", 30.0, 90.0, 0, 1.0, 0),
    Fault(1, "node_dies", DIES_S, 60.0, 0, 0.5, 0),
)


# B21
@pytest.mark.parametrize("first", range(0, 20, BATCH))
def test_a_load_balancer_leads_to_the_holder_in_the_end_and_people_are_told_of_no_difference_without_cause(first):
    failure = first_failure(draw_with_balancer(seed) for seed in range(first, first + BATCH))
    assert failure is None, report(failure)


def test_seeds_without_a_load_balancer_are_the_same_as_before():  # B21
    assert draw(7).setting.has_balancer is False
    assert draw_with_balancer(7).faults == draw(7).faults
    assert "balancer" in outcome_of(draw_with_balancer(7)).story
    assert "balancer" not in outcome_of(draw(7)).story


def _route_53_is_away_while_a_node_dies(seed, **setting) -> World:
    world = World(Plan(seed, 2, 0, 0, FRESH, ROUTE_53_AWAY, setting=Setting(shares_key=True, **setting)))
    world.run()
    return world


def _at_s(world, words, number=0):
    """When a line with these words was told for the first time after the node's death."""
    lines = [line for line in world.story.text().splitlines() if words in line]
    return [float(line.split()[0]) for line in lines if float(line.split()[0]) > DIES_S][number]


# B21
@pytest.mark.parametrize(("has_record", "ends"), [(False, "outcome=IN_SERVICE"), (True, "outcome=DEGRADED")])
def test_without_route_53_clients_are_served_again_within_silence_start_and_probing(has_record, ends):
    """A record beside it is owed until Route 53 is back. Alone, nothing is missing."""
    for seed in range(BATCH):
        world = _route_53_is_away_while_a_node_dies(seed, has_balancer=True, has_record=has_record)
        again_s = next(at_s - NOW for at_s, names in world.balancer.led_to if names == ("node-b",))
        assert again_s - DIES_S <= SERVED_AGAIN_S
        assert ends in [line for line in world.story.text().splitlines() if "close_transition" in line][1]


def test_a_record_alone_keeps_the_lease_waiting_for_its_tries_and_beside_a_load_balancer_it_does_not():  # B21
    for has_balancer, least_s, most_s in ((True, 0, 1), (False, 4, 10)):
        world = _route_53_is_away_while_a_node_dies(0, has_balancer=has_balancer)
        waited_s = _at_s(world, "grant_lease") - _at_s(world, "outcome=FENCED")
        assert least_s <= waited_s <= most_s


def _told_at_once(*found):
    after = mismatch_after(*found)
    return after and replace(after, is_told=True)


def _whatever_moved_meanwhile(before, now, epoch, explained_s):
    return mismatch_after(before and replace(before, epoch=epoch), now, epoch, explained_s)


# B21
@pytest.mark.parametrize(("seed", "without"), [(98, _told_at_once), (92, _whatever_moved_meanwhile)])
def test_without_a_second_look_at_the_same_epoch_people_are_told_of_what_the_probing_explains(seed, without):
    plan = draw_with_balancer(seed)
    with patch.object(balancers, "mismatch_after", without):
        assert outcome_of(plan).invariant == "a_balancer_is_told_of_for_cause"
    assert outcome_of(plan).invariant == ""
