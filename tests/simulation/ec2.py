"""EC2 as the cluster meets it: what it stops is off some seconds later, and nothing starts before it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.aws import iso
from tests.support.fakes.nodes import FakeNodes
from understudy.domain.cluster.state import PowerReading
from understudy.domain.transition.stopping import StopAnswer, StopWord
from understudy.ports.nodes import InstanceFacts
from understudy.usecases.observe.receive_signal import EC2_STATE

if TYPE_CHECKING:
    from tests.simulation.node import Machine
    from tests.simulation.world import World

LONGEST_STOP_S = 30.0
OFF_LEAST_S, OFF_MOST_S = 10.0, 60.0
"""How long a fenced node stays off until somebody starts it again."""
OFF_WHEN_CALM_S = 5.0


class PoweringNodes(FakeNodes):
    """Instances that go off and on. An accepted stop ends with the machine off, whatever happens meanwhile."""

    def __init__(self, world: World, rng: Random) -> None:
        super().__init__()
        self._world, self._rng = world, rng

    def stop(self, instance_id: str) -> StopAnswer:
        """As Nodes.stop; the machine is off up to 30 s later. Refused where a fault says so."""
        machine, was = self._world.machine_of(instance_id), self.powers[instance_id]
        if self._is_unknown(machine):
            answer = StopAnswer(StopWord.NO_SUCH_INSTANCE, f"InvalidInstanceID.NotFound: {instance_id}")
        elif self._world.weather.at_node("stop_is_refused", machine.number) is not None:
            answer = StopAnswer(StopWord.REFUSED, "OperationNotPermitted: stop protection")
        else:
            answer = super().stop(instance_id)
        self._world.story.tell("ec2", f"is asked to stop {machine.name}: {answer.word}")
        if answer.word is StopWord.ACCEPTED and not was.is_leaving:
            self.turn_off(machine, self._rng.uniform(1, LONGEST_STOP_S), "it was fenced")
            self._world.clock.after(LONGEST_STOP_S + self._rng.uniform(OFF_LEAST_S, OFF_MOST_S), machine.start)
        return answer

    def turn_off(self, machine: Machine, after_s: float, why: str) -> None:
        """Begin to stop an instance; it is off `after_s` later, or when a stop that does not end has ended."""
        self._says(machine, PowerReading.STOPPING)

        def off() -> None:
            if self._world.weather.at_node("stop_never_ends", machine.number) is not None:
                self._world.clock.after(1, off)
                return
            machine.power_off(why)
            self._says(machine, PowerReading.STOPPED)
            if self._world.is_calm:
                self._world.clock.after(OFF_WHEN_CALM_S, machine.start)

        self._world.clock.after(after_s, off)

    def turn_on(self, machine: Machine) -> bool:
        """Whether a machine that is off may boot now: one that is still being stopped cannot be started."""
        power = self.powers[machine.spec.instance_id]
        if power is PowerReading.STOPPING:
            return False
        if power is not PowerReading.RUNNING:
            self._says(machine, PowerReading.PENDING)
            self._says(machine, PowerReading.RUNNING)
        return True

    def power(self, instance_id: str) -> PowerReading:
        """As Nodes.power."""
        is_unknown = self._is_unknown(self._world.machine_of(instance_id))
        return PowerReading.UNKNOWN if is_unknown else super().power(instance_id)

    def facts(self, instance_ids: Iterable[str]) -> Mapping[str, InstanceFacts]:
        """As Nodes.facts."""
        known = super().facts(instance_ids)
        return {each: known[each] for each in known if not self._is_unknown(self._world.machine_of(each))}

    def _is_unknown(self, machine: Machine) -> bool:
        """Whether EC2 says that there is no such instance: a wrong answer, of a wrong endpoint for example."""
        return self._world.weather.at_node("no_such_instance", machine.number) is not None

    def _says(self, machine: Machine, power: PowerReading) -> None:
        """EC2's word changes; an event tells of it."""
        self.powers[machine.spec.instance_id] = power
        detail = {"instance-id": machine.spec.instance_id, "state": str(power)}
        event = {"detail-type": EC2_STATE, "time": iso(self._world.clock.now_s), "detail": detail}
        self._world.bus.signal(event)
