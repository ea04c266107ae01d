"""What is measured on the deployed stack in the embedded AWS: handlers, agents, failovers."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.client import Client, outages
from local.cluster import Cluster
from local.faults import Fault, FaultPlan
from local.node import Node
from local.processes import marked
from local.waiting import wait_for

STEPS = ("OpenTransition", "FenceNode", "MoveAddress", "GrantLease", "AwaitService", "CheckChange", "CloseTransition")
SILENCE_LIMIT_S = 15.0
SETTLED_LIMIT_S = 90.0
STANDBY_LIMIT_S = 60.0

# From one mark to the next; the history's own stages where it has them. See DEFINITIONS.
PHASES = (
    "detection_limit",
    "noticed",
    "opened",
    "fenced",
    "accepted",
    "granted",
    "lease_read",
    "service_start",
    "client",
)
EVENTS = ("noticed", "fenced", "accepted", "granted", "in_service", "in_sync", "client")
"""What is compared side by side with bench/paper.py."""
NOT_OVERHEAD = ("detection_limit", "service_start")
DEFINITIONS = {
    "outage": "from the end of the client's last answered attempt to the end of its first one answered again; it tries "
    "every 0.12 s, with a resolver that keeps an answer for the TTL (1 s)",
    "detection_limit": "from the beginning of the outage to silence_limit_s after the ingestion time (whole seconds, "
    "cut off) of the last beat recorded of the dead node: no earlier may silence be noticed",
    "noticed": "until a function has judged the node silent: the survivor's next beat, EventBridge, record_heartbeat",
    "opened": "until the transition is open in the table: StartExecution, open_transition",
    "fenced": "until the proof is in the table",
    "accepted": "until Route 53 has accepted the change",
    "granted": "until the lease is in the table",
    "lease_read": "until the new node's agent has read it and orders SERVE (agent's log, at_ms)",
    "service_start": "until the agent finds the service's port answering (agent's log, at_ms)",
    "client": "until the client is answered: its TTL and its next attempt",
    "controller_overhead": "outage - detection_limit - service_start",
    "cold": "the workers of the workflow's functions were thrown away before; record_heartbeat stays warm, as it does "
    "on AWS with a beat every few seconds",
}


class CountedCalls(FaultPlan):
    """Makes no faults of its own: counts the calls that come by the proxy in front of Route 53."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def take(self, operation: str) -> Fault | None:
        self.calls[operation] += 1
        return super().take(operation)


# --- handlers -------------------------------------------------------------------------------------


