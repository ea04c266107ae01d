"""Prints the tables of paces into the page about them, from the code and from bench/results/pace.json."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from understudy.domain.cluster.policy import Policy
from understudy.domain.lease.paces import PACES, TIMINGS, bridged_s, timings_of
from understudy_agent.serving import MARGIN_MS, room_ms
from understudy_agent.view import TermsView

BEGIN, END = "<!-- Printed by `make docs`: -->\n", "<!-- until here -->\n"


def pace_doc(root: Path) -> str:
    """The page with fresh tables. Raises ValueError when there is no place for them."""
    text = (root / "docs" / "pace.md").read_text(encoding="utf-8")
    found = json.loads((root / "bench" / "results" / "pace.json").read_text(encoding="utf-8"))
    parts = text.split(BEGIN)
    tables = (_timings, _price, _weathers)
    if len(parts) != len(tables) + 1:
        raise ValueError(f"docs/pace.md has {len(parts) - 1} places for tables; allowed: {len(tables)}")
    printed = [f"{BEGIN}\n{table(found)}\n\n{END}" for table in tables]
    rests = [part.partition(END)[2] for part in parts[1:]]
    return parts[0] + "".join(table + rest for table, rest in zip(printed, rests, strict=True))


def _timings(_: Mapping[str, Any]) -> str:
    rows = [_row(f"`{name}`", [f"{timings_of(pace)[name]:g}" for pace in PACES]) for name in TIMINGS]
    bridged = _row("AWS may be away for, by the lease alone", [f"{bridged_s(each):g} s" for each in PACES.values()])
    probe = _row("`[http] interval_s` of the agent at most", map(_interval, PACES.values()))
    return "\n".join([*_head("seconds"), *rows, bridged, probe])


def _interval(policy: Policy) -> str:
    """What a prober may take, from asking to giving up, while a node that serves well never says 503."""
    known = {each.name for each in fields(TermsView)} & set(TIMINGS)
    terms = TermsView(**{name: getattr(policy, name) for name in known})
    left_ms = room_ms(terms, math.inf) - MARGIN_MS  # an orderly stop takes all that the lease leaves over
    return f"{left_ms / 1000:g} s" if left_ms > 0 else "none fits"


def _price(found: Mapping[str, Any]) -> str:
    return "\n".join([*_head(""), *_price_rows(found)])


def _price_rows(found: Mapping[str, Any]) -> Iterator[str]:
    each = [found["paces"][pace] for pace in PACES]
    yield _row("failover of a dead node begins after: median", [f"{one['detection_s']['p50']:.1f} s" for one in each])
    yield _row("one in ten, later than", [f"{one['detection_s']['p90']:.1f} s" for one in each])
    yield _row("one in a hundred, later than", [f"{one['detection_s']['p99']:.1f} s" for one in each])
    yield _row("USD a node and month", [f"{one['usd']:.2f}" for one in each])
    for outage_s in each[0]["stopped"]:
        what = f"without a key: AWS away for {outage_s} s stops the service"
        yield _row(what, [_share(one["stopped"][outage_s]) for one in each])
    yield _row("with a key that all nodes share", ["never"] * len(each))
    for weather in found["weathers"]:
        what = f"needless failovers in {found['hours']:,} h, {weather}"
        yield _row(what, [str(sum(one["needless"][weather])) for one in each])


def _share(share: float) -> str:
    if share in (0, 1):
        return "always" if share else "never"
    return f"{share:.0%}"


def _weathers(found: Mapping[str, Any]) -> str:
    rows = [f"| {weather} | {words} |" for weather, words in found["weathers"].items()]
    return "\n".join(["| weather | what happens |", "|---|---|", *rows])


def _head(title: str) -> list[str]:
    return [f"| {title} | {' | '.join(PACES)} |", "|---|" + "---|" * len(PACES)]


def _row(title: str, cells: Iterable[str]) -> str:
    return f"| {title} | {' | '.join(cells)} |"
