"""Watches a cluster from outside while a story is told: the table, DNS and the client, several times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.client import Attempt, Client
from local.cluster import Cluster
from local.repeated import Repeated
from local.waiting import wait_for

LOOK_EVERY_S = 0.25
LOOK_LIMIT_S = 5.0
CATCH_UP_LIMIT_S = 30.0


@dataclass(frozen=True)
class NodeView:
    name: str
    address: str
    machine: str  # on or off
    service: str
    heard_s_ago: int | None
    read_epoch: int


@dataclass(frozen=True)
class View:
    """What could be seen at one moment. Empty text means: nothing, nobody."""

    epoch: int = 0
    active: str = ""
    stage: str = ""
    rule: str = ""
    dns: str = ""
    client: str = ""
    nodes: tuple[NodeView, ...] = field(default=())


class Observer(Repeated):
    """Looks from `with` on. `on_change` gets a sentence for everything that is different from the look before."""

    def __init__(self, cluster: Cluster, client: Client, on_change: Callable[[str], None]) -> None:
        super().__init__("observer", LOOK_LIMIT_S)
        self.view = View()
        self._looks = 0
        self._cluster, self._client, self._on_change = cluster, client, on_change

    def catch_up(self) -> None:
        """Wait until everything has been printed that could be seen when this was called."""
        wanted = self._looks + 2  # the one under way may have begun before
        wait_for("the observer looks", lambda: self._looks >= wanted, CATCH_UP_LIMIT_S, interval_s=0.02)

    def _turn(self) -> float:
        try:
            seen = look(self._cluster, self._cluster.state(), self._client.last())
        except (BotoCoreError, ClientError) as error:
            self._on_change(f"the table cannot be read: {error}")
        else:
            for sentence in differences(self.view, seen):
                self._on_change(sentence)
            self.view = seen
        self._looks += 1
        return LOOK_EVERY_S


def look(cluster: Cluster, state: dict[str, Any], last: Attempt | None) -> View:
    """`state`: what the table says, empty when it was not read. `last`: the client's newest attempt."""
    reports = state.get("nodes", {})
    transition = state.get("transition", {})
    names = {node.instance.address: node.name for node in cluster.nodes}
    address = cluster.served_address()
    return View(
        epoch=state.get("epoch", 0),
        active=reports.get(state.get("active"), {}).get("name", ""),
        stage=transition.get("stage", ""),
        rule=transition.get("rule", ""),
        dns=f"{address} ({names.get(address, 'no node')})" if address else "",
        client=(last.node or f"nobody ({last.error.partition(':')[0]})") if last else "",
        nodes=tuple(
            _node_view(node.name, node.instance.address, node.running(), reports.get(node.instance.instance_id))
            for node in cluster.nodes
        ),
    )


def _node_view(name: str, address: str, running: bool, report: dict[str, Any] | None) -> NodeView:
    heard_at = (report or {}).get("heard_at")
    return NodeView(
        name=name,
        address=address,
        machine="on" if running else "off",
        service=(report or {}).get("service", "") if heard_at else "",
        heard_s_ago=max(0, int(time.time()) - int(heard_at)) if heard_at else None,
        read_epoch=(report or {}).get("read_epoch", 0),
    )


def differences(before: View, after: View) -> list[str]:
    """What changed, as sentences in the order in which a reader wants them."""
    lines = []
    if after.epoch != before.epoch:
        lines.append(f"epoch {after.epoch}: a transition is open, by rule {after.rule or '(closed already)'}")
    if after.stage != before.stage:
        lines.append(f"workflow: {after.stage or 'closed'}")
    if after.active != before.active:
        lines.append(f"lease: {after.active or 'nobody'}")
    services = {node.name: node.service for node in before.nodes}
    lines += [
        f"{node.name} reports its service {node.service}"
        for node in after.nodes
        if node.service and node.service != services.get(node.name)
    ]
    if after.dns != before.dns:
        lines.append(f"DNS answers {after.dns or 'nothing'}")
    if after.client != before.client:
        lines.append(f"the client is answered by {after.client or 'nobody'}")
    return lines
