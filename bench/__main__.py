"""`make bench`: counts first, then ratios, then times. Writes build/bench/bench.json and prints a table.

What functions and libraries print meanwhile is in build/bench/bench.log.

Exit status: 0 when all was measured, 1 when something was not or a beat costs more DynamoDB calls than it may,
128 + signal when stopped. No time is a threshold: goals stand beside the figures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import counts, imports, large_watch, live, paper, summary
from bench.counts import Stage
from bench.progress import Progress, output_into
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
STAGES = 6
"""Those below which are neither counts nor failovers."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="failovers with warm functions; one more with cold ones")
    parser.add_argument("--invocations", type=int, default=300, help="of each handler that is timed")
    parser.add_argument("--quiet-s", type=float, default=15.0, help="how long agents are watched")
    chosen = parser.parse_args()
    raise_on_signals()
    with output_into(counts.DIRECTORY / "bench.log") as console:
        stages = len(counts.STAGES) + STAGES + chosen.runs + len(paper.PROPAGATIONS_S)
        return _run(chosen, Progress(console, stages))


def _run(chosen: argparse.Namespace, progress: Progress) -> int:
    directory, console = counts.DIRECTORY, progress.console
    try:
        result = measure(directory, chosen.runs, chosen.invocations, chosen.quiet_s, progress.stage)
    except Interrupted as signal:
        return signal.exit_status
    except (NotInTime, SamFailed, FunctionFailed) as failure:
        console.print(f"Not measured: {failure}\nLogs are in {directory}")
        return 1
    result["machine"] |= {"load_after": round(os.getloadavg()[0], 1)}
    (directory / "bench.json").write_text(json.dumps(result, indent=2) + "\n")
    console.print(summary.table("make bench", itertools.chain(summary.of_counts(result), summary.of_times(result))))
    return counts.verdict(result, console)


def measure(directory: Path, runs: int, invocations: int, quiet_s: float, stage: Stage) -> dict[str, Any]:
    """Everything, one after the other: what is timed has the machine to itself as far as this program goes."""
    machine = {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    result = counts.measure(directory, stage) | {"machine": machine, "warm_failovers": runs}
    stage("imports, in fresh interpreters")
    result["imports"] = imports.measure(directory)
    stage(f"a watch of {large_watch.CLUSTERS:,} clusters")
    result["large_watch"] = large_watch.measure()
    stage("starting the embedded AWS, deploying, placing the cluster")
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
        stage(f"agents at rest for {quiet_s:g} s")
        result["agent"] = live.agent_use(cluster, quiet_s)
        stage(f"handlers, {invocations} times")
        result["handlers"] = live.handler_times(cluster, invocations)
        failovers = []
        for number in range(runs + 1):
            stage(f"failover {number + 1} of {failovers_count}")
            failovers.append(live.fail_over(cluster, client, cold=number == runs))
        slow = []
        for number, propagation_s in enumerate(paper.PROPAGATIONS_S[1:], runs + 2):
            stage(f"failover {number} of {failovers_count}, {propagation_s:g} s until a change is in sync")
            slow.append(live.fail_over(cluster, client, cold=False, propagation_s=propagation_s))
        stage("the paper's procedure, for each propagation at once")
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


if __name__ == "__main__":
    sys.exit(main())
