"""A watch of 10,000 clusters, whole, and with it one minute in which half of them lose their active node.

The real use case on the real adapters, AWS in memory (`bench.fleet`): what it does is counted, and its processor time
and memory are this machine's. `python -m bench.large_watch` prints it; a fresh interpreter, for the memory's sake.
"""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.fleet import Fleet
from understudy.bootstrap import WATCH_THREADS

CLUSTERS, ZONES, SILENCE_S = 10_000, 100, 60


def measure() -> dict[str, Any]:
    """As a fresh interpreter finds it: `calm`, nothing ails any cluster, and then `dark`, every second one is silent.

    Of each: clusters judged, faults, transitions started, calls of AWS by operation, processor seconds.
    `memory_mb`: what both have added to the most that the interpreter ever held.
    """
    asked = [sys.executable, "-m", "bench.large_watch"]
    found: dict[str, Any] = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    return found


def _watches() -> dict[str, Any]:
    with ThreadPoolExecutor(WATCH_THREADS) as threads:
        fleet = Fleet(CLUSTERS, zones=ZONES, spread=threads.map)
        before_mb = _peak_mb()
        calm = _watch(fleet)
        for number in range(0, CLUSTERS, 2):
            fleet.silence(number, SILENCE_S)
        dark = _watch(fleet)
    return {"clusters": CLUSTERS, "calm": calm, "dark": dark, "memory_mb": round(_peak_mb() - before_mb)}


def _watch(fleet: Fleet) -> dict[str, Any]:
    fleet.traffic.calls.clear()
    fleet.aws.started.clear()
    asked_before, began = len(fleet.route53.asked), time.process_time()
    report = fleet.watch()
    return {
        "cpu_s": round(time.process_time() - began, 1),
        "judged": report.judged,
        "faults": len(report.faults),
        "started": len(fleet.aws.started),
        "calls": dict(fleet.traffic.calls) | {"ListResourceRecordSets": len(fleet.route53.asked) - asked_before},
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # each transition says that it was asked for
    print(json.dumps(_watches()))
