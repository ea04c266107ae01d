"""What the benchmarks have measured, as one table for people, goals beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.table import Table

from bench import busy, calls, watches
from tools.performance_doc import EVENTS, WAYS

CALLS_OF_A_BEAT = {"beat_cold": 2, "beat_warm": 1}
"""The DynamoDB calls that a beat may cost."""

Row = tuple[str, str, str]
"""What, its figure, and the goal if there is one."""
Section = tuple[str, list[Row]]


def table(title: str, sections: Iterator[Section]) -> Table:
    """Sections below each other, each with its heading."""
    shown = Table(title, "figure", "goal", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, rows in sections:
        shown.add_section()
        shown.add_row(f"[bold]{heading}")
        for what, figure, goal in rows:
            shown.add_row(f"  {what}", figure, goal)
    return shown


def of_counts(found: Mapping[str, Any]) -> Iterator[Section]:
    """What is counted, and the same on every machine."""
    yield (
        "DynamoDB calls of a beat",
        [
            (name.removeprefix("beat_"), str(calls.of_service(found["calls"][name], "dynamodb")), str(goal))
            for name, goal in CALLS_OF_A_BEAT.items()
        ],
    )
    cold, warm = (calls.by_operation(found["calls"][f"failover_{word}"]) for word in ("cold", "warm"))
    rows = [("all", f"{sum(cold.values())} / {sum(warm.values())}", "")]
    yield (
        "AWS calls of a failover, cold / warm",
        rows + [(operation, f"{number} / {warm.get(operation, 0)}", "") for operation, number in cold.items()],
    )
    yield "tries of a beat, mean / most", [_tries(case) for case in found["busy"]]
    yield (
        "Route 53 calls of a watch",
        [(watches.words(case), str(case["route53_calls"]), str(case["goal"] or "")) for case in found["watches"]],
    )


def _tries(case: Mapping[str, Any]) -> Row:
    figure = f"{case['tries_mean']:.2f} / {case['tries_most']}, {case['lost']} of {case['beats']:,} lost"
    return busy.words(case), figure, "" if case["goal"] is None else f"{case['goal']} lost"


def of_times(result: Mapping[str, Any]) -> Iterator[Section]:
    """What is timed, and differs from machine to machine."""
    large = result["large_watch"]
    yield f"a watch of {large['clusters']:,} clusters", [(word, *_watch(large[word])) for word in ("calm", "dark")]
    yield (
        "import, x boto3 / x boto3 with a client",
        [
            (name, f"{timed['x_boto3']:.2f} / {timed['x_client']:.2f}", "1.5")
            for name, timed in result["imports"]["functions"].items()
        ],
    )
    handlers = result["handlers"]
    timed = {name: handlers[name] for name in ("record_heartbeat", "refused", "get_item")}
    timed |= {f"{name} asked again": each for name, each in handlers["steps_asked_again"].items()}
    yield (
        "invocation, p50 / p99",
        [(name, f"{each['p50_ms']:.1f} / {each['p99_ms']:.1f} ms", "") for name, each in timed.items()],
    )
    yield "agent at rest", [row for role, used in result["agent"].items() for row in _agent(role, used)]
    yield _failovers(result["failover"]["medians"])
    for way, words in WAYS.items():
        yield _side(words, [each for each in result["side_by_side"] if each["way"] == way])


def _watch(watch: Mapping[str, Any]) -> tuple[str, str]:
    return f"{watch['judged']:,} judged, {watch['started']:,} moves begun, {watch['cpu_s']} s", "all, 40 s"


def _agent(role: str, used: Mapping[str, Any]) -> Iterator[Row]:
    yield f"{role}, memory", f"{used['rss_mb']:.0f} MB", "60 MB"
    yield f"{role}, processor", f"{used['cpu_s_per_minute']:.2f} s per minute", ""


def _failovers(medians: Mapping[str, Any]) -> Section:
    def figure(*path: str) -> str:
        return " / ".join(f"{_at(each, path):.2f}" for each in medians.values()) + " s"

    phases = next(iter(medians.values()))["phases_s"]
    rows = [("outage", figure("outage_s"), "")]
    rows += [(f"of it: {name}", figure("phases_s", name), "") for name in phases]
    rows.append(("controller overhead", figure("controller_overhead_s"), "2 s"))
    return f"failover, {' / '.join(medians)}", rows


def _at(found: Any, path: tuple[str, ...]) -> float:
    for name in path:
        found = found[name]
    return float(found)


def _side(way: str, cases: list[Mapping[str, Any]]) -> Section:
    rows = [("a change is in sync after", " / ".join(f"{case['propagation_s']:g}" for case in cases) + " s", "")]
    for event, words in EVENTS.items():
        seconds = [f"{case['at_s'][event]:.1f}" if event in case["at_s"] else "none" for case in cases]
        rows.append((words, " / ".join(seconds) + " s", ""))
    return f"{way}, since the client's last answer", rows
