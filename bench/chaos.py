"""AWS calls that go wrong in the middle of a transition: what is ordered, how it is run, what must hold in the end."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from local.client import Client, outages
from local.cluster import Cluster
from local.faults import Fault, FaultKind, FaultPlan
from local.waiting import wait_for

MOVE_LIMIT_S = 120.0
STANDBY_LIMIT_S = 60.0
REPAIR_LIMIT_S = 60.0

REFUSALS = 5
"""More than the attempts that any caller makes by itself (3, of Route 53 4): the step that asks has to fail or to wait."""
LOST_AFTER_S = 6.0
"""Above every caller's read limit (3 s, of Route 53 3 s): it has given up by then."""
SLOW_S = 1.5
"""Below every caller's read limit: each call is done, late."""

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
    "slow": f"every call of the transition is done {SLOW_S:g} s late",
}

# As quick as the timings' own rules allow with some air for a busy machine.
POLICY: dict[str, Any] = {
    "heartbeat_interval_s": 1,
    "lease_read_interval_s": 0.5,
    "kill_limit_s": 0.5,
    "lease_s": 5,
    "drift_margin_s": 1,
    "silence_limit_s": 7,
    "observer_lag_limit_s": 4,
    "max_failovers": {"count": 50, "window_s": 3600},
}
TUNING = {"ROUTE53_TTL": 1, "ROUTE53_RECORD_INTERVAL": 1, "ROUTE53_CHANGEID_INTERVAL": 1}


@dataclass(frozen=True)
class Target:
    """One AWS call of the workflow. `holding` tells it from the service's other uses of the operation.

    `by_failover`: a switchover does not make it.
    """

    title: str
    service: str
    operation: str
    holding: str = ""
    by_failover: bool = False


TARGETS = (
    Target("Route 53 ListResourceRecordSets", "route53", "ListResourceRecordSets"),
    Target("Route 53 ChangeResourceRecordSets", "route53", "ChangeResourceRecordSets"),
    Target("Route 53 GetChange", "route53", "GetChange"),
    Target("DynamoDB GetItem", "dynamodb", "GetItem"),
    Target("DynamoDB UpdateItem (state)", "dynamodb", "UpdateItem", '"revision"'),
    Target("DynamoDB UpdateItem (history)", "dynamodb", "UpdateItem", "history#"),
    Target("DynamoDB TransactWriteItems", "dynamodb", "TransactWriteItems"),
    Target("EventBridge PutEvents", "events", "PutEvents"),
    Target("Step Functions StartExecution", "stepfunctions", "StartExecution", by_failover=True),
    Target("EC2 DescribeInstances", "ec2", "DescribeInstances", by_failover=True),
)


@dataclass(frozen=True)
class Run:
    """What became of one transition. Times are seconds; `wrong` is empty when all ended as it must."""

    call: str
    fault: str
    action: str
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

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run(cluster: Cluster, client: Client, target: Target | None, fault: str) -> Run:
    """One switchover or failover with the fault ordered. `target` None: without any, to compare with."""
    by_failover = bool(target and target.by_failover) or fault == "failover"
    plan = cluster.aws.engine.function_proxies[target.service].faults if target else FaultPlan()
    source = cluster.node(cluster.active())
    epoch, began = cluster.state()["epoch"], time.monotonic()
    before = {e["executionArn"] for e in cluster.aws.stack.executions(cluster.name)}
    if target:
        plan.add(replace(FAULTS[fault], operation=target.operation, holding=target.holding))
    try:
        if by_failover:
            source.kill()
        else:
            cluster.aws.stack.start_transition(cluster.name)
        state = wait_for("it is moved and closed", lambda: _closed(cluster, epoch), MOVE_LIMIT_S, why=cluster.summary)
        closed_s, made = time.monotonic() - began, plan.made
    finally:
        plan.clear()
    active = cluster.active()
    wait_for(f"{active} answers the client", lambda: client.served_by(active), STANDBY_LIMIT_S)
    spent = [cluster.aws.stack.transition(cluster.name, number) for number in range(epoch + 1, state["epoch"] + 1)]
    if by_failover:
        source.boot()
    other = next(node for node in cluster.nodes if node.name != active)
    cluster.wait_standby(other.name, STANDBY_LIMIT_S)
    begun = [e for e in cluster.aws.stack.executions(cluster.name) if e["executionArn"] not in before]
    return Run(
        call=target.title if target else "none",
        fault=fault,
        action="failover" if by_failover else "switchover",
        made=made,
        outcomes=tuple(str(item.get("outcome", "SUPERSEDED")) for item in spent),
        steps_failed=sum(_failed_steps(cluster, e["executionArn"]) for e in begun),
        outage_s=round(max((o.seconds for o in outages(list(client.attempts)) if o.ended > began), default=0.0), 2),
        closed_s=round(closed_s, 2),
        wrong=tuple(_wrong(cluster, source.name, made if target else None)),
    )


def _closed(cluster: Cluster, epoch: int) -> dict[str, Any] | None:
    state = cluster.state()
    if state["epoch"] <= epoch or "transition" in state or not state.get("active"):
        return None
    in_service = state["nodes"][state["active"]].get("service") == "IN_SERVICE"
    closed = "outcome" in cluster.aws.stack.transition(cluster.name, state["epoch"])
    return state if in_service and closed and state["address"]["status"] == "IN_SYNC" else None


def _wrong(cluster: Cluster, source: str, made: int | None) -> list[str]:
    """Every sentence that ought not to be true."""
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


def words(found: Run) -> str:
    """One line for a person."""
    return json.dumps(found.as_json())
