"""Tries of beats while transactions hold the cluster's item, counted: the real adapter on a table that is busy.

Each move writes the item in transactions, and DynamoDB refuses a beat's single write meanwhile. How long it holds an
item is not documented: the durations are assumed. Time is virtual and chance is seeded.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tests.support.builders import a_beat, a_state
from understudy.adapters.dynamodb.items import state_item
from understudy.adapters.dynamodb.ledger import DynamoDbLedger
from understudy.adapters.dynamodb.table import TRANSACTION_IN_THE_WAY

BEATS = 1000
FREE_S = (0.05, 0.15)
"""Between two transactions: the other calls of a step, and the way to the next. No pause of the adapter is longer."""
STATE = state_item(a_state(), 1)


class Case(NamedTuple):
    """Transactions that hold the item for `least_ms` to `most_ms`. `goal`: beats that may be lost, if it is set."""

    least_ms: int
    most_ms: int
    goal: int | None = 0


CASES = (Case(5, 10), Case(10, 20), Case(20, 40), Case(40, 80), Case(80, 160, goal=None))
"""The last one lies beyond what the adapter's tries are for, and shows what becomes of beats there."""


class BusyTable:
    """DynamoDB's client for one item, which transactions hold one after the other for `held_s` (least, most).

    `now_s` is the time; `pass_time` lets some pass. Answers take none: no hold ends while a try is under way.
    """

    def __init__(self, held_s: tuple[float, float], chance: Random) -> None:
        self.now_s, self.tries = 0.0, 0
        self._chance = chance
        self.begins: list[float] = []
        self._ends: list[float] = []
        end_s = 0.0
        for _ in range(BEATS + 10):
            self.begins.append(end_s + chance.uniform(*FREE_S))
            end_s = self.begins[-1] + chance.uniform(*held_s)
            self._ends.append(end_s)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    def go_to_a_hold(self) -> None:
        """Let it be a moment at which one of the transactions holds the item, and count tries from there."""
        which = self._chance.randrange(BEATS)
        self.now_s, self.tries = self._chance.uniform(self.begins[which], self._ends[which]), 0

    def update_item(self, **_: Any) -> Mapping[str, Any]:
        """As DynamoDB answers a write of the item now."""
        self.tries += 1
        newest = bisect.bisect_right(self.begins, self.now_s) - 1
        if newest >= 0 and self.now_s < self._ends[newest]:
            raise ClientError({"Error": {"Code": TRANSACTION_IN_THE_WAY, "Message": "held"}}, "UpdateItem")
        return {"Attributes": STATE}


def count() -> list[dict[str, Any]]:
    """Each case with the tries of its beats, mean and most, and with the beats that were lost."""
    return [{**case._asdict(), "beats": BEATS, **_tries(case)} for case in CASES]


def words(case: Mapping[str, Any]) -> str:
    """What a case is, for people."""
    return f"item held for {case['least_ms']} to {case['most_ms']} ms"


def losing(cases: list[dict[str, Any]]) -> list[str]:
    """The cases in which more beats were lost than may be."""
    return [f"beats lost, {words(case)}" for case in cases if case["goal"] is not None and case["lost"] > case["goal"]]


def _tries(case: Case, seed: int = 0) -> dict[str, Any]:
    chance = Random(seed)
    table = BusyTable((case.least_ms / 1000, case.most_ms / 1000), chance)
    ledger = DynamoDbLedger(table, "clusters", table.pass_time, chance.random)
    counted, lost = [], 0
    for _ in range(BEATS):
        table.go_to_a_hold()
        try:
            ledger.record_beat(a_beat())
        except ClientError:
            lost += 1
        counted.append(table.tries)
    return {"tries_mean": round(sum(counted) / BEATS, 2), "tries_most": max(counted), "lost": lost}
