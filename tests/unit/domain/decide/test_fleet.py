"""Where the silent nodes are: along a line, or across the fleet."""

from dataclasses import replace
from random import Random

import pytest

from tests.support.builders import NODE_A, NODE_B, NODE_C, NOW, SPECS, a_definition, a_report, a_state, an_off_report
from understudy.domain.cluster.state import NodeReport
from understudy.domain.decide.fleet import (
    FRESH_S,
    LEAST_NODES,
    SAMPLE_SIZE,
    Comparison,
    Count,
    Sighting,
    Tally,
    census,
    compare,
    line_of,
    places_of,
    samples,
    share_of,
    sighting,
)
from understudy.domain.decide.silence import Line, Share

HEARING_S = 9


def comparing(inside: tuple[int, int], outside: tuple[int, int]) -> Comparison:
    """Standbys, each as (silent, of all)."""
    counts = [Count(heard=total - silent, silent=silent) for silent, total in (inside, outside)]
    return Comparison("us-east-1a", *(Tally(standby=each) for each in counts))


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        ((30, 30), (0, 30), Line.ALONG),  # a zone is dark
        ((30, 30), (15, 30), Line.ALONG),  # and half of the rest is silent as well, or another of three zones
        ((12, 30), (0, 30), Line.ALONG),  # a part of a zone is dark
        ((100, 667), (0, 1333), Line.ALONG),  # a small part of it, where all nodes are known
        ((15, 30), (15, 30), Line.ACROSS),  # half of all, everywhere
        ((18, 30), (13, 30), Line.ACROSS),  # the same by chance
        ((360, 667), (600, 1333), Line.ACROSS),  # beyond chance, but hardly more than elsewhere
        ((0, 30), (15, 30), Line.ACROSS),  # it is the others that are silent
        ((30, 30), (30, 30), Line.ACROSS),  # nobody is heard anywhere
        ((0, 30), (0, 30), Line.ACROSS),
        ((7, 7), (0, 30), Line.UNTOLD),  # too few to say anything
        ((30, 30), (0, 7), Line.UNTOLD),
        ((0, 0), (0, 0), Line.UNTOLD),
    ],
)
def test_a_line_is_where_more_are_silent_than_elsewhere_and_more_than_chance_explains(inside, outside, expected):  # B15
    assert comparing(inside, outside).line is expected


@pytest.mark.parametrize("percent", [10, 25, 50, 75, 90])
def test_chance_is_hardly_ever_taken_for_a_line(percent):  # B15
    dice = Random(percent)

    def silent() -> tuple[int, int]:
        return sum(dice.random() * 100 < percent for _ in range(SAMPLE_SIZE)), SAMPLE_SIZE

    taken = sum(comparing(silent(), silent()).line is Line.ALONG for _ in range(4000))
    assert taken <= 4


def test_where_only_active_nodes_fall_silent_a_zone_that_has_more_of_them_is_no_line():  # B15
    """Half of all active nodes, two thirds of them in one zone: of all nodes there, twice as many are silent."""
    inside = Tally(active=Count(200, 200), standby=Count(200, 0))
    outside = Tally(active=Count(100, 100), standby=Count(400, 0))
    assert inside.all.share >= 1.5 * outside.all.share
    assert Comparison("us-east-1a", inside, outside).line is Line.ACROSS


def test_where_all_active_nodes_are_in_one_zone_its_darkness_is_seen_all_the_same():  # B15 B12
    inside, outside = Tally(active=Count(0, 30)), Tally(standby=Count(30, 0))
    assert Comparison("us-east-1a", inside, outside).line is Line.ALONG
    moved = Tally(active=Count(1, 0), standby=Count(29, 0))
    assert Comparison("us-east-1a", replace(inside, standby=Count(0, 1)), moved).line is Line.ALONG


def test_the_silence_follows_a_line_when_it_follows_the_zone_or_the_subnet():  # B15
    dark, random, unknown = comparing((30, 30), (0, 30)), comparing((15, 30), (15, 30)), comparing((1, 1), (0, 1))
    assert line_of([random, dark]) is Line.ALONG
    assert line_of([unknown, random]) is Line.ACROSS
    assert line_of([unknown]) is line_of([]) is Line.UNTOLD


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        ((4, 30), (0, 30), Share.BEYOND),
        ((3, 30), (30, 30), Share.WITHIN),  # another zone is dark: here, few are silent
        ((1, 1), (5, 30), Share.BEYOND),  # too few in the zone: all count
        ((1, 1), (1, 30), Share.WITHIN),
        ((1, 1), (1, 1), Share.WITHIN),  # too few at all
    ],
)
def test_many_are_those_in_the_same_place(inside, outside, expected):  # B15
    assert share_of([comparing(inside, outside)], 10) is expected


def test_many_in_the_subnet_are_many_where_the_zone_has_few():  # B15
    zone, subnet = comparing((1, 30), (0, 30)), comparing((4, 30), (0, 30))
    assert share_of([zone], 10) is Share.WITHIN
    assert share_of([zone, subnet], 10) is Share.BEYOND


