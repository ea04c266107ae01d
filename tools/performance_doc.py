"""docs/performance.md, printed from what the benchmarks left in bench/results."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
HEAD = """# Performance

Written by `make performance-docs` from what the benchmarks measured; not by hand. What is the same on every machine
stands first: calls, counts, sizes, and an outage in virtual time. Seconds come last, and they are of one machine.
Nothing here was measured on real AWS.

| to measure again | what | how long |
|---|---|---|
| `make bench-counts` | calls, what functions load, sizes | a minute |
| `make bench-outage ZONES=1`, `make bench-outage ZONES=100` | a whole Availability Zone at once | a minute |
| `make bench` | all counts, and every time | ten minutes on a quiet machine |
| `make performance-docs` | takes in what these have left in `build/bench`, and writes this document | seconds |

"""
CALLS = """## What is asked of AWS

Counted by botocore itself, on moto, with the real functions and the real workflow. Tests demand exactly these numbers;
no test checks a time. *Cold* means that every function has just been started.

"""
FAILOVER = """
A failover, from the beat that notices the silence to the end of the transition, for a cluster with one record:

"""
WATCH = """
The watch, which runs once a minute for all clusters, reads Route 53 by zone and not by cluster:

"""
LOADED = """
## What a cold start loads

A heartbeat's function makes its DynamoDB client while it starts, where Lambda gives a whole processor; that is its
greater memory. A test names what it may load: the table, EventBridge and Step Functions, and nothing of what only
moves, checks of readiness and rehearsals think of. Memory is the interpreter's after the import, Python {python}.

"""
PACKAGES = """
Every function has the same two layers; its own code is half a kilobyte. Bytecode is left out.

"""
OUTAGE = """
## A whole Availability Zone at once

Every cluster with its active node there moves in the same five seconds. The product's own use cases and adapters run
against a model of Route 53 with the limits that AWS documents: for each account 10 requests a second (50 at once) and
100 change units a second (1,500 at once), one batch at a time in each zone. Time is virtual and chance is seeded, so
every machine finds the same. What AWS does not document is assumed: a call takes 0.03 to 0.12 s, a batch keeps its
zone for 0.2 to 0.8 s, a change is in sync after 20 s (lognormal, sigma 0.5). Nobody else uses the account.

- **What the buckets allow**: no way to hand in the changes can be faster.
- **Group commit**: this product ([ADR 0046](adr/0046-group-commit-when-route-53-is-crowded.md)).
- **Each for itself**: the same guarded change, without group commit, tried for 300 s.
- **The paper**: an UPSERT without guard, three tries 2 s apart, each with the three of an AWS SDK. It asks AWS for less
  (two change units, where a guarded move needs four), and most clusters have spent their tries before it is their turn.

"""
WAITS = """
## What waits for what

The paper's procedure starts the service when GetChange has said INSYNC, and asks every 20 s, five times. This product
grants the lease when the change is *accepted*: the service starts while the change spreads, and no poll is waited for.
So this is waited for between the change and the start of the service, by the settings alone (virtual time):

"""
LATE = """
A change that takes longer than 80 s is reported by the paper's procedure as a failed start, and its service stays down
although the record is right. Here it is reported as propagating, the service is in service, and polling goes on.

Neither way can make clients follow sooner than Route 53's servers have the change and resolvers have let go of the old
answer. What is gained is the rest of the last 20 s, and the time that the service needs to start: here both pass side
by side, there one after the other.
"""
NOT_YET = """
## Times

**Not measured yet.** They need a machine that has nothing else to do, and this version was not built on one.
`make bench && make performance-docs` puts them here: both ways side by side on one embedded AWS for changes that take
0, 5, 30 and 60 s to be in sync, warm and cold functions, imports as multiples of boto3's.
"""
SIDE_BY_SIDE = """
## Both ways side by side

One run, one embedded AWS ({processors} processors, load {load_before} before it). Seconds after the client's last
answer. The active node is killed; a client with a resolver that keeps an answer for the TTL (1 s) tries every 0.12 s.

Understudy runs as deployed, with its default timings. The paper's procedure is a script of ours that does what the
kit's manual says, in real time: read, UPSERT, GetChange at once and every 20 s, start the service after INSYNC. One
number of it is assumed and not measured, marked with *: that a dead node is noticed after 15 s, LifeKeeper's default
of 3 heartbeats 5 s apart. It asks for no proof that the node before has stopped, and grants no lease.

"""
TIMES = """
## Times on that machine

Of {warm_failovers} failovers with warm functions, and one with cold ones. Invoke is the emulator's.

"""


def performance_doc(root: Path) -> str:
    """The whole document. Times are left out, and said to be, while there are none."""
    results = root / "bench" / "results"
    counts = _read(results / "counts.json")
    outages = [_read(path) for path in sorted(results.glob("outage-*.json"))]
    text = HEAD + _calls(counts) + _loaded(counts) + _outages(outages) + _waits(counts["paper"])
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
    return (
        CALLS
        + _table(["", "calls"], beats)
        + FAILOVER
        + _table(["function", "warm", "in all", "cold"], [*steps, ["together", "", *totals]])
        + WATCH
        + _table(["clusters in each zone", "zones", "other records in each", "calls of Route 53"], watches)
    )


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
        rows = [["what the buckets allow", *map(_seconds, each["limit_at_s"]), "", "", "", ""]]
        for name, way in each["ways"].items():
            spent = [sum(way["requests"].values()), sum(way["refused"].values()), way["units"]]
            never = each["clusters"] - way["accepted"]
            rows.append([name, *map(_seconds, way["at_s"]), *(f"{number:,}" for number in (never, *spent))])
        head = ["", "50 % accepted", "99 %", "100 %", "never", "requests", "of them refused", "change units"]
        text += f"### {title}\n\nGroup commit needs **{each['ratio']:.2f} times** what the buckets allow "
        text += f"(goal: {each['goal']} times). Seed {each['seed']}.\n\n{_table(head, rows)}\n"
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
    return text + _table(["", "warm", "cold"], _phases(times["failover"])) + "\n" + _handlers(times)


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
        + f"\nA beat takes {beyond} times as long as one GetItem, beyond what Invoke costs (`refused`).\n\n"
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
