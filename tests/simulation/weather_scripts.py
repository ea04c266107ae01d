"""Days on which AWS was ill, each by its name: what came over whom, when, and for how long.

What a script says of hours is played six times as fast: an hour takes HOUR_S. How late a beat is, how long a lease
lasts and how long anybody may be silent stay as they are. Nodes are hurt only where a script says so; so nobody may be
left that serves, and no service may end whose node is in touch with the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from tests.simulation.plan import FRESH, POLICIES, Fault, Plan, Setting

HOUR_S = 600.0
MINUTE_S = 60.0
SETTLES_S = 60.0
"""How long the cluster has been in service, at least, when the weather turns."""
LATE_LEAST_S, LATE_MOST_S = 5.0, 120.0


@dataclass(frozen=True)
class Blow:
    """One kind of fault, from a time on and for a time (seconds after the weather has turned)."""

    kind: str
    at_s: float
    for_s: float
    level: float = 1.0


@dataclass(frozen=True)
class Script:
    """What happened, in words, and how it is drawn. `lasts_s`: from the turn of the weather to its end."""

    told: str
    lasts_s: float
    draw: Callable[[Random], list[Blow]]
    hurts_a_node: bool = False


def _uneven(for_s: float) -> Callable[[Random], list[Blow]]:
    return lambda rng: [Blow("beats_uneven", 0, for_s, rng.uniform(LATE_LEAST_S, LATE_MOST_S) / LATE_MOST_S)]


def _names(rng: Random, at_s: float = 0) -> list[Blow]:
    """2 h 37 min: connections that were open live on, each for a time of its own."""
    return [
        Blow("names_unresolved", at_s, 157 / 60 * HOUR_S, rng.uniform(0.2, 1)),
        Blow("launcher_down", at_s, 157 / 60 * HOUR_S, 0.3),
    ]


def _invocations(rng: Random, at_s: float, for_s: float) -> list[Blow]:
    """Asynchronous invocations come hours late, or not at all; what is not too old by then comes at the end."""
    return [
        Blow("invocations_late", at_s, for_s, rng.uniform(0.3, 0.95)),
        Blow("beats_uneven", at_s, for_s, rng.uniform(LATE_LEAST_S, 60) / LATE_MOST_S),
    ]


def _a_zone_goes_dark(rng: Random, least_s: float, most_s: float) -> list[Blow]:
    at_s = rng.uniform(least_s, most_s)
    return [Blow("node_dies", at_s, 20 * HOUR_S)]


def _october(rng: Random) -> list[Blow]:
    """By AWS's own report, in hours after the names were gone."""
    return [
        *_names(rng),
        Blow("slow_calls", 2.6 * HOUR_S, 0.4 * HOUR_S, 0.3),
        *_invocations(rng, 2.6 * HOUR_S, 2 * HOUR_S),
        Blow("nodes_down", 0, 6 * HOUR_S, 0.5),
        Blow("zone_slow", 2.6 * HOUR_S, 3 * HOUR_S, 0.5),
        *_invocations(rng, 7.2 * HOUR_S, 4.4 * HOUR_S),
        Blow("lambda_throttled", 7.2 * HOUR_S, 4.4 * HOUR_S, 0.5),
        Blow("beats_uneven", 11.6 * HOUR_S, 2.8 * HOUR_S, 0.2),
    ]


SCRIPTS: Mapping[str, Script] = {
    "late-for-a-minute": Script(
        "beats of everybody come 5 to 120 s late, unevenly, for a minute", MINUTE_S, _uneven(MINUTE_S)
    ),
    "late-for-hours": Script(
        "beats of everybody come 5 to 120 s late, unevenly, for three hours", 3 * HOUR_S, _uneven(3 * HOUR_S)
    ),
    "names-unresolved": Script(
        "DynamoDB's name does not resolve for 2 h 37 min, while connections that are open live on",
        157 / 60 * HOUR_S,
        _names,
    ),
    "invocations-late": Script(
        "Lambda runs asynchronous invocations hours late, unevenly, then what has piled up in any order",
        3 * HOUR_S,
        lambda rng: _invocations(rng, 0, 3 * HOUR_S),
    ),
    "zone-dark": Script(
        "a zone loses its power while beats are late and EC2 says nothing for an hour",
        2 * HOUR_S,
        lambda rng: [*_uneven(HOUR_S)(rng), *_a_zone_goes_dark(rng, 0, HOUR_S)],
        hurts_a_node=True,
    ),
    "zone-dark-names-unresolved": Script(
        "a zone loses its power while DynamoDB's name does not resolve",
        4 * HOUR_S,
        lambda rng: [*_names(rng), *_a_zone_goes_dark(rng, 0, 2.6 * HOUR_S)],
        hurts_a_node=True,
    ),
    "route53-away": Script(
        "Route 53's API does not answer for 7 h, and a zone loses its power meanwhile",
        8 * HOUR_S,
        lambda rng: [Blow("zone_down", 0, 7 * HOUR_S), *_a_zone_goes_dark(rng, 0, 7 * HOUR_S)],
        hurts_a_node=True,
    ),
    "2025-10-20": Script("the whole of that day in us-east-1, in 15 hours", 15 * HOUR_S, _october),
}


def draw_weather(name: str, seed: int) -> Plan:
    """A cluster under the default policy, whose nodes share a key, under the script of that name."""
    script, rng = SCRIPTS[name], Random(f"{seed}/{name}")
    members = rng.choice((2, 2, 3))
    turns_s = rng.uniform(SETTLES_S, SETTLES_S + MINUTE_S)
    blows = sorted(script.draw(rng), key=lambda blow: (blow.at_s, blow.kind))
    faults = tuple(
        Fault(
            number,
            blow.kind,
            turns_s + blow.at_s,
            min(blow.for_s, script.lasts_s - blow.at_s),
            rng.randrange(members),
            blow.level,
            rng.randrange(1000),
        )
        for number, blow in enumerate(blows)
    )
    return Plan(
        seed=seed,
        members=members,
        policy=0,
        tuning=0,
        before=FRESH,
        faults=faults,
        policies=POLICIES[:1],
        setting=Setting(shares_key=True),
        lasts_s=turns_s + script.lasts_s,
        weather=name,
        hurts_a_node=script.hurts_a_node,
    )
