"""What lies between the nodes: their promises travel here, and are lost, late, doubled and in another order."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from understudy_agent.udp import WAITING_LIMIT, Datagram

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

PORT = 7946
KEY = b"the nodes of the simulation share this key"
ANOTHER_KEY = b"somebody has put this key on one node only"
LATE_S = 15.0
AGAIN_AFTER_S = 40.0
"""How much later a datagram can come a second time: long after what it asked for has ended."""
PROMPT_S = 0.1


class Network:
    """Carries datagrams from node to node. `disturbed_s`: when one was lost, or late, for the last time."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world, self._rng = world, rng
        self.disturbed_s = 0.0

    def carry(self, sender: Machine, data: bytes, address: tuple[str, int]) -> None:
        """As UDP: nobody hears of what is lost."""
        world, rng = self._world, self._rng
        there = next(machine for machine in world.machines if machine.spec.address == address[0])
        if self._loses(sender, there):
            self.disturbed_s = world.clock.now_s
            return
        datagram = Datagram(data, (sender.spec.address, PORT))
        late_s = sum(fault.level * LATE_S * rng.random() for fault in world.weather.of("messages_late"))
        delays = [rng.uniform(0.0001, 0.005) + late_s]
        if world.weather.of("messages_twice"):
            delays.append(rng.uniform(0, AGAIN_AFTER_S))
        if late_s > PROMPT_S:
            self.disturbed_s = world.clock.now_s
        for delay_s in delays:
            world.clock.after(delay_s, lambda: self._arrive(there, datagram))

    def _loses(self, sender: Machine, there: Machine) -> bool:
        if sender.is_parted(outwards=True) or there.is_parted(outwards=False):
            return True
        return any(self._rng.random() < fault.level for fault in self._world.weather.of("messages_lost"))

    def _arrive(self, there: Machine, datagram: Datagram) -> None:
        if there.mailbox is None or there.is_parted(outwards=False):
            self.disturbed_s = self._world.clock.now_s
            return
        there.mailbox.waiting.append(datagram)
        del there.mailbox.waiting[WAITING_LIMIT:]
        there.tick()


class Mailbox:
    """The socket of one agent process: see `understudy_agent.udp.UdpTransport`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.waiting: list[Datagram] = []

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        self._machine.world.network.carry(self._machine, data, address)

    def received(self) -> list[Datagram]:
        taken, self.waiting = self.waiting, []
        return taken
