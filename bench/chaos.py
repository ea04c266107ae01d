"""AWS calls that go wrong in the middle of a transition: what is ordered, how it is run, what must hold in the end."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, replace
from typing import Any

from bench import live
from local.client import Client, outages
from local.cluster import Cluster
from local.faults import Fault, FaultKind, FaultPlan
from local.node import Node
from local.waiting import wait_for

MOVE_LIMIT_S = 120.0
STANDBY_LIMIT_S = 60.0
NO_FAULT = "none"

REFUSALS = 5
"""More than any caller's own attempts (3, of Route 53 4): whoever asks has to fail, or to wait and ask again."""
LOST_AFTER_S = 6.0
"""Above every caller's read limit (3 s): it has given up by then."""
SLOW_S = 0.5
"""Below it, and below heartbeat_interval_s: each call is done, late. See docs/reliability.md for slower ones."""

FAULTS = {
    "throttled": Fault(FaultKind.THROTTLED, times=REFUSALS),
    "unavailable": Fault(FaultKind.UNAVAILABLE, times=REFUSALS),
    "done, answer lost": Fault(FaultKind.LOST_ANSWER, delay_s=LOST_AFTER_S),
    "slow": Fault(FaultKind.DELAYED, times=None, delay_s=SLOW_S),
}
MEANINGS = {
    "throttled": f"the next {REFUSALS} calls are refused by the service's own throttling error",
    "unavailable": f"the next {REFUSALS} calls are refused with 503",
    "done, answer lost": f"the next call is done, but its answer does not come: the caller's limit runs out first "
    f"({LOST_AFTER_S:g} s and 500)",
    "slow": f"every such call is done {SLOW_S:g} s late",
}

# As quick as the timings' own rules allow with some air for a busy machine.
POLICY: dict[str, Any] = {
    "heartbeat_interval_s": 1,
    "lease_read_interval_s": 0.5,
    "kill_limit_s": 0.5,
    "lease_s": 5,
    "drift_margin_s": 2,
    "silence_limit_s": 8,
    "observer_lag_limit_s": 4,
    "max_failovers": {"count": 50, "window_s": 3600},
}
TUNING = {"ROUTE53_TTL": 1, "ROUTE53_RECORD_INTERVAL": 1, "ROUTE53_CHANGEID_INTERVAL": 1}


class Cause(enum.Enum):
    """What makes the service move."""

    SWITCHOVER = "switchover"  # an operator asks
    FAILOVER = "failover"  # the active node dies
    STOPPED = "stopped by EC2"  # it dies, and EC2 says so: then EC2 is asked for the proof


@dataclass(frozen=True)
class Target:
    """One AWS call of the functions, and the quickest cause that makes them call it."""

    service: str
    operation: str
    purpose: str
    cause: Cause = Cause.SWITCHOVER

    @property
    def title(self) -> str:
        return f"{SERVICES[self.service]} {self.operation}"


SERVICES = {
    "route53": "Route 53",
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "stepfunctions": "Step Functions",
    "ec2": "EC2",
}
TARGETS = (
    Target("route53", "ListResourceRecordSets", "see what the record and the guard say"),
    Target("route53", "ChangeResourceRecordSets", "move the record"),
    Target("route53", "GetChange", "confirm the change"),
    Target("dynamodb", "GetItem", "read the state, in every step"),
    Target("dynamodb", "TransactWriteItems", "write a step's result with its history, in every step"),
    Target("dynamodb", "UpdateItem", "record the nodes' beats"),
    Target("events", "PutEvents", "tell people"),
    Target("stepfunctions", "StartExecution", "begin a transition by itself", Cause.FAILOVER),
    Target("ec2", "DescribeInstances", "ask for the proof STOPPED", Cause.STOPPED),
)


@dataclass(frozen=True)
class Run:
    """What became of one transition. Times are seconds; `wrong` is empty when all ended as it must."""

    call: str
    fault: str
    cause: str
    made: int
    """Calls that got the fault."""
    outcomes: tuple[str, ...]
    """One for each epoch spent."""
    steps_failed: int
    """Invocations of a step that failed and were made again by the workflow."""
    outage_s: float
    closed_s: float
    """From the request, or from the death of the node, until the last transition was closed."""
    wrong: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.call or self.cause}, {self.fault}"


