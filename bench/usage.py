"""What Understudy uses of AWS, counted: bench/results/usage.json, of which docs/cost.md and docs/scale.md are computed.

`counts` are the same on every machine (but for the name of the system in `call_bytes`), and tests demand them. `times`
are of the machine of the last `make cost`.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench import agents, beats, calls
from bench.fleet import Fleet
from tests.support.controller import Controller, emitted
from tests.support.item_size import size
from tests.template import cfn
from understudy.adapters.dynamodb import keys
from understudy.invocation import GATHERED_S

RESULTS = Path(__file__).parent / "results" / "usage.json"
WATCHED = (5, 500, 5_000)
"""Clusters that a watch is counted with: those of 10, 1,000 and 10,000 nodes."""


def counts() -> dict[str, Any]:
    """Calls, bytes and sizes of a beat, an agent, a watch, a failover and a stack."""
    return {
        "beat": beat(),
        "agents": agents.count(),
        "call_bytes": agents.call_bytes(),
        "watch": {str(clusters): watch_calls(clusters) for clusters in WATCHED},
        "watch_printed_bytes": len(_printed_at_rest()[1].encode()),
        "cluster_bytes": _cluster_bytes(),
        "failover": failover(),
        "metrics": metrics_at_rest(),
        "stack": stack(),
    }


def times() -> dict[str, float]:
    """Milliseconds of processor time: of a beat, and of judging one of a thousand clusters."""
    measured = beats.measure()
    return {"beat_p50_ms": measured["p50_ms"], "beat_p99_ms": measured["p99_ms"], "judge_ms": _judge_ms()}


def read() -> dict[str, Any]:
    """What was measured last."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def measure() -> None:
    """Measure all of it, and keep it."""
    found = {"counts": counts(), "times": times()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@cache
def beat() -> dict[str, Any]:
    """A warm beat: calls, and bytes of log."""
    with calls.counted_cluster() as cluster:
        cluster.counted()
        cluster.rest(calls.BEAT_S)
        cluster.beat(cluster.nodes[0], 1, "IN_SERVICE")
        counted = cluster.counted()
    return {"calls": calls.by_operation(counted), "printed_bytes": beats.printed_bytes()}


def watch_calls(clusters: int) -> dict[str, int]:
    """Calls of a warm watch of so many settled clusters in one zone."""
    fleet = _watched(clusters)
    fleet.traffic.calls.clear()
    asked = len(fleet.route53.asked)
    fleet.watch()
    return dict(sorted(fleet.traffic.calls.items())) | {"ListResourceRecordSets": len(fleet.route53.asked) - asked}


def failover() -> dict[str, Any]:
    """One failover with warm functions: calls, invocations, and states entered."""
    with calls.counted_cluster() as cluster:
        _, heir = cluster.nodes
        for _ in range(calls.SILENCE_S // calls.BEAT_S):  # only a node that is heard all the time is a witness
            cluster.beat(heir, 1, "OUT_OF_SERVICE")
            cluster.rest(calls.BEAT_S)
        cluster.beat(heir, 1, "OUT_OF_SERVICE")
        cluster.rest(calls.SILENCE_S % calls.BEAT_S)
        cluster.counted()
        cluster.invoked()
        cluster.beat(heir, 1, "OUT_OF_SERVICE")
        states = cluster.transition(heir, 2, cold=False)
        return {
            "calls": calls.by_operation(cluster.counted()),
            "invocations": cluster.invoked(),
            "states": len(states),
        }


def metrics_at_rest() -> list[str]:
    """The metrics that a settled cluster brings all the time, with the dimension beside the stack's."""
    found = {(name, dimensions) for _, name, dimensions, _ in emitted("".join(_printed_at_rest()))}
    return sorted(
        " ".join([name, *sorted(f"{key}={text}" for key, text in dimensions if key != "service")])
        for name, dimensions in found
    )


def stack() -> dict[str, Any]:
    """What a stack has by the template: alarm metrics, dashboards, memory, and calls by schedules."""
    alarms = cfn.of_type("AWS::CloudWatch::Alarm").values()
    usual_mb = cfn.source()["Globals"]["Function"]["MemorySize"]
    functions = {
        name: resource["Properties"]
        for name, resource in cfn.source()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    kept_warm = [each["MemorySize"] for each in functions.values() if "KeepWarm" in each.get("Events", {})]
    return {
        "alarm_metrics": sum(sum("MetricStat" in m for m in each.get("Metrics", [])) or 1 for each in alarms),
        "dashboards": len(cfn.of_type("AWS::CloudWatch::Dashboard")),
        "beat_memory_mb": functions["RecordHeartbeatFunction"].get("MemorySize", usual_mb),
        "kept_warm_memory_mb": kept_warm,
        "kept_warm_every_min": _every_min(functions["FenceNodeFunction"]["Events"]["KeepWarm"]),
        "log_retention_days": cfn.source()["Parameters"]["LogRetentionDays"]["Default"],
    }


def _printed_at_rest() -> tuple[str, str]:
    """What the functions of beats and of the watch print while nothing happens."""
    of_beats, of_watch = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        world = Controller(patch)
        with contextlib.redirect_stdout(of_beats):
            world.beat()
            world.clock.now_s += GATHERED_S
            world.beat(number=90_015_000)
        with contextlib.redirect_stdout(of_watch):
            world.call("watch_clusters", {})
    return of_beats.getvalue(), of_watch.getvalue()


def _judge_ms(clusters: int = 1000) -> float:
    fleet = _watched(clusters)
    began = time.process_time()
    fleet.watch()
    return round((time.process_time() - began) * 1000 / clusters, 2)


def _watched(clusters: int) -> Fleet:
    fleet = Fleet(clusters)
    report = fleet.watch()
    if report.judged != clusters or report.faults:
        raise AssertionError(f"of {clusters} clusters {report.judged} were judged, with {report.faults}")
    return fleet


def _cluster_bytes() -> dict[str, int]:
    """The items of a settled cluster of two nodes. `state` is the one that each beat writes."""
    found = {sk: size(item) for (_, sk), item in Fleet(1).aws.items.items()}
    return {"state": found[keys.STATE], "all": sum(found.values())}


def _every_min(schedule: dict[str, Any]) -> int:
    found = re.fullmatch(r"rate\((\d+) minutes?\)", schedule["Properties"]["Schedule"])
    if not found:
        raise ValueError(f"not a rate of minutes: {schedule['Properties']['Schedule']}")
    return int(found.group(1))


if __name__ == "__main__":
    measure()
