"""What `make state` says: where everything answers, and how the nodes and the service are."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from local.client import Client
from local.cluster import Cluster
from local.observer import NodeView, View, look
from local.up.place import Place
from local.up.playground import Playground
from local.up.ports import PortBlock

_INDENT = 10
LOSS_COUNTS_SILENCES = 4
"""For how many times `silence_limit_s` the controller doubts a silence after a beat was lost."""


@dataclass(frozen=True)
class Machine:
    """One node as the one who plays has left it. `state`: on, off or frozen."""

    az: str
    state: str
    is_cut: bool


class Reporter:
    """Sees everything anew each time."""

    def __init__(self, place: Place, ports: PortBlock, cluster: Cluster, playground: Playground) -> None:
        self._place, self._ports, self._cluster, self._playground = place, ports, cluster, playground
        self._since = time.strftime("%H:%M:%S")

    def lines(self) -> list[str]:
        cluster, is_out = self._cluster, self._playground.is_out
        table = {} if is_out else cluster.state()
        client = Client(cluster.aws.dns.port, cluster.record, cluster.port)  # a new one has no old answer of DNS
        view = look(cluster, table, client.attempt())
        machines = {
            node.name: Machine(
                node.instance.az, self._playground.machine(node.name), self._playground.is_cut(node.name)
            )
            for node in cluster.nodes
        }
        head = f"Up since {self._since} (process {os.getpid()}). Logs are in {self._place.folder}."
        return [
            head,
            *where(self._ports, is_out=is_out),
            _line("name", f"{cluster.record} is {view.dns or 'nothing'}"),
            _line("service", f"port {cluster.port} there is answered by {view.client}"),
            _line("cluster", f"{cluster.name}: {situation(view, table.get('alert', ''), is_out=is_out)}"),
            *(_line("doubt", words) for words in doubts(table, time.time())),
            *(_line(node.name, condition(node, machines[node.name], view, is_out=is_out)) for node in view.nodes),
        ]


def where(ports: PortBlock, *, is_out: bool) -> list[str]:
    """The addresses of what answers."""
    here = "http://127.0.0.1"
    aws = f"{here}:{ports.aws}, EC2 on {ports.ec2}, Route 53 on {ports.route53}"
    return [
        _line("AWS", "gone. To bring it back: make end-outage" if is_out else aws),
        _line("DNS", f"127.0.0.1, port {ports.dns}"),
        _line("board", f"{here}:{ports.board}/"),
    ]


def situation(view: View, alert: str, *, is_out: bool) -> str:
    """One line about the cluster, from the table. `alert`: why a person is called, empty when nobody is."""
    if is_out:
        return "not known while AWS is gone"
    stage = f"a move is under way ({view.stage}, by rule {view.rule})" if view.stage else "no move is under way"
    called = f"; a person is called: {alert} (docs/on-call.md)" if alert else ""
    return f"epoch {view.epoch}, active {view.active or 'nobody'}, {stage}{called}"


def doubts(table: dict[str, Any], now: float) -> list[str]:
    """Why no silence is believed now, if that is so. `table`: the state item, `now`: in epoch seconds."""
    silence_s = table.get("terms", {}).get("silence_limit_s", 0)
    bounds = (("late_at", "late", silence_s), ("lost_at", "lost", LOSS_COUNTS_SILENCES * silence_s))
    seen = [
        (until, f"a beat was {word} {now - at:.0f} s ago; no silence is believed for {until - now:.0f} s more")
        for node in table.get("nodes", {}).values()
        for key, word, counts_s in bounds
        if (at := node.get(key, 0)) and (until := at + counts_s) > now
    ]
    return [max(seen)[1]] if seen else []


def condition(node: NodeView, machine: Machine, view: View, *, is_out: bool) -> str:
    """One line about a node: its machine as it is, and what the table says of it."""
    words = [machine.state, *(["cut off"] if machine.is_cut else [])]
    if not is_out:
        said = "never heard" if node.heard_s_ago is None else f"said {node.service} {node.heard_s_ago} s ago"
        words += [*(["active"] if node.name == view.active else []), said]
    return f"{node.address} in {machine.az}: {', '.join(words)}"


def _line(name: str, text: str) -> str:
    return f"  {name:<{_INDENT}}{text}"
