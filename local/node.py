"""A node of the embedded AWS: the real agent as a process, with real services on an address of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.engine import REGION, Engine
from local.processes import Child, command_of, kill_marked, marked, signal_marked, start
from local.sam import ROOT
from local.stack import Stack
from local.waiting import NotInTime
from local.world import Instance

NODE_MARK = "UNDERSTUDY_LOCAL_NODE"
_STOP_LIMIT_S = 5.0


@dataclass(frozen=True)
class Program:
    """A service of the node. `command` empty: the TCP service of this package, on `port`.

    `section`: the lines of its section in the agent's configuration, for one that is no process of the agent's.
    """

    name: str
    port: int
    depends_on: tuple[str, ...] = ()
    command: tuple[str, ...] = field(default=())
    section: tuple[str, ...] = field(default=())


_KERNELS_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Node:
    """One machine and what runs on it. Off until `boot` is called."""

    def __init__(
        self,
        engine: Engine,
        stack: Stack,
        cluster: str,
        instance: Instance,
        programs: Sequence[Program],
        keys: Mapping[str, str],
    ) -> None:
        self.instance, self.programs = instance, list(programs)
        self._engine, self._stack, self._cluster, self._keys = engine, stack, cluster, keys
        self._directory = engine.directory / "nodes" / instance.instance_id
        self._log = self._directory / "agent.log"
        self._agent: Child | None = None
        self.boot_id = ""
        """As its beats say it: the kernel's word, which all machines share here, and the configured one."""
        self.failsafe_key = ""
        """Shared with the other nodes, in a file; "" : the one that registration has made."""
        self.failsafe_key_parameter = ""
        """The name of a parameter of its own that holds it, instead."""
        self.failsafe_port = 7411
        """Where it hears other nodes, and where it expects to be heard by them."""
        self.http_port, self.http_interval_s = 0, 2.0
        """Where its agent answers HTTP on its own address, and for how long an asker goes by an answer; 0: nowhere."""
        self.endpoint = ""
        """Its own link to AWS (but not to EC2); "" : directly."""

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def mark(self) -> str:
        """The environment entry that everything on this machine carries."""
        return f"{NODE_MARK}={self.instance.instance_id}"

    def boot(self) -> None:
        """Switch the machine on: a new boot id, nothing left of what an earlier boot kept in /run."""
        shutil.rmtree(self._directory / "run", ignore_errors=True)
        (self._directory / "run").mkdir(parents=True)
        config = self._directory / "agent.ini"
        if self.failsafe_key:
            self._key_file.write_text(self.failsafe_key + "\n")
            self._key_file.chmod(0o600)
        boot = str(uuid.uuid4())
        self.boot_id = f"{_KERNELS_BOOT_ID.read_text(encoding='ascii')[:8]}-{boot}"
        config.write_text(self._configuration(boot))
        env = self._engine.environment(f"nodes/{self.instance.instance_id}")
        env |= {"PYTHONPATH": f"{ROOT / 'agent'}:{ROOT}", NODE_MARK: self.instance.instance_id}
        env |= self._keys
        if self.endpoint:
            env["AWS_ENDPOINT_URL"] = self.endpoint
        program = [sys.executable, "-m", "understudy_agent", "run", "--config", str(config)]
        self._agent = start(f"agent of {self.name}", program, env=env, log=self._log, cwd=self._directory)

    def kill(self) -> None:
        """The whole machine dies at once: SIGKILL to the agent and to what it runs."""
        kill_marked(self.mark)
        if self._agent is not None:
            self._agent.popen.wait(_STOP_LIMIT_S)

    def freeze(self) -> None:
        """The whole machine stands still, as a virtual machine does that its host does not run."""
        signal_marked(self.mark, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it stood; the clock went on meanwhile."""
        signal_marked(self.mark, signal.SIGCONT)

    def kill_service(self, name: str) -> None:
        """SIGKILL to the process of one service; the agent lives on."""
        for pid in self.pids_of(name):
            os.kill(pid, signal.SIGKILL)

    def pids_of(self, name: str) -> list[int]:
        """The process of one service, found by its port; none while it is down."""
        port = next(program.port for program in self.programs if program.name == name)
        return [pid for pid in marked(self.mark) if command_of(pid)[-1:] == [str(port)]]

    def logged(self, since: int = 0) -> list[dict[str, Any]]:
        """The lines of the agent's log after its first `since` bytes; `at` is their `at_ms` in epoch seconds."""
        to_wall = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        complete = self._log.read_bytes()[since:].rpartition(b"\n")[0]
        lines = [json.loads(line) for line in complete.splitlines() if line.startswith(b"{")]
        return [line | {"at": line["at_ms"] / 1000 + to_wall} if "at_ms" in line else line for line in lines]

    def log_size(self) -> int:
        """Bytes in the agent's log so far."""
        return self._log.stat().st_size

    def tail(self, lines: int = 30) -> str:
        """The end of the agent's log."""
        return self._agent.tail(lines) if self._agent else "never started"

    def demand_running(self) -> None:
        """Raises NotInTime with the end of the agent's log when the agent ended by itself."""
        if self._agent is not None and not self._agent.running() and self._agent.popen.returncode >= 0:
            raise NotInTime(f"{self._agent.name} ended by itself:\n{self._agent.tail()}")

    def running(self) -> bool:
        return self._agent is not None and self._agent.running()

    def _configuration(self, boot: str) -> str:
        lines = [
            "[agent]",
            f"cluster = {self._cluster}",
            f"table = {self._stack.table}",
            f"bus = {self._stack.bus}",
            f"region = {REGION}",
            f"instance_arn = {self.instance.arn}",
            f"boot = {boot}",
            f"runtime_dir = {self._directory / 'run'}",
            f"state_dir = {self._directory / 'state'}",
            f"status_file = {self._directory / 'run' / 'status.json'}",
            "# This machine is a process: taking it down would take down the host of the demo.",
            "on_stop_failure = report",
            *self._failsafe(),
            *self._http(),
        ]
        for program in self.programs:
            lines += ["", *_section(program, self.name, self.instance.address)]
        return "\n".join(lines) + "\n"

    @property
    def _key_file(self) -> Path:
        return self._directory / "failsafe.key"

    def _failsafe(self) -> list[str]:
        """Other nodes ask it for promises on its own address, as on real machines."""
        key = []
        if self.failsafe_key:
            key = [f"failsafe_key_file = {self._key_file}"]
        elif self.failsafe_key_parameter:
            key = [f"failsafe_key_parameter = {self.failsafe_key_parameter}"]
        return [*key, f"failsafe_bind = {self.instance.address}", f"failsafe_port = {self.failsafe_port}"]

    def _http(self) -> list[str]:
        """Its services stop at once, and an orderly stop takes nothing from a lease."""
        if not self.http_port:
            return []
        listen = f"listen = {self.instance.address}:{self.http_port}"
        return ["orderly_stop_s = 0", "", "[http]", listen, f"interval_s = {self.http_interval_s:g}"]


def _section(program: Program, node: str, address: str) -> list[str]:
    if program.section:
        return [f"[service {program.name}]", *program.section]
    python = ["env", f"PYTHONPATH={ROOT}", sys.executable]  # a service has nothing of the agent's own environment
    serve = [*python, "-m", "local.service", node, address, str(program.port)]
    return [
        f"[service {program.name}]",
        "kind = process",
        f"command = {shlex.join(program.command or serve)}",
        f"ready = {address}:{program.port}",
        f"depends_on = {', '.join(program.depends_on)}",
        "start_limit_s = 5",
        "stop_limit_s = 2",
        "check_interval_s = 0.5",
    ]
