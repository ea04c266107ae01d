"""docs/performance.md, printed from what the benchmarks left in bench/results."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.peers_doc import peers_section
from tools.performance_words import (
    BUSY,
    CALLS,
    FAILOVER,
    HEAD,
    LARGE_WATCH,
    LATE,
    LOADED,
    NOT_YET,
    OUTAGE,
    PACKAGES,
    SIDE_BY_SIDE,
    TIMES,
    WAITS,
    WATCH,
)

WAYS = {"understudy": "Understudy", "paper": "the paper"}
EVENTS = {
    "noticed": "failure noticed",
    "fenced": "fenced, with proof",
    "accepted": "record accepted",
    "granted": "lease granted",
    "in_service": "service in service",
    "in_sync": "known to be in sync",
    "client": "client served",
}


def performance_doc(root: Path) -> str:
    """The whole document. Times are left out, and said to be, while there are none."""
    results = root / "bench" / "results"
    counts = _read(results / "counts.json")
    outages = [_read(path) for path in sorted(results.glob("outage-*.json"))]
    text = HEAD + _calls(counts) + _loaded(counts) + _outages(outages) + _waits(counts["paper"])
    peers = results / "peers.json"
    if peers.is_file():
        text += peers_section(_read(peers), _table)
    times = results / "times.json"
    return text + (_times(_read(times)) if times.is_file() else NOT_YET)


def _calls(counts: Mapping[str, Any]) -> str:
    calls = counts["calls"]
    beats = [[f"a beat, {word}", _words(_together(calls[f"beat_{word}"]))] for word in ("warm", "cold")]
    steps = [
        [f"`{name}`", _words(warm), str(sum(warm.values())), str(sum(calls["failover_cold"][name].values()))]
        for name, warm in calls["failover_warm"].items()
    ]
    totals = [str(sum(_together(calls[f"failover_{word}"]).values())) for word in ("warm", "cold")]
    watches = [
        [f"{case['clusters']:,}", str(case["zones"]), f"{case['others']:,}", str(case["route53_calls"])]
        for case in counts["watches"]
    ]
    held = [
        [
            f"{case['least_ms']} to {case['most_ms']} ms",
            f"{case['tries_mean']:.2f}",
            str(case["tries_most"]),
            _lost(case),
        ]
        for case in counts["busy"]
    ]
    return (
        CALLS
        + _table(["", "calls"], beats)
        + BUSY.format(beats=counts["busy"][0]["beats"])
        + _table(["a transaction holds the item for", "tries, mean", "most", "lost"], held)
        + FAILOVER
        + _table(["function", "warm", "in all", "cold"], [*steps, ["together", "", *totals]])
        + WATCH
        + _table(["clusters in each zone", "zones", "other records in each", "calls of Route 53"], watches)
    )


def _lost(case: Mapping[str, Any]) -> str:
    return str(case["lost"]) if case["goal"] is None else f"{case['lost']} (goal: {case['goal']})"


def _loaded(counts: Mapping[str, Any]) -> str:
    sizes = [
        [f"`{name}`", str(each["modules"]), str(each["own_modules"]), f"{each['memory_mb']:.0f} MB"]
        for name, each in counts["sizes"].items()
    ]
    layers = [
        [name, f"{each['bytes'] / 1e6:.1f} MB", f"{each['zipped_bytes'] / 1e6:.1f} MB"]
        for name, each in counts["packages"].items()
        if name.endswith("Layer")
    ]
    return (
        LOADED.format(python=counts["python"])
        + _table(["function", "modules", "the controller's", "memory"], sizes)
        + PACKAGES
        + _table(["layer", "unpacked", "as a zip file"], layers)
    )


def _outages(outages: Sequence[Mapping[str, Any]]) -> str:
    text = OUTAGE
    for each in sorted(outages, key=lambda each: (each["clusters"], each["zones"])):
        zones = "one zone" if each["zones"] == 1 else f"{each['zones']} zones"
        title = f"{each['clusters']:,} clusters in {zones}"
        rows = [
            ["what the buckets allow", *map(_seconds, each["limit_at_s"]), "", "", "", ""],
            [f"what {each['share']:.0%} of them allow", *map(_seconds, each["share_limit_at_s"]), "", "", "", ""],
        ]
        for name, way in each["ways"].items():
            spent = [sum(way["requests"].values()), sum(way["refused"].values()), way["units"]]
            never = each["clusters"] - way["accepted"]
            rows.append([name, *map(_seconds, way["at_s"]), *(f"{number:,}" for number in (never, *spent))])
        head = ["", "50 % accepted", "99 %", "100 %", "never", "requests", "of them refused", "change units"]
        text += f"### {title}\n\nGroup commit needs **{each['ratio']:.2f} times** what the buckets allow "
        text += f"(goal: {each['goal']} times),\nand {each['ratio_of_share']:.2f} times what its share of them allows. "
        text += f"Seed {each['seed']}.\n\n{_table(head, rows)}\n"
        text += f"![Records accepted over time](images/outage-{each['clusters']}-{each['zones']}.png)\n\n"
    return text.rstrip("\n") + "\n"


def _waits(paper: Sequence[Mapping[str, Any]]) -> str:
    rows = [[f"{case['propagation_s']:g} s", str(case["polls"]), f"{case['waited_s']} s", "0 s"] for case in paper]
    return WAITS + _table(["in sync after", "polls of the paper", "the paper waits", "Understudy waits"], rows) + LATE


def _times(times: Mapping[str, Any]) -> str:
    text = SIDE_BY_SIDE.format(**times["machine"])
    cases = sorted(times["side_by_side"], key=lambda case: (case["propagation_s"], case["way"] == "paper"))
    head = ["in sync after", "", *EVENTS.values()]
    rows = [[f"{case['propagation_s']:g} s", WAYS[case["way"]], *_reached(case)] for case in cases]
    text += f"{_table(head, rows)}\n![Both ways side by side](images/side-by-side.png)\n"
    text += TIMES.format(**times)
    return (
        text
        + _table(["", "warm", "cold"], _phases(times["failover"]))
        + "\n"
        + _handlers(times)
        + _large(times["large_watch"])
    )


def _large(watch: Mapping[str, Any]) -> str:
    rows = [
        [word, f"{each['judged']:,}", f"{each['started']:,}", f"{sum(each['calls'].values()):,}", f"{each['cpu_s']} s"]
        for word in ("calm", "dark")
        for each in [watch[word]]
    ]
    head = ["", "judged", "moves begun", "calls of AWS", "processor time"]
    return LARGE_WATCH.format(**watch) + _table(head, rows)


def _reached(case: Mapping[str, Any]) -> Iterable[str]:
    for event in EVENTS:
        mark = "*" if event in case.get("assumed", ()) else ""
        yield f"{case['at_s'][event]:.1f}{mark}" if event in case["at_s"] else "none"


def _phases(medians: Mapping[str, Any]) -> list[list[str]]:
    warm, cold = medians["warm"], medians["cold"]
    rows = [["outage", warm["outage_s"], cold["outage_s"]]]
    rows += [[f"of it: {name}", seconds, cold["phases_s"][name]] for name, seconds in warm["phases_s"].items()]
    rows.append(["controller overhead", warm["controller_overhead_s"], cold["controller_overhead_s"]])
    return [[name, *(f"{seconds:.2f} s" for seconds in both)] for name, *both in rows]


def _handlers(times: Mapping[str, Any]) -> str:
    handlers = times["handlers"]
    once = {name: handlers[name] for name in ("record_heartbeat", "refused", "get_item")}
    timed = once | {f"{name}, asked again": each for name, each in handlers["steps_asked_again"].items()}
    rows = [[name, f"{each['p50_ms']:.1f} ms", f"{each['p99_ms']:.1f} ms"] for name, each in timed.items()]
    beyond = handlers["record_heartbeat_beyond_invoke_x_get_item"]
    imports = [
        [f"`{name}`", f"{each['x_boto3']:.2f}", f"{each['x_client']:.2f}"]
        for name, each in times["imports"]["functions"].items()
    ]
    return (
        _table(["warm handler", "p50", "p99"], rows)
        + f"\nA beat takes {beyond} times as long as one GetItem, beyond what Invoke costs (`refused`). "
        "Its one call is an\nUpdateItem with conditions, and its own processor time is some 2 ms "
        "(`bench/beats.py`): most of it is the emulator's table.\n\n"
        + _table(["import", "x boto3", "x boto3 with a client"], imports)
    )


def _together(tally: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    return sum((Counter(calls) for calls in tally.values()), Counter[str]())


def _words(calls: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {operation.partition('.')[2]}" for operation, count in sorted(calls.items()))


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["|" + "".join(f" {cell} |" if cell else " |" for cell in cells) for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
