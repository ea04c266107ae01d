"""Half a fleet falls silent: along a zone, at random, and both at once. And what happens without each safeguard."""

from contextlib import ExitStack
from unittest.mock import patch

import pytest

from tests.simulation.fleet import ZONES, FleetWorld
from tests.support.builders import NOW
from tests.support.fakes import FakeFleet
from understudy.domain.cluster.doubt import ASKED_AGAIN_S
from understudy.domain.cluster.state import PowerReading
from understudy.domain.decide import fleet as domain_fleet
from understudy.domain.decide import silence
from understudy.domain.decide.silence import Limits
from understudy.domain.observe.signal import Shift
from understudy.usecases.observe import doubting
from understudy.usecases.observe import judge as judging

MANY = 1000
FEW = 200
"""Enough for everything but the speed of the large one."""
MOVES = Limits().moves
A_ZONE, OTHERS = ZONES[0], ZONES[1:]


def dark_zone(world: FleetWorld, seconds: int = 30) -> FleetWorld:
    world.fall_silent(world.in_zone(A_ZONE))
    return world.run(seconds)


def half_at_random(clusters: int = FEW, seconds: int = 50, **how: object) -> FleetWorld:
    """The first watch after it is 60 s away."""
    world = FleetWorld(clusters, **how)  # type: ignore[arg-type]
    world.fall_silent(world.at_random(0.5))
    return world.run(seconds)


