"""The scenes of the demo: each makes something happen, waits for what must follow, and reports what was measured."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from local.client import Client, Outage, outages
from local.cluster import Cluster
from local.cut import Cut
from local.link import LinkState
from local.node import Node
from local.observer import Observer
from local.report import Unreportable, drift_report, restart_report, transition_report
from local.screen import Screen
from local.waiting import wait_for

FIRST, SECOND = "node-a", "node-b"
SERVICE = "app"

PLACED_LIMIT_S = 60.0
ANSWERED_LIMIT_S = 30.0
RESTART_LIMIT_S = 30.0
FAILOVER_LIMIT_S = 90.0
DRIFT_LIMIT_S = 60.0
STANDBY_LIMIT_S = 40.0
SWITCHOVER_LIMIT_S = 60.0
OUTAGE_S = 20.0
PEERS_LIMIT_S = 60.0
STOP_LIMIT_S = 13.0
"""The lease of 12 s, and a look more."""
BACK_LIMIT_S = 90.0


class SceneFailed(Exception):  # noqa: N818  (it reads as the sentence that the operator gets)
    """Something came otherwise than it must; the message says what."""


@dataclass(frozen=True)
class Clients:
    """Who uses the service: by its name, and by a load balancer where there is one."""

    by_name: Client
    balanced: Client | None = None


class Scenes:
    """What they have in common: the cluster, its clients, and where the story is printed."""

    def __init__(self, cluster: Cluster, clients: Clients, observer: Observer, screen: Screen, cut: Cut) -> None:
        self._cluster, self._client, self._balanced = cluster, clients.by_name, clients.balanced
        self._observer, self._screen, self._cut = observer, screen, cut

    def _chapter(self, text: str) -> None:
        self._observer.catch_up()  # what the previous scene did is printed before this one begins
        self._screen.chapter(text)

    def place(self) -> None:
        """The cluster is registered, and in service on the first node; the second one stands by."""
        self._chapter(f"Putting the definition of {self._cluster.name}, and starting {FIRST} and {SECOND}")
        self._cluster.register()
        self._cluster.boot()
        self._cluster.wait_settled(FIRST, PLACED_LIMIT_S)
        self._cluster.wait_standby(SECOND, STANDBY_LIMIT_S)
        self._wait_answered(FIRST)

    def restart_locally(self) -> dict[str, Any]:
        """The service dies on the active node, whose agent starts it again; the cluster does not move."""
        self._chapter(f"SIGKILL to the service on {FIRST}: its agent lives, and starts it again")
        cluster, node = self._cluster, self._cluster.node(FIRST)
        before, executions = cluster.state(), len(cluster.aws.stack.executions(cluster.name))
        pids, log_size = node.pids_of(SERVICE), node.log_size()
        mark, began = time.monotonic(), time.time()
        node.kill_service(SERVICE)
        agent = wait_for(
            "the agent restarts the service", lambda: _restart(node, log_size), RESTART_LIMIT_S, why=node.tail
        )
        reported_at = wait_for(
            "a beat says so", lambda: self._reported_after(agent["beat_ms"]), RESTART_LIMIT_S, why=node.tail
        )
        wait_for(f"{FIRST} answers", lambda: self._client.served_by(FIRST, since=mark), ANSWERED_LIMIT_S)
        self._demand_unmoved(before, executions)
        after = node.pids_of(SERVICE)
        if not after or set(after) & set(pids):
            raise SceneFailed(f"the service on {FIRST} was not restarted: processes {pids} before and {after} after")
        times = {"found_dead": agent["found_dead"], "in_service": agent["in_service"], "told": reported_at}
        facts = {"node": FIRST, "service": SERVICE, "epoch": before["epoch"], "processes": [*pids, *after]}
        return restart_report(times, began, self._outage(mark, FIRST), self._client.attempts) | facts

    def outlast(self) -> dict[str, Any]:
        """All of AWS is gone: the active node goes on by the promises of the other one, and nothing moves."""
        self._chapter(f"All of AWS's APIs are gone for {OUTAGE_S:.0f} s: {FIRST} goes on by a promise of {SECOND}")
        cluster = self._cluster
        wait_for("the nodes answer each other", cluster.answer_each_other, PEERS_LIMIT_S, why=cluster.summary)
        before, executions = cluster.state(), len(cluster.aws.stack.executions(cluster.name))
        mark = time.monotonic()
        with self._cut.outage(LinkState.SHUT):
            wait_for("the outage is over", lambda: time.monotonic() - mark >= OUTAGE_S, OUTAGE_S + 10)
            tried = [attempt for attempt in list(self._client.attempts) if attempt.at >= mark]
        self._cut.turn(LinkState.OPEN)
        self._wait_heard()
        self._demand_unmoved(before, executions)
        failed = [attempt for attempt in tried if attempt.node != FIRST]
        if failed:
            raise SceneFailed(f"{len(failed)} of {len(tried)} requests failed without AWS: {failed[0].error}")
        return {"lasted_s": OUTAGE_S, "requests": len(tried), "failed": 0, "epoch": before["epoch"]}

    def stop_without_peers(self) -> dict[str, Any]:
        """AWS and the peers are gone: the active node stops within its lease, and one serves again afterwards."""
        self._chapter(f"AWS is gone, and {SECOND} out of reach: {FIRST} stops when its lease ends")
        cluster, node = self._cluster, self._cluster.node(FIRST)
        wait_for("the nodes answer each other", cluster.answer_each_other, PEERS_LIMIT_S, why=cluster.summary)
        with self._cut.outage(LinkState.SHUT):
            self._cut.part()
            began = time.monotonic()
            wait_for(f"{FIRST} has stopped", lambda: not node.pids_of(SERVICE), STOP_LIMIT_S, why=node.tail)
            stopped_s = time.monotonic() - began
        self._cut.part(parted=False)
        self._cut.turn(LinkState.OPEN)
        mark = time.monotonic()
        served = wait_for("the service is back", lambda: self._served_since(mark), BACK_LIMIT_S, why=cluster.summary)
        return {"stopped_s": round(stopped_s, 1), "back_s": round(time.monotonic() - mark, 1), "back_on": served}

    def _wait_heard(self) -> None:
        before = {node.name: self._cluster.beats(node.name)["beat"] for node in self._cluster.nodes}
        wait_for(
            "both nodes are heard",
            lambda: all(self._cluster.beats(name)["beat"] > beat for name, beat in before.items()),
            BACK_LIMIT_S,
            why=self._cluster.summary,
        )

    def _served_since(self, mark: float) -> str:
        last = self._client.last()
        return last.node if last is not None and last.at >= mark else ""

    def _reported_after(self, beat_ms: int) -> float | None:
        """When the table was seen to hold a later beat that says in service; None as long as it does not."""
        beats = self._cluster.beats(FIRST)
        return time.time() if beats["beat"] >= beat_ms and beats["service"] == "IN_SERVICE" else None

    def _demand_unmoved(self, before: dict[str, Any], executions: int) -> None:
        cluster = self._cluster
        state, started = cluster.state(), len(cluster.aws.stack.executions(cluster.name)) - executions
        for key in ("epoch", "active", "transition"):
            if state.get(key) != before.get(key):
                raise SceneFailed(f"the restart changed {key} from {before.get(key)} to {state.get(key)}")
        if started:
            raise SceneFailed(f"the restart started {started} executions of the workflow")

    def fail_over(self) -> dict[str, Any]:
        """The active node dies, and the name follows to the other one."""
        self._chapter(f"SIGKILL to {FIRST}: agent and service are gone at once")
        epoch, mark, began = self._cluster.state()["epoch"], time.monotonic(), time.time()
        self._cluster.node(FIRST).kill()
        settled = self._cluster.wait_settled(SECOND, FAILOVER_LIMIT_S, above_epoch=epoch)
        return self._moved(settled["epoch"], mark, began, SECOND)

    def come_back(self) -> None:
        """The dead node is switched on again, and serves nothing."""
        self._chapter(f"{FIRST} is switched on again, and stands by")
        self._cluster.node(FIRST).boot()
        self._cluster.wait_standby(FIRST, STANDBY_LIMIT_S)

    def put_right(self) -> dict[str, Any]:
        """A person points the record at the node that used to serve; the watch finds it, and it is put right."""
        cluster, stack, wrong = self._cluster, self._cluster.aws.stack, self._cluster.node(FIRST).instance.address
        self._chapter(f"Somebody sets {cluster.record} to {wrong} by hand: {FIRST}, where nothing serves")
        before, pids = cluster.state(), cluster.node(SECOND).pids_of(SERVICE)
        mark, began = time.monotonic(), time.time()
        self._set_by_hand(wrong)
        wait_for("the client is led astray", lambda: self._is_astray(wrong), ANSWERED_LIMIT_S, interval_s=0.02)
        self._screen.say("the watch is run now; by itself it looks once a minute")
        stack.watch()
        settled = cluster.wait_settled(SECOND, DRIFT_LIMIT_S, above_epoch=before["epoch"])
        self._wait_answered(SECOND)
        if cluster.node(SECOND).pids_of(SERVICE) != pids:
            raise SceneFailed(f"the service on {SECOND} was disturbed when the record was put right")
        found, repair = (stack.transition(cluster.name, each["epoch"]) for each in (before, settled))
        return drift_report(found, repair, began, self._outage(mark, SECOND), self._client.attempts)

    def _set_by_hand(self, address: str) -> None:
        """In effect at once, so that the client is led astray also when the watch's own minute is just then."""
        cluster, propagation = self._cluster, self._cluster.aws.engine.proxy.propagation
        usual, propagation.delay_s = propagation.delay_s, 0.0
        try:
            cluster.aws.world.set_record(cluster.record, address, cluster.tuning["ROUTE53_TTL"])
        finally:
            propagation.delay_s = usual

    def _is_astray(self, wrong: str) -> bool:
        last = self._client.last()
        return last is not None and last.address == wrong and not last.node

    def switch_back(self) -> dict[str, Any]:
        """An operator asks for a switchover with nothing but the cluster's name."""
        cluster, stack = self._cluster, self._cluster.aws.stack
        self._chapter(f'StartExecution {{"cluster": "{cluster.name}"}}: a planned switchover')
        epoch, mark, began = cluster.state()["epoch"], time.monotonic(), time.time()
        execution = stack.start_transition(cluster.name)
        wait_for(
            "the switchover's execution ends",
            lambda: stack.execution(execution)["status"] != "RUNNING",
            SWITCHOVER_LIMIT_S,
            why=cluster.summary,
        )
        ended = stack.execution(execution)
        if ended["status"] != "SUCCEEDED":
            raise SceneFailed(f"the switchover ended {ended['status']}: {ended.get('cause', 'no cause given')}")
        settled = cluster.wait_settled(FIRST, SWITCHOVER_LIMIT_S, above_epoch=epoch)
        return self._moved(settled["epoch"], mark, began, FIRST)

    def _moved(self, epoch: int, mark: float, began: float, to_node: str) -> dict[str, Any]:
        self._wait_answered(to_node)
        history = self._cluster.aws.stack.transition(self._cluster.name, epoch)
        told = transition_report(history, began, self._outage(mark, to_node), self._client.attempts)
        return told | self._moved_balanced(mark, to_node)

    def _moved_balanced(self, mark: float, to_node: str) -> dict[str, Any]:
        """For how long the client behind the load balancer was without an answer; nothing where there is none."""
        client = self._balanced
        if client is None:
            return {}
        wait_for(f"the load balancer leads to {to_node}", lambda: client.served_by(to_node, mark), ANSWERED_LIMIT_S)
        return {"balanced_outage_s": round(longest(client, mark, to_node).seconds, 3)}

    def _wait_answered(self, node: str) -> None:
        wait_for(f"the client is answered by {node}", lambda: self._client.served_by(node), ANSWERED_LIMIT_S)

    def _outage(self, mark: float, to_node: str) -> Outage:
        return longest(self._client, mark, to_node)


def longest(client: Client, mark: float, to_node: str) -> Outage:
    """The longest outage that ended after `mark` (monotonic seconds) with an answer of the node."""
    found = [o for o in outages(list(client.attempts)) if o.ended > mark and o.to_node == to_node]
    if not found:
        raise Unreportable(f"the client saw no outage that ended on {to_node}")
    return max(found, key=lambda outage: outage.seconds)


def _restart(node: Node, since: int) -> dict[str, Any] | None:
    """When the agent found the service dead, and when in service again; None as long as it is not.

    `beat_ms`: beats of that number and above know of it (beats are numbered by the agent's clock).
    """
    states = [line for line in node.logged(since) if line["what"] == "service" and line["service"] == SERVICE]
    dead = next((line for line in states if line["state"] == "FAILED"), None)
    back = next((line for line in states if line["state"] == "IN_SERVICE"), None)
    if dead is None or back is None:
        return None
    return {"found_dead": dead["at"], "in_service": back["at"], "beat_ms": back["at_ms"]}
