"""HAProxy at the hub: what it asks the nodes differs, how often it asks is the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from local.balancer import ASKS_EVERY_S, CHECK_LIMIT_S, PROGRAM, THRESHOLD
from local.helper import Helper
from local.processes import Child, clean_environment, start
from tests.nodes.machine import Machine
from tests.nodes.networks import HUB_ADDRESS, Hub


class Balancer(Helper):
    """Listens at the hub from `with` on, and hands on to the node that answers 200 at `path`.

    `ports`: where it listens, where the nodes serve, and where they are asked.
    """

    def __init__(
        self, hub: Hub, machines: Sequence[Machine], ports: tuple[int, int, int], path: str, directory: Path
    ) -> None:
        super().__init__("haproxy")
        self.port, self._target_port, self._asked_port = ports
        self._hub, self._machines, self._path, self._directory = hub, machines, path, directory
        self._child: Child | None = None

    def _run(self) -> None:
        """The thread lives as long as the program that it has started."""
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / f"haproxy-{self.port}.cfg"
        config.write_text("\n".join(self._configuration()) + "\n")
        program = ["nsenter", f"--net={self._hub.path}", PROGRAM, "-db", "-f", str(config)]
        env = clean_environment("peers", self._directory)
        self._child = start("haproxy", program, env=env, log=self._directory / f"haproxy-{self.port}.log")
        self._child.popen.wait()

    def _end(self) -> None:
        if self._child:
            self._child.stop(1.0)

    def _configuration(self) -> list[str]:
        asks = f"check port {self._asked_port} inter {ASKS_EVERY_S * 1000:.0f}ms fall {THRESHOLD} rise {THRESHOLD}"
        asks = f"{asks} on-marked-down shutdown-sessions"
        return [
            "defaults",
            "    mode tcp",
            "    timeout connect 500ms",
            "    timeout client 1h",
            "    timeout server 1h",
            f"    timeout check {CHECK_LIMIT_S * 1000:.0f}ms",
            "    retries 0",
            "listen service",
            f"    bind {HUB_ADDRESS}:{self.port}",
            f"    option httpchk GET {self._path}",
            "    http-check expect status 200",
            *(f"    server {machine.name} {machine.address}:{self._target_port} {asks}" for machine in self._machines),
        ]