def test_half_of_a_thousand_clusters_along_a_dark_zone_all_move_and_no_slower_than_without_a_doubt():  # B15 B12
    """Two reads each, for which no cluster waits for another; and nobody is called."""
    now, before = dark_zone(FleetWorld(MANY)), dark_zone(FleetWorld(MANY, doubts=False))
    assert now.opened_at_s.keys() == now.served_in(A_ZONE)
    assert len(now.opened_at_s) == MANY / 2
    assert now.opened_at_s == before.opened_at_s
    assert max(now.opened_at_s.values()) <= 20
    assert (now.told, now.doubted()) == ([], set())
    assert max(now.calls_of_openings) == 2
    assert now.fleet.reads <= MANY / 2 * 2 * domain_fleet.SAMPLE_SIZE
    assert before.calls_of_openings == [0] * (MANY // 2)


def test_half_of_a_thousand_clusters_silent_at_random_are_held_to_so_many_a_minute_and_one_call():  # B15
    world = half_at_random(MANY)
    assert world.outcomes == {"DOUBTED": MANY / 2}
    minutes = 2
    world.run(minutes * 60)
    assert len(world.opened_at_s) == minutes * MOVES
    assert len(world.doubted()) == MANY / 2 - minutes * MOVES
    (told,) = world.told
    assert (told["clusters"], told["of_clusters"], told["moves_a_minute"]) == (MANY / 2, MANY, MOVES)
    assert told["silent_nodes"] == MANY / 2
    # What is put off is not asked for again and again.
    assert world.outcomes.total() == MANY / 2 + minutes * MOVES


def test_both_at_once_the_zone_moves_at_once_and_the_others_wait_for_their_turn():  # B15
    world = FleetWorld(MANY)
    elsewhere = world.at_random(0.5, OTHERS)
    alone = world.clusters_of(elsewhere) & {
        each.cluster for each in world.definitions if each.nodes[1].zone == A_ZONE
    }  # both of its nodes are silent: nobody is there to take over
    world.fall_silent(elsewhere)
    dark_zone(world)
    in_the_zone = world.served_in(A_ZONE)
    assert in_the_zone <= world.opened_at_s.keys()
    assert max(world.opened_at_s[each] for each in in_the_zone) <= 20
    # A sample can take many for few: then the pace is the limit.
    moved = world.opened_at_s.keys() - in_the_zone
    assert len(moved) <= Limits().number
    assert world.doubted() == world.clusters_of(elsewhere) - alone - moved
    world.run(120)
    assert len(world.opened_at_s) == MANY / 2 + len(moved) + 2 * MOVES
    assert len(world.told) == 1


@pytest.mark.parametrize("clusters", [1, 2, 20])
def test_a_small_stack_never_meets_the_limit_and_reads_nothing_for_it(clusters):  # B15 B9
    world = FleetWorld(clusters)
    world.fall_silent(world.at_random(1.0))
    world.run(30)
    assert len(world.opened_at_s) == clusters
    assert (world.told, world.fleet.calls) == ([], ["note_clusters"])


def test_those_that_have_been_silent_for_longest_move_first():  # B15
    world = FleetWorld(FEW)
    order = sorted(world.at_random(0.5))
    for number in range(0, len(order), 10):
        world.fall_silent(order[number : number + 10])
        world.run(2)
    since = {
        each: world.ledger.state(each).nodes[world.ledger.state(each).active or ""].heard_at for each in world.doubted()
    }
    world.run(240)
    let = [cluster for cluster in world.opened_at_s if cluster in since]
    assert len(let) >= 2 * MOVES
    left = world.doubted() & since.keys()
    assert max(since[each] for each in let) <= min(since[each] for each in left)
    assert [since[each] for each in let] == sorted(since[each] for each in let)


def test_one_node_that_dies_while_another_zone_is_dark_is_not_one_of_many():  # B15
    world = dark_zone(FleetWorld(FEW))
    dead = sorted(world.at_random(0.03, OTHERS))
    world.fall_silent(dead)
    world.run(30)
    survivors = {each.cluster for each in world.definitions if each.nodes[1].zone != A_ZONE}
    assert world.clusters_of(dead) & survivors <= world.opened_at_s.keys()
    assert (world.told, world.doubted()) == ([], set())


def test_few_at_random_move_at_once_up_to_so_many_in_a_minute():  # B15
    world = FleetWorld(MANY)
    world.fall_silent(world.at_random(0.03))
    world.run(40)
    limit = Limits().number
    assert world.outcomes == {"OPENED": limit, "DOUBTED": 30 - limit}
    world.run(30)
    assert len(world.opened_at_s) == 30


def test_what_ec2_says_of_a_node_is_never_put_off():  # B15 B4
    world = half_at_random()
    off = sorted(world.doubted())[:30]
    for cluster in off:
        world.ec2_says(cluster, PowerReading.STOPPED)
    world.run(1)
    assert world.opened_at_s.keys() == set(off)
    assert not set(off) & world.doubted()


def test_what_a_person_asks_for_is_never_put_off():  # B15
    world = half_at_random()
    cluster = min(world.doubted())
    assert world.person_asks(cluster) == "OPENED"
    assert cluster not in world.doubted()


def test_a_zone_that_aws_shifts_away_from_moves_whatever_else_is_silent():  # B15
    world = FleetWorld(FEW)
    world.fleet.note_shift("use1-az4", Shift.AUTOSHIFT, NOW, NOW + 3600)
    world.fall_silent(world.at_random(0.5))
    world.run(50)
    assert world.opened_at_s.keys() == world.clusters_of(world.at_random(0.5)) & world.served_in(A_ZONE)


def test_a_shift_that_is_told_of_later_lets_all_of_its_zone_through_at_the_next_watch():  # B15
    world = half_at_random()
    world.fleet.note_shift("use1-az4", Shift.AUTOSHIFT, int(world.clock()), NOW + 3600)
    world.run(20)
    there = world.clusters_of(world.at_random(0.5)) & world.served_in(A_ZONE)
    assert there <= world.opened_at_s.keys()
    assert len(world.opened_at_s) == len(there) + MOVES


def test_when_the_nodes_are_heard_again_nothing_has_moved_and_people_are_told_that_it_is_over():  # B15 B14
    world = half_at_random(seconds=58)
    world.run(10)
    moved = len(world.opened_at_s)
    world.silent.clear()
    world.run(60)
    assert (len(world.opened_at_s), world.doubted()) == (moved, set())
    assert [told["clusters"] for told in world.told] == [FEW / 2, 0]
    assert moved <= MOVES


def test_without_a_watch_what_was_put_off_is_asked_for_again_after_a_while():  # B15 B8
    world = half_at_random()
    with patch.object(FleetWorld, "watch", lambda self: None):
        world.run(ASKED_AGAIN_S)
    assert world.outcomes == {"DOUBTED": 2 * len(world.doubted())}


# What happens without each safeguard.


def switched_off(*gone: tuple[object, str, object]) -> ExitStack:
    stack = ExitStack()
    for owner, name, new in gone:
        stack.enter_context(patch.object(owner, name, new))
    return stack


def test_without_the_doubt_all_that_are_silent_at_random_move():  # B15
    assert len(half_at_random(doubts=False).opened_at_s) == FEW / 2


def test_if_what_is_put_off_were_asked_for_by_every_beat_executions_would_be_started_all_the_time():  # B15 B9
    with switched_off((judging, "is_put_off", lambda rule, state, now: False)):
        world = half_at_random(seconds=58)
    assert world.outcomes["DOUBTED"] >= 3 * FEW / 2


def test_if_shares_were_not_looked_at_as_many_as_the_pace_allows_would_move():  # B15
    with switched_off((doubting, "share_of", lambda seen, percent: silence.Share.WITHIN)):
        assert len(half_at_random().opened_at_s) == Limits().number


def test_if_the_pace_were_not_counted_a_few_percent_of_a_large_fleet_would_all_move_at_once():  # B15
    world = FleetWorld(MANY)
    world.fall_silent(world.at_random(0.03))
    with switched_off((FakeFleet, "count_move", lambda self, minute: 1)):
        world.run(40)
    assert len(world.opened_at_s) > Limits().number


def test_if_no_line_were_looked_for_a_dark_zone_would_wait():  # B15 B12
    with switched_off((doubting, "line_of", lambda seen: silence.Line.ACROSS)):
        world = dark_zone(FleetWorld(FEW))
    assert world.opened_at_s.keys() != world.served_in(A_ZONE)


def test_if_two_watches_in_a_minute_both_had_its_turns_twice_as_many_would_move():  # B15
    def moved_by_two_watches() -> int:
        world = half_at_random(seconds=59)
        world.run(1)
        world.watch()
        world.run(10)
        return len(world.opened_at_s)

    assert moved_by_two_watches() == MOVES
    with switched_off((FakeFleet, "take_turns", lambda self, minute: True)):
        assert moved_by_two_watches() == 2 * MOVES


def test_if_people_were_told_in_every_watch_they_would_be_called_each_minute():  # B15
    world = half_at_random()
    with switched_off((FakeFleet, "note_doubt", lambda self, since: None)):
        world.run(180)
    assert len(world.told) == 3
