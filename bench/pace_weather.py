"""The weather of AWS, drawn: slow calls at any time, and spells in which beats are held back, lost, or not taken in.

How slow a call is follows what services that are well show: one in a hundred takes 0.4 s and more, one in a thousand
3 s and more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random

from bench.pace_world import ACTIVE, BEGIN_MS, NODES
from understudy.domain.cluster.policy import Policy

P99_MS, P999_MS = 400, 3000
USUAL_MS = (10, 120)
TAIL = math.log(P999_MS / P99_MS) / math.log(10)
REFUSED_MS = 50
HOUR_MS = 3_600_000


class Kind(Enum):
    """What is wrong for a while, and with whom."""

    HELD = "beats that were taken in are dealt with when it is over, in any order"
    AWAY = "no call of any node is answered"
    ONE_NODE = "no call of one node is answered"
    SLOW = "every call and every beat of the active node is one of the slow ones"
    LOSSY = "half of all calls fail, a fifth of the beats are lost later"


@dataclass(frozen=True)
class Spell:
    """Something that is wrong from a time to a time (ms). `level`: how many of the beats it is about, where not all."""

    kind: Kind
    begin_ms: int
    end_ms: int
    node: str = ""
    level: float = 1.0


@dataclass(frozen=True)
class Climate:
    """How often a kind of spell comes (hours between two), and how long it lasts: the median and one in a hundred."""

    kind: Kind
    every_h: float
    median_s: float
    p99_s: float


WEATHERS: Mapping[str, tuple[Climate, ...]] = {
    "fair": (),
    "beats held back": (Climate(Kind.HELD, 2, 2, 20),),
    "AWS away": (Climate(Kind.AWAY, 24, 2, 20),),
    "one node cut off": (Climate(Kind.ONE_NODE, 24, 2, 20),),
    "losses": (Climate(Kind.LOSSY, 24, 20, 300),),
}
Z99 = 2.326
"""How many standard deviations above the median one in a hundred begins."""


def told(weather: str) -> str:
    """What a weather is, in words."""
    spells = (
        f"every {each.every_h:g} h, for {each.median_s:g} s (1 % of them for {each.p99_s:g} s): {each.kind.value}"
        for each in WEATHERS[weather]
    )
    return "; ".join(spells) or "nothing but calls that are slow now and then"


def usual_ms(rng: Random, slow_share: float = 0.01) -> int:
    """How long something takes that is slow one time in a hundred."""
    return rng.randint(*USUAL_MS) if rng.random() < 1 - slow_share else slow_ms(rng)


def slow_ms(rng: Random) -> int:
    """How long something takes that is slow."""
    return int(P99_MS * (1 - rng.random()) ** -TAIL)


class Weather:
    """What becomes of calls and beats (see pace_world.Way) under some spells."""

    def __init__(self, rng: Random, spells: tuple[Spell, ...] = (), slow_share: float = 0.01) -> None:
        self._rng, self._spells, self._slow_share = rng, spells, slow_share

    def call_ms(self, node: str, at_ms: int) -> int | None:
        for spell in self._at(at_ms):
            is_cut_off = spell.kind is Kind.AWAY or (spell.kind is Kind.ONE_NODE and spell.node == node)
            if is_cut_off or (spell.kind is Kind.LOSSY and self._rng.random() < 0.5):
                return None
            if spell.kind is Kind.SLOW and node == ACTIVE:
                return slow_ms(self._rng)
        return usual_ms(self._rng, self._slow_share)

    def delivery_ms(self, node: str, at_ms: int) -> int | None:
        for spell in self._at(at_ms):
            if spell.kind is Kind.LOSSY and self._rng.random() < 0.2:
                return None
            if spell.kind is Kind.HELD and self._rng.random() < spell.level:
                return spell.end_ms - at_ms + self._rng.randint(0, 2000)
            if spell.kind is Kind.SLOW and node == ACTIVE:
                return slow_ms(self._rng)
        return usual_ms(self._rng, self._slow_share)

    def starting_ms(self) -> int:
        return 500 + usual_ms(self._rng, self._slow_share)

    def is_anyone_heard(self, at_ms: int) -> bool:
        return not any(spell.kind in (Kind.HELD, Kind.AWAY) for spell in self._at(at_ms))

    def _at(self, at_ms: int) -> Iterator[Spell]:
        return (spell for spell in self._spells if spell.begin_ms <= at_ms < spell.end_ms)


def matters_from_s(policy: Policy) -> float:
    """A shorter spell (seconds) cannot make the active node look silent.

    Its newest recorded beat is a beat older than the spell, its time is cut off, and after the spell the next beat is
    recorded within another interval, when a call that hung has been given up.
    """
    return policy.silence_limit_s - 2 * policy.heartbeat_interval_s - 3


def stretches(weather: str, hours: float, policy: Policy, rng: Random) -> Iterator[tuple[Spell, ...]]:
    """The spells that matter in so many hours, those together that one memory of the controller may span.

    Times are counted from the beginning of each stretch; everything between two of them is quiet.
    """
    drawn = sorted(
        (spell for climate in WEATHERS[weather] for spell in _spells(climate, hours, rng)),
        key=lambda each: each.begin_ms,
    )
    spells = [each for each in drawn if each.end_ms - each.begin_ms >= matters_from_s(policy) * 1000]
    memory_ms = 5 * policy.silence_limit_s * 1000
    together: list[Spell] = []
    for spell in spells:
        if together and spell.begin_ms > together[-1].end_ms + memory_ms:
            yield _from_its_beginning(together)
            together = []
        together.append(spell)
    if together:
        yield _from_its_beginning(together)


def _spells(climate: Climate, hours: float, rng: Random) -> Iterator[Spell]:
    sigma = math.log(climate.p99_s / climate.median_s) / Z99
    at_h = rng.expovariate(1 / climate.every_h)
    while at_h < hours:
        begin_ms, for_s = int(at_h * HOUR_MS), climate.median_s * math.exp(rng.gauss(0, sigma))
        node, level = rng.choice(NODES), rng.uniform(0.5, 1)
        yield Spell(climate.kind, begin_ms, begin_ms + int(for_s * 1000), node, level)
        at_h += rng.expovariate(1 / climate.every_h)


def _from_its_beginning(spells: list[Spell]) -> tuple[Spell, ...]:
    shift_ms = BEGIN_MS - spells[0].begin_ms
    return tuple(
        Spell(each.kind, each.begin_ms + shift_ms, each.end_ms + shift_ms, each.node, each.level) for each in spells
    )


def runs_of_slow_beats(hours: float, policy: Policy, rng: Random) -> int:
    """How often in so many hours enough beats of the active node in a row are slow to make it look silent, at all.

    Fewer cannot: what is recorded in time ends the silence. Each is slow when its call or its event is.
    """
    beat_s = policy.heartbeat_interval_s
    needed = math.floor((policy.silence_limit_s - 1) / beat_s)
    slow = 1 - 0.99**2
    beats, chance = hours * 3600 / beat_s, slow**needed * (1 - slow)
    found, at = 0, rng.expovariate(chance)
    while at < beats:
        found, at = found + 1, at + rng.expovariate(chance)
    return found
