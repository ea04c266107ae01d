"""What is compared: a cluster of real nodes, its clients, and what is done to it."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from bench.peers.clients import Client
from bench.peers.ground import Ground
from local.waiting import wait_for
from tests.nodes.leases import boottime_s
from tests.nodes.machine import Machine
from tests.nodes.watcher import Watcher

READY_LIMIT_S = 300.0
RECENT_S = 1.0


class Fault(StrEnum):
    """What is done to the node that serves."""

    POWER_CUT = "power cut"
    SERVICE_KILLED = "service killed"
    NETWORK_CUT = "network cut"
    FREEZE = "frozen for 30 s"
    SWITCHOVER = "planned switchover"


class Contender(ABC):
    """`prepare` has returned before anything else is asked of it."""

    name: str
    settings: Mapping[str, str]
    """What was set, as the report says it."""
    faults: Sequence[Fault] = tuple(Fault)
    machines: list[Machine]
    moves_by_itself = True
    """False: somebody begins each of its moves, so none can be without need."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.clients: list[Client] = []
        self.served: dict[str, Callable[[], list[float]]] = {}
        """By node: when it answered for itself, oldest first, in seconds of CLOCK_BOOTTIME."""

    @abstractmethod
    def prepare(self, undo: contextlib.ExitStack) -> None:
        """Boot the nodes, set the cluster up, start the clients."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether one serves and another could take over, by what the cluster itself says."""

    @abstractmethod
    def switch_over(self, active: Machine) -> None:
        """As its manual has an operator do it; returns when it is ordered."""

    @abstractmethod
    def kill_service(self, active: Machine) -> None:
        """SIGKILL for the service's process, past the cluster."""

    def lose(self, active: Machine) -> None:  # noqa: B027  (most notice it themselves)
        """Its power has just been cut."""

    def lost(self) -> int:
        """How many writes that were acknowledged before now are nowhere to be found; 0 where nothing is written."""
        return 0

    def settle(self) -> None:  # noqa: B027  (most leave nothing behind)
        """Take back what a move has left for an operator to take back."""

    def come_back(self, machine: Machine) -> None:
        """A node that is off is switched on, and joins again."""
        machine.switch_on()
        machine.wait_booted()

    def active(self) -> Machine:
        """Who serves now; the newest answer counts. Raises LookupError: nobody."""
        newest = {name: times()[-1] for name, times in self.served.items() if times()}
        name = max(newest, key=lambda each: newest[each], default="")
        if not name or boottime_s() - newest[name] > RECENT_S:
            raise LookupError(f"{self.name}: nobody serves")
        return next(machine for machine in self.machines if machine.name == name)

    def wait_ready(self) -> Machine:
        """Until everything is as before a fault: who serves."""

        def ready() -> Machine | None:
            try:
                active = self.active()
            except LookupError:
                return None
            return active if self.is_ready() and all(client.is_steady(3.0) for client in self.clients) else None

        return wait_for(f"{self.name} is ready", ready, READY_LIMIT_S, interval_s=0.5, why=self.tail)

    def watch(self, undo: contextlib.ExitStack, port: int) -> None:
        """Ask each node for the service itself, past every name."""
        for machine in self.machines:
            watcher = undo.enter_context(Watcher(self.ground.hub, machine, port))
            self.served[machine.name] = lambda watcher=watcher: list(watcher.answers)  # type: ignore[misc]

    def tail(self) -> str:
        return "\n".join(f"{machine.name}: {machine.tail()}" for machine in self.machines)