def run(cluster: Cluster, client: Client, cause: Cause, target: Target | None = None, fault: str = NO_FAULT) -> Run:
    """Move the service once, with the fault ordered for the target's call. Without target: to compare with.

    Raises NotInTime when it is not moved and closed, or the other node is no standby again, within the limits.
    """
    stack, plan = cluster.aws.stack, FaultPlan()
    source, epoch, known = cluster.node(cluster.active()), cluster.state()["epoch"], _executions(cluster)
    if target:
        plan = cluster.aws.engine.function_proxies[target.service].faults
        plan.add(replace(FAULTS[fault], operation=target.operation))
    began = time.monotonic()
    try:
        _bring_about(cluster, source, cause)
        state = wait_for("it is moved and closed", lambda: _closed(cluster, epoch), MOVE_LIMIT_S, why=cluster.summary)
        closed_s = time.monotonic() - began
        # That it has ended is told after it was written down: the calls are counted when the execution is over.
        wait_for("its executions have ended", lambda: not _running(cluster), MOVE_LIMIT_S)
        made = plan.made
    finally:
        plan.clear()
    active = cluster.active()
    wait_for(f"{active} answers the client", lambda: client.served_by(active), STANDBY_LIMIT_S)
    wrong = wrong_now(cluster, source.name, made if target else None)
    _bring_back(cluster, source, cause)
    spent = [stack.transition(cluster.name, number) for number in range(epoch + 1, state["epoch"] + 1)]
    return Run(
        call=target.title if target else "",
        fault=fault,
        cause=cause.value,
        made=made,
        outcomes=tuple(str(item.get("outcome", "SUPERSEDED")) for item in spent),
        steps_failed=sum(_failed_steps(cluster, arn) for arn in _executions(cluster) - known),
        outage_s=round(max((o.seconds for o in outages(list(client.attempts)) if o.ended > began), default=0.0), 2),
        closed_s=round(closed_s, 2),
        wrong=tuple(wrong),
    )


def _bring_about(cluster: Cluster, active: Node, cause: Cause) -> None:
    if cause is Cause.SWITCHOVER:
        cluster.aws.stack.start_transition(cluster.name)
        return
    active.kill()
    if cause is Cause.STOPPED:
        cluster.aws.world.stop(active.instance)
        cluster.aws.stack.publish_instance_state(active.instance.instance_id, "stopping")


def _bring_back(cluster: Cluster, node: Node, cause: Cause) -> None:
    """The node that was left is a standby again, and a witness: a silence is believed from such a one only."""
    if cause is Cause.STOPPED:
        cluster.aws.engine.client("ec2").start_instances(InstanceIds=[node.instance.instance_id])
    if cause is not Cause.SWITCHOVER:
        node.boot()
    cluster.wait_standby(node.name, STANDBY_LIMIT_S)
    wait_for(
        f"{node.name} is heard without a gap", lambda: live.is_heard_without_gap(cluster, node.name), STANDBY_LIMIT_S
    )


def _executions(cluster: Cluster) -> set[str]:
    return {str(e["executionArn"]) for e in cluster.aws.stack.executions(cluster.name)}


def _running(cluster: Cluster) -> list[str]:
    return [str(e["name"]) for e in cluster.aws.stack.executions(cluster.name) if e["status"] == "RUNNING"]


def _closed(cluster: Cluster, epoch: int) -> dict[str, Any] | None:
    state = cluster.state()
    if state["epoch"] <= epoch or "transition" in state or not state.get("active"):
        return None
    in_service = state["nodes"][state["active"]].get("service") == "IN_SERVICE"
    closed = "outcome" in cluster.aws.stack.transition(cluster.name, state["epoch"])
    return state if in_service and closed and state["address"]["status"] == "IN_SYNC" else None


def wrong_now(cluster: Cluster, source: str, made: int | None) -> list[str]:
    """What ought not to be so after a move away from `source`; `made` None: no fault was ordered."""
    active, found = cluster.active(), []
    if made == 0:
        found.append("the call was never made: nothing was tried")
    if active == source:
        found.append(f"the service is still on {source}")
    serving = [node.name for node in cluster.nodes if any(node.pids_of(p.name) for p in node.programs)]
    if serving != [active]:
        found.append(f"{active} holds the lease, and the service runs on {serving}")
    if cluster.served_address() != cluster.node(active).instance.address:
        found.append(f"the record leads to {cluster.served_address() or 'nothing'}, not to {active}")
    return found


def _failed_steps(cluster: Cluster, arn: str) -> int:
    history = cluster.aws.engine.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
    return sum(event["type"] in ("TaskFailed", "LambdaFunctionFailed", "TaskTimedOut") for event in history["events"])
