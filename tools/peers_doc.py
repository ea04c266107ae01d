"""The part of docs/performance.md that sets the product beside its peers, printed from bench/results/peers.json."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tools.performance_words import PEERS, PEERS_LOSS, PEERS_SAFETY, PEERS_SETTINGS

FAULTS = ("power cut", "service killed", "network cut", "frozen for 30 s", "planned switchover")
OWN = "Understudy"
CLIENTS = {"record": "by the record", "load balancer": "by the load balancer"}
Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]
Column = tuple[str, str]
"""A contender and one of its clients."""


def peers_section(read: Mapping[str, Any], table: Table) -> str:
    """The outages, two tables of them; where a peer is better; safety; settings and versions."""
    rounds = read["rounds"]
    columns = sorted({(one["contender"], client) for one in rounds for client in one["outage_s"]}, key=_order)
    databases = [column for column in columns if _is_database(column[0])]
    services = [column for column in columns if column not in databases]
    text = PEERS.format(runs=read["runs"], propagation_s=f"{read['propagation_s']:g}")
    for heading, group in (("A service over HTTP", services), ("PostgreSQL on three nodes", databases)):
        text += f"**{heading}**\n\n" + _outages(rounds, group, table) + "\n" + "".join(_better(rounds, group)) + "\n"
    text += PEERS_SAFETY + _safety(rounds, table)
    if read["losses"]:
        text += PEERS_LOSS.format(minutes=f"{read['loss_s'] / 60:g}") + _losses(read["losses"], table)
    versions = ", ".join(f"{name} {version}" for name, version in read["versions"].items())
    settings = [f"- **{name}**: {_said(words)}.\n" for name, words in read["settings"].items()]
    return text + PEERS_SETTINGS + "".join(settings) + f"- **Versions**: {versions}.\n"


def medians(rounds: Sequence[Mapping[str, Any]], column: Column) -> dict[str, float]:
    """Seconds by fault; what was not measured is left out."""
    return {fault: statistics.median(found) for fault in FAULTS if (found := _seconds(rounds, column, fault))}


def _order(column: Column) -> tuple[bool, str, bool]:
    return (not column[0].startswith(OWN), column[0], column[1] != "record")


def _is_database(contender: str) -> bool:
    return "PostgreSQL" in contender or contender == "Patroni"


def _said(words: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in words.items())


def _seconds(rounds: Sequence[Mapping[str, Any]], column: Column, fault: str) -> list[float]:
    contender, client = column
    return [
        float(one["outage_s"][client])
        for one in rounds
        if (one["contender"], one["fault"]) == (contender, fault) and client in one["outage_s"]
    ]


def _outages(rounds: Sequence[Mapping[str, Any]], columns: Sequence[Column], table: Table) -> str:
    """A row for each contender and client."""
    rows = []
    for column in columns:
        cells = []
        for fault in FAULTS:
            found = _seconds(rounds, column, fault)
            cells.append(f"**{statistics.median(found):.1f}** ({min(found):.1f}–{max(found):.1f})" if found else "none")
        rows.append([f"{column[0]}, {column[1]}", *cells])
    return table(["", *FAULTS], rows)


def _better(rounds: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Iterable[str]:
    """A sentence for each fault and client in which a peer's clients waited less than those of every pace of ours."""
    own = [column for column in columns if column[0].startswith(OWN)]
    for peer in (column for column in columns if column not in own):
        for fault, seconds in medians(rounds, peer).items():
            ours = [medians(rounds, column).get(fault) for column in own if column[1] == peer[1]]
            best = min((each for each in ours if each is not None), default=None)
            if best is not None and seconds < best:
                yield f"- {peer[0]} is better: {fault}, {CLIENTS[peer[1]]}, {seconds:.1f} s against {best:.1f} s.\n"


def _safety(rounds: Sequence[Mapping[str, Any]], table: Table) -> str:
    rows = []
    for name in sorted({one["contender"] for one in rounds}, key=lambda each: _order((each, ""))):
        own = [one for one in rounds if one["contender"] == name]
        double = [one for one in own if one["doubled"]]
        answers = f", {sum(one['doubled'] for one in double)} answers in all" if double else ""
        lost = str(sum(one["lost"] for one in own)) if _is_database(name) else "nothing is written"
        rows.append([name, str(len(own)), f"{len(double)}{answers}", lost])
    return table(["", "faults", "of them with two that served at once", "acknowledged writes lost"], rows)


def _losses(losses: Sequence[Mapping[str, Any]], table: Table) -> str:
    rows = [
        [
            one["contender"],
            str(one["moves"]),
            ", ".join(f"{seconds:.1f} s {CLIENTS[client]}" for client, seconds in one["outage_s"].items()),
            str(one["doubled"]),
            str(one["lost"]) if _is_database(one["contender"]) else "nothing is written",
        ]
        for one in sorted(losses, key=lambda one: _order((one["contender"], "")))
    ]
    return table(
        ["", "moves without need", "longest outage", "answers of a second node", "acknowledged writes lost"], rows
    )
