"""What is said of each pace was drawn with the code as it is, and the lean cluster behaves as the whole one does."""

import json
import logging
from random import Random

import pytest

from bench import pace
from bench.pace_weather import P99_MS, P999_MS, Kind, Spell, Weather, matters_from_s, slow_ms, told, usual_ms
from bench.pace_world import ACTIVE, BEGIN_MS, LeanCluster
from tests.simulation.plan import Fault, Plan, Setting, adopted
from tests.simulation.runs import outcome_of
from tools.pace_doc import pace_doc
from understudy.domain.lease.paces import PACES, TIMINGS, timings_of

AGAIN = "run `make pace`"
FOUND = json.loads(pace.RESULTS.read_text(encoding="utf-8"))
PARTS = pace.HOURS // pace.PART_HOURS


@pytest.fixture(autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_the_figures_are_of_the_paces_as_they_are():  # B22 B9
    assert {name: each["timings"] for name, each in FOUND["paces"].items()} == {
        name: {timing: timings_of(name)[timing] for timing in TIMINGS} for name in PACES
    }, AGAIN
    assert FOUND["weathers"] == {weather: told(weather) for weather in FOUND["weathers"]}, AGAIN


@pytest.mark.parametrize("name", ["calm", "fast"])
def test_the_dollars_are_those_of_an_agent_at_that_pace(name):  # B22 B9
    assert pace.usd(name) == FOUND["paces"][name]["usd"], AGAIN


@pytest.mark.parametrize("weather", FOUND["weathers"])
def test_the_needless_failovers_are_drawn_again_as_they_were(weather):  # B22
    name = "fast" if weather == "one node cut off" else "calm"
    counts = FOUND["paces"][name]["needless"][weather]
    assert len(counts) == PARTS
    assert pace.needless(name, weather, 1) == counts[1], AGAIN


def test_a_slower_pace_notices_later_costs_less_and_bears_a_longer_outage():  # B22
    each = list(FOUND["paces"].values())
    noticed = [one["detection_s"]["p50"] for one in each]
    assert noticed == sorted(noticed, reverse=True)
    assert [one["usd"] for one in each] == sorted(one["usd"] for one in each)
    for outage_s in map(str, pace.OUTAGE_S):
        shares = [one["stopped"][outage_s] for one in each]
        assert shares == sorted(shares)


def test_an_outage_that_the_lease_bridges_stops_nothing_in_the_figures_either():  # B22 B11
    assert FOUND["paces"]["normal"]["stopped"]["3"] == 0
    assert FOUND["paces"]["normal"]["stopped"]["20"] == 1
    assert FOUND["paces"]["calm"]["stopped"]["10"] == 0


def test_slow_calls_are_as_slow_as_it_is_said():  # B22
    rng = Random(1)
    drawn = sorted(usual_ms(rng) for _ in range(200_000))
    assert drawn[int(0.985 * len(drawn))] < P99_MS
    assert P99_MS <= drawn[int(0.9905 * len(drawn))] < 1.2 * P99_MS
    assert drawn[int(0.999 * len(drawn))] == pytest.approx(P999_MS, rel=0.25)
    assert min(slow_ms(rng) for _ in range(1000)) >= P99_MS


@pytest.mark.parametrize("name", PACES)
@pytest.mark.parametrize("kind", [Kind.HELD, Kind.ONE_NODE, Kind.AWAY])
def test_a_spell_that_is_skipped_could_not_have_moved_anything(name, kind):  # B22
    policy = PACES[name]
    end_ms = BEGIN_MS + int(matters_from_s(policy) * 1000)
    for seed in range(4):
        rng = Random(seed)
        cluster = LeanCluster(policy, Weather(rng, (Spell(kind, BEGIN_MS, end_ms, ACTIVE),)), rng)
        cluster.run(end_ms + int(policy.silence_limit_s * 2000))
        assert cluster.opened_ms is None


def lean_moves(name: str, kind: Kind, for_s: float) -> list[bool]:
    """Whether a failover is opened, by seed, when a spell of that length comes over a cluster without slow calls."""
    policy, moves = PACES[name], []
    for seed in range(3):
        rng = Random(seed)
        spell = Spell(kind, BEGIN_MS + 60_000, BEGIN_MS + 60_000 + int(for_s * 1000), ACTIVE)
        cluster = LeanCluster(policy, Weather(rng, (spell,), slow_share=0), rng)
        cluster.run(spell.end_ms + int(policy.silence_limit_s * 2000))
        moves.append(cluster.opened_ms is not None)
    return moves


def whole_moves(name: str, kind: str, for_s: float) -> bool:
    """The same in the simulation of the whole system, where the record leads to the node that serves already."""
    fault = Fault(0, kind, 60.0, for_s, 0, 1.0, 0)
    outcome = outcome_of(Plan(1, 2, 0, 0, adopted(0), (fault,), ({"pace": name},), Setting(shares_key=True)))
    assert outcome.found == ""
    return "FAIL_OVER" in outcome.story and "OPENED epoch=2" in outcome.story


@pytest.mark.parametrize("name", ["normal", "fast", "fastest"])
@pytest.mark.parametrize(
    ("kind", "fault", "beyond_silence_s", "moves"),
    [
        (Kind.ONE_NODE, "partitioned", 8, True),
        (Kind.ONE_NODE, "partitioned", None, False),
        (Kind.AWAY, "aws_dead", 8, False),
        (Kind.HELD, "pipeline_down", 8, False),
    ],
)
def test_the_lean_cluster_moves_when_the_whole_one_does_and_only_then(name, kind, fault, beyond_silence_s, moves):
    # B22
    policy = PACES[name]
    is_short = beyond_silence_s is None
    for_s = policy.silence_limit_s - 2 * policy.heartbeat_interval_s - 2 if is_short else policy.silence_limit_s + 8
    assert set(lean_moves(name, kind, for_s)) == {moves}
    assert whole_moves(name, fault, for_s) is moves


def test_a_page_without_a_place_for_its_tables_is_no_page(tmp_path):  # B22
    for name in ("docs/pace.md", "bench/results/pace.json"):
        (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / "docs" / "pace.md").write_text("# Pace\n", encoding="utf-8")
    (tmp_path / "bench" / "results" / "pace.json").write_text(json.dumps(FOUND), encoding="utf-8")
    with pytest.raises(ValueError, match="has 0 places for tables; allowed: 3"):
        pace_doc(tmp_path)
