"""`make pace`: what each pace costs, drawn and counted: bench/results/pace.json, of which docs/pace.md is printed.

Everything is drawn by seed, in virtual time: the figures are the same on every machine. Needless failovers are of a
cluster of two nodes that share a key, both of which are well all the time.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from bench import agents, cost
from bench.pace_weather import P99_MS, P999_MS, WEATHERS, Kind, Spell, Weather, runs_of_slow_beats, stretches, told
from bench.pace_world import BEGIN_MS, LeanCluster
from understudy.domain.lease.paces import PACES, TIMINGS, timings_of

RESULTS = Path(__file__).parent / "results" / "pace.json"
HOURS, PART_HOURS = 10_000, 1_000
"""For so many hours each weather is drawn; and for so many by one seed."""
DEATHS, OUTAGES = 300, 200
"""How often a node is killed, and AWS taken away, at each pace."""
OUTAGE_S = (1, 2, 3, 5, 10, 20, 40)
NODES_A_STACK = 1_000
MINUTES_COUNTED = 10
TAIL_S = 10
"""How much longer than a silence takes it is waited for what comes of a spell."""


def needless(pace: str, weather: str, part: int) -> int:
    """Failovers of a node that is well, in the hours of one part."""
    rng, policy = Random(f"{pace}/{weather}/{part}"), PACES[pace]
    quiet_ms = int((policy.silence_limit_s + TAIL_S) * 1000)
    found = 0
    for spells in [*stretches(weather, PART_HOURS, policy, rng), *_slow_runs(pace, rng)]:
        cluster = LeanCluster(policy, Weather(rng, spells), rng)
        cluster.run(spells[-1].end_ms + quiet_ms)
        found += cluster.opened_ms is not None
    return found


def _slow_runs(pace: str, rng: Random) -> Iterator[tuple[Spell, ...]]:
    """What slow calls alone do, at any time and in every weather."""
    policy = PACES[pace]
    for _ in range(runs_of_slow_beats(PART_HOURS, policy, rng)):
        yield (Spell(Kind.SLOW, BEGIN_MS, BEGIN_MS + int(policy.silence_limit_s * 1000)),)


def detection_s(pace: str) -> list[float]:
    """How long after a node has lost its power its failover was opened, in fair weather: the shortest first."""
    policy, times = PACES[pace], []
    for number in range(DEATHS):
        rng = Random(f"{pace}/death/{number}")
        cluster = LeanCluster(policy, Weather(rng), rng)
        died_ms = BEGIN_MS + int(policy.heartbeat_interval_s * 2000) + rng.randrange(60_000)
        cluster.run(died_ms + int(policy.silence_limit_s * 10_000), died_ms)
        if cluster.opened_ms is not None:
            times.append((cluster.opened_ms - died_ms) / 1000)
    assert len(times) == DEATHS
    return sorted(times)


def stopped(pace: str, outage_s: float) -> float:
    """How often an outage of all of AWS's APIs of that length ends the lease of the active node: a share of 1."""
    policy, ended = PACES[pace], 0
    for number in range(OUTAGES):
        rng = Random(f"{pace}/outage/{outage_s}/{number}")
        spell = Spell(Kind.AWAY, BEGIN_MS, BEGIN_MS + int(outage_s * 1000))
        cluster = LeanCluster(policy, Weather(rng, (spell,)), rng)
        cluster.run(spell.end_ms + int(policy.lease_s * 1000), None)
        ended += cluster.stopped_ms is not None
    return ended / OUTAGES


def usd(pace: str) -> float:
    """Dollars a month for a node, by what an agent at rest really asks for at this pace."""
    counted = agents.count(MINUTES_COUNTED, changed=timings_of(pace)).values()
    beats = sum(each["beats"] for each in counted)
    return round(cost.per_node(NODES_A_STACK, MINUTES_COUNTED * 60 * len(counted) / beats), 2)


def measure() -> dict[str, Any]:
    """All of it."""
    return {
        "hours": HOURS,
        "deaths": DEATHS,
        "outages": OUTAGES,
        "slow_s": {"p99": P99_MS / 1000, "p99.9": P999_MS / 1000},
        "weathers": {weather: told(weather) for weather in WEATHERS},
        "paces": {pace: _of_pace(pace) for pace in PACES},
    }


def _of_pace(pace: str) -> dict[str, Any]:
    times = detection_s(pace)
    return {
        "timings": {name: timings_of(pace)[name] for name in TIMINGS},
        "usd": usd(pace),
        "detection_s": {f"p{percent}": times[len(times) * percent // 100] for percent in (50, 90, 99)},
        "stopped": {str(outage_s): stopped(pace, outage_s) for outage_s in OUTAGE_S},
        "needless": {
            weather: [needless(pace, weather, part) for part in range(HOURS // PART_HOURS)] for weather in WEATHERS
        },
    }


def main() -> int:
    """Measure, and keep what was found."""
    logging.disable(logging.CRITICAL)
    RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
