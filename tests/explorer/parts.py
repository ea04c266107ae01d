"""What the real agent is given in place of threads, files, systemd and services."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.explorer import properties
from understudy_agent.remains import Remains
from understudy_agent.tasks import Outcome
from understudy_agent.udp import Datagram
from understudy_agent.worker import Done

if TYPE_CHECKING:
    from tests.explorer.node import Node

START_MS, STOP_MS, KILL_MS = 1500, 500, 200
SLOW_LOOK_MS = 900
PORT = 7946
KEY = b"the nodes of the explorer share this key, all of them"
UNREADABLE = "\0"
"""The content of a file that cannot be opened."""


class NodeLog:
    """The agent's log: told when there is somebody to tell."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def info(self, what: str, why: str, **facts: object) -> None:
        if self._node.world.story is not None:
            facts.pop("at_ms", None)
            said = " ".join(f"{key}={each}" for key, each in facts.items())
            self._node.tell(f"{what}: {why} {said}".rstrip())

    warning = info
    error = info


class MemoryPath:
    """A path of a file that is kept in the node's `files`. What cannot be opened raises, as the kernel does."""

    def __init__(self, files: dict[str, str], name: str) -> None:
        self._files, self.name = files, name

    def __truediv__(self, name: str) -> MemoryPath:
        return MemoryPath(self._files, f"{self.name}/{name}")

    @property
    def parent(self) -> MemoryPath:
        return MemoryPath(self._files, self.name.rpartition("/")[0])

    def __str__(self) -> str:
        return self.name

    def read_text(self, encoding: str = "utf-8") -> str:
        if self.name not in self._files:
            raise FileNotFoundError(self.name)
        if self._files[self.name] == UNREADABLE:
            raise PermissionError(self.name)
        return self._files[self.name]

    def lstat(self) -> None:
        if self.name not in self._files:
            raise FileNotFoundError(self.name)

    def exists(self) -> bool:
        return self.name in self._files

    def mkdir(self, *_: Any, **__: Any) -> None:
        """There is a folder wherever one is wanted."""

    def unlink(self, missing_ok: bool = False) -> None:
        if self.name not in self._files and not missing_ok:
            raise FileNotFoundError(self.name)
        self._files.pop(self.name, None)

    def write(self, text: str) -> None:
        self._files[self.name] = text


def write_in_memory(path: MemoryPath, content: Mapping[str, object], **_: Any) -> None:
    """Stands for `understudy_agent.files.write_atomically`."""
    path.write(json.dumps(content))


class MemorySlots:
    """Stands for `understudy_agent.slots.SlotFile`."""

    def __init__(self, path: MemoryPath) -> None:
        self._path = path

    def write(self, content: Mapping[str, object]) -> None:
        self._path.write(json.dumps(content))

    def read(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self._path.read_text())
        return content

    def close(self) -> None:
        """Nothing is open."""


class Line:
    """A Caller without a thread: a call is made at once, and answered a little later."""

    def __init__(self, node: Node, kind: str) -> None:
        self._node, self._of = node, kind
        self._done: Done | None = None
        self._begun_ms = self._ready_ms = 0

    def submit(self, call: Callable[[], object]) -> bool:
        if self._done is not None:
            return False
        try:
            self._done = Done(value=call())
        except Exception as error:
            self._done = Done(error=error)
        node = self._node
        self._begun_ms = node.world.ms
        self._ready_ms = node.world.ms + node.answer_late_ms(self._of)
        node.wake(self._ready_ms)
        return True

    def take(self) -> Done | None:
        if self._done is None or self._node.world.ms < self._ready_ms:
            return None
        done, self._done = self._done, None
        if self._of == "read" and done.error is None:
            self._node.read_at_ms = self._begun_ms
        return done

    def waits_until(self) -> int | None:
        return None if self._done is None else self._ready_ms


class Reach:
    """The two calls of an agent."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def put_beat(self, detail: Mapping[str, Any]) -> None:
        self._node.world.bus.take_beat(self._node, detail)

    def read_state(self) -> Mapping[str, Any] | None:
        return self._node.world.table_seen_from(self._node)


class Mailbox:
    """The socket of one agent process."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.waiting: list[Datagram] = []

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self._node.world.bus.take_datagram(self._node, data, address[0])

    def received(self) -> list[Datagram]:
        taken = list(self.waiting)
        self.waiting.clear()
        return taken


@dataclass
class Process:
    """What really runs of one service. `is_products`: the product has started it, or keeps it under a lease."""

    is_running: bool = False
    is_products: bool = False
    since_ms: int = 0
    ready_ms: int = 0
    ends_ms: int | None = None

    def is_up(self, now_ms: int) -> bool:
        return self.is_running and (self.ends_ms is None or now_ms < self.ends_ms)


class Timed:
    """A task that ends at a moment of the node's clock."""

    why = ""

    def __init__(self, node: Node, due_ms: int, outcome: Outcome | None, service: str = "") -> None:
        self.world = node
        self.due_ms, self.outcome, self.service = due_ms, outcome, service

    def poll(self) -> Outcome | None:
        node = self.world
        if node.now_ms() < self.due_ms:
            return None
        return self.outcome or look_at(node, self.service)

    def abort(self) -> None:
        """What has begun goes on."""


def look_at(node: Node, service: str) -> Outcome:
    """What a look finds now."""
    process, now_ms = node.processes[service], node.now_ms()
    if not process.is_up(now_ms):
        return Outcome.DOWN
    return Outcome.SERVING if now_ms >= process.ready_ms else Outcome.RUNNING


class MemoryKind:
    """A service in memory: see `understudy_agent.kinds.ServiceKind`."""

    slow_to_show = True
    confirms_start = True

    def __init__(self, node: Node, service: str) -> None:
        self._node, self._service = node, service

    def remains(self) -> Remains:
        return Remains()

    def _task(self, after_ms: int, outcome: Outcome | None) -> Timed:
        node = self._node
        due_ms = node.now_ms() + after_ms
        node.wake_at_local(due_ms)
        return Timed(node, due_ms, outcome, self._service)

    def start(self) -> Timed:
        node, process = self._node, self._node.processes[self._service]
        properties.at_start(node.world, node, self._service)
        now_ms = node.now_ms()
        process.is_running, process.is_products, process.ends_ms = True, True, None
        process.since_ms, process.ready_ms = now_ms, now_ms + START_MS
        return self._task(START_MS, Outcome.DONE)

    def stop(self) -> Timed:
        return self._end(STOP_MS)

    def kill(self) -> Timed:
        return self._end(KILL_MS)

    def _end(self, after_ms: int) -> Timed:
        process, now_ms = self._node.processes[self._service], self._node.now_ms()
        ends_ms = now_ms + after_ms
        process.ends_ms = ends_ms if process.ends_ms is None else min(process.ends_ms, ends_ms)
        return self._task(after_ms, Outcome.DONE)

    def look(self) -> Timed:
        slow = self._node.world.blows("slow_looks", self._node.name)
        return self._task(SLOW_LOOK_MS if slow else 0, None)