def test_many_active_nodes_that_are_silent_are_not_hidden_by_their_standbys():  # B15
    many, few = Tally(Count(8, 2), Count(20, 0)), Tally(Count(7, 2), Count(20, 0))
    assert share_of([Comparison("us-east-1a", many, Tally())], 10) is Share.BEYOND
    assert share_of([Comparison("us-east-1a", few, Tally())], 10) is Share.WITHIN  # too few for one not to be beyond


def test_of_a_place_that_nobody_knows_nothing_is_said():  # B15
    assert share_of([], 10) is Share.WITHIN


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (a_report(heard_at=NOW - HEARING_S), Sighting.HEARD),
        (a_report(heard_at=NOW - HEARING_S - 1), Sighting.SILENT),
        (a_report(heard_at=NOW - FRESH_S), Sighting.SILENT),
        (a_report(heard_at=NOW - FRESH_S - 1), Sighting.UNCLEAR),  # given up long ago
        (NodeReport(name="node-a"), Sighting.UNCLEAR),  # never heard
        (an_off_report(), Sighting.UNCLEAR),  # EC2 says why it is silent
    ],
)
def test_a_node_is_heard_or_silent_or_says_nothing_of_this_silence(report, expected):  # B15 B3
    assert sighting(report, HEARING_S, NOW) is expected


def test_a_node_that_may_have_fallen_silent_at_the_same_moment_is_not_taken_for_one_that_is_heard():  # B15
    """A cluster with short timings notices that its zone is dark when others in it were heard a moment ago."""
    assert sighting(a_report(heard_at=NOW - 6), HEARING_S, NOW, alive_after=NOW - 6) is Sighting.UNCLEAR
    assert sighting(a_report(heard_at=NOW - 5), HEARING_S, NOW, alive_after=NOW - 6) is Sighting.HEARD


def test_a_sample_is_counted_inside_and_outside_of_its_place():  # B15
    state = a_state(3, node_a=a_report(heard_at=NOW - 20), node_b=a_report(NODE_B, heard_at=NOW - 1))
    stranger = replace(state, cluster="not-of-the-sample")
    found = compare("us-east-1a", {state.cluster: (NODE_A,)}, [state, stranger], NOW, NOW - 10)
    assert (found.inside, found.outside) == (Tally(active=Count(0, 1)), Tally(standby=Count(2, 0)))
    assert found.words == "1 of 1 nodes in us-east-1a are silent, 0 of 2 elsewhere"


def test_all_nodes_are_counted_by_zone_and_by_subnet():  # B15
    specs = tuple(replace(spec, subnet=f"subnet-{number}") for number, spec in enumerate(SPECS))
    definition = replace(a_definition(3), nodes=specs)
    state = a_state(3, node_a=a_report(heard_at=NOW - 20))
    unheard = replace(state, nodes={NODE_B: state.nodes[NODE_B]})
    found = census([(state, definition, NOW), (unheard, definition, NOW)])
    assert found.everywhere == Tally(Count(0, 1), Count(3, 0))
    assert found.by_place["us-east-1a"] == found.by_place["subnet-0"] == Tally(active=Count(0, 1))
    assert found.by_place["us-east-1b"] == Tally(standby=Count(2, 0))
    zone, subnet = found.compare(specs[0])
    assert (zone.place, zone.inside.all, zone.outside.all) == ("us-east-1a", Count(0, 1), Count(3, 0))
    assert subnet.place == "subnet-0"
    assert found.compare(replace(specs[2], zone="us-east-1f", subnet=""))[0].inside == Tally()


def test_where_a_node_is_may_be_unknown():  # B15
    assert places_of(None) == places_of(replace(SPECS[0], zone="")) == ()
    assert places_of(SPECS[0]) == ("us-east-1a",)


def test_a_few_clusters_stand_for_each_place_and_they_stay_the_same():  # B15
    fleet = [replace(a_definition(3), cluster=f"c{number:03d}") for number in range(200)]
    found = samples(fleet)
    assert set(found) == {"us-east-1a", "us-east-1b", "us-east-1c"}
    assert {len(sample) for sample in found.values()} == {SAMPLE_SIZE}
    assert set(found["us-east-1c"].values()) == {(NODE_C,)}
    assert found["us-east-1a"].keys() != found["us-east-1b"].keys()
    gone = next(iter(found["us-east-1a"]))
    left = samples(each for each in fleet if each.cluster != gone)
    assert len(found["us-east-1a"].keys() - left["us-east-1a"].keys()) == 1


def test_counts_say_how_many_of_how_many():
    assert str(Count(2, 1)) == "1 of 3"
    assert (Count().share, Count(2, 2).share) == (0.0, 0.5)
    assert (Count(LEAST_NODES - 1).tells, Count(LEAST_NODES).tells) == (False, True)
