"""`make bench`: counts first, then ratios, then times. Writes build/bench/bench.json and prints a table.

Exit status: 0 when all was measured, 1 when something was not or a beat costs more DynamoDB calls than it may,
128 + signal when stopped. No time is a threshold: goals stand beside the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import busy, calls, counts, imports, large_watch, live, paper, watches
from local.client import Client
from local.cluster import Cluster
from local.interrupts import Interrupted, raise_on_signals
from local.local_aws import local_aws
from local.sam import SamFailed
from local.stack import FunctionFailed
from local.waiting import NotInTime
from local.world import ZONE_NAME

CLUSTER = "orders-db"
TUNING = {"ROUTE53_TTL": 1}
PLACED_LIMIT_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="failovers with warm functions; one more with cold ones")
    parser.add_argument("--invocations", type=int, default=300, help="of each handler that is timed")
    parser.add_argument("--quiet-s", type=float, default=15.0, help="how long agents are watched")
    chosen = parser.parse_args()
    directory, console = counts.DIRECTORY, Console(highlight=False, soft_wrap=True)
    raise_on_signals()
    try:
        result = measure(directory, chosen.runs, chosen.invocations, chosen.quiet_s, console)
    except Interrupted as signal:
        return signal.exit_status
    except (NotInTime, SamFailed, FunctionFailed) as failure:
        console.print(f"Not measured: {failure}\nLogs are in {directory}")
        return 1
    result["machine"] |= {"load_after": round(os.getloadavg()[0], 1)}
    (directory / "bench.json").write_text(json.dumps(result, indent=2) + "\n")
    console.print(table(result))
    wrong = counts.too_many(result)
    if wrong:
        console.print(f"DynamoDB calls are not as they must be: {', '.join(wrong)}")
    return 1 if wrong else 0


def measure(directory: Path, runs: int, invocations: int, quiet_s: float, console: Console) -> dict[str, Any]:
    """Everything, one after the other: what is timed has the machine to itself as far as this program goes."""
    directory.mkdir(parents=True, exist_ok=True)
    console.print("AWS calls, counted on moto; what functions load, and their size")
    machine = {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    result = counts.measure(directory) | {"machine": machine, "warm_failovers": runs}
    console.print("imports, in fresh interpreters")
    result["imports"] = imports.measure(directory)
    console.print(f"a watch of {large_watch.CLUSTERS:,} clusters")
    result["large_watch"] = large_watch.measure()
    console.print("starting the embedded AWS, deploying, placing the cluster")
    failovers_count = runs + len(paper.PROPAGATIONS_S)
    policy = {"max_failovers": {"count": failovers_count, "window_s": 3600}}  # all timings are the default ones
    with (
        local_aws(directory / "aws", [f"{CLUSTER}.{ZONE_NAME}"]) as aws,
        Cluster(aws, CLUSTER, policy=policy, tuning=TUNING) as cluster,
        Client(aws.dns.port, cluster.record, cluster.port) as client,
    ):
        cluster.register()
        cluster.boot()
        cluster.wait_settled("node-a", PLACED_LIMIT_S)
        cluster.wait_standby("node-b", PLACED_LIMIT_S)
        console.print(f"agents at rest for {quiet_s:g} s")
        result["agent"] = live.agent_use(cluster, quiet_s)
        console.print(f"handlers, {invocations} times")
        result["handlers"] = live.handler_times(cluster, invocations)
        failovers = []
        for number in range(runs + 1):
            console.print(f"failover {number + 1} of {failovers_count}")
            failovers.append(live.fail_over(cluster, client, cold=number == runs))
        slow = []
        for number, propagation_s in enumerate(paper.PROPAGATIONS_S[1:], runs + 2):
            console.print(f"failover {number} of {failovers_count}, {propagation_s:g} s until a change is in sync")
            slow.append(live.fail_over(cluster, client, cold=False, propagation_s=propagation_s))
        console.print("the paper's procedure, for each propagation at once")
        papers = paper.measure(aws.engine, aws.world, paper.PROPAGATIONS_S, TUNING["ROUTE53_TTL"])
    result["failover"] = {"definitions": live.DEFINITIONS, "medians": _medians(failovers), "runs": failovers}
    ours = [
        {"way": "understudy", "propagation_s": f["propagation_s"], "at_s": f["at_s"]} for f in [failovers[0], *slow]
    ]
    result["side_by_side"] = ours + papers
    return result


def _medians(failovers: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word, cold in (("warm", False), ("cold", True)):
        chosen = [f for f in failovers if f["cold"] is cold]
        if chosen:
            found[word] = {
                "outage_s": _median(f["outage_s"] for f in chosen),
                "controller_overhead_s": _median(f["controller_overhead_s"] for f in chosen),
                "phases_s": {name: _median(f["phases_s"][name] for f in chosen) for name in live.PHASES},
            }
    return found


def _median(figures: Iterable[float]) -> float:
    return round(statistics.median(figures), 3)


def table(result: dict[str, Any]) -> Table:
    """What was measured, for people, goals beside it."""
    shown = Table("what", "figure", "goal", title="make bench", title_justify="left")
    for name, goal in counts.CALLS_OF_A_BEAT.items():
        shown.add_row(f"DynamoDB calls, {name}", str(calls.of_service(result["calls"][name], "dynamodb")), str(goal))
    cold, warm = (calls.by_operation(result["calls"][f"failover_{word}"]) for word in ("cold", "warm"))
    shown.add_row("AWS calls, failover cold / warm", f"{sum(cold.values())} / {sum(warm.values())}", "")
    for operation, number in cold.items():
        shown.add_row(f"  {operation}", f"{number} / {warm.get(operation, 0)}", "")
    for case in result["busy"]:
        figure = f"{case['tries_mean']:.2f} / {case['tries_most']}, {case['lost']} of {case['beats']:,} lost"
        allowed = "" if case["goal"] is None else f"{case['goal']} lost"
        shown.add_row(f"tries of a beat, mean / most, {busy.words(case)}", figure, allowed)
    for case in result["watches"]:
        figures = [str(case["route53_calls"]), str(case["goal"] or "")]
        shown.add_row(f"Route 53 calls per watch, {watches.words(case)}", *figures)
    large = result["large_watch"]
    for word in ("calm", "dark"):
        figure = f"{large[word]['judged']:,} judged, {large[word]['started']:,} moves begun, {large[word]['cpu_s']} s"
        shown.add_row(f"a watch of {large['clusters']:,} clusters, {word}", figure, "all judged, 40 s")
    for name, timed in result["imports"]["functions"].items():
        figure = f"{timed['x_boto3']:.2f} / {timed['x_client']:.2f}"
        shown.add_row(f"import {name}, x boto3 / x with client", figure, "1.5")
    for name in ("record_heartbeat", "refused", "get_item"):
        timed = result["handlers"][name]
        shown.add_row(f"{name}, p50 / p99", f"{timed['p50_ms']:.1f} / {timed['p99_ms']:.1f} ms", "")
    for name, timed in result["handlers"]["steps_asked_again"].items():
        shown.add_row(f"{name} asked again, p50 / p99", f"{timed['p50_ms']:.1f} / {timed['p99_ms']:.1f} ms", "")
    for role, used in result["agent"].items():
        shown.add_row(f"agent ({role}), memory", f"{used['rss_mb']:.0f} MB", "60 MB")
        shown.add_row(f"agent ({role}), processor", f"{used['cpu_s_per_minute']:.2f} s per minute", "")
    _add_failovers(shown, result)
    return shown


def _add_failovers(shown: Table, result: dict[str, Any]) -> None:
    for word, medians in result["failover"]["medians"].items():
        shown.add_row(f"failover, {word}: outage", f"{medians['outage_s']:.2f} s", "")
        for phase, seconds in medians["phases_s"].items():
            shown.add_row(f"  {phase}", f"{seconds:.2f} s", "")
        shown.add_row("  controller overhead", f"{medians['controller_overhead_s']:.2f} s", "2 s")
    for each in result["side_by_side"]:
        for event, seconds in each["at_s"].items():
            shown.add_row(f"{each['way']}, propagation {each['propagation_s']:g} s: {event}", f"{seconds:.1f} s", "")


if __name__ == "__main__":
    sys.exit(main())