def handler_times(cluster: Cluster, invocations: int) -> dict[str, Any]:
    """Milliseconds of Invoke, warm, as the caller sees them.

    `refused` is a malformed beat to the same function: it calls nothing, so it is what the emulator's Invoke costs.
    Steps are asked again after their transition has closed: they read, find their work done, and answer.
    """
    standby = next(node for node in cluster.nodes if node.name != cluster.active())
    epoch = cluster.state()["epoch"]
    stack, dynamodb = cluster.aws.stack, cluster.aws.engine.client("dynamodb")
    key = {"pk": {"S": cluster.name}, "sk": {"S": "state"}}
    asked: dict[str, Callable[[], Any]] = {
        "record_heartbeat": lambda: stack.call("RecordHeartbeatFunction", _beat(cluster, standby, epoch)),
        "refused": lambda: stack.call("RecordHeartbeatFunction", {}),
        "get_item": lambda: dynamodb.get_item(TableName=stack.table, Key=key, ConsistentRead=True),
    }
    found = _timed(asked, invocations)
    again = {"cluster": cluster.name, "epoch": epoch, "attempt": 0, "execution": "bench", "request": {}}
    steps = {name: _step(stack, name, again) for name in STEPS}
    found["steps_asked_again"] = _timed(steps, max(10, invocations // 10))
    found["record_heartbeat_beyond_invoke_x_get_item"] = round(
        (found["record_heartbeat"]["p50_ms"] - found["refused"]["p50_ms"]) / found["get_item"]["p50_ms"], 1
    )
    return found


def _step(stack: Any, name: str, payload: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: stack.call(f"{name}Function", dict(payload))


def _timed(asked: Mapping[str, Callable[[], Any]], times: int) -> dict[str, Any]:
    """Each in turn, so that a busy machine is the same for all of them."""
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(times + 1):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            if number:  # the first may be cold
                taken[name].append((time.perf_counter() - began) * 1000)
    return {name: _percentiles(values) for name, values in taken.items()}


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


def _beat(cluster: Cluster, node: Node, epoch: int) -> dict[str, Any]:
    """A beat as the node's own agent would send it now."""
    detail = {
        "cluster": cluster.name,
        "boot": node.boot_id,
        "beat": _boottime_ms(),
        "keeps_lease": True,
        "read_epoch": epoch,
        "services": {name: "OUT_OF_SERVICE" for name, _ in cluster.services},
        "agent": "bench",
    }
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"source": node.instance.arn, "ingested_at": now, "detail": detail}


# --- agents ---------------------------------------------------------------------------------------


def agent_use(cluster: Cluster, seconds: float) -> dict[str, Any]:
    """Memory and processor time of each node's agent while nothing happens for `seconds`."""
    pids = {node.name: _agent_pid(node) for node in cluster.nodes}
    before = {name: _cpu_s(pid) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    minutes = (time.monotonic() - began) / 60
    return {
        ("active" if name == cluster.active() else "standby"): {
            "rss_mb": round(_rss_mb(pid), 1),
            "cpu_s_per_minute": round((_cpu_s(pid) - before[name]) / minutes, 2),
        }
        for name, pid in pids.items()
    }


def _agent_pid(node: Node) -> int:
    """Of the processes of a node the one that was started as `-m understudy_agent run`."""
    for pid in marked(node.mark):
        if b"\0-m\0understudy_agent\0run\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise LookupError(f"{node.name} runs no agent")


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- failovers ------------------------------------------------------------------------------------


def fail_over(cluster: Cluster, client: Client, *, cold: bool, propagation_s: float = 0.0) -> dict[str, Any]:
    """Kill the active node, wait for the other one, switch the dead one on again as standby.

    A change that is accepted meanwhile is in sync, and served by DNS, `propagation_s` later.
    """
    cluster.aws.engine.proxy.propagation.delay_s = propagation_s
    dead = cluster.node(cluster.active())
    heir = next(node for node in cluster.nodes if node is not dead)
    if cold:
        _throw_workers_away(cluster)
    cluster.aws.engine.proxy.faults = counted = CountedCalls()
    epoch, mark, log_mark = cluster.state()["epoch"], time.monotonic(), heir.log_size()
    dead.kill()
    # The transition is closed when the change is in sync, so after the poll that follows.
    settled = cluster.wait_settled(heir.name, SETTLED_LIMIT_S + propagation_s, above_epoch=epoch)
    served_limit_s = STANDBY_LIMIT_S + propagation_s
    wait_for(f"the client is answered by {heir.name}", lambda: client.served_by(heir.name), served_limit_s)
    route53 = dict(counted.calls)
    history = cluster.aws.stack.transition(cluster.name, settled["epoch"])
    outage = next(o for o in outages(list(client.attempts)) if o.ended > mark and o.to_node == heir.name)
    to_wall = time.time() - time.monotonic()
    marks = _marks(history, dead, _log_marks(heir.logged(log_mark)), outage.ended + to_wall)
    phases = split(outage.began + to_wall, marks)
    dead.boot()
    cluster.wait_standby(dead.name, STANDBY_LIMIT_S)
    # The next failover is to find a standby that counts as a witness: heard without a gap for silence_limit_s.
    wait_for(f"{dead.name} is heard without a gap", lambda: is_heard_without_gap(cluster, dead.name), STANDBY_LIMIT_S)
    return {
        "cold": cold,
        "outage_s": round(outage.seconds, 3),
        "phases_s": phases,
        "propagation_s": propagation_s,
        "at_s": reached(outage.began + to_wall, marks, history["stages"]),
        "controller_overhead_s": round(sum(s for name, s in phases.items() if name not in NOT_OVERHEAD), 3),
        "steps_s": _step_times(cluster, history["execution"]),
        "route53_calls": route53,
        "rule": history["rule"],
        "proof": history["proof"],
    }


def split(began: float, marks: Mapping[str, float]) -> dict[str, float]:
    """Seconds from each mark to the next, never negative; together they are the outage. Marks are epoch seconds."""
    phases, reached = {}, began
    for name in PHASES:
        until = max(reached, min(marks[name], marks["client"]))
        phases[name], reached = round(until - reached, 3), until
    return phases


def reached(began: float, marks: Mapping[str, float], stages: Mapping[str, float]) -> dict[str, float]:
    """Seconds after the client's last answer at which each of EVENTS came about. Marks are epoch seconds."""
    at = {**marks, "in_service": marks["service_start"]}
    if "in_sync_at" in stages:  # written by the poll that hears so
        at["in_sync"] = float(stages["in_sync_at"])
    return {name: round(at[name] - began, 3) for name in EVENTS if name in at}


def is_heard_without_gap(cluster: Cluster, name: str) -> bool:
    """Whether the node has been heard without a gap for silence_limit_s."""
    beats = cluster.beats(name)
    return bool(beats["heard_at"] - beats["heard_since"] >= cluster.state()["terms"]["silence_limit_s"])


def _marks(history: Mapping[str, Any], dead: Node, agent: Mapping[str, float], answered: float) -> dict[str, float]:
    facts, stages = history["facts"], history["stages"]
    heard_at = facts["now"] - facts["nodes"][dead.name]["heard_age_s"]
    words = ("noticed", "opened", "fenced", "accepted", "granted")
    by_stage = {word: float(stages[f"{word}_at"]) for word in words}
    return {"detection_limit": heard_at + SILENCE_LIMIT_S, **by_stage, **agent, "client": answered}


def _log_marks(lines: list[dict[str, Any]]) -> dict[str, float]:
    """When the agent ordered SERVE, and when its service was there, in epoch seconds."""
    served = next(line for line in lines if line["what"] == "order" and line["order"] == "SERVE")
    started = next(line for line in lines if line["what"] == "service" and line["state"] == "IN_SERVICE")
    return {"lease_read": served["at"], "service_start": started["at"]}


def _boottime_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def _throw_workers_away(cluster: Cluster) -> None:
    """The emulator drops the warm workers of a function whose timeout is set."""
    functions = cluster.aws.engine.client("lambda")
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if any(f"{step}Function" in function["FunctionName"] for step in STEPS):
                functions.update_function_configuration(
                    FunctionName=function["FunctionName"], Timeout=function["Timeout"]
                )


def _step_times(cluster: Cluster, execution: str) -> dict[str, list[float]]:
    """Seconds in each task of the workflow, in the order in which they came."""
    arn = f"{cluster.aws.stack.machine.replace(':stateMachine:', ':execution:')}:{execution}"
    history = cluster.aws.engine.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
    found: dict[str, list[float]] = {}
    entered: dict[str, float] = {}
    for event in history["events"]:
        if event["type"] == "TaskStateEntered":
            entered[event["stateEnteredEventDetails"]["name"]] = event["timestamp"].timestamp()
        elif event["type"] == "TaskStateExited":
            name = event["stateExitedEventDetails"]["name"]
            found.setdefault(name, []).append(round(event["timestamp"].timestamp() - entered[name], 3))
    return found
