"""Sockets that a service has declared: it is down only when nobody listens there any more."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from .fields import Section
from .kinds import ServiceKind
from .remains import Remains
from .tasks import Outcome, Task

LISTEN = "0A"
"""The state of a socket that listens, in the kernel's tables."""


class Listening:
    """A service of any kind, with the TCP ports on which nobody may listen once it is down."""

    def __init__(self, kind: ServiceKind, ports: Collection[int], net: Path = Path("/proc/net")) -> None:
        self.kind = kind
        self.slow_to_show, self.confirms_start = kind.slow_to_show, kind.confirms_start
        self._ports, self._net = ports, net

    def start(self) -> Task:
        return self.kind.start()

    def stop(self) -> Task:
        return self.kind.stop()

    def kill(self) -> Task:
        return self.kind.kill()

    def look(self) -> Task:
        return _ListeningLook(self.kind.look(), self)

    def remains(self) -> Remains:
        return self.kind.remains()

    def judge(self, outcome: Outcome, why: str) -> tuple[Outcome, str]:
        """What a look makes of a service of which nothing else is left."""
        if outcome not in (Outcome.DOWN, Outcome.DEAD, Outcome.UNFIT):
            return outcome, why
        try:
            left = sorted(listening(self._net) & set(self._ports))
        except (OSError, ValueError, IndexError) as fault:
            return Outcome.UNKNOWN, f"it cannot be told who listens: {fault}"
        if not left:
            return outcome, why
        return Outcome.RUNNING, f"{why}, and somebody listens on port {', '.join(map(str, left))}"


class _ListeningLook:
    def __init__(self, task: Task, service: Listening) -> None:
        self.why = ""
        self._task, self._service = task, service

    def poll(self) -> Outcome | None:
        outcome = self._task.poll()
        self.why = self._task.why
        if outcome is not None:
            outcome, self.why = self._service.judge(outcome, self.why)
        return outcome

    def abort(self) -> None:
        self._task.abort()


def listening(net: Path) -> set[int]:
    """The TCP ports on which somebody listens in this network namespace. Raises OSError, ValueError or IndexError."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in _lines(net / name)]
    return {int(fields[1].rpartition(":")[2], 16) for fields in lines if fields[3] == LISTEN}


def _lines(table: Path) -> list[str]:
    """Without its head. A kernel without IPv6 has no such table."""
    try:
        return table.read_text(encoding="ascii").splitlines()[1:]
    except FileNotFoundError:
        if table.name == "tcp6":
            return []
        raise


def with_listens(section: Section, kind: ServiceKind) -> ServiceKind:
    """The kind with the ports that its section declares, if it does."""
    text = section.text("listens", needed=False)
    if not text:
        return kind
    word, _, rest = text.partition(" ")
    numbers = [number.strip() for number in rest.split(",")]
    if word != "tcp" or not all(number.isdigit() and 0 < int(number) < 65536 for number in numbers):
        section.fault("listens", "must be tcp and ports, such as tcp 5432, 6432")
        return kind
    return Listening(kind, [int(number) for number in numbers])
