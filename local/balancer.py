"""HAProxy in front of the nodes of a cluster, set up as the agent's README says: it asks each of them for /serving."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from local.cluster import Cluster
from local.node import Node
from local.processes import Child, clean_environment, free_port, start
from local.waiting import wait_for

PROGRAM = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or ""
"""Empty where it is not installed."""
HTTP_PORT = 7411
ASKS_EVERY_S, THRESHOLD, CHECK_LIMIT_S = 0.5, 2, 1.0
INTERVAL_S = ASKS_EVERY_S * THRESHOLD + CHECK_LIMIT_S
"""For how long it goes by one answer: the agents' `[http] interval_s`."""
READY_LIMIT_S = 20.0
NOBODY = "<NOSRV>"
HANDED = "handed"


@dataclass(frozen=True)
class Handed:
    """A connection that was handed to a node, and when the client's came (seconds since the epoch)."""

    at: float
    node: str


def let_answer(nodes: Sequence[Node]) -> None:
    """The nodes, which have not booted yet, answer at HTTP_PORT of their own address."""
    for node in nodes:
        node.http_port, node.http_interval_s = HTTP_PORT, INTERVAL_S


class Balancer:
    """Listens on `port` of the loopback address from `with` on."""

    def __init__(self, cluster: Cluster) -> None:
        self.port = free_port()
        self._cluster, self._engine = cluster, cluster.aws.engine
        self._directory = self._engine.directory / "balancers" / cluster.name
        self._log = self._directory / "haproxy.log"
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "haproxy.cfg"
        config.write_text("\n".join(self._configuration()) + "\n")
        env = clean_environment(self._engine.run, self._directory)
        program = [PROGRAM, "-db", "-f", str(config)]
        self._child = start("haproxy", program, env=env, log=self._log, cwd=self._directory)
        wait_for("haproxy has asked every node", self._has_asked, READY_LIMIT_S, why=self._child.tail)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child:
            self._child.stop(1.0)

    def _has_asked(self) -> bool:
        """Whether it has found out who does not serve: until then it takes every node for one that does."""
        found = self._log.read_text(errors="replace")
        return sum(f"/{node.name} is DOWN" in found for node in self._cluster.nodes) >= len(self._cluster.nodes) - 1

    def handed(self) -> list[Handed]:
        """The connections that have ended so far, but for those that it handed to nobody."""
        lines = [line.split() for line in self._log.read_text(errors="replace").splitlines()]
        found = [line for line in lines if len(line) == 3 and line[0] == HANDED]
        return [Handed(float(at), node) for _, at, node in found if node != NOBODY]

    def _configuration(self) -> list[str]:
        asks = f"check port {HTTP_PORT} inter {ASKS_EVERY_S * 1000:.0f}ms fall {THRESHOLD} rise {THRESHOLD}"
        port = f"{self._cluster.port} {asks} on-marked-down shutdown-sessions"
        return [
            "global",
            "    log stdout format raw local0 info",
            "defaults",
            "    mode tcp",
            "    log global",
            f'    log-format "{HANDED} %Ts.%ms %s"',
            "    timeout connect 500ms",
            "    timeout client 2s",
            "    timeout server 2s",
            f"    timeout check {CHECK_LIMIT_S * 1000:.0f}ms",
            "    retries 0",
            "listen service",
            f"    bind 127.0.0.1:{self.port}",
            "    option httpchk GET /serving",
            "    http-check expect status 200",
            *(f"    server {node.name} {node.instance.address}:{port}" for node in self._cluster.nodes),
        ]
